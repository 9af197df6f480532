#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "kernels/lane_kernels.h"
#include "plan/columns.h"

namespace copse::plan {

/// Trees as the operations of lane select.
struct LaneTrees {
  struct Tree {
    std::uint32_t first_op = 0, n_ops = 0;
    std::uint32_t complete_depth = 0;  ///< as in LaneTree
    std::uint32_t first_leaf = 0, n_leaves = 0;
  };
  std::vector<LaneOp> ops;
  std::vector<Tree> trees;
  /// The leaf (number in the forest) at each place where a tree ends, from left to right.
  std::vector<std::uint32_t> leaves;

  /// Nothing where a tree has more than `leaves_max` ends. `lane_bytes` is the width of ranks and
  /// leaf numbers, 1 or 2; `complete_depths` are those of LaneKernelsOf.
  static std::optional<LaneTrees> Compile(const Forest& forest, TreeRange range,
                                          const Columns& columns, std::size_t leaves_max,
                                          std::size_t lane_bytes, std::uint32_t complete_depths);

  LaneTree tree(std::size_t t) const {
    return {ops.data() + trees[t].first_op, trees[t].n_ops, trees[t].complete_depth};
  }
  std::size_t bytes() const;
};

}  // namespace copse::plan
