#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "copse/plan.h"
#include "layouts.h"
#include "plan/layout.h"
#include "random_forest.h"
#include "walk.h"

/// One layout by itself, so that no other answers in its place, against the plain walk.
namespace copse::test {

/// MakeBitWalk or MakeLeafMatch.
using MakeLayout = std::unique_ptr<plan::Layout> (*)(const Forest&, plan::TreeRange, plan::Columns);

inline std::unique_ptr<plan::Layout> Made(MakeLayout make, const Forest& forest,
                                          plan::TreeRange trees) {
  auto columns = plan::Columns::Compile(forest, trees, std::size_t{1} << 24);
  return columns ? make(forest, trees, std::move(*columns)) : nullptr;
}

inline plan::RowBlock BlockOf(const double* rows, std::size_t n_features, std::size_t n) {
  return {nullptr, rows, n_features, n};
}
inline plan::RowBlock BlockOf(const float* rows, std::size_t n_features, std::size_t n) {
  return {rows, nullptr, n_features, n};
}

/// Margins of rows [first, first + n) in one call of each layout; a number behind them has to stay.
template <class Number>
std::vector<double> Margins(const Forest& forest,
                            const std::vector<std::unique_ptr<plan::Layout>>& layouts,
                            const std::vector<Number>& rows, std::size_t first, std::size_t n) {
  constexpr double kBehind = 12345;
  const std::size_t n_outputs = forest.n_outputs();
  std::vector<double> sums(n * n_outputs + 1, kBehind);
  const auto of_row = [&](std::size_t r) {
    return std::span(sums).subspan(r * n_outputs, n_outputs);
  };
  for (std::size_t r = 0; r < n; ++r) walk::Start(forest, of_row(r));
  for (const auto& layout : layouts) {
    layout->AddTrees(BlockOf(rows.data() + first * forest.n_features(), forest.n_features(), n),
                     sums.data());
  }
  for (std::size_t r = 0; r < n; ++r) walk::Finish(forest, forest.trees_per_output(), of_row(r));
  EXPECT_EQ(sums.back(), kBehind);
  sums.pop_back();
  return sums;
}

/// Calls of 1 to 40 rows, each from another row on.
template <class Number>
void ExpectSame(const Forest& forest, const std::vector<std::unique_ptr<plan::Layout>>& layouts,
                const std::vector<Number>& rows) {
  const std::vector<double> expected = WalkPlainly(forest, rows);
  const std::size_t n_rows = rows.size() / forest.n_features(), n_outputs = forest.n_outputs();
  for (const std::size_t n : {1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 31, 40}) {
    const std::size_t first = 5 * n % (n_rows - n + 1);
    const auto margins = Margins(forest, layouts, rows, first, n);
    const auto right = std::span(expected).subspan(first * n_outputs, n * n_outputs);
    const std::size_t at = FirstDifference(margins, right);
    ASSERT_EQ(at, margins.size()) << "call of " << n << ", row " << at / n_outputs << ": "
                                  << Exactly(margins[at]) << ", not " << Exactly(right[at]);
  }
}

/// What `make` makes of ranges of `forest` that end before `ends`, on every instruction set.
inline void ExpectSame(MakeLayout make, const Forest& forest, const std::vector<double>& rows,
                       const std::vector<std::size_t>& ends) {
  const auto targets = Plan::Targets();
  for (const std::string_view target : targets) {
    Plan::LimitTarget(target);
    SCOPED_TRACE(std::string(target));
    std::vector<std::unique_ptr<plan::Layout>> layouts;
    std::size_t begin = 0;
    for (const std::size_t end : ends) {
      layouts.push_back(Made(make, forest, {begin, end}));
      ASSERT_NE(layouts.back(), nullptr);
      EXPECT_GT(layouts.back()->bytes(), 0u);
      begin = end;
    }
    ExpectSame(forest, layouts, rows);
    ExpectSame(forest, layouts, Narrowed(rows));
  }
  Plan::LimitTarget(targets.front());
}

inline constexpr std::size_t kRows = 50;

inline void ExpectSame(MakeLayout make, const ForestSpec& spec, std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  Dice dice(seed);
  const Forest forest = MakeForest(spec, dice);
  ExpectSame(make, forest, MakeRows(forest, kRows, dice), {forest.n_trees()});
}

/// A few trees of `n_nodes` nodes, if `depth` lets them.
inline ForestSpec OfSize(std::size_t n_nodes, std::size_t depth, Growth growth) {
  ForestSpec spec;
  spec.n_trees = 11;
  spec.nodes_max = n_nodes;
  spec.depth_max = depth;
  spec.growth = growth;
  spec.full = true;
  spec.missing = MissingMix::kAnything;
  return spec;
}

/// Sums of every kind and a few numbers of outputs, for trees like those of `spec`.
inline void ExpectSumsSame(MakeLayout make, ForestSpec spec) {
  for (const std::size_t n_outputs : {1, 2, 3, 4, 5, 17}) {
    SCOPED_TRACE(std::to_string(n_outputs) + " outputs");
    spec.n_outputs = n_outputs;
    spec.vector_leaves = spec.pure_leaves = false;
    spec.rules = {};
    ExpectSame(make, spec, 1);
    spec.rules = {.aggregation = Aggregation::kMin};
    ExpectSame(make, spec, 2);
    spec.rules = {.input = Precision::kFloat32, .accumulate = Precision::kFloat32};
    ExpectSame(make, spec, 3);
    spec.linear_leaves = true;
    ExpectSame(make, spec, 4);
    spec.linear_leaves = false;
    spec.rules = {.aggregation = Aggregation::kMean};
    spec.vector_leaves = n_outputs > 1;
    ExpectSame(make, spec, 5);
    spec.pure_leaves = spec.vector_leaves;
    ExpectSame(make, spec, 6);
    spec.rules = {.allow_nonfinite = true};
    ExpectSame(make, spec, 7);
  }
}

/// Rows of 1 to 64 columns and of more, which are looked up group by group; nodes send missing
/// values both ways, and some are categorical.
inline void ExpectColumnsSame(MakeLayout make, ForestSpec spec) {
  spec.n_trees = 40;
  for (const std::size_t n_features : {1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65, 200, 1100}) {
    SCOPED_TRACE(std::to_string(n_features) + " features");
    spec.n_features = n_features;
    spec.n_thresholds = 3;
    for (const MissingMix missing : {MissingMix::kOne, MissingMix::kAnyWay}) {
      spec.missing = missing;
      spec.categorical_percent = missing == MissingMix::kOne ? 0 : 25;
      ExpectSame(make, spec, n_features);
    }
  }
}

/// Numbers of trees around those that are resolved together.
inline void ExpectCountsSame(MakeLayout make, ForestSpec spec) {
  for (const std::size_t n_trees :
       {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 129}) {
    SCOPED_TRACE(std::to_string(n_trees) + " trees");
    spec.n_trees = n_trees;
    ExpectSame(make, spec, n_trees);
  }
  Dice dice(9);
  spec.n_trees = 100;
  const Forest forest = MakeForest(spec, dice);
  ExpectSame(make, forest, MakeRows(forest, kRows, dice), {40, 73, 74, 100});
}

/// Ranks up to 255 fit a byte.
inline void ExpectRanksFit(MakeLayout make, ForestSpec spec) {
  spec.n_features = 1;
  spec.n_trees = 300;
  spec.all_thresholds = true;
  spec.missing = MissingMix::kAnyWay;
  for (const std::size_t n_thresholds : {255, 256}) {
    spec.n_thresholds = n_thresholds;
    Dice dice(3);
    const Forest forest = MakeForest(spec, dice);
    const auto columns = plan::Columns::Compile(forest, {0, forest.n_trees()}, 0);
    ASSERT_TRUE(columns);
    ASSERT_EQ(columns->rank_max, n_thresholds);
    if (n_thresholds == 256) {
      EXPECT_EQ(Made(make, forest, {0, forest.n_trees()}), nullptr);
    } else {
      ExpectSame(make, forest, MakeRows(forest, kRows, dice), {forest.n_trees()});
    }
  }
}

}  // namespace copse::test
