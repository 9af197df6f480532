#include "forest_assembler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace copse::importer {
namespace {

// Node 0 tests feature 0 at 2.5: leaf 1 holds 10, leaf 2 holds 20.
SourceTree Stump() {
  SourceTree tree;
  tree.Reset(3, 1, false);
  tree.left[0] = 1;
  tree.right[0] = 2;
  tree.threshold[0] = 2.5;
  tree.leaf_value = {0, 10, 20};
  return tree;
}

// Three splits; node 4 is a slot that nothing leads to, and node 1 follows its child 0.
SourceTree Shuffled() {
  SourceTree tree;
  tree.Reset(8, 1, false);
  tree.root = 3;
  tree.left = {2, 0, -1, 1, 6, -1, -1, -1};
  tree.right = {5, 6, -1, 7, 7, -1, -1, -1};
  tree.left[4] = -1;
  tree.feature = {0, 1, 0, 2, 0, 0, 0, 0};
  tree.threshold = {1, 2, 0, 3, 0, 0, 0, 0};
  tree.leaf_value = {0, 0, 20, 0, 0, 50, 60, 70};
  return tree;
}

ForestAssembler::Shape Wide(std::size_t n_features) {
  ForestAssembler::Shape shape;
  shape.n_features = n_features;
  return shape;
}

std::vector<double> Values(const ForestParts& parts) {
  std::vector<double> values;
  for (std::size_t i = 0; i < Count(parts.leaf_value); ++i) {
    values.push_back(At(parts.leaf_value, i));
  }
  return values;
}

std::string Refusal(const SourceTree& tree, std::size_t n_features = 3) {
  ForestAssembler assembler(Wide(n_features));
  const Status status = assembler.Add(tree);
  return status.ok() ? "" : status.error().message;
}

TEST(RoundDownToFloat, TakesTheSameBranchAsTheDouble) {
  const float x = 0.1f;
  const double above = std::nextafter(static_cast<double>(x), 1.0);
  const double below = std::nextafter(static_cast<double>(x), 0.0);
  EXPECT_EQ(RoundDownToFloat(x), x);
  EXPECT_EQ(RoundDownToFloat(above), x);
  EXPECT_EQ(RoundDownToFloat(below), std::nextafter(x, 0.0f));
  EXPECT_EQ(RoundDownToFloat(1e300), std::numeric_limits<float>::max());
  EXPECT_EQ(RoundDownToFloat(-1e300), -std::numeric_limits<float>::infinity());
}

TEST(ForestAssembler, KeepsTheSourcesOrderWhereChildrenFollow) {
  ForestAssembler assembler(Wide(1));
  ASSERT_TRUE(assembler.Add(Stump()).ok());
  const ForestParts parts = assembler.Take({0});
  EXPECT_EQ(parts.left, (std::vector<std::int32_t>{~0}));
  EXPECT_EQ(parts.right, (std::vector<std::int32_t>{~1}));
  EXPECT_EQ(Values(parts), (std::vector<double>{10, 20}));
  EXPECT_TRUE(parts.leaf_row.empty()) << "leaf n holds row n";
}

TEST(ForestAssembler, RenumbersATreeThatIsOutOfOrderAndDropsWhatNothingReaches) {
  ForestAssembler assembler(Wide(3));
  ASSERT_TRUE(assembler.Add(Shuffled()).ok());
  const ForestParts parts = assembler.Take({0});
  EXPECT_EQ(parts.feature, (std::vector<std::uint32_t>{2, 1, 0}));
  EXPECT_EQ(parts.left, (std::vector<std::int32_t>{1, 2, ~0}));
  EXPECT_EQ(parts.right, (std::vector<std::int32_t>{~3, ~2, ~1}));
  EXPECT_EQ(Values(parts), (std::vector<double>{20, 50, 60, 70}));
}

TEST(ForestAssembler, StoresEqualRowsOnceByTheirBits) {
  ForestAssembler::Shape shape = Wide(1);
  shape.leaf_width = shape.n_outputs = 2;
  ForestAssembler assembler(shape);
  SourceTree tree;
  tree.Reset(3, 2, false);
  tree.left[0] = 1;
  tree.right[0] = 2;
  tree.leaf_value = {9, 9, 0.0, 1, -0.0, 1};
  ASSERT_TRUE(assembler.Add(tree).ok());
  tree.leaf_value = {9, 9, -0.0, 1, 0.0, 1};
  ASSERT_TRUE(assembler.Add(tree).ok());
  const ForestParts parts = assembler.Take({0, 0});
  EXPECT_EQ(Count(parts.leaf_value), 4u);
  EXPECT_EQ(parts.leaf_row, (std::vector<std::uint32_t>{0, 1, 1, 0}));
}

TEST(ForestAssembler, ManyRowsFindTheirOwn) {
  ForestAssembler assembler(Wide(1));
  for (int pass = 0; pass < 2; ++pass) {
    for (int i = 0; i < 1000; ++i) {
      SourceTree tree = Stump();
      tree.leaf_value = {0, i * 0.5, i * 0.5 + 0.25};
      ASSERT_TRUE(assembler.Add(tree).ok());
    }
  }
  const ForestParts parts = assembler.Take({0});
  ASSERT_EQ(Count(parts.leaf_value), 2000u);
  ASSERT_EQ(parts.leaf_row.size(), 4000u);
  for (std::size_t n = 0; n < 2000; ++n) EXPECT_EQ(parts.leaf_row[n], parts.leaf_row[n + 2000]);
}

TEST(ForestAssembler, CoversAreKeptOnceAndNarrowWhereThatIsExact) {
  ForestAssembler assembler(Wide(1));
  SourceTree tree = Stump();
  tree.cover = {5, 2, 3};
  ASSERT_TRUE(assembler.Add(tree).ok());
  const ForestParts sums = assembler.Take({0});
  EXPECT_EQ(Count(sums.node_cover), 0u) << "5 is 2 + 3";
  EXPECT_TRUE(std::holds_alternative<std::vector<float>>(sums.leaf_cover));

  ForestAssembler other(Wide(1));
  tree.cover = {5, 2.1, 3};
  ASSERT_TRUE(other.Add(tree).ok());
  const ForestParts kept = other.Take({0});
  EXPECT_EQ(Count(kept.node_cover), 1u);
  EXPECT_EQ(At(kept.leaf_cover, 0), 2.1);
}

TEST(ForestAssembler, LeavesOfEarlierTreesBecomeConstantsWhereLaterOnesAreLinear) {
  ForestAssembler assembler(Wide(1));
  ASSERT_TRUE(assembler.Add(Stump()).ok());
  SourceTree tree = Stump();
  tree.linear = {{1, 0.5, {0}, {2.0}}};
  ASSERT_TRUE(assembler.Add(tree).ok());
  const ForestParts parts = assembler.Take({0});
  EXPECT_EQ(parts.linear_const, (std::vector<double>{10, 20, 0.5, 20}));
  EXPECT_EQ(parts.linear_begin, (std::vector<std::uint32_t>{0, 0, 0, 1, 1}));
  EXPECT_EQ(parts.linear_coef, (std::vector<double>{2}));
}

TEST(ForestAssembler, RefusesWhatIsNoTree) {
  SourceTree tree = Stump();
  tree.left[0] = 0;
  EXPECT_EQ(Refusal(tree), "tree 0: node 0 is reached twice, the second time from node 0");
  tree = Stump();
  tree.right[0] = 3;
  EXPECT_EQ(Refusal(tree), "tree 0: node 0 has the child 3, and there are 3 nodes");
  tree = Stump();
  tree.right[0] = -1;
  EXPECT_EQ(Refusal(tree), "tree 0: node 0 has the child -1, and there are 3 nodes");
  tree = Stump();
  tree.feature[0] = 3;
  EXPECT_EQ(Refusal(tree), "tree 0: node 0 tests feature 3, and there are 3");
  tree = Stump();
  tree.threshold[0] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(Refusal(tree), "tree 0: node 0 has the threshold NaN");
  tree = Stump();
  tree.flags[0] = node_flags::kCategorical;
  EXPECT_EQ(Refusal(tree), "tree 0: node 0 tests categories, and none are listed");
  tree = Stump();
  tree.root = 3;
  EXPECT_EQ(Refusal(tree), "tree 0: its root is node 3 of 3");
}

// Feature 0 of the trees is column 1 of the rows, filled with 4 and scaled to (x - 1) / 2.
InputMap Scaled() {
  InputMap map;
  map.n_columns = 2;
  map.features = {{1,
                   {{ColumnStep::Kind::kFill, 4, 0, Precision::kFloat64},
                    {ColumnStep::Kind::kSubtractDivide, 1, 2, Precision::kFloat64}}}};
  return map;
}

TEST(ForestAssembler, FoldsAPipelineIntoThresholdAndDefault) {
  ForestAssembler assembler(Wide(1));
  assembler.SetInputMap(Scaled());
  ASSERT_TRUE(assembler.Add(Stump()).ok());
  const ForestParts parts = assembler.Take({0});
  EXPECT_EQ(parts.n_features, 2u);
  EXPECT_EQ(parts.feature, (std::vector<std::uint32_t>{1}));
  EXPECT_EQ(parts.flags, (std::vector<std::uint8_t>{node_flags::kDefaultLeft}))
      << "a missing value is 1.5";
  // (x - 1) / 2 rounds to 2.5f for a while above 6.
  const double threshold = At(parts.threshold, 0);
  EXPECT_GT(threshold, 6.0);
  const auto mapped = [](double x) { return static_cast<float>((x - 1) / 2); };
  EXPECT_EQ(mapped(threshold), 2.5f);
  EXPECT_GT(mapped(std::nextafter(threshold, 7.0)), 2.5f);
}

}  // namespace
}  // namespace copse::importer
