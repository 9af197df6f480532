#include "inference_statistics.h"

#include <algorithm>

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
  if (forgotten_) return;
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
  const double seconds = std::chrono::duration<double>(ended - began_).count();
  const auto bucket = std::lower_bound(kBucketSeconds.begin(), kBucketSeconds.end(), seconds);
  ++counts.buckets[static_cast<std::size_t>(bucket - kBucketSeconds.begin())];
  auto batch = counts.batches.find(n_rows_);
  if (batch == counts.batches.end()) {
    if (counts.batches.size() >= kBatchSizesMax) return;
    batch = counts.batches.try_emplace(n_rows_).first;
  }
  Add(batch->second.input, parsed_ - began_);
  Add(batch->second.evaluation, evaluated_ - parsed_);
  Add(batch->second.output, ended - evaluated_);
}

InferenceStatistics::Snapshot InferenceStatistics::Now() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace copse
