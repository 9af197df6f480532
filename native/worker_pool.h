#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "connection.h"

namespace copse {

/// Threads that serve connections with something to read, one each at a time; started as they are
/// needed. Thread-safe.
class WorkerPool {
 public:
  /// Serves what has arrived, and says whether the connection waits for more: else it is closed.
  using Serve = std::function<bool(Connection& connection)>;
  /// Takes back a connection that waits.
  using Park = std::function<void(std::unique_ptr<Connection> connection)>;

  /// `new_worker` is called once on each thread, and makes what it serves with.
  WorkerPool(std::size_t threads_max, std::function<Serve()> new_worker, Park park);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  void Submit(std::unique_ptr<Connection> connection);

  /// Whether a connection with something to read waits for a thread.
  bool IsCrowded() const;

  /// Serves what was submitted until `deadline`, then cuts off what is left, and calls `hurry` for
  /// what keeps a thread beside its connection. Connections that wait are closed. Returns when
  /// every thread has ended.
  void Stop(std::chrono::steady_clock::time_point deadline, const std::function<void()>& hurry);

 private:
  void StartThread();  ///< expects the mutex to be held
  void Run();

  const std::size_t threads_max_;
  const std::function<Serve()> new_worker_;
  const Park park_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Connection>> waiting_;
  std::set<int> served_;  ///< descriptors
  std::vector<std::thread> threads_;
  std::size_t free_threads_ = 0;
  bool stopping_ = false;
};

}  // namespace copse
