#include "copse/explain.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "answers.h"
#include "covered_forest.h"
#include "random_forest.h"

// Against Shapley's own definition, summed over all sets of features: a few features, small trees.
namespace copse {
namespace {

using Doubles = std::vector<double>;
using test::Dice;
using test::ForestSpec;

// What the trees are expected to say of output k where the features in `known`, a set of bits, are
// known. Slow on purpose: every node is asked again for every set.
class Game {
 public:
  Game(const Forest& forest, const double* row) : parts_(forest.parts()), forest_(forest) {
    row_.assign(row, row + forest.n_features());
    for (std::size_t t = 0; t < forest.n_trees(); ++t) {
      for (std::size_t n = parts_.tree_begin[t]; n < parts_.tree_begin[t + 1]; ++n) {
        left_.push_back(GoesLeft(n));
      }
    }
  }

  double Value(std::size_t k, unsigned known) const {
    double sum = 0;
    for (std::size_t t = 0; t < forest_.n_trees(); ++t) {
      if (!parts_.tree_output.empty() && parts_.tree_output[t] != k) continue;
      sum += Expect(parts_.tree_root[t], parts_.leaf_width > 1 ? k : 0, known);
    }
    if (forest_.rules().aggregation == Aggregation::kMean) sum /= forest_.trees_per_output()[k];
    return sum + At(parts_.base, k);
  }

  // [n_features + 1] of output k: what the expectation changes by along the row's own path.
  Doubles Saabas(std::size_t k) const {
    Doubles parts(forest_.n_features() + 1);
    const std::size_t at = parts_.leaf_width > 1 ? k : 0;
    for (std::size_t t = 0; t < forest_.n_trees(); ++t) {
      if (!parts_.tree_output.empty() && parts_.tree_output[t] != k) continue;
      for (std::int32_t node = parts_.tree_root[t]; node >= 0;) {
        const auto n = static_cast<std::size_t>(node);
        const std::int32_t child = left_[n] ? parts_.left[n] : parts_.right[n];
        parts[parts_.feature[n]] += Expect(child, at, 0) - Expect(node, at, 0);
        node = child;
      }
    }
    if (forest_.rules().aggregation == Aggregation::kMean) {
      for (double& part : parts) part /= forest_.trees_per_output()[k];
    }
    parts.back() = Value(k, 0);
    return parts;
  }

 private:
  // A forest of one node whose leaves say which way the row goes.
  bool GoesLeft(std::size_t node) const {
    ForestParts one;
    one.n_features = parts_.n_features;
    one.tree_begin = {0, 1};
    one.tree_root = {0};
    one.left = {~0};
    one.right = {~1};
    one.feature = {parts_.feature[node]};
    one.threshold = Doubles{At(parts_.threshold, node)};
    one.flags = {parts_.flags[node]};
    one.leaf_value = Doubles{1, 0};
    one.base = Doubles{0};
    one.category_begin = parts_.category_begin;
    one.category_value = parts_.category_value;
    const auto at = std::find(parts_.cat_node.begin(), parts_.cat_node.end(), node);
    if (at != parts_.cat_node.end()) {
      const auto set = static_cast<std::size_t>(at - parts_.cat_node.begin());
      const auto copy = [set](const std::vector<std::uint32_t>& begin,
                              const std::vector<std::uint32_t>& words) {
        return std::vector<std::uint32_t>(words.begin() + begin[set],
                                          words.begin() + begin[set + 1]);
      };
      one.cat_node = {0};
      one.cat_words = copy(parts_.cat_begin, parts_.cat_words);
      one.cat_begin = {0, static_cast<std::uint32_t>(one.cat_words.size())};
      if (!parts_.known_begin.empty()) {
        one.known_words = copy(parts_.known_begin, parts_.known_words);
        one.known_begin = {0, static_cast<std::uint32_t>(one.known_words.size())};
      }
    }
    Forest::Rules rules = forest_.rules();
    rules.aggregation = Aggregation::kSum;
    const auto forest = Forest::Create(one, rules);
    EXPECT_TRUE(forest.ok());
    double margin = 0;
    forest->PredictMargins(row_, {&margin, 1});
    return margin == 1;
  }

  double Cover(std::int32_t child) const {
    if (child < 0) return At(parts_.leaf_cover, ~static_cast<std::uint32_t>(child));
    const auto n = static_cast<std::size_t>(child);
    if (Count(parts_.node_cover) > 0) return At(parts_.node_cover, n);
    return Cover(parts_.left[n]) + Cover(parts_.right[n]);
  }

  double Expect(std::int32_t child, std::size_t k, unsigned known) const {
    if (child < 0) {
      return At(parts_.leaf_value, ~static_cast<std::uint32_t>(child) * parts_.leaf_width + k);
    }
    const auto n = static_cast<std::size_t>(child);
    if (((known >> parts_.feature[n]) & 1) != 0) {
      return Expect(left_[n] ? parts_.left[n] : parts_.right[n], k, known);
    }
    const double left = Cover(parts_.left[n]), right = Cover(parts_.right[n]);
    const double share = left + right > 0 ? left / (left + right) : 0.5;
    return share * Expect(parts_.left[n], k, known) +
           (1 - share) * Expect(parts_.right[n], k, known);
  }

  const ForestParts& parts_;
  const Forest& forest_;
  Doubles row_;
  std::vector<bool> left_;  // [n_nodes]
};

double Factorial(std::size_t n) { return n < 2 ? 1 : static_cast<double>(n) * Factorial(n - 1); }

// [n_features + 1] by definition: the average of what a feature changes, over all orders.
Doubles Shapley(const Game& game, std::size_t n_features, std::size_t k) {
  const unsigned n_sets = 1u << n_features;
  Doubles values(n_sets), parts(n_features + 1);
  for (unsigned set = 0; set < n_sets; ++set) values[set] = game.Value(k, set);
  for (std::size_t f = 0; f < n_features; ++f) {
    for (unsigned set = 0; set < n_sets; ++set) {
      if (((set >> f) & 1) != 0) continue;
      const auto size = static_cast<std::size_t>(__builtin_popcount(set));
      const double weight = Factorial(size) * Factorial(n_features - size - 1);
      parts[f] += weight / Factorial(n_features) * (values[set | (1u << f)] - values[set]);
    }
  }
  parts[n_features] = values[0];
  return parts;
}

Doubles Explain(const Model& model, const Doubles& rows,
                ExplainMethod method = ExplainMethod::kTreeShap) {
  const auto explainer = Explainer::Create(model, method);
  EXPECT_TRUE(explainer.ok()) << explainer.error().message;
  Doubles out(rows.size() / model.n_features() * explainer->columns());
  explainer->Explain(rows, out);
  return out;
}

double Size(std::span<const double> numbers) {
  return std::accumulate(numbers.begin(), numbers.end(), 0.0,
                         [](double sum, double x) { return sum + std::abs(x); });
}

// Contributions and base are the margin.
void ExpectSums(const Model& model, const Doubles& rows, const Doubles& parts) {
  const std::size_t stride = model.n_features() + 1;
  Doubles margins(parts.size() / stride);
  model.PredictMargins(rows, margins);
  for (std::size_t i = 0; i < margins.size(); ++i) {
    const auto of_margin = std::span(parts).subspan(i * stride, stride);
    const double sum = std::accumulate(of_margin.begin(), of_margin.end(), 0.0);
    ASSERT_NEAR(sum, margins[i], 1e-12 * (1 + Size(of_margin))) << "margin " << i;
  }
}

// Few features on long paths, so that they come again and again; every kind of split and sum.
ForestSpec SmallSpec(Dice& dice) {
  ForestSpec spec;
  spec.n_features = dice.Between(1, 6);
  spec.n_trees = dice.Between(1, 5);
  spec.nodes_max = dice.Between(0, 20);
  spec.depth_max = dice.Between(1, 12);
  spec.n_thresholds = 4;
  spec.missing = test::MissingMix::kAnything;
  spec.n_outputs = dice.Between(1, 3);
  spec.vector_leaves = dice.Chance(50);
  spec.categorical_percent = dice.Chance(40) ? 40 : 0;
  spec.known_categories = dice.Chance(50);
  spec.rules.category_cast = static_cast<CategoryCast>(dice.Below(3));
  spec.rules.input = dice.Chance(50) ? Precision::kFloat32 : Precision::kFloat64;
  spec.rules.accumulate = dice.Chance(30) ? Precision::kFloat32 : Precision::kFloat64;
  const bool scalars = !spec.vector_leaves && spec.n_outputs > 1;
  if (scalars) spec.n_trees = std::max(spec.n_trees, spec.n_outputs);
  if (dice.Chance(50)) spec.rules.aggregation = Aggregation::kMean;
  return spec;
}

// What the 400 small forests were like: a test of kinds that never come would prove nothing.
struct Seen {
  int vectors = 0, averages = 0, categories = 0, missing = 0, repeated = 0, zero_covers = 0;

  void Note(const Forest& forest, const ForestSpec& spec, const Doubles& rows) {
    const ForestParts& parts = forest.parts();
    vectors += parts.leaf_width > 1;
    averages += spec.rules.aggregation == Aggregation::kMean;
    categories += !parts.cat_node.empty();
    missing += std::any_of(rows.begin(), rows.end(), [](double x) { return x != x; });
    bool repeats = false;
    for (std::size_t t = 0; t < forest.n_trees() && !repeats; ++t) {
      std::vector<int> tested(spec.n_features);
      for (const PathStep& step :
           DecisionPath(forest, t, std::span(rows).first(spec.n_features)).steps) {
        repeats = repeats || ++tested[step.feature] > 2;
      }
    }
    repeated += repeats;
    for (std::size_t i = 0; i < Count(parts.leaf_cover); ++i) {
      if (At(parts.leaf_cover, i) != 0) continue;
      ++zero_covers;
      break;
    }
  }
};

TEST(Explainer, GivesShapleyValuesOfSmallTrees) {
  Doubles all;
  Seen seen;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Dice dice(seed);
    const ForestSpec spec = SmallSpec(dice);
    const Forest random = test::MakeForest(spec, dice);
    const Model model =
        test::MakeModel(test::ModelOf(test::Covered(random, dice.Chance(30), dice), spec.rules));
    const Doubles rows = test::MakeRows(*model.forest(), 4, dice);
    seen.Note(*model.forest(), spec, rows);
    const Doubles parts = Explain(model, rows);
    const Doubles quick = Explain(model, rows, ExplainMethod::kSaabas);
    ExpectSums(model, rows, parts);
    ExpectSums(model, rows, quick);
    const std::size_t stride = spec.n_features + 1;
    const bool is_float = spec.rules.accumulate == Precision::kFloat32;
    for (std::size_t i = 0; i < 4; ++i) {
      const Game game(*model.forest(), rows.data() + i * spec.n_features);
      for (std::size_t k = 0; k < spec.n_outputs; ++k) {
        const Doubles right = Shapley(game, spec.n_features, k), saabas = game.Saabas(k);
        // Multiples of a quarter add up exactly in float32 as well; their averages do not.
        const double error = is_float ? 1e-5 : 1e-12 * (1 + Size(right) + Size(saabas));
        for (std::size_t f = 0; f < stride; ++f) {
          const std::size_t at = (i * spec.n_outputs + k) * stride + f;
          ASSERT_NEAR(parts[at], right[f], error)
              << "row " << i << ", output " << k << ", feature " << f;
          ASSERT_NEAR(quick[at], saabas[f], error)
              << "Saabas, row " << i << ", output " << k << ", feature " << f;
        }
      }
    }
    all.insert(all.end(), parts.begin(), parts.end());
    all.insert(all.end(), quick.begin(), quick.end());
  }
  for (const int n : {seen.vectors, seen.averages, seen.categories, seen.missing, seen.repeated,
                      seen.zero_covers}) {
    EXPECT_GE(n, 20);
  }
  test::WriteAnswers("explain.small_trees", all);
}

// Deep, with many features on a path: what no definition can be summed for adds up still.
TEST(Explainer, AddsUpAtAnyDepth) {
  Doubles all;
  for (const std::size_t depth : {1, 5, 10, 30, 60, 150, 400}) {
    for (const std::size_t n_features : {1, 3, 9, 40, 300}) {
      SCOPED_TRACE(std::to_string(depth) + " deep, " + std::to_string(n_features) + " features");
      ForestSpec spec;
      spec.n_features = n_features;
      spec.n_trees = 3;
      spec.nodes_max = depth * 3;
      spec.depth_max = depth;
      spec.growth = test::Growth::kBranches;
      spec.full = true;
      Dice dice(depth * 1000 + n_features);
      const Forest random = test::MakeForest(spec, dice);
      const Model model =
          test::MakeModel(test::ModelOf(test::Covered(random, false, dice), spec.rules));
      const Doubles rows = test::MakeRows(*model.forest(), 5, dice);
      for (const auto method : {ExplainMethod::kTreeShap, ExplainMethod::kSaabas}) {
        const Doubles parts = Explain(model, rows, method);
        ExpectSums(model, rows, parts);
        all.insert(all.end(), parts.begin(), parts.end());
      }
    }
  }
  test::WriteAnswers("explain.deep_trees", all);
}

}  // namespace
}  // namespace copse
