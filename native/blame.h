#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace copse {

/// What a refusal is about, for programs: the sentence says it too.
struct Blame {
  std::string field;                 ///< the feature, field or column; empty: none in particular
  std::optional<std::string> value;  ///< the text that was sent for it; nothing if none was
};

inline Blame BlameOn(std::string_view field) { return {std::string(field), std::nullopt}; }
inline Blame BlameOn(std::string_view field, std::string_view value) {
  return {std::string(field), std::string(value)};
}

}  // namespace copse
