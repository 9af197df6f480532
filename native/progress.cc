#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <string>

namespace copse {
namespace {

constexpr auto kEvery = std::chrono::milliseconds(100);
constexpr std::size_t kBarWidth = 30;

}  // namespace

Progress::Progress(std::optional<std::uint64_t> n_bytes)
    : n_bytes_(n_bytes),
      terminal_(isatty(STDERR_FILENO) == 1),
      next_(std::chrono::steady_clock::now() + kEvery) {}

Progress::~Progress() {
  if (shown_) fputs("\r\x1b[K", stderr);
}

void Progress::Show(std::uint64_t n_bytes_read, std::size_t n_rows) {
  const auto now = std::chrono::steady_clock::now();
  if (!terminal_ || now < next_) return;
  next_ = now + kEvery;
  std::string line = "\r\x1b[K";
  if (n_bytes_ && *n_bytes_ > 0) {
    const double part =
        std::min(1.0, static_cast<double>(n_bytes_read) / static_cast<double>(*n_bytes_));
    const auto n_full = static_cast<std::size_t>(part * kBarWidth);
    line += "[" + std::string(n_full, '#') + std::string(kBarWidth - n_full, ' ') + "] " +
            std::to_string(static_cast<int>(part * 100)) + " %  ";
  }
  line += std::to_string(n_rows) + " rows";
  fputs(line.c_str(), stderr);
  shown_ = true;
}

}  // namespace copse
