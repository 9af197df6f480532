#include "access_log.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "prediction_text.h"
#include "request_id.h"

namespace copse {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLineBytes = 320;
// Lines are written together: what has come within this time, or as soon as so much has come.
constexpr std::chrono::milliseconds kGather{20};
constexpr std::size_t kPageBytes = std::size_t{16} << 10;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Without a way out in between, which takes longer.
bool IsPlain(std::string_view text) {
  bool is_plain = true;
  for (const char c : text) is_plain &= c >= ' ' && c < 0x7f && c != '"' && c != '\\';
  return is_plain;
}

// One write, so that lines of several threads do not mix; an unread stderr is nobody's loss.
void WriteIfRead(std::string_view text) {
  pollfd entry{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
  if (::poll(&entry, 1, 0) <= 0) return;
  [[maybe_unused]] const ssize_t n =
      ::write(STDERR_FILENO, text.data(), std::min<std::size_t>(text.size(), 4096));
}

// A member whose value is a text. What is plain, as nearly all are, needs no look at each
// character.
void AppendText(std::string& json, std::string_view name, std::string_view value) {
  if (json.size() > 1) json += ',';
  json.append("\"").append(name).append("\":");
  if (IsPlain(value)) {
    json.append("\"").append(value).append("\"");
  } else {
    json += Dump(Json(value));
  }
}

}  // namespace

std::string FormatAccessLogLine(const AccessLogLine& line) {
  std::string text = "{";
  text.reserve(kLineBytes);
  AppendText(text, "time", IsoTime(line.time_unix_ms));
  AppendText(text, "request_id", line.request_id);
  if (!line.trace_id.empty()) AppendText(text, "trace_id", line.trace_id);
  AppendText(text, "method", line.method);
  AppendText(text, "route", line.route);
  AppendText(text, "path", line.path);
  text += ",\"status\":" + std::to_string(line.status);
  text += ",\"bytes\":" + std::to_string(line.bytes);
  text += ",\"duration_ms\":";
  AppendNumberJson(text, std::round(line.duration_ms * 1000) / 1000);
  AppendText(text, "remote", line.remote);
  return text + "}";
}

AccessLog::AccessLog(int fd, std::size_t bytes_max) : fd_(fd), bytes_max_(bytes_max) {
  if (fd_ >= 0) writer_ = std::thread([this] { Run(); });
}

AccessLog::~AccessLog() { Close(0); }

void AccessLog::Append(const AccessLogLine& line) {
  if (fd_ < 0) return;
  const std::string text = FormatAccessLogLine(line) + "\n";
  bool wakes = false;
  {
    const std::lock_guard lock(mutex_);
    if (closing_ || pending_.size() + text.size() > bytes_max_) {
      ++dropped_;
      return;
    }
    // Waking a thread costs more than a line: once for the first, and once for a page full.
    wakes = pending_.empty() ||
            (pending_.size() < kPageBytes && pending_.size() + text.size() >= kPageBytes);
    pending_ += text;
  }
  if (wakes) changed_.notify_one();
}

std::uint64_t AccessLog::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

void AccessLog::Close(int timeout_ms) {
  if (!writer_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    close_by_unix_ms_ = UnixMs() + timeout_ms;
  }
  changed_.notify_one();
  writer_.join();
}

void AccessLog::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return closing_ || !pending_.empty(); });
    if (pending_.empty()) return;
    changed_.wait_for(lock, kGather, [this] { return closing_ || pending_.size() >= kPageBytes; });
    std::string text;
    text.swap(pending_);
    lock.unlock();
    const bool written = WriteAll(text);
    lock.lock();
    if (!written) return;
  }
}

// False when nobody reads any more, or not before the log is closed.
bool AccessLog::WriteAll(std::string_view text) {
  while (!text.empty()) {
    {
      const std::lock_guard lock(mutex_);
      if (closing_ && UnixMs() > close_by_unix_ms_) return false;
    }
    pollfd entry{.fd = fd_, .events = POLLOUT, .revents = 0};
    if (::poll(&entry, 1, 50) > 0) {
      // No more than a pipe takes at once (PIPE_BUF), so that write does not block.
      const ssize_t n = ::write(fd_, text.data(), std::min<std::size_t>(text.size(), 4096));
      if (n < 0 && errno != EINTR && errno != EAGAIN) return false;
      if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
      continue;
    }
  }
  return true;
}

void LogNoMemory() {
  constexpr std::string_view kLine =
      R"({"level":"error","message":"a connection was closed: there was no memory for it"})"
      "\n";
  WriteIfRead(kLine);
}

void LogError(std::string_view message, std::string_view request_id) {
  Json line = {{"time", IsoTime(UnixMs())}, {"level", "error"}, {"message", message}};
  if (!request_id.empty()) line["request_id"] = request_id;
  WriteIfRead(Dump(line) + "\n");
}

}  // namespace copse
