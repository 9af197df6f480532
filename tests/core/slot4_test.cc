// Four-byte nodes by themselves: trees of every depth and size, and the limits of the form.
#include "plan/layout.h"

#include "deep_trees.h"

namespace copse::plan {
namespace {

using namespace test;

TEST(Slot4, AnyNumberOfRowsIsRight) { deep::ExpectBatchesSame(MakeSlot4); }
TEST(Slot4, MoreRowsThanABlockAreRight) { deep::ExpectManyRowsSame(MakeSlot4, 64, 9000); }
TEST(Slot4, TreesThatAreFarAwayAreRight) { deep::ExpectFarSame(MakeSlot4); }
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

// A forest whose leaves are each 1 for one class of `n_outputs`.
struct Pure {
  std::size_t n_outputs = 3;
  std::size_t n_classes = n_outputs;  // that leaves name: the first ones, and the last of them
  std::size_t n_trees = 5;
  std::size_t n_nodes = 3000;
  bool many_columns = false;
  std::optional<double> base = {};  // that sums start from; without one, from 0.0
  std::size_t mixed_each = 0;       // every so many rows of leaf values hold anything
};

Forest PureForest(const Pure& pure) {
  Dice dice(1);
  ForestSpec spec = deep::OfSize(pure.n_nodes, 60);
  if (pure.many_columns) spec = deep::WithManyColumns(spec);
  spec.n_trees = pure.n_trees;
  spec.n_outputs = pure.n_outputs;
  spec.vector_leaves = true;
  spec.rules = {.aggregation = pure.base ? Aggregation::kSum : Aggregation::kMean,
                .allow_nonfinite = pure.base.has_value()};
  const Forest mixed = MakeForest(spec, dice);
  ForestParts parts = mixed.parts();
  const std::size_t width = pure.n_outputs, n_rows = Count(parts.leaf_value) / width;
  std::vector<double> values(n_rows * width, 0);
  for (std::size_t row = 0; row < n_rows; ++row) {
    const bool is_mixed = pure.mixed_each != 0 && row % pure.mixed_each == 0;
    if (!is_mixed) values[row * width + row % pure.n_classes] = 1;
    for (std::size_t k = 0; k < width && is_mixed; ++k) {
      values[row * width + k] = At(parts.leaf_value, row * width + k);
    }
  }
  parts.leaf_value = std::move(values);
  if (pure.base) parts.base = std::vector<double>(width, *pure.base);
  return *Forest::Create(std::move(parts), mixed.rules());
}

TEST(Slot4, PureLeavesAreRight) {
  for (const bool many_columns : {false, true}) {
    for (const std::size_t n : {2, 3, 10, 30, 31, 32, 33, 62, 63, 64, 65, 100}) {
      SCOPED_TRACE(n);
      Dice dice(1);
      const Forest forest = PureForest({.n_outputs = n, .many_columns = many_columns});
      deep::ExpectRangesSame(MakeSlot4, forest, {forest.n_trees()}, 300, {1, 16, 300}, dice);
    }
  }
}

// More trees than are on their way at a time, in one range and in several.
TEST(Slot4, PureLeavesOfManyTreesAreRight) {
  for (const std::size_t n : {2, 3, 10, 31, 62, 63}) {
    SCOPED_TRACE(n);
    Dice dice(1);
    const Forest forest = PureForest({.n_outputs = n, .n_trees = 600, .n_nodes = 40});
    deep::ExpectRangesSame(MakeSlot4, forest, {600}, 30, {1, 30}, dice);
    deep::ExpectRangesSame(MakeSlot4, forest, {150, 157, 600}, 30, {1, 30}, dice);
  }
}

// Classes that no leaf names may be more than a slot has numbers for.
TEST(Slot4, OutputsThatNoLeafNamesAreRight) {
  for (const std::size_t n : {63, 64, 65, 100, 1000}) {
    for (const std::size_t n_classes : {2, 31, 62}) {
      for (const std::optional<double> base : {std::optional<double>(), std::optional(5.0)}) {
        SCOPED_TRACE(testing::Message() << n_classes << " of " << n << " outputs");
        Dice dice(1);
        const Forest forest = PureForest(
            {.n_outputs = n, .n_classes = n_classes, .n_trees = 300, .n_nodes = 40, .base = base});
        deep::ExpectRangesSame(MakeSlot4, forest, {300}, 4, {1, 4}, dice);
      }
    }
  }
}

// Ones are counted only where that rounds as adding them does.
TEST(Slot4, PureLeavesAreAddedToAnySum) {
  constexpr double kWhole = 4503599627370496;  // 2^52
  for (const double base : {0.0, 0.5, -7.0, 0.1, 2.9e-16, kWhole - 2, kWhole, 2 * kWhole - 3,
                            2 * kWhole, -2 * kWhole - 2, 1e-300, 1e300, kInfinity, kNan, -0.0}) {
    for (const std::size_t n : {2, 3, 10}) {
      for (const std::size_t n_trees : {5, 40}) {
        SCOPED_TRACE(testing::Message() << "base " << base << ", " << n << " classes");
        Dice dice(1);
        const Forest forest =
            PureForest({.n_outputs = n, .n_trees = n_trees, .n_nodes = 200, .base = base});
        deep::ExpectRangesSame(MakeSlot4, forest, {n_trees}, 40, {1, 40}, dice);
      }
    }
  }
}

TEST(Slot4, PureLeavesAmongOthersAreRight) {
  for (const std::size_t n : {2, 3, 4, 10, 31, 32, 64}) {
    for (const std::size_t mixed_each : {2, 3, 50}) {
      SCOPED_TRACE(testing::Message() << n << " classes, mixed each " << mixed_each);
      Dice dice(1);
      const Forest forest = PureForest({.n_outputs = n, .mixed_each = mixed_each});
      for (const auto make : {MakeSlot4, MakeNode8}) {
        deep::ExpectRangesSame(make, forest, {forest.n_trees()}, 100, {1, 16, 100}, dice);
      }
    }
  }
}

// Leaves that name their class need no table: four bytes a slot and little else.
TEST(Slot4, PureLeavesTakeNoTable) {
  for (const bool many_columns : {false, true}) {
    for (const std::size_t n : {10, 31, 32, 63, 64}) {
      const Forest forest = PureForest({.n_outputs = n, .many_columns = many_columns});
      const std::size_t n_slots = 2 * forest.n_nodes() + forest.n_trees();
      const auto layout = Made(MakeSlot4, forest, {0, forest.n_trees()});
      ASSERT_NE(layout, nullptr);
      EXPECT_EQ(layout->bytes() < 5 * n_slots + 8192, n <= 63)
          << n << " classes: " << layout->bytes();
    }
  }
}

}  // namespace
}  // namespace copse::plan
