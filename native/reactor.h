#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "connection.h"
#include "copse/result.h"
#include "listener.h"

namespace copse {

/// Watches the connections that nobody serves, so that a client that is idle, or slow with its
/// head or with a body of known length, holds a descriptor and no thread. Accepts new ones.
class Reactor {
 public:
  using Batch = std::vector<std::unique_ptr<Connection>>;
  /// Takes connections that can be read, or whose time for a head is over; leaves none.
  using Dispatch = std::function<void(Batch& batch)>;

  /// `limits` must outlive this. Errors: kInternal when the system has no more descriptors.
  static Result<std::unique_ptr<Reactor>> Create(const ServerLimits& limits);
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  /// Watches a connection until there is more to read, or too long nothing. From any thread.
  void Park(std::unique_ptr<Connection> connection);

  /// Accepts and dispatches until `stop_event` can be read.
  void Run(const Listener& listener, int stop_event, const Dispatch& dispatch);

  /// Dispatches what has arrived by now, and closes the listener and all that is idle. Connections
  /// that are parked afterwards are closed.
  void Finish(Listener& listener, const Dispatch& dispatch);

 private:
  Reactor(int epoll, const ServerLimits& limits) : epoll_(epoll), limits_(limits) {}

  void Watch(int fd) const;
  bool HandleEvents(int listener, int stop_event, int timeout_ms, bool& stopped,
                    const Dispatch& dispatch);
  void AcceptAll(const Listener& listener);
  void EndOverdue(const Dispatch& dispatch);
  std::unique_ptr<Connection> Take(int fd);  ///< expects the mutex to be held

  const int epoll_;
  const ServerLimits& limits_;
  std::mutex mutex_;
  std::map<int, std::unique_ptr<Connection>> parked_;  ///< by descriptor
  Batch ready_;                                        ///< the reactor's thread alone
  bool running_ = true;
  bool exhausted_ = false;
};

}  // namespace copse
