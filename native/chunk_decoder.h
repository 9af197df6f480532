#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http_head.h"

namespace copse {

/// Undoes the chunked coding (RFC 9112, section 7.1) as its bytes come, strictly: a line ends with
/// CR LF and with nothing else, and holds no control character. Extensions and trailer fields are
/// skipped, if that is what they are.
class ChunkDecoder {
 public:
  /// A body of more than `bytes_max` is refused as soon as a chunk says so.
  explicit ChunkDecoder(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  struct Step {
    std::size_t n_read = 0, n_written = 0;
  };
  /// Goes on with `in`, and writes at most `size` bytes of the body. Stops where the body ends, or
  /// is refused. Nothing is left of `in` otherwise, unless `out` is full.
  Step Next(std::string_view in, char* out, std::size_t size);

  bool ended() const { return state_ == State::kEnd; }
  /// Why there is no such body; nothing as long as it is one.
  const std::optional<Refusal>& refusal() const { return refusal_; }

  /// From now on the body may be of any length.
  void TakeAnyLength() { bytes_max_ = UINT64_MAX; }

 private:
  enum class State { kSize, kData, kDataEnd, kTrailers, kEnd };

  bool TakeCharacter(char c);
  void EndLine();
  void BeginChunk();
  void Refuse(int status, std::string detail);

  std::uint64_t bytes_max_;
  State state_ = State::kSize;
  std::string line_;
  std::uint64_t remaining_ = 0;  ///< bytes of the chunk
  std::uint64_t n_bytes_ = 0;    ///< of all chunks so far
  int n_trailers_ = 0;
  std::optional<Refusal> refusal_;
};

}  // namespace copse
