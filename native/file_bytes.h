#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "copse/result.h"
#include "decompress.h"

namespace copse {

/// A whole file in memory. One of up to 64 MiB is a copy, and nobody can change it any more; a
/// larger one is mapped, so that what is refused at its start was never read to its end.
class FileBytes {
 public:
  /// kCopy: never mapped. Who writes into a mapped file, or cuts it, ends the process that reads
  /// it.
  enum class Hold : std::uint8_t { kMapLarge, kCopy };

  /// Reads `path`; `-` is standard input. `check` sees the first bytes before the others are read.
  ///
  /// Errors: kNotFound (no such file, not readable, a folder), kTooLarge (4 GiB) and those of
  /// `check`; the messages do not name the path.
  static Result<FileBytes> Read(const std::string& path, const HeadCheck& check,
                                Hold hold = Hold::kMapLarge);

  std::span<const std::uint8_t> span() const { return mapped_ ? Mapped() : Copied(); }

  /// Whether a mapped file is still the one that was opened: bytes that changed under a reader
  /// prove nothing.
  bool unchanged() const;

  /// The bytes to keep: those of a copy are moved out.
  std::vector<std::uint8_t> Take() &&;

 private:
  class Mapping;
  std::span<const std::uint8_t> Mapped() const;
  std::span<const std::uint8_t> Copied() const { return copied_; }

  std::vector<std::uint8_t> copied_;
  std::shared_ptr<const Mapping> mapped_;
};

}  // namespace copse
