#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace copse {

/// Threads that serve connections, one each at a time, and the book of who waits.
///
/// A client that is idle between requests holds a thread, but only as long as nobody needs it:
/// when all threads are taken, the one that has been idle longest is let go. Thread-safe.
class WorkerPool {
 public:
  /// Serves one connection until it ends; `fd` is open, and stays so.
  using Serve = std::function<void(int fd)>;

  /// `new_worker` is called once on each thread, and makes what it serves with.
  WorkerPool(std::size_t threads_max, std::function<Serve()> new_worker);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// Takes over an accepted connection. False: too many wait already, and it was not taken.
  bool Submit(int fd);

  /// Whether somebody waits for a thread.
  bool IsCrowded() const;

  /// Called by a worker around its wait for the next request of `fd`. False: do not wait, the
  /// pool is stopping.
  bool BeginIdle(int fd);
  void EndIdle(int fd);

  /// Lets idle connections go and the others finish until `deadline`; then cuts them off. Returns
  /// when every thread has ended.
  void Stop(std::chrono::steady_clock::time_point deadline);

 private:
  struct State {
    bool idle = false;
    std::chrono::steady_clock::time_point since;
  };

  void Run();
  // All of these expect the mutex to be held.
  void LetIdleGo();
  void LetOldestIdleGo();

  const std::size_t threads_max_;
  const std::function<Serve()> new_worker_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<int> waiting_;
  std::map<int, State> served_;  ///< by descriptor
  std::vector<std::thread> threads_;
  std::size_t free_threads_ = 0;
  bool stopping_ = false;
};

}  // namespace copse
