#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "one_layout.h"
#include "plan/chains.h"

/// One layout for trees of any depth: MakeSlot4 or MakeNode8.
namespace copse::test::deep {

/// The ranges of trees that end before each of `ends`, one layout each, in doubles and in floats.
inline void ExpectRangesSame(MakeLayout make, const Forest& forest, const Sizes& ends,
                             std::size_t n_rows, const Sizes& batches, Dice& dice) {
  Layouts layouts;
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    layouts.push_back(Made(make, forest, {begin, end}));
    ASSERT_NE(layouts.back(), nullptr);
    begin = end;
  }
  const std::vector<double> rows = MakeRows(forest, n_rows, dice);
  ExpectSame(forest, layouts, rows, batches);
  ExpectSame(forest, layouts, Narrowed(rows), batches);
}

inline void ExpectSame(MakeLayout make, const ForestSpec& spec, std::uint64_t seed,
                       std::size_t n_rows = 60, const Sizes& batches = {1, 2, 5, 60}) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  Dice dice(seed);
  const Forest forest = MakeForest(spec, dice);
  ExpectRangesSame(make, forest, {forest.n_trees()}, n_rows, batches, dice);
}

/// A few trees of `n_nodes` nodes, if `depth` lets them.
inline ForestSpec OfSize(std::size_t n_nodes, std::size_t depth,
                         Growth growth = Growth::kAnywhere) {
  ForestSpec spec;
  spec.n_trees = 5;
  spec.nodes_max = n_nodes;
  spec.depth_max = depth;
  spec.growth = growth;
  spec.full = true;
  spec.n_thresholds = 40;
  spec.missing = MissingMix::kAnything;
  return spec;
}

/// The same of as many columns as need all bits that a node may have for them.
inline ForestSpec WithManyColumns(ForestSpec spec) {
  spec.n_features = 40;
  spec.missing = MissingMix::kOne;  // a column for each
  return spec;
}

inline Sizes UpTo(std::size_t n) {
  Sizes sizes;
  for (std::size_t i = 1; i <= n; ++i) sizes.push_back(i);
  return sizes;
}

/// Calls of 1 to 40 rows, of about as many as are under way at a time, and of several times that.
inline void ExpectBatchesSame(MakeLayout make) {
  Sizes batches = UpTo(40);
  for (const std::size_t n : {127, 128, 129, 255, 256, 257, 300, 511, 512, 513, 700}) {
    batches.push_back(n);
  }
  ExpectSame(make, OfSize(50, 30), 1, 700, batches);
  ExpectSame(make, OfSize(1500, 60), 2, 700, batches);
  ExpectSame(make, WithManyColumns(OfSize(700, 60)), 3, 700, batches);
}

/// More rows than are ranked and walked at a time.
inline void ExpectManyRowsSame(MakeLayout make, std::size_t n_features, std::size_t n_rows) {
  ForestSpec spec = OfSize(100, 20);
  spec.n_features = n_features;
  spec.n_trees = 3;
  spec.missing = MissingMix::kOne;
  ExpectSame(make, spec, 1, n_rows, {n_rows - 1, n_rows});
}

/// Trees so large that they are walked as what comes from memory, and beside them a few that are
/// not; in one call and, once its first rows have brought the trees, in later blocks of it.
inline void ExpectFarSame(MakeLayout make) {
  for (ForestSpec spec : {OfSize(3000, 60), WithManyColumns(OfSize(3000, 60))}) {
    spec.n_trees = 150;
    Dice dice(1);
    const Forest forest = MakeForest(spec, dice);
    const std::size_t n_far = forest.n_trees() - 15;
    ASSERT_GE(n_far * (2 * spec.nodes_max + 1) * sizeof(std::uint32_t), plan::kFarBytes);
    ExpectRangesSame(make, forest, {15, 15 + n_far}, 300, {1, 2, 16, 256, 257, 300}, dice);
  }
}

/// Each depth from 0 to 60, and trees around the sizes at which pages are cut.
inline void ExpectSizesSame(MakeLayout make) {
  for (std::size_t depth = 0; depth <= 60; ++depth) {
    SCOPED_TRACE("depth " + std::to_string(depth));
    ExpectSame(make, OfSize(depth < 8 ? (std::size_t{1} << depth) - 1 : 200, depth), depth);
  }
  for (const std::size_t n_nodes : {510, 511, 512, 513, 1022, 1023, 1024, 1025, 2047, 5000}) {
    SCOPED_TRACE(std::to_string(n_nodes) + " nodes");
    for (const Growth growth : {Growth::kLevels, Growth::kAnywhere}) {
      const ForestSpec spec = OfSize(n_nodes, 100, growth);
      ExpectSame(make, spec, n_nodes);
      ExpectSame(make, WithManyColumns(spec), n_nodes);
    }
  }
}

/// Every node has one leaf and one node, whichever way: one page, and many.
inline void ExpectChainsSame(MakeLayout make) {
  for (const std::size_t n_nodes : {2, 5, 60, 511, 512, 1023, 1024, 3000}) {
    SCOPED_TRACE(std::to_string(n_nodes) + " nodes");
    const ForestSpec spec = OfSize(n_nodes, n_nodes, Growth::kBranches);
    ExpectSame(make, spec, n_nodes);
    ExpectSame(make, WithManyColumns(spec), n_nodes);
  }
}

/// Sums of every kind and numbers of outputs around those that a leaf can name by itself.
inline void ExpectSumsSame(MakeLayout make) {
  for (const std::size_t n_outputs : {1, 2, 3, 10, 30, 31, 32, 62, 63, 64, 65, 100}) {
    SCOPED_TRACE(std::to_string(n_outputs) + " outputs");
    ForestSpec spec = OfSize(40, 20);
    spec.n_trees = 2 * n_outputs + 3;
    std::uint64_t seed = 0;
    for (const ForestSpec& each : EverySum(spec, n_outputs)) {
      ExpectSame(make, each, ++seed);
      ExpectSame(make, WithManyColumns(each), seed);
    }
  }
}

/// These numbers of features; the nodes of one may send missing values both ways, and some
/// are categorical: more columns than features.
inline void ExpectColumnsSame(MakeLayout make, const Sizes& numbers, MissingMix missing,
                              std::size_t categorical_percent) {
  for (const std::size_t n_features : numbers) {
    SCOPED_TRACE(std::to_string(n_features) + " features");
    ForestSpec spec = OfSize(60, 20);
    spec.n_features = n_features;
    spec.n_thresholds = 3;
    spec.n_trees = 9;
    spec.missing = missing;
    spec.categorical_percent = categorical_percent;
    spec.known_categories = categorical_percent > 0;
    ExpectSame(make, spec, n_features, 260, {1, 3, 40, 260});
  }
}

/// Numbers of trees around those under way at a time, and ranges of them.
inline void ExpectCountsSame(MakeLayout make) {
  ForestSpec spec = OfSize(20, 10);
  for (const std::size_t n_trees : {1, 2, 7, 8, 9, 100, 255, 256, 257, 600}) {
    SCOPED_TRACE(std::to_string(n_trees) + " trees");
    spec.n_trees = n_trees;
    ExpectSame(make, spec, n_trees, 20, {1, 2, 20});
  }
  Dice dice(9);
  spec.n_trees = 100;
  spec.n_outputs = 3;
  const Forest forest = MakeForest(spec, dice);
  ExpectRangesSame(make, forest, {40, 73, 73, 74, 100}, 60, {1, 60}, dice);
}

/// Trees of one leaf, of one page and of several in one forest.
inline void ExpectMixturesSame(MakeLayout make) {
  ForestSpec spec = OfSize(3000, 200);
  spec.full = false;
  spec.n_trees = 30;
  ExpectSame(make, spec, 1, 300, {1, 2, 16, 300});
  spec.depth_max = 0;
  ExpectSame(make, spec, 2);
}

/// No rows are no work, and no trees add nothing.
inline void ExpectNothingDone(MakeLayout make) {
  Dice dice(1);
  const Forest forest = MakeForest(OfSize(20, 10), dice);
  const std::vector<double> rows = MakeRows(forest, 3, dice);
  const auto layout = Made(make, forest, {0, forest.n_trees()});
  const auto empty = Made(make, forest, {2, 2});
  ASSERT_NE(layout, nullptr);
  ASSERT_NE(empty, nullptr);
  std::vector<double> sums(3, 7.5);
  layout->AddTrees(BlockOf(std::span(rows).first(0), forest.n_features()), sums.data());
  for (const std::size_t n : {1, 3}) {
    empty->AddTrees(BlockOf(std::span(rows).first(n * forest.n_features()), forest.n_features()),
                    sums.data());
  }
  EXPECT_EQ(sums, std::vector<double>(3, 7.5));
}

}  // namespace copse::test::deep
