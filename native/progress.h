#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace copse {

/// How far a batch has come.
struct ProgressState {
  std::uint64_t n_bytes = 0;                         ///< read
  std::optional<std::uint64_t> n_bytes_in_all = {};  ///< if known
  std::size_t n_rows = 0;                            ///< answered
  double seconds = 0;                                ///< since the start
};

/// `[####            ] 25 %  2000 rows  1.0 k rows/s  0.2 MB/s  0:06 left`; without bar, percentage
/// and time left where the size of the input is not known. It fits a terminal of 80 columns up to
/// 10^11 rows.
std::string ProgressLine(const ProgressState& state);

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
  std::chrono::steady_clock::time_point begin_, next_;
};

}  // namespace copse
