// Eight-byte nodes by themselves: trees of every depth and size, many columns and ranks.
#include "plan/layout.h"

#include "deep_trees.h"

namespace copse::plan {
namespace {

using namespace test;

TEST(Node8, AnyNumberOfRowsIsRight) { deep::ExpectBatchesSame(MakeNode8); }
TEST(Node8, MoreRowsThanABlockAreRight) { deep::ExpectManyRowsSame(MakeNode8, 64, 9000); }
TEST(Node8, TreesThatAreFarAwayAreRight) { deep::ExpectFarSame(MakeNode8); }
TEST(Node8, TreesOfEverySizeAreRight) { deep::ExpectSizesSame(MakeNode8); }
TEST(Node8, ChainsAreRight) { deep::ExpectChainsSame(MakeNode8); }
TEST(Node8, SumsOfEveryKindAreRight) { deep::ExpectSumsSame(MakeNode8); }
TEST(Node8, AnyNumberOfTreesIsRight) { deep::ExpectCountsSame(MakeNode8); }
TEST(Node8, TreesOfDifferentSizesAreRight) { deep::ExpectMixturesSame(MakeNode8); }
TEST(Node8, NothingIsNothing) { deep::ExpectNothingDone(MakeNode8); }

TEST(Node8, AnyNumberOfColumnsIsRight) {
  const Sizes numbers = {1, 2, 3, 4, 5, 8, 9, 33, 64, 65, 128, 129, 300, 1024, 1025, 3000};
  deep::ExpectColumnsSame(MakeNode8, numbers, MissingMix::kOne, 0);
  deep::ExpectColumnsSame(MakeNode8, numbers, MissingMix::kAnyWay, 0);
  deep::ExpectColumnsSame(MakeNode8, {1, 4, 40, 400}, MissingMix::kAnything, 25);
}

TEST(Node8, RanksThatNeedMoreThan16BitsAreRight) {
  ForestSpec spec = deep::OfSize(2000, 60);
  spec.n_features = 1;
  spec.n_trees = 40;
  spec.all_thresholds = true;
  spec.n_thresholds = 70000;
  Dice dice(3);
  const Forest forest = MakeForest(spec, dice);
  const auto columns = Columns::Compile(forest, {0, forest.n_trees()}, 0);
  ASSERT_TRUE(columns);
  ASSERT_EQ(columns->rank_max, 70000u);
  deep::ExpectRangesSame(MakeNode8, forest, {forest.n_trees()}, 200, {1, 200}, dice);
}

// A complete tree whose lower levels are so wide that the columns' bits are missing in the steps.
TEST(Node8, StepsThatAreTooFarAreRefused) {
  ForestSpec spec = deep::OfSize((std::size_t{1} << 15) - 1, 15, Growth::kLevels);
  spec.n_trees = 1;
  spec.n_features = 300000;
  spec.n_thresholds = 1;
  spec.missing = MissingMix::kOne;
  // As many columns as there are nodes, about: each tests another feature.
  Dice dice(1);
  const Forest wide = MakeForest(spec, dice);
  auto columns = Columns::Compile(wide, {0, 1}, 0);
  ASSERT_TRUE(columns);
  EXPECT_NE(MakeNode8(wide, {0, 1}, *columns), nullptr);
  columns->n_columns = std::size_t{1} << 24;  // as if other trees tested many more
  EXPECT_EQ(MakeNode8(wide, {0, 1}, std::move(*columns)), nullptr);
}

}  // namespace
}  // namespace copse::plan
