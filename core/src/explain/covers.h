#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "copse/forest.h"

namespace copse::explain {

/// What the file says of the training weight that came to each node [n_nodes()]: node.cover, or the
/// sum of what is below where it is left out. Empty where leaf.cover is.
std::vector<double> NodeCovers(const Forest& forest);

/// The part of a node's training weight that went left [n_nodes()]; the rest went right. A half
/// where nothing came at all. `covers` are NodeCovers, not empty unless there are no nodes.
std::vector<double> LeftShares(const Forest& forest, std::span<const double> covers);

/// The first value [leaf_width] of `leaf`, a number of the file.
inline std::size_t FirstValue(const ForestParts& parts, std::uint32_t leaf) {
  return (parts.leaf_row.empty() ? leaf : parts.leaf_row[leaf]) * parts.leaf_width;
}

/// What a tree is expected to say where a row is known down to a node only.
struct Expectations {
  std::vector<double> of_node;  ///< [n_nodes(), leaf_width]
};

/// Expectations of the nodes of `tree` into `of_node` [nodes of the tree, leaf_width].
void ExpectTree(const Forest& forest, std::size_t tree, std::span<const double> left_share,
                std::span<double> of_node);

/// Adds what the expectation changes by at each split on the way of `row` [n_features()], over all
/// trees and undivided, to `out` [n_outputs(), n_features() + 1], whose last column stays as it is.
/// Source: Saabas, treeinterpreter.
void AddSaabas(const Forest& forest, const Expectations& expectations, const double* row,
               std::span<double> out);

}  // namespace copse::explain
