#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace copse {
namespace {

constexpr auto kEvery = std::chrono::milliseconds(100);
constexpr std::size_t kBarWidth = 16;
constexpr double kSecondsMax = 359'999;  // 99:59:59

std::string OneDigit(double number) {
  std::array<char, 32> text{};
  const int n = snprintf(text.data(), text.size(), number < 9.95 ? "%.1f" : "%.0f", number);
  return std::string(text.data(), static_cast<std::size_t>(n));
}

// `950`, `1.2 k`, `34 k`, `5.6 M`, `7.8 G`.
std::string Short(double number) {
  if (number < 999.5) return std::to_string(std::lround(number));
  for (const char* const unit : {" k", " M"}) {
    number /= 1000;
    if (number < 999.5) return OneDigit(number) + unit;
  }
  return OneDigit(number / 1000) + " G";
}

// `0:07`, `12:34`, `1:02:03`.
std::string Clock(double seconds) {
  const auto whole = static_cast<long>(std::ceil(std::min(seconds, kSecondsMax)));
  std::array<char, 32> text{};
  const long hours = whole / 3600, minutes = whole / 60 % 60;
  const int n =
      hours > 0 ? snprintf(text.data(), text.size(), "%ld:%02ld:%02ld", hours, minutes, whole % 60)
                : snprintf(text.data(), text.size(), "%ld:%02ld", minutes, whole % 60);
  return std::string(text.data(), static_cast<std::size_t>(n));
}

}  // namespace

std::string ProgressLine(const ProgressState& state) {
  const auto n_bytes = static_cast<double>(state.n_bytes);
  const auto in_all = static_cast<double>(state.n_bytes_in_all.value_or(0));
  const double seconds = std::max(state.seconds, 1e-3);
  // A file may have grown since.
  const double part = in_all > 0 ? std::min(1.0, n_bytes / in_all) : 0;
  std::string line;
  if (in_all > 0) {
    const auto n_full = static_cast<std::size_t>(part * kBarWidth);
    line += "[" + std::string(n_full, '#') + std::string(kBarWidth - n_full, ' ') + "] " +
            std::to_string(static_cast<int>(part * 100)) + " %  ";
  }
  line += std::to_string(state.n_rows) + " rows  " +
          Short(static_cast<double>(state.n_rows) / seconds) + " rows/s  " +
          OneDigit(n_bytes / seconds / 1e6) + " MB/s";
  if (part > 0) line += "  " + Clock(seconds * (1 - part) / part) + " left";
  return line;
}

Progress::Progress(std::optional<std::uint64_t> n_bytes)
    : n_bytes_(n_bytes),
      terminal_(isatty(STDERR_FILENO) == 1),
      begin_(std::chrono::steady_clock::now()),
      next_(begin_ + kEvery) {}

Progress::~Progress() {
  if (shown_) fputs("\r\x1b[K", stderr);
}

void Progress::Show(std::uint64_t n_bytes_read, std::size_t n_rows) {
  if (!terminal_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + kEvery;
  const std::chrono::duration<double> seconds = now - begin_;
  const std::string line = ProgressLine({.n_bytes = n_bytes_read,
                                         .n_bytes_in_all = n_bytes_,
                                         .n_rows = n_rows,
                                         .seconds = seconds.count()});
  fputs(("\r\x1b[K" + line).c_str(), stderr);
  shown_ = true;
}

}  // namespace copse
