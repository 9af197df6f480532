// Leaf match by itself: trees of up to 32 leaves, of any depth, every instruction set.
#include <gtest/gtest.h>

#include "small_trees.h"

namespace copse::plan {
namespace {

using test::Dice;
using test::ExpectSame;
using test::ForestSpec;
using test::Growth;
using test::OfSize;

TEST(LeafMatch, TreesOfEverySizeAreRight) {
  for (std::size_t n_nodes = 0; n_nodes <= 31; ++n_nodes) {
    SCOPED_TRACE(std::to_string(n_nodes) + " nodes");
    ExpectSame(MakeLeafMatch, OfSize(n_nodes, 31, Growth::kAnywhere), n_nodes);
    ExpectSame(MakeLeafMatch, OfSize(n_nodes, 31, Growth::kLevels), n_nodes + 40);
    ExpectSame(MakeLeafMatch, OfSize(n_nodes, 31, Growth::kBranches), n_nodes + 80);
  }
}

TEST(LeafMatch, TreesOfDifferentSizesAreRight) {
  for (const std::size_t n_nodes : {7, 15, 31}) {
    ForestSpec spec = OfSize(n_nodes, 31, Growth::kAnywhere);
    spec.full = false;
    spec.n_trees = 200;
    spec.shared_leaves = true;
    ExpectSame(MakeLeafMatch, spec, n_nodes);
  }
}

TEST(LeafMatch, AnyNumberOfTreesIsRight) {
  for (const std::size_t n_nodes : {7, 15, 31}) {
    test::ExpectCountsSame(MakeLeafMatch, OfSize(n_nodes, 31, Growth::kAnywhere));
  }
}

TEST(LeafMatch, SumsOfEveryKindAreRight) {
  for (const std::size_t n_nodes : {7, 15, 31}) {
    ForestSpec spec = OfSize(n_nodes, 31, Growth::kAnywhere);
    spec.n_trees = 70;
    test::ExpectSumsSame(MakeLeafMatch, spec);
  }
}

TEST(LeafMatch, AnyNumberOfColumnsIsRight) {
  for (const std::size_t n_nodes : {7, 15, 31}) {
    test::ExpectColumnsSame(MakeLeafMatch, OfSize(n_nodes, 31, Growth::kAnywhere));
  }
}

TEST(LeafMatch, RanksOfAByteFit) {
  test::ExpectRanksFit(MakeLeafMatch, OfSize(15, 31, Growth::kAnywhere));
}

TEST(LeafMatch, RefusesAThirtyThirdLeaf) {
  Dice dice(1);
  const Forest forest = test::MakeForest(OfSize(32, 31, Growth::kAnywhere), dice);
  EXPECT_EQ(test::Made(MakeLeafMatch, forest, {0, forest.n_trees()}), nullptr);
}

}  // namespace
}  // namespace copse::plan
