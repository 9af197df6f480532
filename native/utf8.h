#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace copse {

/// The character that starts a text, and how many bytes it takes.
struct CodePoint {
  char32_t value = 0;
  std::size_t n_bytes = 0;  ///< 0: these bytes are no UTF-8
};

/// Decodes the first character of `text`, which must not be empty. Overlong forms, surrogates and
/// numbers past U+10FFFF are no UTF-8.
CodePoint FirstCodePoint(std::string_view text);

bool IsUtf8(std::string_view text);

/// `text` in double quotes, as a message shows it: at most `n_shown_max` characters, then `...`;
/// what cannot be printed, quotes, and bytes that are no UTF-8, as `\x0a`.
std::string Shown(std::string_view text, std::size_t n_shown_max = 40);

}  // namespace copse
