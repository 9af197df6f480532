// Ranks: how many of a feature's sorted thresholds lie below x.
//
// One row: sixteen keys are compared with x at once, and the number of those below it is the way to
// take in a search tree of sixteen ways, whose nodes are cache lines; 255 keys take two such steps
// without a branch, 65,535 four. Trees of more than two levels wait for memory, so all features
// of a row, or several rows of a feature, go down level by level together.
//
// Many rows, up to 255 keys: a lane for each row goes down a binary heap that lies in registers.
// A key is fetched by a permute of the register or pair of registers that holds its level, where
// the lane's place in the heap is the index; a level of several registers is permuted in each, and
// the comparisons made higher up choose among them. Eight levels of sixteen rows take some
// forty instructions. Where a permute takes less, the upper of two levels of a search tree is
// counted for many rows at once, key by key.
#include "kernels/rank_kernels.h"

#include <cstring>
#include <type_traits>

#include "kernels/prefetch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/rank_kernels.cc"
#include <hwy/foreach_target.h>  // includes this file once for each target
// Behind foreach_target.h, or it would be compiled for one target only.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace copse::plan::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// As many lanes as there are, up to a block.
template <class Key>
using Tag = hn::CappedTag<Key, 16>;
template <class Key>
inline constexpr std::size_t kLanes = hn::MaxLanes(Tag<Key>());

// Up to so many keys are searched in a heap, for ranks as wide as R; none where a permute does not
// take a whole register, nor for wide ranks, which only forests of huge features have.
template <class Key, class R>
constexpr std::uint32_t HeapKeysMax() {
  if (sizeof(R) == 4) return 0;
  if (HWY_TARGET <= HWY_AVX3) return 255;
  return HWY_TARGET == HWY_AVX2 && sizeof(Key) == 4 ? 63 : 0;
}

// Loops over the vectors of a block say that they are to be unrolled: for WebAssembly this is
// compiled without, and what they index would lie in memory.

// How many keys of a block lie below x.
template <class Key>
HWY_INLINE std::uint32_t Below(const KeyBlock<Key>& block, Key x) {
  const Tag<Key> d;
  const auto xs = hn::Set(d, x);
#if HWY_TARGET != HWY_SCALAR
  if constexpr (sizeof(Key) == 4 && kLanes<Key> == 4) {
    const hn::Repartition<std::int16_t, Tag<Key>> d16;
    const hn::RebindToSigned<Tag<Key>> d32;
    const auto below = [&](std::size_t i) HWY_ATTR {
      return hn::VecFromMask(d32, hn::RebindMask(d32, hn::Lt(hn::Load(d, block.keys + 4 * i), xs)));
    };
    const auto a = hn::ReorderDemote2To(d16, below(0), below(1));
    const auto b = hn::ReorderDemote2To(d16, below(2), below(3));
#if HWY_TARGET == HWY_WASM  // Highway's first versions count by way of memory
    const auto bits = wasm_i8x16_bitmask(wasm_i8x16_narrow_i16x8(a.raw, b.raw));
    return static_cast<std::uint32_t>(hwy::PopCount(static_cast<std::uint32_t>(bits)));
#else
    const hn::Repartition<std::int8_t, Tag<Key>> d8;
    // Of every 16 bits one byte says it.
    const auto both = hn::OddEven(hn::BitCast(d8, a), hn::BitCast(d8, b));
    return static_cast<std::uint32_t>(hn::CountTrue(d8, hn::MaskFromVec(both)));
#endif
  }
#endif
  if constexpr (kLanes<Key> == 2) {
    const hn::RebindToSigned<Tag<Key>> di;
    auto sum = hn::Zero(di);  // minus the number below, in each lane
    HWY_UNROLL(8)
    for (std::size_t i = 0; i < 16; i += 2) {
      const auto below = hn::RebindMask(di, hn::Lt(hn::Load(d, block.keys + i), xs));
      sum = hn::Add(sum, hn::VecFromMask(di, below));
    }
    return static_cast<std::uint32_t>(-hn::GetLane(hn::SumOfLanes(di, sum)));
  }
  std::size_t n = 0;
  HWY_UNROLL(8)
  for (std::size_t i = 0; i < 16; i += kLanes<Key>) {
    n += hn::CountTrue(d, hn::Lt(hn::Load(d, block.keys + i), xs));
  }
  return static_cast<std::uint32_t>(n);
}

#if !HWY_HAVE_FLOAT64
// Highway's first versions have no doubles for WebAssembly; both compilers have.
using Doubles [[gnu::vector_size(16)]] = double;
using Longs [[gnu::vector_size(16)]] = std::int64_t;

HWY_INLINE Doubles LoadPair(const double* from) {
  Doubles pair;
  std::memcpy(&pair, from, sizeof pair);
  return pair;
}

HWY_INLINE std::uint32_t Below(const KeyBlock<double>& block, double x) {
  const Doubles xs = {x, x};
  Longs sum = {0, 0};
  HWY_UNROLL(8)
  for (std::size_t i = 0; i < 16; i += 2) sum += LoadPair(block.keys + i) < xs;
  return static_cast<std::uint32_t>(-(sum[0] + sum[1]));
}
#endif

// The rank of x in a tree of `kHeight` levels.
template <std::size_t kHeight, class Key>
HWY_INLINE std::uint32_t Rank(const KeyBlock<Key>* blocks, const RankTree& tree, Key x) {
  std::uint32_t at = 0;
  for (std::size_t level = 0; level < kHeight; ++level) {
    at = at * 16 + Below(blocks[tree.level[level] + at], x);
  }
  return at;
}

// The trees of `kHeight` levels, for one row.
template <std::size_t kHeight, class Key, class Number, class R>
HWY_INLINE void RankLow(const RankTables<Key>& tables, const Number* row, R* out) {
  for (std::size_t i = tables.ends[kHeight - 1]; i < tables.ends[kHeight]; ++i) {
    const RankTree& tree = tables.trees[i];
    const Key x = static_cast<Key>(row[tree.feature]);
    const std::uint32_t rank = Rank<kHeight>(tables.blocks, tree, x);
    out[tree.column] = static_cast<R>(x == x ? rank : tree.rank_of_missing);
  }
}

// So many searches are on their way at once: enough to hide what memory takes.
inline constexpr std::size_t kInFlight = 32;

// `n` <= kInFlight searches in trees of `height` levels, level by level: either in one tree
// (kOneTree) or each in its own.
template <bool kOneTree, class Key>
HWY_NOINLINE void Descend(const KeyBlock<Key>* blocks, const RankTree* trees, std::size_t height,
                          const Key* x, std::size_t n, std::uint32_t* at) {
  for (std::size_t i = 0; i < n; ++i) at[i] = 0;
  for (std::size_t level = 0; level < height; ++level) {
    for (std::size_t i = 0; i < n; ++i) {
      const RankTree& tree = trees[kOneTree ? 0 : i];
      at[i] = at[i] * 16 + Below(blocks[tree.level[level] + at[i]], x[i]);
      if (level + 1 < height) Prefetch(blocks + tree.level[level + 1] + at[i]);
    }
  }
}

// The trees of `height` levels for one row, some trees at a time.
template <class Key, class Number, class R>
HWY_INLINE void RankTallRow(const RankTables<Key>& tables, std::size_t height, const Number* row,
                            R* out) {
  Key x[kInFlight];
  std::uint32_t at[kInFlight];
  const std::size_t end = tables.ends[height];
  for (std::size_t first = tables.ends[height - 1]; first < end; first += kInFlight) {
    const RankTree* trees = tables.trees + first;
    const std::size_t n = end - first < kInFlight ? end - first : kInFlight;
    for (std::size_t i = 0; i < n; ++i) x[i] = static_cast<Key>(row[trees[i].feature]);
    Descend<false>(tables.blocks, trees, height, x, n, at);
    for (std::size_t i = 0; i < n; ++i) {
      out[trees[i].column] = static_cast<R>(x[i] == x[i] ? at[i] : trees[i].rank_of_missing);
    }
  }
}

// One tree of `height` levels for many rows, some rows at a time: its keys stay in the cache.
template <class Key, class Number, class R>
HWY_INLINE void RankTallColumn(const KeyBlock<Key>* blocks, const RankTree& tree,
                               std::size_t height, const Number* rows, std::size_t n_features,
                               std::size_t n_rows, R* out, std::size_t stride) {
  Key x[kInFlight];
  std::uint32_t at[kInFlight];
  for (std::size_t first = 0; first < n_rows; first += kInFlight) {
    const std::size_t n = n_rows - first < kInFlight ? n_rows - first : kInFlight;
    for (std::size_t i = 0; i < n; ++i) {
      x[i] = static_cast<Key>(rows[(first + i) * n_features + tree.feature]);
    }
    Descend<true>(blocks, &tree, height, x, n, at);
    for (std::size_t i = 0; i < n; ++i) {
      out[(first + i) * stride + tree.column] =
          static_cast<R>(x[i] == x[i] ? at[i] : tree.rank_of_missing);
    }
  }
}

template <class Key, class Number, class R>
HWY_ATTR void RankRows(const RankTables<Key>& tables, const Number* rows, std::size_t n_features,
                       std::size_t n_rows, R* out, std::size_t stride) {
  for (std::size_t r = 0; r < n_rows; ++r) {
    RankLow<1>(tables, rows + r * n_features, out + r * stride);
    RankLow<2>(tables, rows + r * n_features, out + r * stride);
  }
  if constexpr (sizeof(R) > 1) {
    const std::uint32_t n_trees = tables.ends[kRankLevelsMax];
    for (std::size_t height = 3; tables.ends[height - 1] < n_trees; ++height) {
      // Enough trees hide what memory takes from each other; fewer do it row by row.
      const std::uint32_t n = tables.ends[height] - tables.ends[height - 1];
      if (n_rows < kInFlight || n >= kInFlight / 2) {
        for (std::size_t r = 0; r < n_rows; ++r) {
          RankTallRow(tables, height, rows + r * n_features, out + r * stride);
        }
        continue;
      }
      for (std::size_t i = tables.ends[height - 1]; i < tables.ends[height]; ++i) {
        RankTallColumn(tables.blocks, tables.trees[i], height, rows, n_features, n_rows, out,
                       stride);
      }
    }
  }
}

// What lane-wise loops store for a rank: it, minus half the range.
template <class S>
inline constexpr std::int64_t kHalf = std::int64_t{1} << (8 * sizeof(S) - 1);

template <class S>
HWY_INLINE S Biased(std::uint32_t rank) {
  return static_cast<S>(static_cast<std::int64_t>(rank) - kHalf<S>);
}

template <class Key>
using Ints = hn::RebindToSigned<Tag<Key>>;

// Stores biased ranks, one in each lane, as S.
template <class Key, class S>
HWY_INLINE void StoreRanks(hn::Vec<Ints<Key>> ranks, S* out) {
  if constexpr (sizeof(S) == sizeof(Key)) {
    hn::StoreU(ranks, Ints<Key>(), out);
  } else if constexpr (sizeof(Key) == 4) {
    const hn::Rebind<S, Tag<Key>> ds;
    hn::StoreU(hn::DemoteTo(ds, ranks), ds, out);
  } else {
    const hn::Rebind<std::make_unsigned_t<S>, Tag<Key>> du;
    const hn::RebindToUnsigned<Tag<Key>> d64;
    const hn::Rebind<S, Tag<Key>> ds;
    hn::StoreU(hn::BitCast(ds, hn::TruncateTo(du, hn::BitCast(d64, ranks))), ds, out);
  }
}

#if HWY_TARGET <= HWY_AVX2
// The key that the low bits of `place` name, in a register or in two.
template <class Key>
HWY_INLINE hn::Vec<Tag<Key>> Permute(const hn::Vec<Tag<Key>>* table, hn::Vec<Ints<Key>> place) {
  using V = hn::Vec<Tag<Key>>;
#if HWY_TARGET <= HWY_AVX3
  if constexpr (sizeof(Key) == 4) {
    return V{_mm512_permutexvar_ps(place.raw, table[0].raw)};
  } else {
    return V{_mm512_permutexvar_pd(place.raw, table[0].raw)};
  }
#else
  return V{_mm256_permutevar8x32_ps(table[0].raw, place.raw)};
#endif
}

#if HWY_TARGET <= HWY_AVX3
template <class Key>
HWY_INLINE hn::Vec<Tag<Key>> PermutePair(const hn::Vec<Tag<Key>>* table, hn::Vec<Ints<Key>> place) {
  using V = hn::Vec<Tag<Key>>;
  if constexpr (sizeof(Key) == 4) {
    return V{_mm512_permutex2var_ps(table[0].raw, place.raw, table[1].raw)};
  } else {
    return V{_mm512_permutex2var_pd(table[0].raw, place.raw, table[1].raw)};
  }
}
#endif

// The key at `place` of a level that fills `kRegisters`; path[0] is the comparison that chose its
// left or right half, path[1] the one behind it.
template <std::size_t kRegisters, class Key>
HWY_INLINE hn::Vec<Tag<Key>> Pick(const hn::Vec<Tag<Key>>* level, hn::Vec<Ints<Key>> place,
                                  const hn::Mask<Tag<Key>>* path) {
  if constexpr (kRegisters == 1) {
    return Permute<Key>(level, place);
#if HWY_TARGET <= HWY_AVX3
  } else if constexpr (kRegisters == 2) {
    return PermutePair<Key>(level, place);
#endif
  } else {
    const auto left = Pick<kRegisters / 2, Key>(level, place, path + 1);
    const auto right = Pick<kRegisters / 2, Key>(level + kRegisters / 2, place, path + 1);
    return hn::IfThenElse(path[0], right, left);
  }
}

// 2 place, plus `one` where `right`. Compilers that know what `one` is make three instructions of
// it.
template <class Key>
HWY_INLINE hn::Vec<Ints<Key>> Child(hn::Vec<Ints<Key>> place, hn::Mask<Tag<Key>> right,
                                    hn::Vec<Ints<Key>> one) {
  const auto left = hn::Add(place, place);
#if HWY_TARGET <= HWY_AVX3
  using V = hn::Vec<Ints<Key>>;
  if constexpr (sizeof(Key) == 4) {
    return V{_mm512_mask_add_epi32(left.raw, right.raw, left.raw, one.raw)};
  } else {
    return V{_mm512_mask_add_epi64(left.raw, right.raw, left.raw, one.raw)};
  }
#else
  static_cast<void>(one);
  const Ints<Key> d;
  return hn::Sub(left, hn::VecFromMask(d, hn::RebindMask(d, right)));
#endif
}

// So many vectors go down together, or each would wait for its own comparisons.
inline constexpr std::size_t kTogether = 2;

// Vectors of values on their way down a heap.
template <std::size_t kLevels, class Key>
struct Descent {
  hn::Vec<Tag<Key>> x[kTogether];
  hn::Vec<Ints<Key>> place[kTogether];
  hn::Mask<Tag<Key>> path[kTogether][kLevels];
};

// From level kLevel of a heap down to below its lowest.
template <std::size_t kLevel, std::size_t kLevels, class Key>
HWY_INLINE void Walk(const hn::Vec<Tag<Key>>* heap, hn::Vec<Ints<Key>> one,
                     Descent<kLevels, Key>& down) {
  if constexpr (kLevel < kLevels) {
    // All small levels lie in the first register; the others begin at 2^kLevel.
    constexpr std::size_t kRegister = (std::size_t{1} << kLevel) / kLanes<Key>;
    constexpr std::size_t kRegisters = kRegister == 0 ? 1 : kRegister;
    for (std::size_t w = 0; w < kTogether; ++w) {
      const auto key = Pick<kRegisters, Key>(heap + kRegister, down.place[w], down.path[w]);
      down.path[w][kLevel] = hn::Lt(key, down.x[w]);
      down.place[w] = Child<Key>(down.place[w], down.path[w][kLevel], one);
    }
    Walk<kLevel + 1, kLevels, Key>(heap, one, down);
  }
}

template <std::size_t kLevels, class Key, class S>
HWY_ATTR void RankByHeap(const Key* heap, std::uint32_t rank_of_missing, const Key* values,
                         std::size_t n, S* out) {
  const Tag<Key> d;
  const Ints<Key> di;
  using Int = hn::TFromD<Ints<Key>>;
  constexpr std::size_t kRegister = (std::size_t{1} << kLevels) / kLanes<Key>;
  constexpr std::size_t kRegisters = kRegister == 0 ? 1 : kRegister;
  hn::Vec<Tag<Key>> table[kRegisters];
  for (std::size_t i = 0; i < kRegisters; ++i) table[i] = hn::Load(d, heap + i * kLanes<Key>);
  const auto one = hn::Set(di, static_cast<Int>(n % 16 + 1));
  const auto missing = hn::Set(di, static_cast<Int>(rank_of_missing - kHalf<S>));
  const auto below = hn::Set(di, static_cast<Int>((std::int64_t{1} << kLevels) + kHalf<S>));
  for (std::size_t i = 0; i < n; i += kTogether * kLanes<Key>) {
    Descent<kLevels, Key> down;
    for (std::size_t w = 0; w < kTogether; ++w) {
      down.x[w] = hn::Load(d, values + i + w * kLanes<Key>);
      down.place[w] = hn::Set(di, 1);
    }
    Walk<0, kLevels, Key>(table, one, down);
    for (std::size_t w = 0; w < kTogether; ++w) {
      const auto known = hn::RebindMask(di, hn::Eq(down.x[w], down.x[w]));
      const auto ranks = hn::Sub(down.place[w], below);
      StoreRanks<Key>(hn::IfThenElse(known, ranks, missing), out + i + w * kLanes<Key>);
    }
  }
}

template <class Key, class S>
HWY_INLINE void RankByHeap(const RankTables<Key>& tables, const RankTree& tree, const Key* values,
                           std::size_t n, S* out) {
  const Key* heap = tables.heaps[tree.heap].keys;
  const std::uint32_t missing = tree.rank_of_missing;
  if (tree.n_keys < 8) return RankByHeap<3>(heap, missing, values, n, out);
  if (tree.n_keys < 16) return RankByHeap<4>(heap, missing, values, n, out);
  if (tree.n_keys < 32) return RankByHeap<5>(heap, missing, values, n, out);
  if constexpr (HeapKeysMax<Key, S>() < 64) return RankByHeap<6>(heap, missing, values, n, out);
  if (tree.n_keys < 64) return RankByHeap<6>(heap, missing, values, n, out);
  if (tree.n_keys < 128) return RankByHeap<7>(heap, missing, values, n, out);
  return RankByHeap<8>(heap, missing, values, n, out);
}
#endif

// Subtracts from `ranks` (of 16 values) minus one for each of `n_keys` that is below the value.
template <class Key>
HWY_INLINE void Count(const Key* keys, std::size_t n_keys, const hn::Vec<Tag<Key>>* x,
                      hn::Vec<Ints<Key>>* ranks) {
  const Tag<Key> d;
  const Ints<Key> di;
  for (std::size_t k = 0; k < n_keys; ++k) {
    const auto key = hn::Set(d, keys[k]);
    HWY_UNROLL(8)
    for (std::size_t v = 0; v < 16 / kLanes<Key>; ++v) {
      const auto below = hn::RebindMask(di, hn::Lt(key, x[v]));
      ranks[v] = hn::Sub(ranks[v], hn::VecFromMask(di, below));
    }
  }
}

// Trees of one block: every key is compared with every value, or every value with all keys.
template <class S>
HWY_INLINE void RankInBlock(const KeyBlock<float>& block, const RankTree& tree, const float* values,
                            std::size_t n, S* out) {
  const Tag<float> d;
  const Ints<float> di;
  constexpr std::size_t kN = kLanes<float>;
  const auto missing = hn::Set(di, static_cast<std::int32_t>(tree.rank_of_missing - kHalf<S>));
  for (std::size_t i = 0; i < n; i += 16) {
    hn::Vec<Tag<float>> x[16 / kN];
    hn::Vec<Ints<float>> ranks[16 / kN];
    HWY_UNROLL(8)
    for (std::size_t v = 0; v < 16 / kN; ++v) {
      x[v] = hn::Load(d, values + i + v * kN);
      ranks[v] = hn::Set(di, static_cast<std::int32_t>(-kHalf<S>));
    }
    Count(block.keys, tree.n_keys, x, ranks);
    HWY_UNROLL(8)
    for (std::size_t v = 0; v < 16 / kN; ++v) {
      const auto known = hn::RebindMask(di, hn::Eq(x[v], x[v]));
      StoreRanks<float>(hn::IfThenElse(known, ranks[v], missing), out + i + v * kN);
    }
  }
}

template <class S>
HWY_INLINE void RankInBlock(const KeyBlock<double>& block, const RankTree& tree,
                            const double* values, std::size_t n, S* out) {
  for (std::size_t i = 0; i < n; ++i) {
    const double x = values[i];
    out[i] = Biased<S>(x == x ? Below(block, x) : tree.rank_of_missing);
  }
}

// How many of `n_keys` lie below each of kRankLanes values.
template <class Key>
HWY_NOINLINE void CountForAll(const Key* keys, std::size_t n_keys, const Key* values,
                              hn::TFromD<Ints<Key>>* below) {
  const Tag<Key> d;
  const Ints<Key> di;
  constexpr std::size_t kN = kLanes<Key>;
  for (std::size_t i = 0; i < kRankLanes; i += 16) {
    hn::Vec<Tag<Key>> x[16 / kN];
    hn::Vec<Ints<Key>> n[16 / kN];
    HWY_UNROLL(8)
    for (std::size_t v = 0; v < 16 / kN; ++v) {
      x[v] = hn::Load(d, values + i + v * kN);
      n[v] = hn::Zero(di);
    }
    Count(keys, n_keys, x, n);
    HWY_UNROLL(8)
    for (std::size_t v = 0; v < 16 / kN; ++v) hn::Store(n[v], di, below + i + v * kN);
  }
}

#if !HWY_HAVE_FLOAT64
HWY_NOINLINE void CountForAll(const double* keys, std::size_t n_keys, const double* values,
                              std::int64_t* below) {
  for (std::size_t i = 0; i < kRankLanes; i += 16) {
    Longs n[8] = {};
    for (std::size_t k = 0; k < n_keys; ++k) {
      const Doubles key = {keys[k], keys[k]};
      HWY_UNROLL(8)
      for (std::size_t v = 0; v < 8; ++v) n[v] -= key < LoadPair(values + i + 2 * v);
    }
    std::memcpy(below + i, n, sizeof n);
  }
}
#endif

// Trees of two levels: the upper one is counted for many values at once, the lower one for each.
template <class Key, class S>
HWY_INLINE void RankByPivots(const KeyBlock<Key>* blocks, const RankTree& tree, const Key* values,
                             std::size_t n, S* out) {
  const std::size_t n_pivots = (tree.n_keys - 1) / 16;
  alignas(64) std::conditional_t<sizeof(Key) == 4, std::int32_t, std::int64_t> ways[kRankLanes];
  for (std::size_t first = 0; first < n; first += kRankLanes) {
    CountForAll(blocks[tree.level[0]].keys, n_pivots, values + first, ways);
    for (std::size_t i = 0; i < kRankLanes; ++i) {
      const Key x = values[first + i];
      const auto way = static_cast<std::uint32_t>(ways[i]);
      const std::uint32_t rank = way * 16 + Below(blocks[tree.level[1] + way], x);
      out[first + i] = Biased<S>(x == x ? rank : tree.rank_of_missing);
    }
  }
}

template <class Key, class S>
HWY_INLINE void RankByTallTree(const KeyBlock<Key>* blocks, const RankTree& tree,
                               std::size_t height, const Key* values, std::size_t n, S* out) {
  std::uint32_t at[16];
  for (std::size_t first = 0; first < n; first += 16) {
    const Key* x = values + first;
    Descend<true>(blocks, &tree, height, x, 16, at);
    for (std::size_t i = 0; i < 16; ++i) {
      out[first + i] = Biased<S>(x[i] == x[i] ? at[i] : tree.rank_of_missing);
    }
  }
}

template <class Key, class S>
HWY_ATTR void RankLanes(const RankTables<Key>& tables, std::size_t number, const Key* values,
                        std::size_t n, S* out) {
  const RankTree& tree = tables.trees[number];
  constexpr std::uint32_t kHeapKeysMax = HeapKeysMax<Key, S>();
  if constexpr (kHeapKeysMax != 0) {
    if (tree.n_keys <= kHeapKeysMax) return RankByHeap(tables, tree, values, n, out);
  }
  std::size_t height = 1;
  while (number >= tables.ends[height]) ++height;
  if (height == 1) return RankInBlock(tables.blocks[tree.level[0]], tree, values, n, out);
  if (height == 2) return RankByPivots(tables.blocks, tree, values, n, out);
  if constexpr (sizeof(S) > 1) RankByTallTree(tables.blocks, tree, height, values, n, out);
}

template <class Key, class R>
RankLoops<Key, R> Loops() {
  return {RankRows<Key, float, R>, RankRows<Key, double, R>, RankLanes<Key, std::make_signed_t<R>>,
          HeapKeysMax<Key, R>()};
}

RankKernels Kernels() {
  return {Loops<float, std::uint8_t>(),   Loops<float, std::uint16_t>(),
          Loops<float, std::uint32_t>(),  Loops<double, std::uint8_t>(),
          Loops<double, std::uint16_t>(), Loops<double, std::uint32_t>()};
}

}  // namespace

const RankKernels& AllRankKernels() {
  static const RankKernels kernels = Kernels();
  return kernels;
}

}  // namespace copse::plan::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace copse::plan {

HWY_EXPORT(AllRankKernels);

const RankKernels& ChosenRankKernels() { return HWY_DYNAMIC_DISPATCH(AllRankKernels)(); }

}  // namespace copse::plan
#endif
