#include "plan/lane_trees.h"

#include <algorithm>
#include <utility>

namespace copse::plan {
namespace {

// A complete tree of these depths is evaluated without looking at its form. That is quicker than a
// list of its operations even where some of them are there for the form only: up to this ratio.
constexpr std::size_t kCompleteDepths[] = {3, 6};
constexpr double kCompleteRatioMax = 1.5;

// Compiles one tree after another.
class Compiler {
 public:
  Compiler(const Forest& forest, TreeRange range, const Columns& columns, std::size_t lane_bytes)
      : parts_(forest.parts()),
        columns_(columns),
        first_node_(parts_.tree_begin[range.begin]),
        wide_(lane_bytes == 2),
        about_(parts_.tree_begin[range.end] - first_node_) {}

  // The ends of tree `t`, and what the order of its operations depends on.
  std::size_t Measure(std::size_t t) {
    for (std::size_t node = parts_.tree_begin[t + 1]; node-- > parts_.tree_begin[t];) {
      const About left = Of(parts_.left[node]), right = Of(parts_.right[node]);
      const std::uint32_t one_more = left.stack == right.stack ? 1 : 0;
      about_[node - first_node_] = {left.ends + right.ends, 1 + std::max(left.depth, right.depth),
                                    std::max(left.stack, right.stack) + one_more};
    }
    return Of(parts_.tree_root[t]).ends;
  }

  void Compile(std::size_t t, LaneTrees& out) {
    LaneTrees::Tree tree;
    tree.first_op = static_cast<std::uint32_t>(out.ops.size());
    tree.first_leaf = static_cast<std::uint32_t>(out.leaves.size());
    tree.complete_depth = wide_ ? 0 : CompleteDepth(parts_.tree_root[t]);
    ops_ = &out.ops;
    leaves_ = &out.leaves;
    n_leaves_ = 0;
    if (tree.complete_depth > 0) {
      EmitComplete(parts_.tree_root[t], tree.complete_depth);
    } else {
      EmitLeaves(parts_.tree_root[t]);
      Emit(parts_.tree_root[t], 0);
    }
    tree.n_ops = static_cast<std::uint32_t>(out.ops.size()) - tree.first_op;
    tree.n_leaves = static_cast<std::uint32_t>(out.leaves.size()) - tree.first_leaf;
    out.trees.push_back(tree);
  }

 private:
  // A node or, in `Of`, a leaf: how many ends it has, how deep it is, and how much of the stack its
  // operations fill, if the child that needs more is done first: with every doubling of the nodes
  // one result more has to wait.
  struct About {
    std::uint32_t ends = 1, depth = 0, stack = 0;
  };
  About Of(std::int32_t at) const {
    return at < 0 ? About{} : about_[static_cast<std::size_t>(at) - first_node_];
  }

  std::uint32_t CompleteDepth(std::int32_t root) const {
    const About about = Of(root);
    for (const std::size_t depth : kCompleteDepths) {
      const auto n_ops = static_cast<double>((std::size_t{1} << depth) - 1);
      if (about.depth == depth && n_ops <= kCompleteRatioMax * (about.ends - 1)) {
        return about.depth;
      }
    }
    return 0;
  }

  // A number in each part of four bytes.
  std::uint32_t Four(std::uint32_t number) const {
    return number * (wide_ ? 0x00010001U : 0x01010101U);
  }
  LaneOp Test(std::size_t node, LaneOpKind kind, std::uint32_t leaf) const {
    const NodeTest& test = columns_.test(node);
    const std::uint32_t biased = wide_ ? (test.rank ^ 0x8000U) & 0xffffU : test.rank ^ 0x80U;
    return {test.column, kind, Four(biased), Four(leaf)};
  }

  void EmitLeaves(std::int32_t at) {
    if (at < 0) {
      leaves_->push_back(~static_cast<std::uint32_t>(at));
      return;
    }
    EmitLeaves(parts_.left[static_cast<std::size_t>(at)]);
    EmitLeaves(parts_.right[static_cast<std::size_t>(at)]);
  }

  // The operations of the subtree at `at`, whose leaves are `leaf`, leaf + 1, ...
  void Emit(std::int32_t at, std::uint32_t leaf) {
    using enum LaneOpKind;
    if (at < 0) return;
    const auto node = static_cast<std::size_t>(at);
    const std::int32_t left = parts_.left[node], right = parts_.right[node];
    const std::uint32_t right_leaf = leaf + Of(left).ends;
    if (left < 0 && right < 0) {
      ops_->push_back(Test(node, kTwoLeaves, leaf));
    } else if (left < 0) {
      Emit(right, right_leaf);
      ops_->push_back(Test(node, kLeafLeft, leaf));
    } else if (right < 0) {
      Emit(left, leaf);
      ops_->push_back(Test(node, kLeafRight, right_leaf));
    } else {
      const bool left_first = Of(left).stack >= Of(right).stack;
      if (left_first) Emit(left, leaf);
      Emit(right, right_leaf);
      if (!left_first) Emit(left, leaf);
      ops_->push_back(Test(node, left_first ? kStackLeft : kStackRight, leaf));
    }
  }

  // The same with `depth` nodes on every way: where the tree ends earlier, all ways lead to its
  // leaf.
  void EmitComplete(std::int32_t at, std::size_t depth) {
    if (depth == 0) {
      leaves_->push_back(~static_cast<std::uint32_t>(at));
      ++n_leaves_;
      return;
    }
    const std::uint32_t first = n_leaves_;
    const auto node = static_cast<std::size_t>(at);
    EmitComplete(at < 0 ? at : parts_.left[node], depth - 1);
    EmitComplete(at < 0 ? at : parts_.right[node], depth - 1);
    const LaneOpKind kind = depth == 1 ? LaneOpKind::kTwoLeaves : LaneOpKind::kStackLeft;
    ops_->push_back(at < 0 ? LaneOp{0, kind, Four(0), Four(first)} : Test(node, kind, first));
  }

  const ForestParts& parts_;
  const Columns& columns_;
  std::size_t first_node_;
  bool wide_;
  std::vector<About> about_;
  std::vector<LaneOp>* ops_ = nullptr;
  std::vector<std::uint32_t>* leaves_ = nullptr;
  std::uint32_t n_leaves_ = 0;
};

}  // namespace

std::optional<LaneTrees> LaneTrees::Compile(const Forest& forest, TreeRange range,
                                            const Columns& columns, std::size_t leaves_max,
                                            std::size_t lane_bytes) {
  Compiler compiler(forest, range, columns, lane_bytes);
  LaneTrees out;
  out.trees.reserve(range.size());
  for (std::size_t t = range.begin; t < range.end; ++t) {
    if (compiler.Measure(t) > leaves_max) return std::nullopt;
  }
  for (std::size_t t = range.begin; t < range.end; ++t) compiler.Compile(t, out);
  out.ops.shrink_to_fit();
  return out;
}

std::size_t LaneTrees::bytes() const {
  return ops.size() * sizeof(LaneOp) + trees.size() * sizeof(Tree) +
         leaves.size() * sizeof(std::uint32_t);
}

}  // namespace copse::plan
