#pragma once

#include <string>

#include "copse/result.h"

namespace copse {

/// A socket that accepts connections. Owns its descriptor; movable.
class Listener {
 public:
  /// Listens on the first address of `host` that works; port 0 is any free one. A second process
  /// on the same port fails, as it should: SO_REUSEPORT is not set.
  /// Errors: kInternal, naming host, port and reason.
  static Result<Listener> Open(const std::string& host, int port);

  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&& other) noexcept;
  ~Listener();

  int fd() const { return fd_; }
  int port() const { return port_; }

  /// A new connection, non-blocking and without Nagle's delay; -1 if there is none now, or if the
  /// system has no more descriptors: then `exhausted`.
  int Accept(bool& exhausted) const;

  void Close();

 private:
  Listener(int fd, int port) : fd_(fd), port_(port) {}

  int fd_ = -1;
  int port_ = 0;
};

}  // namespace copse
