#include "copse/forest.h"

#include <algorithm>
#include <cassert>
#include <limits>

#include "walk.h"

// The plain walk: what every faster layout is tested against. Each number is compared as a double,
// which changes no comparison of floats, and each addition is rounded to `accumulate`.
namespace copse {
namespace {

// LightGBM's kZeroThreshold: a float constant, compared with doubles.
constexpr double kAlmostZero = 1e-35f;
// No set reaches so far: limits::kCategoryWordsMax words hold 2^31 categories.
constexpr double kCodeEnd = 0x1p31;
constexpr std::uint32_t kNoCode = walk::kNoCategory;

// One row as the model reads it: a float32 model rounds every number first.
template <class Number>
class Row {
 public:
  Row(const Number* cells, Precision input)
      : cells_(cells), to_float_(input == Precision::kFloat32) {}

  double operator[](std::size_t feature) const {
    return to_float_ ? static_cast<float>(cells_[feature]) : cells_[feature];
  }

 private:
  const Number* cells_;
  bool to_float_;
};

// Words [begin[set], begin[set + 1]) of a bit set hold a category in each bit.
bool Contains(const std::vector<std::uint32_t>& begin, const std::vector<std::uint32_t>& words,
              std::size_t set, std::uint32_t code) {
  const std::size_t word = code / 32;
  if (word >= begin[set + 1] - begin[set]) return false;
  return ((words[begin[set] + word] >> (code % 32)) & 1) != 0;
}

// The category that `x` is of its feature, or kNoCode.
std::uint32_t CodeOf(const ForestParts& parts, CategoryCast cast, std::size_t feature, double x) {
  if (cast == CategoryCast::kTable) {
    const auto begin = parts.category_value.begin() + parts.category_begin[feature];
    const auto end = parts.category_value.begin() + parts.category_begin[feature + 1];
    const auto found = std::lower_bound(begin, end, x);
    return found != end && *found == x ? static_cast<std::uint32_t>(found - begin) : kNoCode;
  }
  const bool high_enough = cast == CategoryCast::kTruncate ? x > -1 : x >= 0;
  return high_enough && x < kCodeEnd ? static_cast<std::uint32_t>(x) : kNoCode;
}

// The way of category `x`, which is not missing: listed categories go one way, others the other,
// and those that training never saw, where the file knows them, the way of missing values. Inlined,
// it would make numeric splits, which are most, slower by a twentieth.
[[gnu::noinline]] bool CategoryGoesLeft(const ForestParts& parts, CategoryCast cast,
                                        std::size_t node, double x) {
  const auto found = std::lower_bound(parts.cat_node.begin(), parts.cat_node.end(), node);
  const auto set = static_cast<std::size_t>(found - parts.cat_node.begin());
  const std::uint8_t flags = parts.flags[node];
  const bool listed_left = (flags & node_flags::kListedRight) == 0;
  const std::uint32_t code = CodeOf(parts, cast, parts.feature[node], x);
  const bool is_code = code != kNoCode;
  if (is_code && Contains(parts.cat_begin, parts.cat_words, set, code)) return listed_left;
  const bool unknown = !parts.known_begin.empty() &&
                       !(is_code && Contains(parts.known_begin, parts.known_words, set, code));
  return unknown ? (flags & node_flags::kDefaultLeft) != 0 : !listed_left;
}

bool IsMissing(std::uint8_t flags, double x) {
  switch (flags & node_flags::kMissingRule) {
    case node_flags::kNanIsZero:
      return false;
    case node_flags::kMissingZero:
      return x != x || (x >= -kAlmostZero && x <= kAlmostZero);
    default:
      return x != x;
  }
}

bool GoesLeft(const ForestParts& parts, CategoryCast cast, std::size_t node, double x,
              double threshold) {
  const std::uint8_t flags = parts.flags[node];
  if (IsMissing(flags, x)) return (flags & node_flags::kDefaultLeft) != 0;
  if (x != x) x = 0;  // only kNanIsZero gets here with a NaN
  if ((flags & node_flags::kCategorical) == 0) return x <= threshold;
  return CategoryGoesLeft(parts, cast, node, x);
}

// Calls `use` with the pointer to thresholds of the width that the file has.
template <class Use>
void WithThresholds(const ForestParts& parts, Use use) {
  if (const auto* floats = std::get_if<std::vector<float>>(&parts.threshold)) {
    use(floats->data());
  } else {
    use(std::get_if<std::vector<double>>(&parts.threshold)->data());
  }
}

template <class Threshold, class Number>
std::uint32_t FindLeaf(const Forest& forest, const Threshold* thresholds, std::size_t tree,
                       const Row<Number>& row) {
  const ForestParts& parts = forest.parts();
  const CategoryCast cast = forest.rules().category_cast;
  std::int32_t at = parts.tree_root[tree];
  while (at >= 0) {
    const auto node = static_cast<std::size_t>(at);
    const bool left = GoesLeft(parts, cast, node, row[parts.feature[node]], thresholds[node]);
    at = left ? parts.left[node] : parts.right[node];
  }
  return ~static_cast<std::uint32_t>(at);
}

std::size_t LeafRow(const ForestParts& parts, std::size_t leaf) {
  return parts.leaf_row.empty() ? leaf : parts.leaf_row[leaf];
}

// constant + sum of coefficient * x, in order; the plain value where any x is NaN (LightGBM's
// linear trees).
template <class Number>
double LinearLeaf(const ForestParts& parts, std::size_t leaf_row, const Row<Number>& row) {
  double value = parts.linear_const[leaf_row];
  for (std::size_t i = parts.linear_begin[leaf_row]; i < parts.linear_begin[leaf_row + 1]; ++i) {
    const double x = row[parts.linear_feature[i]];
    if (x != x) return At(parts.leaf_value, leaf_row);
    value += parts.linear_coef[i] * x;
  }
  return value;
}

// The running sum of one output. It lives in a double, but is rounded as `accumulate` says after
// every operation.
double Rounded(double x, Precision precision) {
  return precision == Precision::kFloat32 ? static_cast<float>(x) : x;
}

double Plus(double sum, double value, Precision precision) {
  if (precision == Precision::kFloat64) return sum + value;
  return static_cast<float>(sum) + static_cast<float>(value);
}

// The smaller or larger of the best so far, which is NaN before there is one, and `value`.
[[gnu::noinline]] double Better(double best, double value, const Forest::Rules& rules) {
  const double x = Rounded(value, rules.accumulate);
  const bool is_better = rules.aggregation == Aggregation::kMin ? x < best : x > best;
  return is_better || best != best ? x : best;
}

double Over(double sum, double count, Precision precision) {
  if (precision == Precision::kFloat64) return sum / count;
  return static_cast<float>(sum) / static_cast<float>(count);
}

template <class Number>
void AddLeaf(const Forest& forest, std::size_t tree, std::size_t leaf, const Row<Number>& row,
             std::span<double> sums) {
  const ForestParts& parts = forest.parts();
  const Forest::Rules rules = forest.rules();
  const bool adds = rules.aggregation <= Aggregation::kMean;
  const std::size_t leaf_row = LeafRow(parts, leaf);
  if (parts.leaf_width > 1) {
    const std::size_t first = leaf_row * parts.leaf_width;
    for (std::size_t k = 0; k < sums.size(); ++k) {
      const double value = At(parts.leaf_value, first + k);
      sums[k] = adds ? Plus(sums[k], value, rules.accumulate) : Better(sums[k], value, rules);
    }
    return;
  }
  double& sum = sums[parts.tree_output.empty() ? 0 : parts.tree_output[tree]];
  const double value = parts.linear_begin.empty() ? At(parts.leaf_value, leaf_row)
                                                  : LinearLeaf(parts, leaf_row, row);
  sum = adds ? Plus(sum, value, rules.accumulate) : Better(sum, value, rules);
}

// What the sums start from: the base, or nothing where it is added afterwards.
void Start(const Forest& forest, std::span<double> sums) {
  if (forest.rules().aggregation != Aggregation::kSum) {
    const bool mean = forest.rules().aggregation == Aggregation::kMean;
    std::fill(sums.begin(), sums.end(), mean ? 0 : std::numeric_limits<double>::quiet_NaN());
    return;
  }
  for (std::size_t k = 0; k < sums.size(); ++k) {
    sums[k] = Rounded(At(forest.parts().base, k), forest.rules().accumulate);
  }
}

void Finish(const Forest& forest, std::span<const double> trees_per_output,
            std::span<double> sums) {
  const Precision precision = forest.rules().accumulate;
  const Aggregation aggregation = forest.rules().aggregation;
  for (std::size_t k = 0; k < sums.size(); ++k) {
    if (aggregation != Aggregation::kSum) {
      const bool mean = aggregation == Aggregation::kMean;
      const double value = mean ? Over(sums[k], trees_per_output[k], precision) : sums[k];
      sums[k] = Plus(At(forest.parts().base, k), value, precision);
    }
    // What sign a computed NaN has depends on the processor; ours has none.
    if (sums[k] != sums[k]) sums[k] = std::numeric_limits<double>::quiet_NaN();
  }
}

template <class Number>
void Margins(const Forest& forest, std::span<const double> trees_per_output,
             std::span<const Number> rows, std::span<double> margins) {
  const std::size_t n_outputs = forest.n_outputs();
  WithThresholds(forest.parts(), [&](const auto* thresholds) {
    for (std::size_t i = 0; i * n_outputs < margins.size(); ++i) {
      const Row<Number> row(rows.data() + i * forest.n_features(), forest.rules().input);
      const std::span<double> sums = margins.subspan(i * n_outputs, n_outputs);
      Start(forest, sums);
      for (std::size_t tree = 0; tree < forest.n_trees(); ++tree) {
        AddLeaf(forest, tree, FindLeaf(forest, thresholds, tree, row), row, sums);
      }
      Finish(forest, trees_per_output, sums);
    }
  });
}

}  // namespace

namespace walk {

bool GoesLeft(const Forest& forest, std::size_t node, double x) {
  return copse::GoesLeft(forest.parts(), forest.rules().category_cast, node, x,
                         At(forest.parts().threshold, node));
}

bool IsMissing(const Forest& forest, std::size_t node, double x) {
  return copse::IsMissing(forest.parts().flags[node], x);
}

std::uint32_t CategoryCode(const Forest& forest, std::size_t feature, double x) {
  return CodeOf(forest.parts(), forest.rules().category_cast, feature, x);
}

void AddLeaf(const Forest& forest, std::size_t tree, std::size_t leaf, const double* row,
             std::span<double> sums) {
  copse::AddLeaf(forest, tree, leaf, Row<double>(row, forest.rules().input), sums);
}

void AddLeaf(const Forest& forest, std::size_t tree, std::size_t leaf, const float* row,
             std::span<double> sums) {
  copse::AddLeaf(forest, tree, leaf, Row<float>(row, forest.rules().input), sums);
}

void Start(const Forest& forest, std::span<double> sums) { copse::Start(forest, sums); }

void Finish(const Forest& forest, std::span<const double> trees_per_output,
            std::span<double> sums) {
  copse::Finish(forest, trees_per_output, sums);
}

}  // namespace walk

std::size_t Count(const Reals& reals) {
  const auto* floats = std::get_if<std::vector<float>>(&reals);
  return floats ? floats->size() : std::get_if<std::vector<double>>(&reals)->size();
}

double At(const Reals& reals, std::size_t i) {
  const auto* floats = std::get_if<std::vector<float>>(&reals);
  return floats ? (*floats)[i] : (*std::get_if<std::vector<double>>(&reals))[i];
}

std::size_t Forest::bytes() const {
  std::size_t sum = 0;
  const auto add = [&](const auto&... vectors) {
    ((sum += vectors.size() * sizeof(vectors[0])), ...);
  };
  const ForestParts& p = parts_;
  add(p.tree_begin, p.tree_root, p.tree_output, p.left, p.right, p.feature, p.flags, p.leaf_row,
      p.cat_node, p.cat_begin, p.cat_words, p.known_begin, p.known_words, p.category_begin,
      p.category_value, p.linear_begin, p.linear_feature, p.linear_coef, p.linear_const, p.leaf_id,
      p.feature_gain);
  for (const Reals* reals : {&p.threshold, &p.leaf_value, &p.base, &p.node_cover, &p.leaf_cover}) {
    std::visit(add, *reals);
  }
  return sum;
}

void Forest::PredictMargins(std::span<const double> rows, std::span<double> margins) const {
  assert(rows.size() * n_outputs() == margins.size() * n_features());
  Margins(*this, trees_per_output_, rows, margins);
}

void Forest::PredictMargins(std::span<const float> rows, std::span<double> margins) const {
  assert(rows.size() * n_outputs() == margins.size() * n_features());
  Margins(*this, trees_per_output_, rows, margins);
}

void Forest::FindLeaves(std::span<const double> rows, std::span<std::uint32_t> leaves) const {
  assert(rows.size() * n_trees() == leaves.size() * n_features());
  WithThresholds(parts_, [&](const auto* thresholds) {
    for (std::size_t i = 0; i * n_trees() < leaves.size(); ++i) {
      const Row<double> row(rows.data() + i * n_features(), rules_.input);
      for (std::size_t tree = 0; tree < n_trees(); ++tree) {
        const std::uint32_t leaf = FindLeaf(*this, thresholds, tree, row);
        leaves[i * n_trees() + tree] = parts_.leaf_id.empty() ? leaf : parts_.leaf_id[leaf];
      }
    }
  });
}

}  // namespace copse
