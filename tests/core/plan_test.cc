// Every layout against the plain walk, on forests and rows in which everything is odd that may be.
#include "copse/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "answers.h"
#include "layouts.h"
#include "random_forest.h"
#include "targets.h"

namespace copse {
namespace {

using test::Dice;
using test::ForestSpec;

constexpr std::size_t kBlocks = 16;  // each a TEST of its own
constexpr std::size_t kForestsInBlock = 20;
constexpr std::size_t kRows = 300;
constexpr std::size_t kBatches[] = {1, 2, 16, 63, 64, 65, 300};

std::uint64_t SeedOf(std::size_t block, std::size_t i) { return 1000 * block + i; }

std::size_t BytesMax(const Forest& forest) {
  return std::max(std::size_t{1} << 20, 3 * forest.bytes());
}

void ExpectSound(const Forest& forest, const Plan& plan) {
  EXPECT_LE(plan.bytes(), BytesMax(forest));
  ASSERT_FALSE(plan.choices().empty());
  EXPECT_EQ(plan.choices()[0].rows_min, 1u);
  for (std::size_t i = 1; i < plan.choices().size(); ++i) {
    EXPECT_GT(plan.choices()[i].rows_min, plan.choices()[i - 1].rows_min);
    EXPECT_NE(plan.choices()[i].layout, plan.choices()[i - 1].layout);
  }
}

/// One forest, its rows in both widths, and what the plain walk answers.
class Trial {
 public:
  Trial(const ForestSpec& spec, std::size_t n_rows, Dice& dice)
      : forest_(test::MakeForest(spec, dice)),
        rows_(test::MakeRows(forest_, n_rows, dice)),
        narrow_(test::Narrowed(rows_)),
        expected_(test::WalkPlainly(forest_, rows_)),
        expected_narrow_(test::WalkPlainly(forest_, narrow_)),
        n_rows_(n_rows) {}

  const Forest& forest() const { return forest_; }
  const std::vector<double>& rows() const { return rows_; }

  /// What the plan says other than the plain walk of `n` rows in one call, the first of them being
  /// row `first`, from doubles and from floats; empty: nothing.
  std::string Differs(const Plan& plan, std::size_t first, std::size_t n) const {
    std::string found = test::Differs(forest_, plan, rows_, expected_, first, n);
    if (!found.empty()) return found;
    found = test::Differs(forest_, plan, narrow_, expected_narrow_, first, n);
    return found.empty() ? found : "floats, " + found;
  }

  /// The plan with only this layout, or whatever the rules choose: calls of all sizes, or of few.
  void ExpectSame(const std::vector<LayoutKind>& only, bool thoroughly) const {
    SCOPED_TRACE(only.empty() ? "free choice" : std::string(LayoutName(only[0])));
    const Plan plan(forest_, {.only = only});
    ExpectSound(forest_, plan);
    std::vector<std::size_t> sizes = {1, 65};
    if (thoroughly) sizes.assign(std::begin(kBatches), std::end(kBatches));
    for (const auto& choice : plan.choices()) {
      for (std::size_t n = choice.rows_min - 1; n <= choice.rows_min + 1; ++n) {
        sizes.insert(sizes.end(), {n, choice.rows_step + n, 2 * choice.rows_step + n});
      }
    }
    std::string found;
    for (const std::size_t n : sizes) {  // not always the same rows
      if (n <= n_rows_ && found.empty()) found = Differs(plan, n % (n_rows_ - n + 1), n);
    }
    for (std::size_t r = 0; r < (thoroughly ? 40 : 10) && r < n_rows_; ++r) {
      if (found.empty()) found = Differs(plan, r, 1);
    }
    EXPECT_EQ(found, "");
  }

  /// Every layout, and the free choice.
  void ExpectSameOfAll(bool thoroughly) const {
    ExpectSame({}, thoroughly);
    for (const LayoutKind kind : test::kLayouts) ExpectSame({kind}, thoroughly);
  }

 private:
  Forest forest_;
  std::vector<double> rows_;
  std::vector<float> narrow_;
  std::vector<double> expected_, expected_narrow_;
  std::size_t n_rows_;
};

class RandomForests : public ::testing::TestWithParam<std::size_t> {};

TEST_P(RandomForests, AnswerTheSameBitsInEveryLayout) {
  std::vector<double> answers;
  for (std::size_t i = 0; i < kForestsInBlock; ++i) {
    const std::uint64_t seed = SeedOf(GetParam(), i);
    SCOPED_TRACE("seed " + std::to_string(seed));
    Dice dice(seed);
    const Trial trial(test::RandomSpec(dice), kRows, dice);
    test::OnEachTarget([&](bool best) { trial.ExpectSameOfAll(best); });
    if (HasFailure()) return;
    std::vector<double> margins(kRows * trial.forest().n_outputs());
    Plan(trial.forest()).PredictMargins(trial.rows(), margins);
    answers.insert(answers.end(), margins.begin(), margins.end());
  }
  test::WriteAnswers("plan." + std::to_string(GetParam()), answers);
}

INSTANTIATE_TEST_SUITE_P(, RandomForests, ::testing::Range(std::size_t{0}, kBlocks));

// Else the tests above could not fail.
TEST(RandomForestsTogether, UseEveryLayoutForEverySum) {
  std::map<LayoutKind, std::map<std::string, int>> uses;
  for (std::size_t block = 0; block < kBlocks; ++block) {
    for (std::size_t i = 0; i < kForestsInBlock; ++i) {
      Dice dice(SeedOf(block, i));
      const Forest forest = test::MakeForest(test::RandomSpec(dice), dice);
      const ForestParts& parts = forest.parts();
      if (forest.n_nodes() == 0) continue;
      for (const LayoutKind kind : test::kLayouts) {
        const Plan plan(forest, {.only = {kind}});
        if (plan.choices()[0].layout != kind) continue;
        auto& of_kind = uses[kind];
        ++of_kind["in all"];
        if (parts.leaf_width > 1) ++of_kind["vector leaves"];
        if (!parts.tree_output.empty()) ++of_kind["outputs of trees"];
        if (!parts.cat_node.empty()) ++of_kind["categories"];
        if (!parts.linear_begin.empty()) ++of_kind["linear leaves"];
        if (forest.rules().aggregation > Aggregation::kMean) ++of_kind["smallest or largest"];
        if (forest.rules().accumulate == Precision::kFloat32) ++of_kind["float sums"];
        if (forest.rules().input == Precision::kFloat32) ++of_kind["float input"];
      }
    }
  }
  for (const LayoutKind kind : test::kLayouts) {
    SCOPED_TRACE(LayoutName(kind));
    auto& of_kind = uses[kind];
    EXPECT_GE(of_kind["in all"], 50);
    EXPECT_GE(of_kind["vector leaves"], 15);
    EXPECT_GE(of_kind["outputs of trees"], 5);
    EXPECT_GE(of_kind["categories"], 10);
    EXPECT_GE(of_kind["linear leaves"], 3);
    EXPECT_GE(of_kind["smallest or largest"], 8);
    EXPECT_GE(of_kind["float sums"], 20);
    EXPECT_GE(of_kind["float input"], 20);
    for (const auto& [what, n] : of_kind) RecordProperty(what, n);
  }
}

/// A forest at or beside a limit of some layout.
struct Limit {
  std::string name;
  ForestSpec spec;
  std::size_t n_rows = 100;
};

void PrintTo(const Limit& limit, std::ostream* out) { *out << limit.name; }

std::vector<Limit> Limits() {
  std::vector<Limit> limits;
  const auto add = [&](const std::string& name, std::size_t number, const ForestSpec& spec,
                       std::size_t n_rows = 100) {
    limits.push_back({name + std::to_string(number), spec, n_rows});
  };
  for (const std::size_t n : {1, 15, 16, 17, 127, 128, 129, 254, 255, 256, 257, 4096, 4097}) {
    add("Thresholds", n,
        {.n_features = 1,
         .n_trees = 2 * n / 63 + 1,
         .nodes_max = 63,
         .full = true,
         .n_thresholds = n,
         .all_thresholds = true});
  }
  for (const std::size_t n : {65533, 65534, 65535, 65536, 70000}) {
    add("Thresholds", n,
        {.n_features = 1,
         .n_trees = n / 255 + 1,
         .nodes_max = 255,
         .depth_max = 30,
         .full = true,
         .n_thresholds = n,
         .all_thresholds = true});
  }
  for (const std::size_t n : {1,   7,   8,   14,  15,  16,  17,  31,  32,   62,   63,   64,
                              127, 254, 255, 256, 257, 511, 512, 513, 1023, 1024, 1025, 2048}) {
    add("Nodes", n, {.nodes_max = n, .depth_max = 300, .full = true, .n_thresholds = 100});
  }
  for (const std::size_t n : {1, 2, 3, 4, 5, 6, 7, 8, 10}) {
    add("Complete", n,
        {.nodes_max = (std::size_t{1} << n) - 1,
         .depth_max = n,
         .growth = test::Growth::kBranches,
         .full = true});
    add("Chain", n,
        {.nodes_max = n, .depth_max = n, .growth = test::Growth::kBranches, .full = true});
  }
  for (const std::size_t n : {63, 64, 65, 255, 256, 257, 1023, 1024, 1025}) {
    add("Columns", n, {.n_features = n, .n_trees = 8 * n / 63 + 1, .nodes_max = 63, .full = true});
  }
  for (const std::size_t n : {1, 2, 7, 8, 9, 15, 16, 17, 63, 64, 65, 255, 256, 257}) {
    add("Trees", n, {.n_trees = n, .nodes_max = 12});
  }
  for (const std::size_t n : {2, 3, 4, 5, 8, 9, 63, 64, 65, 200}) {
    add("Outputs", n, {.n_trees = 220, .n_outputs = n});
    add("Classes", n, {.n_outputs = n, .vector_leaves = true, .pure_leaves = true});
  }
  return limits;
}

class AtLimits : public ::testing::TestWithParam<Limit> {};

TEST_P(AtLimits, LayoutsAnswerTheSameBits) {
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Dice dice(seed);
    ForestSpec spec = GetParam().spec;
    if (seed > 0) spec.rules.input = Precision::kFloat32;
    if (seed > 1) spec.rules.accumulate = Precision::kFloat32;
    const Trial trial(spec, GetParam().n_rows, dice);
    test::OnEachTarget([&](bool best) { trial.ExpectSameOfAll(best); });
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(, AtLimits, ::testing::ValuesIn(Limits()),
                         [](const auto& param) { return param.param.name; });

// Layouts take rows in blocks, whose ends are beside no power of two of rows.
TEST(ManyRows, AnswerTheSameBitsAsFew) {
  const std::vector<ForestSpec> specs = {
      {.n_trees = 3, .nodes_max = 15, .n_thresholds = 30},
      {.n_trees = 3, .nodes_max = 63, .full = true, .rules = {.input = Precision::kFloat32}},
      {.n_features = 64, .n_trees = 2, .nodes_max = 2000, .depth_max = 40, .n_thresholds = 300},
      {.n_features = 64,
       .n_trees = 2,
       .nodes_max = 200,
       .depth_max = 40,
       .n_outputs = 3,
       .vector_leaves = true}};
  for (std::size_t i = 0; i < specs.size(); ++i) {
    SCOPED_TRACE("spec " + std::to_string(i));
    Dice dice(i);
    const Trial trial(specs[i], 20011, dice);
    for (const LayoutKind kind : test::kLayouts) {
      SCOPED_TRACE(LayoutName(kind));
      const Plan plan(trial.forest(), {.only = {kind}});
      for (const std::size_t n : {1000, 1023, 1024, 1025, 4097, 20011}) {
        ASSERT_EQ(trial.Differs(plan, 20011 - n, n), "");
      }
    }
  }
}

TEST(Plan, HoldsItsMemoryBound) {
  Dice dice(7);
  const Forest forest = test::MakeForest({.n_trees = 100, .nodes_max = 63, .full = true}, dice);
  for (const std::size_t bytes_max : {1, 1000, 100000}) {
    EXPECT_LE(Plan(forest, {.bytes_max = bytes_max}).bytes(), bytes_max);
  }
  const Plan tiny(forest, {.bytes_max = 1});
  ASSERT_EQ(tiny.choices().size(), 1u);
  EXPECT_EQ(tiny.choices()[0].layout, LayoutKind::kPlainWalk);
}

// Rows in numbers are not worse off than one alone, which has its layout.
TEST(Plan, GoesOnWithOneLayoutWhereThereIsNoMemoryForTwo) {
  Dice dice(7);
  const Forest forest = test::MakeForest({.n_trees = 100, .nodes_max = 15, .full = true}, dice);
  const Plan whole(forest);
  ASSERT_EQ(whole.choices().size(), 2u);
  const LayoutKind few = whole.choices()[0].layout;
  const std::size_t bytes = Plan(forest, {.only = {few}}).bytes();
  ASSERT_LT(bytes, whole.bytes());
  const Plan tight(forest, {.bytes_max = bytes + 1});
  ASSERT_EQ(tight.choices().size(), 1u);
  EXPECT_EQ(tight.choices()[0].layout, few);
}

TEST(Plan, OfNoRowsDoesNothing) {
  Dice dice(8);
  const Forest forest = test::MakeForest({}, dice);
  for (const LayoutKind kind : test::kLayouts) {
    Plan(forest, {.only = {kind}}).PredictMargins(std::span<const double>(), {});
  }
}

}  // namespace
}  // namespace copse
