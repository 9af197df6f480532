#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace copse {

/// A progress bar on stderr, if that is a terminal; otherwise nothing is written.
class Progress {
 public:
  /// `n_bytes`: of the whole input, if known.
  explicit Progress(std::optional<std::uint64_t> n_bytes);
  /// Takes the bar away.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void Show(std::uint64_t n_bytes_read, std::size_t n_rows);

 private:
  std::optional<std::uint64_t> n_bytes_;
  bool terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point next_;
};

}  // namespace copse
