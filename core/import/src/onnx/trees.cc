#include "onnx/trees.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "copse/limits.h"

namespace copse::importer::onnx {
namespace {

using text::Flaw;
using text::Unsupported;

// Words of category sets that are made at most: 32 MiB, a hundred times what converters of
// LightGBM and XGBoost write.
constexpr std::size_t kSetWordsMax = std::size_t{1} << 23;
// Leaf values that may be made whatever the file's size.
constexpr std::size_t kLeafValuesFree = std::size_t{1} << 22;

bool IsCategorical(Mode mode) {
  return mode == Mode::kEq || mode == Mode::kNeq || mode == Mode::kMember;
}

// -0 is 0: they are equal to every comparison.
double Plain(double x) { return x == 0 ? 0 : x; }

/// The values of each column that nodes ask for, rising: the table of the model file.
class Tables {
 public:
  void Add(std::size_t column, double value) { pairs_.emplace_back(column, Plain(value)); }

  void Sort() {
    std::sort(pairs_.begin(), pairs_.end());
    pairs_.erase(std::unique(pairs_.begin(), pairs_.end()), pairs_.end());
  }

  bool empty() const { return pairs_.empty(); }

  /// Position of `value`, which was added, among the values of its column.
  std::uint32_t CodeOf(std::size_t column, double value) const {
    const auto begin = std::lower_bound(pairs_.begin(), pairs_.end(), Pair(column, -kInfinity));
    const auto found = std::lower_bound(begin, pairs_.end(), Pair(column, Plain(value)));
    return static_cast<std::uint32_t>(found - begin);
  }

  void MoveTo(ForestParts& parts, std::size_t n_columns) {
    parts.category_begin.assign(n_columns + 1, 0);
    for (const Pair& pair : pairs_) {
      ++parts.category_begin[pair.first + 1];
      parts.category_value.push_back(pair.second);
    }
    for (std::size_t f = 0; f < n_columns; ++f) {
      parts.category_begin[f + 1] += parts.category_begin[f];
    }
  }

 private:
  using Pair = std::pair<std::size_t, double>;
  static constexpr double kInfinity = std::numeric_limits<double>::infinity();

  std::vector<Pair> pairs_;
};

/// Turns the trees of one ensemble into SourceTrees.
class Writer {
 public:
  Writer(const Ensemble& ensemble, const Layout& layout, const InputMap& map, Tables& tables)
      : ensemble_(ensemble), layout_(layout), map_(map), tables_(tables) {}

  /// Every value that a node asks for, before the first tree is written.
  void CollectValues() {
    for (std::size_t i = 0; i < ensemble_.n_nodes(); ++i) {
      if (!IsCategorical(ensemble_.mode[i])) continue;
      ForEachValue(i, [&](double value) { tables_.Add(ColumnOf(i), value); });
    }
  }

  /// Tree `t` into `tree`; `n_words` counts the words of all sets.
  Flaw Write(std::size_t t, SourceTree& tree, std::size_t& n_words) {
    first_ = ensemble_.tree_begin[t];
    const std::size_t n = ensemble_.tree_begin[t + 1] - first_;
    tree.Reset(n, layout_.leaf_width, false);
    state_.assign(n, kNew);
    stack_.assign(1, 0);
    state_[0] = kReached;
    while (!stack_.empty()) {
      const std::uint32_t node = stack_.back();
      stack_.pop_back();
      if (ensemble_.mode[first_ + node] == Mode::kLeaf) {
        WriteLeaf(node, tree);
        continue;
      }
      if (auto flaw = WriteNode(node, tree, n_words)) return flaw;
      if (auto flaw = Push(tree.left[node])) return flaw;
      if (auto flaw = Push(tree.right[node])) return flaw;
    }
    std::sort(tree.sets.begin(), tree.sets.end(),
              [](const CategorySet& a, const CategorySet& b) { return a.node < b.node; });
    return {};
  }

 private:
  // What has become of a node. One that is reached twice is refused when the tree is added; but
  // one that is part of a chain is no longer there to be reached.
  enum : std::uint8_t { kNew, kReached, kChained };

  Flaw Push(std::int32_t node) {
    std::uint8_t& state = state_[static_cast<std::size_t>(node)];
    if (state == kChained) {
      return text::Invalid({ensemble_.name(), ": node ", first_ + static_cast<std::size_t>(node),
                            " is reached twice"});
    }
    if (state == kNew) stack_.push_back(static_cast<std::uint32_t>(node));
    state = kReached;
    return {};
  }

  std::size_t ColumnOf(std::size_t i) const { return map_.features[ensemble_.feature[i]].column; }

  std::int32_t ChildOf(const std::vector<std::int32_t>& children, std::size_t i) const {
    return children[i] - static_cast<std::int32_t>(first_);
  }

  template <class Use>
  void ForEachValue(std::size_t i, Use use) const {
    if (ensemble_.mode[i] != Mode::kMember) return use(ensemble_.value[i]);
    for (std::size_t m = ensemble_.member_begin[i]; m < ensemble_.member_begin[i + 1]; ++m) {
      use(ensemble_.member[m]);
    }
  }

  Flaw WriteNode(std::uint32_t node, SourceTree& tree, std::size_t& n_words) {
    const std::size_t i = first_ + node;
    tree.feature[node] = ensemble_.feature[i];
    if (IsCategorical(ensemble_.mode[i])) return WriteSet(node, tree, n_words);
    WriteThreshold(node, tree);
    return {};
  }

  void SetChildren(std::uint32_t node, std::int32_t left, std::int32_t right, bool nan_left,
                   SourceTree& tree) const {
    tree.left[node] = left;
    tree.right[node] = right;
    tree.flags[node] = nan_left ? node_flags::kDefaultLeft : 0;
  }

  /// x <= t, x < t and their negations as x <= threshold. NaN compares false, unless the node
  /// lets it take the true branch. Source: onnxruntime, TreeEnsembleCommon::ProcessTreeNodeLeave.
  void WriteThreshold(std::uint32_t node, SourceTree& tree) const {
    const std::size_t i = first_ + node;
    const Mode mode = ensemble_.mode[i];
    const double value = ensemble_.value[i];
    const bool nan_is_true = ensemble_.nan_is_true[i] != 0;
    const std::int32_t if_true = ChildOf(ensemble_.if_true, i);
    const std::int32_t if_false = ChildOf(ensemble_.if_false, i);
    const bool is_strict = mode == Mode::kLt || mode == Mode::kGte;
    bool is_below = mode == Mode::kLeq || mode == Mode::kLt;  // the true branch is the left one
    tree.threshold[node] = value;
    if (is_strict && value == -std::numeric_limits<double>::infinity()) {
      // Nothing is below -infinity: all numbers are on one side, so let that be the left one.
      tree.threshold[node] = std::numeric_limits<double>::infinity();
      is_below = !is_below;
    } else if (is_strict) {
      tree.threshold[node] = ensemble_.width == Precision::kFloat32
                                 ? static_cast<double>(BelowFloat(static_cast<float>(value)))
                                 : BelowDouble(value);
    }
    if (is_below) return SetChildren(node, if_true, if_false, nan_is_true, tree);
    SetChildren(node, if_false, if_true, !nan_is_true, tree);
  }

  /// x == v, x != v and x in a set. LightGBM's converter writes a set as a chain of == on one
  /// feature that share their true branch; the chain becomes one node.
  Flaw WriteSet(std::uint32_t node, SourceTree& tree, std::size_t& n_words) {
    const std::size_t i = first_ + node;
    const std::size_t column = ColumnOf(i);
    CategorySet set;
    set.node = node;
    const auto add = [&](double value) {
      const std::uint32_t code = tables_.CodeOf(column, value);
      const std::size_t word = code / 32;
      if (set.words.size() <= word && n_words <= kSetWordsMax) {
        n_words += word + 1 - set.words.size();
        if (n_words <= kSetWordsMax) set.words.resize(word + 1);
      }
      if (word < set.words.size()) set.words[word] |= std::uint32_t{1} << (code % 32);
    };
    ForEachValue(i, add);
    const bool is_not = ensemble_.mode[i] == Mode::kNeq;
    // NaN != v is true.
    const bool nan_is_true = is_not || ensemble_.nan_is_true[i] != 0;
    std::int32_t if_false = -1;
    if (auto flaw = FollowChain(i, add, if_false)) return flaw;
    if (n_words > kSetWordsMax) {
      return text::TooLarge({ensemble_.name(), " asks for more sets of values than fit into ",
                             kSetWordsMax * 4, " bytes"});
    }
    SetChildren(node, ChildOf(ensemble_.if_true, i), if_false, nan_is_true, tree);
    tree.flags[node] |= node_flags::kCategorical;
    if (is_not) tree.flags[node] |= node_flags::kListedRight;
    tree.sets.push_back(std::move(set));
    return {};
  }

  template <class Add>
  Flaw FollowChain(std::size_t i, Add add, std::int32_t& next) {
    next = ChildOf(ensemble_.if_false, i);
    while (ensemble_.mode[i] == Mode::kEq) {
      const std::size_t j = first_ + static_cast<std::size_t>(next);
      const bool is_same = ensemble_.mode[j] == Mode::kEq &&
                           ensemble_.feature[j] == ensemble_.feature[i] &&
                           ensemble_.if_true[j] == ensemble_.if_true[i] &&
                           state_[static_cast<std::size_t>(next)] == kNew;
      if (!is_same) break;
      if (ensemble_.nan_is_true[j] > ensemble_.nan_is_true[i]) {
        return Unsupported({ensemble_.name(), ": nodes ", i, " and ", j,
                            " ask for one set of values and send missing ones different ways, ",
                            "on which versions of onnxruntime differ"});
      }
      state_[static_cast<std::size_t>(next)] = kChained;
      add(ensemble_.value[j]);
      next = ChildOf(ensemble_.if_false, j);
    }
    return {};
  }

  void WriteLeaf(std::uint32_t node, SourceTree& tree) const {
    double* row = tree.leaf_value.data() + node * layout_.leaf_width;
    const std::size_t i = first_ + node;
    const bool is_first_only = layout_.routes.size() == 1;
    for (std::size_t w = ensemble_.weight_begin[i]; w < ensemble_.weight_begin[i + 1]; ++w) {
      const Route& route = layout_.routes[ensemble_.target[w]];
      if (route.column < 0) continue;
      const double weight = route.sign * ensemble_.weight[w];
      const auto column = static_cast<std::size_t>(route.column);
      if (layout_.leaf_width == 1) {
        row[0] += weight;
        tree.output = static_cast<std::uint32_t>(column);
      } else {
        row[column] += weight;
        if (route.is_mirrored) row[column - 1] -= weight;
      }
      if (is_first_only) return;
    }
  }

  const Ensemble& ensemble_;
  const Layout& layout_;
  const InputMap& map_;
  Tables& tables_;
  std::size_t first_ = 0;  // position of the tree's root
  std::vector<std::uint8_t> state_;
  std::vector<std::uint32_t> stack_;
};

Flaw CheckLeafValues(const std::vector<Ensemble>& ensembles, const Layout& layout,
                     std::size_t n_bytes) {
  if (layout.leaf_width == 1) return {};
  const std::size_t most = std::max(kLeafValuesFree, 2 * n_bytes);
  for (const Ensemble& ensemble : ensembles) {
    if (ensemble.n_nodes() <= most / layout.leaf_width) continue;
    return text::TooLarge({ensemble.name(), " has ", ensemble.n_nodes(), " nodes and ",
                           layout.leaf_width, " targets, more values than fit into memory"});
  }
  return {};
}

/// `base` as trees of one leaf.
Status AddBase(const std::vector<double>& base, const Layout& layout, ForestAssembler& assembler) {
  SourceTree tree;
  for (std::size_t k = 0; k < base.size(); k += layout.leaf_width) {
    tree.Reset(1, layout.leaf_width, false);
    const auto begin = base.begin() + static_cast<std::ptrdiff_t>(k);
    tree.leaf_value.assign(begin, begin + static_cast<std::ptrdiff_t>(layout.leaf_width));
    tree.output = static_cast<std::uint32_t>(k);
    const bool is_zero = std::all_of(tree.leaf_value.begin(), tree.leaf_value.end(),
                                     [](double x) { return x == 0; });
    if (is_zero) continue;
    if (auto status = assembler.Add(tree); !status.ok()) return status;
  }
  return Ok{};
}

bool IsIdentity(const InputMap& map) {
  bool is_identity = map.features.size() == map.n_columns && !map.NeedsDouble();
  for (std::size_t f = 0; is_identity && f < map.n_columns; ++f) {
    is_identity = map.features[f].column == f;
  }
  return is_identity;
}

}  // namespace

Coverage CoverageOf(const Ensemble& ensemble) {
  Coverage coverage;
  const std::size_t n = ensemble.n_targets;
  coverage.always.assign(n, 0);
  coverage.ever.assign(n, 0);
  std::vector<std::uint32_t> hits(n, 0);       // leaves of the tree with a weight of the target
  std::vector<std::uint32_t> last_leaf(n, 0);  // 1 + the last leaf that was counted
  std::vector<std::size_t> full(n, 0);         // trees that have it in every leaf
  std::vector<std::uint32_t> touched;
  for (std::size_t t = 0; t < ensemble.n_trees(); ++t) {
    std::uint32_t n_leaves = 0;
    touched.clear();
    for (std::uint32_t i = ensemble.tree_begin[t]; i < ensemble.tree_begin[t + 1]; ++i) {
      if (ensemble.mode[i] != Mode::kLeaf) continue;
      ++n_leaves;
      for (std::size_t w = ensemble.weight_begin[i]; w < ensemble.weight_begin[i + 1]; ++w) {
        const std::uint32_t target = ensemble.target[w];
        if (last_leaf[target] == i + 1) continue;
        last_leaf[target] = i + 1;
        if (hits[target]++ == 0) touched.push_back(target);
      }
    }
    coverage.is_scalar = coverage.is_scalar && touched.size() <= 1;
    for (const std::uint32_t target : touched) {
      coverage.ever[target] = 1;
      full[target] += hits[target] == n_leaves ? 1 : 0;
      hits[target] = 0;
    }
  }
  coverage.everywhere.assign(n, 0);
  for (std::size_t k = 0; k < n; ++k) {
    coverage.always[k] = full[k] > 0 ? 1 : 0;
    coverage.everywhere[k] = full[k] == ensemble.n_trees() ? 1 : 0;
  }
  return coverage;
}

double WeightOf(const Ensemble& ensemble, std::size_t i, std::uint32_t target) {
  double sum = 0;
  for (std::size_t w = ensemble.weight_begin[i]; w < ensemble.weight_begin[i + 1]; ++w) {
    if (ensemble.target[w] != target) continue;
    if (ensemble.n_targets == 1) return ensemble.weight[w];
    sum += ensemble.weight[w];
  }
  return sum;
}

Result<ForestParts> AssembleTrees(const std::vector<Ensemble>& ensembles, const Layout& layout,
                                  const InputMap& map, std::size_t n_bytes,
                                  const std::vector<double>& base) {
  if (auto flaw = CheckLeafValues(ensembles, layout, n_bytes)) return *flaw;
  ForestAssembler::Shape shape;
  shape.n_features = map.features.size();
  shape.n_outputs = layout.n_columns;
  shape.leaf_width = layout.leaf_width;
  shape.threshold = map.input;
  shape.leaf = Precision::kFloat32;
  for (const Ensemble& ensemble : ensembles) {
    if (ensemble.width == Precision::kFloat64) shape.leaf = Precision::kFloat64;
  }
  ForestAssembler assembler(shape);
  if (!IsIdentity(map)) assembler.SetInputMap(map);
  Tables tables;
  std::vector<Writer> writers;
  for (const Ensemble& ensemble : ensembles) {
    writers.emplace_back(ensemble, layout, map, tables);
    writers.back().CollectValues();
  }
  tables.Sort();
  SourceTree tree;
  std::size_t n_words = 0;
  for (std::size_t e = 0; e < ensembles.size(); ++e) {
    for (std::size_t t = 0; t < ensembles[e].n_trees(); ++t) {
      if (auto flaw = writers[e].Write(t, tree, n_words)) return *flaw;
      if (auto status = assembler.Add(tree); !status.ok()) return status.error();
    }
  }
  if (layout.is_sum) {
    if (auto status = AddBase(base, layout, assembler); !status.ok()) return status.error();
  }
  ForestParts parts = assembler.Take(layout.is_sum ? std::vector<double>(base.size(), 0) : base);
  if (!tables.empty()) tables.MoveTo(parts, map.n_columns);
  return parts;
}

}  // namespace copse::importer::onnx
