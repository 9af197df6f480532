// Four-byte nodes by themselves: trees of every depth and size, and the limits of the form.
#include "plan/layout.h"

#include "deep_trees.h"

namespace copse::plan {
namespace {

using namespace test;

TEST(Slot4, AnyNumberOfRowsIsRight) { deep::ExpectBatchesSame(MakeSlot4); }
TEST(Slot4, MoreRowsThanABlockAreRight) { deep::ExpectManyRowsSame(MakeSlot4, 64, 9000); }
TEST(Slot4, TreesOfEverySizeAreRight) { deep::ExpectSizesSame(MakeSlot4); }
TEST(Slot4, ChainsAreRight) { deep::ExpectChainsSame(MakeSlot4); }
TEST(Slot4, SumsOfEveryKindAreRight) { deep::ExpectSumsSame(MakeSlot4); }
TEST(Slot4, AnyNumberOfTreesIsRight) { deep::ExpectCountsSame(MakeSlot4); }
TEST(Slot4, TreesOfDifferentSizesAreRight) { deep::ExpectMixturesSame(MakeSlot4); }
TEST(Slot4, NothingIsNothing) { deep::ExpectNothingDone(MakeSlot4); }

TEST(Slot4, AnyNumberOfColumnsIsRight) {
  deep::ExpectColumnsSame(MakeSlot4, deep::UpTo(64), MissingMix::kOne, 0);
  deep::ExpectColumnsSame(MakeSlot4, {1, 2, 5, 12, 20}, MissingMix::kAnyWay, 0);
  deep::ExpectColumnsSame(MakeSlot4, {1, 2, 3}, MissingMix::kAnything, 4);
}

TEST(Slot4, MoreThan64ColumnsAreRefused) {
  ForestSpec spec = deep::OfSize(400, 40);
  spec.missing = MissingMix::kOne;
  for (const std::size_t n_features : {64, 65}) {
    Dice dice(1);
    spec.n_features = n_features;
    const Forest forest = MakeForest(spec, dice);
    const TreeRange trees = {0, forest.n_trees()};
    const auto columns = Columns::Compile(forest, trees, 0);
    ASSERT_TRUE(columns);
    ASSERT_EQ(columns->n_columns, n_features);
    EXPECT_EQ(Made(MakeSlot4, forest, trees) != nullptr, n_features == 64);
  }
}

// The largest rank that fits is one less than that of a leaf.
TEST(Slot4, RanksUpTo65534Fit) {
  ForestSpec spec = deep::OfSize(2000, 60);
  spec.n_features = 1;
  spec.n_trees = 40;
  spec.all_thresholds = true;
  for (const std::size_t n_thresholds : {65534, 65535}) {
    spec.n_thresholds = n_thresholds;
    Dice dice(3);
    const Forest forest = MakeForest(spec, dice);
    const TreeRange trees = {0, forest.n_trees()};
    const auto columns = Columns::Compile(forest, trees, 0);
    ASSERT_TRUE(columns);
    ASSERT_EQ(columns->rank_max, n_thresholds);
    if (n_thresholds == 65534) {
      deep::ExpectRangesSame(MakeSlot4, forest, {trees.end}, 200, {1, 200}, dice);
    } else {
      EXPECT_EQ(Made(MakeSlot4, forest, trees), nullptr);
    }
  }
}

// A forest whose leaves are each 1 for one class: any of `n_classes`, the last among them.
Forest PureForest(std::size_t n_classes, bool many_columns) {
  Dice dice(1);
  ForestSpec spec = deep::OfSize(3000, 60);
  if (many_columns) spec = deep::WithManyColumns(spec);
  spec.n_outputs = n_classes;
  spec.vector_leaves = true;
  spec.rules = {.aggregation = Aggregation::kMean};
  const Forest mixed = MakeForest(spec, dice);
  ForestParts parts = mixed.parts();
  const std::size_t n_rows = Count(parts.leaf_value) / n_classes;
  std::vector<double> values(n_rows * n_classes, 0);
  for (std::size_t row = 0; row < n_rows; ++row) values[row * n_classes + row % n_classes] = 1;
  parts.leaf_value = std::move(values);
  return *Forest::Create(std::move(parts), mixed.rules());
}

TEST(Slot4, PureLeavesAreRight) {
  for (const bool many_columns : {false, true}) {
    for (const std::size_t n_classes : {2, 10, 30, 31, 32, 33, 62, 63, 64, 65, 100}) {
      SCOPED_TRACE(n_classes);
      Dice dice(1);
      const Forest forest = PureForest(n_classes, many_columns);
      deep::ExpectRangesSame(MakeSlot4, forest, {forest.n_trees()}, 300, {1, 16, 300}, dice);
    }
  }
}

// Leaves that name their class need no table: four bytes a slot and little else.
TEST(Slot4, PureLeavesTakeNoTable) {
  for (const bool many_columns : {false, true}) {
    for (const std::size_t n_classes : {10, 31, 32, 63, 64}) {
      const Forest forest = PureForest(n_classes, many_columns);
      const std::size_t n_slots = 2 * forest.n_nodes() + forest.n_trees();
      const auto layout = Made(MakeSlot4, forest, {0, forest.n_trees()});
      ASSERT_NE(layout, nullptr);
      EXPECT_EQ(layout->bytes() < 5 * n_slots + 8192, n_classes <= 63)
          << n_classes << " classes: " << layout->bytes();
    }
  }
}

}  // namespace
}  // namespace copse::plan
