#include "worker_pool.h"

#include <sys/socket.h>

#include <system_error>
#include <utility>

namespace copse {

WorkerPool::WorkerPool(std::size_t threads_max, std::function<Serve()> new_worker, Park park)
    : threads_max_(threads_max), new_worker_(std::move(new_worker)), park_(std::move(park)) {}

WorkerPool::~WorkerPool() {
  Stop(std::chrono::steady_clock::now(), [] {});
}

void WorkerPool::Submit(std::unique_ptr<Connection> connection) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    waiting_.push_back(std::move(connection));
    if (waiting_.size() > free_threads_ && threads_.size() < threads_max_) StartThread();
  }
  changed_.notify_one();
}

// The system may have no more threads to give (a container's limit): those that there are go on.
// Caught here, because the standard has no other way to say it, and only a pool without any
// thread is lost.
void WorkerPool::StartThread() {
  try {
    threads_.emplace_back([this] { Run(); });
  } catch (const std::system_error&) {
    if (threads_.empty()) throw;
  }
}

bool WorkerPool::IsCrowded() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size() > free_threads_;
}

void WorkerPool::Run() {
  const Serve serve = new_worker_();
  std::unique_lock lock(mutex_);
  for (;;) {
    ++free_threads_;
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    --free_threads_;
    if (waiting_.empty()) return;
    std::unique_ptr<Connection> connection = std::move(waiting_.front());
    waiting_.pop_front();
    served_.insert(connection->fd());
    lock.unlock();
    const bool waits = serve(*connection);
    lock.lock();
    // Before it is closed, so that Stop never touches a descriptor that is somebody else's.
    served_.erase(connection->fd());
    const bool parks = waits && !stopping_;
    lock.unlock();
    if (parks) park_(std::move(connection));
    connection.reset();
    lock.lock();
    if (stopping_) changed_.notify_all();
  }
}

void WorkerPool::Stop(std::chrono::steady_clock::time_point deadline,
                      const std::function<void()>& hurry) {
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
    changed_.wait_until(lock, deadline, [this] { return waiting_.empty() && served_.empty(); });
    waiting_.clear();
    for (const int fd : served_) ::shutdown(fd, SHUT_RDWR);
  }
  hurry();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace copse
