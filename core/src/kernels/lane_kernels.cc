// Lane select evaluates a tree for many rows without a branch and without a walk. Every row has a
// lane of a vector register, one byte wide, that holds a leaf number. From the deepest nodes up, a
// node compares the ranks of its feature, a byte for each row, with its own rank, and each lane
// takes the leaf number of the right subtree or of the left one. What comes out at the root is the
// leaf of every row. All nodes are tested, not only those on the way: but a test costs one compare
// and one select for 16 to 64 rows, where a step of a walk costs a load that has to be waited for,
// for one.
//
// Compiled once for each instruction set (foreach_target.h); the best is taken at run time.
#include "kernels/lane_kernels.h"

#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/lane_kernels.cc"
#include <hwy/foreach_target.h>
// after foreach_target.h
#include <hwy/highway.h>

// Vectors of a length that is known when this is compiled: they are members below.
HWY_BEFORE_NAMESPACE();
namespace copse::plan::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// `four` holds a T in each part of its four bytes.
template <class T>
HWY_INLINE hn::Vec<hn::ScalableTag<T>> Splat(std::uint32_t four) {
  const hn::ScalableTag<T> d;
#if HWY_TARGET == HWY_SCALAR
  return hn::Set(d, static_cast<T>(four));
#else
  return hn::BitCast(d, hn::Set(hn::ScalableTag<std::uint32_t>(), four));
#endif
}

// Leaf numbers are compared as what the instruction sets have: bytes unsigned, words signed.
template <class R>
using LeafLane = std::conditional_t<sizeof(R) == 1, std::uint8_t, std::int16_t>;

// The leaf numbers of n vectors of rows. Halves, and no arrays: arrays would live in memory.
template <class R, int n>
struct Lanes {
  using Half = Lanes<R, n / 2>;
  using Leaf = LeafLane<R>;
  using One = typename Half::One;
  using RankOne = typename Half::RankOne;
  static constexpr std::size_t kRows = 2 * Half::kRows;
  Half a, b;

  static HWY_INLINE Lanes All(One number) { return {Half::All(number), Half::All(number)}; }
  static HWY_INLINE Lanes Zero() { return {Half::Zero(), Half::Zero()}; }
  HWY_INLINE void Store(Leaf* at) const {
    a.Store(at);
    b.Store(at + Half::kRows);
  }
  static HWY_INLINE Lanes Bottom(const R* x, RankOne rank, One leaf) {
    return {Half::Bottom(x, rank, leaf), Half::Bottom(x + Half::kRows, rank, leaf)};
  }
  static HWY_INLINE Lanes Choose(const R* x, RankOne rank, Lanes left, Lanes right) {
    return {Half::Choose(x, rank, left.a, right.a),
            Half::Choose(x + Half::kRows, rank, left.b, right.b)};
  }
  static HWY_INLINE Lanes Plus(const Leaf* at, One number) {
    return {Half::Plus(at, number), Half::Plus(at + Half::kRows, number)};
  }
};

template <class R>
struct Lanes<R, 1> {
  using Leaf = LeafLane<R>;
  using D = hn::ScalableTag<Leaf>;
  using RankD = hn::ScalableTag<R>;
  using One = hn::Vec<D>;
  using RankOne = hn::Vec<RankD>;
  static constexpr std::size_t kRows = hn::MaxLanes(D());
  One v;

  static HWY_INLINE Lanes All(One number) { return {number}; }
  static HWY_INLINE Lanes Zero() { return {hn::Zero(D())}; }
  HWY_INLINE void Store(Leaf* at) const { hn::Store(v, D(), at); }

  // Where x > rank: leaf + 1.
  static HWY_INLINE Lanes Bottom(const R* x, RankOne rank, One leaf) {
    const auto right = hn::Gt(hn::Load(RankD(), x), rank);
#if HWY_TARGET <= HWY_AVX3
    return {hn::IfThenElse(hn::RebindMask(D(), right), hn::Add(leaf, hn::Set(D(), 1)), leaf)};
#else
    return {hn::Sub(leaf, hn::BitCast(D(), hn::VecFromMask(RankD(), right)))};
#endif
  }

  // Leaves are numbered from left to right, so the right one is larger: where a select is more than
  // one instruction, a mask and a maximum are fewer.
  static HWY_INLINE Lanes Choose(const R* x, RankOne rank, Lanes left, Lanes right) {
    const auto goes_right = hn::Gt(hn::Load(RankD(), x), rank);
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM
    return {hn::IfThenElse(hn::RebindMask(D(), goes_right), right.v, left.v)};
#else
    const One mask = hn::BitCast(D(), hn::VecFromMask(RankD(), goes_right));
    return {hn::Max(left.v, hn::And(mask, right.v))};
#endif
  }
  static HWY_INLINE Lanes Plus(const Leaf* at, One number) {
    return {hn::Add(hn::Load(D(), at), number)};
  }
};

// A complete tree, written out: what is not yet chosen stays in registers.
template <class L, class R, int depth>
HWY_INLINE L Complete(const LaneOp* op, const R* x) {
  if constexpr (depth == 1) {
    return L::Bottom(x + op->column * L::kRows, Splat<R>(op->rank),
                     Splat<typename L::Leaf>(op->leaf));
  } else {
    constexpr int kNodes = (1 << (depth - 1)) - 1;
    const L left = Complete<L, R, depth - 1>(op, x);
    const L right = Complete<L, R, depth - 1>(op + kNodes, x);
    const LaneOp& root = op[2 * kNodes];
    return L::Choose(x + root.column * L::kRows, Splat<R>(root.rank), left, right);
  }
}

// Any tree.
template <class L, class R>
HWY_INLINE L Listed(const LaneTree& tree, const R* x, typename L::Leaf* slots) {
  using Leaf = typename L::Leaf;
  L value = L::Zero();
  const LaneOp* op = tree.ops;
  for (const LaneOp* const end = op + tree.n_ops; op != end;) {
    const LaneOp& first = *op++;
    const R* const ranks = x + first.column * L::kRows;
    const auto rank = Splat<R>(first.rank);
    const auto leaf = Splat<Leaf>(first.leaf);
    value = first.right == 0 ? L::Bottom(ranks, rank, leaf)
                             : L::Choose(ranks, rank, L::All(leaf),
                                         L::Plus(slots + first.right * L::kRows, Splat<Leaf>(0)));
    for (const LaneOp* const last = op + first.n_more; op != last; ++op) {
      const L right = L::Plus(slots + op->right * L::kRows, Splat<Leaf>(op->leaf));
      value = L::Choose(x + op->column * L::kRows, Splat<R>(op->rank), value, right);
    }
    value.Store(slots + first.result * L::kRows);
  }
  return value;
}

// Bit d: complete trees of depth d are written out, which needs many registers (V8 makes them
// slower than the list) and, where vectors are emulated, would only be a lot of code.
#if HWY_TARGET == HWY_EMU128 || HWY_TARGET == HWY_SCALAR
constexpr std::uint32_t kCompleteDepths = 0;
#elif HWY_ARCH_WASM
constexpr std::uint32_t kCompleteDepths = 1 << 3;
#else
constexpr std::uint32_t kCompleteDepths = 1 << 3 | 1 << 6;
#endif

template <class L, class R, int depth>
HWY_INLINE void SelectComplete(const LaneTree& tree, const R* ranks, std::size_t stride,
                               std::size_t n_groups, typename L::Leaf* out) {
  for (std::size_t g = 0; g < n_groups; ++g) {
    Complete<L, R, depth>(tree.ops, ranks + g * stride).Store(out + g * L::kRows);
  }
}

template <class R, class Leaf, int n>
void Select(const LaneTree& tree, const R* ranks, std::size_t n_columns, std::size_t n_groups,
            Leaf* leaves) {
  using L = Lanes<R, n>;
  auto* out = reinterpret_cast<typename L::Leaf*>(leaves);
  const std::size_t stride = n_columns * L::kRows;
  if constexpr (sizeof(R) == 1 && (kCompleteDepths & 1 << 6) != 0) {
    if (tree.complete_depth == 6)
      return SelectComplete<L, R, 6>(tree, ranks, stride, n_groups, out);
  }
  if constexpr (sizeof(R) == 1 && (kCompleteDepths & 1 << 3) != 0) {
    if (tree.complete_depth == 3)
      return SelectComplete<L, R, 3>(tree, ranks, stride, n_groups, out);
  }
  alignas(kLaneAlignment) typename L::Leaf slots[kLaneSlotsMax * L::kRows];
  L::Zero().Store(slots);
  for (std::size_t g = 0; g < n_groups; ++g) {
    Listed<L, R>(tree, ranks + g * stride, slots).Store(out + g * L::kRows);
  }
}

#if HWY_TARGET <= HWY_AVX3
using Floats = hn::ScalableTag<float>;
using Doubles = hn::ScalableTag<double>;

// The numbers of a small table stay in registers, of which one instruction searches two. (Highway
// 1.0.3 has it for one.)
HWY_INLINE hn::Vec<Floats> LookUp(const float* table, hn::VFromD<hn::RebindToSigned<Floats>> at) {
  const auto low = hn::LoadU(Floats(), table), high = hn::LoadU(Floats(), table + 16);
  return hn::Vec<Floats>{_mm512_permutex2var_ps(low.raw, at.raw, high.raw)};
}
HWY_INLINE hn::Vec<Doubles> LookUp(const double* table,
                                   hn::VFromD<hn::RebindToSigned<Doubles>> at) {
  const auto low = hn::LoadU(Doubles(), table), high = hn::LoadU(Doubles(), table + 8);
  return hn::Vec<Doubles>{_mm512_permutex2var_pd(low.raw, at.raw, high.raw)};
}

template <class Leaf>
HWY_INLINE auto Indices(Floats, const Leaf* leaves) {
  return hn::PromoteTo(hn::ScalableTag<std::int32_t>(),
                       hn::LoadU(hn::Rebind<Leaf, Floats>(), leaves));
}
template <class Leaf>
HWY_INLINE auto Indices(Doubles, const Leaf* leaves) {
  const hn::Rebind<std::int32_t, Doubles> d_half;
  return hn::PromoteTo(hn::ScalableTag<std::int64_t>(),
                       hn::PromoteTo(d_half, hn::LoadU(hn::Rebind<Leaf, Doubles>(), leaves)));
}

// Of a table of up to four vectors, or two.
template <bool four, class Leaf, class Number>
void AddFromRegisters(const Leaf* leaves, std::size_t n, const Number* table, Number* sums) {
  const hn::ScalableTag<Number> d;
  const hn::RebindToSigned<decltype(d)> d_index;
  constexpr std::size_t kLanes = hn::MaxLanes(d);
  for (std::size_t r = 0; r < n; r += kLanes) {
    const auto index = Indices(d, leaves + r);
    auto value = LookUp(table, index);
    if constexpr (four) {
      const auto is_high = hn::Gt(index, hn::Set(d_index, 2 * kLanes - 1));
      value = hn::IfThenElse(hn::RebindMask(d, is_high), LookUp(table + 2 * kLanes, index), value);
    }
    hn::StoreU(hn::Add(hn::LoadU(d, sums + r), value), d, sums + r);
  }
}
#endif

// The leaves of trees first, first + 1, ... to each row's sum, in this order.
template <std::size_t n_trees, class Leaf, class Number>
HWY_INLINE void AddSomeNumbers(const LeavesTogether<Leaf, Number>& trees, std::size_t first,
                               std::size_t n, Number* sums) {
  for (std::size_t r = 0; r < n; ++r) {
    Number sum = sums[r];
    for (std::size_t t = first; t < first + n_trees; ++t) {
      sum += trees.tables[t][trees.leaves[t][r]];
    }
    sums[r] = sum;
  }
}

template <class Leaf, class Number>
void AddNumbers(const LeavesTogether<Leaf, Number>& together, std::size_t n, Number* sums) {
  const LeavesTogether<Leaf, Number> trees = together;  // whose pointers no store can change
#if HWY_TARGET <= HWY_AVX3
  constexpr std::size_t kLanes = hn::MaxLanes(hn::ScalableTag<Number>());
  if (trees.n_leaves <= 4 * kLanes) {
    const bool four = trees.n_leaves > 2 * kLanes;
    const auto add =
        four ? AddFromRegisters<true, Leaf, Number> : AddFromRegisters<false, Leaf, Number>;
    for (std::size_t t = 0; t < trees.n_trees; ++t) add(trees.leaves[t], n, trees.tables[t], sums);
    return;
  }
#endif
  if (trees.n_trees == kTreesTogether) return AddSomeNumbers<kTreesTogether>(trees, 0, n, sums);
  for (std::size_t t = 0; t < trees.n_trees; ++t) AddSomeNumbers<1>(trees, t, n, sums);
}

// Four sums in registers.
#if HWY_HAVE_FLOAT64 && HWY_TARGET != HWY_SCALAR
struct FourSums {
  using D = hn::CappedTag<double, 4>;
  static constexpr std::size_t kHalf = hn::MaxLanes(D()) % 4;  // 0: one register holds all
  hn::Vec<D> a, b;

  static HWY_INLINE FourSums Load(const double* from) {
    return {hn::Load(D(), from), hn::Load(D(), from + kHalf)};
  }
  HWY_INLINE FourSums Plus(const double* vector) const {
    if constexpr (kHalf == 0) return {hn::Add(a, hn::Load(D(), vector)), b};
    return {hn::Add(a, hn::Load(D(), vector)), hn::Add(b, hn::Load(D(), vector + kHalf))};
  }
  HWY_INLINE void Store(double* to) const {
    if constexpr (kHalf != 0) hn::Store(b, D(), to + kHalf);
    hn::Store(a, D(), to);
  }
};
#elif HWY_TARGET == HWY_WASM
struct FourSums {  // Highway 1.0 has no doubles here
  v128_t a, b;

  static HWY_INLINE FourSums Load(const double* from) {
    return {wasm_v128_load(from), wasm_v128_load(from + 2)};
  }
  HWY_INLINE FourSums Plus(const double* vector) const {
    return {wasm_f64x2_add(a, wasm_v128_load(vector)),
            wasm_f64x2_add(b, wasm_v128_load(vector + 2))};
  }
  HWY_INLINE void Store(double* to) const {
    wasm_v128_store(to, a);
    wasm_v128_store(to + 2, b);
  }
};
#else
struct FourSums {
  double all[4];

  static FourSums Load(const double* from) { return {{from[0], from[1], from[2], from[3]}}; }
  FourSums Plus(const double* vector) const {
    return {{all[0] + vector[0], all[1] + vector[1], all[2] + vector[2], all[3] + vector[3]}};
  }
  void Store(double* to) const {
    for (std::size_t k = 0; k < 4; ++k) to[k] = all[k];
  }
};
#endif

template <std::size_t n_trees, class Leaf>
HWY_INLINE void AddSomeVectors(const LeavesTogether<Leaf, double>& trees, std::size_t first,
                               std::size_t n, double* sums) {
  for (std::size_t r = 0; r < n; ++r, sums += 4) {
    FourSums sum = FourSums::Load(sums);
    for (std::size_t t = first; t < first + n_trees; ++t) {
      sum = sum.Plus(trees.tables[t] + 4 * std::size_t{trees.leaves[t][r]});
    }
    sum.Store(sums);
  }
}

template <class Leaf>
void AddVectors(const LeavesTogether<Leaf, double>& together, std::size_t n, double* sums) {
  const LeavesTogether<Leaf, double> trees = together;
  if (trees.n_trees == kTreesTogether) return AddSomeVectors<kTreesTogether>(trees, 0, n, sums);
  for (std::size_t t = 0; t < trees.n_trees; ++t) AddSomeVectors<1>(trees, t, n, sums);
}

template <class R, class Leaf>
constexpr LaneKernelsOf<R, Leaf> KernelsOf() {
  constexpr int kVectors = 4;
  LaneKernelsOf<R, Leaf> kernels;
  kernels.wide = Lanes<R, kVectors>::kRows;
  kernels.narrow = Lanes<R, 1>::kRows;
  kernels.complete_depths = sizeof(R) == 1 ? kCompleteDepths : 0;
  kernels.select_wide = Select<R, Leaf, kVectors>;
  kernels.select_narrow = Select<R, Leaf, 1>;
  kernels.add_floats = AddNumbers<Leaf, float>;
#if HWY_TARGET <= HWY_AVX3
  kernels.register_doubles = 4 * hn::MaxLanes(hn::ScalableTag<double>());
#endif
  kernels.add_doubles = AddNumbers<Leaf, double>;
  kernels.add_vectors = AddVectors<Leaf>;
  return kernels;
}

const LaneKernels& Kernels() {
  static constexpr LaneKernels kernels = {KernelsOf<std::int8_t, std::uint8_t>(),
                                          KernelsOf<std::int16_t, std::uint16_t>()};
  return kernels;
}

}  // namespace copse::plan::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace copse::plan {

HWY_EXPORT(Kernels);

const LaneKernels& ChosenLaneKernels() { return HWY_DYNAMIC_DISPATCH(Kernels)(); }

}  // namespace copse::plan
#endif
