#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace copse {

/// A request target, split and decoded.
struct Url {
  /// Percent-decoded, but for %2F: a slash that was escaped separates nothing.
  std::string path;
  /// `+` is a space; an escape that is none stays as it is, as browsers and the tutorial's server
  /// read it; bytes that are no UTF-8 become U+FFFD. In the order they were sent.
  std::vector<std::pair<std::string, std::string>> query;
};

/// Nothing if the path holds a broken escape, a control character or no UTF-8.
std::optional<Url> ParseTarget(std::string_view target);

}  // namespace copse
