#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "connection.h"
#include "copse/result.h"
#include "listener.h"

namespace copse {

/// Watches the connections that nobody serves, so that a client that is idle, or slow with its
/// head, its body or its answer, holds a descriptor and no thread. Accepts new ones. Has no thread
/// of its own: one of those that serve looks, one at a time.
class Reactor {
 public:
  using Batch = std::vector<std::unique_ptr<Connection>>;

  /// Accepts from `listener`. When `stop_event` can be read it drains: calls `on_drain`, so that no
  /// client is told any more that it may stay, takes what has arrived by then, closes the listener
  /// and what is idle, and from then on watches only what has begun. A look also ends when
  /// `wake_event` can be read. All of them must outlive this.
  /// Errors: kInternal when the system has no more descriptors.
  static Result<std::unique_ptr<Reactor>> Create(const ServerLimits& limits, Listener& listener,
                                                 int stop_event, int wake_event,
                                                 std::function<void()> on_drain);
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  /// Watches a connection until its client does its part, or has taken too long. From any thread.
  /// Where all clients together leave too much of their answers, the one that has taken longest is
  /// given up.
  void Park(std::unique_ptr<Connection> connection);

  /// Adds connections whose clients have done their part, and those that have something to be told
  /// because their time is over, to `ready`. Waits for them, but not longer than that: may add
  /// none. Accepts meanwhile. One thread at a time. Throws std::bad_alloc, and loses nothing then.
  void Look(Batch& ready, int wait_ms_max);

  /// Adds all that it watches to `left`, and watches nothing any more. When nobody looks.
  void TakeAll(Batch& left);

  /// Whether it drains, and nothing is watched any more.
  bool IsDrained() const;

 private:
  Reactor(int epoll, const ServerLimits& limits, Listener& listener, int stop_event, int wake_event,
          std::function<void()> on_drain);

  void Watch(const Connection& connection) const;
  void HandleEvents(int timeout_ms, Batch& ready);
  void AcceptAll();
  void EndOverdue(Batch& ready);
  void Drain(Batch& ready);
  // These expect the mutex to be held.
  std::unique_ptr<Connection>* Find(int fd);
  void GiveUpSlowest();

  const int epoll_;
  const ServerLimits& limits_;
  Listener& listener_;
  const int stop_event_, wake_event_;
  const std::function<void()> on_drain_;
  const int tick_ms_;
  std::chrono::steady_clock::time_point next_tick_;
  bool exhausted_ = false;
  bool can_accept_ = false, is_told_to_stop_ = false;  ///< by the last events

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Connection>> parked_;  ///< by descriptor
  std::size_t n_parked_ = 0;
  Batch given_up_;
  bool is_draining_ = false;
};

}  // namespace copse
