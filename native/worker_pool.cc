#include "worker_pool.h"

#include <sys/socket.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <new>
#include <system_error>
#include <utility>

#include "cores.h"

namespace copse {
namespace {

// How long a thread rests that has found no memory to go on.
constexpr std::chrono::milliseconds kNoMemoryPause{10};
// A log that hangs tells nobody.
constexpr int kSettlingLookMs = 100;
// The end is not told either.
constexpr int kStoppingLookMs = 5;

}  // namespace

WorkerPool::WorkerPool(std::size_t threads_max, std::function<Serve()> new_worker, Source source)
    : threads_max_(threads_max),
      cores_(CoresAllowed()),
      new_worker_(std::move(new_worker)),
      source_(std::move(source)) {}

WorkerPool::~WorkerPool() {
  Stop(std::chrono::steady_clock::now(), [] {});
}

void WorkerPool::Start() {
  const std::lock_guard lock(mutex_);
  WantThread();
}

// Where there is no memory to remember them, connections are closed.
void WorkerPool::Push(Batch& batch) noexcept {
  try {
    for (auto& connection : batch) {
      if (is_cut_) {
        left_.push_back(std::move(connection));
      } else {
        waiting_.push_back(std::move(connection));
      }
    }
  } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): said above
  }
  batch.clear();
}

// One more thread has something to do, if there is a core for it. Else those that are active find
// it when they are done, or when they wait for something.
void WorkerPool::WantThread() {
  if (Active() < cores_) WakeOrStart();
}

// A free thread, else a new one. The system may have no more to give (a container's limit): those
// that there are go on. Caught here, because the standard has no other way to say it, and only a
// pool without any thread is lost.
void WorkerPool::WakeOrStart() {
  if (free_threads_ > 0) return changed_.notify_one();
  if (is_cut_ || threads_.size() >= threads_max_) return;
  try {
    threads_.emplace_back([this] { Run(); });
  } catch (const std::system_error&) {
    if (threads_.empty()) throw;
  } catch (const std::bad_alloc&) {
    if (threads_.empty()) throw;
  }
}

void WorkerPool::HandOn() {
  const std::lock_guard lock(mutex_);
  if (!waiting_.empty() || NobodyLooks()) WantThread();
}

void WorkerPool::Block() {
  const std::lock_guard lock(mutex_);
  ++blocked_;
  if (!is_log_asked_) TakeSettled();  // it will be a while before this thread looks
  if (!waiting_.empty() || NobodyLooks()) WantThread();
}

void WorkerPool::Unblock() {
  const std::lock_guard lock(mutex_);
  --blocked_;
}

// As many as leave some for the other cores. False: there is no memory for it.
bool WorkerPool::TakeShare(Batch& batch) {
  try {
    batch.reserve(kBatchMax);
    std::size_t n = (waiting_.size() + cores_ - 1) / cores_;
    for (; n > 0 && batch.size() < kBatchMax; --n) {
      const auto fd = static_cast<std::size_t>(waiting_.front()->fd());
      if (fd >= served_.size()) served_.resize(2 * fd + 1);
      served_[fd] = 1;
      ++n_served_;
      batch.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
  } catch (const std::bad_alloc&) {
    return !batch.empty();
  }
  return true;
}

// Answers whose entries are as durable as asked. Tells the log that the others wait.
void WorkerPool::TakeSettled() {
  is_log_asked_ = true;
  while (!settling_.empty() && settling_.front().ticket.log->TryAwait(settling_.front().ticket)) {
    Push(settling_.front().answered);
    settling_.pop_front();
  }
}

// Looks, with the mutex given up meanwhile. Before it waits, when nothing is left that could be
// written with the rest, the log is asked for what is settling.
void WorkerPool::Lead(std::unique_lock<std::mutex>& lock, bool waits) {
  has_leader_ = true;
  leader_waits_ = waits;
  ++n_looks_;
  if (waits && !is_log_asked_) {
    Look(lock, 0);
    if (ready_.empty()) TakeSettled();
    waits = ready_.empty() && waiting_.empty();
  }
  if (ready_.empty()) Look(lock, waits ? WaitMsMax() : 0);
  has_leader_ = leader_waits_ = false;
  TakeSettled();
  Push(ready_);
  is_drained_ = stopping_ && IsDrained();
  if (is_drained_) changed_.notify_all();
}

int WorkerPool::WaitMsMax() const {
  if (stopping_) return kStoppingLookMs;
  return settling_.empty() ? std::numeric_limits<int>::max() : kSettlingLookMs;
}

// Where memory is lacking, nothing is lost.
void WorkerPool::Look(std::unique_lock<std::mutex>& lock, int wait_ms_max) {
  lock.unlock();
  try {
    source_.look(ready_, wait_ms_max);
  } catch (const std::bad_alloc&) {
    std::this_thread::sleep_for(kNoMemoryPause);
  }
  lock.lock();
}

// Expects the mutex to be held, and nobody to look: then a connection is in one of these places.
bool WorkerPool::IsDrained() const {
  return waiting_.empty() && settling_.empty() && n_served_ == 0 && handing_back_ == 0 &&
         source_.is_drained();
}

void WorkerPool::LookIfNobodyDoes() {
  std::unique_lock lock(mutex_);
  if (std::exchange(n_looks_seen_, n_looks_) != n_looks_ || !NobodyLooks()) return;
  Lead(lock, false);
  if (!waiting_.empty()) {
    WakeOrStart();
  } else if (NobodyLooks()) {
    WantThread();  // one that has gone to sleep meanwhile
  }
}

// As soon as there is memory for it.
WorkerPool::Serve WorkerPool::MakeWorker() const {
  for (;;) {
    try {
      return new_worker_();
    } catch (const std::bad_alloc&) {
      std::this_thread::sleep_for(kNoMemoryPause);
    }
  }
}

void WorkerPool::Run() {
  const Serve serve = MakeWorker();
  Batch batch;
  std::unique_lock lock(mutex_);
  while (!is_cut_) {
    // Busy here, and counted so: a new thread begins as one.
    // Also where there is work already: a client that always has more must not hide the others.
    if (NobodyLooks()) Lead(lock, waiting_.empty());
    if (waiting_.empty()) {
      ++free_threads_;
      changed_.wait(lock, [this] { return is_cut_ || !waiting_.empty() || NobodyLooks(); });
      --free_threads_;
      continue;
    }
    const bool has_memory = TakeShare(batch);
    if (!waiting_.empty()) WantThread();
    lock.unlock();
    if (has_memory) {
      serve(batch);
    } else {
      std::this_thread::sleep_for(kNoMemoryPause);
    }
    lock.lock();
  }
}

// Before any is closed, so that Stop never touches a descriptor that is somebody else's.
void WorkerPool::Unserve(const Batch& batch) {
  for (const auto& connection : batch) {
    served_[static_cast<std::size_t>(connection->fd())] = 0;
    --n_served_;
  }
}

void WorkerPool::HandBack(Batch& waits, Batch& again, Batch& ends) {
  if (waits.empty() && again.empty() && ends.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    for (const Batch* const batch : {&waits, &again, &ends}) Unserve(*batch);
    if (!again.empty()) {
      Push(again);
      WantThread();
    }
    ++handing_back_;
  }
  for (auto& connection : waits) source_.park(std::move(connection));
  waits.clear();
  ends.clear();
  --handing_back_;
}

void WorkerPool::HandBack(const LogTicket& ticket, Batch& answered) {
  const std::lock_guard lock(mutex_);
  Unserve(answered);
  try {
    settling_.push_back({ticket, std::move(answered)});
    is_log_asked_ = false;
    if (!NobodyLooks()) TakeSettled();  // else that is what this thread does next
  } catch (const std::bad_alloc&) {     // NOLINT(bugprone-empty-catch): they are closed
  }
  answered.clear();
}

void WorkerPool::Stop(std::chrono::steady_clock::time_point deadline,
                      const std::function<void()>& hurry) {
  const auto is_over = [&] { return is_drained_ || std::chrono::steady_clock::now() >= deadline; };
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    while (!is_over()) {
      lock.unlock();
      LookIfNobodyDoes();
      lock.lock();
      changed_.wait_for(lock, std::chrono::milliseconds(kStoppingLookMs), is_over);
    }
    is_cut_ = true;
    std::move(waiting_.begin(), waiting_.end(), std::back_inserter(left_));
    waiting_.clear();
    changed_.notify_all();
    for (std::size_t fd = 0; fd < served_.size(); ++fd) {
      if (served_[fd] != 0) ::shutdown(static_cast<int>(fd), SHUT_RDWR);
    }
  }
  hurry();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

WorkerPool::Batch WorkerPool::TakeLeft() {
  const std::lock_guard lock(mutex_);
  for (Group& group : settling_) {
    std::move(group.answered.begin(), group.answered.end(), std::back_inserter(left_));
  }
  settling_.clear();
  return std::exchange(left_, {});
}

}  // namespace copse
