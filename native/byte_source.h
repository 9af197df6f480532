#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "copse/result.h"

namespace copse {

/// Fills the buffer with the next bytes and says how many; 0 at the end. Fails as a file does.
using ByteSource = std::function<Result<std::size_t>(std::span<char>)>;

/// A source that reads `text`, which must outlive it.
ByteSource SourceOf(std::string_view text);

/// The bytes of a source that are not used up yet, together in memory. Not thread-safe.
class InputBuffer {
 public:
  explicit InputBuffer(ByteSource source) : source_(std::move(source)) {}

  /// What has been read and not been dropped. Valid until the next Fill or Drop.
  std::string_view text() const { return std::string_view(bytes_).substr(begin_, end_ - begin_); }
  /// Reads on, so that text() grows; false at the end of the source.
  Result<bool> Fill();
  /// Forgets the first `n_bytes` of text().
  void Drop(std::size_t n_bytes) { begin_ += n_bytes; }

 private:
  ByteSource source_;
  std::string bytes_;
  std::size_t begin_ = 0, end_ = 0;  // of text() in bytes_
};

}  // namespace copse
