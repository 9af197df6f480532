#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace copse {

/// One request as the log tells it, for as long as a call takes.
struct AccessLogLine {
  std::int64_t time_unix_ms = 0;
  std::string_view request_id;
  std::string_view trace_id = {};        ///< left out where empty
  std::string_view method, route, path;  ///< the route's template, and the path that was asked for
  int status = 0;
  std::size_t bytes = 0;  ///< of the answer's body
  double duration_ms = 0;
  std::string_view remote;
};

/// The line as a JSON object, without its line feed.
std::string FormatAccessLogLine(const AccessLogLine& line);

/// Writes lines to a descriptor from a thread of its own, so that a slow reader of our output
/// delays nobody. When it falls behind by more than `bytes_max`, lines are dropped and counted.
/// Thread-safe.
class AccessLog {
 public:
  /// Does not own `fd`; -1: nothing is written.
  explicit AccessLog(int fd, std::size_t bytes_max = std::size_t{4} << 20);
  ~AccessLog();
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  void Append(const AccessLogLine& line);
  std::uint64_t dropped() const;

  /// Writes what is queued, as far as the reader takes it within `timeout_ms`, and stops.
  void Close(int timeout_ms);

 private:
  void Run();
  bool WriteAll(std::string_view text);

  const int fd_;
  const std::size_t bytes_max_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string pending_;
  std::uint64_t dropped_ = 0;
  bool closing_ = false;
  std::int64_t close_by_unix_ms_ = 0;
  std::thread writer_;
};

/// Says so where memory is lacking, and takes none.
void LogNoMemory();

/// One JSON line on stderr: {"time","level":"error","message",...}.
void LogError(std::string_view message, std::string_view request_id = {});

}  // namespace copse
