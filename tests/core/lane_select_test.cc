// Lane select by itself, so that no other layout answers in its place: forests at its limits,
// batches of every length, every instruction set.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/lane_kernels.h"
#include "one_layout.h"
#include "targets.h"

namespace copse::plan {
namespace {

using test::Dice;
using test::ForestSpec;
using test::Growth;

constexpr std::size_t kTailsMax = 130;
constexpr std::size_t kManyRows = 1500;  // more than a block

std::unique_ptr<Layout> Made(const Forest& forest) {
  return test::Made(MakeLaneSelect, forest, {0, forest.n_trees()});
}

// The forest of `spec`, in doubles and floats, on each target.
void ExpectSame(const ForestSpec& spec, std::uint64_t seed, std::size_t n_rows,
                const std::vector<std::size_t>& batches) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  Dice dice(seed);
  const Forest forest = test::MakeForest(spec, dice);
  const std::vector<double> rows = test::MakeRows(forest, n_rows, dice);
  const std::vector<float> narrow = test::Narrowed(rows);
  test::OnEachTarget([&](bool /*best*/) {
    test::Layouts layouts;
    layouts.push_back(Made(forest));
    ASSERT_NE(layouts[0], nullptr);
    test::ExpectSame(forest, layouts, rows, batches);
    test::ExpectSame(forest, layouts, narrow, batches);
  });
}

ForestSpec OfSize(std::size_t n_nodes, std::size_t depth, Growth growth) {
  ForestSpec spec;
  spec.n_trees = 3;
  spec.nodes_max = n_nodes;
  spec.depth_max = depth;
  spec.growth = growth;
  spec.full = true;
  spec.missing = test::MissingMix::kAnything;
  return spec;
}

// As many thresholds of a feature as need ranks of 16 bits.
ForestSpec Wide(ForestSpec spec) {
  spec.n_features = 1;
  spec.n_trees = 4;
  spec.n_thresholds = 2000;
  spec.all_thresholds = true;
  return spec;
}

std::vector<std::size_t> Tails() {
  std::vector<std::size_t> sizes;
  for (std::size_t n = 1; n <= kTailsMax; ++n) sizes.push_back(n);
  return sizes;
}

TEST(LaneSelect, AnyNumberOfRowsIsRight) {
  for (const bool complete : {false, true}) {
    const Growth growth = complete ? Growth::kLevels : Growth::kAnywhere;
    ExpectSame(OfSize(complete ? 63 : 40, complete ? 6 : 20, growth), 1, 400, Tails());
    ExpectSame(OfSize(63, complete ? 6 : 20, growth), 2, kManyRows,
               {255, 256, 257, 511, 769, 1023, 1024, 1025, kManyRows});
  }
}

TEST(LaneSelect, TreesOfEverySizeAreRight) {
  for (std::size_t n_nodes = 0; n_nodes <= 255; n_nodes += n_nodes < 70 ? 1 : 37) {
    SCOPED_TRACE(n_nodes);
    const auto growth = static_cast<Growth>(n_nodes % 3);
    ExpectSame(OfSize(n_nodes, 255, growth), n_nodes, 150, {1, 70, 150});
  }
}

// A complete tree has a loop of its own, and so have those that almost are.
TEST(LaneSelect, CompleteTreesOfEveryDepthAreRight) {
  for (std::size_t depth = 1; depth <= 8; ++depth) {
    SCOPED_TRACE(depth);
    const std::size_t n_nodes = (std::size_t{1} << depth) - 1;
    ExpectSame(OfSize(n_nodes, depth, Growth::kLevels), depth, 150, {1, 70, 150});
    ExpectSame(OfSize(n_nodes * 9 / 10, depth, Growth::kAnywhere), depth, 150, {1, 70, 150});
  }
}

TEST(LaneSelect, ChainsAreRight) {
  for (const std::size_t n_nodes : {2, 7, 63, 255}) {
    SCOPED_TRACE(n_nodes);
    ExpectSame(OfSize(n_nodes, n_nodes, Growth::kBranches), n_nodes, 200, {1, 33, 200});
  }
}

// A chain of nodes, each a child of the one before, with two leaves on the other side: as many
// results as can wait for one run; or a run for each node, one inside of the other.
Forest ChainOfPairs(std::size_t n_pairs, bool to_the_left) {
  ForestParts parts;
  parts.n_features = 2;
  std::int32_t n_leaves = 0;
  std::vector<double> thresholds, values;
  const auto add = [&](std::int32_t left, std::int32_t right, std::size_t i) {
    parts.left.push_back(left);
    parts.right.push_back(right);
    parts.feature.push_back(static_cast<std::uint32_t>(i % 2));
    thresholds.push_back(static_cast<double>(i % 200) / 8 - 10);
    parts.flags.push_back(0);
  };
  for (std::size_t i = 0; i < n_pairs; ++i) {
    const auto pair = static_cast<std::int32_t>(2 * i + 1);
    const std::int32_t next = i + 1 < n_pairs ? pair + 1 : ~n_leaves++;
    add(to_the_left ? next : pair, to_the_left ? pair : next, i);
    const std::int32_t first = ~n_leaves++, second = ~n_leaves++;
    add(first, second, i + 1);
  }
  parts.tree_begin = {0, static_cast<std::uint32_t>(parts.left.size())};
  parts.tree_root = {0};
  for (std::int32_t i = 0; i < n_leaves; ++i) values.push_back(i);
  parts.threshold = std::move(thresholds);
  parts.leaf_value = std::move(values);
  parts.base = std::vector<double>{0};
  auto forest = Forest::Create(std::move(parts), {});
  EXPECT_TRUE(forest.ok()) << (forest.ok() ? "" : forest.error().message);
  return std::move(forest).value();
}

TEST(LaneSelect, LongestChainsAreRight) {
  for (const bool to_the_left : {true, false}) {
    for (const std::size_t n_pairs : {127, 511}) {
      SCOPED_TRACE(std::to_string(n_pairs) + (to_the_left ? " to the left" : " to the right"));
      const Forest forest = ChainOfPairs(n_pairs, to_the_left);
      Dice dice(n_pairs);
      const std::vector<double> rows = test::MakeRows(forest, 200, dice);
      test::OnEachTarget([&](bool /*best*/) {
        test::Layouts layouts;
        layouts.push_back(Made(forest));
        ASSERT_NE(layouts[0], nullptr);
        test::ExpectSame(forest, layouts, rows, {1, 33, 200});
      });
    }
  }
}

TEST(LaneSelect, RanksOfSixteenBitsAreRight) {
  Dice dice(1);
  const Forest forest = test::MakeForest(Wide(OfSize(400, 1023, Growth::kAnywhere)), dice);
  const auto columns = Columns::Compile(forest, {0, forest.n_trees()}, 0);
  ASSERT_TRUE(columns);
  EXPECT_GT(columns->rank_max, 255u);
  for (const std::size_t n_nodes : {400, 700, 1023}) {
    SCOPED_TRACE(n_nodes);
    ExpectSame(Wide(OfSize(n_nodes, 1023, Growth::kAnywhere)), n_nodes, 300, {1, 2, 31, 64, 300});
  }
  ExpectSame(Wide(OfSize(500, 1023, Growth::kLevels)), 3, 200, Tails());
  // A tree of more leaves than a byte can number, though its ranks are small.
  ExpectSame(OfSize(256, 1023, Growth::kAnywhere), 4, 200, {1, 64, 200});
}

TEST(LaneSelect, SumsOfEveryKindAreRight) {
  const Forest::Rules floats = {.accumulate = Precision::kFloat32};
  for (const bool wide : {false, true}) {
    for (const std::size_t n_outputs : {1, 2, 3, 4, 5, 16, 17}) {
      for (const std::size_t n_nodes : {7, 30, 63, 400}) {
        SCOPED_TRACE(std::to_string(n_outputs) + " outputs, nodes: " + std::to_string(n_nodes));
        ForestSpec spec = OfSize(n_nodes, 40, Growth::kAnywhere);
        if (wide) spec = Wide(spec);
        spec.n_trees = 2 * n_outputs + 3;
        spec.n_outputs = n_outputs;
        spec.nodes_max = n_nodes;
        ExpectSame(spec, 1, 200, {70, 200});
        spec.rules.aggregation = Aggregation::kMax;
        ExpectSame(spec, 2, 200, {70, 200});
        spec.rules = floats;
        ExpectSame(spec, 3, 200, {70, 200});
        spec.rules = {.aggregation = Aggregation::kMean};
        spec.vector_leaves = spec.pure_leaves = n_outputs > 1;
        ExpectSame(spec, 4, 200, {70, 200});
      }
    }
  }
}

// Those whose leaves are added together have tables of different lengths.
TEST(LaneSelect, TreesOfDifferentSizesAreRight) {
  for (const std::size_t n_outputs : {1, 2, 3}) {
    for (const std::size_t n_nodes : {14, 31, 63, 120}) {
      SCOPED_TRACE(std::to_string(n_outputs) + " outputs, nodes: " + std::to_string(n_nodes));
      ForestSpec spec = OfSize(n_nodes, 40, Growth::kAnywhere);
      spec.full = false;
      spec.n_trees = 23;
      spec.n_outputs = n_outputs;
      ExpectSame(spec, 1, 200, {70, 200});
      spec.rules = {.accumulate = Precision::kFloat32};
      ExpectSame(spec, 2, 200, {70, 200});
      spec.rules = {.aggregation = Aggregation::kMean};
      spec.vector_leaves = n_outputs > 1;
      ExpectSame(spec, 3, 200, {70, 200});
    }
  }
}

TEST(LaneSelect, LinearLeavesSeeTheirRow) {
  ForestSpec spec = OfSize(30, 40, Growth::kAnywhere);
  spec.linear_leaves = true;
  ExpectSame(spec, 1, 400, Tails());
}

TEST(LaneSelect, CategoriesAreQuestionsLikeOthers) {
  ForestSpec spec = OfSize(60, 40, Growth::kAnywhere);
  spec.categorical_percent = 50;
  spec.known_categories = true;
  ExpectSame(spec, 1, 200, {1, 70, 200});
}

TEST(LaneSelect, RangesOfTreesAddUp) {
  ForestSpec spec = OfSize(30, 10, Growth::kAnywhere);
  spec.n_trees = 7;
  spec.n_outputs = 3;
  Dice dice(1);
  const Forest forest = test::MakeForest(spec, dice);
  const std::vector<double> rows = test::MakeRows(forest, 100, dice);
  const auto first = test::Made(MakeLaneSelect, forest, {0, 3});
  const auto rest = test::Made(MakeLaneSelect, forest, {3, 7});
  std::vector<double> sums(300), expected = test::WalkPlainly(forest, rows);
  for (std::size_t r = 0; r < 100; ++r) walk::Start(forest, std::span(sums).subspan(3 * r, 3));
  first->AddTrees(test::BlockOf(rows, spec.n_features), sums.data());
  rest->AddTrees(test::BlockOf(rows, spec.n_features), sums.data());
  for (std::size_t r = 0; r < 100; ++r) {
    walk::Finish(forest, forest.trees_per_output(), std::span(sums).subspan(3 * r, 3));
  }
  EXPECT_EQ(std::memcmp(sums.data(), expected.data(), 300 * sizeof(double)), 0);
}

TEST(LaneSelect, LargerTreesAreRefused) {
  Dice dice(1);
  EXPECT_EQ(Made(test::MakeForest(OfSize(1024, 1024, Growth::kAnywhere), dice)), nullptr);
  EXPECT_NE(Made(test::MakeForest(OfSize(1023, 1024, Growth::kAnywhere), dice)), nullptr);
}

TEST(LaneKernels, GroupsFitTheirBlocks) {
  test::OnEachTarget([](bool /*best*/) {
    const LaneKernels& kernels = ChosenLaneKernels();
    for (const auto& [wide, narrow] : {std::pair(kernels.of8.wide, kernels.of8.narrow),
                                       std::pair(kernels.of16.wide, kernels.of16.narrow)}) {
      EXPECT_EQ(kLanesMax % wide, 0u);
      EXPECT_EQ(wide % narrow, 0u);
    }
  });
}

}  // namespace
}  // namespace copse::plan
