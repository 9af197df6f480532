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

/// Threads that serve connections with something to read; started as they are needed. Thread-safe.
///
/// One of them, the leader, looks which connections can be read, and serves them itself; it hands
/// the lead on before it waits for anything, or at once while there are cores without work. So
/// whoever finds a core busy finds many connections ready when it is his turn, and nobody is woken
/// only to wake somebody else.
class WorkerPool {
 public:
  /// Connections with something to read, or one that was served and waits for more.
  using Batch = std::vector<std::unique_ptr<Connection>>;
  /// Adds connections that can be read; may wait for them, if it is to. Called by one thread at a
  /// time.
  using Look = std::function<void(Batch& ready, bool waits)>;
  /// Serves what has arrived, and hands every connection back.
  using Serve = std::function<void(Batch& batch)>;
  /// Takes back a connection that waits.
  using Park = std::function<void(std::unique_ptr<Connection> connection)>;

  /// `new_worker` is called once on each thread, and makes what it serves with.
  WorkerPool(std::size_t threads_max, std::function<Serve()> new_worker, Look look, Park park);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// Begins to look.
  void Start();

  /// Looks, if none of the threads does: all are busy, or take longer than anybody thought. From a
  /// thread that is none of the pool's, every now and then.
  void LookIfNobodyDoes();

  /// Leaves `batch` empty.
  void Submit(Batch& batch);

  /// Connections that one thread serves at once: more would make the first ones wait.
  static constexpr std::size_t kBatchMax = 64;

  /// From a thread that serves `batch`: adds what has arrived meanwhile. False: nothing, or it has
  /// enough.
  bool TakeMore(Batch& batch);

  /// From a thread that serves: `waits` are parked, `again` have something more to read, `ends` are
  /// closed. Leaves all of them empty.
  void HandBack(Batch& waits, Batch& again, Batch& ends);

  /// While one of these lives, its thread, one that serves, waits for something: its core is free
  /// for another.
  class Blocking {
   public:
    explicit Blocking(WorkerPool& pool) : pool_(pool) { pool_.Block(); }
    ~Blocking() { pool_.Unblock(); }
    Blocking(const Blocking&) = delete;
    Blocking& operator=(const Blocking&) = delete;

   private:
    WorkerPool& pool_;
  };

  /// Whether a thread may wait for its one connection: as long as few do anything at all.
  bool HasTime() const;

  /// Nobody looks any more when this returns. A look that waits has to be ended from elsewhere.
  void StopLooking();

  /// Serves what was submitted until `deadline`, then cuts off what is left, and calls `hurry` for
  /// what keeps a thread beside its connection. Connections that wait are closed. Returns when
  /// every thread has ended.
  void Stop(std::chrono::steady_clock::time_point deadline, const std::function<void()>& hurry);

 private:
  void Run();
  void Block();
  void Unblock();
  // These expect the mutex to be held.
  void Push(Batch& batch);
  void Lead(std::unique_lock<std::mutex>& lock, bool waits);
  void WantThread();
  void WakeOrStart();
  /// What is being served may still give something to do.
  bool MayEnd() const { return stopping_ && (is_cut_ || served_.empty()); }
  bool NobodyLooks() const { return !has_leader_ && !leads_no_more_; }
  /// Threads that have a core, or are about to ask for one.
  std::size_t Active() const {
    return threads_.size() - free_threads_ - blocked_ - (leader_waits_ ? 1 : 0);
  }
  void TakeShare(Batch& batch);

  const std::size_t threads_max_, cores_;
  const std::function<Serve()> new_worker_;
  const Look look_;
  const Park park_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Connection>> waiting_;
  std::set<int> served_;  ///< descriptors
  std::vector<std::thread> threads_;
  std::size_t free_threads_ = 0, blocked_ = 0;
  bool has_leader_ = false;     ///< somebody looks
  bool leader_waits_ = false;   ///< and is one of the threads, and may wait
  bool leads_no_more_ = false;  ///< nobody will look again
  bool stopping_ = false;       ///< nothing new is taken
  bool is_cut_ = false;         ///< nothing is finished either
  Batch ready_;                 ///< the leader's
};

}  // namespace copse
