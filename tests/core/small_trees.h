#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "one_layout.h"
#include "targets.h"

/// One layout for small trees: MakeBitWalk or MakeLeafMatch.
namespace copse::test {

/// Calls of 1 to 40 rows.
inline const Sizes& FewRows() {
  static const Sizes sizes = {1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 31, 40};
  return sizes;
}

/// What `make` makes of ranges of `forest` that end before `ends`, on every instruction set.
inline void ExpectSame(MakeLayout make, const Forest& forest, const std::vector<double>& rows,
                       const std::vector<std::size_t>& ends) {
  OnEachTarget([&](bool /*best*/) {
    Layouts layouts;
    std::size_t begin = 0;
    for (const std::size_t end : ends) {
      layouts.push_back(Made(make, forest, {begin, end}));
      ASSERT_NE(layouts.back(), nullptr);
      EXPECT_GT(layouts.back()->bytes(), 0u);
      begin = end;
    }
    ExpectSame(forest, layouts, rows, FewRows());
    ExpectSame(forest, layouts, Narrowed(rows), FewRows());
  });
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
inline void ExpectSumsSame(MakeLayout make, const ForestSpec& spec) {
  for (const std::size_t n_outputs : {1, 2, 3, 4, 5, 17}) {
    SCOPED_TRACE(std::to_string(n_outputs) + " outputs");
    std::uint64_t seed = 0;
    for (const ForestSpec& each : EverySum(spec, n_outputs)) ExpectSame(make, each, ++seed);
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
