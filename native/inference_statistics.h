#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

namespace copse {

/// How many requests one model has answered and refused, and how long that took. Thread-safe.
class InferenceStatistics {
 public:
  struct Duration {
    std::uint64_t count = 0, ns = 0;
  };
  /// Upper bounds of a histogram of requests' durations, in seconds; +Inf follows.
  static constexpr std::array kBucketSeconds = {
      0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
      0.025,   0.05,     0.1,     0.25,   0.5,     1.0,    2.5,   5.0,    10.0};
  /// Numbers of rows that are counted each on its own.
  static constexpr std::size_t kBatchSizesMax = 64;

  /// Requests of one number of rows.
  struct Batch {
    Duration input, evaluation, output;
  };
  struct Snapshot {
    std::uint64_t rows = 0;              ///< predicted
    std::int64_t last_unix_ms = 0;       ///< when the last request was answered; 0: none was
    Duration success, fail;              ///< whole requests
    Duration input, evaluation, output;  ///< parts of those that were answered
    std::array<std::uint64_t, kBucketSeconds.size() + 1> buckets{};  ///< of `success`
    std::map<std::size_t, Batch> batches;  ///< by rows a request; the first kBatchSizesMax of them
  };

  /// One request, from its beginning to its end. It has failed unless Answered was called.
  class Recording {
   public:
    explicit Recording(InferenceStatistics& statistics);
    Recording(const Recording&) = delete;
    Recording& operator=(const Recording&) = delete;
    ~Recording();

    /// The rows are there; what follows is evaluating.
    void HaveRows() { parsed_ = Clock::now(); }
    /// They have been evaluated; what follows is writing.
    void Evaluated(std::size_t n_rows);
    /// There was nothing to answer: neither answered nor failed.
    void Forget() { forgotten_ = true; }
    /// The reply is written.
    void Answered() { answered_ = true; }

   private:
    using Clock = std::chrono::steady_clock;

    InferenceStatistics& statistics_;
    const Clock::time_point began_ = Clock::now();
    Clock::time_point parsed_ = began_, evaluated_ = began_;
    std::size_t n_rows_ = 0;
    bool answered_ = false, forgotten_ = false;
  };

  Snapshot Now() const;

 private:
  mutable std::mutex mutex_;
  Snapshot counts_;
};

}  // namespace copse
