#include "plan/columns.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "bits.h"
#include "stumps.h"

namespace copse::plan {
namespace {

using test::Bits;
using test::kInfinity;
using test::MakeForest;
using test::Stump;
using test::StumpParts;
using namespace node_flags;  // NOLINT: their names say what they are

constexpr Forest::Rules kDoubles;
constexpr Forest::Rules kFloats = {.input = Precision::kFloat32};
constexpr std::size_t kTableBytesMax = 1 << 20;

std::optional<Columns> Compile(const std::vector<Stump>& stumps, Forest::Rules rules = kDoubles,
                               std::size_t table_bytes_max = kTableBytesMax) {
  const Forest forest = MakeForest(StumpParts(stumps, 4), rules);
  return Columns::Compile(forest, {0, forest.n_trees()}, table_bytes_max);
}

template <class Key>
std::vector<Key> KeysOf(const Columns& columns, std::size_t i = 0) {
  const auto& keys = *std::get_if<std::vector<Key>>(&columns.keys);
  const auto begin = keys.begin() + columns.ranked[i].key_begin;
  return {begin, begin + columns.ranked[i].n_keys};
}

TEST(Columns, KeysRiseAndAreDistinct) {
  const auto columns =
      Compile({{0, 2}, {0, 1}, {0, kInfinity}, {0, 2}, {0, -kInfinity}, {0, -3}, {0, -2}});
  ASSERT_TRUE(columns);
  EXPECT_EQ(KeysOf<double>(*columns), (std::vector<double>{-kInfinity, -3, -2, 1, 2, kInfinity}));
  EXPECT_EQ(columns->rank_max, 6u);
  std::vector<std::uint32_t> ranks;
  for (const NodeTest& test : columns->tests) ranks.push_back(test.rank);
  EXPECT_EQ(ranks, (std::vector<std::uint32_t>{4, 3, 5, 4, 0, 1, 2}));
}

TEST(Columns, ZerosOfBothSignsAreOneKey) {
  const auto doubles = Compile({{0, -0.0}, {0, 0.0}});
  ASSERT_TRUE(doubles);
  EXPECT_EQ(KeysOf<double>(*doubles), std::vector<double>{0});
  EXPECT_EQ(Bits(KeysOf<double>(*doubles)[0]), Bits(0.0));
  const auto floats = Compile({{0, -0.0}, {0, 0.0}}, kFloats);
  ASSERT_TRUE(floats);
  EXPECT_EQ(KeysOf<float>(*floats), std::vector<float>{0});
}

TEST(Columns, ThresholdsOfFloatRowsAreRoundedDown) {
  const float max = std::numeric_limits<float>::max();
  const float least = std::numeric_limits<float>::denorm_min();
  const auto columns = Compile({{0, 1.0},
                                {0, std::nextafter(1.0, 2.0)},
                                {0, std::nextafter(1.0, 0.0)},
                                {0, 1e300},
                                {0, -1e300},
                                {0, kInfinity},
                                {0, 1e-300},
                                {0, -1e-300}},
                               kFloats);
  ASSERT_TRUE(columns);
  EXPECT_EQ(KeysOf<float>(*columns),
            (std::vector<float>{-std::numeric_limits<float>::infinity(), -least, 0,
                                std::nextafter(1.0f, 0.0f), 1, max,
                                std::numeric_limits<float>::infinity()}));
}

TEST(Columns, ThresholdsOfDoubleRowsAreKept) {
  const auto columns = Compile({{0, 1.0}, {0, std::nextafter(1.0, 2.0)}, {0, 1e300}, {0, 1e-300}});
  ASSERT_TRUE(columns);
  EXPECT_EQ(KeysOf<double>(*columns),
            (std::vector<double>{1e-300, 1, std::nextafter(1.0, 2.0), 1e300}));
}

TEST(Columns, FloatThresholdsOfDoubleRowsAreWidened) {
  ForestParts parts = StumpParts({{0, 0}, {0, 0}}, 1);
  parts.threshold = std::vector<float>{0.1f, -0.1f};
  const auto columns = Columns::Compile(MakeForest(std::move(parts), kDoubles), {0, 2}, 0);
  ASSERT_TRUE(columns);
  EXPECT_EQ(KeysOf<double>(*columns), (std::vector<double>{-0.1f, 0.1f}));
}

// So many that they are sorted by radix, with values of all sizes and signs.
template <class Key>
void ExpectRanksOfManyThresholds(Forest::Rules rules) {
  std::mt19937_64 random(1);
  std::vector<Stump> stumps;
  for (std::size_t i = 0; i < 5000; ++i) {
    const double sign = (random() & 1) != 0 ? 1 : -1;
    const double x =
        sign * std::ldexp(static_cast<double>(random() % 64), static_cast<int>(random() % 40) - 20);
    stumps.push_back({static_cast<std::uint32_t>(random() % 2), x});
  }
  const auto columns = Compile(stumps, rules);
  ASSERT_TRUE(columns);
  ASSERT_EQ(columns->ranked.size(), 2u);
  for (std::size_t f = 0; f < 2; ++f) {
    const std::vector<Key> keys = KeysOf<Key>(*columns, f);
    ASSERT_GT(keys.size(), 1000u);
    for (std::size_t k = 1; k < keys.size(); ++k) ASSERT_LT(keys[k - 1], keys[k]);
    for (std::size_t i = 0; i < stumps.size(); ++i) {
      if (stumps[i].feature != f) continue;
      EXPECT_EQ(columns->tests[i].column, f);
      EXPECT_EQ(keys[columns->tests[i].rank], stumps[i].threshold);
    }
  }
}

TEST(Columns, ManyThresholdsOfDoubleRowsHaveTheirRanks) {
  ExpectRanksOfManyThresholds<double>(kDoubles);
}

TEST(Columns, ManyThresholdsOfFloatRowsHaveTheirRanks) {
  ExpectRanksOfManyThresholds<float>(kFloats);
}

TEST(Columns, NodesThatAgreeOnMissingShareAColumn) {
  const auto columns = Compile({{1, 1, kDefaultLeft}, {1, 2, kDefaultLeft}, {3, 2}, {3, 3}});
  ASSERT_TRUE(columns);
  ASSERT_EQ(columns->numeric.size(), 2u);
  EXPECT_EQ(columns->ranked[0].feature, 1u);
  EXPECT_EQ(columns->ranked[1].feature, 3u);
  EXPECT_EQ(columns->numeric[0].rank_of_missing, 0u);
  EXPECT_EQ(columns->numeric[1].rank_of_missing, 2u);
  EXPECT_EQ(columns->n_columns, 2u);
}

TEST(Columns, EachWayOfMissingHasAColumn) {
  const auto columns = Compile({{0, -1, kDefaultLeft},
                                {0, 0, 0},
                                {0, 1, kNanIsZero},
                                {0, 2, kMissingZero | kDefaultLeft},
                                {0, 3, kMissingZero}});
  ASSERT_TRUE(columns);
  ASSERT_EQ(columns->numeric.size(), 5u);
  std::vector<std::pair<bool, std::uint32_t>> ways;
  for (const NodeTest& test : columns->tests) {
    const NumericColumn& column = columns->numeric[test.column];
    ways.emplace_back(column.zero_is_missing, column.rank_of_missing);
  }
  EXPECT_EQ(ways, (std::vector<std::pair<bool, std::uint32_t>>{
                      {false, 0}, {false, 5}, {false, 1}, {true, 0}, {true, 5}}));
}

TEST(Columns, WaysThatDoTheSameShareAColumn) {
  // Zero is below all thresholds here, and above all there.
  const auto below = Compile({{0, 1, kNanIsZero}, {0, 2, kDefaultLeft}});
  ASSERT_TRUE(below);
  EXPECT_EQ(below->n_columns, 1u);
  const auto above = Compile({{0, -1, kNanIsZero}, {0, -2, 0}});
  ASSERT_TRUE(above);
  EXPECT_EQ(above->n_columns, 1u);
  EXPECT_EQ(above->numeric[0].rank_of_missing, 2u);
}

TEST(Columns, OfSomeTreesKnowNothingOfOthers) {
  const Forest forest =
      MakeForest(StumpParts({{0, 1}, {0, 2}, {1, 3}, {1, 4}, {2, 5}}, 4), kDoubles);
  const auto columns = Columns::Compile(forest, {1, 4}, 0);
  ASSERT_TRUE(columns);
  EXPECT_EQ(columns->tests.size(), 3u);
  EXPECT_EQ(columns->n_columns, 2u);
  EXPECT_EQ(KeysOf<double>(*columns, 0), std::vector<double>{2});
  EXPECT_EQ(KeysOf<double>(*columns, 1), (std::vector<double>{3, 4}));
  EXPECT_EQ(columns->test(3).column, 1u);
  EXPECT_EQ(columns->test(3).rank, 1u);
}

TEST(Columns, OfTreesWithoutSplitsAreNone) {
  const Forest forest = MakeForest(StumpParts({{0, 1}}, 1), kDoubles);
  const auto columns = Columns::Compile(forest, {0, 0}, 0);
  ASSERT_TRUE(columns);
  EXPECT_EQ(columns->n_columns, 0u);
  EXPECT_EQ(columns->rank_max, 0u);
}

// Category 1 is listed.
Stump Category(std::uint32_t feature, std::vector<std::uint32_t> listed, std::uint8_t flags = 0,
               std::vector<std::uint32_t> known = {}) {
  return {feature, 0, static_cast<std::uint8_t>(flags | kCategorical), std::move(listed),
          std::move(known)};
}

TEST(Columns, SameQuestionsOfACategoryShareAColumn) {
  const auto columns = Compile({Category(1, {0b10}),
                                Category(1, {0b100}),
                                Category(1, {0b10, 0}),
                                Category(2, {0b10}),
                                Category(1, {0b10}, kDefaultLeft),
                                Category(1, {0b10}, 0, {0b11}),
                                Category(1, {0b10}),
                                {1, 0.5}});
  ASSERT_TRUE(columns);
  const auto column = [&](std::size_t i) { return columns->tests[i].column; };
  EXPECT_EQ(column(2), column(0));
  EXPECT_EQ(column(6), column(0));
  const std::set<std::uint32_t> different = {column(0), column(1), column(3), column(4), column(5)};
  EXPECT_EQ(different, (std::set<std::uint32_t>{1, 2, 3, 4, 5}));
  EXPECT_EQ(column(7), 0u);  // numeric columns come first
  ASSERT_EQ(columns->categories.size(), 2u);
  EXPECT_EQ(columns->categories[0].feature, 1u);
  EXPECT_EQ(columns->categories[0].n_columns, 4u);
  EXPECT_EQ(columns->categories[0].n_codes, 3u);
  EXPECT_EQ(columns->categories[1].n_codes, 2u);
  EXPECT_EQ(columns->table.size(), (3u + 4) * 4 + (2 + 4));
  EXPECT_EQ(columns->rank_max, 1u);
}

TEST(Columns, TheTableSaysWhoGoesRight) {
  const auto columns = Compile({Category(0, {0b101}, kDefaultLeft | kMissingZero)});
  ASSERT_TRUE(columns);
  // 0 (that is, 0.5), 1, 2; no code, NaN, tiny negative, tiny positive
  EXPECT_EQ(columns->table, (std::vector<std::uint8_t>{0, 1, 0, 1, 0, 0, 0}));
}

TEST(Columns, ATableThatIsTooLargeIsNoPlan) {
  const std::vector<Stump> stumps = {Category(0, {0b101}), Category(1, {0b101})};
  EXPECT_TRUE(Compile(stumps, kDoubles, 14));
  EXPECT_FALSE(Compile(stumps, kDoubles, 13));
  EXPECT_FALSE(Compile(stumps, kDoubles, 0));
}

Forest TableForest(std::vector<double> values, std::vector<std::uint32_t> listed = {0b11}) {
  ForestParts parts = StumpParts({Category(0, std::move(listed))}, 1);
  parts.category_begin = {0, static_cast<std::uint32_t>(values.size())};
  parts.category_value = std::move(values);
  return MakeForest(std::move(parts), {.category_cast = CategoryCast::kTable});
}

TEST(Columns, CategoriesThatAreAlmostZeroAreNoPlan) {
  EXPECT_FALSE(Columns::Compile(TableForest({-1e-36, 5}), {0, 1}, kTableBytesMax));
  EXPECT_FALSE(Columns::Compile(TableForest({-5, 1e-35f}), {0, 1}, kTableBytesMax));
  EXPECT_TRUE(Columns::Compile(TableForest({0, 1.1e-35}), {0, 1}, kTableBytesMax));
}

TEST(Columns, ATableHasNoMoreCodesThanValues) {
  const auto columns = Columns::Compile(TableForest({-1.5, -2.5 + 3, kInfinity}, {~0u, ~0u}),
                                        {0, 1}, kTableBytesMax);
  ASSERT_TRUE(columns);
  EXPECT_EQ(columns->categories[0].n_codes, 3u);
  EXPECT_EQ(columns->table, (std::vector<std::uint8_t>{0, 0, 0, 1, 1, 1, 1}));
}

}  // namespace
}  // namespace copse::plan
