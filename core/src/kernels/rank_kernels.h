#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>

// How ranks are found: the loops that are compiled once for each instruction set.
namespace copse::plan {

/// Sixteen rising keys, behind the last of them infinities: a cache line of floats.
template <class Key>
struct alignas(64) KeyBlock {
  Key keys[16];
};

/// A search tree with sixteen ways at every node holds 16^7 = 2^28 keys, more than there are nodes.
inline constexpr std::size_t kRankLevelsMax = 7;
/// Values come to the lane-wise loops in multiples of this.
inline constexpr std::size_t kRankLanes = 64;

/// The keys of one feature as a tree of blocks. A block of the lowest level holds keys; one above
/// holds the largest key of each block below but the last, so that counting the keys below x in it
/// says which way to go.
struct RankTree {
  std::uint32_t feature = 0;
  std::uint32_t column = 0;           ///< where the rank goes
  std::uint32_t rank_of_missing = 0;  ///< what it is where x is NaN
  std::uint32_t n_keys = 0;
  std::array<std::uint32_t, kRankLevelsMax> level{};  ///< its first block, the highest level first
  /// Its first block in `heaps` (RankLoops::heap_keys_max): a heap of 2^levels places, of which
  /// place 1 is the middle key, 2 and 3 are the middles of either half, and so on.
  std::uint32_t heap = 0;
};

/// What the loops search. Trees are sorted by their height: those of `height` levels are
/// [ends[height - 1], ends[height]).
template <class Key>
struct RankTables {
  const RankTree* trees = nullptr;
  std::array<std::uint32_t, kRankLevelsMax + 1> ends{};
  const KeyBlock<Key>* blocks = nullptr;
  const KeyBlock<Key>* heaps = nullptr;
};

/// The loops for one width of keys and of ranks.
template <class Key, class R>
struct RankLoops {
  /// Ranks of all trees for rows of `n_features`, each cast to Key first, into rows of `stride`.
  template <class Number>
  using Rows = void (*)(const RankTables<Key>& tables, const Number* rows, std::size_t n_features,
                        std::size_t n_rows, R* out, std::size_t stride);
  /// Ranks of `n` values, a multiple of kRankLanes, in the tree number `tree`, minus half the range
  /// of R.
  using Lanes = void (*)(const RankTables<Key>& tables, std::size_t tree, const Key* values,
                         std::size_t n, std::make_signed_t<R>* out);

  Rows<float> from_floats = nullptr;
  Rows<double> from_doubles = nullptr;
  Lanes lanes = nullptr;
  std::uint32_t heap_keys_max = 0;  ///< features of up to so many keys have a heap, too
};

using RankKernels = std::tuple<RankLoops<float, std::uint8_t>, RankLoops<float, std::uint16_t>,
                               RankLoops<float, std::uint32_t>, RankLoops<double, std::uint8_t>,
                               RankLoops<double, std::uint16_t>, RankLoops<double, std::uint32_t>>;

/// Those for this processor, or for the targets that tests left.
const RankKernels& ChosenRankKernels();

}  // namespace copse::plan
