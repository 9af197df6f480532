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

#include "chunk_decoder.h"
#include "http_head.h"
#include "server.h"

namespace copse {

/// One accepted socket: requests come out of it one after the other, each held to the limits, and
/// answers go in. Knows where a request ends, and nothing of what it means. Owns the
/// descriptor, which must be non-blocking. Used by one thread at a time.
///
/// Nothing here waits for the client, but for what the last section says of streams: what cannot go
/// on is parked (reactor.h) until the client has done its part, or wait_deadline() has passed. What
/// is kept meanwhile, of bodies and of answers, is counted for all connections of the process, and
/// each sum held to ServerLimits::held_bytes_max.
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
  /// Until when the client must have done its part: sent a head, a body or anything at all, or
  /// taken its answer.
  std::chrono::steady_clock::time_point wait_deadline() const { return wait_deadline_; }
  /// Whether that is to take its answer.
  bool AwaitsRoom() const { return n_unsent() > 0; }
  /// The request whose body has not come yet, or null.
  const RequestHead* held_head() const { return held_head_ ? &*held_head_ : nullptr; }
  /// Something is left to do when a deadline has passed, or the service is about to end.
  bool HasBegun() const { return held_head_.has_value() || IsUnfinished(); }

  // ---- Requests ----

  /// What is known of the next request.
  struct Incomplete {};  ///< more has to come
  struct Gone {};        ///< the peer has closed
  using Head = std::variant<Incomplete, Gone, RequestHead, Refusal>;
  /// Whether a body of unknown length is read while it comes, by whoever answers.
  using IsStream = bool (*)(const RequestHead& head);
  /// Reads what has arrived. A head comes when its body is there too: no thread waits for a slow
  /// one. Without its body comes that of a stream, one whose body is longer than the limit, and one
  /// that expects to be asked for it. A head that is too slow or too long is a Refusal.
  Head ReadHead(IsStream is_stream);
  /// Asks a client that expects it for the body: ReadHead gives the head again when that is there.
  void AskForBody(RequestHead head);

  /// The body of the last head, chunks undone, once. Nothing: it is not whole, and body_refusal()
  /// says why.
  std::optional<std::string> TakeBody();
  /// The same before it is taken, if its length was known and it is here, else nothing of it.
  std::string_view PeekBody() const;
  const std::optional<Refusal>& body_refusal() const { return body_refusal_; }
  /// What is held for this body becomes so much more; false: it is too much for all together.
  bool HoldMore(std::size_t n_bytes);
  Refusal TooMuchHeld() const;
  /// What was taken is given up.
  void EndBody();

  /// Whether the whole body is here, so that the connection can be used again.
  bool HasWholeBody() const;
  /// Forgets what is left of the request, and the memory that it took. Expects the whole body.
  void EndRequest();

  // ---- Answers ----

  /// Collects the next answer, which TrySend sends. The one before has been sent.
  void Write(std::string_view bytes) { output_.append(bytes); }
  std::size_t n_unsent() const { return output_.size() - sent_; }
  enum class Sent { kAll, kPart, kGone };
  /// Sends what the peer takes at once. kGone: it is gone, or has taken too long.
  Sent TrySend();
  /// Whether memory holds more than it should of what clients do not take.
  bool HoldsTooMuch() const;
  /// The peer has no more time to take its answer.
  void GiveUp() { write_deadline_ = wait_deadline_ = {}; }

  /// Kept for whoever serves the connection next.
  void KeepUnfinished(std::unique_ptr<Unfinished> work) { unfinished_ = std::move(work); }
  std::unique_ptr<Unfinished> TakeUnfinished() { return std::move(unfinished_); }
  bool IsUnfinished() const { return unfinished_ != nullptr; }

  /// Says that nothing more will be sent. Closing with unread input would make the peer's system
  /// throw the answer away: it gets a moment to read it.
  void BeginToLinger();
  /// Throws away what has come. False: it is time to close.
  bool Linger();

  // ---- Streams: these wait, each within a time-out ----

  /// The body of this request may be of any length, and take any time as long as some of it comes
  /// within each body time-out. After ReadHead, for a reader that does not keep it.
  void StreamBody();
  /// The next bytes of the body, chunks undone: 0 at its end, -1 when there will be no more, and
  /// body_refusal() says why. Asks a waiting client to send it first.
  ssize_t ReadBody(char* out, std::size_t size);

  /// Sends what the peer takes at once, of an answer that is not collected: how many bytes; nothing
  /// when it is gone.
  std::optional<std::size_t> SendSome(std::string_view bytes);
  /// Sends all, as long as the peer takes some within each write time-out.
  bool SendAll(std::string_view bytes);
  enum class Awaited { kInput, kRoom, kNothing };
  /// Waits until there is something to read, or until something can be sent; kInput where both are.
  /// kNothing: neither within the shorter of the time-outs for bodies and answers.
  Awaited AwaitInputOrRoom();

 private:
  using Clock = std::chrono::steady_clock;

  void CountHeld();
  void SetHeld(std::size_t n_bytes);
  void SetUnsent(std::size_t n_bytes);
  void DropUsed();
  ssize_t Receive();
  ssize_t Receive(Clock::time_point deadline);
  void BeginWaiting();
  Head FinishHead(std::size_t end, IsStream is_stream);
  bool HoldsFor(const RequestHead& head, IsStream is_stream) const;
  Head HoldBody();
  Head ReleaseHead();
  Head RefuseHeld();
  bool HasCompleteBody();
  void BeginBody(const RequestHead& head);
  bool Fill(Clock::time_point deadline);
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

  std::string output_;  ///< sent_ bytes of it are gone
  std::size_t sent_ = 0;
  std::unique_ptr<Unfinished> unfinished_;
  std::optional<Clock::time_point> write_deadline_;

  Clock::time_point body_deadline_;
  std::uint64_t remaining_ = 0;          ///< bytes of a body of known length
  std::optional<ChunkDecoder> decoder_;  ///< of the others
  std::string body_;                     ///< what has been decoded of a body that is held
  std::size_t counted_ = 0;              ///< in what all connections hold of requests
  std::size_t counted_unsent_ = 0;       ///< the same of answers
  bool streams_ = false;                 ///< see StreamBody
  bool continue_pending_ = false;
  std::optional<Refusal> body_refusal_;
};

}  // namespace copse
