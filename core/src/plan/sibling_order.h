#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "copse/forest.h"

namespace copse::plan {

/// Puts a tree, or what lies under one of its nodes, into slots: one for each node and each leaf,
/// siblings side by side behind their parent, so that a child is `left + goes_right`.
///
/// What is walked one after the other lies in one cache line: each line takes the upper levels of a
/// subtree, and what hangs below them begins lines of its own. May be used again and again.
class SiblingOrder {
 public:
  /// `slots_per_line` is even: a power of two.
  explicit SiblingOrder(std::size_t slots_per_line) : slots_per_line_(slots_per_line) {}

  /// Arranges what lies under `root` (a node, or ~leaf) of `parts`; the root takes slot 0.
  void Arrange(const ForestParts& parts, std::int32_t root);

  /// [slots] the node, or ~leaf, of each slot.
  std::span<const std::int32_t> items() const { return items_; }
  /// [slots] how far behind a slot its left child is; 0 for a leaf, whose next step is no step.
  std::span<const std::uint32_t> steps() const { return steps_; }

 private:
  void FillLine(const ForestParts& parts, std::size_t first);

  std::size_t slots_per_line_;
  std::vector<std::int32_t> items_;
  std::vector<std::uint32_t> steps_;
  std::vector<std::uint32_t> waiting_;  ///< slots whose children begin a line, first come first
  std::vector<std::uint32_t> line_;     ///< slots whose children belong into the line being filled
};

}  // namespace copse::plan
