#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace copse {

/// How many requests one model has answered and refused, and how long that took. Thread-safe.
class InferenceStatistics {
 public:
  struct Duration {
    std::uint64_t count = 0, ns = 0;
  };
  struct Snapshot {
    std::uint64_t rows = 0;              ///< predicted
    std::int64_t last_unix_ms = 0;       ///< when the last request was answered; 0: none was
    Duration success, fail;              ///< whole requests
    Duration input, evaluation, output;  ///< parts of those that were answered
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
    /// The reply is written.
    void Answered() { answered_ = true; }

   private:
    using Clock = std::chrono::steady_clock;

    InferenceStatistics& statistics_;
    const Clock::time_point began_ = Clock::now();
    Clock::time_point parsed_ = began_, evaluated_ = began_;
    std::size_t n_rows_ = 0;
    bool answered_ = false;
  };

  Snapshot Now() const;

 private:
  mutable std::mutex mutex_;
  Snapshot counts_;
};

}  // namespace copse
