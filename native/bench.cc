#include "bench.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <utility>

namespace copse {
namespace {

using Nanoseconds = std::chrono::duration<double, std::nano>;

constexpr Nanoseconds kRunTime{10e6};
constexpr Nanoseconds kCellTime{1e9};
constexpr std::size_t kRunsMin = 3;
constexpr std::size_t kRunsMax = 9;

Nanoseconds Now(TimeOf time_of) {
  if (time_of == TimeOf::kWall) return std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(static_cast<double>(std::clock()) / CLOCKS_PER_SEC);
}

// One subject at one batch size.
class Timer {
 public:
  Timer(const Evaluate& evaluate, std::size_t n_rows, std::size_t batch, std::size_t n_margins,
        TimeOf time_of)
      : evaluate_(evaluate),
        time_of_(time_of),
        n_rows_(n_rows),
        batch_(batch),
        margins_(batch * n_margins) {}

  // Finds how many calls fill a run. Their memory is warm then.
  void Calibrate() {
    while (Run() < kRunTime && n_calls_ < (std::size_t{1} << 30)) n_calls_ *= 2;
  }

  Nanoseconds Measure() {
    const Nanoseconds time = Run();
    ns_per_row_.push_back(time.count() / static_cast<double>(n_calls_ * batch_));
    return time;
  }

  Timing Result() const {
    std::vector<double> sorted = ns_per_row_;
    std::sort(sorted.begin(), sorted.end());
    return {sorted[sorted.size() / 2], sorted.front(), sorted.size()};
  }

 private:
  Nanoseconds Run() {
    const Nanoseconds begin = Now(time_of_);
    for (std::size_t i = 0; i < n_calls_; ++i) {
      if (at_ + batch_ > n_rows_) at_ = 0;
      evaluate_(at_, batch_, margins_);
      at_ += batch_;
    }
    return Now(time_of_) - begin;
  }

  const Evaluate& evaluate_;
  TimeOf time_of_;
  std::size_t n_rows_, batch_;
  std::size_t n_calls_ = 1;
  std::size_t at_ = 0;
  std::vector<double> margins_;
  std::vector<double> ns_per_row_;
};

}  // namespace

BenchRows::BenchRows(const Model& model, std::span<const double> values)
    : n_features_(model.n_features()), n_rows_(values.size() / model.n_features()) {
  if (model.input() == Precision::kFloat64) {
    doubles_.assign(values.begin(), values.end());
    return;
  }
  floats_.reserve(values.size());
  for (const double value : values) floats_.push_back(static_cast<float>(value));
}

std::vector<Timing> TimeInTurns(std::span<const Evaluate> subjects, std::size_t n_rows,
                                std::size_t batch, std::size_t n_margins, TimeOf time_of) {
  std::vector<Timer> timers;
  timers.reserve(subjects.size());
  for (const Evaluate& subject : subjects) {
    timers.emplace_back(subject, n_rows, batch, n_margins, time_of);
    timers.back().Calibrate();
  }
  const Nanoseconds budget = kCellTime * static_cast<double>(subjects.size());
  Nanoseconds spent{0};
  for (std::size_t run = 0; run < kRunsMax && (run < kRunsMin || spent < budget); ++run) {
    for (Timer& timer : timers) spent += timer.Measure();
  }
  std::vector<Timing> timings;
  timings.reserve(timers.size());
  for (const Timer& timer : timers) timings.push_back(timer.Result());
  return timings;
}

Evaluate SplitByRows(Evaluate evaluate, RowPool& pool, std::size_t n_threads,
                     std::size_t n_margins) {
  return [evaluate = std::move(evaluate), &pool, n_threads, n_margins](
             std::size_t first, std::size_t n, std::span<double> margins) {
    // Four pieces a thread: one that is late holds up no more than a quarter of its share.
    const std::size_t piece = std::max(n / (4 * n_threads), kPieceRowsMin);
    pool.ForBlocks(n, piece, [&](std::size_t at, std::size_t n_piece) {
      evaluate(first + at, n_piece, margins.subspan(at * n_margins));
    });
  };
}

std::vector<double> MarginsInBatches(const Evaluate& subject, std::size_t n_rows, std::size_t batch,
                                     std::size_t n_margins) {
  std::vector<double> margins(n_rows * n_margins);
  for (std::size_t first = 0; first < n_rows; first += batch) {
    subject(first, std::min(batch, n_rows - first), std::span(margins).subspan(first * n_margins));
  }
  return margins;
}

bool SameBits(std::span<const double> a, std::span<const double> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](double x, double y) {
    return std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y) || (x != x && y != y);
  });
}

}  // namespace copse
