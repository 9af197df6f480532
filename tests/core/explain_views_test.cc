#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "bits.h"
#include "copse/explain.h"
#include "copse/model_file.h"
#include "covered_forest.h"
#include "random_forest.h"

// Paths, trees to be drawn and importances, held against the plain walk.
namespace copse {
namespace {

using Doubles = std::vector<double>;
using test::Dice;
using test::ForestSpec;

// The sum of what all trees of a forest that adds or averages say, in file order.
Doubles SumOfPaths(const Forest& forest, std::span<const double> row) {
  const ForestParts& parts = forest.parts();
  Doubles sums(forest.n_outputs());
  for (std::size_t t = 0; t < forest.n_trees(); ++t) {
    const TreePath path = DecisionPath(forest, t, row);
    const std::size_t first = parts.tree_output.empty() ? 0 : parts.tree_output[t];
    EXPECT_EQ(path.values.size(), parts.leaf_width);
    for (std::size_t k = 0; k < path.values.size(); ++k) sums[first + k] += path.values[k];
  }
  for (std::size_t k = 0; k < sums.size(); ++k) sums[k] += At(parts.base, k);
  return sums;
}

// Each step follows from the one before, by the view's own children, to the leaf of the walk.
void ExpectPathThrough(const Forest& forest, std::size_t t, std::span<const double> row,
                       std::uint32_t leaf) {
  const ForestParts& parts = forest.parts();
  const TreeView view = ViewTree(forest, t);
  const TreePath path = DecisionPath(forest, t, row);
  std::int32_t at = view.left.empty() ? ~0 : 0;
  for (const PathStep& step : path.steps) {
    ASSERT_EQ(static_cast<std::int32_t>(step.node), at);
    ASSERT_EQ(step.feature, view.feature[step.node]);
    at = step.left ? view.left[step.node] : view.right[step.node];
  }
  ASSERT_EQ(at, ~static_cast<std::int32_t>(path.place));
  ASSERT_EQ(parts.leaf_id.empty() ? path.leaf : parts.leaf_id[path.leaf], leaf);
  const std::size_t width = parts.leaf_width;
  const std::size_t first =
      (parts.leaf_row.empty() ? path.leaf : parts.leaf_row[path.leaf]) * width;
  for (std::size_t k = 0; k < width; ++k) {
    ASSERT_EQ(test::Bits(view.leaf_values[path.place * width + k]),
              test::Bits(At(parts.leaf_value, first + k)));
  }
}

TEST(DecisionPath, IsTheWayOfTheWalk) {
  std::size_t n_missing = 0, n_shared = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Dice dice(seed);
    const Forest forest = test::MakeForest(test::RandomSpec(dice), dice);
    const Doubles rows = test::MakeRows(forest, 3, dice);
    std::vector<std::uint32_t> leaves(3 * forest.n_trees());
    forest.FindLeaves(rows, leaves);
    n_shared += forest.n_leaves() < forest.n_nodes() + forest.n_trees();
    for (std::size_t i = 0; i < 3; ++i) {
      const auto row = std::span(rows).subspan(i * forest.n_features(), forest.n_features());
      for (std::size_t t = 0; t < forest.n_trees(); ++t) {
        ExpectPathThrough(forest, t, row, leaves[i * forest.n_trees() + t]);
        for (const PathStep& step : DecisionPath(forest, t, row).steps) n_missing += step.missing;
      }
    }
  }
  EXPECT_GT(n_missing, 50u);
  EXPECT_GT(n_shared, 10u);
}

TEST(DecisionPath, ValuesAddUpToTheMargins) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Dice dice(seed);
    ForestSpec spec = test::RandomSpec(dice);
    spec.linear_leaves = false;
    spec.rules.accumulate = Precision::kFloat64;
    // Every output needs a tree to be averaged.
    const bool can_average = spec.vector_leaves || spec.n_outputs == 1;
    spec.rules.aggregation =
        can_average && dice.Chance(50) ? Aggregation::kMean : Aggregation::kSum;
    const Forest random = test::MakeForest(spec, dice);
    const auto forest = Forest::Create(test::Covered(random, false, dice), spec.rules);
    ASSERT_TRUE(forest.ok()) << forest.error().message;
    const Doubles row = test::MakeRows(*forest, 1, dice);
    Doubles margins(forest->n_outputs());
    forest->PredictMargins(row, margins);
    const Doubles sums = SumOfPaths(*forest, row);
    for (std::size_t k = 0; k < sums.size(); ++k) ASSERT_NEAR(sums[k], margins[k], 1e-11) << k;
  }
}

TEST(ViewTree, HasTheCoversAndTheOutputOfEachTree) {
  for (const bool with_nodes : {false, true}) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
      SCOPED_TRACE("seed " + std::to_string(seed));
      Dice dice(seed);
      ForestSpec spec;
      spec.n_outputs = dice.Between(1, 3);
      const Forest random = test::MakeForest(spec, dice);
      const ForestParts parts = test::Covered(random, with_nodes, dice);
      const auto forest = Forest::Create(parts, spec.rules);
      ASSERT_TRUE(forest.ok()) << forest.error().message;
      for (std::size_t t = 0; t < forest->n_trees(); ++t) {
        const TreeView view = ViewTree(*forest, t);
        const std::size_t begin = parts.tree_begin[t];
        ASSERT_EQ(view.leaf_cover.size(), view.left.size() + 1);
        ASSERT_EQ(view.output.has_value(), !parts.tree_output.empty());
        if (view.output) {
          EXPECT_EQ(*view.output, parts.tree_output[t]);
        }
        const auto below = [&](std::int32_t child) {
          return child >= 0 ? view.cover[static_cast<std::size_t>(child)]
                            : view.leaf_cover[~static_cast<std::uint32_t>(child)];
        };
        for (std::size_t n = 0; n < view.left.size(); ++n) {
          EXPECT_EQ(view.threshold[n], At(parts.threshold, begin + n));
          EXPECT_EQ(view.cover[n], with_nodes ? At(parts.node_cover, begin + n)
                                              : below(view.left[n]) + below(view.right[n]));
        }
      }
    }
  }
}

TEST(ViewTree, ListsTheCategoriesOfItsNodes) {
  std::size_t n_listed = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Dice dice(seed);
    ForestSpec spec;
    spec.categorical_percent = 50;
    const Forest forest = test::MakeForest(spec, dice);
    const ForestParts& parts = forest.parts();
    for (std::size_t t = 0; t < forest.n_trees(); ++t) {
      const TreeView view = ViewTree(forest, t);
      EXPECT_TRUE(view.leaf_cover.empty() && view.cover.empty());
      for (std::size_t n = 0; n < view.listed.size(); ++n) {
        const auto at =
            std::find(parts.cat_node.begin(), parts.cat_node.end(), parts.tree_begin[t] + n);
        if (at == parts.cat_node.end()) {
          EXPECT_TRUE(view.listed[n].empty());
          continue;
        }
        const auto set = static_cast<std::size_t>(at - parts.cat_node.begin());
        const std::uint32_t n_words = parts.cat_begin[set + 1] - parts.cat_begin[set];
        for (std::uint32_t category = 0; category < n_words * 32; ++category) {
          const std::uint32_t word = parts.cat_words[parts.cat_begin[set] + category / 32];
          const bool is_listed = std::find(view.listed[n].begin(), view.listed[n].end(),
                                           category) != view.listed[n].end();
          ASSERT_EQ(is_listed, ((word >> (category % 32)) & 1) != 0);
          n_listed += is_listed;
        }
      }
    }
  }
  EXPECT_GT(n_listed, 100u);
}

TEST(ImportancesOf, AreSumsOverTheTrees) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Dice dice(seed);
    const ForestSpec spec;
    const Forest random = test::MakeForest(spec, dice);
    const Model model =
        test::MakeModel(test::ModelOf(test::Covered(random, false, dice), spec.rules));
    Doubles splits(spec.n_features), cover(spec.n_features);
    for (std::size_t t = 0; t < model.forest()->n_trees(); ++t) {
      const TreeView view = ViewTree(*model.forest(), t);
      for (std::size_t n = 0; n < view.feature.size(); ++n) {
        ++splits[view.feature[n]];
        cover[view.feature[n]] += view.cover[n];
      }
    }
    const Importances found = ImportancesOf(model);
    EXPECT_EQ(found.splits, splits);
    EXPECT_EQ(found.cover, cover);
  }
}

TEST(ImportancesOf, HaveTheGainsOfTheFile) {
  ForestParts parts = test::TwoTrees();
  parts.n_features = 2;
  EXPECT_TRUE(ImportancesOf(test::MakeModel(test::ModelOf(parts, {}))).gain.empty());
  parts.feature_gain = {0, 2.5};
  const Model model = test::MakeModel(test::ModelOf(parts, {}));
  EXPECT_EQ(ImportancesOf(model).gain, (Doubles{0, 2.5}));
  const auto back = ReadModel(WriteModel(model));
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(ImportancesOf(*back).gain, (Doubles{0, 2.5}));
}

TEST(ForestCreate, GainsAreOneAFeatureFiniteAndNotNegative) {
  const auto refusal = [](Doubles gain) {
    ForestParts parts = test::TwoTrees();
    parts.n_features = 2;
    parts.feature_gain = std::move(gain);
    const auto forest = Forest::Create(std::move(parts), {});
    return forest.ok() ? "(accepted)" : forest.error().message;
  };
  EXPECT_EQ(refusal({1, 0}), "(accepted)");
  EXPECT_NE(refusal({1}).find("feature.gain has 1"), std::string::npos) << refusal({1});
  for (const double bad : {-1.0, std::nan(""), HUGE_VAL}) {
    EXPECT_NE(refusal({1, bad}).find("feature.gain[1] is "), std::string::npos) << bad;
  }
}

}  // namespace
}  // namespace copse
