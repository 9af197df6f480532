#include "text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include <nlohmann/json.hpp>

namespace copse::text {
namespace {

constexpr std::size_t kQuotedBytesMax = 60;

struct Utf8Range {
  unsigned char first_low, first_high;    // of the leading byte
  unsigned char second_low, second_high;  // of the byte after it; the others are 80..BF
  std::size_t length;
};
// RFC 3629 section 4, in its order.
constexpr std::array<Utf8Range, 9> kUtf8 = {{{0x00, 0x7f, 0, 0, 1},
                                             {0xc2, 0xdf, 0x80, 0xbf, 2},
                                             {0xe0, 0xe0, 0xa0, 0xbf, 3},
                                             {0xe1, 0xec, 0x80, 0xbf, 3},
                                             {0xed, 0xed, 0x80, 0x9f, 3},
                                             {0xee, 0xef, 0x80, 0xbf, 3},
                                             {0xf0, 0xf0, 0x90, 0xbf, 4},
                                             {0xf1, 0xf3, 0x80, 0xbf, 4},
                                             {0xf4, 0xf4, 0x80, 0x8f, 4}}};

bool IsBetween(unsigned char byte, unsigned char low, unsigned char high) {
  return low <= byte && byte <= high;
}

/// Bytes of the UTF-8 sequence that `bytes` starts with; 0 when it is none.
std::size_t SequenceLength(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  for (const Utf8Range& range : kUtf8) {
    if (!IsBetween(byte(0), range.first_low, range.first_high)) continue;
    if (range.length > bytes.size()) return 0;
    if (range.length > 1 && !IsBetween(byte(1), range.second_low, range.second_high)) return 0;
    for (std::size_t i = 2; i < range.length; ++i) {
      if (!IsBetween(byte(i), 0x80, 0xbf)) return 0;
    }
    return range.length;
  }
  return 0;
}

/// C0, DEL, and C1 (U+0080..U+009F): the last are terminal controls too.
bool IsControl(std::string_view sequence) {
  const auto first = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1) return first < 0x20 || first == 0x7f;
  return first == 0xc2 && static_cast<unsigned char>(sequence[1]) < 0xa0;
}

void AppendEscaped(char byte, std::string& out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto value = static_cast<unsigned char>(byte);
  out += "\\x";
  out += kDigits[value >> 4];
  out += kDigits[value & 15];
}

}  // namespace

std::size_t FindInvalidUtf8(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = SequenceLength(bytes.substr(at));
    if (length == 0) return at;
    at += length;
  }
  return std::string_view::npos;
}

void AppendUtf8(std::uint32_t code, std::string& out) {
  const auto append = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) return append(code);
  if (code < 0x800) {
    append(0xc0 | code >> 6);
  } else {
    append(code < 0x10000 ? 0xe0 | code >> 12 : 0xf0 | code >> 18);
    if (code >= 0x10000) append(0x80 | (code >> 12 & 0x3f));
    append(0x80 | (code >> 6 & 0x3f));
  }
  append(0x80 | (code & 0x3f));
}

std::string Quote(std::string_view text) {
  std::string quoted = "\"";
  std::size_t at = 0;
  while (at < text.size() && at < kQuotedBytesMax) {
    const std::size_t length = SequenceLength(text.substr(at));
    const std::string_view sequence = text.substr(at, std::max<std::size_t>(length, 1));
    const bool is_plain =
        length > 0 && !IsControl(sequence) && sequence != "\"" && sequence != "\\";
    if (is_plain) quoted += sequence;
    for (std::size_t i = 0; !is_plain && i < sequence.size(); ++i) {
      AppendEscaped(sequence[i], quoted);
    }
    at += sequence.size();
  }
  if (at < text.size()) quoted += "...";
  return quoted + "\"";
}

std::optional<std::string_view> FindTwice(std::vector<std::string_view> texts) {
  // As std::sort, a little slower and a sixth of the code.
  std::make_heap(texts.begin(), texts.end());
  std::sort_heap(texts.begin(), texts.end());
  const auto twice = std::adjacent_find(texts.begin(), texts.end());
  return twice == texts.end() ? std::nullopt : std::optional(*twice);
}

std::string FromDouble(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  // nlohmann's Grisu2: to_chars of a double is in neither of our standard libraries for
  // WebAssembly, and printf's is several times the code.
  std::array<char, 64> digits{};
  const char* end = nlohmann::detail::to_chars(digits.data(), digits.data() + 64, value);
  return std::string(static_cast<const char*>(digits.data()), end);
}

void Piece::AppendTo(std::string& sentence) const {
  switch (kind_) {
    case Kind::kText:
      sentence += text_;
      return;
    case Kind::kDouble:
      sentence += FromDouble(double_);
      return;
    case Kind::kSigned:
      sentence += std::to_string(signed_);
      return;
    case Kind::kUnsigned:
      sentence += std::to_string(unsigned_);
      return;
  }
}

std::string Concat(std::initializer_list<Piece> pieces) {
  std::string sentence;
  for (const Piece& piece : pieces) piece.AppendTo(sentence);
  return sentence;
}

Error MakeError(ErrorCode code, std::initializer_list<Piece> pieces) {
  std::string message = Concat(pieces);
  if (message.size() > kMessageBytesMax) {
    std::size_t end = kMessageBytesMax - 3;
    while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xc0) == 0x80) --end;
    message.resize(end);
    message += "...";
  }
  return Error{code, std::move(message)};
}

Error Invalid(std::initializer_list<Piece> pieces) {
  return MakeError(ErrorCode::kInvalidModel, pieces);
}
Error Unsupported(std::initializer_list<Piece> pieces) {
  return MakeError(ErrorCode::kUnsupportedModel, pieces);
}
Error TooLarge(std::initializer_list<Piece> pieces) {
  return MakeError(ErrorCode::kTooLarge, pieces);
}

void AppendChoice(std::string_view name, std::string& list) {
  if (!list.empty()) list += " or ";
  list += Quote(name);
}

Flaw::Flaw(Error error) : error_(std::make_unique<Error>(std::move(error))) {}

}  // namespace copse::text
