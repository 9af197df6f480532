// From the shape of a forest to its layouts.
#include "plan/shape.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace copse::plan {
namespace {

using enum LayoutKind;

struct Row {
  std::string name;
  Shape shape;
  std::vector<LayoutKind> layouts;  ///< from one row to many
  std::size_t lane_bytes = 64;
};

std::vector<Row> Table() {
  const auto shape = [](std::size_t trees, std::size_t leaves, std::size_t depth, double path,
                        std::size_t columns, std::uint32_t rank_max) {
    return Shape{.n_trees = trees,
                 .leaves_max = leaves,
                 .leaves_mean = static_cast<double>(leaves) * 0.8,
                 .depth_max = depth,
                 .path_mean = path,
                 .n_features = columns,
                 .n_columns = columns,
                 .rank_max = rank_max,
                 .n_outputs = 1};
  };
  return {
      {"Iris", shape(100, 15, 8, 2.6, 4, 27), {kLeafMatch, kLaneSelect}},
      {"Stumps", shape(100, 2, 1, 1, 30, 20), {kLeafMatch, kLaneSelect}},
      {"GradientBoosting", shape(100, 8, 3, 3, 10, 51), {kLeafMatch, kLaneSelect}},
      {"SixLevels", shape(500, 64, 6, 6, 28, 253), {kBitWalk, kLaneSelect}},
      {"SixLevelsOfFewLeaves", shape(500, 16, 6, 4, 28, 253), {kLeafMatch, kLaneSelect}},
      {"GrownLeafByLeaf", shape(100, 31, 12, 5.5, 28, 253), {kLeafMatch, kLaneSelect}},
      {"SevenLevels", shape(500, 128, 7, 7, 28, 253), {kSlot4, kLaneSelect}},
      {"Digits", shape(100, 232, 17, 8.3, 64, 31), {kSlot4, kLaneSelect}},
      {"DigitsInNarrowRegisters", shape(100, 232, 17, 8.3, 64, 31), {kSlot4, kLaneSelect}, 16},
      {"DigitsWithoutRegisters", shape(100, 232, 17, 8.3, 64, 31), {kSlot4}, 1},
      {"Diabetes", shape(100, 340, 24, 9.85, 10, 1706), {kSlot4, kLaneSelect}},
      {"DiabetesInHalfOfThem", shape(100, 340, 24, 9.85, 10, 1706), {kSlot4, kLaneSelect}, 32},
      {"DiabetesInNarrowRegisters", shape(100, 340, 24, 9.85, 10, 1706), {kSlot4}, 16},
      {"MoreLeavesThanALaneCanName", shape(100, 5000, 40, 14, 28, 255), {kSlot4}},
      {"Deep", shape(100, 11869, 45, 17.5, 28, 45619), {kSlot4}},
      {"MoreColumnsThanSlotsCanName", shape(500, 5000, 40, 14, 65, 60000), {kNode8}},
      {"MoreThresholdsThanSlotsCanName", shape(500, 5000, 40, 14, 28, 65535), {kNode8}},
      {"WideAndSmall", shape(500, 64, 6, 6, 200, 253), {kBitWalk, kLaneSelect}},
      {"AsManyColumnsAsLanesHave", shape(5000, 64, 6, 6, 4096, 253), {kBitWalk, kLaneSelect}},
      {"MoreColumnsThanLanesHave", shape(5000, 64, 6, 6, 4097, 253), {kBitWalk}},
      {"OneTreeOfManyFeatures", shape(1, 64, 6, 6, 60, 10), {kPlainWalk}},
      {"NoColumns", shape(100, 15, 8, 2.6, 0, 0), {kPlainWalk}},
  };
}

class Choosing : public ::testing::TestWithParam<Row> {};

TEST_P(Choosing, TakesTheFastestForTheShape) {
  const auto choices = Choose(GetParam().shape, GetParam().lane_bytes);
  std::vector<LayoutKind> layouts;
  layouts.reserve(choices.size());
  for (const auto& choice : choices) layouts.push_back(choice.layout);
  EXPECT_EQ(layouts, GetParam().layouts);
  ASSERT_FALSE(choices.empty());
  EXPECT_EQ(choices[0].rows_min, 1u);
  for (std::size_t i = 1; i < choices.size(); ++i) {
    EXPECT_GT(choices[i].rows_min, choices[i - 1].rows_min);
    EXPECT_LE(choices[i].rows_min, choices[i].rows_step);
  }
  for (const auto& choice : choices) {
    EXPECT_GT(ReasonFor(GetParam().shape, choice.layout).size(), 20u);
  }
}

INSTANTIATE_TEST_SUITE_P(, Choosing, ::testing::ValuesIn(Table()),
                         [](const auto& param) { return param.param.name; });

TEST(WithFallbacks, EndsWithThePlainWalkAndRepeatsNothing) {
  for (const LayoutKind kind :
       {kPlainWalk, kNode8, kSlot4, kLaneSelect, kBitWalk, kLeafMatch, kGroups}) {
    std::vector<LayoutKind> kinds = WithFallbacks(kind);
    EXPECT_EQ(kinds.front(), kind);
    EXPECT_EQ(kinds.back(), kPlainWalk);
    std::sort(kinds.begin(), kinds.end());
    EXPECT_EQ(std::unique(kinds.begin(), kinds.end()), kinds.end());
  }
}

TEST(ShapeOf, CountsWhatTheTreesHave) {
  // A chain of two nodes, and a leaf alone.
  ForestParts parts;
  parts.n_features = 3;
  parts.tree_begin = {0, 2, 2};
  parts.tree_root = {0, ~0};
  parts.left = {~0, ~1};
  parts.right = {1, ~2};
  parts.feature = {2, 2};
  parts.threshold = std::vector<double>{1, 2};
  parts.flags = {0, 0};
  parts.leaf_value = std::vector<double>{1, 2, 3};
  parts.base = std::vector<double>{0};
  const auto forest = Forest::Create(std::move(parts), {});
  ASSERT_TRUE(forest.ok()) << forest.error().message;
  const auto columns = Columns::Compile(*forest, {0, 2}, 1000);
  ASSERT_TRUE(columns.has_value());
  const Shape shape = Shape::Of(*forest, {0, forest->n_trees()}, &*columns);
  EXPECT_EQ(shape.n_trees, 2u);
  EXPECT_EQ(shape.leaves_max, 3u);
  EXPECT_EQ(shape.leaves_mean, 2);
  EXPECT_EQ(shape.depth_max, 2u);
  EXPECT_EQ(shape.path_mean, 5.0 / 4) << "1, 2 and 2 steps in one tree, and 0 in the other";
  EXPECT_EQ(shape.n_columns, 1u);
  EXPECT_EQ(shape.rank_max, 2u);
  EXPECT_EQ(Shape::Of(*forest, {0, forest->n_trees()}, nullptr).n_columns, 0u);
}

}  // namespace
}  // namespace copse::plan
