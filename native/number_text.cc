#include "number_text.h"

#include <fast_float/fast_float.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <string>
#include <system_error>

#include "utf8.h"

namespace copse {
namespace {

// The zeros of Unicode's decimal digits (category Nd, Unicode 14) past ASCII; nine more digits
// follow each.
constexpr char32_t kZeros[] = {
    0x660,   0x6f0,   0x7c0,   0x966,   0x9e6,   0xa66,   0xae6,   0xb66,   0xbe6,   0xc66,
    0xce6,   0xd66,   0xde6,   0xe50,   0xed0,   0xf20,   0x1040,  0x1090,  0x17e0,  0x1810,
    0x1946,  0x19d0,  0x1a80,  0x1a90,  0x1b50,  0x1bb0,  0x1c40,  0x1c50,  0xa620,  0xa8d0,
    0xa900,  0xa9d0,  0xa9f0,  0xaa50,  0xabf0,  0xff10,  0x104a0, 0x10d30, 0x11066, 0x110f0,
    0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950,
    0x11c50, 0x11d50, 0x11da0, 0x16a60, 0x16ac0, 0x16b50, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec,
    0x1d7f6, 0x1e140, 0x1e2f0, 0x1e950, 0x1fbf0};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsSpace(char32_t c) {
  return (c >= 9 && c <= 13) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

// ASCII stays, digits of other scripts become ASCII, other white space a space; what no number
// holds becomes '?'.
char AsciiOf(char32_t c) {
  if (IsSpace(c)) return ' ';
  if (c < 0x80) return static_cast<char>(c);
  const auto* above = std::upper_bound(std::begin(kZeros), std::end(kZeros), c);
  if (above == std::begin(kZeros) || c - *(above - 1) > 9) return '?';
  return static_cast<char>('0' + (c - *(above - 1)));
}

std::string ToAscii(std::string_view text) {
  std::string ascii;
  while (!text.empty()) {
    const CodePoint c = FirstCodePoint(text);
    text.remove_prefix(std::max<std::size_t>(c.n_bytes, 1));
    ascii += c.n_bytes == 0 ? '?' : AsciiOf(c.value);
  }
  return ascii;
}

std::string_view Trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

// Drops underscores that stand between two digits; another one makes the text no number.
std::optional<std::string> WithoutUnderscores(std::string_view text) {
  std::string kept;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      kept += text[i];
      continue;
    }
    const bool between =
        i > 0 && i + 1 < text.size() && IsDigit(text[i - 1]) && IsDigit(text[i + 1]);
    if (!between) return std::nullopt;
  }
  return kept;
}

// Past what a double can hold, it is 0 or infinite; newer releases of fast_float report that too.
std::optional<double> ParseDigits(std::string_view text) {
  if (text.empty() || !(IsDigit(text[0]) || text[0] == '.')) return std::nullopt;
  double number = 0;
  const char* end = text.data() + text.size();
  const auto result = fast_float::from_chars(text.data(), end, number);
  if (result.ptr != end || result.ec == std::errc::invalid_argument) return std::nullopt;
  return number;
}

std::optional<double> ParseWord(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  if (lower == "inf" || lower == "infinity") return std::numeric_limits<double>::infinity();
  if (lower == "nan") return std::numeric_limits<double>::quiet_NaN();
  return std::nullopt;
}

std::optional<double> ParsePlain(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  std::optional<double> number = ParseDigits(text);
  if (!number) number = ParseWord(text);
  if (number && negative) number = -*number;
  return number;
}

}  // namespace

std::optional<double> ParseNumber(std::string_view text) {
  if (const auto number = ParsePlain(text)) return number;
  // Only these make the text another one below.
  const auto matters = [](char c) {
    return c == '_' || c == ' ' || (c >= 9 && c <= 13) || static_cast<unsigned char>(c) >= 0x80;
  };
  if (std::none_of(text.begin(), text.end(), matters)) return std::nullopt;
  const auto plain = WithoutUnderscores(Trimmed(ToAscii(text)));
  return plain ? ParsePlain(*plain) : std::nullopt;
}

std::optional<double> TakePlainNumber(std::string_view& text) {
  const char first = text.empty() ? '?' : text[0];
  if (!IsDigit(first) && first != '-' && first != '.') return std::nullopt;
  double number = 0;
  const auto result = fast_float::from_chars(text.data(), text.data() + text.size(), number);
  // Also "-inf" and "-nan" end here.
  if (result.ec != std::errc() || !std::isfinite(number)) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(result.ptr - text.data()));
  return number;
}

}  // namespace copse
