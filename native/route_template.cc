#include "route_template.h"

#include <algorithm>

namespace copse {
namespace {

// Takes the text up to the next slash off `rest`, and the slash.
std::string_view TakeSegment(std::string_view& rest) {
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  const std::string_view segment = rest.substr(0, slash);
  rest.remove_prefix(std::min(slash + 1, rest.size()));
  return segment;
}

}  // namespace

std::optional<std::vector<std::string_view>> MatchTemplate(std::string_view pattern,
                                                           std::string_view path) {
  if (pattern.find('{') == std::string_view::npos) {
    if (pattern != path) return std::nullopt;
    return std::vector<std::string_view>();
  }
  // Also a slash at the end is told apart from none.
  if (std::count(pattern.begin(), pattern.end(), '/') != std::count(path.begin(), path.end(), '/'))
    return std::nullopt;
  std::vector<std::string_view> places;
  while (!pattern.empty() || !path.empty()) {
    const std::string_view expected = TakeSegment(pattern);
    std::string_view segment = TakeSegment(path);
    const std::size_t open = expected.find('{'), close = expected.find('}');
    if (open == std::string_view::npos || close == std::string_view::npos) {
      if (segment != expected) return std::nullopt;
      continue;
    }
    const std::string_view before = expected.substr(0, open), after = expected.substr(close + 1);
    if (!segment.starts_with(before)) return std::nullopt;
    segment.remove_prefix(before.size());
    if (!segment.ends_with(after)) return std::nullopt;
    segment.remove_suffix(after.size());
    if (segment.empty()) return std::nullopt;
    places.push_back(segment);
  }
  return places;
}

}  // namespace copse
