#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace copse {

/// Receives one JSON line, without its newline. Called by any thread; what it captures must live
/// as long as a thread of the log may.
using SayLine = std::function<void(const std::string& line)>;

/// Something that an operator should know about the log.
struct LogEvent {
  std::string event;         ///< "prediction_log_down"
  bool is_good = false;      ///< level "info"; else "warning"
  std::string sink, target;  ///< as in LogState; never a password
  std::string reason = {};   ///< or empty
  std::vector<std::pair<std::string, std::uint64_t>> numbers = {};
};

/// {"time","level","event","sink","target","reason", the numbers}.
std::string LogEventLine(const LogEvent& event);
void SayOnStderr(const std::string& line);

/// "2026-01-31T09:30:00.125Z": how the logs write a time.
std::string Rfc3339(std::int64_t time_unix_ms);
/// Milliseconds since 1970 of such a text; 0 if it is none.
std::int64_t UnixMsOf(std::string_view rfc3339);
std::int64_t UnixMsNow();

/// Signals are for the main thread; a peer that went away is an error of write(), not SIGPIPE.
void BlockSignalsOfThisThread();

}  // namespace copse
