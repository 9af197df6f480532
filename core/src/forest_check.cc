// Forest::Create: rules 2 to 6 of docs/FORMAT.md. Whatever passes here is evaluated without any
// further test, so each check names the invariant that evaluation relies on.
#include <algorithm>
#include <cmath>
#include <utility>

#include "at_once.h"
#include "copse/forest.h"
#include "copse/limits.h"
#include "text.h"

namespace copse {
namespace {

using text::Flaw;
using text::Invalid;

struct Sizes {
  std::size_t trees, nodes, leaves, rows, width, outputs;
};

Sizes SizesOf(const ForestParts& parts) {
  const std::size_t rows = Count(parts.leaf_value) / std::max<std::size_t>(parts.leaf_width, 1);
  return {.trees = parts.tree_root.size(),
          .nodes = parts.left.size(),
          .leaves = parts.leaf_row.empty() ? rows : parts.leaf_row.size(),
          .rows = rows,
          .width = parts.leaf_width,
          .outputs = Count(parts.base)};
}

Flaw CheckLimit(std::string_view what, std::uint64_t count, std::uint64_t max) {
  if (count <= max) return {};
  return text::TooLarge({what, " is ", count, ", more than ", max});
}

Flaw CheckLimits(const ForestParts& parts, const Sizes& sizes) {
  if (auto flaw = CheckLimit("the number of trees", sizes.trees, limits::kTreesMax)) return flaw;
  if (auto flaw = CheckLimit("the number of nodes", sizes.nodes, limits::kNodesMax)) return flaw;
  if (auto flaw = CheckLimit("the number of leaves", sizes.leaves, limits::kLeavesMax)) return flaw;
  if (auto flaw = CheckLimit("the number of leaf values", Count(parts.leaf_value),
                             limits::kLeafValuesMax)) {
    return flaw;
  }
  if (auto flaw = CheckLimit("the number of outputs", sizes.outputs, limits::kOutputsMax)) {
    return flaw;
  }
  if (auto flaw = CheckLimit("the number of features", parts.n_features, limits::kFeaturesMax)) {
    return flaw;
  }
  if (auto flaw = CheckLimit("the length of cat.words", parts.cat_words.size(),
                             limits::kCategoryWordsMax)) {
    return flaw;
  }
  if (auto flaw = CheckLimit("the length of cat.known_words", parts.known_words.size(),
                             limits::kCategoryWordsMax)) {
    return flaw;
  }
  if (auto flaw = CheckLimit("the length of category.value", parts.category_value.size(),
                             limits::kCategoryValuesMax)) {
    return flaw;
  }
  return CheckLimit("the length of linear.feature", parts.linear_feature.size(),
                    limits::kCoefficientsMax);
}

Flaw CheckLength(std::string_view tensor, std::size_t length, std::size_t expected,
                 std::string_view why) {
  if (length == expected) return {};
  return Invalid({tensor, " has ", length, " elements, and ", expected, " were expected: ", why});
}

Flaw CheckWidths(const ForestParts& parts, const Sizes& sizes) {
  if (sizes.outputs == 0)
    return Invalid({"base is empty, and it holds one number for each output"});
  if (sizes.width != 1 && sizes.width != sizes.outputs) {
    return Invalid({"leaf.value is ", sizes.width, " wide, and 1 or the ", sizes.outputs,
                    " outputs of base were expected"});
  }
  if (Count(parts.leaf_value) % sizes.width != 0) {
    return Invalid(
        {"leaf.value has ", Count(parts.leaf_value), " elements, not a multiple of ", sizes.width});
  }
  const bool needs_output = sizes.width == 1 && sizes.outputs > 1;
  if (!needs_output && !parts.tree_output.empty()) {
    return Invalid({"tree.output must be absent where leaves have a value for every output"});
  }
  if (!needs_output) return {};
  return CheckLength("tree.output", parts.tree_output.size(), sizes.trees, "one a tree");
}

/// The tensor, if the file has one, that says something of a leaf that holds at one place of one
/// tree only. Without it, leaves that hold the same may be one.
std::string_view TensorOfPlaces(const ForestParts& parts) {
  if (!parts.leaf_id.empty()) return "leaf.id";
  return Count(parts.leaf_cover) > 0 ? "leaf.cover" : "";
}

Flaw CheckLeafLengths(const ForestParts& parts, const Sizes& sizes) {
  const std::string_view of_places = TensorOfPlaces(parts);
  if (of_places.empty()) return {};
  const std::string_view tensor = parts.leaf_row.empty() ? "leaf.value" : "leaf.row";
  if (auto f = CheckLength(tensor, sizes.leaves, sizes.nodes + sizes.trees,
                           text::Concat({"with ", of_places,
                                         " no leaf is shared, and binary trees have a leaf more "
                                         "than nodes"}))) {
    return f;
  }
  if (!parts.leaf_id.empty()) {
    if (auto f = CheckLength("leaf.id", parts.leaf_id.size(), sizes.leaves, "one a leaf")) return f;
  }
  if (Count(parts.leaf_cover) == 0) return {};
  return CheckLength("leaf.cover", Count(parts.leaf_cover), sizes.leaves, "one a leaf");
}

Flaw CheckLengths(const ForestParts& parts, const Sizes& sizes) {
  constexpr std::string_view kNode = "one a node, as in node.left";
  if (auto f = CheckLength("tree.begin", parts.tree_begin.size(), sizes.trees + 1,
                           "one a tree, as in tree.root, and the end")) {
    return f;
  }
  if (auto f = CheckLength("node.right", parts.right.size(), sizes.nodes, kNode)) return f;
  if (auto f = CheckLength("node.feature", parts.feature.size(), sizes.nodes, kNode)) return f;
  if (auto f = CheckLength("node.threshold", Count(parts.threshold), sizes.nodes, kNode)) return f;
  if (auto f = CheckLength("node.flags", parts.flags.size(), sizes.nodes, kNode)) return f;
  if (Count(parts.node_cover) > 0) {
    if (auto f = CheckLength("node.cover", Count(parts.node_cover), sizes.nodes, kNode)) return f;
  }
  return CheckLeafLengths(parts, sizes);
}

Flaw CheckTreeRanges(const ForestParts& parts, const Sizes& sizes) {
  if (parts.tree_begin.front() != 0) {
    return Invalid({"tree.begin[0] is ", parts.tree_begin.front(), ", and 0 was expected"});
  }
  for (std::size_t t = 0; t < sizes.trees; ++t) {
    if (parts.tree_begin[t + 1] < parts.tree_begin[t]) {
      return Invalid({"tree.begin[", t + 1, "] is ", parts.tree_begin[t + 1], ", less than the ",
                      parts.tree_begin[t], " before it"});
    }
  }
  if (parts.tree_begin.back() != sizes.nodes) {
    return Invalid({"tree.begin ends with ", parts.tree_begin.back(), ", and there are ",
                    sizes.nodes, " nodes"});
  }
  for (std::size_t t = 0; t < parts.tree_output.size(); ++t) {
    if (parts.tree_output[t] < sizes.outputs) continue;
    return Invalid({"tree.output[", t, "] is ", parts.tree_output[t], ", and there are ",
                    sizes.outputs, " outputs"});
  }
  return {};
}

Flaw CheckFlags(const ForestParts& parts) {
  using namespace node_flags;
  for (std::size_t i = 0; i < parts.flags.size(); ++i) {
    const std::uint8_t flags = parts.flags[i];
    if ((flags & ~kAll) != 0 || (flags & kMissingRule) == kMissingRule) {
      return Invalid({"node.flags[", i, "] is ", flags, ", which has unknown bits"});
    }
    if ((flags & kListedRight) != 0 && (flags & kCategorical) == 0) {
      return Invalid({"node.flags[", i, "] is ", flags,
                      ": bit 4 says where listed categories go, and bit 1 that there are none"});
    }
  }
  return {};
}

[[gnu::noinline]] Flaw CheckNodes(const ForestParts& parts, std::size_t begin, std::size_t end) {
  for (std::size_t i = begin; i < end; ++i) {
    if (parts.feature[i] >= parts.n_features) {
      return Invalid({"node.feature[", i, "] is ", parts.feature[i], ", and there are ",
                      parts.n_features, " features"});
    }
    const double threshold = At(parts.threshold, i);
    if (std::isnan(threshold)) return Invalid({"node.threshold[", i, "] is NaN"});
    if ((parts.flags[i] & node_flags::kCategorical) != 0 && threshold != 0) {
      return Invalid({"node.threshold[", i, "] is ", threshold,
                      ", and 0 was expected because node.flags says the split is categorical"});
    }
  }
  return {};
}

Flaw CheckNodes(const ForestParts& parts) {
  const std::size_t n = parts.feature.size();
  for (std::size_t i = 0; i < n; i += kAtOnce) {
    if (auto flaw = CheckNodes(parts, i, std::min(i + kAtOnce, n))) return flaw;
  }
  return CheckFlags(parts);
}

/// Follows every link of the forest once: children come after their parent in the same tree and no
/// node is referenced twice, so each tree is a tree and each walk ends. Leaves may be shared,
/// unless a tensor speaks of each one's place.
class Links {
 public:
  Links(const ForestParts& parts, const Sizes& sizes)
      : parts_(parts),
        sizes_(sizes),
        of_places_(TensorOfPlaces(parts)),
        node_is_used_(sizes.nodes),
        leaf_is_used_(of_places_.empty() ? 0 : sizes.leaves),
        depth_(sizes.nodes) {}

  Flaw Check() {
    for (std::size_t t = 0; t < sizes_.trees; ++t) {
      if (auto flaw = CheckTree(t)) return flaw;
    }
    return {};
  }
  std::size_t max_depth() const { return max_depth_; }

 private:
  // Not inlined: see at_once.h.
  [[gnu::noinline]] Flaw CheckTree(std::size_t t) {
    const std::size_t begin = parts_.tree_begin[t];
    const std::size_t end = parts_.tree_begin[t + 1];
    if (auto flaw = CheckRoot(t, begin, end)) return flaw;
    for (std::size_t i = begin; i < end; ++i) {
      max_depth_ = std::max<std::size_t>(max_depth_, depth_[i]);
      if (auto flaw = CheckChild("node.left[", i, parts_.left[i], end)) return flaw;
      if (auto flaw = CheckChild("node.right[", i, parts_.right[i], end)) return flaw;
    }
    for (std::size_t i = begin; i < end; ++i) {
      if (!node_is_used_[i])
        return Invalid({"node ", i, " belongs to tree ", t, " but is no child"});
    }
    return {};
  }

  Flaw CheckRoot(std::size_t t, std::size_t begin, std::size_t end) {
    const std::int32_t root = parts_.tree_root[t];
    if (root < 0 && begin == end) return UseLeaf("tree.root[", t, root);
    if (root < 0 || begin == end || static_cast<std::size_t>(root) != begin) {
      return Invalid({"tree.root[", t, "] is ", root, ", and tree.begin says that the tree ",
                      begin == end ? std::string("is a single leaf")
                                   : text::Concat({"starts at node ", begin})});
    }
    node_is_used_[begin] = true;
    depth_[begin] = 1;
    return {};
  }

  Flaw CheckChild(std::string_view where, std::size_t i, std::int32_t child, std::size_t end) {
    if (child < 0) return UseLeaf(where, i, child);
    const auto node = static_cast<std::size_t>(child);
    if (node <= i || node >= end) {
      return Invalid({where, i, "] is ", child, ", and a node from ", i + 1, " to ", end - 1,
                      " or a leaf was expected"});
    }
    if (node_is_used_[node])
      return Invalid({where, i, "] is ", child, ", which has a parent already"});
    node_is_used_[node] = true;
    depth_[node] = depth_[i] + 1;
    return {};
  }

  Flaw UseLeaf(std::string_view where, std::size_t i, std::int32_t child) {
    // Unsigned: the complement of INT32_MIN is a large leaf number, not an overflow.
    const std::uint32_t leaf = ~static_cast<std::uint32_t>(child);
    if (leaf >= sizes_.leaves) {
      return Invalid({where, i, "] is ", child, ", which is leaf ", leaf, " of ", sizes_.leaves});
    }
    // As many leaves as places, and none twice: each is used.
    if (of_places_.empty()) return {};
    if (leaf_is_used_[leaf]) {
      return Invalid({where, i, "] is ", child, ", and leaf ", leaf, " has a parent already: with ",
                      of_places_, " no leaf is shared"});
    }
    leaf_is_used_[leaf] = true;
    return {};
  }

  const ForestParts& parts_;
  const Sizes& sizes_;
  const std::string_view of_places_;
  std::vector<bool> node_is_used_, leaf_is_used_;
  std::vector<std::uint32_t> depth_;
  std::size_t max_depth_ = 0;
};

Flaw CheckRows(const ForestParts& parts, const Sizes& sizes) {
  for (std::size_t n = 0; n < parts.leaf_row.size(); ++n) {
    if (parts.leaf_row[n] < sizes.rows) continue;
    return Invalid(
        {"leaf.row[", n, "] is ", parts.leaf_row[n], ", and leaf.value has ", sizes.rows, " rows"});
  }
  return {};
}

template <class T>
Flaw CheckFinite(std::string_view tensor, const std::vector<T>& values, bool allow_nonfinite) {
  for (std::size_t i = 0; i < values.size() && !allow_nonfinite; ++i) {
    if (std::isfinite(values[i])) continue;
    return Invalid({tensor, "[", i, "] is ", static_cast<double>(values[i]),
                    ", and metadata key allow_nonfinite does not say \"true\""});
  }
  return {};
}

Flaw CheckFinite(std::string_view tensor, const Reals& reals, bool allow_nonfinite) {
  return std::visit(
      [&](const auto& values) { return CheckFinite(tensor, values, allow_nonfinite); }, reals);
}

template <class T>
Flaw CheckNonnegative(std::string_view tensor, const std::vector<T>& numbers) {
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const double x = numbers[i];
    if (std::isfinite(x) && x >= 0) continue;
    return Invalid({tensor, "[", i, "] is ", x, ", and a finite number >= 0 was expected"});
  }
  return {};
}

Flaw CheckCovers(std::string_view tensor, const Reals& covers) {
  return std::visit([&](const auto& numbers) { return CheckNonnegative(tensor, numbers); }, covers);
}

/// `begin` cuts `total` things into `count` ranges.
Flaw CheckRanges(std::string_view tensor, const std::vector<std::uint32_t>& begin,
                 std::size_t count, std::size_t total, std::string_view of_what) {
  if (auto flaw = CheckLength(tensor, begin.size(), count + 1, "one a range, and the end")) {
    return flaw;
  }
  if (begin.front() != 0) {
    return Invalid({tensor, "[0] is ", begin.front(), ", and 0 was expected"});
  }
  for (std::size_t i = 1; i < begin.size(); ++i) {
    if (begin[i] >= begin[i - 1]) continue;
    return Invalid(
        {tensor, "[", i, "] is ", begin[i], ", less than the ", begin[i - 1], " before it"});
  }
  if (begin.back() == total) return {};
  return Invalid(
      {tensor, " ends with ", begin.back(), ", and ", of_what, " has ", total, " elements"});
}

/// cat.node must be exactly the nodes with the categorical flag, in order.
Flaw CheckCategoryNodes(const ForestParts& parts) {
  std::size_t c = 0;
  for (std::size_t i = 0; i < parts.flags.size(); ++i) {
    if ((parts.flags[i] & node_flags::kCategorical) == 0) continue;
    if (c == parts.cat_node.size() || parts.cat_node[c] != i) {
      return Invalid({"node.flags[", i, "] says the split is categorical, and cat.node ",
                      c == parts.cat_node.size()
                          ? std::string("ends before it")
                          : text::Concat({"has ", parts.cat_node[c], " at ", c})});
    }
    ++c;
  }
  if (c == parts.cat_node.size()) return {};
  return Invalid({"cat.node[", c, "] is ", parts.cat_node[c],
                  ", which is not the next node whose flags say categorical"});
}

Flaw CheckCategories(const ForestParts& parts) {
  if (auto flaw = CheckCategoryNodes(parts)) return flaw;
  const std::size_t sets = parts.cat_node.size();
  if (sets == 0) {
    const bool is_empty = parts.cat_begin.empty() && parts.cat_words.empty() &&
                          parts.known_begin.empty() && parts.known_words.empty();
    if (is_empty) return {};
    return Invalid({"there are category sets, and cat.node names no node that uses them"});
  }
  if (auto flaw =
          CheckRanges("cat.begin", parts.cat_begin, sets, parts.cat_words.size(), "cat.words")) {
    return flaw;
  }
  if (parts.known_begin.empty() && parts.known_words.empty()) return {};
  return CheckRanges("cat.known_begin", parts.known_begin, sets, parts.known_words.size(),
                     "cat.known_words");
}

/// The tables that turn a number into a category: there exactly where the file says so.
Flaw CheckTables(const ForestParts& parts, CategoryCast cast) {
  const bool is_table = cast == CategoryCast::kTable;
  if (is_table != !parts.category_begin.empty() || (!is_table && !parts.category_value.empty())) {
    return Invalid(
        {"category.begin and category.value must be there exactly where category_cast is "
         "\"table\""});
  }
  if (!is_table) return {};
  const std::vector<double>& values = parts.category_value;
  if (auto flaw = CheckRanges("category.begin", parts.category_begin, parts.n_features,
                              values.size(), "category.value")) {
    return flaw;
  }
  for (std::size_t f = 0, i = 0; f < parts.n_features; ++f) {
    for (const std::size_t begin = i; i < parts.category_begin[f + 1]; ++i) {
      if (values[i] == values[i] && (i == begin || values[i] > values[i - 1])) continue;
      return Invalid(
          {"category.value[", i, "] is ", values[i], ", and the values of a feature must rise"});
    }
  }
  return {};
}

Flaw CheckLinear(const ForestParts& parts, const Sizes& sizes, bool allow_nonfinite) {
  if (parts.linear_begin.empty()) {
    const bool is_empty =
        parts.linear_feature.empty() && parts.linear_coef.empty() && parts.linear_const.empty();
    if (is_empty) return {};
    return Invalid({"linear.begin is missing beside other linear.* tensors"});
  }
  if (sizes.width != 1) {
    return Invalid({"linear.begin is given, and leaf.value is ", sizes.width,
                    " wide: linear leaves have one value"});
  }
  if (auto f = CheckLength("linear.coef", parts.linear_coef.size(), parts.linear_feature.size(),
                           "one a term, as in linear.feature")) {
    return f;
  }
  if (auto f = CheckLength("linear.const", parts.linear_const.size(), sizes.rows,
                           "one a row of leaf.value")) {
    return f;
  }
  if (auto f = CheckRanges("linear.begin", parts.linear_begin, sizes.rows,
                           parts.linear_feature.size(), "linear.feature")) {
    return f;
  }
  for (std::size_t i = 0; i < parts.linear_feature.size(); ++i) {
    if (parts.linear_feature[i] < parts.n_features) continue;
    return Invalid({"linear.feature[", i, "] is ", parts.linear_feature[i], ", and there are ",
                    parts.n_features, " features"});
  }
  if (auto f = CheckFinite("linear.coef", parts.linear_coef, allow_nonfinite)) return f;
  return CheckFinite("linear.const", parts.linear_const, allow_nonfinite);
}

Flaw CheckNumbers(const ForestParts& parts, bool allow_nonfinite) {
  if (auto flaw = CheckFinite("leaf.value", parts.leaf_value, allow_nonfinite)) return flaw;
  if (auto flaw = CheckFinite("base", parts.base, allow_nonfinite)) return flaw;
  if (auto flaw = CheckCovers("node.cover", parts.node_cover)) return flaw;
  if (auto flaw = CheckCovers("leaf.cover", parts.leaf_cover)) return flaw;
  if (parts.feature_gain.empty()) return {};
  if (auto flaw = CheckLength("feature.gain", parts.feature_gain.size(), parts.n_features,
                              "one a feature")) {
    return flaw;
  }
  return CheckNonnegative("feature.gain", parts.feature_gain);
}

std::vector<double> CountTrees(const ForestParts& parts, const Sizes& sizes) {
  if (parts.tree_output.empty()) {
    return std::vector<double>(sizes.outputs, static_cast<double>(sizes.trees));
  }
  std::vector<double> counts(sizes.outputs);
  for (const std::uint16_t output : parts.tree_output) ++counts[output];
  return counts;
}

Flaw CheckCombine(Aggregation aggregation, const std::vector<double>& trees_per_output) {
  if (aggregation == Aggregation::kSum) return {};
  const std::string_view name = aggregation == Aggregation::kMean  ? "mean"
                                : aggregation == Aggregation::kMin ? "min"
                                                                   : "max";
  for (std::size_t k = 0; k < trees_per_output.size(); ++k) {
    if (trees_per_output[k] > 0) continue;
    return Invalid({"combine is \"", name, "\", and no tree adds to output ", k});
  }
  return {};
}

}  // namespace

Result<Forest> Forest::Create(ForestParts parts, Rules rules) {
  const Sizes sizes = SizesOf(parts);
  if (auto flaw = CheckLimits(parts, sizes)) return *flaw;
  if (auto flaw = CheckWidths(parts, sizes)) return *flaw;
  if (auto flaw = CheckLengths(parts, sizes)) return *flaw;
  if (auto flaw = CheckTreeRanges(parts, sizes)) return *flaw;
  if (auto flaw = CheckNodes(parts)) return *flaw;
  Links links(parts, sizes);
  if (auto flaw = links.Check()) return *flaw;
  if (auto flaw = CheckRows(parts, sizes)) return *flaw;
  if (auto flaw = CheckNumbers(parts, rules.allow_nonfinite)) return *flaw;
  if (auto flaw = CheckCategories(parts)) return *flaw;
  if (auto flaw = CheckTables(parts, rules.category_cast)) return *flaw;
  if (auto flaw = CheckLinear(parts, sizes, rules.allow_nonfinite)) return *flaw;
  std::vector<double> trees_per_output = CountTrees(parts, sizes);
  if (auto flaw = CheckCombine(rules.aggregation, trees_per_output)) return *flaw;

  Forest forest(std::move(parts), rules);
  forest.n_outputs_ = sizes.outputs;
  forest.n_leaves_ = sizes.leaves;
  forest.max_depth_ = links.max_depth();
  forest.trees_per_output_ = std::move(trees_per_output);
  return forest;
}

}  // namespace copse
