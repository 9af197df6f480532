#include "row_pool.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <utility>

namespace copse {

// Blocks are handed out by a counter. Whoever finds none left goes; the caller waits until those
// that were handed out are done. A helper that comes late finds nothing and touches nothing.
struct RowPool::Job {
  const Work* work = nullptr;  // valid while blocks are left
  std::size_t n_rows = 0, block_rows = 0, n_blocks = 0;
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::condition_variable done;
  std::size_t n_done = 0;
  std::exception_ptr failure;  // the first

  void Run() {
    for (std::size_t block = next++; block < n_blocks; block = next++) {
      const std::size_t first = block * block_rows;
      std::exception_ptr thrown;
      try {
        (*work)(first, std::min(block_rows, n_rows - first));
      } catch (...) {
        thrown = std::current_exception();
      }
      const std::lock_guard lock(mutex);
      if (thrown && !failure) failure = thrown;
      if (++n_done == n_blocks) done.notify_all();
    }
  }

  void Wait() {
    std::unique_lock lock(mutex);
    done.wait(lock, [this] { return n_done == n_blocks; });
    if (failure) std::rethrow_exception(failure);
  }
};

RowPool::RowPool(std::size_t n_helpers) {
  helpers_.reserve(n_helpers);
  for (std::size_t i = 0; i < n_helpers; ++i) helpers_.emplace_back([this] { Help(); });
}

RowPool::~RowPool() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wanted_.notify_all();
  for (std::thread& helper : helpers_) helper.join();
}

void RowPool::ForBlocks(std::size_t n_rows, std::size_t block_rows, const Work& work) {
  if (n_rows <= block_rows || helpers_.empty()) {
    if (n_rows > 0) work(0, n_rows);
    return;
  }
  const auto job = std::make_shared<Job>();
  job->work = &work;
  job->n_rows = n_rows;
  job->block_rows = block_rows;
  job->n_blocks = (n_rows + block_rows - 1) / block_rows;
  const std::size_t n_wanted = std::min(helpers_.size(), job->n_blocks - 1);
  {
    const std::lock_guard lock(mutex_);
    jobs_.insert(jobs_.end(), n_wanted, job);
  }
  wanted_.notify_all();
  job->Run();
  job->Wait();
}

void RowPool::Help() {
  std::unique_lock lock(mutex_);
  while (true) {
    wanted_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
    if (ending_) return;
    const std::shared_ptr<Job> job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job->Run();
    lock.lock();
  }
}

}  // namespace copse
