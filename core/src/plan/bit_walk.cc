// All tests of a tree at once, then a walk over the bits: trees of up to six levels, made complete.
#include <algorithm>
#include <utility>
#include <vector>

#include "plan/layout.h"
#include "plan/small_trees.h"
#include "plan/tree_depth.h"

namespace copse::plan {
namespace {

// A node or leaf of a tree (as ForestParts::left has it) and its place in the heap.
struct Place {
  std::int32_t at = 0;
  std::size_t heap = 1;
};

std::size_t DepthMax(const Forest& forest, TreeRange trees) {
  std::vector<std::uint8_t> depth;
  std::size_t deepest = 0;
  for (std::size_t t = trees.begin; t < trees.end; ++t) {
    deepest = std::max(deepest, SmallDepthOf(forest, t, depth));
  }
  return deepest;
}

// Puts a tree into the heap order of `tests` and `slots`. A leaf above the last level has a subtree
// in which every test says left; it is the leaf of all its slots all the same.
void AddTree(const ForestParts& forest, const Columns& columns, std::size_t tree,
             SmallTreesParts& parts) {
  const std::size_t first_test = parts.tests.size(), first_slot = parts.slots.size();
  parts.tests.resize(first_test + parts.width, {SmallTreesParts::kNever, 0});
  parts.slots.resize(first_slot + parts.width);
  std::vector<Place> places = {{forest.tree_root[tree], 1}};
  while (!places.empty()) {
    const Place place = places.back();
    places.pop_back();
    if (place.at >= 0) {
      const auto node = static_cast<std::size_t>(place.at);
      parts.tests[first_test + place.heap] = columns.test(node);
      places.push_back({forest.left[node], 2 * place.heap});
      places.push_back({forest.right[node], 2 * place.heap + 1});
      continue;
    }
    std::size_t begin = place.heap, n = 1;
    while (begin < parts.width) {
      begin *= 2;
      n *= 2;
    }
    std::fill_n(parts.slots.begin() + static_cast<std::ptrdiff_t>(first_slot + begin - parts.width),
                n, ~static_cast<std::uint32_t>(place.at));
  }
}

}  // namespace

std::unique_ptr<Layout> MakeBitWalk(const Forest& forest, TreeRange trees, Columns columns) {
  const std::size_t depth = DepthMax(forest, trees);
  if (depth > kSmallDepthMax || !FitsSmallTrees(columns)) return nullptr;
  const bool deep = depth == kSmallDepthMax;
  const BitKernels& kernels = ChosenBitKernels();
  SmallTreesParts parts;
  parts.width = deep ? 64 : 32;
  parts.mask_bytes = parts.width / 8;
  parts.resolve = deep ? kernels.walk6 : kernels.walk5;
  parts.tests.reserve(trees.size() * parts.width);
  parts.slots.reserve(trees.size() * parts.width);
  for (std::size_t t = trees.begin; t < trees.end; ++t) {
    AddTree(forest.parts(), columns, t, parts);
  }
  return MakeSmallTrees(forest, trees, std::move(columns), std::move(parts));
}

}  // namespace copse::plan
