#include "plan/leaf_values.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "bits.h"
#include "plan/leaf_adders.h"
#include "random_forest.h"
#include "stumps.h"
#include "walk.h"

namespace copse::plan {
namespace {

using test::Dice;
using test::ForestSpec;

using Doubles = std::vector<double>;
using Slots = std::vector<std::uint32_t>;

// What a table holds, whatever memory it lies in.
template <class T>
std::vector<T> Plain(const LargeVector<T>& table) {
  return {table.begin(), table.end()};
}

constexpr std::size_t kTrees = 6;

// Stumps on feature 0 whose leaves hold `values`, `base.size()` numbers each.
Forest VectorForest(Doubles values, Doubles base, Forest::Rules rules = {}) {
  const std::size_t n_stumps = values.size() / base.size() / 2;
  ForestParts parts = test::StumpParts(std::vector<test::Stump>(n_stumps), 1);
  parts.leaf_width = base.size();
  parts.leaf_value = std::move(values);
  parts.base = std::move(base);
  return test::MakeForest(std::move(parts), rules);
}

LeafValues Compiled(const Forest& forest, const Slots& slots) {
  return LeafValues::Compile(forest, {0, forest.n_trees()}, slots);
}

TEST(LeafValues, OneClassIsItsNumberAndOtherRowsAreKeptOnce) {
  const Forest forest =
      VectorForest({0, 1, 0, 0.25, 0.75, 0, 0, 0, 1, 0.5, 0.5, 0}, {0.125, 0, -1});
  const LeafValues values = Compiled(forest, {0, 1, 2, 3, 1, 0});
  EXPECT_EQ(values.kind, SumKind::kVector);
  EXPECT_EQ(Plain(values.payload), (Slots{1, 3, 2, 4, 3, 1}));
  EXPECT_EQ(Plain(values.vectors), (Doubles{0.25, 0.75, 0, 0.5, 0.5, 0}));
}

TEST(LeafValues, OnlyOneAndZerosAreAClass) {
  const Doubles values = {1, 1, 0, 0, 2, 0, 1, -0.0, 1, test::kNan, 1, 5e-324};
  const Forest forest = VectorForest(values, {0, 0}, {.allow_nonfinite = true});
  const LeafValues compiled = Compiled(forest, {0, 1, 2, 3, 4, 5});
  EXPECT_EQ(Plain(compiled.payload),
            (Slots{2, 3, 4, 0, 5, 6}));  // adding -0.0 changes nothing either
}

// -0.0 + 0.0 is 0.0: from there, zeros have to be added.
TEST(LeafValues, ZerosCountWhereASumStartsFromMinusZero) {
  const Doubles leaves = {1, 0, 0, 1};
  EXPECT_EQ(Plain(Compiled(VectorForest(leaves, {0, -0.0}), {0, 1}).payload), (Slots{2, 3}));
  const Forest::Rules mean = {.aggregation = Aggregation::kMean};  // starts from 0.0
  EXPECT_EQ(Plain(Compiled(VectorForest(leaves, {0, -0.0}, mean), {0, 1}).payload), (Slots{0, 1}));
}

TEST(LeafValues, MinusZeroIsWhatThePlainWalkAnswers) {
  for (const double zero : {0.0, -0.0}) {
    const Forest forest = VectorForest({1, zero, 1, zero, 1, zero, 1, zero}, {-0.0, -0.0});
    const LeafValues values = Compiled(forest, {0, 1, 2, 3});
    const double row = 0;
    Doubles sums(2), expected(2);
    walk::Start(forest, sums);
    forest.PredictMargins(std::span(&row, 1), expected);
    const Adding adding = {&forest, {0, 2}, &values, {nullptr, &row, 1, 1}, sums.data()};
    for (std::size_t t = 0; t < 2; ++t) AddSlot<SumKind::kVector>(adding, t, 2 * t, 0);
    EXPECT_EQ(std::memcmp(sums.data(), expected.data(), sizeof(double) * 2), 0) << zero;
    walk::Start(forest, sums);
    const auto payload_of = [&](std::size_t t, std::size_t) { return values.payload[2 * t]; };
    AddVectors(values, 2, 1, payload_of, sums.data());
    EXPECT_EQ(std::memcmp(sums.data(), expected.data(), sizeof(double) * 2), 0) << zero;
  }
}

TEST(LeafValues, NumbersAreRoundedOnceWhereSumsAre) {
  const Forest::Rules floats = {.accumulate = Precision::kFloat32};
  const LeafValues values = Compiled(VectorForest({0.1, 1e300, 3, 4}, {0}, floats), {1, 0});
  EXPECT_EQ(values.kind, SumKind::kFloat);
  EXPECT_EQ(Plain(values.floats), (std::vector<float>{static_cast<float>(1e300), 0.1f}));
  EXPECT_EQ(Plain(Compiled(VectorForest({0.1, 1e300, 3, 4}, {0}), {1, 0}).doubles),
            (Doubles{1e300, 0.1}));
}

TEST(LeafValues, OutputsAreThoseOfTheRange) {
  ForestParts parts = test::StumpParts(std::vector<test::Stump>(3), 1);
  parts.tree_output = {2, 0, 1};
  parts.base = Doubles{0, 0, 0};
  const Forest forest = test::MakeForest(std::move(parts), {});
  const LeafValues values = LeafValues::Compile(forest, {1, 3}, Slots{2, 3, 4, 5});
  EXPECT_EQ(values.outputs, (std::vector<std::uint16_t>{0, 1}));
}

// A forest, and any leaf of it for each of its trees.
struct Case {
  std::string name;
  SumKind kind;
  ForestSpec spec;
};

std::vector<Case> Cases() {
  const auto spec = [](Forest::Rules rules, std::size_t n_outputs, bool vectors) {
    ForestSpec out;
    out.n_trees = kTrees;
    out.n_outputs = n_outputs;
    out.vector_leaves = vectors;
    out.pure_leaves = vectors;
    out.rules = rules;
    return out;
  };
  const Forest::Rules doubles = {};
  const Forest::Rules floats = {.accumulate = Precision::kFloat32};
  const Forest::Rules mean = {.aggregation = Aggregation::kMean};
  const Forest::Rules smallest = {.aggregation = Aggregation::kMin};
  const Forest::Rules largest = {.accumulate = Precision::kFloat32,
                                 .aggregation = Aggregation::kMax};
  ForestSpec linear = spec(doubles, 1, false);
  linear.linear_leaves = true;
  return {{"floats", SumKind::kFloat, spec(floats, 1, false)},
          {"floats of classes", SumKind::kFloat, spec(floats, 3, false)},
          {"doubles", SumKind::kDouble, spec(doubles, 1, false)},
          {"doubles of classes", SumKind::kDouble, spec(mean, 3, false)},
          {"vectors", SumKind::kVector, spec(mean, 3, true)},
          {"vectors of two", SumKind::kVector, spec(doubles, 2, true)},
          {"vectors of four", SumKind::kVector, spec(mean, 4, true)},
          {"vectors on a base", SumKind::kVector, spec(doubles, 7, true)},
          {"vectors of floats", SumKind::kGeneral, spec(floats, 3, true)},
          {"smallest", SumKind::kGeneral, spec(smallest, 1, false)},
          {"largest vector", SumKind::kGeneral, spec(largest, 3, true)},
          {"linear leaves", SumKind::kGeneral, linear}};
}

// Adds any leaf of any tree to row `r`, once as the plain walk does and twice as layouts do.
template <class Number>
void ExpectSameSums(const Forest& forest, SumKind kind, const std::vector<Number>& rows,
                    Dice& dice) {
  Slots slots(forest.n_leaves());
  for (std::uint32_t i = 0; i < slots.size(); ++i) slots[i] = i;
  for (std::size_t i = slots.size(); i > 1; --i) std::swap(slots[i - 1], slots[dice.Below(i)]);
  const TreeRange range = {1, forest.n_trees()};
  const LeafValues values = LeafValues::Compile(forest, range, slots);
  ASSERT_EQ(values.kind, kind);
  const std::size_t n_outputs = forest.n_outputs(), n_rows = rows.size() / forest.n_features();
  Doubles walked(n_rows * n_outputs);
  for (std::size_t r = 0; r < n_rows; ++r) {
    walk::Start(forest, std::span(walked).subspan(r * n_outputs, n_outputs));
  }
  Doubles by_tree = walked, by_row = walked;
  RowBlock block;
  block.n_features = forest.n_features();
  block.n_rows = n_rows;
  if constexpr (sizeof(Number) == 4) {
    block.floats = rows.data();
  } else {
    block.doubles = rows.data();
  }
  const auto any_slot = [&](std::size_t t, std::size_t r) {
    return (7 * t + 3 * r) % slots.size();
  };
  const Adding adding = {&forest, range, &values, block, by_tree.data()};
  Adding other = adding;
  other.sums = by_row.data();
  WithSumKind(values.kind, [&](auto each) {
    for (std::size_t t = 0; t < range.size(); ++t) {
      for (std::size_t r = 0; r < n_rows; ++r) AddSlot<each()>(adding, t, any_slot(t, r), r);
    }
    if constexpr (each() == SumKind::kVector) {
      const auto payload_of = [&](std::size_t t, std::size_t r) {
        return values.payload[any_slot(t, r)];
      };
      AddVectors(values, range.size(), n_rows, payload_of, by_row.data());
    } else {
      for (std::size_t r = 0; r < n_rows; ++r) {
        RowSum<each()> sum(other, r);
        for (std::size_t t = 0; t < range.size(); ++t) sum.Add(t, any_slot(t, r));
      }
    }
  });
  for (std::size_t r = 0; r < n_rows; ++r) {
    for (std::size_t t = 0; t < range.size(); ++t) {
      walk::AddLeaf(forest, range.begin + t, slots[any_slot(t, r)],
                    rows.data() + r * forest.n_features(),
                    std::span(walked).subspan(r * n_outputs, n_outputs));
    }
  }
  for (double& x : walked) x = x == x ? x : test::kNan;  // whose sign nobody promises
  for (Doubles* sums : {&by_tree, &by_row}) {
    for (double& x : *sums) x = x == x ? x : test::kNan;
    EXPECT_EQ(std::memcmp(walked.data(), sums->data(), walked.size() * sizeof(double)), 0)
        << (sums == &by_tree ? "by tree" : "by row");
  }
}

TEST(LeafAdders, AddWhatThePlainWalkAdds) {
  for (const Case& each : Cases()) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      SCOPED_TRACE(each.name + ", seed " + std::to_string(seed));
      Dice dice(seed);
      const Forest forest = test::MakeForest(each.spec, dice);
      const Doubles rows = test::MakeRows(forest, 30, dice);
      ExpectSameSums(forest, each.kind, rows, dice);
      ExpectSameSums(forest, each.kind, test::Narrowed(rows), dice);
    }
  }
}

}  // namespace
}  // namespace copse::plan
