// The loops of bit walk and leaf match (bit_kernels.h), compiled once for each instruction set.
#include "kernels/bit_kernels.h"

#include <array>
#include <cstring>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/bit_kernels.cc"
#include <hwy/foreach_target.h>
// Behind foreach_target.h, as Highway asks.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace copse::plan {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

#undef COPSE_UNROLL
#define COPSE_UNROLL _Pragma("GCC unroll 8")  // clang knows it by this name too

// Processors without byte permutes: plain loops.
#undef COPSE_HAS_PERMUTE
#define COPSE_HAS_PERMUTE (HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128)
// Each lane shifted by its own number of bits, in one instruction.
#undef COPSE_HAS_LANE_SHIFTS
#define COPSE_HAS_LANE_SHIFTS \
  (COPSE_HAS_PERMUTE && HWY_TARGET != HWY_SSE4 && HWY_TARGET != HWY_WASM)

template <class T>
T LoadOne(const std::uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

// ------------------------------------------------------------------------------------- compare

#if COPSE_HAS_PERMUTE

using Bytes = hn::CappedTag<std::int8_t, 64>;
using ByteVector = hn::Vec<Bytes>;

// Bytes of `table`, the same 16 in every block, or 0 where bit 7 of the code is set.
HWY_INLINE ByteVector Lookup(ByteVector table, ByteVector codes) {
#if HWY_TARGET == HWY_WASM
  return ByteVector{wasm_i8x16_swizzle(table.raw, codes.raw)};  // Highway 1.0 has a loop here
#else
  return hn::TableLookupBytesOr0(table, codes);
#endif
}

HWY_INLINE void StoreBits(hn::Mask<Bytes> mask, std::uint8_t* bits) {
#if HWY_TARGET == HWY_WASM
  const auto word = static_cast<std::uint16_t>(wasm_i8x16_bitmask(mask.raw));
  std::memcpy(bits, &word, sizeof(word));
#else
  hn::StoreMaskBits(Bytes(), mask, bits);
#endif
}

constexpr std::int8_t kBias = -128;

// The row's bytes for 16, 32 or 64 columns.
template <std::size_t kColumns>
class Row {
 public:
  explicit HWY_INLINE Row(const std::uint8_t* row)
      : a_(Load(row)),
        b_(Load(row + (kColumns > 16 ? 16 : 0))),
        c_(Load(row + (kColumns > 32 ? 32 : 0))),
        d_(Load(row + (kColumns > 32 ? 48 : 0))) {}

  HWY_INLINE ByteVector At(ByteVector codes) const {
    const Bytes d;
    if constexpr (kColumns == 16) return Lookup(a_, codes);
    const ByteVector odd = hn::Set(d, kBias);
    if constexpr (kColumns == 32) {
      return hn::Or(Lookup(a_, codes), Lookup(b_, hn::Xor(codes, odd)));
    }
    const ByteVector first = hn::And(codes, hn::Set(d, static_cast<std::int8_t>(0x8f - 0x100)));
    const ByteVector second = hn::Xor(first, odd);
    const ByteVector lower = hn::Or(Lookup(a_, first), Lookup(b_, second));
    const ByteVector upper = hn::Or(Lookup(c_, first), Lookup(d_, second));
    return hn::IfNegativeThenElse(hn::Add(codes, codes), upper, lower);
  }

 private:
  static HWY_INLINE ByteVector Load(const std::uint8_t* from) {
    const Bytes d;
    return hn::Xor(hn::LoadDup128(d, reinterpret_cast<const std::int8_t*>(from)),
                   hn::Set(d, kBias));
  }

  ByteVector a_, b_, c_, d_;
};

#if HWY_TARGET == HWY_AVX3_DL
class WholeRow {
 public:
  explicit HWY_INLINE WholeRow(const std::uint8_t* row)
      : table_(hn::Xor(hn::LoadU(Bytes(), reinterpret_cast<const std::int8_t*>(row)),
                       hn::Set(Bytes(), kBias))) {}
  HWY_INLINE ByteVector At(ByteVector codes) const {
    return ByteVector{_mm512_permutexvar_epi8(codes.raw, table_.raw)};
  }

 private:
  ByteVector table_;
};
#endif

template <class TableRow>
HWY_INLINE void CompareBlock(const TableRow& table, const TestBlock& block, std::uint8_t* bits) {
  const Bytes d;
  const std::size_t n_lanes = hn::Lanes(d);
  const auto* codes = reinterpret_cast<const std::int8_t*>(block.codes);
  for (std::size_t i = 0; i < 64; i += n_lanes) {
    const ByteVector ranks = table.At(hn::Load(d, codes + i));
    StoreBits(hn::Gt(ranks, hn::Load(d, block.ranks + i)), bits + i / 8);
  }
}

// Eight blocks a turn: processors foresee the end of a loop of a few turns, not of thirty.
template <class TableRow>
void Compare(const std::uint8_t* row, const TestBlock* blocks, std::size_t n_blocks,
             std::uint8_t* bits) {
  constexpr std::size_t kTurn = HWY_CAP_GE512 ? 8 : 4;
  const TableRow table(row);
  for (; n_blocks >= kTurn; n_blocks -= kTurn, blocks += kTurn, bits += 8 * kTurn) {
    COPSE_UNROLL
    for (std::size_t i = 0; i < kTurn; ++i) CompareBlock(table, blocks[i], bits + 8 * i);
  }
  for (std::size_t i = 0; i < n_blocks; ++i) CompareBlock(table, blocks[i], bits + 8 * i);
}

#else

void ComparePlainly(const std::uint8_t* row, const TestBlock* blocks, std::size_t n_blocks,
                    std::uint8_t* bits) {
  for (std::size_t block = 0; block < n_blocks; ++block) {
    std::uint64_t mask = 0;
    for (std::size_t i = 0; i < 64; ++i) {
      const int rank = row[blocks[block].codes[i]] - 128;
      mask |= std::uint64_t{rank > blocks[block].ranks[i]} << i;
    }
    std::memcpy(bits + 8 * block, &mask, sizeof(mask));
  }
}

#endif

// ------------------------------------------------------------------------------------- resolve

#if COPSE_HAS_PERMUTE
// One byte for each lane, which fits into it.
template <class D, class V>
HWY_INLINE void StoreBytes(D d, V lanes, std::uint8_t* to) {
  using T = hn::TFromD<D>;
  const hn::Rebind<std::uint8_t, D> bytes;
  if constexpr (sizeof(T) == 1) {
    hn::StoreU(lanes, d, to);
#if HWY_CAP_GE512
  } else if constexpr (sizeof(T) == 4) {  // TruncateTo of Highway 1.0 is wrong here for AVX3_DL
    hn::StoreU(hn::Vec<decltype(bytes)>{_mm512_cvtepi32_epi8(lanes.raw)}, bytes, to);
#endif
  } else {
    hn::StoreU(hn::TruncateTo(bytes, lanes), bytes, to);
  }
}
#endif

#if COPSE_HAS_LANE_SHIFTS

using Words = hn::CappedTag<std::uint32_t, 16>;
using WordVector = hn::Vec<Words>;

HWY_INLINE WordVector LoadWords(const std::uint8_t* from) {
  return hn::Load(Words(), reinterpret_cast<const std::uint32_t*>(from));
}

// The heap's first 31 nodes: from node i, which is bit i, to 2 i, or to 2 i + 1 where it is set.
HWY_INLINE WordVector WalkFiveLevels(WordVector mask) {
  const auto one = hn::Set(Words(), 1u);
  auto node = one;
  COPSE_UNROLL
  for (int level = 0; level < 5; ++level) {
    node = hn::OrAnd(hn::Add(node, node), hn::Shr(mask, node), one);
  }
  return node;
}

void Walk5(const std::uint8_t* masks, const MatchLine*, std::size_t, std::size_t n_trees,
           std::uint8_t* leaves) {
  const Words d;
  for (std::size_t i = 0; i < n_trees; i += hn::Lanes(d)) {
    const WordVector node = WalkFiveLevels(LoadWords(masks + i * 4));
    StoreBytes(d, hn::Xor(node, hn::Set(d, 32u)), leaves + i);
  }
}

// The lower halves of the masks are the first five levels, the upper halves the sixth: so they are
// walked in lanes of 32 bits.
void Walk6(const std::uint8_t* masks, const MatchLine*, std::size_t, std::size_t n_trees,
           std::uint8_t* leaves) {
  const Words d;
  const std::size_t n_lanes = hn::Lanes(d);
  for (std::size_t i = 0; i < n_trees; i += n_lanes) {
    const WordVector first = LoadWords(masks + i * 8);
    const WordVector second = LoadWords(masks + (i + n_lanes / 2) * 8);
    const WordVector node =
        hn::Xor(WalkFiveLevels(hn::ConcatEven(d, second, first)), hn::Set(d, 32u));
    const WordVector bit = hn::Shr(hn::ConcatOdd(d, second, first), node);
    StoreBytes(d, hn::OrAnd(hn::Add(node, node), bit, hn::Set(d, 1u)), leaves + i);
  }
}

#else

template <class T, int kDepth>
void Walk(const std::uint8_t* masks, const MatchLine*, std::size_t, std::size_t n_trees,
          std::uint8_t* leaves) {
  for (std::size_t i = 0; i < n_trees; ++i) {
    const T mask = LoadOne<T>(masks + i * sizeof(T));
    T node = 1;
    COPSE_UNROLL
    for (int level = 0; level < kDepth; ++level) {
      node = static_cast<T>(2 * node + ((mask >> node) & 1));
    }
    leaves[i] = static_cast<std::uint8_t>(node - (T{1} << kDepth));
  }
}

#endif

// Leaf k in every lane of type T, as a word: one load makes a vector of it.
template <class T>
constexpr std::array<std::uint32_t, 8 * sizeof(std::uint32_t)> NumbersOf() {
  std::array<std::uint32_t, 8 * sizeof(std::uint32_t)> numbers = {};
  for (std::uint32_t k = 0; k < numbers.size(); ++k) {
    numbers[k] = k * (~std::uint32_t{0} / std::numeric_limits<T>::max());
  }
  return numbers;
}

// One lane a tree: each leaf is compared with all trees of a vector, and the one that fits leaves
// its number. Where none of 1, 2, ... fits, it is leaf 0.
template <class T>
void Match(const std::uint8_t* masks, const MatchLine* lines, std::size_t n_leaves,
           std::size_t n_trees, std::uint8_t* leaves) {
  constexpr std::size_t kTrees = ChunkTrees(sizeof(T));
  const auto* begin = reinterpret_cast<const std::uint8_t*>(lines);
#if COPSE_HAS_PERMUTE
  static constexpr auto kNumbers = NumbersOf<T>();
  const hn::CappedTag<T, 64 / sizeof(T)> d;
  const hn::Repartition<std::uint32_t, decltype(d)> words;
  for (std::size_t i = 0; i < n_trees; i += hn::Lanes(d)) {
    const auto mask = hn::Load(d, reinterpret_cast<const T*>(masks) + i);
    const auto* line = reinterpret_cast<const T*>(begin) + i;
    auto leaf = hn::Zero(d);
    for (std::size_t k = 1; k < n_leaves; ++k, line += 2 * kTrees) {
      const auto number = hn::BitCast(d, hn::Set(words, kNumbers[k]));
      const auto fits = hn::Eq(hn::And(mask, hn::Load(d, line)), hn::Load(d, line + kTrees));
#if HWY_CAP_GE512
      leaf = hn::IfThenElse(fits, number, leaf);
#else
      leaf = hn::Or(leaf, hn::IfThenElseZero(fits, number));
#endif
    }
    StoreBytes(d, leaf, leaves + i);
  }
#else
  for (std::size_t i = 0; i < n_trees; ++i) {
    const T mask = LoadOne<T>(masks + i * sizeof(T));
    leaves[i] = 0;
    for (std::size_t k = 1; k < n_leaves; ++k) {
      const std::uint8_t* care = begin + (2 * (k - 1) * kTrees + i) * sizeof(T);
      const T want = LoadOne<T>(care + kTrees * sizeof(T));
      if (T(mask & LoadOne<T>(care)) == want) leaves[i] = static_cast<std::uint8_t>(k);
    }
  }
#endif
}

// ----------------------------------------------------------------------------------------- add

// Four sums in registers: the additions of a tree start when those of the tree before end, without
// a way through memory.
#if HWY_CAP_GE256
struct Sums {
  static constexpr hn::CappedTag<double, 4> d = {};
  hn::Vec<hn::CappedTag<double, 4>> all;

  HWY_INLINE void Load(const double* from) { all = hn::LoadU(d, from); }
  HWY_INLINE void Add(const double* vector) { all = hn::Add(all, hn::LoadU(d, vector)); }
  HWY_INLINE void Store(double* to) const { hn::StoreU(all, d, to); }
};
#elif HWY_TARGET == HWY_WASM
struct Sums {  // Highway 1.0 has no doubles here
  v128_t lower, upper;

  HWY_INLINE void Load(const double* from) {
    lower = wasm_v128_load(from);
    upper = wasm_v128_load(from + 2);
  }
  HWY_INLINE void Add(const double* vector) {
    lower = wasm_f64x2_add(lower, wasm_v128_load(vector));
    upper = wasm_f64x2_add(upper, wasm_v128_load(vector + 2));
  }
  HWY_INLINE void Store(double* to) const {
    wasm_v128_store(to, lower);
    wasm_v128_store(to + 2, upper);
  }
};
#elif COPSE_HAS_PERMUTE && HWY_HAVE_FLOAT64
struct Sums {
  static constexpr hn::CappedTag<double, 2> d = {};
  hn::Vec<hn::CappedTag<double, 2>> lower, upper;

  // A defaulted one is made outside of the target's region, where GCC cannot inline vectors.
  HWY_INLINE Sums() {}  // NOLINT(modernize-use-equals-default)
  HWY_INLINE void Load(const double* from) {
    lower = hn::LoadU(d, from);
    upper = hn::LoadU(d, from + 2);
  }
  HWY_INLINE void Add(const double* vector) {
    lower = hn::Add(lower, hn::LoadU(d, vector));
    upper = hn::Add(upper, hn::LoadU(d, vector + 2));
  }
  HWY_INLINE void Store(double* to) const {
    hn::StoreU(lower, d, to);
    hn::StoreU(upper, d, to + 2);
  }
};
#else
struct Sums {
  double all[4];

  void Load(const double* from) { std::memcpy(all, from, sizeof(all)); }
  void Add(const double* vector) {
    for (std::size_t k = 0; k < 4; ++k) all[k] += vector[k];
  }
  void Store(double* to) const { std::memcpy(to, all, sizeof(all)); }
};
#endif

void AddVectors(const double* table, const std::uint32_t* offsets, std::size_t width,
                const std::uint8_t* leaves, std::size_t n_trees, double* sums) {
  constexpr std::size_t kTurn = 8;
  Sums sum;
  sum.Load(sums);
  for (; n_trees >= kTurn; n_trees -= kTurn, leaves += kTurn) {
    COPSE_UNROLL
    for (std::size_t t = 0; t < kTurn; ++t, offsets += width) sum.Add(table + offsets[leaves[t]]);
  }
  for (std::size_t t = 0; t < n_trees; ++t, offsets += width) sum.Add(table + offsets[leaves[t]]);
  sum.Store(sums);
}

constexpr BitKernels MakeKernels() {
  BitKernels kernels;
#if HWY_TARGET == HWY_AVX3_DL
  for (BitKernels::Compare& compare : kernels.compare) compare = Compare<WholeRow>;
  kernels.whole_table = true;
#elif COPSE_HAS_PERMUTE
  kernels.compare[0] = Compare<Row<16>>;
  kernels.compare[1] = Compare<Row<32>>;
  kernels.compare[2] = Compare<Row<64>>;
#else
  for (BitKernels::Compare& compare : kernels.compare) compare = ComparePlainly;
  kernels.whole_table = true;
#endif
#if COPSE_HAS_LANE_SHIFTS
  kernels.walk5 = Walk5;
  kernels.walk6 = Walk6;
#else
  kernels.walk5 = Walk<std::uint32_t, 5>;
  kernels.walk6 = Walk<std::uint64_t, 6>;
#endif
  kernels.match8 = Match<std::uint8_t>;
  kernels.match16 = Match<std::uint16_t>;
  kernels.match32 = Match<std::uint32_t>;
  kernels.add_vectors = AddVectors;
  return kernels;
}

}  // namespace

const BitKernels& KernelsOfTarget() {
  static constexpr BitKernels kKernels = MakeKernels();
  return kKernels;
}

}  // namespace HWY_NAMESPACE
}  // namespace copse::plan
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace copse::plan {

HWY_EXPORT(KernelsOfTarget);

const BitKernels& ChosenBitKernels() { return HWY_DYNAMIC_DISPATCH(KernelsOfTarget)(); }

}  // namespace copse::plan
#endif
