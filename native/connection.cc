#include "connection.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <utility>

namespace copse {
namespace {

constexpr std::size_t kReceiveBytes = std::size_t{16} << 10;
constexpr std::chrono::milliseconds kLinger{1000};
// From a client that sends without end, before others get their turn.
constexpr int kReadsMax = 64;

// What an idle connection keeps of its memory.
constexpr std::size_t kKeptBytesMax = std::size_t{4} << 10;
// Memory is one for all connections of the process.
constexpr std::size_t kHeldBytesMin = std::size_t{64} << 10;
std::atomic<std::uint64_t> held_bytes = 0, unsent_bytes = 0;

std::string RemoteAddress(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  std::array<char, NI_MAXHOST> host{};
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::getpeername(fd, generic, &size) != 0) return {};
  if (::getnameinfo(generic, size, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST) != 0) {
    return {};
  }
  const std::string text = host.data();
  return text.starts_with("::ffff:") ? text.substr(7) : text;
}

// Waits for `events`. False when `deadline` passes first.
bool Poll(int fd, short events, std::chrono::steady_clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd entry{.fd = fd, .events = events, .revents = 0};
    const int n = ::poll(&entry, 1, static_cast<int>(std::max<long>(0, left.count() + 1)));
    if (n > 0) return true;
    if (n == 0 || errno != EINTR) return false;
  }
}

std::chrono::steady_clock::time_point In(int ms) {
  return std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
}

Refusal Refuse(int status, std::string detail) {
  return {.status = status,
          .detail = std::move(detail),
          .close = true,
          .method = {},
          .target = {},
          .headers = {}};
}

// A text, and no memory for it.
void Free(std::string& text) { std::string().swap(text); }

}  // namespace

Connection::Connection(int fd, const ServerLimits& limits)
    : fd_(fd), limits_(limits), remote_(RemoteAddress(fd)) {
  BeginWaiting();
}

Connection::~Connection() {
  ::close(fd_);
  SetHeld(0);
  SetUnsent(0);
}

// ---- Memory ----

void Connection::SetHeld(std::size_t n_bytes) {
  if (n_bytes == counted_) return;
  held_bytes += n_bytes - counted_;  // modulo 2^64, so that it may shrink
  counted_ = n_bytes;
}

void Connection::SetUnsent(std::size_t n_bytes) {
  if (n_bytes == counted_unsent_) return;
  unsent_bytes += n_bytes - counted_unsent_;
  counted_unsent_ = n_bytes;
}

// What this connection holds of a request; small ones do not count.
void Connection::CountHeld() {
  const std::size_t now = buffer_.size() + body_.size();
  SetHeld(now > kHeldBytesMin ? now : 0);
}

bool Connection::HoldMore(std::size_t n_bytes) {
  if (counted_ + n_bytes <= kHeldBytesMin) return true;
  SetHeld(counted_ + n_bytes);
  return held_bytes <= limits_.held_bytes_max;
}

// Gives up what has been read, and the memory that it took.
void Connection::DropUsed() {
  buffer_.erase(0, begin_);
  begin_ = 0;
  if (buffer_.capacity() > kKeptBytesMax && buffer_.size() < kKeptBytesMax) {
    buffer_.shrink_to_fit();
  }
  if (counted_ > 0) CountHeld();
}

// ---- Requests ----

void Connection::BeginWaiting() {
  head_begun_ = false;
  wait_deadline_ = In(limits_.idle_timeout_ms);
}

// Appends what has arrived to the buffer: > 0 bytes, 0 closed, -1 nothing now (EAGAIN) or broken.
ssize_t Connection::Receive() {
  std::array<char, kReceiveBytes> block;
  for (;;) {
    const ssize_t n = ::recv(fd_, block.data(), block.size(), 0);
    if (n > 0) buffer_.append(block.data(), static_cast<std::size_t>(n));
    if (n >= 0 || errno != EINTR) return n;
  }
}

// The same, waiting until `deadline`.
ssize_t Connection::Receive(Clock::time_point deadline) {
  for (;;) {
    const ssize_t n = Receive();
    if (n >= 0 || errno != EAGAIN || !Poll(fd_, POLLIN, deadline)) return n;
  }
}

Connection::Head Connection::ReadHead(IsStream is_stream) {
  if (held_head_) return HoldBody();
  buffer_.erase(0, begin_);
  begin_ = 0;
  std::size_t searched = 0;
  for (;;) {
    // An empty line before a request is allowed (RFC 9112, section 2.2).
    while (buffer_.starts_with("\r\n")) buffer_.erase(0, 2);
    if (!head_begun_ && !buffer_.empty()) {
      head_begun_ = true;
      wait_deadline_ = In(limits_.head_timeout_ms);
    }
    const std::size_t end = buffer_.find("\r\n\r\n", searched > 3 ? searched - 3 : 0);
    const bool is_complete = end != std::string::npos;
    if ((is_complete ? end : buffer_.size()) > limits_.head_bytes_max) {
      return Refuse(431, "The head of the request has more than " +
                             std::to_string(limits_.head_bytes_max) + " bytes.");
    }
    if (is_complete) return FinishHead(end, is_stream);
    searched = buffer_.size();
    const ssize_t n = Receive();
    if (n > 0) continue;
    if (n == 0 || errno != EAGAIN) return Gone{};
    if (!head_begun_ || Clock::now() < wait_deadline_) return Incomplete{};
    return Refuse(408, "The head of the request did not arrive in time.");
  }
}

Connection::Head Connection::FinishHead(std::size_t end, IsStream is_stream) {
  begin_ = end + 4;
  auto parsed = ParseHead(std::string_view(buffer_).substr(0, begin_), limits_.head_fields_max);
  if (auto* const refusal = std::get_if<Refusal>(&parsed)) {
    BeginBody({});
    return std::move(*refusal);
  }
  auto& head = std::get<RequestHead>(parsed);
  BeginBody(head);
  if (!HoldsFor(head, is_stream)) return std::move(head);
  held_head_ = std::move(head);
  return HoldBody();
}

bool Connection::HoldsFor(const RequestHead& head, IsStream is_stream) const {
  if (!head.HasBody() || head.expects_continue) return false;
  return head.chunked ? !is_stream(head) : head.content_length <= limits_.body_bytes_max;
}

void Connection::AskForBody(RequestHead head) {
  if (SendContinue()) held_head_ = std::move(head);
}

// Decodes what has come.
bool Connection::HasCompleteBody() {
  if (!decoder_) return buffer_.size() - begin_ >= remaining_;
  const std::string_view come = std::string_view(buffer_).substr(begin_);
  const std::size_t n = body_.size();
  body_.resize(n + come.size());
  const auto step = decoder_->Next(come, body_.data() + n, come.size());
  body_.resize(n + step.n_written);
  begin_ += step.n_read;
  if (begin_ == buffer_.size()) buffer_.clear();
  if (buffer_.empty()) begin_ = 0;
  if (decoder_->refusal()) body_refusal_ = decoder_->refusal();
  return decoder_->ended() || body_refusal_;
}

Connection::Head Connection::HoldBody() {
  wait_deadline_ = body_deadline_;
  for (int n_reads = 0; !HasCompleteBody(); ++n_reads) {
    CountHeld();
    if (counted_ > 0 && held_bytes > limits_.held_bytes_max) return RefuseHeld();
    if (n_reads == kReadsMax) return Incomplete{};
    const ssize_t n = Receive();
    const bool may_come = n > 0 || (n < 0 && errno == EAGAIN);
    if (may_come && Clock::now() < body_deadline_) {
      if (n > 0) continue;
      return Incomplete{};
    }
    FailBody(408, "The body of the request did not arrive completely, or not in time.");
    break;
  }
  CountHeld();
  return ReleaseHead();
}

Connection::Head Connection::ReleaseHead() {
  BeginWaiting();
  RequestHead head = *std::move(held_head_);
  held_head_.reset();
  return head;
}

Refusal Connection::TooMuchHeld() const {
  return Refuse(503, "The bodies of all requests together have more than " +
                         std::to_string(limits_.held_bytes_max) +
                         " bytes at this moment; try again.");
}

// What has come of the body is given up at once.
Connection::Head Connection::RefuseHeld() {
  Refusal refusal = TooMuchHeld();
  refusal.method = std::move(held_head_->method);
  refusal.target = std::move(held_head_->target);
  held_head_.reset();
  body_refusal_ = refusal;
  Free(buffer_);
  Free(body_);
  begin_ = 0;
  CountHeld();
  return refusal;
}

void Connection::BeginBody(const RequestHead& head) {
  BeginWaiting();
  body_refusal_.reset();
  decoder_.reset();
  if (head.chunked) decoder_.emplace(limits_.body_bytes_max);
  remaining_ = head.content_length.value_or(0);
  continue_pending_ = head.expects_continue && head.HasBody();
  streams_ = false;
  if (head.HasBody()) body_deadline_ = In(limits_.body_timeout_ms);
}

std::optional<std::string> Connection::TakeBody() {
  if (!HasWholeBody()) return std::nullopt;
  if (decoder_) return std::exchange(body_, {});
  const auto n = static_cast<std::size_t>(remaining_);
  remaining_ = 0;
  if (n > kHeldBytesMin && begin_ + n == buffer_.size()) {
    buffer_.erase(0, std::exchange(begin_, 0));
    return std::exchange(buffer_, {});  // no second one in memory
  }
  std::string body = buffer_.substr(begin_, n);
  begin_ += n;
  return body;
}

std::string_view Connection::PeekBody() const {
  if (decoder_ || !HasWholeBody()) return {};
  return std::string_view(buffer_).substr(begin_, static_cast<std::size_t>(remaining_));
}

bool Connection::HasWholeBody() const {
  if (body_refusal_) return false;
  return decoder_ ? decoder_->ended() : remaining_ <= buffer_.size() - begin_;
}

void Connection::EndBody() {
  if (counted_ > 0) CountHeld();
}

void Connection::EndRequest() {
  begin_ += static_cast<std::size_t>(remaining_);
  remaining_ = 0;
  decoder_.reset();
  Free(body_);
  // An idle connection keeps no memory of what it has brought, nor of what it has got.
  DropUsed();
  if (!HasBufferedInput()) BeginWaiting();
}

ssize_t Connection::FailBody(int status, std::string detail) {
  body_refusal_ = Refuse(status, std::move(detail));
  return -1;
}

bool Connection::SendContinue() {
  if (!continue_pending_) return true;
  continue_pending_ = false;
  constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  return SendSome(kContinue) == kContinue.size();  // there is room: every answer before is sent
}

// ---- Answers ----

Connection::Sent Connection::TrySend() {
  if (write_deadline_ && Clock::now() >= *write_deadline_) return Sent::kGone;
  const auto n = SendSome(std::string_view(output_).substr(sent_));
  if (!n) return Sent::kGone;
  sent_ += *n;
  if (n_unsent() > 0) {
    if (!write_deadline_) write_deadline_ = In(limits_.write_timeout_ms);
    wait_deadline_ = *write_deadline_;
    SetUnsent(output_.capacity());
    return Sent::kPart;
  }
  write_deadline_.reset();
  sent_ = 0;
  SetUnsent(0);
  output_.clear();
  if (output_.capacity() > kKeptBytesMax) Free(output_);
  return Sent::kAll;
}

bool Connection::HoldsTooMuch() const { return unsent_bytes > limits_.held_bytes_max; }

void Connection::BeginToLinger() {
  ::shutdown(fd_, SHUT_WR);
  output_.clear();  // of a peer that has not taken it
  sent_ = 0;
  SetUnsent(0);
  wait_deadline_ = Clock::now() + kLinger;
  Free(buffer_);
  Free(body_);
  begin_ = 0;
  CountHeld();
}

bool Connection::Linger() {
  std::array<char, kReceiveBytes> ignored;
  for (int i = 0; i < kReadsMax && Clock::now() < wait_deadline_; ++i) {
    const ssize_t n = ::recv(fd_, ignored.data(), ignored.size(), 0);
    if (n == 0) return false;
    if (n < 0 && errno != EINTR) return errno == EAGAIN;
  }
  return Clock::now() < wait_deadline_;
}

// ---- Streams ----

void Connection::StreamBody() {
  streams_ = true;
  if (decoder_) decoder_->TakeAnyLength();
}

bool Connection::Fill(Clock::time_point deadline) {
  if (HasBufferedInput()) return true;
  DropUsed();
  return Receive(deadline) > 0;
}

ssize_t Connection::ReadBody(char* out, std::size_t size) {
  if (body_refusal_) return -1;
  if (!SendContinue()) return FailBody(408, "The client is gone.");
  for (;;) {
    if (decoder_ ? decoder_->ended() : remaining_ == 0) return 0;
    if (streams_) body_deadline_ = In(limits_.body_timeout_ms);
    if (!Fill(body_deadline_)) {
      return FailBody(408, "The body of the request did not arrive completely, or not in time.");
    }
    std::string_view come = std::string_view(buffer_).substr(begin_);
    if (!decoder_) {
      come = come.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(size, remaining_)));
      std::copy_n(come.data(), come.size(), out);
      begin_ += come.size();
      remaining_ -= come.size();
      return static_cast<ssize_t>(come.size());
    }
    const auto step = decoder_->Next(come, out, size);
    begin_ += step.n_read;
    if (decoder_->refusal()) body_refusal_ = decoder_->refusal();
    if (step.n_written > 0) return static_cast<ssize_t>(step.n_written);
    if (body_refusal_) return -1;
  }
}

std::optional<std::size_t> Connection::SendSome(std::string_view bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t n = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n >= 0) {
      sent += static_cast<std::size_t>(n);
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      return std::nullopt;
    }
  }
  return sent;
}

bool Connection::SendAll(std::string_view bytes) {
  for (;;) {
    const auto sent = SendSome(bytes);
    if (!sent) return false;
    bytes.remove_prefix(*sent);
    if (bytes.empty()) return true;
    if (!Poll(fd_, POLLOUT, In(limits_.write_timeout_ms))) return false;
  }
}

Connection::Awaited Connection::AwaitInputOrRoom() {
  const auto deadline = In(std::min(limits_.body_timeout_ms, limits_.write_timeout_ms));
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd entry{.fd = fd_, .events = POLLIN | POLLOUT, .revents = 0};
    const int n = ::poll(&entry, 1, static_cast<int>(std::max<long>(0, left + 1)));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return Awaited::kNothing;
    if ((entry.revents & POLLIN) != 0) return Awaited::kInput;
    return (entry.revents & POLLOUT) != 0 ? Awaited::kRoom : Awaited::kNothing;
  }
}

}  // namespace copse
