#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "connection.h"
#include "prediction_log.h"

namespace copse {

/// Threads that serve connections with something to do; started as they are needed. Thread-safe.
///
/// One of them, the leader, looks which connections can go on, serves them itself, and looks again.
/// Others are woken only while there are cores without work: for what it cannot take at once, and
/// to look in its place before it does what may take long. Nobody waits for the prediction log:
/// answers do, and leave when the leader learns that it has settled.
class WorkerPool {
 public:
  using Batch = std::vector<std::unique_ptr<Connection>>;
  /// Serves what has arrived, and hands every connection back. Never throws.
  using Serve = std::function<void(Batch& batch)>;

  /// Where connections come from, and wait.
  struct Source {
    /// Adds connections that can go on; waits for them at most so long. By one thread at a time.
    std::function<void(Batch& ready, int wait_ms_max)> look;
    std::function<void(std::unique_ptr<Connection> connection)> park;
    std::function<bool()> is_drained;  ///< nothing will come any more
  };

  /// `new_worker` is called once on each thread, and makes what it serves with.
  WorkerPool(std::size_t threads_max, std::function<Serve()> new_worker, Source source);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// Begins to look.
  void Start();

  /// Looks, if none of the threads does: all are busy, or take longer than anybody thought. From a
  /// thread that is none of the pool's, every now and then.
  void LookIfNobodyDoes();

  /// Connections that one thread serves at once: more would make the first ones wait.
  static constexpr std::size_t kBatchMax = 64;

  /// From a thread that serves: `waits` are parked, `again` have something more to do, `ends` are
  /// closed. Leaves all of them empty.
  void HandBack(Batch& waits, Batch& again, Batch& ends);
  /// The same for connections that go on when the log has settled `ticket`.
  void HandBack(const LogTicket& ticket, Batch& answered);

  /// From a thread that serves: what it does next may take longer than answering many requests, so
  /// another one may look meanwhile.
  void HandOn();

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

  /// Serves what the source still has until `deadline`, then cuts off what is left, and calls
  /// `hurry` for what keeps a thread beside its connection. Returns when every thread has ended.
  void Stop(std::chrono::steady_clock::time_point deadline, const std::function<void()>& hurry);
  /// What Stop has cut off, and is not closed yet. After Stop.
  Batch TakeLeft();

 private:
  // Answers that wait for the log together.
  struct Group {
    LogTicket ticket;
    Batch answered;
  };

  Serve MakeWorker() const;
  void Run();
  void Block();
  void Unblock();
  bool IsDrained() const;
  // These expect the mutex to be held.
  void Push(Batch& batch) noexcept;
  void Lead(std::unique_lock<std::mutex>& lock, bool waits);
  void Look(std::unique_lock<std::mutex>& lock, int wait_ms_max);
  int WaitMsMax() const;
  void TakeSettled();
  bool TakeShare(Batch& batch);
  void Unserve(const Batch& batch);
  void WantThread();
  void WakeOrStart();
  bool NobodyLooks() const { return !has_leader_ && !is_cut_; }
  /// Threads that have a core, or are about to ask for one.
  std::size_t Active() const {
    return threads_.size() - free_threads_ - blocked_ - (leader_waits_ ? 1 : 0);
  }

  const std::size_t threads_max_, cores_;
  const std::function<Serve()> new_worker_;
  const Source source_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Connection>> waiting_;
  std::deque<Group> settling_;        ///< in the order of the log
  std::vector<std::uint8_t> served_;  ///< whether it is, by descriptor
  std::size_t n_served_ = 0;
  std::atomic<std::size_t> handing_back_ = 0;  ///< threads
  std::vector<std::thread> threads_;
  std::size_t free_threads_ = 0, blocked_ = 0;
  std::uint64_t n_looks_ = 0, n_looks_seen_ = 0;
  bool is_log_asked_ = true;   ///< for all that is settling
  bool has_leader_ = false;    ///< somebody looks
  bool leader_waits_ = false;  ///< and is one of the threads, and may wait
  bool stopping_ = false;      ///< what has begun is finished
  bool is_drained_ = false;    ///< nothing is left
  bool is_cut_ = false;        ///< nothing is finished either
  Batch ready_;                ///< the leader's
  Batch left_;                 ///< nobody serves them any more
};

}  // namespace copse
