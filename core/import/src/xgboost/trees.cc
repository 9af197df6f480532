#include <algorithm>
#include <cmath>

#include "forest_assembler.h"
#include "xgboost/learner.h"

// Sources: src/tree/tree_model.cc, multi_target_tree_model.cc, gbm/gbtree_model.cc,
// common/categorical.h, predictor/cpu_predictor.cc.
namespace copse::importer::xgboost {
namespace {

/// From here on XGBoost knows no category, whatever a node lists: such an x goes left.
constexpr std::int32_t kCategoriesMax = std::int32_t{1} << 24;
/// Words of all category sets together: 64 MB.
constexpr std::size_t kSetWordsMax = std::size_t{1} << 24;

class TreeReader {
 public:
  TreeReader(const Document& document, const Learner& learner, std::size_t n_bytes)
      : document_(document), learner_(learner), n_bytes_(n_bytes) {}

  /// Tree number `t`, whose leaves are multiplied by `weight`, into tree().
  Flaw Read(Value value, std::size_t t, std::size_t leaf_width, float weight) {
    where_ = text::Concat({"trees[", t, "]"});
    if (auto flaw = ReadArrays(value, t)) return flaw;
    const std::size_t n = left_.size();
    if (n > n_bytes_ / leaf_width) {
      return text::TooLarge({where_, " has ", n, " nodes for ", leaf_width, " outputs each"});
    }
    tree_.Reset(n, leaf_width, hessian_.size() == n);
    for (std::size_t i = 0; i < n; ++i) {
      tree_.left[i] = left_[i];
      tree_.right[i] = right_[i];
      if (left_[i] == -1) continue;
      tree_.feature[i] = static_cast<std::uint32_t>(feature_[i]);
      tree_.flags[i] = default_left_[i] != 0 ? node_flags::kDefaultLeft : 0;
      if (!split_type_.empty() && split_type_[i] == 1) {
        tree_.flags[i] |= node_flags::kCategorical | node_flags::kListedRight;
      } else {
        tree_.threshold[i] = BelowFloat(condition_[i]);
      }
    }
    std::copy(hessian_.begin(), hessian_.begin() + static_cast<std::ptrdiff_t>(tree_.cover.size()),
              tree_.cover.begin());
    if (gain_.size() == n) tree_.gain.assign(gain_.begin(), gain_.end());
    if (auto flaw = FillSets()) return flaw;
    return n_vector_ > 1 ? FillVectors(leaf_width, weight) : FillNumbers(leaf_width, weight);
  }

  SourceTree& tree() { return tree_; }
  void set_output(std::uint32_t output) { output_ = output; }

  /// `size_leaf_vector`: 0 or 1 of trees with numbers in their leaves.
  Flaw LeafVector(Value tree, std::string_view where, std::size_t& size) const {
    Value param, leaf_vector;
    double number = 0;
    if (auto flaw = document_.Members(tree, where, {{"tree_param", &param}})) return flaw;
    if (auto flaw = document_.Members(param, where, {{"size_leaf_vector", &leaf_vector}})) {
      return flaw;
    }
    if (leaf_vector.found()) {
      if (auto flaw = document_.Number(leaf_vector, where, number)) return flaw;
    }
    if (!(number >= 0 && number <= 65536)) {
      return text::Invalid({where, ": size_leaf_vector is ", number});
    }
    size = std::max<std::size_t>(1, static_cast<std::size_t>(number));
    return {};
  }

 private:
  template <class T>
  Flaw ReadArray(Value value, std::string_view name, std::vector<T>& out) {
    return document_.Numbers(value, text::Concat({where_, ".", name}), out);
  }

  // As ReadArray, with one number for each node.
  template <class T>
  Flaw ReadOfNodes(Value value, std::string_view name, std::vector<T>& out) {
    if (auto flaw = ReadArray(value, name, out)) return flaw;
    if (out.size() == left_.size()) return {};
    return text::Invalid(
        {where_, ".", name, " has ", out.size(), " entries and left_children ", left_.size()});
  }

  Flaw ReadArrays(Value tree, std::size_t t) {
    Value id, param, n_nodes, left, right, feature, condition, default_left, type, hessian, gain;
    Value nodes, segments, sizes, categories;
    base_weights_ = leaf_weights_ = {};
    if (auto flaw = document_.Members(tree, where_,
                                      {{"id", &id},
                                       {"tree_param", &param},
                                       {"left_children", &left},
                                       {"right_children", &right},
                                       {"split_indices", &feature},
                                       {"split_conditions", &condition},
                                       {"default_left", &default_left},
                                       {"split_type", &type},
                                       {"sum_hessian", &hessian},
                                       {"loss_changes", &gain},
                                       {"base_weights", &base_weights_},
                                       {"leaf_weights", &leaf_weights_},
                                       {"categories_nodes", &nodes},
                                       {"categories_segments", &segments},
                                       {"categories_sizes", &sizes},
                                       {"categories", &categories}})) {
      return flaw;
    }
    if (auto flaw = CheckNumber(id, ".id", static_cast<double>(t))) return flaw;
    if (auto flaw = LeafVector(tree, where_, n_vector_)) return flaw;
    if (auto flaw = document_.Members(param, where_, {{"num_nodes", &n_nodes}})) return flaw;
    if (auto flaw = ReadArray(left, "left_children", left_)) return flaw;
    if (auto flaw =
            CheckNumber(n_nodes, ".tree_param.num_nodes", static_cast<double>(left_.size()))) {
      return flaw;
    }
    if (auto flaw = ReadOfNodes(right, "right_children", right_)) return flaw;
    if (auto flaw = ReadOfNodes(feature, "split_indices", feature_)) return flaw;
    if (auto flaw = ReadOfNodes(condition, "split_conditions", condition_)) return flaw;
    if (auto flaw = ReadOfNodes(default_left, "default_left", default_left_)) return flaw;
    split_type_.clear();
    hessian_.clear();
    gain_.clear();
    if (type.found()) {
      if (auto flaw = ReadOfNodes(type, "split_type", split_type_)) return flaw;
    }
    if (hessian.found()) {
      if (auto flaw = ReadArray(hessian, "sum_hessian", hessian_)) return flaw;
    }
    // No prediction needs them: gains that cannot be read are none.
    if (gain.found() && ReadArray(gain, "loss_changes", gain_)) gain_.clear();
    return ReadCategoryArrays(nodes, segments, sizes, categories);
  }

  Flaw CheckNumber(Value value, std::string_view name, double expected) {
    double number = expected;
    if (!value.found()) return {};
    if (auto flaw = document_.Number(value, text::Concat({where_, name}), number)) return flaw;
    if (number == expected) return {};
    return text::Invalid({where_, name, " is ", number, ", and not ", expected});
  }

  Flaw ReadCategoryArrays(Value nodes, Value segments, Value sizes, Value categories) {
    cat_nodes_.clear();
    if (!nodes.found()) return {};
    if (auto flaw = ReadArray(nodes, "categories_nodes", cat_nodes_)) return flaw;
    if (cat_nodes_.empty()) return {};
    if (auto flaw = ReadArray(segments, "categories_segments", cat_segments_)) return flaw;
    if (auto flaw = ReadArray(sizes, "categories_sizes", cat_sizes_)) return flaw;
    if (auto flaw = ReadArray(categories, "categories", categories_)) return flaw;
    if (cat_segments_.size() == cat_nodes_.size() && cat_sizes_.size() == cat_nodes_.size()) {
      return {};
    }
    return text::Invalid({where_,
                          ": categories_nodes, categories_segments and categories_sizes "
                          "have different lengths"});
  }

  Flaw FillSets() {
    const auto n_listed = static_cast<std::int64_t>(categories_.size());
    std::int64_t from = 0;  // ranges follow one another, so no file is read many times over
    for (std::size_t c = 0; c < cat_nodes_.size(); ++c) {
      const std::int64_t begin = cat_segments_[c], end = begin + cat_sizes_[c];
      const bool is_rising = c == 0 || cat_nodes_[c] > cat_nodes_[c - 1];
      if (cat_nodes_[c] < 0 || !is_rising || begin < from || end < begin || end > n_listed) {
        return text::Invalid({where_, ": categories_nodes[", c, "] is node ", cat_nodes_[c],
                              " with categories ", begin, " to ", end, " of ", n_listed,
                              "; expected rising nodes, and ranges one after another"});
      }
      from = end;
      CategorySet set;
      set.node = static_cast<std::uint32_t>(cat_nodes_[c]);
      if (auto flaw = FillWords(begin, end, set.words)) return flaw;
      tree_.sets.push_back(std::move(set));
    }
    return {};
  }

  Flaw FillWords(std::int64_t begin, std::int64_t end, std::vector<std::uint32_t>& words) {
    const std::int32_t* const first = categories_.data() + static_cast<std::size_t>(begin);
    const std::int32_t* const last = categories_.data() + static_cast<std::size_t>(end);
    if (std::any_of(first, last, [](std::int32_t category) { return category < 0; })) {
      return text::Invalid({where_, ".categories has a number below 0"});
    }
    std::int32_t largest = -1;
    for (const std::int32_t* category = first; category != last; ++category) {
      if (*category < kCategoriesMax) largest = std::max(largest, *category);
    }
    const auto n_words = static_cast<std::size_t>(largest + 32) / 32;
    n_set_words_ += n_words;
    if (n_set_words_ > kSetWordsMax) {
      return text::TooLarge(
          {where_, ": the category sets of the model need more than ", kSetWordsMax * 4, " bytes"});
    }
    words.assign(n_words, 0);
    for (const std::int32_t* category = first; category != last; ++category) {
      if (*category >= kCategoriesMax) continue;
      const auto bit = static_cast<std::uint32_t>(*category);
      words[bit / 32] |= std::uint32_t{1} << bit % 32;
    }
    return {};
  }

  // One number in each leaf. Among trees with vectors it becomes one that adds to its output only:
  // x + -0.0 is x for every x.
  Flaw FillNumbers(std::size_t leaf_width, float weight) {
    tree_.output = output_;
    if (output_ >= learner_.n_outputs) {
      return text::Invalid(
          {where_, ": tree_info is ", output_, ", and there are ", learner_.n_outputs, " outputs"});
    }
    const std::size_t column = leaf_width > 1 ? output_ : 0;
    if (leaf_width > 1) std::fill(tree_.leaf_value.begin(), tree_.leaf_value.end(), -0.0);
    for (std::size_t i = 0; i < left_.size(); ++i) {
      if (left_[i] == -1) tree_.leaf_value[i * leaf_width + column] = weight * condition_[i];
    }
    return {};
  }

  // A vector in each leaf: rows of base_weights by node, or since 3.1 of leaf_weights by the number
  // that stands in right_children.
  Flaw FillVectors(std::size_t leaf_width, float weight) {
    if (n_vector_ != leaf_width) {
      return text::Invalid({where_, ": size_leaf_vector is ", n_vector_, ", and there are ",
                            leaf_width, " outputs"});
    }
    const bool by_leaf = leaf_weights_.found();
    const std::string_view name = by_leaf ? "leaf_weights" : "base_weights";
    if (auto flaw = ReadArray(by_leaf ? leaf_weights_ : base_weights_, name, vectors_)) return flaw;
    const std::size_t n_rows = vectors_.size() / leaf_width;
    if (vectors_.size() % leaf_width != 0 || left_.size() > (by_leaf ? 2 * n_rows : n_rows)) {
      return text::Invalid({where_, ".", name, " has ", vectors_.size(), " numbers for ",
                            left_.size(), " nodes with ", leaf_width, " outputs"});
    }
    for (std::size_t i = 0; i < left_.size(); ++i) {
      if (left_[i] != -1) continue;
      const std::int64_t row = by_leaf ? right_[i] : static_cast<std::int64_t>(i);
      if (row < 0 || row >= static_cast<std::int64_t>(n_rows)) {
        return text::Invalid({where_, ": leaf ", i, " has row ", row, " of ", n_rows});
      }
      for (std::size_t k = 0; k < leaf_width; ++k) {
        tree_.leaf_value[i * leaf_width + k] =
            weight * vectors_[static_cast<std::size_t>(row) * leaf_width + k];
      }
    }
    return {};
  }

  const Document& document_;
  const Learner& learner_;
  std::size_t n_bytes_;
  SourceTree tree_;
  std::string where_;
  std::uint32_t output_ = 0;
  std::size_t n_vector_ = 1, n_set_words_ = 0;
  Value base_weights_, leaf_weights_;
  std::vector<std::int32_t> left_, right_, feature_, default_left_, split_type_;
  std::vector<std::int32_t> cat_nodes_, cat_segments_, cat_sizes_, categories_;
  std::vector<float> condition_, hessian_, gain_, vectors_;
};

void MarkCategorical(const SourceTree& tree, std::vector<Feature>& features) {
  if (tree.sets.empty()) return;
  for (std::size_t i = 0; i < tree.left.size(); ++i) {
    const bool is_set = (tree.flags[i] & node_flags::kCategorical) != 0;
    if (is_set && tree.feature[i] < features.size()) features[tree.feature[i]].categorical = true;
  }
}

// Whether any tree has vectors in its leaves.
Flaw FindLeafWidth(const Document& document, const TreeReader& reader, Value trees,
                   std::size_t n_outputs, std::size_t& leaf_width) {
  leaf_width = 1;
  if (n_outputs == 1) return {};
  view::Cursor tree(document, trees);
  for (std::size_t t = 0; tree.Next(); ++t) {
    std::size_t size = 1;
    if (auto flaw = reader.LeafVector(tree.value(), text::Concat({"trees[", t, "]"}), size)) {
      return flaw;
    }
    if (size > 1) leaf_width = n_outputs;
  }
  return {};
}

Flaw ReadWeights(const Document& document, const TreeBooster& booster,
                 std::vector<float>& weights) {
  if (!booster.weight_drop.found()) return {};
  if (auto flaw = document.Numbers(booster.weight_drop, "weight_drop", weights)) return flaw;
  if (weights.size() == booster.n_trees) return {};
  return text::Invalid(
      {"weight_drop has ", weights.size(), " numbers for ", booster.n_trees, " trees"});
}

}  // namespace

Flaw ReadTrees(const Document& document, const TreeBooster& booster, const Learner& learner,
               const ImportOptions& options, std::size_t n_bytes, Imported& imported) {
  std::vector<std::int32_t> tree_info;
  std::vector<float> weights;
  std::size_t n_used = 0;
  if (auto flaw = document.Numbers(booster.tree_info, "tree_info", tree_info)) return flaw;
  if (tree_info.size() != booster.n_trees) {
    return text::Invalid(
        {"tree_info has ", tree_info.size(), " entries for ", booster.n_trees, " trees"});
  }
  if (auto flaw = ReadWeights(document, booster, weights)) return flaw;
  if (auto flaw =
          ChooseTrees(document, booster, learner, options.iterations, n_used, imported.warnings)) {
    return flaw;
  }
  TreeReader reader(document, learner, n_bytes);
  ForestAssembler::Shape shape;
  shape.n_features = learner.n_features;
  shape.n_outputs = learner.n_outputs;
  shape.leaf = Precision::kFloat32;
  shape.leaf_ids = options.leaf_ids;
  if (document.KindOf(booster.trees) != view::Kind::kList) {
    return document.Wrong(booster.trees, "trees", "a list");
  }
  if (auto flaw =
          FindLeafWidth(document, reader, booster.trees, learner.n_outputs, shape.leaf_width)) {
    return flaw;
  }
  ForestAssembler assembler(shape);
  view::Cursor tree(document, booster.trees);
  std::size_t t = 0;
  for (; tree.Next(); ++t) {
    if (t >= n_used) continue;
    reader.set_output(static_cast<std::uint32_t>(tree_info[t]));
    const float weight = weights.empty() ? 1 : weights[t];
    if (auto flaw = reader.Read(tree.value(), t, shape.leaf_width, weight)) return flaw;
    if (auto status = assembler.Add(reader.tree()); !status.ok()) return status.error();
    MarkCategorical(reader.tree(), imported.features);
  }
  if (tree.broken()) return text::Invalid({"trees: the file is damaged at byte ", tree.at()});
  if (t != booster.n_trees) {
    return text::Invalid({"trees has ", t, " entries, and num_trees is ", booster.n_trees});
  }
  imported.forest = assembler.Take(learner.base);
  return {};
}

}  // namespace copse::importer::xgboost
