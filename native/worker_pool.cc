#include "worker_pool.h"

#include <sys/socket.h>
#include <unistd.h>

#include <utility>

namespace copse {
namespace {

// Connections that wait for a thread; more than these are turned away.
constexpr std::size_t kWaitingMax = 4096;

// What has been received can still be read and answered; then the connection ends. (Reading fails
// at once, which wakes the thread that waits.)
void StopReading(int fd) { ::shutdown(fd, SHUT_RD); }

}  // namespace

WorkerPool::WorkerPool(std::size_t threads_max, std::function<Serve()> new_worker)
    : threads_max_(threads_max), new_worker_(std::move(new_worker)) {}

WorkerPool::~WorkerPool() { Stop(std::chrono::steady_clock::now()); }

bool WorkerPool::Submit(int fd) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || waiting_.size() >= kWaitingMax) return false;
    waiting_.push_back(fd);
    if (waiting_.size() > free_threads_) {
      if (threads_.size() < threads_max_) {
        threads_.emplace_back([this] { Run(); });
      } else {
        LetOldestIdleGo();
      }
    }
  }
  changed_.notify_one();
  return true;
}

bool WorkerPool::IsCrowded() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size() > free_threads_ && threads_.size() >= threads_max_;
}

bool WorkerPool::BeginIdle(int fd) {
  const std::lock_guard lock(mutex_);
  served_[fd] = {true, std::chrono::steady_clock::now()};
  return !stopping_;
}

void WorkerPool::EndIdle(int fd) {
  const std::lock_guard lock(mutex_);
  served_[fd].idle = false;
}

void WorkerPool::LetOldestIdleGo() {
  auto oldest = served_.end();
  for (auto entry = served_.begin(); entry != served_.end(); ++entry) {
    if (!entry->second.idle) continue;
    if (oldest == served_.end() || entry->second.since < oldest->second.since) oldest = entry;
  }
  if (oldest == served_.end()) return;
  oldest->second.idle = false;
  StopReading(oldest->first);
}

void WorkerPool::LetIdleGo() {
  for (auto& [fd, state] : served_) {
    if (std::exchange(state.idle, false)) StopReading(fd);
  }
}

void WorkerPool::Run() {
  const Serve serve = new_worker_();
  std::unique_lock lock(mutex_);
  for (;;) {
    ++free_threads_;
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    --free_threads_;
    if (waiting_.empty()) return;
    const int fd = waiting_.front();
    waiting_.pop_front();
    served_[fd] = {};
    lock.unlock();
    serve(fd);
    lock.lock();
    served_.erase(fd);
    // Only now may the system give its number to another connection.
    ::close(fd);
    changed_.notify_all();
  }
}

void WorkerPool::Stop(std::chrono::steady_clock::time_point deadline) {
  {
    std::unique_lock lock(mutex_);
    if (stopping_ && threads_.empty()) return;
    stopping_ = true;
    LetIdleGo();
    changed_.notify_all();
    changed_.wait_until(lock, deadline, [this] { return waiting_.empty() && served_.empty(); });
    for (const int fd : waiting_) ::close(fd);
    waiting_.clear();
    for (const auto& entry : served_) ::shutdown(entry.first, SHUT_RDWR);
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace copse
