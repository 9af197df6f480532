#include "log_events.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstdio>
#include <ctime>

#include "nlohmann/json.hpp"

namespace copse {

std::string LogEventLine(const LogEvent& event) {
  nlohmann::ordered_json line = {{"time", Rfc3339(UnixMsNow())},
                                 {"level", event.is_good ? "info" : "warning"},
                                 {"event", event.event},
                                 {"sink", event.sink},
                                 {"target", event.target}};
  if (!event.reason.empty()) line["reason"] = event.reason;
  for (const auto& [name, number] : event.numbers) line[name] = number;
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

// A stderr that nobody reads must not hold up whoever says something.
void SayOnStderr(const std::string& line) {
  pollfd entry{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
  if (::poll(&entry, 1, 0) <= 0) return;
  const std::string text = line + "\n";
  [[maybe_unused]] const ssize_t n =
      ::write(STDERR_FILENO, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
}

std::string Rfc3339(std::int64_t time_unix_ms) {
  // Rounded down, so that the milliseconds are never negative.
  const std::int64_t ms = (time_unix_ms % 1000 + 1000) % 1000;
  const std::time_t seconds = (time_unix_ms - ms) / 1000;
  // The same second comes again and again.
  thread_local std::time_t known = -1;
  thread_local std::string date;
  if (seconds != known || date.empty()) {
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    char text[64];
    date.assign(text, std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc));
    known = seconds;
  }
  const auto digit = [](std::int64_t n) { return static_cast<char>('0' + n % 10); };
  const char fraction[] = {'.', digit(ms / 100), digit(ms / 10), digit(ms), 'Z'};
  return std::string(date).append(fraction, sizeof(fraction));
}

std::int64_t UnixMsOf(std::string_view rfc3339) {
  std::tm utc{};
  int ms = 0;
  const std::string text(rfc3339);
  if (std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ", &utc.tm_year, &utc.tm_mon,
                  &utc.tm_mday, &utc.tm_hour, &utc.tm_min, &utc.tm_sec, &ms) != 7) {
    return 0;
  }
  utc.tm_year -= 1900;
  utc.tm_mon -= 1;
  return std::int64_t{timegm(&utc)} * 1000 + ms;
}

std::int64_t UnixMsNow() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

void BlockSignalsOfThisThread() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace copse
