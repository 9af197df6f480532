#include "request_id.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <random>

namespace copse {
namespace {

// Seeded from the system for every thread: an identifier, not a secret.
std::uint64_t Random64() {
  thread_local std::mt19937_64 generator = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  return generator();
}

std::tm UtcTime(std::int64_t unix_ms) {
  const std::time_t seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm time{};
  ::gmtime_r(&seconds, &time);
  return time;
}

}  // namespace

std::string NewUuid() {
  const std::uint64_t high =
      (static_cast<std::uint64_t>(UnixMs()) << 16) | 0x7000 | (Random64() & 0x0fff);
  const std::uint64_t low = (Random64() >> 2) | (std::uint64_t{1} << 63);
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text(36, '-');
  std::size_t at = 0;
  for (const std::uint64_t half : {high, low}) {
    for (int shift = 60; shift >= 0; shift -= 4) {
      if (at == 8 || at == 13 || at == 18 || at == 23) ++at;
      text[at++] = kDigits[(half >> shift) & 0xf];
    }
  }
  return text;
}

bool IsRequestId(std::string_view text) {
  const auto is_allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), is_allowed);
}

std::int64_t UnixMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string IsoTime(std::int64_t unix_ms) {
  // The same second comes again and again.
  thread_local std::int64_t known = -1;
  thread_local std::string seconds;
  if (const std::int64_t now = unix_ms / 1000; now != known) {
    const std::tm time = UtcTime(unix_ms);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S.", &time);
    seconds = text.data();
    known = now;
  }
  const auto ms = static_cast<int>(unix_ms % 1000);
  const auto digit = [](int n) { return static_cast<char>('0' + n % 10); };
  return seconds + digit(ms / 100) + digit(ms / 10) + digit(ms) + 'Z';
}

std::string HttpDate(std::int64_t unix_ms) {
  thread_local std::int64_t known = -1;
  thread_local std::string date;
  if (unix_ms / 1000 == known) return date;
  // Names are spelled out here: those of strftime follow the locale.
  static constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::tm time = UtcTime(unix_ms);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                kDays.at(static_cast<std::size_t>(time.tm_wday)), time.tm_mday,
                kMonths.at(static_cast<std::size_t>(time.tm_mon)), time.tm_year + 1900,
                time.tm_hour, time.tm_min, time.tm_sec);
  date = text.data();
  known = unix_ms / 1000;
  return date;
}

}  // namespace copse
