#include <algorithm>
#include <limits>

#include "copse/explain.h"
#include "walk.h"

namespace copse {
namespace {

// Leaves of the tree before the given side of `node` (a node of the forest).
std::uint32_t PlaceOf(const ForestParts& parts, std::size_t begin, std::size_t node, bool right) {
  std::uint32_t place = right && parts.left[node] < 0 ? 1 : 0;
  for (std::size_t n = begin; n < node; ++n) {
    place += (parts.left[n] < 0 ? 1u : 0u) + (parts.right[n] < 0 ? 1u : 0u);
  }
  return place;
}

// By the walk's own steps: rounded as there, and a linear leaf's value is that of the row.
std::vector<double> ValuesOf(const Forest& forest, std::size_t tree, std::size_t leaf,
                             std::span<const double> row) {
  const ForestParts& parts = forest.parts();
  const bool adds = forest.rules().aggregation <= Aggregation::kMean;
  std::vector<double> sums(forest.n_outputs(), adds ? 0 : std::numeric_limits<double>::quiet_NaN());
  walk::AddLeaf(forest, tree, leaf, row.data(), sums);
  if (forest.rules().aggregation == Aggregation::kMean) {
    for (std::size_t k = 0; k < sums.size(); ++k) sums[k] /= forest.trees_per_output()[k];
  }
  if (parts.leaf_width > 1 || parts.tree_output.empty()) return sums;
  return {sums[parts.tree_output[tree]]};
}

}  // namespace

TreePath DecisionPath(const Forest& forest, std::size_t tree, std::span<const double> row) {
  const ForestParts& parts = forest.parts();
  const std::size_t begin = parts.tree_begin[tree];
  const bool to_float = forest.rules().input == Precision::kFloat32;
  TreePath path;
  std::int32_t at = parts.tree_root[tree];
  while (at >= 0) {
    const auto node = static_cast<std::size_t>(at);
    const double x =
        to_float ? static_cast<float>(row[parts.feature[node]]) : row[parts.feature[node]];
    const bool left = walk::GoesLeft(forest, node, x);
    path.steps.push_back({static_cast<std::uint32_t>(node - begin), parts.feature[node], left,
                          walk::IsMissing(forest, node, x)});
    at = left ? parts.left[node] : parts.right[node];
    if (at < 0) path.place = PlaceOf(parts, begin, node, !left);
  }
  path.leaf = ~static_cast<std::uint32_t>(at);
  path.values = ValuesOf(forest, tree, path.leaf, row);
  return path;
}

}  // namespace copse
