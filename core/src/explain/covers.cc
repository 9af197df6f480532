#include "explain/covers.h"

#include "walk.h"

namespace copse::explain {
namespace {

double CoverOf(const ForestParts& parts, std::span<const double> covers, std::int32_t child) {
  if (child >= 0) return covers[static_cast<std::size_t>(child)];
  return At(parts.leaf_cover, ~static_cast<std::uint32_t>(child));
}

}  // namespace

std::vector<double> NodeCovers(const Forest& forest) {
  const ForestParts& parts = forest.parts();
  std::vector<double> covers;
  if (Count(parts.leaf_cover) == 0) return covers;
  covers.resize(forest.n_nodes());
  const bool has_nodes = Count(parts.node_cover) > 0;
  // Children have larger numbers than their parent.
  for (std::size_t n = covers.size(); n-- > 0;) {
    covers[n] =
        has_nodes ? At(parts.node_cover, n)
                  : CoverOf(parts, covers, parts.left[n]) + CoverOf(parts, covers, parts.right[n]);
  }
  return covers;
}

std::vector<double> LeftShares(const Forest& forest, std::span<const double> covers) {
  const ForestParts& parts = forest.parts();
  std::vector<double> shares(forest.n_nodes());
  for (std::size_t n = 0; n < shares.size(); ++n) {
    // Halved first: two large weights have a finite sum.
    const double left = CoverOf(parts, covers, parts.left[n]) / 2;
    const double right = CoverOf(parts, covers, parts.right[n]) / 2;
    const double sum = left + right;
    shares[n] = sum > 0 ? left / sum : 0.5;
  }
  return shares;
}

void ExpectTree(const Forest& forest, std::size_t tree, std::span<const double> left_share,
                std::span<double> of_node) {
  const ForestParts& parts = forest.parts();
  const std::size_t begin = parts.tree_begin[tree];
  const std::size_t width = parts.leaf_width;
  const auto value_of = [&](std::int32_t child, std::size_t k) {
    if (child >= 0) return of_node[(static_cast<std::size_t>(child) - begin) * width + k];
    return At(parts.leaf_value, FirstValue(parts, ~static_cast<std::uint32_t>(child)) + k);
  };
  for (std::size_t n = parts.tree_begin[tree + 1]; n-- > begin;) {
    const double left = left_share[n];
    for (std::size_t k = 0; k < width; ++k) {
      of_node[(n - begin) * width + k] =
          left * value_of(parts.left[n], k) + (1 - left) * value_of(parts.right[n], k);
    }
  }
}

void AddSaabas(const Forest& forest, const Expectations& expectations, const double* row,
               std::span<double> out) {
  const ForestParts& parts = forest.parts();
  const std::size_t width = parts.leaf_width, stride = parts.n_features + 1;
  const bool to_float = forest.rules().input == Precision::kFloat32;
  for (std::size_t t = 0; t < forest.n_trees(); ++t) {
    const std::size_t output = parts.tree_output.empty() ? 0 : parts.tree_output[t];
    for (std::int32_t at = parts.tree_root[t]; at >= 0;) {
      const auto node = static_cast<std::size_t>(at);
      const double x = row[parts.feature[node]];
      const bool left = walk::GoesLeft(forest, node, to_float ? static_cast<float>(x) : x);
      at = left ? parts.left[node] : parts.right[node];
      for (std::size_t k = 0; k < width; ++k) {
        const double known =
            at >= 0 ? expectations.of_node[static_cast<std::size_t>(at) * width + k]
                    : At(parts.leaf_value, FirstValue(parts, ~static_cast<std::uint32_t>(at)) + k);
        out[(output + k) * stride + parts.feature[node]] +=
            known - expectations.of_node[node * width + k];
      }
    }
  }
}

}  // namespace copse::explain
