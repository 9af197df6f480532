#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "copse/model.h"
#include "model_parts.h"
#include "random_forest.h"

/// Random forests with what explanations need: a cover for every place, and leaves of a size that
/// lets sums be compared.
namespace copse::test {

/// `forest` with a leaf of its own at each place, leaves and base that are multiples of 0.25, and
/// covers of 0 to 40; `with_nodes` gives nodes covers of their own beside what is below them, as
/// rounded hessians are.
inline ForestParts Covered(const Forest& forest, bool with_nodes, Dice& dice) {
  ForestParts parts = forest.parts();
  std::vector<double> values, leaf_cover, base;
  std::uint32_t n_leaves = 0;
  const auto place = [&](std::int32_t& child) {
    if (child >= 0) return;
    child = ~static_cast<std::int32_t>(n_leaves++);
    for (std::size_t k = 0; k < parts.leaf_width; ++k) values.push_back(Quarters(dice));
    leaf_cover.push_back(dice.Chance(10) ? 0 : static_cast<double>(dice.Below(41)));
  };
  for (std::int32_t& root : parts.tree_root) place(root);
  for (std::size_t n = 0; n < parts.left.size(); ++n) {
    place(parts.left[n]);
    place(parts.right[n]);
  }
  for (std::size_t k = 0; k < forest.n_outputs(); ++k) base.push_back(Quarters(dice));
  const auto below = [&](std::int32_t child, const std::vector<double>& nodes) {
    return child >= 0 ? nodes[static_cast<std::size_t>(child)]
                      : leaf_cover[~static_cast<std::uint32_t>(child)];
  };
  if (with_nodes) {
    std::vector<double> nodes(parts.left.size());
    for (std::size_t n = nodes.size(); n-- > 0;) {
      nodes[n] = (below(parts.left[n], nodes) + below(parts.right[n], nodes)) * 1.03125;
    }
    parts.node_cover = std::move(nodes);
  }
  parts.leaf_value = std::move(values);
  parts.leaf_cover = std::move(leaf_cover);
  parts.base = std::move(base);
  parts.leaf_row.clear();
  return parts;
}

/// A model of these trees whose outputs are numbers, by these rules.
inline ModelParts ModelOf(ForestParts parts, const Forest::Rules& rules) {
  const std::size_t n_outputs = Count(parts.base);
  const std::string outputs =
      R"([{"name":"y","kind":"value","columns":[0,)" + std::to_string(n_outputs) + "]}]";
  ModelParts model;
  model.metadata = Metadata(parts.n_features, "identity", outputs);
  const auto width = [](Precision precision) {
    return precision == Precision::kFloat32 ? "f32" : "f64";
  };
  model.metadata["input"] = width(rules.input);
  model.metadata["accumulate"] = width(rules.accumulate);
  constexpr const char* kCombine[] = {"sum", "mean", "min", "max"};
  model.metadata["combine"] = kCombine[static_cast<std::size_t>(rules.aggregation)];
  constexpr const char* kCast[] = {"nonnegative", "truncate", "table"};
  model.metadata["category_cast"] = kCast[static_cast<std::size_t>(rules.category_cast)];
  model.forest = std::move(parts);
  return model;
}

}  // namespace copse::test
