#include <algorithm>
#include <cmath>

#include "catboost/catboost.h"

// Source: catboost/libs/model/model_export/json_model_helpers.cpp, cpu/evaluator_impl.cpp.
namespace copse::importer::catboost {
namespace {

constexpr std::size_t kDepthMax = 16;

}  // namespace

// x > border goes right, so x <= border goes left; both are floats.
Flaw TreeReader::ReadSplit(Value value, Split& split) const {
  Value type_value, feature_value, border_value;
  std::string type;
  double feature = -1, border = 0;
  if (auto flaw = document_.Members(value, where_,
                                    {{"split_type", &type_value},
                                     {"float_feature_index", &feature_value},
                                     {"border", &border_value}})) {
    return flaw;
  }
  if (auto flaw = document_.Text(type_value, where_ + ": split_type", type)) return flaw;
  if (type != "FloatFeature") {
    return text::Unsupported({where_, " has a split of type ", text::Quote(type),
                              ", which needs CatBoost's own hashes and tables; train the model on "
                              "numeric features only, or on categories that are encoded before"});
  }
  if (auto flaw = document_.Number(feature_value, where_ + ": float_feature_index", feature)) {
    return flaw;
  }
  if (auto flaw = document_.Number(border_value, where_ + ": border", border)) return flaw;
  const bool is_index = feature >= 0 && feature < static_cast<double>(features_.size());
  const auto index = is_index ? static_cast<std::size_t>(feature) : 0;
  if (!is_index || !features_[index].is_known) {
    return text::Invalid(
        {where_, " splits on float feature ", feature, ", which features_info does not list"});
  }
  split.feature = features_[index].column;
  split.border = static_cast<float>(border);
  split.flags = features_[index].nan_is_greater ? 0 : node_flags::kDefaultLeft;
  return {};
}

Flaw TreeReader::FindWidth(Value tree, bool is_oblivious, std::size_t& width) const {
  constexpr std::string_view kFirst = "the first tree";
  std::vector<double> numbers;
  Value splits, values;
  if (is_oblivious) {
    if (auto flaw =
            document_.Members(tree, kFirst, {{"splits", &splits}, {"leaf_values", &values}})) {
      return flaw;
    }
    std::size_t depth = 0;
    if (splits.found()) {
      for (view::Cursor split(document_, splits); split.Next() && depth <= kDepthMax;) ++depth;
    }
    if (auto flaw = document_.Numbers(values, "leaf_values of the first tree", numbers)) {
      return flaw;
    }
    width = numbers.size() >> depth;
    return {};
  }
  Value node = tree;
  for (;;) {
    Value left, value;
    if (auto flaw = document_.Members(node, kFirst, {{"left", &left}, {"value", &value}})) {
      return flaw;
    }
    if (!value.found() && left.found()) {
      node = left;
      continue;
    }
    width = 1;
    if (document_.KindOf(value) != view::Kind::kList) return {};
    if (auto flaw = document_.Numbers(value, "value of the first leaf", numbers)) return flaw;
    width = numbers.size();
    return {};
  }
}

Flaw TreeReader::Read(Value tree, bool is_oblivious, std::size_t number, std::size_t width) {
  where_ = text::Concat({"tree ", number});
  tree_.Reset(0, width, true);
  n_leaves_ = 0;
  has_weights_ = true;
  if (auto flaw = is_oblivious ? ReadOblivious(tree, width) : ReadNested(tree, width)) return flaw;
  if (!has_weights_) {
    tree_.cover.clear();
    return {};
  }
  // Children follow their parents.
  for (std::size_t i = tree_.left.size(); i-- > 0;) {
    if (tree_.left[i] < 0) continue;
    tree_.cover[i] = tree_.cover[static_cast<std::size_t>(tree_.left[i])] +
                     tree_.cover[static_cast<std::size_t>(tree_.right[i])];
  }
  return {};
}

std::int32_t TreeReader::AppendNode(std::size_t width) {
  tree_.left.push_back(-1);
  tree_.right.push_back(-1);
  tree_.feature.push_back(0);
  tree_.threshold.push_back(0);
  tree_.flags.push_back(0);
  tree_.leaf_value.resize(tree_.leaf_value.size() + width);
  tree_.cover.push_back(0);
  tree_.leaf_id.push_back(0);
  return static_cast<std::int32_t>(tree_.left.size() - 1);
}

Flaw TreeReader::ReadSplits(Value list, std::vector<Split>& splits) const {
  if (!list.found()) return {};  // null: a tree of one leaf
  if (document_.KindOf(list) != view::Kind::kList) {
    return document_.Wrong(list, where_ + ": splits", "a list");
  }
  view::Cursor item(document_, list);
  while (item.Next()) {
    if (splits.size() == kDepthMax) {
      return text::Unsupported({where_, " is deeper than ", kDepthMax, " levels"});
    }
    splits.emplace_back();
    if (auto flaw = ReadSplit(item.value(), splits.back())) return flaw;
  }
  if (!item.broken()) return {};
  return text::Invalid({where_, ": the file is damaged at byte ", item.at()});
}

Flaw TreeReader::ReadOblivious(Value tree, std::size_t width) {
  Value splits_value, values_value, weights_value;
  std::vector<Split> splits;
  std::vector<double> values, weights;
  if (auto flaw = document_.Members(tree, where_,
                                    {{"splits", &splits_value},
                                     {"leaf_values", &values_value},
                                     {"leaf_weights", &weights_value}})) {
    return flaw;
  }
  if (auto flaw = ReadSplits(splits_value, splits)) return flaw;
  if (auto flaw = document_.Numbers(values_value, where_ + ": leaf_values", values)) return flaw;
  if (weights_value.found()) {
    if (auto flaw = document_.Numbers(weights_value, where_ + ": leaf_weights", weights)) {
      return flaw;
    }
  }
  const std::size_t n_leaves = std::size_t{1} << splits.size();
  if (values.size() != n_leaves * width || (!weights.empty() && weights.size() != n_leaves)) {
    return text::Invalid({where_, " has ", values.size(), " leaf_values and ", weights.size(),
                          " leaf_weights; expected ", n_leaves, " leaves of ", width});
  }
  Expand(splits, values, weights, width);
  return {};
}

// The same test on every level: bit l of a leaf's number is that of split l, so the last split
// comes first. Nodes in rows, as in a heap.
void TreeReader::Expand(const std::vector<Split>& splits, const std::vector<double>& values,
                        const std::vector<double>& weights, std::size_t width) {
  const std::size_t n_leaves = std::size_t{1} << splits.size();
  tree_.Reset(2 * n_leaves - 1, width, !weights.empty());
  tree_.leaf_id.assign(2 * n_leaves - 1, 0);
  has_weights_ = !weights.empty();
  for (std::size_t level = 0; level < splits.size(); ++level) {
    const Split& split = splits[splits.size() - 1 - level];
    const std::size_t first = (std::size_t{1} << level) - 1;
    for (std::size_t i = first; i <= 2 * first; ++i) {
      tree_.left[i] = static_cast<std::int32_t>(2 * i + 1);
      tree_.right[i] = static_cast<std::int32_t>(2 * i + 2);
      tree_.feature[i] = split.feature;
      tree_.threshold[i] = split.border;
      tree_.flags[i] = split.flags;
    }
  }
  for (std::size_t leaf = 0; leaf < n_leaves; ++leaf) {
    const std::size_t node = n_leaves - 1 + leaf;
    tree_.leaf_id[node] = static_cast<std::uint32_t>(leaf);
    if (has_weights_) tree_.cover[node] = weights[leaf];
    for (std::size_t k = 0; k < width; ++k) {
      tree_.leaf_value[node * width + k] = scale_ * values[leaf * width + k];
    }
  }
}

// {"split", "left", "right"} or {"value", "weight"}; leaves are numbered as a walk meets them, left
// first.
Flaw TreeReader::ReadNested(Value tree, std::size_t width) {
  struct Todo {
    Value value;
    std::int32_t parent;
    bool is_right;
  };
  std::vector<Todo> todo = {{tree, -1, false}};
  while (!todo.empty()) {
    const Todo next = todo.back();
    todo.pop_back();
    Value split_value, left, right, value, weight;
    if (auto flaw = document_.Members(next.value, where_,
                                      {{"split", &split_value},
                                       {"left", &left},
                                       {"right", &right},
                                       {"value", &value},
                                       {"weight", &weight}})) {
      return flaw;
    }
    if (tree_.leaf_value.size() / 4 > n_bytes_) {
      return text::TooLarge({where_, " has leaves of ", width, " numbers, more than the file"});
    }
    const std::int32_t node = AppendNode(width);
    if (next.parent >= 0) {
      auto& children = next.is_right ? tree_.right : tree_.left;
      children[static_cast<std::size_t>(next.parent)] = node;
    }
    if (value.found()) {
      if (auto flaw = ReadLeaf(value, weight, width)) return flaw;
      continue;
    }
    Split split;
    if (auto flaw = ReadSplit(split_value, split)) return flaw;
    tree_.feature.back() = split.feature;
    tree_.threshold.back() = split.border;
    tree_.flags.back() = split.flags;
    todo.push_back({right, node, true});
    todo.push_back({left, node, false});
  }
  return {};
}

Flaw TreeReader::ReadLeaf(Value value, Value weight, std::size_t width) {
  numbers_.assign(1, 0);
  if (document_.KindOf(value) == view::Kind::kList) {
    if (auto flaw = document_.Numbers(value, where_ + ": value", numbers_)) return flaw;
  } else if (auto flaw = document_.Number(value, where_ + ": value", numbers_[0])) {
    return flaw;
  }
  if (numbers_.size() != width) {
    return text::Invalid(
        {where_, " has a leaf of ", numbers_.size(), " numbers, and others have ", width});
  }
  std::transform(numbers_.begin(), numbers_.end(),
                 tree_.leaf_value.end() - static_cast<std::ptrdiff_t>(width),
                 [&](double x) { return scale_ * x; });
  tree_.leaf_id.back() = n_leaves_++;
  has_weights_ = has_weights_ && weight.found();
  return weight.found() ? document_.Number(weight, where_ + ": weight", tree_.cover.back())
                        : Flaw();
}

}  // namespace copse::importer::catboost
