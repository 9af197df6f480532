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
constexpr std::size_t kFlushBytes = std::size_t{256} << 10;
constexpr std::uint64_t kSkippedBytesMax = std::uint64_t{64} << 10;
constexpr std::chrono::milliseconds kLinger{1000};
// Longer than a client on the same network takes for its next request.
constexpr int kBriefMs = 5;
// "ffffffff" and an extension; nobody needs a longer line.
constexpr std::size_t kChunkLineBytesMax = 256;
constexpr int kTrailersMax = 100;

// Memory is one for all connections of the process.
constexpr std::size_t kHeldBytesMin = std::size_t{64} << 10;
std::atomic<std::uint64_t> held_bytes = 0;

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

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Connection::Connection(int fd, const ServerLimits& limits)
    : fd_(fd), limits_(limits), remote_(RemoteAddress(fd)) {
  BeginWaiting();
}

Connection::~Connection() {
  ::close(fd_);
  held_bytes -= counted_;
}

// What this connection holds of a body; small requests do not count.
void Connection::CountHeld() {
  const std::size_t now = buffer_.size() > kHeldBytesMin ? buffer_.size() : 0;
  if (now == counted_) return;
  held_bytes += now - counted_;  // modulo 2^64, so that it may shrink
  counted_ = now;
}

void Connection::BeginWaiting() {
  head_begun_ = false;
  wait_deadline_ = In(limits_.idle_timeout_ms);
}

bool Connection::WaitBriefly() const {
  return Poll(fd_, POLLIN, In(std::min(kBriefMs, limits_.idle_timeout_ms)));
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

Connection::Head Connection::ReadHead() {
  if (held_head_) return ReleaseHead();
  buffer_.erase(0, begin_);
  begin_ = 0;
  CountHeld();  // the request before has been answered
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
    if (is_complete) return FinishHead(end);
    searched = buffer_.size();
    const ssize_t n = Receive();
    if (n > 0) continue;
    if (n == 0 || errno != EAGAIN) return Gone{};
    if (!head_begun_ || Clock::now() < wait_deadline_) return Incomplete{};
    return Refuse(408, "The head of the request did not arrive in time.");
  }
}

Connection::Head Connection::FinishHead(std::size_t end) {
  begin_ = end + 4;
  auto parsed = ParseHead(std::string_view(buffer_).substr(0, begin_), limits_.head_fields_max);
  body_refusal_.reset();
  write_deadline_.reset();
  if (auto* const refusal = std::get_if<Refusal>(&parsed)) {
    BeginBody({});
    return std::move(*refusal);
  }
  auto& head = std::get<RequestHead>(parsed);
  BeginBody(head);
  if (!HoldsFor(head)) return std::move(head);
  held_head_ = std::move(head);
  return ReleaseHead();
}

bool Connection::HoldsFor(const RequestHead& head) const {
  const std::uint64_t length = head.content_length.value_or(0);
  return length > 0 && length <= limits_.body_bytes_max && !head.chunked && !head.expects_continue;
}

Connection::Head Connection::ReleaseHead() {
  wait_deadline_ = body_deadline_;
  while (buffer_.size() - begin_ < remaining_) {
    const ssize_t n = Receive();
    CountHeld();
    if (counted_ > 0 && held_bytes > limits_.held_bytes_max) return RefuseHeld();
    if (n > 0) continue;
    if (n < 0 && errno == EAGAIN && Clock::now() < body_deadline_) return Incomplete{};
    break;  // reading the body will say so
  }
  BeginWaiting();
  RequestHead head = *std::move(held_head_);
  held_head_.reset();
  return head;
}

// What has come of the body is given up at once.
Connection::Head Connection::RefuseHeld() {
  Refusal refusal =
      Refuse(503, "The bodies of all requests together have more than " +
                      std::to_string(limits_.held_bytes_max) + " bytes at this moment; try again.");
  refusal.method = std::move(held_head_->method);
  refusal.target = std::move(held_head_->target);
  held_head_.reset();
  remaining_ -= std::min<std::uint64_t>(remaining_, buffer_.size() - begin_);
  std::string().swap(buffer_);
  begin_ = 0;
  CountHeld();
  return refusal;
}

void Connection::BeginBody(const RequestHead& head) {
  BeginWaiting();
  chunked_ = head.chunked;
  chunk_ = Chunk::kSize;
  remaining_ = head.content_length.value_or(0);
  continue_pending_ = head.expects_continue && head.HasBody();
  body_bytes_ = 0;
  streams_ = false;
  body_deadline_ = In(limits_.body_timeout_ms);
}

void Connection::StreamBody() { streams_ = true; }

// Gives up what has been read, and the memory that it took.
void Connection::DropUsed() {
  buffer_.erase(0, begin_);
  begin_ = 0;
  if (buffer_.capacity() > kHeldBytesMin && buffer_.size() < kHeldBytesMin) {
    buffer_.shrink_to_fit();
  }
  if (counted_ > 0) CountHeld();
}

bool Connection::Fill(Clock::time_point deadline) {
  if (HasBufferedInput()) return true;
  DropUsed();
  return Receive(deadline) > 0;
}

ssize_t Connection::FailBody(int status, std::string detail) {
  body_refusal_ = Refusal{.status = status,
                          .detail = std::move(detail),
                          .close = true,
                          .method = {},
                          .target = {},
                          .headers = {}};
  return -1;
}

ssize_t Connection::ReadBuffered(char* out, std::size_t size) {
  if (streams_) body_deadline_ = In(limits_.body_timeout_ms);
  if (!Fill(body_deadline_)) {
    return FailBody(408, "The body of the request did not arrive completely, or not in time.");
  }
  const std::size_t n = static_cast<std::size_t>(
      std::min<std::uint64_t>({size, remaining_, buffer_.size() - begin_}));
  std::copy_n(buffer_.data() + begin_, n, out);
  begin_ += n;
  remaining_ -= n;
  body_bytes_ += n;
  return static_cast<ssize_t>(n);
}

bool Connection::SendContinue() {
  if (!continue_pending_) return true;
  continue_pending_ = false;
  const bool sent = Write("HTTP/1.1 100 Continue\r\n\r\n") && Flush();
  write_deadline_.reset();
  return sent;
}

ssize_t Connection::ReadBody(char* out, std::size_t size) {
  if (body_refusal_) return -1;
  if (!SendContinue()) return FailBody(408, "The client is gone.");
  if (!chunked_) return remaining_ == 0 ? 0 : ReadBuffered(out, size);
  if (chunk_ == Chunk::kEnd) return 0;
  if (chunk_ == Chunk::kSize && !ReadChunkSize()) return -1;
  if (chunk_ == Chunk::kEnd) return 0;
  const ssize_t n = ReadBuffered(out, size);
  if (n > 0 && remaining_ == 0 && !EndChunk()) return -1;
  return n;
}

// A line of the chunked coding, ended by CR LF and by nothing else.
std::optional<std::string> Connection::ReadBodyLine() {
  if (streams_) body_deadline_ = In(limits_.body_timeout_ms);
  std::string line;
  while (line.size() <= kChunkLineBytesMax) {
    if (!Fill(body_deadline_)) {
      FailBody(408, "The body of the request did not arrive completely, or not in time.");
      return std::nullopt;
    }
    const char c = buffer_[begin_++];
    if (c == '\n' && line.ends_with('\r')) {
      line.pop_back();
      return line;
    }
    if (c == '\n' || line.ends_with('\r')) break;
    line.push_back(c);
  }
  FailBody(400, "The chunks of the body are broken.");
  return std::nullopt;
}

bool Connection::ReadChunkSize() {
  const auto line = ReadBodyLine();
  if (!line) return false;
  std::uint64_t size = 0;
  std::size_t digits = 0;
  while (digits < line->size() && HexDigit((*line)[digits]) >= 0 && digits < 15) {
    size = size * 16 + static_cast<std::uint64_t>(HexDigit((*line)[digits++]));
  }
  const std::string_view rest = Trim(std::string_view(*line).substr(digits));
  if (digits == 0 || !(rest.empty() || rest.front() == ';')) {
    FailBody(400, "A chunk of the body has no valid size.");
    return false;
  }
  if (size == 0) return SkipTrailers();
  if (!streams_ && body_bytes_ + size > limits_.body_bytes_max) {
    FailBody(413, "The body has more than " + std::to_string(limits_.body_bytes_max) + " bytes.");
    return false;
  }
  remaining_ = size;
  chunk_ = Chunk::kData;
  return true;
}

bool Connection::EndChunk() {
  const auto line = ReadBodyLine();
  if (!line) return false;
  chunk_ = Chunk::kSize;
  if (line->empty()) return true;
  FailBody(400, "A chunk of the body is longer than it says.");
  return false;
}

bool Connection::SkipTrailers() {
  for (int i = 0; i < kTrailersMax; ++i) {
    const auto line = ReadBodyLine();
    if (!line) return false;
    if (line->empty()) {
      chunk_ = Chunk::kEnd;
      return true;
    }
  }
  FailBody(431, "The body has too many trailer fields.");
  return false;
}

bool Connection::CanSkipBody() const {
  if (body_refusal_) return false;
  if (chunked_) return chunk_ == Chunk::kEnd;
  return remaining_ == 0 || (remaining_ <= kSkippedBytesMax && !continue_pending_);
}

bool Connection::SkipBody() {
  if (!CanSkipBody()) return false;
  body_deadline_ = Clock::now() + kLinger;
  std::array<char, 4096> ignored;
  while (remaining_ > 0) {
    if (ReadBuffered(ignored.data(), ignored.size()) < 0) return false;
  }
  // An idle connection keeps no memory of what it has brought, nor of what it has got.
  DropUsed();
  if (output_.capacity() > kHeldBytesMin) std::string().swap(output_);
  if (!HasBufferedInput()) BeginWaiting();
  return true;
}

bool Connection::Write(std::string_view bytes) {
  // Before anybody reads the answer: the body is not held any more.
  if (counted_ > 0 && remaining_ == 0) DropUsed();
  output_.append(bytes);
  return holds_output_ || output_.size() < kFlushBytes || Flush();
}

Connection::Sent Connection::TryFlush() {
  if (!write_deadline_) write_deadline_ = In(limits_.write_timeout_ms);
  const auto sent = SendSome(output_);
  output_.erase(0, sent.value_or(output_.size()));
  if (!sent) return Sent::kGone;
  return output_.empty() ? Sent::kAll : Sent::kPart;
}

bool Connection::Flush() {
  if (!write_deadline_) write_deadline_ = In(limits_.write_timeout_ms);
  std::size_t sent = 0;
  while (sent < output_.size()) {
    const ssize_t n = ::send(fd_, output_.data() + sent, output_.size() - sent, MSG_NOSIGNAL);
    if (n >= 0) {
      sent += static_cast<std::size_t>(n);
    } else if (errno != EINTR && (errno != EAGAIN || !Poll(fd_, POLLOUT, *write_deadline_))) {
      output_.clear();
      return false;
    }
  }
  output_.clear();
  return true;
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
  const auto deadline = In(limits_.body_timeout_ms);
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

void Connection::LingeringClose() {
  ::shutdown(fd_, SHUT_WR);
  const auto deadline = Clock::now() + kLinger;
  while (Clock::now() < deadline) {
    buffer_.clear();
    begin_ = 0;
    if (Receive(deadline) <= 0) return;
  }
}

}  // namespace copse
