#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "plan/chains.h"
#include "plan/large_pages.h"
#include "plan/layout.h"
#include "plan/sibling_order.h"

// Any trees, in eight bytes a node.
//
// A node is rank << 32 | step << column_bits | column, with as many column bits as the columns
// need; its left child is `step` slots behind it, its right child behind that. A leaf has a rank
// that no row exceeds and step 0: it leads to itself.
namespace copse::plan {
namespace {

constexpr std::size_t kSlotsPerLine = 8;
constexpr std::uint32_t kLeafRank = ~std::uint32_t{0};
// Ranks of a block of rows: what a second-level cache holds.
constexpr std::size_t kBlockBytes = std::size_t{1} << 20;
// Ranks of one row that need no allocation.
constexpr std::size_t kRowColumns = 1024;

struct Nodes {
  static constexpr int kSteps = 4;

  const std::uint64_t* nodes;
  std::uint32_t column_bits;

  std::uint32_t Step(std::uint32_t at, const std::uint32_t* ranks) const {
    const std::uint64_t node = nodes[at];
    const auto way = static_cast<std::uint32_t>(node);
    const std::uint32_t column = way & ((std::uint32_t{1} << column_bits) - 1);
    const auto rank = static_cast<std::uint32_t>(node >> 32);
    return at + (way >> column_bits) + (rank < ranks[column] ? 1 : 0);
  }
  bool IsEnd(std::uint32_t at) const {
    return static_cast<std::uint32_t>(nodes[at] >> 32) == kLeafRank;
  }
  const void* Address(std::uint32_t at) const { return nodes + at; }
};

struct NodeTrees {
  LargeVector<std::uint64_t> nodes;
  std::vector<std::uint32_t> roots;  ///< [trees]
  std::uint32_t column_bits = 1;
  LeafValues values;

  std::uint32_t Start(std::size_t tree) const { return roots[tree]; }

  template <bool kOneRow>
  void Walk(const std::uint32_t* ranks, Chains& chains, std::size_t, std::size_t, std::size_t n,
            bool are_first_rows) const {
    const Nodes walked{nodes.data(), column_bits};
    if (kCanPrefetch && are_first_rows && nodes.size() * sizeof(std::uint64_t) >= kFarBytes) {
      return WalkFarToEnds<kOneRow>(walked, ranks, chains, n);
    }
    const auto last = static_cast<std::uint32_t>(nodes.size() - 1);  // the last child is a leaf
    WalkToEnds<kOneRow>(walked, last, ranks, chains, n);
  }

  void AddVectors(std::size_t n_trees, std::size_t n_rows, const std::uint32_t* ends,
                  double* sums) const {
    const auto payload_of = [&](std::size_t t, std::size_t r) {
      return values.payload[ends[t * n_rows + r]];
    };
    plan::AddVectors(values, n_trees, n_rows, payload_of, sums);
  }
};

class Node8 final : public Layout {
 public:
  Node8(NodeTrees trees, const Forest& forest, TreeRange range, Columns columns)
      : forest_(forest),
        range_(range),
        trees_(std::move(trees)),
        ranker_(std::move(columns), forest.rules().input, forest.rules().category_cast, forest) {}

  void AddTrees(const RowBlock& rows, double* sums) const override {
    const std::size_t stride = std::max<std::size_t>(ranker_.n_columns(), 1);
    if (rows.n_rows == 1 && stride <= kRowColumns) {
      std::array<std::uint32_t, kRowColumns> ranks;
      ranks[0] = 0;  // where there is no column, leaves look here
      return Add({&forest_, range_, &trees_.values, rows, sums}, ranks.data(), stride);
    }
    const std::size_t rows_max =
        std::max<std::size_t>(kBlockBytes / (stride * sizeof(std::uint32_t)), 1);
    std::vector<std::uint32_t> ranks(std::min(rows.n_rows, rows_max) * stride);
    for (std::size_t first = 0; first < rows.n_rows; first += rows_max) {
      const RowBlock block = rows.Sub(first, std::min(rows_max, rows.n_rows - first));
      Add({&forest_, range_, &trees_.values, block, sums + first * trees_.values.n_outputs},
          ranks.data(), stride);
    }
  }

  std::size_t bytes() const override {
    return trees_.nodes.size() * sizeof(std::uint64_t) +
           trees_.roots.size() * sizeof(std::uint32_t) + trees_.values.bytes() + ranker_.bytes();
  }

 private:
  void Add(const Adding& adding, std::uint32_t* ranks, std::size_t stride) const {
    if (range_.size() == 0 || adding.rows.n_rows == 0) return;
    ranker_.RankRows(adding.rows, ranks, stride);
    WithSumKind(trees_.values.kind,
                [&](auto kind) { AddBlock<decltype(kind)::value>(trees_, adding, ranks, stride); });
  }

  const Forest& forest_;
  TreeRange range_;
  NodeTrees trees_;
  Ranker<std::uint32_t> ranker_;
};

// Nothing where a step is too far for the bits that the columns leave.
std::optional<NodeTrees> CompileTrees(const Forest& forest, TreeRange range,
                                      const Columns& columns) {
  const ForestParts& parts = forest.parts();
  NodeTrees trees;
  trees.column_bits = static_cast<std::uint32_t>(
      std::max<std::size_t>(1, std::bit_width(std::max<std::size_t>(columns.n_columns, 1) - 1)));
  const std::uint32_t steps_max = ~std::uint32_t{0} >> trees.column_bits;
  const std::size_t n_nodes =
      parts.tree_begin[range.end] - std::size_t{parts.tree_begin[range.begin]};
  trees.nodes.reserve(2 * n_nodes + range.size());
  trees.roots.reserve(range.size());
  std::vector<std::uint32_t> leaves;
  leaves.reserve(2 * n_nodes + range.size());
  SiblingOrder order(kSlotsPerLine);
  for (std::size_t tree = range.begin; tree < range.end; ++tree) {
    trees.roots.push_back(static_cast<std::uint32_t>(trees.nodes.size()));
    order.Arrange(parts, parts.tree_root[tree]);
    for (std::size_t i = 0; i < order.items().size(); ++i) {
      const std::int32_t item = order.items()[i];
      const std::uint32_t step = order.steps()[i];
      if (step > steps_max) return std::nullopt;
      const NodeTest test =
          item < 0 ? NodeTest{0, kLeafRank} : columns.test(static_cast<std::size_t>(item));
      trees.nodes.push_back(std::uint64_t{test.rank} << 32 |
                            (step << trees.column_bits | test.column));
      leaves.push_back(item < 0 ? ~static_cast<std::uint32_t>(item) : 0);  // nobody ends in a node
    }
  }
  trees.values = LeafValues::Compile(forest, range, leaves);
  return trees;
}

}  // namespace

std::unique_ptr<Layout> MakeNode8(const Forest& forest, TreeRange trees, Columns columns) {
  if (columns.rank_max == kLeafRank) return nullptr;
  auto compiled = CompileTrees(forest, trees, columns);
  if (!compiled) return nullptr;
  return std::make_unique<Node8>(*std::move(compiled), forest, trees, std::move(columns));
}

}  // namespace copse::plan
