// All tests of a tree at once, then the leaf that fits them: trees of up to 32 leaves, of any
// depth.
#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>
#include <vector>

#include "plan/layout.h"
#include "plan/small_trees.h"

namespace copse::plan {
namespace {

// What the bits of a row that ends in a leaf are: `want` where `care` is 1, anything elsewhere.
struct Leaf {
  std::uint32_t care = 0, want = 0;
  std::uint32_t number = 0;  // in the forest
};

// A node or leaf on the way down, and what the tests above it answered.
struct Place {
  std::int32_t at = 0;
  std::uint32_t care = 0, want = 0;
};

// Ends of the largest tree.
std::size_t LeavesMax(const ForestParts& forest, TreeRange trees) {
  std::size_t most = 1;
  for (std::size_t t = trees.begin; t < trees.end; ++t) {
    most = std::max<std::size_t>(most, forest.tree_begin[t + 1] - forest.tree_begin[t] + 1);
  }
  return most;
}

// Node i of the tree is bit i.
std::vector<Leaf> LeavesOf(const ForestParts& forest, std::size_t tree) {
  std::vector<Leaf> leaves;
  std::vector<Place> places = {{forest.tree_root[tree]}};
  while (!places.empty()) {
    const Place place = places.back();
    places.pop_back();
    if (place.at < 0) {
      leaves.push_back({place.care, place.want, ~static_cast<std::uint32_t>(place.at)});
      continue;
    }
    const auto node = static_cast<std::size_t>(place.at);
    const std::uint32_t bit = std::uint32_t{1} << (node - forest.tree_begin[tree]);
    places.push_back({forest.right[node], place.care | bit, place.want | bit});
    places.push_back({forest.left[node], place.care | bit, place.want});
  }
  return leaves;
}

void PutLane(std::uint32_t value, std::size_t bytes, std::uint8_t* to) {
  for (std::size_t i = 0; i < bytes; ++i) to[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

// What leaf match keeps of the trees of one chunk: see BitKernels::Resolve.
void AddChunk(const std::vector<std::vector<Leaf>>& trees, SmallTreesParts& parts) {
  const std::size_t bytes = parts.mask_bytes;
  const std::size_t array_bytes = ChunkTrees(bytes) * bytes;
  std::size_t n_leaves = 1;
  for (const auto& leaves : trees) n_leaves = std::max(n_leaves, leaves.size());
  // All ones of no care: what no mask gives.
  std::vector<std::uint8_t> lanes((n_leaves - 1) * 2 * array_bytes);
  for (std::size_t k = 1; k < n_leaves; ++k) {
    std::uint8_t* care = &lanes[(k - 1) * 2 * array_bytes];
    for (std::size_t t = 0; t < ChunkTrees(bytes); ++t) {
      const bool is_leaf = t < trees.size() && k < trees[t].size();
      const Leaf leaf = is_leaf ? trees[t][k] : Leaf{0, ~std::uint32_t{0}};
      PutLane(leaf.care, bytes, care + t * bytes);
      PutLane(leaf.want, bytes, care + array_bytes + t * bytes);
    }
  }
  parts.line_begin.push_back(parts.lines.size());
  parts.n_leaves.push_back(n_leaves);
  parts.lines.resize(parts.lines.size() + lanes.size() / sizeof(MatchLine));
  if (!lanes.empty()) {
    std::memcpy(&parts.lines[parts.line_begin.back()], lanes.data(), lanes.size());
  }
}

void AddTree(const ForestParts& forest, const Columns& columns, std::size_t tree,
             const std::vector<Leaf>& leaves, SmallTreesParts& parts) {
  const std::size_t first_test = parts.tests.size(), first_slot = parts.slots.size();
  parts.tests.resize(first_test + 8 * parts.mask_bytes, {SmallTreesParts::kNever, 0});
  parts.slots.resize(first_slot + parts.width, leaves.front().number);
  const std::size_t begin = forest.tree_begin[tree];
  for (std::size_t node = begin; node < forest.tree_begin[tree + 1]; ++node) {
    parts.tests[first_test + node - begin] = columns.test(node);
  }
  for (std::size_t k = 0; k < leaves.size(); ++k) parts.slots[first_slot + k] = leaves[k].number;
}

}  // namespace

std::unique_ptr<Layout> MakeLeafMatch(const Forest& forest, TreeRange trees, Columns columns) {
  const std::size_t most = LeavesMax(forest.parts(), trees);
  if (most > kLeafMatchLeavesMax || !FitsSmallTrees(columns)) return nullptr;
  const BitKernels& kernels = ChosenBitKernels();
  SmallTreesParts parts;
  parts.width = most <= 8 ? 8 : most <= 16 ? 16 : 32;
  parts.mask_bytes = parts.width / 8;
  parts.resolve = most <= 8 ? kernels.match8 : most <= 16 ? kernels.match16 : kernels.match32;
  std::vector<std::vector<Leaf>> chunk;
  for (std::size_t t = trees.begin; t < trees.end; ++t) {
    chunk.push_back(LeavesOf(forest.parts(), t));
    AddTree(forest.parts(), columns, t, chunk.back(), parts);
    if (chunk.size() < ChunkTrees(parts.mask_bytes) && t + 1 < trees.end) continue;
    AddChunk(chunk, parts);
    chunk.clear();
  }
  parts.lines.emplace_back();  // trees of one leaf have none, but an address
  return MakeSmallTrees(forest, trees, std::move(columns), std::move(parts));
}

}  // namespace copse::plan
