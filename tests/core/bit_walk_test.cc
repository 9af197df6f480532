// Bit walk by itself: trees of up to six levels, every instruction set.
#include <gtest/gtest.h>

#include "small_trees.h"

namespace copse::plan {
namespace {

using test::Dice;
using test::ExpectSame;
using test::ForestSpec;
using test::Growth;
using test::OfSize;

TEST(BitWalk, TreesOfEveryDepthAreRight) {
  for (std::size_t depth = 0; depth <= 6; ++depth) {
    SCOPED_TRACE("depth " + std::to_string(depth));
    const std::size_t complete = (std::size_t{1} << depth) - 1;
    ExpectSame(MakeBitWalk, OfSize(complete, depth, Growth::kLevels), depth);
    ExpectSame(MakeBitWalk, OfSize(complete, depth, Growth::kBranches), depth + 10);
    ExpectSame(MakeBitWalk, OfSize(complete * 2 / 3, depth, Growth::kAnywhere), depth + 20);
    ExpectSame(MakeBitWalk, OfSize(depth, depth, Growth::kBranches), depth + 30);  // chains
  }
}

TEST(BitWalk, TreesOfDifferentSizesAreRight) {
  for (const std::size_t depth : {5, 6}) {
    ForestSpec spec = OfSize(63, depth, Growth::kAnywhere);
    spec.full = false;
    spec.n_trees = 90;
    spec.shared_leaves = true;
    ExpectSame(MakeBitWalk, spec, depth);
  }
}

TEST(BitWalk, AnyNumberOfTreesIsRight) {
  test::ExpectCountsSame(MakeBitWalk, OfSize(63, 6, Growth::kLevels));
  test::ExpectCountsSame(MakeBitWalk, OfSize(20, 5, Growth::kAnywhere));
}

TEST(BitWalk, SumsOfEveryKindAreRight) {
  ForestSpec spec = OfSize(40, 6, Growth::kAnywhere);
  spec.n_trees = 45;
  test::ExpectSumsSame(MakeBitWalk, spec);
}

TEST(BitWalk, AnyNumberOfColumnsIsRight) {
  test::ExpectColumnsSame(MakeBitWalk, OfSize(63, 6, Growth::kLevels));
  test::ExpectColumnsSame(MakeBitWalk, OfSize(31, 5, Growth::kAnywhere));
}

TEST(BitWalk, RanksOfAByteFit) {
  test::ExpectRanksFit(MakeBitWalk, OfSize(20, 6, Growth::kAnywhere));
}

TEST(BitWalk, RefusesASeventhLevel) {
  Dice dice(1);
  const Forest chain = test::MakeForest(OfSize(7, 7, Growth::kBranches), dice);
  ASSERT_EQ(chain.max_depth(), 7u);
  EXPECT_EQ(test::Made(MakeBitWalk, chain, {0, chain.n_trees()}), nullptr);
  const Forest large = test::MakeForest(OfSize(100, 20, Growth::kAnywhere), dice);
  EXPECT_EQ(test::Made(MakeBitWalk, large, {0, large.n_trees()}), nullptr);
}

}  // namespace
}  // namespace copse::plan
