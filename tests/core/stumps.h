#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

#include "copse/forest.h"

/// Forests of one split a tree: what compiles questions sees each node by itself.
namespace copse::test {

/// A split; `listed` and `known` are the words of its sets where `flags` say that it has them.
struct Stump {
  std::uint32_t feature = 0;
  double threshold = 0;
  std::uint8_t flags = 0;
  std::vector<std::uint32_t> listed = {};
  std::vector<std::uint32_t> known = {};
};

inline Forest MakeForest(ForestParts parts, Forest::Rules rules) {
  auto forest = Forest::Create(std::move(parts), rules);
  if (!forest.ok()) {
    ADD_FAILURE() << forest.error().message;
    std::abort();
  }
  return std::move(forest).value();
}

/// Node i is the split of tree i. Known sets are written where any stump has one.
inline ForestParts StumpParts(const std::vector<Stump>& stumps, std::size_t n_features) {
  ForestParts parts;
  parts.n_features = n_features;
  parts.tree_begin = {0};
  parts.cat_begin = {0};
  bool any_known = false;
  std::vector<double> thresholds, leaves;
  std::vector<std::uint32_t> known_begin = {0};
  for (const Stump& stump : stumps) {
    const auto node = static_cast<std::int32_t>(parts.feature.size());
    parts.tree_root.push_back(node);
    parts.tree_begin.push_back(static_cast<std::uint32_t>(node + 1));
    parts.left.push_back(~(2 * node));
    parts.right.push_back(~(2 * node + 1));
    parts.feature.push_back(stump.feature);
    parts.flags.push_back(stump.flags);
    thresholds.push_back(stump.threshold);
    leaves.insert(leaves.end(), {1.0, 2.0});
    if ((stump.flags & node_flags::kCategorical) == 0) continue;
    any_known |= !stump.known.empty();
    parts.cat_node.push_back(static_cast<std::uint32_t>(node));
    parts.cat_words.insert(parts.cat_words.end(), stump.listed.begin(), stump.listed.end());
    parts.cat_begin.push_back(static_cast<std::uint32_t>(parts.cat_words.size()));
    parts.known_words.insert(parts.known_words.end(), stump.known.begin(), stump.known.end());
    known_begin.push_back(static_cast<std::uint32_t>(parts.known_words.size()));
  }
  if (parts.cat_node.empty()) parts.cat_begin.clear();
  if (any_known) parts.known_begin = std::move(known_begin);
  parts.threshold = std::move(thresholds);
  parts.leaf_value = std::move(leaves);
  parts.base = std::vector<double>{0};
  return parts;
}

}  // namespace copse::test
