#include "inference_statistics.h"

#include "request_id.h"

namespace copse {
namespace {

void Add(InferenceStatistics::Duration& duration, std::chrono::steady_clock::duration spent) {
  ++duration.count;
  duration.ns += static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(spent).count());
}

}  // namespace

InferenceStatistics::Recording::Recording(InferenceStatistics& statistics)
    : statistics_(statistics) {}

void InferenceStatistics::Recording::Evaluated(std::size_t n_rows) {
  evaluated_ = Clock::now();
  n_rows_ = n_rows;
}

InferenceStatistics::Recording::~Recording() {
  const Clock::time_point ended = Clock::now();
  const std::int64_t now_ms = UnixMs();
  const std::lock_guard lock(statistics_.mutex_);
  Snapshot& counts = statistics_.counts_;
  Add(answered_ ? counts.success : counts.fail, ended - began_);
  if (!answered_) return;
  counts.rows += n_rows_;
  counts.last_unix_ms = now_ms;
  Add(counts.input, parsed_ - began_);
  Add(counts.evaluation, evaluated_ - parsed_);
  Add(counts.output, ended - evaluated_);
}

InferenceStatistics::Snapshot InferenceStatistics::Now() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace copse
