#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace copse::plan {

/// What a node of a tree does in lane select (lane_kernels.cc), for a group of rows at once: of two
/// leaf numbers in each lane, it keeps the right one where the test says so, else the left one.
/// Both are sums of a slot, which is what another node kept, and a constant: of a leaf, the slot is
/// 0, which holds zeros; of a node, the constant is 0. So no kind of node needs a branch.
struct LaneOp {
  std::uint16_t column = 0;
  std::uint16_t left = 0, right = 0;  ///< slots
  std::uint16_t result = 0;           ///< the slot that is overwritten
  /// The biased rank of the test, and the numbers of leaves, each as often as it fits into four
  /// bytes: these are loaded to all lanes in one instruction, single bytes are not.
  std::uint32_t rank = 0;
  std::uint32_t left_leaf = 0, right_leaf = 0;
};

/// The operations of a tree, children before their parents. Leaves are numbered from left to right.
struct LaneTree {
  const LaneOp* ops = nullptr;
  std::size_t n_bottom = 0;  ///< the first operations: those of two leaves, n and n + 1
  std::size_t n_ops = 0;
  /// Where not 0: the tree is complete, of this depth, and the operations are those of the left
  /// subtree, then of the right one, then the root, and so on down.
  std::size_t complete_depth = 0;
};

/// Of a tree of 1,024 leaves: a slot for each pair of leaves, and zeros.
inline constexpr std::size_t kLaneSlotsMax = 513;
inline constexpr std::size_t kCompleteDepthMax = 6;
/// So many numbers behind the last leaf value of a table may be read.
inline constexpr std::size_t kLeafTablePadding = 64;
/// Rows in a group are a divisor of this; columns of ranks, leaves and sums begin at a multiple of
/// this many bytes.
inline constexpr std::size_t kLanesMax = 256;
inline constexpr std::size_t kLaneAlignment = 64;

/// Leaves of so many trees are added in one go: a sum is loaded and stored once for all of them
/// (but not where there are fewer, or where their tables stay in registers).
inline constexpr std::size_t kTreesTogether = 4;

/// Where rows end in some trees, and what is added there: `leaves[t]` [n rows], `tables[t]` by
/// leaf.
template <class Leaf, class Number>
struct LeavesTogether {
  std::array<const Leaf*, kTreesTogether> leaves{};
  std::array<const Number*, kTreesTogether> tables{};
  std::size_t n_trees = 0;
  std::size_t n_leaves = 0;  ///< of the tree that has most
};

/// The loops of lane select for one width of ranks and leaf numbers, R being signed.
template <class R, class Leaf>
struct LaneKernelsOf {
  /// Rows in a group: many, which share the decoding of an operation, or few, for the last rows.
  std::size_t wide = 0, narrow = 0;
  /// Bit d is set where complete trees of depth d have a loop of their own.
  std::uint32_t complete_depths = 0;
  /// leaves[g * rows + r] is where row r of group g ends. `ranks` [n_groups, n_columns, rows].
  using Select = void (*)(const LaneTree& tree, const R* ranks, std::size_t n_columns,
                          std::size_t n_groups, Leaf* leaves);
  Select select_wide = nullptr, select_narrow = nullptr;
  /// sums[r] += table[leaves[r]], tree by tree; n is a multiple of `narrow`.
  void (*add_floats)(const LeavesTogether<Leaf, float>& trees, std::size_t n,
                     float* sums) = nullptr;
  /// Tables of doubles of up to this many leaves are searched in registers: 0 is none.
  std::size_t register_doubles = 0;
  using AddDoubles = void (*)(const LeavesTogether<Leaf, double>& trees, std::size_t n,
                              double* sums);
  AddDoubles add_doubles = nullptr;
  /// The same for tables [leaves, 4] and `sums` [n, 4].
  AddDoubles add_vectors = nullptr;
};

struct LaneKernels {
  LaneKernelsOf<std::int8_t, std::uint8_t> of8;
  LaneKernelsOf<std::int16_t, std::uint16_t> of16;
};

/// Those for this processor.
const LaneKernels& ChosenLaneKernels();

}  // namespace copse::plan
