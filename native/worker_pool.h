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

/// Threads that serve connections with something to read; started as they are needed. Under load
/// each takes many connections at once, so that one wait for the log serves them all. Thread-safe.
class WorkerPool {
 public:
  /// Connections with something to read, or one that was served and waits for more.
  using Batch = std::vector<std::unique_ptr<Connection>>;
  /// Serves what has arrived, and hands every connection back.
  using Serve = std::function<void(Batch& batch)>;
  /// Takes back a connection that waits.
  using Park = std::function<void(std::unique_ptr<Connection> connection)>;

  /// `new_worker` is called once on each thread, and makes what it serves with.
  WorkerPool(std::size_t threads_max, std::function<Serve()> new_worker, Park park);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// Leaves `batch` empty.
  void Submit(Batch& batch);

  /// From a thread that serves: `waits` are parked, `again` have something more to read, `ends` are
  /// closed. Leaves all of them empty.
  void HandBack(Batch& waits, Batch& again, Batch& ends);

  /// Whether a thread may wait for its one connection: as long as there are cores for all that do
  /// something, and none is wanted elsewhere.
  bool HasTime() const;

  /// Serves what was submitted until `deadline`, then cuts off what is left, and calls `hurry` for
  /// what keeps a thread beside its connection. Connections that wait are closed. Returns when
  /// every thread has ended.
  void Stop(std::chrono::steady_clock::time_point deadline, const std::function<void()>& hurry);

 private:
  void Run();
  // These expect the mutex to be held.
  void Push(Batch& batch);
  void StartThread();
  Batch TakeShare();

  const std::size_t threads_max_, cores_;
  const std::function<Serve()> new_worker_;
  const Park park_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Connection>> waiting_;
  std::set<int> served_;  ///< descriptors
  std::vector<std::thread> threads_;
  std::size_t free_threads_ = 0;
  bool stopping_ = false, is_cut_ = false;
};

}  // namespace copse
