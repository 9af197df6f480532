#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "http_head.h"
#include "server.h"

namespace copse {

/// One accepted socket: requests come out of it one after the other, each held to the limits, and
/// answers go in. Knows where a request ends, and nothing of what it means. Owns the
/// descriptor, which must be non-blocking. Used by one thread at a time.
class Connection {
 public:
  /// What somebody has to do for a connection before its next request is read.
  class Unfinished {
   public:
    virtual ~Unfinished() = default;
  };

  Connection(int fd, const ServerLimits& limits);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int fd() const { return fd_; }
  const std::string& remote() const { return remote_; }  ///< the peer's address

  /// Bytes of a request are here already: it has begun, or was sent behind the one before.
  bool HasBufferedInput() const { return held_head_.has_value() || begin_ < buffer_.size(); }
  /// Waits for more to read, but not long: for a client that sends one request after the other.
  bool WaitBriefly() const;
  /// Until when more must have come: of the head or body that has begun, or of any at all.
  std::chrono::steady_clock::time_point wait_deadline() const { return wait_deadline_; }

  /// What is known of the next request.
  struct Incomplete {};  ///< more has to come; until wait_deadline()
  struct Gone {};        ///< the peer has closed
  using Head = std::variant<Incomplete, Gone, RequestHead, Refusal>;
  /// Reads what has arrived, and never waits. A head comes when its body is there too, if the body
  /// has a length within the limit: nobody but the reactor waits for a slow one. A head that is
  /// too slow or too long is a Refusal.
  Head ReadHead();

  /// The next bytes of the body of the last head, chunks undone: 0 at its end, -1 when there will
  /// be no more, and body_refusal() says why. Asks a waiting client to send it first.
  ssize_t ReadBody(char* out, std::size_t size);
  const std::optional<Refusal>& body_refusal() const { return body_refusal_; }

  /// Whether the rest of the body is so small, and so sure to come, that it can be skipped and
  /// the connection used again.
  bool CanSkipBody() const;
  /// Whether it is here.
  bool HasWholeBody() const {
    return chunked_ ? chunk_ == Chunk::kEnd : remaining_ <= buffer_.size() - begin_;
  }
  bool SkipBody();

  /// Collects an answer; it leaves with the first Flush, or, unless it is held, as it grows. False:
  /// the peer is gone.
  bool Write(std::string_view bytes);
  bool Flush();
  /// From now on an answer waits for Flush, however long it is; or no more.
  void HoldOutput(bool holds) { holds_output_ = holds; }
  std::size_t n_held() const { return output_.size(); }  ///< bytes that wait for Flush
  enum class Sent { kAll, kPart, kGone };
  /// Flush, as far as the peer takes it at once.
  Sent TryFlush();

  /// Kept for whoever serves the connection next.
  void KeepUnfinished(std::unique_ptr<Unfinished> work) { unfinished_ = std::move(work); }
  std::unique_ptr<Unfinished> TakeUnfinished() { return std::move(unfinished_); }
  bool IsUnfinished() const { return unfinished_ != nullptr; }

  /// The body of this request may be of any length, and take any time as long as some of it comes
  /// within each body time-out. After ReadHead, for a reader that does not keep it.
  void StreamBody();

  /// Sends what the peer takes at once, of an answer that is not collected: how many bytes; nothing
  /// when it is gone.
  std::optional<std::size_t> SendSome(std::string_view bytes);
  /// Sends all, as long as the peer takes some within each write time-out.
  bool SendAll(std::string_view bytes);
  enum class Awaited { kInput, kRoom, kNothing };
  /// Waits until there is something to read, or until something can be sent; kInput where both are.
  /// kNothing: neither within the body time-out.
  Awaited AwaitInputOrRoom();

  /// Ends the answer and waits a moment for the peer to have read it: closing with unread input
  /// would make its system throw the answer away.
  void LingeringClose();

 private:
  using Clock = std::chrono::steady_clock;
  enum class Chunk { kSize, kData, kEnd };

  void CountHeld();
  void DropUsed();
  ssize_t Receive();
  ssize_t Receive(Clock::time_point deadline);
  void BeginWaiting();
  Head FinishHead(std::size_t end);
  bool HoldsFor(const RequestHead& head) const;
  Head ReleaseHead();
  Head RefuseHeld();
  void BeginBody(const RequestHead& head);
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
  Clock::time_point wait_deadline_;
  bool head_begun_ = false;
  std::optional<RequestHead> held_head_;  ///< until its body is here
  std::string output_;
  bool holds_output_ = false;
  std::unique_ptr<Unfinished> unfinished_;
  std::optional<Clock::time_point> write_deadline_;

  Clock::time_point body_deadline_;
  std::uint64_t remaining_ = 0;  ///< bytes of the body, or of the chunk
  std::size_t counted_ = 0;      ///< of buffer_, in what all connections hold
  bool chunked_ = false;
  bool streams_ = false;  ///< see StreamBody
  Chunk chunk_ = Chunk::kEnd;
  std::uint64_t body_bytes_ = 0;  ///< as they came, for the limit
  bool continue_pending_ = false;
  std::optional<Refusal> body_refusal_;
};

}  // namespace copse
