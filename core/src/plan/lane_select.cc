// Lane select for batches: see kernels/lane_kernels.cc for the idea. Here trees become operations,
// and rows become groups of ranks; leaf numbers become sums, a few trees at a time.
#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/lane_kernels.h"
#include "plan/lane_trees.h"
#include "plan/layout.h"
#include "plan/leaf_adders.h"

namespace copse::plan {
namespace {

// Rows whose ranks, leaves and sums are kept at a time, if their ranks fit: enough that a tree's
// operations and what is guessed about them are used often, few enough for the second-level cache.
constexpr std::size_t kBlockRows = 1024;
constexpr std::size_t kRankBytesMax = std::size_t{1} << 20;
// Sums are kept in columns for up to so many outputs.
constexpr std::size_t kSumColumnsMax = 16;
constexpr std::size_t kVectorWidth = 4;
// Ranks of one row that are kept on the stack.
constexpr std::size_t kStackColumns = 1024;

// Numbers that vectors are loaded from.
template <class T>
class Aligned {
 public:
  explicit Aligned(std::size_t n) : bytes_(n * sizeof(T) + kLaneAlignment) {
    const auto address = reinterpret_cast<std::uintptr_t>(bytes_.data());
    data_ = reinterpret_cast<T*>(bytes_.data() + (-address & (kLaneAlignment - 1)));
  }
  Aligned(const Aligned&) = delete;
  Aligned& operator=(const Aligned&) = delete;
  Aligned(Aligned&&) noexcept = default;  // moved bytes stay where they are
  Aligned& operator=(Aligned&&) noexcept = default;
  ~Aligned() = default;
  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t bytes() const { return bytes_.size(); }

 private:
  std::vector<unsigned char> bytes_;
  T* data_;
};

// Vectors are loaded from behind the last number, too.
template <class T>
void Pad(LargeVector<T>& table) {
  if (table.empty()) return;
  table.reserve(table.size() + kLeafTablePadding);
  for (std::size_t i = 0; i < kLeafTablePadding; ++i) table.push_back(0);
}

std::size_t RoundUp(std::size_t n, std::size_t step) { return (n + step - 1) / step * step; }

const auto& KernelsFor(std::uint8_t /*rank*/) { return ChosenLaneKernels().of8; }
const auto& KernelsFor(std::uint16_t /*rank*/) { return ChosenLaneKernels().of16; }

// How the sums of a block are kept while trees are added to it: in columns of floats or doubles,
// one for each output; in vectors of four doubles, one for each row; or where the caller wants
// them.
enum class SumForm : std::uint8_t {
  kFloatColumns,   ///< each tree adds to one of them
  kDoubleColumns,  ///< the same
  kAllColumns,     ///< of doubles; each tree adds to all
  kVectors,
  kInPlace
};

// `in_registers`: whether tables of doubles are small enough for it.
SumForm FormFor(const LeafValues& values, bool in_registers) {
  const bool few = values.n_outputs <= kSumColumnsMax;
  if (values.kind == SumKind::kFloat && few) return SumForm::kFloatColumns;
  if (values.kind == SumKind::kDouble && few) return SumForm::kDoubleColumns;
  if (values.kind != SumKind::kVector || values.n_outputs > kVectorWidth) return SumForm::kInPlace;
  return in_registers ? SumForm::kAllColumns : SumForm::kVectors;
}

// What slot `slot` adds to output `k`, of vectors.
double ValueAt(const LeafValues& values, std::size_t slot, std::size_t k) {
  const std::size_t payload = values.payload[slot], n_outputs = values.n_outputs;
  if (payload < n_outputs) return payload == k ? 1 : 0;
  return values.vectors[(payload - n_outputs) * n_outputs + k];
}

// Vectors written out: [slots, 4] for kVectors; for kAllColumns, of each tree, [outputs, slots].
Aligned<double> Tables(const LeafValues& values, SumForm form, const LaneTrees& trees) {
  const std::size_t n_outputs = values.n_outputs, n_slots = values.payload.size();
  if (form == SumForm::kVectors) {
    Aligned<double> out(n_slots * kVectorWidth);
    for (std::size_t slot = 0; slot < n_slots; ++slot) {
      for (std::size_t k = 0; k < n_outputs; ++k) {
        out.data()[slot * kVectorWidth + k] = ValueAt(values, slot, k);
      }
    }
    return out;
  }
  if (form != SumForm::kAllColumns) return Aligned<double>(0);
  Aligned<double> out(n_slots * n_outputs + kLeafTablePadding);
  double* next = out.data();
  for (const LaneTrees::Tree& tree : trees.trees) {
    for (std::size_t k = 0; k < n_outputs; ++k) {
      for (std::size_t i = 0; i < tree.n_leaves; ++i) {
        *next++ = ValueAt(values, tree.first_leaf + i, k);
      }
    }
  }
  return out;
}

// The trees, those that add to the same column one after the other. Each sum sees its trees in
// order.
std::vector<std::uint32_t> OrderOf(const LeafValues& values, SumForm form) {
  std::vector<std::uint32_t> order(values.outputs.size());
  std::iota(order.begin(), order.end(), 0);
  if (form == SumForm::kFloatColumns || form == SumForm::kDoubleColumns) {
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
      return std::pair(values.outputs[a], a) < std::pair(values.outputs[b], b);
    });
  }
  return order;
}

std::size_t LeavesMax(const LaneTrees& trees) {
  std::size_t most = 0;
  for (const LaneTrees::Tree& tree : trees.trees) most = std::max<std::size_t>(most, tree.n_leaves);
  return most;
}

// The sums of a block in their form.
struct KeptSums {
  KeptSums(SumForm form_of_all, std::size_t n_sums, std::size_t n_rows)
      : form(form_of_all),
        n_outputs(n_sums),
        capacity(n_rows),
        floats(form == SumForm::kFloatColumns ? n_rows * n_sums : 0),
        doubles(n_rows * DoublesOfRow()) {}

  std::size_t DoublesOfRow() const {
    if (form == SumForm::kVectors) return kVectorWidth;
    return form == SumForm::kDoubleColumns || form == SumForm::kAllColumns ? n_outputs : 0;
  }

  SumForm form;
  std::size_t n_outputs;
  std::size_t capacity;  // rows from one column to the next
  Aligned<float> floats;
  Aligned<double> doubles;
};

// Calls use(r * n_outputs + k, the sum k of row r).
template <class Use>
void EachSum(std::size_t n_rows, KeptSums& kept, Use use) {
  const bool vectors = kept.form == SumForm::kVectors;
  const std::size_t row_step = vectors ? kVectorWidth : 1;
  const std::size_t output_step = vectors ? 1 : kept.capacity;
  for (std::size_t k = 0; k < kept.n_outputs; ++k) {
    for (std::size_t r = 0; r < n_rows; ++r) {
      const std::size_t at = r * row_step + k * output_step;
      if (kept.form == SumForm::kFloatColumns) {
        use(r * kept.n_outputs + k, kept.floats.data()[at]);
      } else {
        use(r * kept.n_outputs + k, kept.doubles.data()[at]);
      }
    }
  }
}

void TakeSums(std::size_t n_rows, const double* sums, KeptSums& kept) {
  EachSum(n_rows, kept, [&](std::size_t i, auto& sum) {
    sum = static_cast<std::remove_reference_t<decltype(sum)>>(sums[i]);
  });
}
void GiveSums(std::size_t n_rows, double* sums, KeptSums& kept) {
  EachSum(n_rows, kept, [&](std::size_t i, auto& sum) { sums[i] = sum; });
}

// Where it does not matter that the kind of sum is asked for every time.
void AddAnySlot(const Adding& adding, std::size_t tree, std::size_t slot, std::size_t r) {
  WithSumKind(adding.values->kind, [&](auto kind) { AddSlot<kind()>(adding, tree, slot, r); });
}

// The rows of a block: wide groups, then narrow ones for the rest.
struct Groups {
  std::size_t n_wide = 0, n_narrow = 0;
};

// Rank is std::uint8_t or std::uint16_t; leaf numbers are as wide.
template <class Rank>
class LaneSelect final : public Layout {
 public:
  LaneSelect(const Forest& forest, TreeRange trees, LaneTrees lane_trees, Columns columns)
      : forest_(&forest),
        range_(trees),
        kernels_(&KernelsFor(Rank{})),
        trees_(std::move(lane_trees)),
        ranker_(std::move(columns), forest.rules().input, forest.rules().category_cast, forest),
        values_(LeafValues::Compile(forest, trees, trees_.leaves)),
        form_(FormFor(values_, LeavesMax(trees_) <= kernels_->register_doubles)),
        tables_(Tables(values_, form_, trees_)),
        order_(OrderOf(values_, form_)) {
    trees_.leaves = {};
    Pad(values_.floats);
    Pad(values_.doubles);
  }

  void AddTrees(const RowBlock& rows, double* sums) const override {
    if (rows.n_rows == 1) return AddToOneRow(rows, sums);
    const std::size_t capacity = BlockRows(rows.n_rows);
    Scratch scratch(*this, capacity);
    for (std::size_t first = 0; first < rows.n_rows; first += capacity) {
      const std::size_t n = std::min(capacity, rows.n_rows - first);
      AddToBlock(rows.Sub(first, n), sums + first * values_.n_outputs, scratch);
    }
  }

  std::size_t bytes() const override {
    return trees_.bytes() + ranker_.bytes() + values_.bytes() + tables_.bytes() +
           order_.size() * sizeof(order_[0]);
  }

 private:
  using Signed = std::make_signed_t<Rank>;

  struct Scratch {
    Scratch(const LaneSelect& layout, std::size_t n_rows)
        : ranks(n_rows * layout.ranker_.n_columns()),
          leaves(kTreesTogether * n_rows),
          sums(layout.form_, layout.values_.n_outputs, n_rows) {}
    Aligned<Signed> ranks;
    Aligned<Rank> leaves;
    KeptSums sums;
  };

  // A whole number of wide groups.
  std::size_t BlockRows(std::size_t n_rows) const {
    const std::size_t row_bytes = std::max<std::size_t>(1, ranker_.n_columns()) * sizeof(Rank);
    const std::size_t most = std::min(kBlockRows, kRankBytesMax / row_bytes);
    const std::size_t groups = std::max<std::size_t>(1, most / kernels_->wide);
    return std::min(groups * kernels_->wide, RoundUp(n_rows, kernels_->wide));
  }

  Groups RankGroups(const RowBlock& rows, Signed* ranks) const {
    const std::size_t wide = kernels_->wide, narrow = kernels_->narrow;
    Groups groups;
    std::size_t first = 0;
    while (first < rows.n_rows) {
      const std::size_t left = rows.n_rows - first;
      const bool is_wide = left >= wide || 2 * left > wide;
      const std::size_t lanes = is_wide ? wide : narrow;
      const std::size_t n = std::min(lanes, left);
      ranker_.RankLanes(rows.Sub(first, n), ranks, lanes);
      ranks += lanes * ranker_.n_columns();
      ++(is_wide ? groups.n_wide : groups.n_narrow);
      first += n;
    }
    return groups;
  }

  // Where each row of the block ends in tree `t`, to `leaves`.
  void Select(std::size_t t, const Groups& groups, const Scratch& scratch, Rank* leaves) const {
    const LaneTree tree = trees_.tree(t);
    const std::size_t n_columns = ranker_.n_columns();
    const std::size_t wide_rows = groups.n_wide * kernels_->wide;
    kernels_->select_wide(tree, scratch.ranks.data(), n_columns, groups.n_wide, leaves);
    if (groups.n_narrow == 0) return;
    kernels_->select_narrow(tree, scratch.ranks.data() + wide_rows * n_columns, n_columns,
                            groups.n_narrow, leaves + wide_rows);
  }

  void AddToBlock(const RowBlock& rows, double* sums, Scratch& scratch) const {
    const Groups groups = RankGroups(rows, scratch.ranks.data());
    const std::size_t n_lanes = groups.n_wide * kernels_->wide + groups.n_narrow * kernels_->narrow;
    if (form_ == SumForm::kInPlace) return AddInPlace(rows, groups, sums, scratch);
    TakeSums(rows.n_rows, sums, scratch.sums);
    std::array<std::size_t, kTreesTogether> trees;
    for (std::size_t i = 0; i < order_.size();) {
      std::size_t n = 0;
      while (n < kTreesTogether && i < order_.size() &&
             (n == 0 || values_.outputs[order_[i]] == values_.outputs[trees[0]])) {
        trees[n] = order_[i++];
        Select(trees[n], groups, scratch, scratch.leaves.data() + n * scratch.sums.capacity);
        ++n;
      }
      AddTogether({trees.data(), n}, n_lanes, scratch);
    }
    GiveSums(rows.n_rows, sums, scratch.sums);
  }

  // The leaves of some trees, which add to the same outputs, to sums in columns or vectors.
  void AddTogether(std::span<const std::size_t> trees, std::size_t n_lanes,
                   Scratch& scratch) const {
    KeptSums& sums = scratch.sums;
    const std::size_t column = values_.outputs[trees[0]] * sums.capacity;
    const Rank* leaves = scratch.leaves.data();
    const auto together = [&](const auto* tables, std::size_t width, std::size_t output) {
      LeavesTogether<Rank, std::remove_cvref_t<decltype(*tables)>> out;
      out.n_trees = trees.size();
      for (std::size_t i = 0; i < trees.size(); ++i) {
        const LaneTrees::Tree& tree = trees_.trees[trees[i]];
        out.leaves[i] = leaves + i * sums.capacity;
        out.tables[i] = tables + tree.first_leaf * width + output * tree.n_leaves;
        out.n_leaves = std::max<std::size_t>(out.n_leaves, tree.n_leaves);
      }
      return out;
    };
    double* doubles = sums.doubles.data();
    switch (form_) {
      case SumForm::kFloatColumns:
        return kernels_->add_floats(together(values_.floats.data(), 1, 0), n_lanes,
                                    sums.floats.data() + column);
      case SumForm::kDoubleColumns:
        return kernels_->add_doubles(together(values_.doubles.data(), 1, 0), n_lanes,
                                     doubles + column);
      case SumForm::kAllColumns:
        for (std::size_t k = 0; k < values_.n_outputs; ++k) {
          kernels_->add_doubles(together(tables_.data(), values_.n_outputs, k), n_lanes,
                                doubles + k * sums.capacity);
        }
        return;
      case SumForm::kVectors:
        return kernels_->add_vectors(together(tables_.data(), kVectorWidth, 0), n_lanes, doubles);
      case SumForm::kInPlace:
        return;
    }
  }

  void AddInPlace(const RowBlock& rows, const Groups& groups, double* sums,
                  Scratch& scratch) const {
    const Adding adding = {forest_, range_, &values_, rows, sums};
    for (std::size_t t = 0; t < range_.size(); ++t) {
      Rank* const leaves = scratch.leaves.data();
      Select(t, groups, scratch, leaves);
      const std::size_t first_leaf = trees_.trees[t].first_leaf;
      if (values_.kind == SumKind::kVector) {
        for (std::size_t r = 0; r < rows.n_rows; ++r) {
          AddSlot<SumKind::kVector>(adding, t, first_leaf + leaves[r], r);
        }
        continue;
      }
      for (std::size_t r = 0; r < rows.n_rows; ++r) {
        AddAnySlot(adding, t, first_leaf + leaves[r], r);
      }
    }
  }

  // One row: the same operations, one lane, no memory.
  void AddToOneRow(const RowBlock& row, double* sums) const {
    std::array<Rank, kStackColumns> near{};
    std::vector<Rank> far(ranker_.n_columns() > kStackColumns ? ranker_.n_columns() : 0);
    Rank* ranks = far.empty() ? near.data() : far.data();
    ranker_.RankRows(row, ranks, ranker_.n_columns());
    const Adding adding = {forest_, range_, &values_, row, sums};
    for (std::size_t t = 0; t < range_.size(); ++t) {
      AddAnySlot(adding, t, trees_.trees[t].first_leaf + LeafOf(trees_.tree(t), ranks), 0);
    }
  }

  static bool GoesRight(const LaneOp& op, const Rank* ranks) {
    constexpr Rank kHalf = Rank{1} << (8 * sizeof(Rank) - 1);
    return ranks[op.column] > static_cast<Rank>(op.rank ^ kHalf);
  }

  static std::size_t LeafOf(const LaneTree& tree, const Rank* ranks) {
    if (tree.complete_depth > 0) return LeafOfComplete(tree, ranks);
    std::array<Rank, kLaneSlotsMax> slots;
    slots[0] = 0;
    Rank value = 0;
    const LaneOp* op = tree.ops;
    for (const LaneOp* const end = op + tree.n_ops; op != end;) {
      const LaneOp& first = *op++;
      const auto leaf = static_cast<Rank>(first.leaf);
      value = leaf;
      if (GoesRight(first, ranks)) value = first.right == 0 ? leaf + 1 : slots[first.right];
      for (const LaneOp* const last = op + first.n_more; op != last; ++op) {
        if (GoesRight(*op, ranks)) value = slots[op->right] + static_cast<Rank>(op->leaf);
      }
      slots[first.result] = value;
    }
    return value;
  }

  // The root is behind its subtrees.
  static std::size_t LeafOfComplete(const LaneTree& tree, const Rank* ranks) {
    const LaneOp* begin = tree.ops;
    for (std::size_t n = tree.n_ops; n > 1; n /= 2) {
      if (GoesRight(begin[n - 1], ranks)) begin += n / 2;
    }
    return static_cast<Rank>(begin->leaf) + (GoesRight(*begin, ranks) ? 1U : 0U);
  }

  const Forest* forest_;
  TreeRange range_;
  const LaneKernelsOf<Signed, Rank>* kernels_;
  LaneTrees trees_;
  Ranker<Rank> ranker_;
  LeafValues values_;
  SumForm form_;
  Aligned<double> tables_;
  std::vector<std::uint32_t> order_;
};

template <class Rank>
std::unique_ptr<Layout> Make(const Forest& forest, TreeRange trees, Columns columns,
                             std::size_t leaves_max) {
  auto lane_trees = LaneTrees::Compile(forest, trees, columns, leaves_max, sizeof(Rank),
                                       KernelsFor(Rank{}).complete_depths);
  if (!lane_trees) return nullptr;
  return std::make_unique<LaneSelect<Rank>>(forest, trees, std::move(*lane_trees),
                                            std::move(columns));
}

}  // namespace

std::unique_ptr<Layout> MakeLaneSelect(const Forest& forest, TreeRange trees, Columns columns) {
  if (columns.n_columns > kLaneColumnsMax || columns.rank_max > kRank16Max) return nullptr;
  if (columns.rank_max <= kRank8Max) {
    auto layout = Make<std::uint8_t>(forest, trees, columns, kLane8LeavesMax);
    if (layout != nullptr) return layout;
  }
  return Make<std::uint16_t>(forest, trees, std::move(columns), kLane16LeavesMax);
}

}  // namespace copse::plan
