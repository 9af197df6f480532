#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "connection.h"
#include "copse/result.h"
#include "listener.h"

namespace copse {

/// Watches the connections that nobody serves, so that a client that is idle, or slow with its
/// head or with a body of known length, holds a descriptor and no thread. Accepts new ones. Has no
/// thread of its own: one of those that serve looks, one at a time.
class Reactor {
 public:
  using Batch = std::vector<std::unique_ptr<Connection>>;

  /// Accepts from `listener`; a look ends when `stop_event` can be read. All three must outlive
  /// this. Errors: kInternal when the system has no more descriptors.
  static Result<std::unique_ptr<Reactor>> Create(const ServerLimits& limits, Listener& listener,
                                                 int stop_event);
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  /// Watches a connection until there is more to read, or too long nothing. From any thread.
  void Park(std::unique_ptr<Connection> connection);

  /// Adds connections that can be read, or whose time for a head is over, to `ready`. Waits for
  /// them, if it is to, but not for long: may add none. Accepts meanwhile. One thread at a time.
  void Look(Batch& ready, bool waits);

  /// Adds what has arrived by now, and closes the listener and all that is idle. Connections that
  /// are parked afterwards are closed. When nobody looks any more.
  void Finish(Batch& ready);

 private:
  Reactor(int epoll, const ServerLimits& limits, Listener& listener, int stop_event);

  void Watch(int fd) const;
  bool HandleEvents(int timeout_ms, Batch& ready);
  void AcceptAll();
  void EndOverdue(Batch& ready);
  std::unique_ptr<Connection> Take(int fd);  ///< expects the mutex to be held

  const int epoll_;
  const ServerLimits& limits_;
  Listener& listener_;
  const int stop_event_;
  const int tick_ms_;
  std::chrono::steady_clock::time_point next_tick_;
  std::mutex mutex_;
  std::map<int, std::unique_ptr<Connection>> parked_;  ///< by descriptor
  bool running_ = true;
  bool exhausted_ = false;
};

}  // namespace copse
