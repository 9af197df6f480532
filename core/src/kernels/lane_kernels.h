#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace copse::plan {

/// What a node of a tree does in lane select (lane_kernels.cc), for a group of rows at once: of two
/// leaf numbers in each lane, it keeps the right one where the test says so, else the left one.
///
/// Nodes come in runs: one whose left child is a leaf, then its parent if it is the left child of
/// that, and so on up. So what is left of a node is what the node before it has kept, in registers.
/// What is right of it is a subtree, whose run came before, in a slot; or a leaf.
struct LaneOp {
  std::uint16_t column = 0;
  std::uint16_t right = 0;   ///< the slot of what is right; 0, which holds zeros: a leaf
  std::uint16_t result = 0;  ///< of the first node of a run: the slot where the run ends
  std::uint16_t n_more = 0;  ///< the same: nodes that follow in it
  /// The biased rank of the test, and a leaf number, each as often as it fits into four bytes:
  /// these are loaded to all lanes in one instruction, single bytes are not. The number is that of
  /// the left leaf in the first node of a run, of the right leaf in others, and 0 where none is.
  std::uint32_t rank = 0;
  std::uint32_t leaf = 0;
};

/// The operations of a tree. Leaves are numbered from left to right: of the first node of a run,
/// with two leaves, they are n and n + 1.
struct LaneTree {
  const LaneOp* ops = nullptr;
  std::size_t n_ops = 0;
  /// Where not 0: the tree is complete, of this depth, and the operations are those of the left
  /// subtree, then of the right one, then the root, and so on down; nodes of the last level have
  /// the number of their left leaf.
  std::size_t complete_depth = 0;
};

/// Of a tree of 1,024 leaves: a slot for each subtree of two, and zeros.
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
