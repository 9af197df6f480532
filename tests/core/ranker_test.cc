#include "plan/ranker.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "bits.h"
#include "stumps.h"
#include "targets.h"
#include "walk.h"

namespace copse::plan {
namespace {

using test::kInfinity;
using test::kNan;
using test::MakeForest;
using test::Stump;
using test::StumpParts;
using namespace node_flags;  // NOLINT: their names say what they are

using Doubles = std::vector<double>;

constexpr Forest::Rules kDoubles;
constexpr Forest::Rules kFloats = {.input = Precision::kFloat32};
constexpr double kAlmostZero = 1e-35f;

// A forest with its columns, and what the plain walk answers to each row at each node.
struct Subject {
  Forest forest;
  Columns columns;
  Doubles rows;  // [n_rows, n_features]
  std::vector<bool> left;

  std::size_t n_rows() const { return rows.size() / forest.n_features(); }

  // Where there are very many answers, each row is asked at every so manieth node, and no two rows
  // side by side at the same.
  std::size_t step() const { return 1 + n_rows() * forest.n_nodes() / 100000; }
  std::size_t first_node(std::size_t r) const { return r % step(); }
};

Subject MakeSubject(Forest forest, Doubles rows) {
  auto columns = Columns::Compile(forest, {0, forest.n_trees()}, std::size_t{1} << 24);
  EXPECT_TRUE(columns);
  Subject subject{std::move(forest), std::move(columns).value_or(Columns{}), std::move(rows), {}};
  const std::size_t n_features = subject.forest.n_features();
  for (std::size_t r = 0; r < subject.n_rows(); ++r) {
    for (std::size_t node = subject.first_node(r); node < subject.forest.n_nodes();
         node += subject.step()) {
      double x = subject.rows[r * n_features + subject.forest.parts().feature[node]];
      if (subject.forest.rules().input == Precision::kFloat32) x = static_cast<float>(x);
      subject.left.push_back(walk::GoesLeft(subject.forest, node, x));
    }
  }
  return subject;
}

// How many answers differ; `rank_of(row, column)` is what the ranker said.
template <class RankOf>
void ExpectSameWays(const Subject& subject, RankOf rank_of, const std::string& what) {
  std::size_t wrong = 0, answer = 0;
  const std::size_t n_nodes = subject.forest.n_nodes(), step = subject.step();
  for (std::size_t r = 0; r < subject.n_rows(); ++r) {
    for (std::size_t node = subject.first_node(r); node < n_nodes; node += step) {
      const NodeTest& test = subject.columns.test(node);
      const bool left = rank_of(r, test.column) <= test.rank;
      if (left == subject.left[answer++] || ++wrong > 3) continue;
      const std::size_t feature = subject.forest.parts().feature[node];
      ADD_FAILURE() << what << ": node " << node << ", row " << r
                    << ", x = " << subject.rows[r * subject.forest.n_features() + feature];
    }
  }
  EXPECT_EQ(wrong, 0u) << what;
}

template <class R>
void CheckRows(const Subject& subject, const Ranker<R>& ranker, const RowBlock& rows,
               const std::string& what) {
  const std::size_t n_columns = ranker.n_columns(), stride = n_columns + 3;
  std::vector<R> all(rows.n_rows * stride, 99);
  ranker.RankRows(rows, all.data(), stride);
  ExpectSameWays(
      subject, [&](std::size_t r, std::size_t c) { return all[r * stride + c]; }, what + " rows");
  std::vector<R> one(stride, 99);
  for (std::size_t r = 0; r < rows.n_rows; ++r) {
    ranker.RankRows(rows.Sub(r, 1), one.data(), stride);
    const auto row = all.begin() + static_cast<std::ptrdiff_t>(r * stride);
    ASSERT_TRUE(std::equal(one.begin(), one.end(), row)) << what << " row " << r;
    for (std::size_t c = n_columns; c < stride; ++c) ASSERT_EQ(one[c], 99) << what;
  }
}

// `lanes` of them hold the rows, or all but one.
template <class R>
void CheckLanes(const Subject& subject, const Ranker<R>& ranker, const RowBlock& rows,
                std::size_t lanes, const std::string& what) {
  using Signed = std::make_signed_t<R>;
  const auto half = static_cast<std::int64_t>(std::numeric_limits<Signed>::min());
  std::vector<Signed> out(ranker.n_columns() * lanes + 1, 99);
  ranker.RankLanes(rows, out.data(), lanes);
  EXPECT_EQ(out.back(), 99) << what;
  ExpectSameWays(
      subject,
      [&](std::size_t r, std::size_t c) {
        return static_cast<std::int64_t>(out[c * lanes + r]) - half;
      },
      what + " lanes");
  for (std::size_t i = 0; i + 1 < out.size(); ++i) {
    ASSERT_LE(out[i] - half, static_cast<std::int64_t>(subject.columns.rank_max)) << what;
  }
}

template <class R>
void CheckAs(const Subject& subject, const std::string& target) {
  if (subject.columns.rank_max > std::numeric_limits<R>::max()) return;
  const Ranker<R> ranker(subject.columns, subject.forest.rules().input,
                         subject.forest.rules().category_cast, subject.forest);
  ASSERT_EQ(ranker.n_columns(), subject.columns.n_columns);
  const std::size_t n_features = subject.forest.n_features(), n_rows = subject.n_rows();
  const std::string what = target + " " + std::to_string(8 * sizeof(R)) + " bits";
  const RowBlock doubles{nullptr, subject.rows.data(), n_features, n_rows};
  CheckRows(subject, ranker, doubles, what + " of doubles");
  CheckLanes(subject, ranker, doubles, (n_rows + 64) / 64 * 64, what + " of doubles");
  CheckLanes(subject, ranker, doubles, n_rows, what + " of doubles, no lane to spare");
  if (!test::AreFloats(subject.rows)) return;
  const std::vector<float> cells(subject.rows.begin(), subject.rows.end());
  const RowBlock floats{cells.data(), nullptr, n_features, n_rows};
  CheckRows(subject, ranker, floats, what + " of floats");
  CheckLanes(subject, ranker, floats, n_rows + 1, what + " of floats");
}

// All widths on all instruction sets.
void Check(Forest forest, Doubles rows) {
  const Subject subject = MakeSubject(std::move(forest), std::move(rows));
  test::OnEachTarget([&](bool /*best*/) {
    const std::string target(Plan::Target());
    CheckAs<std::uint8_t>(subject, target);
    CheckAs<std::uint16_t>(subject, target);
    CheckAs<std::uint32_t>(subject, target);
  });
}

// A value, and its neighbours as floats and as doubles.
void AddAround(double x, bool floats_only, Doubles& values) {
  values.push_back(static_cast<float>(x));
  values.push_back(std::nextafter(static_cast<float>(x), INFINITY));
  values.push_back(std::nextafter(static_cast<float>(x), -INFINITY));
  if (floats_only) return;
  values.insert(values.end(), {x, std::nextafter(x, kInfinity), std::nextafter(x, -kInfinity)});
}

// What is special whatever the model.
Doubles SpecialValues(bool floats_only) {
  Doubles values = {kNan, 0.0, -0.0, kInfinity, -kInfinity, 1e-36f, -1e-36f};
  AddAround(kAlmostZero, floats_only, values);
  AddAround(-kAlmostZero, floats_only, values);
  values.push_back(std::numeric_limits<float>::max());
  values.push_back(std::numeric_limits<float>::lowest());
  values.push_back(std::numeric_limits<float>::denorm_min());
  if (!floats_only) values.insert(values.end(), {1e-300, -1e-300, 1e300, -1e300});
  return values;
}

constexpr std::uint8_t kWays[] = {0,
                                  kDefaultLeft,
                                  kNanIsZero,
                                  kNanIsZero | kDefaultLeft,
                                  kMissingZero,
                                  kMissingZero | kDefaultLeft};

// One feature, these thresholds, each with each of `ways`; rows on and around them.
void CheckThresholds(const Doubles& thresholds, const std::vector<std::uint8_t>& ways,
                     Forest::Rules rules, bool float_rows) {
  std::vector<Stump> stumps;
  Doubles rows = SpecialValues(float_rows);
  for (const double threshold : thresholds) {
    for (const std::uint8_t way : ways) stumps.push_back({0, threshold, way});
    AddAround(threshold, float_rows, rows);
  }
  Check(MakeForest(StumpParts(stumps, 1), rules), rows);
}

void CheckThresholds(const Doubles& thresholds, const std::vector<std::uint8_t>& ways) {
  for (const bool float_rows : {false, true}) {
    CheckThresholds(thresholds, ways, kDoubles, float_rows);
    CheckThresholds(thresholds, ways, kFloats, float_rows);
  }
}

const Doubles kOddThresholds = {1,
                                1,
                                std::nextafter(1.0, 2.0),
                                std::nextafter(1.0f, 2.0f),
                                -0.0,
                                0.0,
                                kAlmostZero,
                                -kAlmostZero,
                                1e-36,
                                -1e-36,
                                5e-324,
                                kInfinity,
                                -kInfinity,
                                1e300,
                                -1e300,
                                std::numeric_limits<float>::max()};

TEST(Ranker, TakesTheSameWayWithEachMissingRule) {
  for (const std::uint8_t way : kWays) CheckThresholds(kOddThresholds, {way});
}

TEST(Ranker, TakesTheSameWayWithAllMissingRulesOnOneFeature) {
  CheckThresholds(kOddThresholds, {std::begin(kWays), std::end(kWays)});
}

TEST(Ranker, TakesTheSameWayAtEachSingleThreshold) {
  for (const double threshold : kOddThresholds) {
    CheckThresholds({threshold}, {0, kDefaultLeft});
    CheckThresholds({threshold}, {kMissingZero});
    CheckThresholds({threshold}, {kNanIsZero});
  }
}

// Rising thresholds with neighbours among them.
Doubles ManyThresholds(std::size_t n) {
  Doubles thresholds;
  for (std::size_t i = 0; thresholds.size() < n; ++i) {
    const auto x = static_cast<float>((static_cast<double>(i) - static_cast<double>(n) / 3) / 7);
    thresholds.push_back(x);
    if (i % 5 == 0 && thresholds.size() < n) {
      thresholds.push_back(std::nextafter(x, INFINITY));
    }
  }
  return thresholds;
}

TEST(Ranker, TakesTheSameWayWithAnyNumberOfThresholds) {
  for (const std::size_t n :
       {2,   3,   7,   8,   9,   15,  16,  17,  31,  32,  33,  40,  63,  64,  65,
        127, 128, 129, 240, 241, 254, 255, 256, 257, 271, 272, 273, 511, 512, 513}) {
    for (const Forest::Rules rules : {kDoubles, kFloats}) {
      CheckThresholds(ManyThresholds(n), {0}, rules, n % 2 == 0);
      CheckThresholds(ManyThresholds(n), {kDefaultLeft}, rules, n % 2 == 1);
    }
  }
}

// Every rank of n thresholds, and that they rise with x: without a walk, which would take long.
template <class R>
void CheckEveryRank(std::size_t n, Forest::Rules rules, std::string_view target) {
  std::vector<Stump> stumps;
  for (std::size_t i = 0; i < n; ++i) stumps.push_back({0, static_cast<double>(i), 0});
  const Forest forest = MakeForest(StumpParts(stumps, 1), rules);
  auto columns = Columns::Compile(forest, {0, n}, 0);
  ASSERT_TRUE(columns);
  const Ranker<R> ranker(std::move(*columns), rules.input, rules.category_cast, forest);
  Doubles rows;
  for (std::size_t i = 0; i <= n; ++i) {
    const auto x = static_cast<double>(i);
    rows.insert(rows.end(), {std::nextafter(static_cast<float>(x), -INFINITY), x});
  }
  rows.push_back(kNan);
  const RowBlock block{nullptr, rows.data(), 1, rows.size()};
  std::vector<R> ranks(rows.size());
  ranker.RankRows(block, ranks.data(), 1);
  std::vector<std::make_signed_t<R>> lanes(rows.size());
  ranker.RankLanes(block, lanes.data(), lanes.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::size_t want = rows[i] != rows[i] ? n : i / 2;
    ASSERT_EQ(ranks[i], want) << target << " n = " << n << " i = " << i;
    ASSERT_EQ(lanes[i] - std::int64_t{std::numeric_limits<std::make_signed_t<R>>::min()}, want)
        << target << " n = " << n << " i = " << i;
  }
}

TEST(Ranker, FindsEveryRankOfManyThresholds) {
  test::OnEachTarget([](bool /*best*/) {
    for (const Forest::Rules rules : {kDoubles, kFloats}) {
      for (const std::size_t n : {4095, 4096, 4097, 65535}) {
        CheckEveryRank<std::uint16_t>(n, rules, Plan::Target());
      }
      for (const std::size_t n : {65536, 65537, 70000}) {
        CheckEveryRank<std::uint32_t>(n, rules, Plan::Target());
      }
    }
  });
}

Stump Category(std::vector<std::uint32_t> listed, std::uint8_t flags,
               std::vector<std::uint32_t> known = {}) {
  return {0, 0, static_cast<std::uint8_t>(flags | kCategorical), std::move(listed),
          std::move(known)};
}

// All flags with sets of several lengths, some of them empty.
std::vector<Stump> CategoryStumps(bool with_known) {
  std::vector<Stump> stumps;
  for (const std::uint8_t way : kWays) {
    for (const std::uint8_t listed : {std::uint8_t{0}, kListedRight}) {
      const auto flags = static_cast<std::uint8_t>(way | listed);
      const std::vector<std::uint32_t> known = {0b1011, with_known ? 0b110u : 0};
      stumps.push_back(Category({0b1}, flags, known));
      stumps.push_back(Category({0b1010, 0b100}, flags, known));
      stumps.push_back(Category({0}, flags));
      stumps.push_back(Category({0x80000000}, flags, {}));
      stumps.push_back({0, 2.5, way});  // a number, too
    }
  }
  if (!with_known) {
    for (Stump& stump : stumps) stump.known.clear();
  }
  return stumps;
}

Doubles CategoryRows(bool floats_only) {
  Doubles rows = SpecialValues(floats_only);
  for (const double x : {-1.0, 1.0, 2.0, 3.0, 31.0, 32.0, 33.0, 34.0, 35.0, 64.0, 1e6, 0x1p31}) {
    AddAround(x, floats_only, rows);
  }
  rows.insert(rows.end(), {0.5, -0.5, 1.5, 33.5, 34.75, -1.5, 1e9, 1e18, -1e18});
  return rows;
}

TEST(Ranker, TakesTheSameWayAtCategories) {
  for (const CategoryCast cast : {CategoryCast::kNonNegative, CategoryCast::kTruncate}) {
    for (const Precision input : {Precision::kFloat32, Precision::kFloat64}) {
      for (const bool with_known : {false, true}) {
        for (const bool floats_only : {false, true}) {
          Check(MakeForest(StumpParts(CategoryStumps(with_known), 1),
                           {.input = input, .category_cast = cast}),
                CategoryRows(floats_only));
        }
      }
    }
  }
}

TEST(Ranker, TakesTheSameWayAtCategoriesOfATable) {
  const Doubles tables[] = {
      {-kInfinity, -7, -1.5, -1, 0, 0.1, 2.5, 1e18, kInfinity}, {-1.5, 0.5}, {0.25}, {1, 2, 3}};
  for (const Doubles& values : tables) {
    for (const Precision input : {Precision::kFloat32, Precision::kFloat64}) {
      ForestParts parts = StumpParts(CategoryStumps(true), 1);
      parts.category_begin = {0, static_cast<std::uint32_t>(values.size())};
      parts.category_value = values;
      Doubles rows = CategoryRows(false);
      for (const double x : values) AddAround(x, false, rows);
      Check(MakeForest(std::move(parts), {.input = input, .category_cast = CategoryCast::kTable}),
            rows);
    }
  }
}

// Forests of many features: numbers with few and many thresholds, categories, all rules.
Forest RandomForest(std::mt19937& random, std::size_t n_features, std::size_t n_nodes,
                    Precision input) {
  std::vector<Stump> stumps;
  for (std::size_t i = 0; i < n_nodes; ++i) {
    // Features have the more thresholds the higher their number is.
    const auto feature = static_cast<std::uint32_t>(
        std::sqrt(static_cast<double>(random() % (n_features * n_features))));
    Stump stump{feature, std::ldexp(static_cast<double>(random() % 4000) - 2000, -5),
                kWays[random() % (feature % 3 == 0 ? 6 : 2)]};
    if (feature % 5 == 4) {
      stump = {feature,
               0,
               static_cast<std::uint8_t>(stump.flags | kCategorical),
               {static_cast<std::uint32_t>(random()), static_cast<std::uint32_t>(random() % 4)}};
    }
    stumps.push_back(std::move(stump));
  }
  return MakeForest(StumpParts(stumps, n_features),
                    {.input = input, .category_cast = CategoryCast::kTruncate});
}

TEST(Ranker, TakesTheSameWayInRandomForests) {
  std::mt19937 random(4);
  for (const std::size_t n_features : {3, 20, 70}) {
    for (const Precision input : {Precision::kFloat32, Precision::kFloat64}) {
      const Forest forest = RandomForest(random, n_features, 60 * n_features, input);
      const Doubles special = SpecialValues(true);
      Doubles rows;
      for (std::size_t i = 0; i < 41 * n_features; ++i) {
        const bool odd = random() % 8 == 0;
        rows.push_back(odd ? special[random() % special.size()]
                           : std::ldexp(static_cast<double>(random() % 16000) - 8000, -7));
      }
      Check(forest, rows);
    }
  }
}

// More features of three levels than are searched together, and one of four.
TEST(Ranker, TakesTheSameWayWithManyFeaturesOfManyThresholds) {
  constexpr std::size_t kFeatures = 35;
  std::mt19937 random(5);
  std::vector<Stump> stumps;
  for (std::uint32_t f = 0; f < kFeatures; ++f) {
    const std::size_t n = f == 7 ? 5000 : 260 + f;
    const std::uint8_t way = kWays[f % 2];
    for (std::size_t i = 0; i < n; ++i) stumps.push_back({f, static_cast<double>(i), way});
  }
  const Doubles special = SpecialValues(true);
  Doubles rows;
  for (std::size_t i = 0; i < 70 * kFeatures; ++i) {
    const bool odd = random() % 8 == 0;
    rows.push_back(odd ? special[random() % special.size()]
                       : static_cast<double>(random() % 600) / 2);
  }
  Check(MakeForest(StumpParts(stumps, kFeatures), kFloats), rows);
  Check(MakeForest(StumpParts(stumps, kFeatures), kDoubles), rows);
}

}  // namespace
}  // namespace copse::plan
