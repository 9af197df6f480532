#include "worker_pool.h"

#include <sys/socket.h>

#include <algorithm>
#include <system_error>
#include <utility>

namespace copse {

WorkerPool::WorkerPool(std::size_t threads_max, std::function<Serve()> new_worker, Look look,
                       Park park)
    : threads_max_(threads_max),
      cores_(std::max(1U, std::thread::hardware_concurrency())),
      new_worker_(std::move(new_worker)),
      look_(std::move(look)),
      park_(std::move(park)) {}

WorkerPool::~WorkerPool() {
  Stop(std::chrono::steady_clock::now(), [] {});
}

void WorkerPool::Start() {
  const std::lock_guard lock(mutex_);
  WantThread();
}

void WorkerPool::Submit(Batch& batch) {
  const std::lock_guard lock(mutex_);
  if (!stopping_) Push(batch);
  batch.clear();
}

void WorkerPool::Push(Batch& batch) {
  if (batch.empty()) return;
  for (auto& connection : batch) waiting_.push_back(std::move(connection));
  batch.clear();
  WantThread();
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
  if (threads_.size() >= threads_max_) return;
  try {
    threads_.emplace_back([this] { Run(); });
  } catch (const std::system_error&) {
    if (threads_.empty()) throw;
  }
}

bool WorkerPool::HasTime() const {
  const std::lock_guard lock(mutex_);
  const bool others_can_look = has_leader_ || free_threads_ > 0 || threads_.size() < threads_max_;
  return waiting_.empty() && others_can_look && !stopping_ &&
         threads_.size() - free_threads_ <= cores_ + 1;
}

void WorkerPool::Block() {
  const std::lock_guard lock(mutex_);
  ++blocked_;
  if (!waiting_.empty() || NobodyLooks()) WantThread();
}

void WorkerPool::Unblock() {
  const std::lock_guard lock(mutex_);
  --blocked_;
}

// As many as leave some for the other cores.
void WorkerPool::TakeShare(Batch& batch) {
  std::size_t n = (waiting_.size() + cores_ - 1) / cores_;
  for (; n > 0 && batch.size() < kBatchMax; --n) {
    served_.insert(waiting_.front()->fd());
    batch.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
}

bool WorkerPool::TakeMore(Batch& batch) {
  if (batch.size() >= kBatchMax) return false;
  std::unique_lock lock(mutex_);
  if (waiting_.empty() && NobodyLooks()) Lead(lock, false);
  const std::size_t n = batch.size();
  TakeShare(batch);
  if (!waiting_.empty()) WantThread();
  return batch.size() > n;
}

// Looks, with the mutex given up meanwhile.
void WorkerPool::Lead(std::unique_lock<std::mutex>& lock, bool waits) {
  has_leader_ = true;
  leader_waits_ = waits;
  lock.unlock();
  look_(ready_, waits);
  lock.lock();
  has_leader_ = leader_waits_ = false;
  for (auto& connection : ready_) waiting_.push_back(std::move(connection));
  ready_.clear();
  if (leads_no_more_) changed_.notify_all();
}

void WorkerPool::LookIfNobodyDoes() {
  std::unique_lock lock(mutex_);
  if (NobodyLooks()) Lead(lock, false);
  if (!waiting_.empty()) {
    WakeOrStart();
  } else if (NobodyLooks()) {
    WantThread();  // one that has gone to sleep meanwhile
  }
}

void WorkerPool::StopLooking() {
  std::unique_lock lock(mutex_);
  leads_no_more_ = true;
  changed_.wait(lock, [this] { return !has_leader_; });
}

void WorkerPool::Run() {
  const Serve serve = new_worker_();
  std::unique_lock lock(mutex_);
  for (;;) {
    // Busy here, and counted so: a new thread begins as one.
    // Also where there is work already: a client that always has more must not hide the others.
    if (NobodyLooks()) Lead(lock, waiting_.empty());
    if (waiting_.empty()) {
      if (MayEnd()) return;
      ++free_threads_;
      changed_.wait(lock, [this] { return MayEnd() || !waiting_.empty() || NobodyLooks(); });
      --free_threads_;
      continue;
    }
    Batch batch;
    TakeShare(batch);
    // Somebody else for the rest, or to look, if there is a core for it.
    if (!waiting_.empty() || NobodyLooks()) WantThread();
    lock.unlock();
    serve(batch);
    lock.lock();
  }
}

void WorkerPool::HandBack(Batch& waits, Batch& again, Batch& ends) {
  bool parks = false;
  {
    const std::lock_guard lock(mutex_);
    // Before any is closed, so that Stop never touches a descriptor that is somebody else's.
    for (const Batch* const batch : {&waits, &again, &ends}) {
      for (const auto& connection : *batch) served_.erase(connection->fd());
    }
    // What has begun is finished, also while the pool stops: in the same moment, for Stop looks.
    if (!is_cut_) Push(again);
    parks = !stopping_;
    if (stopping_) changed_.notify_all();
  }
  for (auto& connection : waits) {
    if (parks) park_(std::move(connection));
  }
  waits.clear();
  again.clear();
  ends.clear();
}

void WorkerPool::Stop(std::chrono::steady_clock::time_point deadline,
                      const std::function<void()>& hurry) {
  {
    std::unique_lock lock(mutex_);
    stopping_ = leads_no_more_ = true;
    changed_.notify_all();
    changed_.wait_until(lock, deadline, [this] { return waiting_.empty() && served_.empty(); });
    is_cut_ = true;
    waiting_.clear();
    changed_.notify_all();
    for (const int fd : served_) ::shutdown(fd, SHUT_RDWR);
  }
  hurry();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace copse
