#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace copse {

/// What `path` has in the places of `{...}` in `pattern`, in their order, or nothing if the path is
/// another one. A place holds one or more bytes and no slash; text may follow it in its segment:
/// "/v1/models/{model}:predict". A pattern without places is the path itself.
///
/// Each segment has at most one place. The views are of `path`. Thread-safe.
std::optional<std::vector<std::string_view>> MatchTemplate(std::string_view pattern,
                                                           std::string_view path);

}  // namespace copse
