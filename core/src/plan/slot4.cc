#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "at_once.h"
#include "plan/chains.h"
#include "plan/large_pages.h"
#include "plan/layout.h"
#include "plan/sibling_order.h"

// Deep trees in four bytes a node.
//
// On ranks of 16 bits a node needs its rank, its column (6 bits, or 5 where that is enough) and the
// way to its left child, which is short if the subtree is small: 10 bits, or 11. So a tree is cut
// into pages of at most 1,024 slots, or 2,048, reached through a small tree of eight-byte nodes
// with far-reaching steps. A slot is
//
//   rank << 16 | step << 6 | column        left child at + step, right child behind it
//
// and the row holds rank << 16 of each column, so that "rank of the row > rank of the node" is one
// comparison of whole words: the lower bits of a node never reach the next rank. What is compared
// is added to the slot's number: a step is load, and, compare, shift, add with carry. A leaf has
// rank 65,535, which no row exceeds, and step 0: it leads to itself. Its column may be any number;
// a leaf that adds 1.0 to one class holds the class, and needs no table.
namespace copse::plan {
namespace {

constexpr std::uint32_t kColumnBits = 6, kFewColumnBits = 5;
constexpr std::uint32_t MaskOf(std::uint32_t bits) { return (1U << bits) - 1; }
constexpr std::size_t kClassesMax = MaskOf(kColumnBits);  // that a leaf can name
constexpr std::size_t kSlotsPerLine = 16;
constexpr std::uint32_t kLeaf = 0xffff0000;

// Ranks of a block of rows: what a second-level cache holds.
constexpr std::size_t kBlockBytes = std::size_t{1} << 20;

template <std::uint32_t column_bits>
struct Slots {
  static constexpr int kSteps = 5;

  const std::uint32_t* slots;

  std::uint32_t Step(std::uint32_t at, const std::uint32_t* ranks) const {
    const std::uint32_t slot = slots[at];
    std::uint32_t next = at + ((slot & 0xffff) >> column_bits);
    if (slot < ranks[slot & MaskOf(column_bits)]) ++next;  // last, so that g++, too, adds the carry
    return next;
  }
  bool IsEnd(std::uint32_t at) const { return slots[at] >= kLeaf; }
  const void* Address(std::uint32_t at) const { return slots + at; }
};

// A node above the pages. One that stands for a page is an end, as a leaf is.
struct Top {
  std::uint32_t rank;  ///< rank << 16, as in the row
  std::uint32_t way;   ///< step << 6 | column
};

struct Tops {
  static constexpr int kSteps = 3;

  const Top* tops;

  std::uint32_t Step(std::uint32_t at, const std::uint32_t* ranks) const {
    const Top top = tops[at];
    std::uint32_t next = at + (top.way >> kColumnBits);
    if (top.rank < ranks[top.way & MaskOf(kColumnBits)]) ++next;
    return next;
  }
  bool IsEnd(std::uint32_t at) const { return tops[at].rank >= kLeaf; }
};

// The forest's trees in these forms.
struct SlotTrees {
  LargeVector<std::uint32_t> slots;
  std::vector<Top> tops;
  std::vector<std::uint32_t> pages;   ///< [tops] the first slot of a page, of those that are ends
  std::vector<std::uint32_t> roots;   ///< [trees] in `tops`
  std::vector<std::uint8_t> is_page;  ///< [trees] whether all of the tree is one page
  LeafValues values;
  std::uint32_t column_bits = kColumnBits;  ///< of slots

  /// In the column of a leaf: it is no single class, its values are in the table.
  std::uint32_t no_class() const { return MaskOf(column_bits); }
  /// Classes that a slot can name. There may be more outputs, which no leaf adds to where all
  /// leaves are classes.
  std::size_t n_classes() const { return std::min<std::size_t>(values.n_outputs, no_class()); }

  std::uint32_t Start(std::size_t tree) const { return roots[tree]; }

  template <bool kOneRow>
  void Walk(const std::uint32_t* ranks, Chains& chains, std::size_t tree, std::size_t n_trees,
            std::size_t n, bool are_first_rows) const {
    // What is laid out last is a page.
    const auto last_top = static_cast<std::uint32_t>(tops.size() - 1);
    bool all_are_pages = true;
    for (std::size_t t = tree; t < tree + n_trees; ++t) all_are_pages &= is_page[t] != 0;
    if (!all_are_pages) WalkToEnds<kOneRow>(Tops{tops.data()}, last_top, ranks, chains, n);
    for (std::size_t i = 0; i < n; ++i) chains.at[i] = pages[chains.at[i]];
    if (column_bits == kFewColumnBits) {
      WalkPages<kOneRow>(Slots<kFewColumnBits>{slots.data()}, ranks, chains, n, are_first_rows);
    } else {
      WalkPages<kOneRow>(Slots<kColumnBits>{slots.data()}, ranks, chains, n, are_first_rows);
    }
  }

  void AddVectors(std::size_t n_trees, std::size_t n_rows, const std::uint32_t* ends,
                  double* sums) const {
    const bool all_are_classes = values.payload.empty();
    // Counts of many classes take a while to add up.
    const bool is_worth_it = n_rows == 1 && n_trees >= 2 * n_classes();
    if (all_are_classes && is_worth_it && AreCounts(sums)) {
      return CountClasses(n_trees, ends, sums);
    }
    const auto slot_of = [&](std::size_t t, std::size_t r) { return ends[t * n_rows + r]; };
    const auto class_of = [&](std::size_t t, std::size_t r) { return ClassAt(slot_of(t, r)); };
    const auto payload_of = [&](std::size_t t, std::size_t r) {
      return values.payload[slot_of(t, r)];
    };
    // What the slot says is at hand; but to ask whether it says it is a branch.
    const auto class_or_payload_of = [&](std::size_t t, std::size_t r) {
      const std::uint32_t class_index = class_of(t, r);
      return class_index != no_class() ? class_index : payload_of(t, r);
    };
    if (all_are_classes) return plan::AddVectors(values, n_trees, n_rows, class_of, sums);
    if (values.n_outputs <= kFewOutputs) {
      return plan::AddVectors(values, n_trees, n_rows, payload_of, sums);
    }
    plan::AddVectors(values, n_trees, n_rows, class_or_payload_of, sums);
  }

 private:
  template <bool kOneRow, class Nodes>
  void WalkPages(const Nodes nodes, const std::uint32_t* ranks, Chains& chains, std::size_t n,
                 bool are_first_rows) const {
    if (kCanPrefetch && are_first_rows && slots.size() * sizeof(std::uint32_t) >= kFarBytes) {
      return WalkFarToEnds<kOneRow>(nodes, ranks, chains, n);
    }
    const auto last = static_cast<std::uint32_t>(slots.size() - 1);  // a leaf
    WalkToEnds<kOneRow>(nodes, last, ranks, chains, n);
  }

  std::uint32_t ClassAt(std::uint32_t end) const { return slots[end] & no_class(); }

  // Whether sums stay whole numbers, which a double holds exactly, while ones are added to them.
  bool AreCounts(const double* sums) const {
    constexpr auto kWholeMax = static_cast<double>(std::uint64_t{1} << 52);
    return std::all_of(sums, sums + n_classes(), [](double sum) {
      return std::abs(sum) < kWholeMax && sum == std::trunc(sum);
    });
  }

  // Every leaf is a class, and their order does not matter: so they are counted in several parts,
  // and no count waits for the one before it.
  void CountClasses(std::size_t n_trees, const std::uint32_t* ends, double* sums) const {
    constexpr std::size_t kParts = 4;
    std::array<std::array<std::uint32_t, kClassesMax>, kParts> counts;
    for (auto& part : counts) std::fill_n(part.begin(), n_classes(), 0);
    for (std::size_t t = 0; t < n_trees; ++t) ++counts[t % kParts][ClassAt(ends[t])];
    for (std::size_t k = 0; k < n_classes(); ++k) {
      for (const auto& part : counts) sums[k] += part[k];
    }
  }
};

class Slot4 final : public Layout {
 public:
  Slot4(SlotTrees trees, const Forest& forest, TreeRange range, Columns columns)
      : forest_(forest),
        range_(range),
        trees_(std::move(trees)),
        ranker_(std::move(columns), forest.rules().input, forest.rules().category_cast, forest) {}

  void AddTrees(const RowBlock& rows, double* sums) const override {
    if (rows.n_rows == 1) return AddToRow({&forest_, range_, &trees_.values, rows, sums});
    const std::size_t stride = std::max<std::size_t>(ranker_.n_columns(), 1);
    const std::size_t rows_max = kBlockBytes / (stride * sizeof(std::uint32_t));
    // A leaf looks at any of 64 columns: behind the last row there is something, too.
    std::vector<std::uint32_t> ranks(std::min(rows.n_rows, rows_max) * stride + kSlotColumnsMax);
    for (std::size_t first = 0; first < rows.n_rows; first += rows_max) {
      const RowBlock block = rows.Sub(first, std::min(rows_max, rows.n_rows - first));
      for (std::size_t r = 0; r < block.n_rows; r += kRankedTogether) {
        const std::size_t n = std::min(kRankedTogether, block.n_rows - r);
        Rank(block.Sub(r, n), ranks.data() + r * stride, stride);
      }
      const Adding adding = {&forest_, range_, &trees_.values, block,
                             sums + first * trees_.values.n_outputs};
      Add(adding, ranks.data(), stride);
    }
  }

  std::size_t bytes() const override {
    return trees_.slots.size() * sizeof(std::uint32_t) + trees_.tops.size() * sizeof(Top) +
           trees_.pages.size() * sizeof(std::uint32_t) +
           trees_.roots.size() * sizeof(std::uint32_t) + trees_.is_page.size() +
           trees_.values.bytes() + ranker_.bytes();
  }

 private:
  static constexpr std::size_t kRankedTogether = 64;

  void AddToRow(const Adding& adding) const {
    std::array<std::uint32_t, kSlotColumnsMax> ranks = {};
    Rank(adding.rows, ranks.data(), ranks.size());
    Add(adding, ranks.data(), ranks.size());
  }

  void Rank(const RowBlock& rows, std::uint32_t* out, std::size_t stride) const {
    std::array<std::uint16_t, kRankedTogether * kSlotColumnsMax> ranks;
    const std::size_t n_columns = ranker_.n_columns();
    ranker_.RankRows(rows, ranks.data(), stride);
    for (std::size_t r = 0; r < rows.n_rows; ++r) {
      for (std::size_t c = 0; c < n_columns; ++c) {
        out[r * stride + c] = std::uint32_t{ranks[r * stride + c]} << 16;
      }
    }
  }

  void Add(const Adding& adding, const std::uint32_t* ranks, std::size_t stride) const {
    if (range_.size() == 0 || adding.rows.n_rows == 0) return;
    WithSumKind(trees_.values.kind,
                [&](auto kind) { AddBlock<decltype(kind)::value>(trees_, adding, ranks, stride); });
  }

  const Forest& forest_;
  TreeRange range_;
  SlotTrees trees_;
  Ranker<std::uint16_t> ranker_;
};

// What is done for each tree, or for some slots, is never inlined: see at_once.h.
class Compiler {
 public:
  Compiler(const Forest& forest, TreeRange range, const Columns& columns)
      : forest_(forest), parts_(forest.parts()), range_(range), columns_(columns) {
    // A leaf of one class has its number there, too.
    const bool names = parts_.leaf_width == 1 || forest.n_outputs() <= MaskOf(kFewColumnBits);
    if (names && columns.n_columns <= std::size_t{1} << kFewColumnBits) {
      out_.column_bits = kFewColumnBits;
    }
  }

  SlotTrees Compile() {
    const std::size_t n_slots = CountSlots();
    out_.slots.reserve(n_slots);
    leaves_.reserve(n_slots);
    for (std::size_t tree = range_.begin; tree < range_.end; ++tree) AddTree(tree);
    out_.values = LeafValues::Compile(forest_, range_, leaves_);
    if (out_.values.kind == SumKind::kVector) WriteClasses();
    return std::move(out_);
  }

 private:
  std::size_t page_slots() const { return std::size_t{1} << (16 - out_.column_bits); }

  std::size_t CountSlots() const {
    const std::size_t n_nodes =
        parts_.tree_begin[range_.end] - std::size_t{parts_.tree_begin[range_.begin]};
    return 2 * n_nodes + range_.size();
  }

  // Children follow their parents, so a walk backwards meets them first.
  [[gnu::noinline]] void CountUnder(std::size_t tree) {
    first_node_ = parts_.tree_begin[tree];
    const std::size_t end = parts_.tree_begin[tree + 1];
    nodes_under_.assign(end - first_node_, 1);
    for (std::size_t node = end; node-- > first_node_;) {
      for (const std::int32_t child : {parts_.left[node], parts_.right[node]}) {
        if (child >= 0) nodes_under_[node - first_node_] += NodesUnder(child);
      }
    }
  }
  std::uint32_t NodesUnder(std::int32_t item) const {
    return item < 0 ? 0 : nodes_under_[static_cast<std::size_t>(item) - first_node_];
  }

  void AddTree(std::size_t tree) {
    CountUnder(tree);
    const std::size_t root = out_.tops.size();
    out_.roots.push_back(static_cast<std::uint32_t>(root));
    waiting_.assign(1, parts_.tree_root[tree]);
    for (std::size_t i = 0; i < waiting_.size(); ++i) {
      const std::int32_t item = waiting_[i];
      if (2 * std::size_t{NodesUnder(item)} + 1 <= page_slots()) {
        out_.tops.push_back({~std::uint32_t{0}, 0});
        out_.pages.push_back(static_cast<std::uint32_t>(out_.slots.size()));
        AddPage(item);
        continue;
      }
      const auto node = static_cast<std::size_t>(item);
      const NodeTest& test = columns_.test(node);
      const auto step = static_cast<std::uint32_t>(waiting_.size() - i);
      out_.tops.push_back({test.rank << 16, step << kColumnBits | test.column});
      out_.pages.push_back(0);
      waiting_.push_back(parts_.left[node]);
      waiting_.push_back(parts_.right[node]);
    }
    out_.is_page.push_back(waiting_.size() == 1 ? 1 : 0);
  }

  [[gnu::noinline]] void AddPage(std::int32_t root) {
    order_.Arrange(parts_, root);
    for (std::size_t i = 0; i < order_.items().size(); ++i) {
      const std::int32_t item = order_.items()[i];
      if (item < 0) {
        out_.slots.push_back(kLeaf | out_.no_class());
        leaves_.push_back(~static_cast<std::uint32_t>(item));
        continue;
      }
      const NodeTest& test = columns_.test(static_cast<std::size_t>(item));
      out_.slots.push_back(test.rank << 16 | order_.steps()[i] << out_.column_bits | test.column);
      leaves_.push_back(0);  // nobody ends here
    }
  }

  // Leaves of one class say so themselves; the table goes where no leaf needs it.
  void WriteClasses() {
    bool all_are_classes = true;
    for (std::size_t i = 0; i < out_.slots.size(); i += kAtOnce) {
      all_are_classes &= WriteClasses(i, std::min(i + kAtOnce, out_.slots.size()));
    }
    if (!all_are_classes) return;
    out_.values.payload = {};
    out_.values.vectors = {};
  }

  // Of the slots [begin, end). Whether all leaves there are classes.
  [[gnu::noinline]] bool WriteClasses(std::size_t begin, std::size_t end) {
    const LeafValues& values = out_.values;
    const std::size_t n_classes = out_.n_classes();
    bool all_are_classes = true;
    for (std::size_t i = begin; i < end; ++i) {
      if (out_.slots[i] < kLeaf) continue;
      if (values.payload[i] < n_classes) {
        out_.slots[i] = kLeaf | values.payload[i];
      } else {
        all_are_classes = false;
      }
    }
    return all_are_classes;
  }

  const Forest& forest_;
  const ForestParts& parts_;
  TreeRange range_;
  const Columns& columns_;
  SlotTrees out_;
  std::vector<std::uint32_t> leaves_;  ///< [slots] number of the leaf
  SiblingOrder order_{kSlotsPerLine};
  std::size_t first_node_ = 0;
  std::vector<std::uint32_t> nodes_under_;  ///< of the tree at hand: a node and all below it
  std::vector<std::int32_t> waiting_;
};

}  // namespace

std::unique_ptr<Layout> MakeSlot4(const Forest& forest, TreeRange trees, Columns columns) {
  if (columns.n_columns > kSlotColumnsMax || columns.rank_max > kSlotRankMax) return nullptr;
  SlotTrees compiled = Compiler(forest, trees, columns).Compile();
  return std::make_unique<Slot4>(std::move(compiled), forest, trees, std::move(columns));
}

}  // namespace copse::plan
