#include <cmath>
#include <limits>
#include <utility>

#include "copse/limits.h"
#include "onnx/ensemble.h"

// TreeEnsemble of ai.onnx.ml 5: inner nodes and leaves in lists of their own, linked by positions.
namespace copse::importer::onnx {
namespace {

using text::Flaw;
using text::Invalid;
using text::Unsupported;

using Ints = std::vector<std::int64_t>;

class Reader {
 public:
  Reader(const Node& node, ElementType input) : node_(node), input_(input) {
    ensemble_.is_v5 = true;
    const bool is_double = input == ElementType::kDouble;
    ensemble_.width = is_double ? Precision::kFloat64 : Precision::kFloat32;
  }

  Result<Ensemble> Read() {
    if (auto flaw = ReadChoices()) return *flaw;
    if (auto flaw = ReadNodes()) return *flaw;
    if (auto flaw = ReadLeaves()) return *flaw;
    if (auto flaw = ReadMembers()) return *flaw;
    if (auto flaw = ReadTrees()) return *flaw;
    return std::move(ensemble_);
  }

 private:
  Flaw ReadChoices() {
    const std::int64_t aggregate = IntAttribute(node_, "aggregate_function", 1);
    const std::int64_t post = IntAttribute(node_, "post_transform", 0);
    if (aggregate < 0 || aggregate > 3 || post < 0 || post > 4) {
      return Unsupported({"TreeEnsemble has the aggregate_function ", aggregate,
                          " and the post_transform ", post});
    }
    ensemble_.aggregate = static_cast<Aggregate>(aggregate);
    // NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO, PROBIT: the operator's own order.
    ensemble_.post = static_cast<Post>(post);
    const std::int64_t n = IntAttribute(node_, "n_targets", 0);
    if (n < 0) return Invalid({"TreeEnsemble has ", n, " targets"});
    ensemble_.n_targets = static_cast<std::size_t>(n);
    return {};
  }

  /// Tensor of the input's type; an absent one is empty.
  Flaw ReadReals(std::string_view name, std::vector<double>& values) const {
    auto tensor = TensorAttribute(node_, name);
    if (!tensor.ok()) return tensor.error();
    if (!*tensor || (*tensor)->size == 0) return {};
    const bool is_double = input_ == ElementType::kDouble;
    if ((*tensor)->type != (is_double ? ElementType::kDouble : ElementType::kFloat)) {
      return Unsupported({"TreeEnsemble: ", name, " has another type than the input"});
    }
    auto numbers = NumbersOf(**tensor, name);
    if (!numbers.ok()) return numbers.error();
    values = std::move(*numbers);
    return {};
  }

  Flaw ReadNodes() {
    auto tensor = TensorAttribute(node_, "nodes_modes");
    if (!tensor.ok()) return tensor.error();
    if (!*tensor) return Invalid({"TreeEnsemble has no nodes_modes"});
    auto modes = IntsOf(**tensor, "nodes_modes");
    if (!modes.ok()) return modes.error();
    modes_ = std::move(*modes);
    const std::size_t n = modes_.size();
    for (std::size_t i = 0; i < n; ++i) {
      if (modes_[i] >= 0 && modes_[i] <= 6) continue;
      return Unsupported({"TreeEnsemble: nodes_modes[", i, "] is ", modes_[i]});
    }
    if (auto flaw = ReadReals("nodes_splits", splits_)) return flaw;
    if (splits_.size() != n) return WrongLength(node_, "nodes_splits", splits_.size(), n);
    if (auto flaw = ReadIntsAttribute(node_, "nodes_featureids", n, features_)) return flaw;
    if (auto flaw = ReadIntsAttribute(node_, "nodes_truenodeids", n, ids_[1])) return flaw;
    if (auto flaw = ReadIntsAttribute(node_, "nodes_falsenodeids", n, ids_[0])) return flaw;
    if (auto flaw = ReadIntsAttribute(node_, "nodes_trueleafs", n, leafs_[1])) return flaw;
    if (auto flaw = ReadIntsAttribute(node_, "nodes_falseleafs", n, leafs_[0])) return flaw;
    auto tracks = IntsAttribute(node_, "nodes_missing_value_tracks_true");
    if (!tracks.ok()) return tracks.error();
    tracks_ = std::move(*tracks);
    tracks_.resize(n, 0);
    auto roots = IntsAttribute(node_, "tree_roots");
    if (!roots.ok()) return roots.error();
    roots_ = std::move(*roots);
    return roots_.empty() ? Flaw(Invalid({"TreeEnsemble has no trees"})) : Flaw();
  }

  Flaw ReadLeaves() {
    if (auto flaw = ReadReals("leaf_weights", weights_)) return flaw;
    return ReadIntsAttribute(node_, "leaf_targetids", weights_.size(), targets_);
  }

  /// membership_values: the set of each member node, with a NaN behind it.
  Flaw ReadMembers() {
    if (auto flaw = ReadReals("membership_values", members_)) return flaw;
    member_begin_.assign(modes_.size() + 1, 0);
    std::size_t at = 0;
    for (std::size_t i = 0; i < modes_.size(); ++i) {
      member_begin_[i] = static_cast<std::uint32_t>(at);
      if (modes_[i] != static_cast<std::int64_t>(Mode::kMember)) continue;
      while (at < members_.size() && !std::isnan(members_[at])) ++at;
      if (auto flaw = CheckSet(i, member_begin_[i], at)) return flaw;
      ++at;
    }
    return {};
  }

  /// Members [begin, end) of node `i`. onnxruntime compares x with each of up to 30 from 0 to 30;
  /// with others it drops the fraction of x first, which the specification does not.
  /// Source: tree_ensemble_attribute.h, transformInputOneTree.
  Flaw CheckSet(std::size_t i, std::size_t begin, std::size_t end) const {
    constexpr std::size_t kSizeMax = 30;
    constexpr double kMemberMax = 30;
    if (begin == end) {
      return Invalid({"TreeEnsemble: node ", i, " asks for members of an empty set"});
    }
    bool is_small = end - begin <= kSizeMax;
    for (std::size_t m = begin; m < end; ++m) {
      is_small = is_small && members_[m] >= 0 && members_[m] <= kMemberMax;
    }
    if (is_small) return {};
    return Unsupported({"TreeEnsemble: node ", i,
                        " asks for members of a set with more than 30 values or some outside of 0 "
                        "to 30, which onnxruntime and the specification read differently"});
  }

  Flaw ReadTrees() {
    if (roots_.size() > limits::kTreesMax) {
      return text::TooLarge({"TreeEnsemble has more than ", limits::kTreesMax, " trees"});
    }
    is_seen_.assign(modes_.size(), 0);
    ensemble_.member_begin.push_back(0);
    ensemble_.weight_begin.push_back(0);
    for (const std::int64_t root : roots_) {
      if (root < 0 || static_cast<std::size_t>(root) >= modes_.size()) {
        return Invalid(
            {"TreeEnsemble: a tree starts at node ", root, ", and there are ", modes_.size()});
      }
      ensemble_.tree_begin.push_back(static_cast<std::uint32_t>(ensemble_.n_nodes()));
      if (auto flaw = Walk(static_cast<std::size_t>(root))) return flaw;
    }
    ensemble_.tree_begin.push_back(static_cast<std::uint32_t>(ensemble_.n_nodes()));
    return {};
  }

  /// A node or leaf that is to be appended, and whose branch it is.
  struct Step {
    std::int64_t id;
    bool is_leaf;
    std::size_t parent;  // npos of the root
    bool is_true;
  };

  /// Appends one tree. Leaves may be shared, and each use gets a copy; inner nodes may not, so
  /// that there are at most 2 n + 1 of both.
  Flaw Walk(std::size_t root) {
    std::vector<Step> stack;
    bool is_leaf = false;
    if (auto flaw = CheckRoot(root, is_leaf)) return flaw;
    const auto first = static_cast<std::int64_t>(is_leaf ? LeafOf(root) : root);
    stack.push_back({first, is_leaf, std::string::npos, false});
    while (!stack.empty()) {
      const Step step = stack.back();
      stack.pop_back();
      const auto at = static_cast<std::int32_t>(ensemble_.n_nodes());
      if (step.parent != std::string::npos) {
        (step.is_true ? ensemble_.if_true : ensemble_.if_false)[step.parent] = at;
      }
      const auto id = static_cast<std::size_t>(step.id);
      if (auto flaw = step.is_leaf ? AppendLeaf(step.id) : AppendNode(step.id)) return flaw;
      if (step.is_leaf) continue;
      for (const bool is_true : {false, true}) {
        stack.push_back(
            {ids_[is_true][id], leafs_[is_true][id] != 0, static_cast<std::size_t>(at), is_true});
      }
    }
    return {};
  }

  std::size_t LeafOf(std::size_t root) const { return static_cast<std::size_t>(ids_[1][root]); }

  /// A root whose branches end in one leaf is a tree of one leaf. Which leaf: onnxruntime takes
  /// that with the root's number, the specification that of the branches.
  Flaw CheckRoot(std::size_t root, bool& is_leaf) {
    is_leaf = ids_[0][root] == ids_[1][root] && leafs_[0][root] != 0 && leafs_[1][root] != 0;
    if (!is_leaf) {
      ensemble_.has_odd_root = ensemble_.has_odd_root || ids_[0][root] == ids_[1][root];
      return {};
    }
    if (auto flaw = See(root)) return flaw;
    const std::size_t leaf = LeafOf(root);
    const bool agrees = leaf < weights_.size() && root < weights_.size() &&
                        weights_[leaf] == weights_[root] && targets_[leaf] == targets_[root];
    if (agrees) return {};
    return Unsupported({"TreeEnsemble: node ", root,
                        " is a tree of one leaf, and onnxruntime reads another leaf than the "
                        "specification says"});
  }

  void AppendCommon(Mode mode, std::int64_t feature, double value, bool nan_is_true) {
    ensemble_.mode.push_back(mode);
    ensemble_.feature.push_back(static_cast<std::uint32_t>(feature));
    ensemble_.value.push_back(value);
    ensemble_.nan_is_true.push_back(nan_is_true ? 1 : 0);
    ensemble_.if_true.push_back(-1);
    ensemble_.if_false.push_back(-1);
  }

  void CloseNode() {
    ensemble_.weight_begin.push_back(static_cast<std::uint32_t>(ensemble_.weight.size()));
    ensemble_.member_begin.push_back(static_cast<std::uint32_t>(ensemble_.member.size()));
  }

  Flaw AppendLeaf(std::int64_t id) {
    if (id < 0 || static_cast<std::size_t>(id) >= weights_.size()) {
      return Invalid(
          {"TreeEnsemble: a branch ends in leaf ", id, ", and there are ", weights_.size()});
    }
    const auto leaf = static_cast<std::size_t>(id);
    if (targets_[leaf] < 0 || targets_[leaf] > std::numeric_limits<std::int32_t>::max()) {
      return Invalid({"TreeEnsemble: leaf_targetids[", leaf, "] is ", targets_[leaf]});
    }
    AppendCommon(Mode::kLeaf, 0, 0, false);
    ensemble_.target.push_back(static_cast<std::uint32_t>(targets_[leaf]));
    ensemble_.weight.push_back(weights_[leaf]);
    CloseNode();
    return {};
  }

  Flaw See(std::size_t node) {
    if (is_seen_[node] != 0) return Invalid({"TreeEnsemble: node ", node, " is reached twice"});
    is_seen_[node] = 1;
    return {};
  }

  Flaw AppendNode(std::int64_t id) {
    if (id < 0 || static_cast<std::size_t>(id) >= modes_.size()) {
      return Invalid(
          {"TreeEnsemble: a branch leads to node ", id, ", and there are ", modes_.size()});
    }
    const auto node = static_cast<std::size_t>(id);
    if (auto flaw = See(node)) return flaw;
    if (features_[node] < 0 || features_[node] > std::numeric_limits<std::int32_t>::max()) {
      return Invalid({"TreeEnsemble: node ", node, " tests feature ", features_[node]});
    }
    const auto mode = static_cast<Mode>(modes_[node]);
    AppendCommon(mode, features_[node], splits_[node], tracks_[node] == 1);
    if (mode == Mode::kMember) {
      for (std::size_t i = member_begin_[node]; i < members_.size() && !std::isnan(members_[i]);
           ++i) {
        ensemble_.member.push_back(members_[i]);
      }
    }
    CloseNode();
    return {};
  }

  const Node& node_;
  ElementType input_;
  Ensemble ensemble_;
  Ints modes_, features_, tracks_, roots_, targets_;
  Ints ids_[2], leafs_[2];  // of the false and the true branch
  std::vector<double> splits_, weights_, members_;
  std::vector<std::uint32_t> member_begin_;
  std::vector<std::uint8_t> is_seen_;
};

}  // namespace

Result<Ensemble> ReadLinkedNodes(const Node& node, ElementType input) {
  return Reader(node, input).Read();
}

}  // namespace copse::importer::onnx
