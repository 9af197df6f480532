#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/bit_kernels.h"
#include "plan/layout.h"

namespace copse::plan {

/// What makes a layout of small trees: the tests of each tree, one for each bit of its mask, and
/// how the masks lead to leaves. Filled tree by tree by bit walk and leaf match.
struct SmallTreesParts {
  /// A test of no node: never right, and of no column.
  static constexpr std::uint32_t kNever = ~std::uint32_t{0};

  std::size_t mask_bytes = 8;        ///< of one tree: a bit for each test
  std::size_t width = 64;            ///< slots of one tree
  std::vector<NodeTest> tests;       ///< [trees, 8 mask_bytes] by bit; column kNever: no node
  std::vector<std::uint32_t> slots;  ///< [trees, width] leaf (number in the forest) of each slot
  BitKernels::Resolve resolve = nullptr;
  std::vector<MatchLine> lines;                   ///< of all chunks, for `resolve`; or empty
  std::vector<std::size_t> line_begin, n_leaves;  ///< [chunks] where they are; leaves of a tree
};

/// Whether the columns can be bytes in tables.
bool FitsSmallTrees(const Columns& columns);

std::unique_ptr<Layout> MakeSmallTrees(const Forest& forest, TreeRange trees, Columns columns,
                                       SmallTreesParts parts);

}  // namespace copse::plan
