#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "http_head.h"
#include "server.h"

namespace copse {

/// One accepted socket: requests come out of it one after the other, each held to the limits, and
/// answers go in. Knows where a request ends, and nothing of what it means. Does not own the
/// descriptor, which must be non-blocking. Used by one thread.
class Connection {
 public:
  Connection(int fd, const ServerLimits& limits);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int fd() const { return fd_; }
  const std::string& remote() const { return remote_; }  ///< the peer's address

  /// Bytes of the next request are here already: it was sent behind the one before.
  bool HasBufferedInput() const { return begin_ < buffer_.size(); }
  /// Waits for the first byte of a request. False: closed by the peer, or nothing came in time.
  bool WaitForRequest(int timeout_ms);

  /// The head of the next request, and what is wrong with it. Nothing when the peer is gone.
  /// A head that is too slow or too long is a Refusal.
  using Head = std::variant<RequestHead, Refusal>;
  std::optional<Head> ReadHead();

  /// The next bytes of the body of the last head, chunks undone: 0 at its end, -1 when there will
  /// be no more, and body_refusal() says why. Asks a waiting client to send it first.
  ssize_t ReadBody(char* out, std::size_t size);
  const std::optional<Refusal>& body_refusal() const { return body_refusal_; }

  /// Whether the rest of the body is so small, and so sure to come, that it can be skipped and
  /// the connection used again.
  bool CanSkipBody() const;
  bool SkipBody();

  /// Collects an answer; it leaves with the first Flush, or as it grows. False: the peer is gone.
  bool Write(std::string_view bytes);
  bool Flush();

  /// Ends the answer and waits a moment for the peer to have read it: closing with unread input
  /// would make its system throw the answer away.
  void LingeringClose();

 private:
  using Clock = std::chrono::steady_clock;
  enum class Chunk { kSize, kData, kEnd };

  ssize_t Receive(Clock::time_point deadline);
  bool Fill(Clock::time_point deadline);
  ssize_t ReadBuffered(char* out, std::size_t size);
  std::optional<std::string> ReadBodyLine();
  bool ReadChunkSize();
  bool EndChunk();
  bool SkipTrailers();
  bool SendContinue();
  ssize_t FailBody(int status, std::string detail);

  int fd_;
  const ServerLimits& limits_;
  std::string remote_;
  std::string buffer_;  ///< received; [begin_, size) is not used yet
  std::size_t begin_ = 0;
  std::string output_;
  std::optional<Clock::time_point> write_deadline_;

  Clock::time_point body_deadline_;
  std::uint64_t remaining_ = 0;  ///< bytes of the body, or of the chunk
  bool chunked_ = false;
  Chunk chunk_ = Chunk::kEnd;
  std::uint64_t body_bytes_ = 0;  ///< as they came, for the limit
  bool continue_pending_ = false;
  std::optional<Refusal> body_refusal_;
};

}  // namespace copse
