// Groups of trees: where they are cut, when that pays, and the same bits on every instruction set.
#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/lane_kernels.h"
#include "plan/shape.h"
#include "plan/tree_groups.h"
#include "small_trees.h"
#include "targets.h"

namespace copse::plan {
namespace {

using test::Dice;
using test::ForestSpec;
using test::Growth;
using test::MissingMix;

std::unique_ptr<Layout> Make(const Forest& forest, TreeRange trees, Columns columns) {
  return MakeGroups(forest, trees, columns, SIZE_MAX);
}

// Small trees with more thresholds a feature than ranks of a byte can tell apart.
ForestSpec ManyThresholds() {
  ForestSpec spec = test::OfSize(15, 5, Growth::kAnywhere);
  spec.n_features = 2;
  spec.n_trees = 150;
  spec.n_thresholds = 1000;
  spec.all_thresholds = true;
  return spec;
}

std::vector<TreeGroup> Cut(const Forest& forest) {
  return GroupTrees(forest, {0, forest.n_trees()});
}

// Calls of one row, of a few, and of as many as fill lanes.
void ExpectSame(const ForestSpec& spec, std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  Dice dice(seed);
  const Forest forest = test::MakeForest(spec, dice);
  ASSERT_GT(Cut(forest).size(), 1u);
  const auto rows = test::MakeRows(forest, 150, dice);
  test::ExpectSame(Make, forest, rows, {forest.n_trees()});
  const test::Layouts layouts = [&] {
    test::Layouts made;
    made.push_back(test::Made(Make, forest, {0, forest.n_trees()}));
    return made;
  }();
  ASSERT_NE(layouts[0], nullptr);
  test::ExpectSame(forest, layouts, rows, {31, 32, 33, 64, 100, 150});
  test::ExpectSame(forest, layouts, test::Narrowed(rows), {31, 32, 33, 64, 100, 150});
}

TEST(Groups, OfManyThresholdsAreRight) {
  for (const MissingMix missing : {MissingMix::kOne, MissingMix::kAnyWay, MissingMix::kAnything}) {
    ForestSpec spec = ManyThresholds();
    spec.missing = missing;
    ExpectSame(spec, 1);
    spec.categorical_percent = 25;
    ExpectSame(spec, 2);
  }
}

TEST(Groups, SumsOfEveryKindAreRight) {
  for (const std::size_t n_outputs : {1, 3}) {
    std::uint64_t seed = 10;
    for (const ForestSpec& spec : test::EverySum(ManyThresholds(), n_outputs)) {
      ExpectSame(spec, ++seed);
    }
  }
}

TEST(Groups, OfTreesThatAreNoneOfThemSmallStayTogether) {
  ForestSpec spec = test::OfSize(200, 20, Growth::kAnywhere);
  Dice dice(3);
  const Forest forest = test::MakeForest(spec, dice);
  EXPECT_EQ(Cut(forest).size(), 1u);
  test::ExpectSame(Make, forest, test::MakeRows(forest, 50, dice), {forest.n_trees()});
}

TEST(Groups, AreCutWhereAByteIsFull) {
  for (const std::size_t n_thresholds : {255, 256}) {
    ForestSpec spec = ManyThresholds();
    spec.n_features = 1;
    spec.n_trees = 300;
    spec.n_thresholds = n_thresholds;
    Dice dice(4);
    const Forest forest = test::MakeForest(spec, dice);
    const auto groups = Cut(forest);
    EXPECT_EQ(groups.size() == 1, n_thresholds == 255);
    std::size_t next = 0;
    for (const TreeGroup& group : groups) {
      EXPECT_EQ(group.trees.begin, next);
      EXPECT_GT(group.trees.size(), 0u);
      EXPECT_EQ(group.n_features, 1u);
      const auto columns = Columns::Compile(forest, group.trees, 0);
      ASSERT_TRUE(columns);
      EXPECT_EQ(group.is_small, columns->rank_max <= 255);
      next = group.trees.end;
    }
    EXPECT_EQ(next, forest.n_trees());
  }
}

// Trees of `n_nodes` nodes each: chains, so that leaves and levels are as many. Node i of a tree
// tests feature i modulo `n_tested`.
Forest Chains(const std::vector<std::size_t>& n_nodes, std::size_t n_features = 1,
              std::size_t n_tested = 1) {
  ForestParts parts;
  parts.n_features = n_features;
  std::vector<double> thresholds;
  std::int32_t leaf = 0;
  for (const std::size_t n : n_nodes) {
    const auto first = static_cast<std::int32_t>(parts.left.size());
    parts.tree_begin.push_back(static_cast<std::uint32_t>(parts.left.size()));
    parts.tree_root.push_back(n == 0 ? ~leaf : first);
    for (std::size_t i = 0; i < n; ++i) {
      const bool is_last = i + 1 == n;
      parts.left.push_back(~leaf++);
      parts.right.push_back(is_last ? ~leaf : first + static_cast<std::int32_t>(i) + 1);
      parts.feature.push_back(static_cast<std::uint32_t>(i % n_tested));
      parts.flags.push_back(0);
      thresholds.push_back(static_cast<double>(i));
    }
    ++leaf;
  }
  parts.tree_begin.push_back(static_cast<std::uint32_t>(parts.left.size()));
  parts.threshold = thresholds;
  std::vector<double> values;
  for (std::int32_t i = 0; i < leaf; ++i) values.push_back(i / 8.0);
  parts.leaf_value = values;
  parts.base = std::vector<double>{0};
  auto forest = Forest::Create(std::move(parts), {});
  EXPECT_TRUE(forest.ok()) << forest.error().message;
  return std::move(forest).value();
}

struct Expected {
  std::vector<std::size_t> n_nodes;                  ///< of each tree
  std::vector<std::pair<std::size_t, bool>> groups;  ///< where each ends, and whether it is small
};

TEST(Groups, OfLargeTreesAmongSmallOnes) {
  const std::vector<std::size_t> small(20, 5);
  const auto with = [&](std::vector<std::size_t> more) {
    more.insert(more.begin(), small.begin(), small.end());
    more.insert(more.end(), small.begin(), small.end());
    return more;
  };
  const Expected table[] = {
      {with({}), {{40, true}}},
      {with({40}), {{20, true}, {21, false}, {41, true}}},
      {with({40, 300}), {{20, true}, {22, false}, {42, true}}},
      {with({31}), {{41, true}}},  // leaf match holds them all
      {with({32}), {{20, true}, {21, false}, {41, true}}},
      {{40, 40, 0, 40}, {{4, false}}},
      {{}, {}},
  };
  for (const Expected& each : table) {
    const Forest forest = Chains(each.n_nodes);
    std::vector<std::pair<std::size_t, bool>> groups;
    for (const TreeGroup& group : Cut(forest)) {
      groups.emplace_back(group.trees.end, group.is_small);
    }
    EXPECT_EQ(groups, each.groups) << each.n_nodes.size() << " trees";
    if (groups.size() < 2) continue;
    Dice dice(5);
    test::ExpectSame(Make, forest, test::MakeRows(forest, 50, dice), {forest.n_trees()});
  }
}

TEST(Groups, CountTheFeaturesOfLargeTreesToo) {
  const std::vector<std::size_t> n_nodes = {40, 100, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 200};
  std::vector<std::size_t> n_features;
  for (const TreeGroup& group : Cut(Chains(n_nodes, 300, 150))) {
    n_features.push_back(group.n_features);
  }
  EXPECT_EQ(n_features, (std::vector<std::size_t>{100, 5, 150}));
}

TEST(Groups, AreNotMadeWhereManyFeaturesWouldMakeThatLong) {
  std::vector<std::size_t> n_nodes(41, 5);
  n_nodes[20] = 40;
  EXPECT_EQ(Cut(Chains(n_nodes, std::size_t{1} << 18)).size(), 3u);
  for (const std::size_t log2_features : {19, 21}) {
    const auto groups = Cut(Chains(n_nodes, std::size_t{1} << log2_features));
    ASSERT_EQ(groups.size(), 1u);
    EXPECT_FALSE(groups[0].is_small);
    EXPECT_EQ(groups[0].trees.end, n_nodes.size());
  }
}

TEST(Groups, AreGivenUpAsSoonAsTheyTakeTooMuch) {
  Dice dice(7);
  const Forest forest = test::MakeForest(ManyThresholds(), dice);
  const TreeRange trees = {0, forest.n_trees()};
  const auto columns = Columns::Compile(forest, trees, 0);
  ASSERT_TRUE(columns);
  const auto with = [&](std::size_t bytes_max, std::vector<LayoutKind> only) {
    Plan::Options options;
    options.bytes_max = bytes_max;
    options.only = std::move(only);
    return Plan(forest, options);
  };
  const auto layouts_of = [](std::span<const Plan::Choice> choices) {
    std::vector<LayoutKind> layouts;
    for (const Plan::Choice& choice : choices) layouts.push_back(choice.layout);
    return layouts;
  };
  const Shape shape = Shape::Of(forest, trees, &*columns);
  test::OnEachTarget([&](bool /*best*/) {
    const std::size_t n_bytes = MakeGroups(forest, trees, *columns, SIZE_MAX)->bytes();
    EXPECT_NE(MakeGroups(forest, trees, *columns, n_bytes), nullptr);
    EXPECT_EQ(MakeGroups(forest, trees, *columns, n_bytes - 1), nullptr);
    // All trees together are then in what is best for them, where that is smaller.
    const auto together = layouts_of(Choose(shape, ChosenLaneKernels().of8.narrow));
    ASSERT_LE(together.size(), 2u);
    const std::size_t left = with(SIZE_MAX, together).bytes();
    const Plan plan = with(std::min(left, n_bytes - 1), {});
    const auto taken = layouts_of(plan.choices());
    EXPECT_EQ(std::count(taken.begin(), taken.end(), LayoutKind::kGroups), 0);
    if (left < n_bytes) {
      EXPECT_EQ(taken, together);
    }
  });
}

TEST(Groups, AreTakenWhereTheyPay) {
  Shape shape{.n_trees = 500,
              .leaves_max = 64,
              .leaves_mean = 50,
              .depth_max = 6,
              .path_mean = 5,
              .n_features = 28,
              .n_columns = 28,
              .rank_max = 900,
              .n_outputs = 1};
  ASSERT_TRUE(shape.GroupsMayPay());
  const auto layout = [&](const std::vector<TreeGroup>& groups) {
    Shape tried = shape;
    tried.TryGroups(groups);
    return Choose(tried, 64);
  };
  const auto paying = layout({{{0, 250}, true, 28}, {{250, 500}, true, 28}});
  ASSERT_EQ(paying.size(), 1u);
  EXPECT_EQ(paying[0].layout, LayoutKind::kGroups);
  EXPECT_EQ(layout({{{0, 500}, false, 28}})[0].layout, LayoutKind::kSlot4);
  EXPECT_EQ(layout({{{0, 490}, false, 28}, {{490, 500}, true, 28}})[0].layout, LayoutKind::kSlot4);
  shape.rank_max = 255;
  EXPECT_FALSE(shape.GroupsMayPay()) << "bit walk holds them all";
}

TEST(Groups, AreWhatAPlanOfManyThresholdsTakes) {
  Dice dice(6);
  ForestSpec spec = ManyThresholds();
  spec.missing = MissingMix::kOne;
  const Forest forest = test::MakeForest(spec, dice);
  const Plan plan(forest);
  EXPECT_EQ(plan.choices()[0].layout, LayoutKind::kGroups);
  EXPECT_NE(plan.Reason(0).find("make 150 of 150 trees small"), std::string::npos)
      << plan.Reason(0);
  const auto rows = test::MakeRows(forest, 100, dice);
  const auto expected = test::WalkPlainly(forest, rows);
  for (const std::size_t n : {1, 2, 31, 32, 100}) {
    EXPECT_EQ(test::Differs(forest, plan, rows, expected, 100 - n, n), "");
  }
}

}  // namespace
}  // namespace copse::plan
