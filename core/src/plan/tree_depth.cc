#include "plan/tree_depth.h"

#include <algorithm>

namespace copse::plan {

std::size_t SmallDepthOf(const Forest& forest, std::size_t tree,
                         std::vector<std::uint8_t>& scratch) {
  const ForestParts& parts = forest.parts();
  const std::size_t begin = parts.tree_begin[tree], end = parts.tree_begin[tree + 1];
  if (end - begin >= std::size_t{1} << kSmallDepthMax) return kSmallDepthMax + 1;
  scratch.assign(end - begin, 1);
  std::size_t deepest = 0;
  for (std::size_t node = begin; node < end; ++node) {  // children follow their parent
    const std::uint8_t here = scratch[node - begin];
    deepest = std::max<std::size_t>(deepest, here);
    for (const std::int32_t child : {parts.left[node], parts.right[node]}) {
      if (child >= 0) scratch[static_cast<std::size_t>(child) - begin] = here + 1;
    }
  }
  return std::min(deepest, kSmallDepthMax + 1);
}

}  // namespace copse::plan
