#include "plan/lane_trees.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace copse::plan {
namespace {

// A complete tree is quicker than a list of its operations even where some of them are there for
// the form only: up to this ratio.
constexpr double kCompleteRatioMax = 1.5;

// Compiles one tree after another.
class Compiler {
 public:
  Compiler(const Forest& forest, TreeRange range, const Columns& columns, std::size_t lane_bytes,
           std::uint32_t complete_depths)
      : parts_(forest.parts()),
        columns_(columns),
        wide_(lane_bytes == 2),
        complete_depths_(complete_depths),
        first_node_(parts_.tree_begin[range.begin]),
        about_(parts_.tree_begin[range.end] - first_node_) {}

  // The ends of tree `t`; asked for every tree before it is compiled.
  std::size_t Measure(std::size_t t) {
    for (std::size_t node = parts_.tree_begin[t + 1]; node-- > parts_.tree_begin[t];) {
      const About left = Of(parts_.left[node]), right = Of(parts_.right[node]);
      About& about = about_[node - first_node_];
      about.ends = left.ends + right.ends;
      about.depth = 1 + std::max(left.depth, right.depth);
    }
    return Of(parts_.tree_root[t]).ends;
  }

  void Compile(std::size_t t, LaneTrees& out) {
    const std::int32_t root = parts_.tree_root[t];
    LaneTrees::Tree tree;
    tree.first_op = static_cast<std::uint32_t>(out.ops.size());
    tree.first_leaf = static_cast<std::uint32_t>(out.leaves.size());
    tree.complete_depth = CompleteDepth(root);
    if (tree.complete_depth > 0) {
      EmitComplete(root, tree.complete_depth, tree.first_leaf, out);
    } else {
      NumberLeaves(t, out);
      free_slots_.clear();
      n_slots_ = 1;
      if (root >= 0) EmitRun(static_cast<std::size_t>(root), out);
    }
    tree.n_ops = static_cast<std::uint32_t>(out.ops.size()) - tree.first_op;
    tree.n_leaves = static_cast<std::uint32_t>(out.leaves.size()) - tree.first_leaf;
    out.trees.push_back(tree);
  }

 private:
  // A node or, in `Of`, a leaf: how many ends it has, how deep it is, the number of its first leaf,
  // and the slot of its result.
  struct About {
    std::uint32_t ends = 1, depth = 0, leaf = 0;
    std::uint16_t slot = 0;
  };
  About Of(std::int32_t at) const {
    return at < 0 ? About{} : about_[static_cast<std::size_t>(at) - first_node_];
  }

  std::uint32_t CompleteDepth(std::int32_t root) const {
    const About about = Of(root);
    if (about.depth > kCompleteDepthMax || (complete_depths_ >> about.depth & 1) == 0) return 0;
    const auto n_ops = static_cast<double>((std::size_t{1} << about.depth) - 1);
    return n_ops <= kCompleteRatioMax * (about.ends - 1) ? about.depth : 0;
  }

  // A number in each part of four bytes.
  std::uint32_t Four(std::uint32_t number) const {
    return number * (wide_ ? 0x00010001U : 0x01010101U);
  }
  // The test of a node, without its operands.
  LaneOp Test(std::size_t node) const {
    const NodeTest& test = columns_.test(node);
    LaneOp op;
    op.column = static_cast<std::uint16_t>(test.column);
    op.rank = Four(test.rank ^ (wide_ ? 0x8000U : 0x80U));
    return op;
  }

  // From left to right; parents come before their children.
  void NumberLeaves(std::size_t t, LaneTrees& out) {
    const std::size_t first = out.leaves.size();
    out.leaves.resize(first + Of(parts_.tree_root[t]).ends);
    if (parts_.tree_root[t] < 0)
      out.leaves[first] = ~static_cast<std::uint32_t>(parts_.tree_root[t]);
    for (std::size_t node = parts_.tree_begin[t]; node < parts_.tree_begin[t + 1]; ++node) {
      std::uint32_t leaf = about_[node - first_node_].leaf;
      for (const std::int32_t child : {parts_.left[node], parts_.right[node]}) {
        if (child < 0) {
          out.leaves[first + leaf] = ~static_cast<std::uint32_t>(child);
        } else {
          about_[static_cast<std::size_t>(child) - first_node_].leaf = leaf;
        }
        leaf += Of(child).ends;
      }
    }
  }

  // A slot that holds nothing more that is needed.
  std::uint16_t TakeSlot() {
    assert(!free_slots_.empty() || n_slots_ < kLaneSlotsMax);
    if (free_slots_.empty()) return n_slots_++;
    const std::uint16_t slot = free_slots_.back();
    free_slots_.pop_back();
    return slot;
  }

  // The run that ends with `top`, behind the runs of what is right of its nodes. Gives its slot.
  std::uint16_t EmitRun(std::size_t top, LaneTrees& out) {
    const std::size_t begin = path_.size();
    for (auto at = static_cast<std::int32_t>(top); at >= 0; at = parts_.left[path_.back()]) {
      path_.push_back(static_cast<std::size_t>(at));
    }
    const std::size_t end = path_.size();
    for (std::size_t i = begin; i < end; ++i) {
      const std::int32_t right = parts_.right[path_[i]];
      if (right < 0) continue;
      const auto child = static_cast<std::size_t>(right);
      about_[child - first_node_].slot = EmitRun(child, out);
    }
    const std::size_t first = out.ops.size();
    for (std::size_t i = end; i-- > begin;) out.ops.push_back(Operation(path_[i]));
    path_.resize(begin);
    LaneOp& op = out.ops[first];
    op.n_more = static_cast<std::uint16_t>(end - begin - 1);
    op.result = TakeSlot();
    return op.result;
  }

  // Frees the slot that it reads.
  LaneOp Operation(std::size_t node) {
    const std::int32_t left = parts_.left[node], right = parts_.right[node];
    const std::uint32_t leaf = about_[node - first_node_].leaf;
    LaneOp op = Test(node);
    if (right >= 0) free_slots_.push_back(op.right = Of(right).slot);
    if (left < 0) {
      op.leaf = Four(leaf);
    } else if (right < 0) {
      op.leaf = Four(leaf + Of(left).ends);
    }
    return op;
  }

  // A tree with `depth` nodes on every way: where it ends earlier, all ways lead to its leaf.
  void EmitComplete(std::int32_t at, std::size_t depth, std::size_t first, LaneTrees& out) {
    if (depth == 0) {
      out.leaves.push_back(~static_cast<std::uint32_t>(at));
      return;
    }
    const auto leaf = static_cast<std::uint32_t>(out.leaves.size() - first);
    const auto node = static_cast<std::size_t>(at);
    LaneOp op = at < 0 ? LaneOp{} : Test(node);
    EmitComplete(at < 0 ? at : parts_.left[node], depth - 1, first, out);
    EmitComplete(at < 0 ? at : parts_.right[node], depth - 1, first, out);
    if (depth == 1) op.leaf = Four(leaf);
    out.ops.push_back(op);
  }

  const ForestParts& parts_;
  const Columns& columns_;
  bool wide_;
  std::uint32_t complete_depths_;
  std::size_t first_node_;
  std::vector<About> about_;
  std::vector<std::size_t> path_;  // nodes of the runs that are being written
  std::vector<std::uint16_t> free_slots_;
  std::uint16_t n_slots_ = 1;
};

}  // namespace

std::optional<LaneTrees> LaneTrees::Compile(const Forest& forest, TreeRange range,
                                            const Columns& columns, std::size_t leaves_max,
                                            std::size_t lane_bytes, std::uint32_t complete_depths) {
  Compiler compiler(forest, range, columns, lane_bytes, complete_depths);
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
