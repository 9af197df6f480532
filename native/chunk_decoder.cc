#include "chunk_decoder.h"

#include <algorithm>
#include <utility>

namespace copse {
namespace {

// "ffffffff" and an extension; nobody needs a longer line.
constexpr std::size_t kLineBytesMax = 256;
constexpr std::size_t kSizeDigitsMax = 15;
constexpr int kTrailersMax = 100;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

void ChunkDecoder::Refuse(int status, std::string detail) {
  refusal_ = Refusal{.status = status,
                     .detail = std::move(detail),
                     .close = true,
                     .method = {},
                     .target = {},
                     .headers = {}};
}

ChunkDecoder::Step ChunkDecoder::Next(std::string_view in, char* out, std::size_t size) {
  Step step;
  while (step.n_read < in.size() && !ended() && !refusal_) {
    if (state_ != State::kData) {
      if (TakeCharacter(in[step.n_read++])) EndLine();
      continue;
    }
    const auto n = static_cast<std::size_t>(
        std::min<std::uint64_t>({size - step.n_written, remaining_, in.size() - step.n_read}));
    if (n == 0) break;
    std::copy_n(in.data() + step.n_read, n, out + step.n_written);
    step.n_read += n;
    step.n_written += n;
    remaining_ -= n;
    if (remaining_ == 0) state_ = State::kDataEnd;
  }
  return step;
}

// Whether it was the last one of a line.
bool ChunkDecoder::TakeCharacter(char c) {
  const bool after_cr = line_.ends_with('\r');
  if (c == '\n' && after_cr) {
    line_.pop_back();
    return true;
  }
  const bool is_control = static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\r';
  if (is_control || c == 0x7f || after_cr || line_.size() == kLineBytesMax) {
    Refuse(400, "The chunks of the body are broken.");
    return false;
  }
  line_.push_back(c);
  return false;
}

void ChunkDecoder::EndLine() {
  switch (state_) {
    case State::kSize:
      BeginChunk();
      break;
    case State::kDataEnd:
      if (!line_.empty()) Refuse(400, "A chunk of the body is longer than it says.");
      state_ = State::kSize;
      break;
    case State::kTrailers:
      if (line_.empty()) {
        state_ = State::kEnd;
      } else if (!IsToken(std::string_view(line_).substr(0, line_.find(':'))) ||
                 line_.find(':') == std::string::npos) {
        Refuse(400, "A trailer field of the body is not of the form NAME: VALUE.");
      } else if (++n_trailers_ == kTrailersMax) {
        Refuse(431, "The body has too many trailer fields.");
      }
      break;
    case State::kData:
    case State::kEnd:
      break;
  }
  line_.clear();
}

void ChunkDecoder::BeginChunk() {
  std::uint64_t size = 0;
  std::size_t digits = 0;
  while (digits < std::min(line_.size(), kSizeDigitsMax) && HexDigit(line_[digits]) >= 0) {
    size = size * 16 + static_cast<std::uint64_t>(HexDigit(line_[digits++]));
  }
  const std::string_view rest = Trim(std::string_view(line_).substr(digits));
  if (digits == 0 || !(rest.empty() || rest.front() == ';')) {
    return Refuse(400, "A chunk of the body has no valid size.");
  }
  // Sizes are below 2^60.
  if (size > bytes_max_ || n_bytes_ > bytes_max_ - size) {
    return Refuse(413, "The body has more than " + std::to_string(bytes_max_) + " bytes.");
  }
  n_bytes_ += size;
  remaining_ = size;
  state_ = size == 0 ? State::kTrailers : State::kData;
}

}  // namespace copse
