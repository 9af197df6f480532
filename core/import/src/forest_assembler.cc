#include "forest_assembler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "copse/limits.h"
#include "text.h"

namespace copse::importer {
namespace {

constexpr std::uint8_t kUnseen = 0, kSeen = 1;

// Whether every number is one of the floats.
bool FitFloats(const std::vector<double>& numbers) {
  return std::all_of(numbers.begin(), numbers.end(),
                     [](double x) { return x == static_cast<double>(static_cast<float>(x)); });
}

Reals InWidth(const std::vector<double>& numbers, Precision precision) {
  if (precision == Precision::kFloat64) return numbers;
  std::vector<float> floats(numbers.size());
  std::transform(numbers.begin(), numbers.end(), floats.begin(),
                 [](double x) { return static_cast<float>(x); });
  return floats;
}

void AppendSetWords(const std::vector<std::uint32_t>& words, std::vector<std::uint32_t>& begin,
                    std::vector<std::uint32_t>& all) {
  if (begin.empty()) begin.push_back(0);
  all.insert(all.end(), words.begin(), words.end());
  begin.push_back(static_cast<std::uint32_t>(all.size()));
}

}  // namespace

float RoundDownToFloat(double threshold) {
  const auto nearest = static_cast<float>(threshold);
  return static_cast<double>(nearest) > threshold ? BelowFloat(nearest) : nearest;
}

float BelowFloat(float threshold) {
  return std::nextafter(threshold, -std::numeric_limits<float>::infinity());
}

double BelowDouble(double threshold) {
  return std::nextafter(threshold, -std::numeric_limits<double>::infinity());
}

void SourceTree::Reset(std::size_t n, std::size_t leaf_width, bool has_cover) {
  left.assign(n, -1);
  right.assign(n, -1);
  feature.assign(n, 0);
  threshold.assign(n, 0);
  flags.assign(n, 0);
  leaf_value.assign(n * leaf_width, 0);
  cover.assign(has_cover ? n : 0, 0);
  gain.clear();
  leaf_id.clear();
  sets.clear();
  linear.clear();
  root = 0;
  output = 0;
}

ForestAssembler::ForestAssembler(Shape shape) : shape_(shape), rows_(shape.leaf_width) {
  parts_.n_features = shape.n_features;
  parts_.leaf_width = shape.leaf_width;
  parts_.tree_begin.push_back(0);
}

void ForestAssembler::SetInputMap(InputMap map) {
  parts_.n_features = map.n_columns;
  if (map.NeedsDouble()) shape_.threshold = Precision::kFloat64;
  map_ = std::move(map);
}

Error ForestAssembler::Refuse(std::initializer_list<text::Piece> pieces) const {
  return text::Invalid({"tree ", n_trees(), ": ", text::Concat(pieces)});
}

Status ForestAssembler::CheckSizes(const SourceTree& tree) const {
  const std::size_t n = tree.left.size();
  if (n_trees() >= limits::kTreesMax) {
    return text::TooLarge({"the model has more than ", limits::kTreesMax, " trees"});
  }
  if (parts_.left.size() + n > limits::kNodesMax) {
    return text::TooLarge({"the model has more than ", limits::kNodesMax, " nodes"});
  }
  if (tree.root >= n) return Refuse({"its root is node ", tree.root, " of ", n});
  if (tree.output >= shape_.n_outputs) {
    return Refuse({"it adds to output ", tree.output, " of ", shape_.n_outputs});
  }
  return Ok{};
}

// Reachable nodes into order_: in the source's numbering where children follow their parents,
// else as a walk meets them, left before right.
Status ForestAssembler::Order(const SourceTree& tree) {
  const std::size_t n = tree.left.size();
  seen_.assign(n, kUnseen);
  order_.clear();
  stack_.assign(1, tree.root);
  seen_[tree.root] = kSeen;
  bool is_rising = true;
  while (!stack_.empty()) {
    const std::uint32_t node = stack_.back();
    stack_.pop_back();
    order_.push_back(node);
    if (tree.left[node] < 0) continue;
    for (const std::int32_t child : {tree.right[node], tree.left[node]}) {
      if (child < 0 || static_cast<std::size_t>(child) >= n) {
        return Refuse({"node ", node, " has the child ", child, ", and there are ", n, " nodes"});
      }
      if (seen_[static_cast<std::size_t>(child)] != kUnseen) {
        return Refuse({"node ", child, " is reached twice, the second time from node ", node});
      }
      seen_[static_cast<std::size_t>(child)] = kSeen;
      is_rising = is_rising && static_cast<std::uint32_t>(child) > node;
      stack_.push_back(static_cast<std::uint32_t>(child));
    }
  }
  if (!is_rising) return Ok{};
  order_.clear();
  for (std::uint32_t node = tree.root; node < n; ++node) {
    if (seen_[node] != kUnseen) order_.push_back(node);
  }
  return Ok{};
}

void ForestAssembler::Number(const SourceTree& tree) {
  number_.assign(tree.left.size(), 0);
  auto next_inner = static_cast<std::int32_t>(parts_.left.size());
  auto next_leaf = static_cast<std::int32_t>(parts_.leaf_row.size());
  for (const std::uint32_t node : order_) {
    number_[node] = tree.left[node] < 0 ? ~next_leaf++ : next_inner++;
  }
}

// A test of a mapped value becomes one of the raw value.
Status ForestAssembler::AppendMapped(const SourceTree& tree, std::uint32_t node) {
  const std::uint32_t feature = tree.feature[node];
  const MappedColumn& column = map_->features[feature];
  std::uint8_t flags = tree.flags[node];
  double threshold = tree.threshold[node];
  if (!column.steps.empty()) {
    if ((flags & node_flags::kCategorical) != 0 ||
        (flags & node_flags::kMissingRule) == node_flags::kMissingZero) {
      return text::Unsupported({"tree ", n_trees(), ": node ", node,
                                " tests categories or zeros of a scaled or imputed column, which ",
                                "cannot be imported"});
    }
    std::optional<double> filled = map_->Filled(feature);
    const bool nan_is_zero = (flags & node_flags::kMissingRule) == node_flags::kNanIsZero;
    if (!filled && nan_is_zero) filled = 0;
    if (filled) flags = *filled <= threshold ? node_flags::kDefaultLeft : 0;
    threshold = map_->Unmap(feature, threshold);
  }
  parts_.feature.push_back(static_cast<std::uint32_t>(column.column));
  parts_.flags.push_back(flags);
  threshold_.push_back(threshold);
  return Ok{};
}

Status ForestAssembler::AppendNode(const SourceTree& tree, std::uint32_t node) {
  const std::uint32_t feature = tree.feature[node];
  if (feature >= shape_.n_features) {
    return Refuse(
        {"node ", node, " tests feature ", feature, ", and there are ", shape_.n_features});
  }
  if (std::isnan(tree.threshold[node])) return Refuse({"node ", node, " has the threshold NaN"});
  parts_.left.push_back(number_[static_cast<std::size_t>(tree.left[node])]);
  parts_.right.push_back(number_[static_cast<std::size_t>(tree.right[node])]);
  if (map_) return AppendMapped(tree, node);
  parts_.feature.push_back(feature);
  parts_.flags.push_back(tree.flags[node]);
  threshold_.push_back(tree.threshold[node]);
  return Ok{};
}

Status ForestAssembler::AppendSet(const SourceTree& tree, std::uint32_t node) {
  if ((tree.flags[node] & node_flags::kCategorical) == 0) return Ok{};
  const auto set =
      std::lower_bound(tree.sets.begin(), tree.sets.end(), node,
                       [](const CategorySet& a, std::uint32_t b) { return a.node < b; });
  if (set == tree.sets.end() || set->node != node) {
    return Refuse({"node ", node, " tests categories, and none are listed"});
  }
  if (parts_.cat_words.size() + set->words.size() > limits::kCategoryWordsMax) {
    return text::TooLarge(
        {"the model lists more categories than ", limits::kCategoryWordsMax * 32});
  }
  parts_.cat_node.push_back(static_cast<std::uint32_t>(number_[node]));
  AppendSetWords(set->words, parts_.cat_begin, parts_.cat_words);
  if (!set->known_words.empty()) {
    AppendSetWords(set->known_words, parts_.known_begin, parts_.known_words);
  }
  return Ok{};
}

// From the first tree with terms on, every leaf has its own row; earlier rows are constants.
void ForestAssembler::StartLinear() {
  if (!parts_.linear_begin.empty()) return;
  parts_.linear_begin.assign(rows_.size() + 1, 0);
  parts_.linear_const = rows_.values();
}

Status ForestAssembler::AppendLinear(const SourceTree& tree, std::uint32_t node) {
  const auto terms =
      std::lower_bound(tree.linear.begin(), tree.linear.end(), node,
                       [](const LinearTerms& a, std::uint32_t b) { return a.node < b; });
  const bool has_terms = terms != tree.linear.end() && terms->node == node;
  parts_.linear_const.push_back(has_terms ? terms->constant : tree.leaf_value[node]);
  for (std::size_t i = 0; has_terms && i < terms->features.size(); ++i) {
    const std::uint32_t feature = terms->features[i];
    if (feature >= shape_.n_features || map_) {
      return Refuse({"leaf ", node, " has a term of feature ", feature, ", and there are ",
                     map_ ? 0 : shape_.n_features, " that terms may use"});
    }
    parts_.linear_feature.push_back(feature);
    parts_.linear_coef.push_back(terms->coefs[i]);
  }
  parts_.linear_begin.push_back(static_cast<std::uint32_t>(parts_.linear_feature.size()));
  return Ok{};
}

Status ForestAssembler::AppendLeaf(const SourceTree& tree, std::uint32_t node) {
  row_.assign(
      tree.leaf_value.begin() + static_cast<std::ptrdiff_t>(node * shape_.leaf_width),
      tree.leaf_value.begin() + static_cast<std::ptrdiff_t>((node + 1) * shape_.leaf_width));
  if (shape_.leaf == Precision::kFloat32) {
    for (double& x : row_) x = static_cast<float>(x);
  }
  if ((rows_.size() + 1) * shape_.leaf_width > limits::kLeafValuesMax) {
    return text::TooLarge({"the model has more than ", limits::kLeafValuesMax, " leaf values"});
  }
  const bool is_linear = !parts_.linear_begin.empty();
  parts_.leaf_row.push_back(is_linear ? rows_.Append(row_) : rows_.Number(row_));
  if (shape_.leaf_ids) parts_.leaf_id.push_back(tree.leaf_id.empty() ? node : tree.leaf_id[node]);
  return is_linear ? AppendLinear(tree, node) : Ok{};
}

// Covers of one tree; whether each node's is the sum of its children's, exactly.
void ForestAssembler::AppendCover(const SourceTree& tree) {
  has_cover_ = has_cover_ && !tree.cover.empty();
  if (!has_cover_) return;
  for (const std::uint32_t node : order_) {
    const double cover = tree.cover[node];
    // A hessian can be a rounding error below zero; weights of a file are not believed otherwise.
    if (!(cover >= 0) || std::isinf(cover)) has_cover_ = false;
    if (tree.left[node] < 0) {
      leaf_cover_.push_back(cover);
      continue;
    }
    node_cover_.push_back(cover);
    const double sum = tree.cover[static_cast<std::size_t>(tree.left[node])] +
                       tree.cover[static_cast<std::size_t>(tree.right[node])];
    cover_is_sum_ = cover_is_sum_ && sum == cover;
  }
}

Status ForestAssembler::Add(const SourceTree& tree) {
  if (auto status = CheckSizes(tree); !status.ok()) return status;
  if (auto status = Order(tree); !status.ok()) return status;
  Number(tree);
  if (!tree.linear.empty()) StartLinear();
  for (const std::uint32_t node : order_) {
    const bool is_leaf = tree.left[node] < 0;
    auto status = is_leaf ? AppendLeaf(tree, node) : AppendNode(tree, node);
    if (status.ok() && !is_leaf) status = AppendSet(tree, node);
    if (!status.ok()) return status;
  }
  AppendCover(tree);
  AddGains(tree);
  parts_.tree_root.push_back(number_[tree.root]);
  parts_.tree_begin.push_back(static_cast<std::uint32_t>(parts_.left.size()));
  if (shape_.leaf_width == 1 && shape_.n_outputs > 1) {
    parts_.tree_output.push_back(static_cast<std::uint16_t>(tree.output));
  }
  return Ok{};
}

void ForestAssembler::AddGains(const SourceTree& tree) {
  if (tree.left[tree.root] < 0) return;
  has_gain_ = has_gain_ && tree.gain.size() == tree.left.size();
  if (!has_gain_) return;
  gain_.resize(parts_.n_features);
  for (const std::uint32_t node : order_) {
    if (tree.left[node] < 0) continue;
    gain_[parts_.feature[static_cast<std::size_t>(number_[node])]] += tree.gain[node];
  }
}

// As covers, gains of a file are not believed where they cannot be.
void ForestAssembler::TakeGains() {
  if (!has_gain_) return;
  for (const double gain : gain_) {
    if (!std::isfinite(gain) || gain < 0) return;
  }
  parts_.feature_gain = std::move(gain_);
}

void ForestAssembler::TakeCovers() {
  if (!has_cover_) return;
  const bool narrow = FitFloats(node_cover_) && FitFloats(leaf_cover_);
  const Precision width = narrow ? Precision::kFloat32 : Precision::kFloat64;
  parts_.leaf_cover = InWidth(leaf_cover_, width);
  if (!cover_is_sum_) parts_.node_cover = InWidth(node_cover_, width);
}

ForestParts ForestAssembler::Take(const std::vector<double>& base) {
  parts_.threshold = InWidth(threshold_, shape_.threshold);
  parts_.leaf_value = InWidth(rows_.values(), shape_.leaf);
  parts_.base = InWidth(base, shape_.leaf);
  TakeCovers();
  TakeGains();
  bool is_identity = rows_.size() == parts_.leaf_row.size();
  for (std::size_t n = 0; is_identity && n < parts_.leaf_row.size(); ++n) {
    is_identity = parts_.leaf_row[n] == n;
  }
  if (is_identity) parts_.leaf_row.clear();
  return std::move(parts_);
}

}  // namespace copse::importer
