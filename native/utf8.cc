#include "utf8.h"

#include <cstdint>

namespace copse {
namespace {

std::uint8_t Byte(std::string_view text, std::size_t i) {
  return static_cast<std::uint8_t>(text[i]);
}

bool IsPrintable(char32_t c) {
  return c >= 0x20 && c != '"' && c != 0x7f && (c < 0x80 || c > 0x9f);
}

std::string HexEscape(std::uint8_t byte) {
  constexpr char kDigits[] = "0123456789abcdef";
  return {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
}

}  // namespace

CodePoint FirstCodePoint(std::string_view text) {
  const std::uint8_t lead = Byte(text, 0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t n = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < n) return {};
  char32_t value = lead & (0x7fu >> n);
  for (std::size_t i = 1; i < n; ++i) {
    if ((Byte(text, i) & 0xc0) != 0x80) return {};
    value = value << 6 | (Byte(text, i) & 0x3fu);
  }
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < kSmallest[n] || surrogate || value > 0x10ffff) return {};
  return {value, n};
}

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const CodePoint c = FirstCodePoint(text);
    if (c.n_bytes == 0) return false;
    text.remove_prefix(c.n_bytes);
  }
  return true;
}

std::string Shown(std::string_view text, std::size_t n_shown_max) {
  std::string shown = "\"";
  for (std::size_t n = 0; !text.empty(); ++n) {
    if (n == n_shown_max) return shown + "...\"";
    const CodePoint c = FirstCodePoint(text);
    const std::size_t n_bytes = c.n_bytes == 0 ? 1 : c.n_bytes;
    if (c.n_bytes != 0 && IsPrintable(c.value)) {
      shown += text.substr(0, n_bytes);
    } else {
      for (std::size_t i = 0; i < n_bytes; ++i) shown += HexEscape(Byte(text, i));
    }
    text.remove_prefix(n_bytes);
  }
  return shown + "\"";
}

}  // namespace copse
