#include <algorithm>
#include <limits>
#include <utility>

#include "copse/limits.h"
#include "onnx/ensemble.h"

// TreeEnsembleClassifier and TreeEnsembleRegressor: parallel lists of nodes and of weights, both
// naming nodes by (tree, node) ids of the writer's choice.
namespace copse::importer::onnx {
namespace {

using text::Flaw;
using text::Invalid;
using text::Unsupported;

using Ints = std::vector<std::int64_t>;

bool FromName(std::string_view name, Mode& mode) {
  constexpr std::string_view kNames[] = {"BRANCH_LEQ", "BRANCH_LT",  "BRANCH_GTE", "BRANCH_GT",
                                         "BRANCH_EQ",  "BRANCH_NEQ", "",           "LEAF"};
  const auto* found = std::find(std::begin(kNames), std::end(kNames), name);
  mode = static_cast<Mode>(found - std::begin(kNames));
  return found != std::end(kNames) && !name.empty();
}

bool FromName(std::string_view name, Post& post) {
  constexpr std::string_view kNames[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};
  const auto* found = std::find(std::begin(kNames), std::end(kNames), name);
  post = static_cast<Post>(found - std::begin(kNames));
  return found != std::end(kNames);
}

bool FromName(std::string_view name, Aggregate& aggregate) {
  constexpr std::string_view kNames[] = {"AVERAGE", "SUM", "MIN", "MAX"};
  const auto* found = std::find(std::begin(kNames), std::end(kNames), name);
  aggregate = static_cast<Aggregate>(found - std::begin(kNames));
  return found != std::end(kNames);
}

/// Finds nodes by their ids.
class NodeIndex {
 public:
  /// Trees in `ensemble.tree_begin`, whose nodes must stand together; or why not.
  Flaw Build(std::string_view op, const Ints& tree_ids, Ints node_ids, Ensemble& ensemble) {
    node_ids_ = std::move(node_ids);
    if (auto flaw = CutTrees(op, tree_ids, ensemble)) return flaw;
    begin_ = ensemble.tree_begin;
    order_.resize(node_ids_.size());
    for (std::uint32_t i = 0; i < order_.size(); ++i) order_[i] = i;
    const auto less = [&](std::uint32_t a, std::uint32_t b) { return node_ids_[a] < node_ids_[b]; };
    for (std::size_t t = 0; t + 1 < begin_.size(); ++t) {
      const auto begin = order_.begin() + begin_[t];
      const auto end = order_.begin() + begin_[t + 1];
      if (!std::is_sorted(begin, end, less)) std::sort(begin, end, less);
      const auto twice = std::adjacent_find(begin, end, [&](std::uint32_t a, std::uint32_t b) {
        return node_ids_[a] == node_ids_[b];
      });
      if (twice == end) continue;
      return Invalid({op, ": tree ", t, " has node ", node_ids_[*twice], " twice"});
    }
    return {};
  }

  /// Position of node `id` in tree `tree`, or -1.
  std::int32_t Find(std::size_t tree, std::int64_t id) const {
    // Most writers number the nodes of a tree from 0 in their order.
    const std::uint64_t guess = begin_[tree] + static_cast<std::uint64_t>(id);
    if (id >= 0 && guess < begin_[tree + 1] && node_ids_[static_cast<std::size_t>(guess)] == id) {
      return static_cast<std::int32_t>(guess);
    }
    const auto end = order_.begin() + begin_[tree + 1];
    const auto found =
        std::lower_bound(order_.begin() + begin_[tree], end, id,
                         [&](std::uint32_t a, std::int64_t b) { return node_ids_[a] < b; });
    return found != end && node_ids_[*found] == id ? static_cast<std::int32_t>(*found) : -1;
  }

  /// Number of the tree with that id, or npos.
  std::size_t FindTree(std::int64_t id) const {
    const auto found = std::lower_bound(trees_.begin(), trees_.end(), id,
                                        [](const auto& a, std::int64_t b) { return a.first < b; });
    return found != trees_.end() && found->first == id ? found->second : std::string::npos;
  }

 private:
  Flaw CutTrees(std::string_view op, const Ints& tree_ids, Ensemble& ensemble) {
    for (std::size_t i = 0; i < tree_ids.size(); ++i) {
      if (i > 0 && tree_ids[i] == tree_ids[i - 1]) continue;
      if (trees_.size() >= limits::kTreesMax) {
        return text::TooLarge({op, " has more than ", limits::kTreesMax, " trees"});
      }
      trees_.emplace_back(tree_ids[i], ensemble.tree_begin.size());
      ensemble.tree_begin.push_back(static_cast<std::uint32_t>(i));
    }
    ensemble.tree_begin.push_back(static_cast<std::uint32_t>(tree_ids.size()));
    std::sort(trees_.begin(), trees_.end());
    const auto twice =
        std::adjacent_find(trees_.begin(), trees_.end(),
                           [](const auto& a, const auto& b) { return a.first == b.first; });
    if (twice == trees_.end()) return {};
    return Unsupported({op, ": the nodes of tree ", twice->first,
                        " do not stand together, and which of them is its root is not defined"});
  }

  Ints node_ids_;
  std::vector<std::uint32_t> begin_;
  std::vector<std::uint32_t> order_;  // positions, in each tree by rising id
  std::vector<std::pair<std::int64_t, std::size_t>> trees_;
};

/// Reads one node into an Ensemble, list by list.
class Reader {
 public:
  Reader(const Node& node, ElementType input) : node_(node), input_(input) {
    ensemble_.is_classifier = node.op == "TreeEnsembleClassifier";
    const bool is_double = input == ElementType::kDouble;
    ensemble_.width = is_double ? Precision::kFloat64 : Precision::kFloat32;
  }

  Result<Ensemble> Read() {
    if (auto flaw = ReadChoices()) return *flaw;
    if (auto flaw = ReadLabels()) return *flaw;
    if (auto flaw = ReadNodes()) return *flaw;
    if (auto flaw = ReadChildren()) return *flaw;
    if (auto flaw = ReadWeights()) return *flaw;
    return std::move(ensemble_);
  }

 private:
  std::string Name(std::string_view rest) const {
    return text::Concat({ensemble_.is_classifier ? "class_" : "target_", rest});
  }

  /// A list of floats, or since ai.onnx.ml 3 the tensor `<name>_as_tensor` of the input's type.
  Flaw ReadReals(std::string_view name, std::vector<double>& values) const {
    auto floats = FloatsAttribute(node_, name);
    if (!floats.ok()) return floats.error();
    const std::string tensor_name = text::Concat({name, "_as_tensor"});
    auto tensor = TensorAttribute(node_, tensor_name);
    if (!tensor.ok()) return tensor.error();
    values = std::move(*floats);
    if (!*tensor || (*tensor)->size == 0) return {};
    if (!values.empty()) {
      return Invalid({node_.op, " has both ", name, " and ", tensor_name});
    }
    const bool is_double = (*tensor)->type == ElementType::kDouble;
    if (is_double != (input_ == ElementType::kDouble)) {
      return Unsupported({node_.op, ": ", tensor_name, " is ", is_double ? "" : "not ",
                          "of doubles, and the input is ", is_double ? "not" : "",
                          "; onnxruntime does not load such a model"});
    }
    auto numbers = NumbersOf(**tensor, tensor_name);
    if (!numbers.ok()) return numbers.error();
    values = std::move(*numbers);
    return {};
  }

  Flaw ReadChoices() {
    const std::string_view post = TextAttribute(node_, "post_transform", "NONE");
    if (!FromName(post, ensemble_.post)) {
      return Unsupported({node_.op, " has the post_transform ", text::Quote(post)});
    }
    const std::string_view aggregate = TextAttribute(node_, "aggregate_function", "SUM");
    if (!FromName(aggregate, ensemble_.aggregate)) {
      return Unsupported({node_.op, " has the aggregate_function ", text::Quote(aggregate)});
    }
    // The classifier has no such attribute, and onnxruntime sums whatever it says.
    if (ensemble_.is_classifier) ensemble_.aggregate = Aggregate::kSum;
    return ReadReals("base_values", ensemble_.base);
  }

  Flaw ReadLabels() {
    if (!ensemble_.is_classifier) {
      const std::int64_t n = IntAttribute(node_, "n_targets", 0);
      if (n < 0) return Invalid({node_.op, " has ", n, " targets"});
      ensemble_.n_targets = static_cast<std::size_t>(n);
      return {};
    }
    auto texts = TextsAttribute(node_, "classlabels_strings");
    if (!texts.ok()) return texts.error();
    auto ints = IntsAttribute(node_, "classlabels_int64s");
    if (!ints.ok()) return ints.error();
    ensemble_.n_targets = texts->empty() ? ints->size() : texts->size();
    if (ensemble_.n_targets > limits::kOutputsMax) return {};  // refused with the other numbers
    if (!texts->empty()) {
      ensemble_.label_type = LabelType::kString;
      for (const std::string_view label : *texts) ensemble_.labels.emplace_back(label);
      return {};
    }
    for (const std::int64_t label : *ints) ensemble_.labels.push_back(text::Concat({label}));
    return {};
  }

  Flaw ReadModes() {
    Wire wire(node_.Find("nodes_modes").value_or(Bytes()));
    for (Field field; wire.Next(field);) {
      if (!field.Is(9, Field::kBytes)) continue;
      ensemble_.mode.emplace_back();
      if (!FromName(field.text(), ensemble_.mode.back())) {
        return Unsupported({node_.op, " has a node of mode ", text::Quote(field.text())});
      }
      if (ensemble_.mode.size() <= limits::kNodesMax) continue;
      return text::TooLarge({node_.op, " has more than ", limits::kNodesMax, " nodes"});
    }
    return {};
  }

  Flaw ReadNodes() {
    if (auto flaw = ReadModes()) return flaw;
    const std::size_t n = ensemble_.mode.size();
    if (n == 0) return Invalid({node_.op, " has no nodes"});
    if (auto flaw = ReadReals("nodes_values", ensemble_.value)) return flaw;
    if (ensemble_.value.size() != n)
      return WrongLength(node_, "nodes_values", ensemble_.value.size(), n);
    Ints list;
    if (auto flaw = ReadIntsAttribute(node_, "nodes_featureids", n, list)) return flaw;
    ensemble_.feature.reserve(n);
    for (std::size_t i = 0; i < n; ++i) {
      const bool is_leaf = ensemble_.mode[i] == Mode::kLeaf;
      if (!is_leaf && (list[i] < 0 || list[i] > std::numeric_limits<std::int32_t>::max())) {
        return Invalid({node_.op, ": node ", i, " tests feature ", list[i]});
      }
      ensemble_.feature.push_back(is_leaf ? 0 : static_cast<std::uint32_t>(list[i]));
    }
    // onnxruntime takes a list of any length; nodes past its end have none.
    auto tracks = IntsAttribute(node_, "nodes_missing_value_tracks_true");
    if (!tracks.ok()) return tracks.error();
    ensemble_.nan_is_true.assign(n, 0);
    for (std::size_t i = 0; i < std::min(n, tracks->size()); ++i) {
      ensemble_.nan_is_true[i] = (*tracks)[i] == 1 ? 1 : 0;
    }
    return {};
  }

  Flaw ReadChildren() {
    const std::size_t n = ensemble_.n_nodes();
    Ints tree_ids;
    Ints node_ids;
    if (auto flaw = ReadIntsAttribute(node_, "nodes_treeids", n, tree_ids)) return flaw;
    if (auto flaw = ReadIntsAttribute(node_, "nodes_nodeids", n, node_ids)) return flaw;
    if (auto flaw = index_.Build(node_.op, tree_ids, std::move(node_ids), ensemble_)) return flaw;
    if (auto flaw = ReadChild("nodes_truenodeids", ensemble_.if_true)) return flaw;
    return ReadChild("nodes_falsenodeids", ensemble_.if_false);
  }

  Flaw ReadChild(std::string_view name, std::vector<std::int32_t>& children) {
    Ints ids;
    if (auto flaw = ReadIntsAttribute(node_, name, ensemble_.n_nodes(), ids)) return flaw;
    children.assign(ids.size(), -1);
    for (std::size_t t = 0; t < ensemble_.n_trees(); ++t) {
      for (std::size_t i = ensemble_.tree_begin[t]; i < ensemble_.tree_begin[t + 1]; ++i) {
        if (ensemble_.mode[i] == Mode::kLeaf) continue;
        children[i] = index_.Find(t, ids[i]);
        if (children[i] >= 0) continue;
        return Invalid({node_.op, ": ", name, "[", i, "] is ", ids[i],
                        ", and there is no such node in tree ", t});
      }
    }
    return {};
  }

  /// Positions of the nodes that weights belong to.
  Flaw ReadOwners(std::size_t n, std::vector<std::uint32_t>& owners) {
    Ints tree_ids;
    Ints node_ids;
    if (auto flaw = ReadIntsAttribute(node_, Name("treeids"), n, tree_ids)) return flaw;
    if (auto flaw = ReadIntsAttribute(node_, Name("nodeids"), n, node_ids)) return flaw;
    owners.reserve(n);
    std::size_t tree = 0;
    for (std::size_t i = 0; i < n; ++i) {
      if (i == 0 || tree_ids[i] != tree_ids[i - 1]) tree = index_.FindTree(tree_ids[i]);
      const std::int32_t at = tree == std::string::npos ? -1 : index_.Find(tree, node_ids[i]);
      if (at < 0) {
        return Invalid({node_.op, ": there is a weight of node ", node_ids[i], " in tree ",
                        tree_ids[i], ", and no such node"});
      }
      owners.push_back(static_cast<std::uint32_t>(at));
    }
    return {};
  }

  Flaw ReadWeights() {
    std::vector<double> weights;
    if (auto flaw = ReadReals(Name("weights"), weights)) return flaw;
    Ints targets;
    if (auto flaw = ReadIntsAttribute(node_, Name("ids"), weights.size(), targets)) return flaw;
    for (std::size_t i = 0; i < targets.size(); ++i) {
      if (targets[i] < 0 || targets[i] > std::numeric_limits<std::int32_t>::max()) {
        return Invalid({node_.op, ": ", Name("ids"), "[", i, "] is ", targets[i]});
      }
      if (targets[i] < 2) ensemble_.weighs_class[targets[i]] = true;
      ensemble_.has_negative_weight = ensemble_.has_negative_weight || weights[i] < 0;
    }
    std::vector<std::uint32_t> owners;
    if (auto flaw = ReadOwners(weights.size(), owners)) return flaw;
    SortWeights(targets, weights, owners);
    return {};
  }

  /// Weights by their leaf, those of one leaf in their order. Those of other nodes are dropped:
  /// old converters wrote them, and onnxruntime ignores them.
  void SortWeights(const Ints& targets, const std::vector<double>& weights,
                   const std::vector<std::uint32_t>& owners) {
    std::vector<std::uint32_t>& begin = ensemble_.weight_begin;
    const auto is_kept = [&](std::size_t i) { return ensemble_.mode[owners[i]] == Mode::kLeaf; };
    begin.assign(ensemble_.n_nodes() + 1, 0);
    for (std::size_t i = 0; i < owners.size(); ++i) begin[owners[i] + 1] += is_kept(i) ? 1 : 0;
    for (std::size_t i = 1; i < begin.size(); ++i) begin[i] += begin[i - 1];
    std::vector<std::uint32_t> next(begin.begin(), begin.end() - 1);
    ensemble_.target.resize(begin.back());
    ensemble_.weight.resize(begin.back());
    for (std::size_t i = 0; i < owners.size(); ++i) {
      if (!is_kept(i)) continue;
      const std::uint32_t at = next[owners[i]]++;
      ensemble_.target[at] = static_cast<std::uint32_t>(targets[i]);
      ensemble_.weight[at] = weights[i];
    }
  }

  const Node& node_;
  ElementType input_;
  Ensemble ensemble_;
  NodeIndex index_;
};

}  // namespace

Result<Ensemble> ReadListedNodes(const Node& node, ElementType input) {
  return Reader(node, input).Read();
}

}  // namespace copse::importer::onnx
