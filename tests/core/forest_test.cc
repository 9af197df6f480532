#include "copse/forest.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "bits.h"

namespace copse {
namespace {

using test::Bits;
using test::kInfinity;
using test::kNan;

using Doubles = std::vector<double>;
using Floats = std::vector<float>;
constexpr Forest::Rules kRules;  // double throughout, summed
constexpr Forest::Rules kFloatRules = {.input = Precision::kFloat32,
                                       .accumulate = Precision::kFloat32};

// One split on feature 0 at `threshold`: left leaf 10, right leaf 20.
ForestParts Stump(double threshold = 2.5, std::uint8_t flags = 0) {
  ForestParts parts;
  parts.n_features = 1;
  parts.tree_begin = {0, 1};
  parts.tree_root = {0};
  parts.left = {~0};
  parts.right = {~1};
  parts.feature = {0};
  parts.threshold = Doubles{threshold};
  parts.flags = {flags};
  parts.leaf_value = Doubles{10, 20};
  parts.base = Doubles{0};
  return parts;
}

// The same split asked of a category: codes 1 and 33 are listed.
ForestParts CategoryStump(std::uint8_t flags = 0) {
  ForestParts parts = Stump(0, flags | node_flags::kCategorical);
  parts.cat_node = {0};
  parts.cat_begin = {0, 2};
  parts.cat_words = {0b10, 0b10};
  return parts;
}

// Trees of one leaf each, with these values.
ForestParts Constants(Doubles values) {
  ForestParts parts;
  parts.n_features = 1;
  parts.tree_begin.assign(values.size() + 1, 0);
  for (std::size_t t = 0; t < values.size(); ++t) parts.tree_root.push_back(~static_cast<int>(t));
  parts.threshold = Doubles{};
  parts.leaf_value = std::move(values);
  parts.base = Doubles{0};
  return parts;
}

Forest Make(ForestParts parts, Forest::Rules rules = kRules) {
  auto forest = Forest::Create(std::move(parts), rules);
  if (!forest.ok()) {
    ADD_FAILURE() << forest.error().message;
    std::abort();
  }
  return std::move(forest).value();
}

// Margins of one row; the float entry must give the same bits where the row is made of floats.
Doubles MarginsOf(const Forest& forest, const Doubles& row) {
  Doubles margins(forest.n_outputs()), again(forest.n_outputs());
  forest.PredictMargins(row, margins);
  if (test::AreFloats(row)) {
    forest.PredictMargins(Floats(row.begin(), row.end()), again);
    for (std::size_t k = 0; k < margins.size(); ++k) EXPECT_EQ(Bits(margins[k]), Bits(again[k]));
  }
  return margins;
}

double MarginOf(const Forest& forest, double x) { return MarginsOf(forest, {x})[0]; }

TEST(Reals, AreCountedAndReadInBothWidths) {
  const Reals floats = Floats{0.1f, 2}, doubles = Doubles{0.1};
  EXPECT_EQ(Count(floats), 2u);
  EXPECT_EQ(At(floats, 0), 0.1f);
  EXPECT_EQ(Count(doubles), 1u);
  EXPECT_EQ(At(doubles, 0), 0.1);
}

TEST(PredictMargins, ValueEqualToTheThresholdGoesLeft) {
  const Forest forest = Make(Stump());
  EXPECT_EQ(MarginOf(forest, 2.5), 10);
  EXPECT_EQ(MarginOf(forest, std::nextafter(2.5, 3.0)), 20);
  EXPECT_EQ(MarginOf(forest, -kInfinity), 10);
  EXPECT_EQ(MarginOf(forest, kInfinity), 20);
}

TEST(PredictMargins, InfiniteThresholdsSendEverythingOneWay) {
  EXPECT_EQ(MarginOf(Make(Stump(kInfinity)), kInfinity), 10);
  EXPECT_EQ(MarginOf(Make(Stump(-kInfinity)), -1e308), 20);
  EXPECT_EQ(MarginOf(Make(Stump(-kInfinity)), -kInfinity), 10);
}

TEST(PredictMargins, ZerosAreEqualAndSubnormalsAreNotZero) {
  const Forest forest = Make(Stump(0));
  EXPECT_EQ(MarginOf(forest, -0.0), 10);
  EXPECT_EQ(MarginOf(forest, 0x1p-1074), 20);
}

TEST(PredictMargins, FloatInputIsRoundedToNearestEvenBeforeComparing) {
  const double tie = 1 + 0x1p-24;  // halfway between 1 and the float after it
  const Forest narrow = Make(Stump(1), kFloatRules);
  EXPECT_EQ(MarginOf(narrow, tie), 10);
  EXPECT_EQ(MarginOf(narrow, std::nextafter(tie, 2.0)), 20);
  const Forest next = Make(Stump(1 + 0x1p-23), kFloatRules);
  EXPECT_EQ(MarginOf(next, 1 + 0x1p-23 + 0x1p-24), 20) << "the even neighbour is above";
  EXPECT_EQ(MarginOf(Make(Stump(1)), tie), 20) << "double input keeps every bit";
}

TEST(PredictMargins, FloatInputAgainstADoubleThreshold) {
  const Forest forest = Make(Stump(0.1), kFloatRules);
  EXPECT_EQ(MarginOf(forest, 0.1f), 20) << "0.1f is above 0.1";
  EXPECT_EQ(MarginOf(forest, std::nextafter(0.1f, 0.0f)), 10);
}

TEST(PredictMargins, DoubleInputAgainstAFloatThreshold) {
  ForestParts parts = Stump();
  parts.threshold = Floats{0.1f};
  const Forest forest = Make(parts);
  EXPECT_EQ(MarginOf(forest, 0.1f), 10);
  EXPECT_EQ(MarginOf(forest, std::nextafter(static_cast<double>(0.1f), 1.0)), 20);
}

TEST(MissingRule, NanGoesTheDefaultWay) {
  EXPECT_EQ(MarginOf(Make(Stump(2.5, node_flags::kDefaultLeft)), kNan), 10);
  EXPECT_EQ(MarginOf(Make(Stump(2.5, 0)), kNan), 20);
}

TEST(MissingRule, NanIsReadAsZero) {
  const auto flags = node_flags::kNanIsZero;
  EXPECT_EQ(MarginOf(Make(Stump(0, flags)), kNan), 10);
  EXPECT_EQ(MarginOf(Make(Stump(-0x1p-1074, flags | node_flags::kDefaultLeft)), kNan), 20);
}

TEST(MissingRule, AlmostZeroIsMissingToo) {
  const Forest forest = Make(Stump(-1, node_flags::kMissingZero | node_flags::kDefaultLeft));
  const double edge = 1e-35f;
  for (const double x : {0.0, -0.0, edge, -edge, kNan}) EXPECT_EQ(MarginOf(forest, x), 10) << x;
  EXPECT_EQ(MarginOf(forest, std::nextafter(edge, 1.0)), 20);
  EXPECT_EQ(MarginOf(forest, std::nextafter(-edge, -1.0)), 20);
  EXPECT_EQ(MarginOf(forest, -1), 10);
}

TEST(MissingRule, OnlyNanIsMissingUnlessTheRuleSaysSo) {
  EXPECT_EQ(MarginOf(Make(Stump(-1, node_flags::kDefaultLeft)), 0), 20);
}

TEST(Categories, ListedGoLeftAndOthersRight) {
  const Forest forest = Make(CategoryStump());
  for (const double listed : {1.0, 33.0, 1.9, 33.5}) EXPECT_EQ(MarginOf(forest, listed), 10);
  for (const double other : {0.0, 2.0, 0.99, 32.0, 34.0}) EXPECT_EQ(MarginOf(forest, other), 20);
}

TEST(Categories, BeyondTheSetAndNoCodeAreNotListed) {
  const Forest forest = Make(CategoryStump());
  for (const double x : {-1.0, -0x1p-1074, 64.0, 65.0, 0x1p32, 0x1p32 + 1, 1e300, kInfinity}) {
    EXPECT_EQ(MarginOf(forest, x), 20) << x;
  }
  EXPECT_EQ(MarginOf(forest, -kInfinity), 20);
}

TEST(Categories, InvertedSetsSendListedRight) {
  const Forest forest = Make(CategoryStump(node_flags::kListedRight));
  EXPECT_EQ(MarginOf(forest, 1), 20);
  EXPECT_EQ(MarginOf(forest, 2), 10);
  EXPECT_EQ(MarginOf(forest, -1), 10);
  EXPECT_EQ(MarginOf(forest, kInfinity), 10);
}

TEST(Categories, NanGoesTheDefaultWay) {
  EXPECT_EQ(MarginOf(Make(CategoryStump()), kNan), 20);
  EXPECT_EQ(MarginOf(Make(CategoryStump(node_flags::kDefaultLeft)), kNan), 10);
}

TEST(Categories, NanReadAsZeroIsCategoryZero) {
  ForestParts parts = CategoryStump(node_flags::kNanIsZero);
  parts.cat_words = {0b01, 0};
  EXPECT_EQ(MarginOf(Make(parts), kNan), 10);
}

TEST(Categories, NegativeFractionsAreNoCategoryUnlessTruncatedFirst) {
  ForestParts parts = CategoryStump();
  parts.cat_words = {0b01, 0};
  const Forest plain = Make(parts),
               truncating = Make(parts, {.category_cast = CategoryCast::kTruncate});
  EXPECT_EQ(MarginOf(plain, -0.5), 20);
  EXPECT_EQ(MarginOf(plain, -0.0), 10);
  EXPECT_EQ(MarginOf(truncating, -0.5), 10);
  EXPECT_EQ(MarginOf(truncating, std::nextafter(-1.0, 0.0)), 10);
  EXPECT_EQ(MarginOf(truncating, -1), 20);
}

// Codes 1 and 33 are listed; training saw 0 to 3 and 33.
Forest KnownCategories(std::uint8_t flags) {
  ForestParts parts = CategoryStump(flags);
  parts.known_begin = {0, 2};
  parts.known_words = {0b1111, 0b10};
  return Make(parts);
}

// Values -0.5, 7 and 1e10 of a second feature; positions 1 and 2 are listed.
ForestParts TableStump() {
  ForestParts parts = CategoryStump();
  parts.n_features = 2;
  parts.feature = {1};
  parts.cat_begin = {0, 1};
  parts.cat_words = {0b110};
  parts.category_begin = {0, 1, 4};
  parts.category_value = {3, -0.5, 7, 1e10};
  return parts;
}

TEST(CategoryTable, LooksForThePositionOfTheValue) {
  const Forest forest = Make(TableStump(), {.category_cast = CategoryCast::kTable});
  EXPECT_EQ(MarginsOf(forest, {0, -0.5}), Doubles{20});
  EXPECT_EQ(MarginsOf(forest, {0, 7}), Doubles{10});
  EXPECT_EQ(MarginsOf(forest, {0, 1e10}), Doubles{10});
  for (const double x :
       {1.0, 2.0, 3.0, 7.5, std::nextafter(7.0, 8.0), -1.0, 1e300, -kInfinity, kInfinity, kNan}) {
    EXPECT_EQ(MarginsOf(forest, {0, x}), Doubles{20}) << x;
  }
}

TEST(CategoryTable, ZerosAreEqual) {
  ForestParts parts = TableStump();
  parts.category_value = {3, -1, -0.0, 4};
  const Forest forest = Make(parts, {.category_cast = CategoryCast::kTable});
  EXPECT_EQ(MarginsOf(forest, {0, 0.0}), Doubles{10});
  EXPECT_EQ(MarginsOf(forest, {0, -0.0}), Doubles{10});
}

TEST(CategoryTable, OfAFeatureWithoutValuesKnowsNothing) {
  ForestParts parts = TableStump();
  parts.category_begin = {0, 0, 0};
  parts.category_value = {};
  const Forest forest = Make(parts, {.category_cast = CategoryCast::kTable});
  EXPECT_EQ(MarginsOf(forest, {0, 1}), Doubles{20});
}

TEST(KnownCategories, UnknownOnesGoTheWayOfTheMissing) {
  const Forest forest = KnownCategories(node_flags::kDefaultLeft);
  EXPECT_EQ(MarginOf(forest, 1), 10);
  EXPECT_EQ(MarginOf(forest, 2), 20) << "known and not listed";
  for (const double unknown : {4.0, 32.0, 1000.0, -1.0, kInfinity}) {
    EXPECT_EQ(MarginOf(forest, unknown), 10) << unknown;
  }
  EXPECT_EQ(MarginOf(KnownCategories(0), 4), 20);
}

TEST(KnownCategories, InvertedSetsKeepTheWayOfTheUnknown) {
  const Forest forest = KnownCategories(node_flags::kListedRight);
  EXPECT_EQ(MarginOf(forest, 1), 20);
  EXPECT_EQ(MarginOf(forest, 2), 10);
  EXPECT_EQ(MarginOf(forest, 4), 20) << "missing goes right";
}

// Node 0 splits feature 0 by threshold; its children ask categories of feature 1, each its own.
TEST(Categories, EachNodeHasItsOwnSet) {
  ForestParts parts = Stump();
  parts.n_features = 2;
  parts.tree_begin = {0, 3};
  parts.left = {1, ~0, ~2};
  parts.right = {2, ~1, ~3};
  parts.feature = {0, 1, 1};
  parts.threshold = Doubles{2.5, 0, 0};
  parts.flags = {0, node_flags::kCategorical, node_flags::kCategorical};
  parts.cat_node = {1, 2};
  parts.cat_begin = {0, 1, 2};
  parts.cat_words = {0b001, 0b100};
  parts.leaf_value = Doubles{1, 2, 3, 4};
  const Forest forest = Make(parts);
  EXPECT_EQ(MarginsOf(forest, {0, 0})[0], 1);
  EXPECT_EQ(MarginsOf(forest, {0, 2})[0], 2);
  EXPECT_EQ(MarginsOf(forest, {9, 2})[0], 3);
  EXPECT_EQ(MarginsOf(forest, {9, 0})[0], 4);
}

TEST(Sum, StartsFromTheBaseAndAddsInFileOrder) {
  ForestParts parts = Constants({1, 1, -0x1p53});
  parts.base = Doubles{0x1p53};
  EXPECT_EQ(MarginOf(Make(parts), 0), 0) << "each 1 is lost beside 2^53";
  parts.leaf_value = Doubles{-0x1p53, 1, 1};
  EXPECT_EQ(MarginOf(Make(parts), 0), 2);
}

TEST(Sum, WithoutTreesIsTheBase) {
  ForestParts parts = Constants({});
  parts.base = Doubles{0.1};
  EXPECT_EQ(MarginOf(Make(parts), 0), 0.1);
}

TEST(Sum, InFloatRoundsAfterEveryAddition) {
  ForestParts parts = Constants({0x1p-24, 0x1p-24, 0x1p-24});
  parts.base = Doubles{1};
  EXPECT_EQ(MarginOf(Make(parts, kFloatRules), 0), 1) << "each is half a step: to even";
  EXPECT_EQ(MarginOf(Make(parts), 0), 1 + 3 * 0x1p-24);
}

TEST(Sum, InFloatRoundsBaseAndLeavesFirst) {
  ForestParts parts = Constants({0.1});
  EXPECT_EQ(MarginOf(Make(parts, kFloatRules), 0), 0.1f);
  parts.base = Doubles{0.3};
  EXPECT_EQ(MarginOf(Make(parts, kFloatRules), 0), 0.3f + 0.1f);
  parts.leaf_value = Floats{0.1f};
  parts.base = Floats{0.3f};
  EXPECT_EQ(MarginOf(Make(parts, kFloatRules), 0), 0.3f + 0.1f);
}

constexpr Forest::Rules kMeanRules = {.aggregation = Aggregation::kMean};

TEST(Mean, DividesTheSumOnce) {
  const ForestParts parts = Constants({0.1, 0.2, 0.4});
  EXPECT_EQ(MarginOf(Make(parts, kMeanRules), 0), ((0.1 + 0.2) + 0.4) / 3);
}

TEST(Mean, AddsTheBaseAfterwards) {
  ForestParts parts = Constants({1, 2});
  parts.base = Doubles{10};
  EXPECT_EQ(MarginOf(Make(parts, kMeanRules), 0), 11.5);
}

TEST(Mean, InFloatDividesInFloat) {
  Forest::Rules rules = kFloatRules;
  rules.aggregation = Aggregation::kMean;
  const ForestParts parts = Constants({0.1, 0.2, 0.4});
  EXPECT_EQ(MarginOf(Make(parts, rules), 0), ((0.1f + 0.2f) + 0.4f) / 3.0f);
}

TEST(Mean, DividesEachOutputByItsOwnTrees) {
  ForestParts parts = Constants({1, 2, 6});
  parts.tree_output = {1, 1, 0};
  parts.base = Doubles{0, 7};
  EXPECT_EQ(MarginsOf(Make(parts, kMeanRules), {0}), (Doubles{6, 8.5}));
}

constexpr Forest::Rules kMinRules = {.aggregation = Aggregation::kMin};
constexpr Forest::Rules kMaxRules = {.aggregation = Aggregation::kMax};

TEST(Extremes, TakeTheSmallestOrLargestTreeAndAddTheBase) {
  ForestParts parts = Constants({3, -2, 7});
  EXPECT_EQ(MarginOf(Make(parts, kMinRules), 0), -2);
  EXPECT_EQ(MarginOf(Make(parts, kMaxRules), 0), 7);
  parts.base = Doubles{10};
  EXPECT_EQ(MarginOf(Make(parts, kMinRules), 0), 8);
  EXPECT_EQ(MarginOf(Make(parts, kMaxRules), 0), 17);
}

TEST(Extremes, StartFromTheFirstTreeOfEachOutput) {
  ForestParts parts = Constants({3, 2, -7, -5});
  parts.tree_output = {0, 0, 1, 1};
  parts.base = Doubles{0, 0};
  EXPECT_EQ(MarginsOf(Make(parts, kMinRules), {0}), (Doubles{2, -7}));
  EXPECT_EQ(MarginsOf(Make(parts, kMaxRules), {0}), (Doubles{3, -5}));
}

TEST(Extremes, PassOverNan) {
  Forest::Rules rules = kMinRules;
  rules.allow_nonfinite = true;
  EXPECT_EQ(MarginOf(Make(Constants({kNan, 5, kNan, 4}), rules), 0), 4);
  EXPECT_EQ(MarginOf(Make(Constants({kNan, kInfinity}), rules), 0), kInfinity);
  EXPECT_EQ(Bits(MarginOf(Make(Constants({kNan}), rules), 0)), Bits(kNan));
}

TEST(Extremes, InFloatRoundLeavesAndBase) {
  Forest::Rules rules = kFloatRules;
  rules.aggregation = Aggregation::kMax;
  ForestParts parts = Constants({0.1, 0.3});
  parts.base = Doubles{0.7};
  EXPECT_EQ(MarginOf(Make(parts, rules), 0), 0.7f + 0.3f);
}

TEST(Outputs, ScalarLeavesAddToTheOutputOfTheirTree) {
  ForestParts parts = Constants({1, 2, 4, 8});
  parts.tree_output = {0, 2, 0, 2};
  parts.base = Doubles{100, 200, 300};
  EXPECT_EQ(MarginsOf(Make(parts), {0}), (Doubles{105, 200, 310}));
}

TEST(Outputs, VectorLeavesAddToAll) {
  ForestParts parts = Stump();
  parts.leaf_width = 3;
  parts.leaf_value = Doubles{1, 2, 3, 4, 5, 6};
  parts.base = Doubles{0, 0, 10};
  const Forest forest = Make(parts);
  EXPECT_EQ(MarginsOf(forest, {0}), (Doubles{1, 2, 13}));
  EXPECT_EQ(MarginsOf(forest, {9}), (Doubles{4, 5, 16}));
}

TEST(Outputs, LeavesShareDistinctRows) {
  ForestParts parts = Stump();
  parts.tree_begin = {0, 1, 1};
  parts.tree_root = {0, ~2};
  parts.leaf_row = {1, 0, 1};
  const Forest forest = Make(parts);
  EXPECT_EQ(MarginOf(forest, 0), 40);
  EXPECT_EQ(MarginOf(forest, 9), 30);
}

// Tree 0: x0 <= 2.5 ? (x0 <= 1.5 ? leaf 1 : leaf 0) : leaf 1. Tree 1 is leaf 1 alone, leaf 2
// unused.
ForestParts SharedLeaves() {
  ForestParts parts = Stump();
  parts.tree_begin = {0, 2, 2};
  parts.tree_root = {0, ~1};
  parts.left = {1, ~1};
  parts.right = {~1, ~0};
  parts.feature = {0, 0};
  parts.threshold = Doubles{2.5, 1.5};
  parts.flags = {0, 0};
  parts.leaf_value = Doubles{10, 20, 30};
  return parts;
}

TEST(SharedLeaves, AreAddedWhereverTheyStand) {
  const Forest forest = Make(SharedLeaves());
  EXPECT_EQ(forest.n_leaves(), 3u);
  EXPECT_EQ(forest.max_depth(), 2u);
  for (const double shared : {0.0, 1.5, 9.0}) EXPECT_EQ(MarginOf(forest, shared), 40) << shared;
  EXPECT_EQ(MarginOf(forest, 2), 30);
}

TEST(SharedLeaves, MayShareRowsToo) {
  ForestParts parts = SharedLeaves();
  parts.leaf_row = {2, 0};
  const Forest forest = Make(std::move(parts));
  EXPECT_EQ(forest.n_leaves(), 2u);
  EXPECT_EQ(MarginOf(forest, 0), 20);
  EXPECT_EQ(MarginOf(forest, 2), 40);
}

TEST(SharedLeaves, HaveOneNumberEach) {
  std::vector<std::uint32_t> leaves(6);
  Make(SharedLeaves()).FindLeaves(Doubles{0, 2, 9}, leaves);
  EXPECT_EQ(leaves, (std::vector<std::uint32_t>{1, 1, 0, 1, 1, 1}));
}

std::string Refusal(ForestParts parts) {
  const auto forest = Forest::Create(std::move(parts), kRules);
  return forest.ok() ? "ok" : forest.error().message;
}

TEST(SharedLeaves, AreNotSharedWhereATensorSpeaksOfPlaces) {
  ForestParts parts = SharedLeaves();
  parts.node_cover = Doubles{5, 3};
  EXPECT_EQ(Refusal(parts), "ok") << "nodes have their places in any case";
  parts.leaf_row = {0, 1, 2, 2};
  parts.leaf_cover = Doubles{1, 2, 3, 4};
  EXPECT_EQ(
      Refusal(parts),
      "node.left[1] is -2, and leaf 1 has a parent already: with leaf.cover no leaf is shared");
  parts.right = {~2, ~0};
  EXPECT_EQ(Refusal(parts),
            "tree.root[1] is -2, and leaf 1 has a parent already: with leaf.cover no leaf is "
            "shared");
  parts.tree_root = {0, ~3};
  EXPECT_EQ(Refusal(parts), "ok");
  parts.leaf_row.push_back(0);
  EXPECT_EQ(Refusal(parts),
            "leaf.row has 5 elements, and 4 were expected: with leaf.cover no leaf is shared, and "
            "binary trees have a leaf more than nodes");
}

TEST(SharedLeaves, NodesHaveOneParentAllTheSame) {
  ForestParts parts = SharedLeaves();
  parts.right = {1, ~0};
  EXPECT_EQ(Refusal(parts), "node.right[0] is 1, which has a parent already");
  parts.left = {~0, ~1};
  parts.right = {~1, ~0};
  EXPECT_EQ(Refusal(parts), "node 1 belongs to tree 0 but is no child");
}

TEST(SharedLeaves, AForestWithoutTreesMayHaveUnusedLeaves) {
  ForestParts parts = Constants({});
  parts.leaf_value = Doubles{1, 2};
  parts.base = Doubles{7};
  EXPECT_EQ(MarginOf(Make(std::move(parts)), 0), 7);
}

// Left leaf: 10 + 2 x0 - x1. Right leaf: 5 and no terms.
ForestParts LinearLeaves() {
  ForestParts parts = Stump();
  parts.n_features = 2;
  parts.linear_begin = {0, 2, 2};
  parts.linear_feature = {0, 1};
  parts.linear_coef = {2, -1};
  parts.linear_const = {10, 5};
  return parts;
}

TEST(LinearLeaves, AddTermsToTheConstant) {
  const Forest forest = Make(LinearLeaves());
  EXPECT_EQ(MarginsOf(forest, {1, 0.25})[0], 11.75);
  EXPECT_EQ(MarginsOf(forest, {3, kNan})[0], 5) << "no terms: the constant, not the leaf value";
}

TEST(LinearLeaves, FallBackToTheLeafValueWhereATermIsNan) {
  EXPECT_EQ(MarginsOf(Make(LinearLeaves()), {1, kNan})[0], 10);
}

TEST(LinearLeaves, AddInOrderInDouble) {
  ForestParts parts = LinearLeaves();
  parts.linear_const = {0x1p53, 5};
  parts.linear_coef = {1, 1};
  EXPECT_EQ(MarginsOf(Make(parts), {1, 1})[0], 0x1p53);
  parts.linear_const = {0x1p53, 5};
  parts.linear_coef = {-0x1p53, 1};
  EXPECT_EQ(MarginsOf(Make(parts), {1, 1})[0], 1);
}

TEST(PredictMargins, DoesEveryRowByItself) {
  const Forest forest = Make(Stump());
  const Doubles rows = {2, 3, kNan, 2.5};
  Doubles margins(4);
  forest.PredictMargins(rows, margins);
  EXPECT_EQ(margins, (Doubles{10, 20, 20, 10}));
  forest.PredictMargins(std::span<const double>{}, std::span<double>{});
}

TEST(PredictMargins, GivesOneNanOnly) {
  ForestParts parts = Constants({kInfinity, -kInfinity});
  const Forest forest = Make(parts, {.allow_nonfinite = true});
  EXPECT_EQ(Bits(MarginsOf(forest, {0})[0]), Bits(kNan));
}

TEST(FindLeaves, NumbersLeavesAsTheFileDoes) {
  ForestParts parts = Stump();
  parts.tree_begin = {0, 1, 1};
  parts.tree_root = {0, ~2};
  parts.leaf_row = {1, 0, 1};
  std::vector<std::uint32_t> leaves(4);
  Make(parts).FindLeaves(Doubles{0, 9}, leaves);
  EXPECT_EQ(leaves, (std::vector<std::uint32_t>{0, 2, 1, 2}));
}

TEST(FindLeaves, PrefersTheNumbersOfTheEngine) {
  ForestParts parts = Stump();
  parts.leaf_id = {7, 3};
  std::vector<std::uint32_t> leaves(2);
  Make(parts).FindLeaves(Doubles{0, 9}, leaves);
  EXPECT_EQ(leaves, (std::vector<std::uint32_t>{7, 3}));
}

}  // namespace
}  // namespace copse
