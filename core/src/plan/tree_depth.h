#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "copse/forest.h"

namespace copse::plan {

/// Levels of a tree whose tests bit walk makes complete.
inline constexpr std::size_t kSmallDepthMax = 6;

/// Inner nodes on the longest way through `tree`; kSmallDepthMax + 1 where there are more than
/// kSmallDepthMax. `scratch` is memory to use again for the next tree.
std::size_t SmallDepthOf(const Forest& forest, std::size_t tree,
                         std::vector<std::uint8_t>& scratch);

}  // namespace copse::plan
