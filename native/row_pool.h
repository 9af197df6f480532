#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace copse {

/// Threads that help with the rows of large requests. Rows are independent, and each is written to
/// its own place, so the answers do not depend on how many help. Safe to use from many threads.
class RowPool {
 public:
  using Work = std::function<void(std::size_t first, std::size_t n)>;

  /// `n_helpers` threads beside the caller's own; none is fine.
  explicit RowPool(std::size_t n_helpers);
  RowPool(const RowPool&) = delete;
  RowPool& operator=(const RowPool&) = delete;
  ~RowPool();

  /// Calls `work` for blocks of `block_rows` (the last may be shorter) that together are
  /// [0, n_rows): on this thread, and on helpers that are idle. Returns when all are done, and
  /// then throws what `work` threw first.
  void ForBlocks(std::size_t n_rows, std::size_t block_rows, const Work& work);

 private:
  struct Job;

  void Help();

  std::mutex mutex_;
  std::condition_variable wanted_;
  std::deque<std::shared_ptr<Job>> jobs_;  // each once for every helper that it can use
  bool ending_ = false;
  std::vector<std::thread> helpers_;
};

}  // namespace copse
