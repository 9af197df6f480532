#include <gtest/gtest.h>

#include <cmath>
#include <utility>
#include <vector>

#include "bits.h"
#include "copse/math.h"
#include "copse/model.h"
#include "copse/plan.h"
#include "model_parts.h"

// Model's evaluation: from rows to every answer. What files may say is model_file_test's.
namespace copse {
namespace {

using test::Bits;
using test::kInfinity;
using test::kNan;
using test::MakeModel;
using test::Passing;

using Doubles = std::vector<double>;
using Floats = std::vector<float>;

constexpr const char* kTwoClasses =
    R"([{"name":"y","kind":"class","labels":["no","yes"],"label_type":"str","columns":[0,1]}])";
constexpr const char* kThreeClasses =
    R"([{"name":"y","kind":"class","labels":[0,1,2],"label_type":"int","columns":[0,3]}])";
constexpr const char* kValue = R"([{"name":"y","kind":"value","columns":[0,1]}])";
constexpr const char* kScore = R"([{"name":"y","kind":"score","columns":[0,1]}])";
// A class of two columns, a value, and a class of one column.
constexpr const char* kMixed =
    R"([{"name":"a","kind":"class","labels":["p","q"],"label_type":"str","columns":[0,2]},)"
    R"({"name":"b","kind":"value","columns":[2,3]},)"
    R"({"name":"c","kind":"class","labels":[false,true],"label_type":"bool","columns":[3,4]}])";

// `answer` for rows of doubles; rows of floats must give the same bits where the rows are floats.
Doubles Answers(const Model& model, Answer answer, const Doubles& rows) {
  const std::size_t n_rows = rows.size() / model.n_features();
  const auto columns = model.Columns(answer);
  EXPECT_TRUE(columns.ok());
  Doubles out(n_rows * *columns), again(out.size());
  model.Predict(answer, rows, out);
  if (test::AreFloats(rows)) {
    model.Predict(answer, Floats(rows.begin(), rows.end()), again);
    for (std::size_t i = 0; i < out.size(); ++i) EXPECT_EQ(Bits(out[i]), Bits(again[i]));
  }
  return out;
}

Model PassingModel(const char* link, const char* outputs, const char* decision = "argmax",
                   std::size_t n = 1) {
  ModelParts parts = Passing(n, link, outputs);
  parts.metadata["decision"] = decision;
  return MakeModel(std::move(parts));
}

double IndexOf(const Model& model, double margin) {
  return Answers(model, Answer::kIndex, {margin})[0];
}

TEST(Decision, OfOneMarginByArgmaxNeedsMoreThanHalf) {
  const Model model = PassingModel("sigmoid", kTwoClasses);
  EXPECT_EQ(IndexOf(model, 0), 0) << "the first of equals";
  EXPECT_EQ(IndexOf(model, 1e-10), 1);
  EXPECT_EQ(IndexOf(model, 0x1p-1074), 0) << "its probability is a half as well";
}

TEST(Decision, AtLeastZeroTakesZero) {
  const Model model = PassingModel("sigmoid", kTwoClasses, "ge0");
  EXPECT_EQ(IndexOf(model, 0), 1);
  EXPECT_EQ(IndexOf(model, -0.0), 1);
  EXPECT_EQ(IndexOf(model, -0x1p-1074), 0);
}

TEST(Decision, AboveZeroLeavesZero) {
  const Model model = PassingModel("sigmoid", kTwoClasses, "gt0");
  EXPECT_EQ(IndexOf(model, 0), 0);
  EXPECT_EQ(IndexOf(model, 0x1p-1074), 1) << "the margin decides, not the probability";
}

TEST(Decision, ArgmaxTakesTheFirstOfEqualsAndNeverNan) {
  const Model model = PassingModel("identity", kThreeClasses, "argmax", 3);
  EXPECT_EQ(Answers(model, Answer::kIndex, {1, 3, 3}), Doubles{1});
  EXPECT_EQ(Answers(model, Answer::kIndex, {2, 2, 2}), Doubles{0});
  EXPECT_EQ(Answers(model, Answer::kIndex, {-kInfinity, -1e308, -kInfinity}), Doubles{0})
      << "0 times infinity: every margin is NaN";
}

TEST(Decision, OfSoftmaxArgmaxIsTakenOnTheMargins) {
  // exp(-1e-17) is 1: the values are equal, the margins are not.
  const Doubles row = {0, 1e-17, -1};
  EXPECT_EQ(Answers(PassingModel("softmax", kThreeClasses, "argmax", 3), Answer::kIndex, row),
            Doubles{0});
  EXPECT_EQ(
      Answers(PassingModel("softmax_argmax", kThreeClasses, "argmax", 3), Answer::kIndex, row),
      Doubles{1});
}

TEST(Predict, GivesBothProbabilitiesOfOneMargin) {
  const Model model = PassingModel("sigmoid", kTwoClasses);
  const double p = 1 / (1 + Exp(-0.75));
  EXPECT_EQ(Answers(model, Answer::kProba, {0.75}), (Doubles{1 - p, p}));
  EXPECT_EQ(Answers(model, Answer::kMargin, {0.75}), Doubles{0.75});
  EXPECT_EQ(Answers(model, Answer::kPredict, {0.75}), Doubles{1});
}

TEST(Predict, GivesValuesOfARegression) {
  const Model model = PassingModel("exp", kValue);
  EXPECT_EQ(Answers(model, Answer::kPredict, {3}), Doubles{Exp(3)});
  EXPECT_EQ(Answers(model, Answer::kMargin, {3}), Doubles{3});
}

TEST(Predict, SetsTheBlocksOfSeveralOutputsSideBySide) {
  const Model model = PassingModel("identity", kMixed, "argmax", 4);
  const Doubles row = {0.25, 0.75, 9, 0.125};
  EXPECT_EQ(Answers(model, Answer::kPredict, row), (Doubles{1, 9, 0}));
  EXPECT_EQ(Answers(model, Answer::kIndex, row), (Doubles{1, 0}));
  EXPECT_EQ(Answers(model, Answer::kProba, row), (Doubles{0.25, 0.75, 0.875, 0.125}));
  EXPECT_EQ(Answers(model, Answer::kMargin, row), row);
}

// iforest with denominator 2 and offset -0.5: the decision function of margin m is
// 0.5 - 2^(-m/2).
Model Isolation() {
  ModelParts parts = Passing(1, "iforest", kScore);
  parts.metadata["link_params"] = R"({"denominator":2.0,"offset":-0.5})";
  return MakeModel(std::move(parts));
}

TEST(Decision, OfSoftmaxZeroIsTakenOnTheMargins) {
  const Model model = PassingModel("softmax_zero", kThreeClasses, "argmax", 3);
  EXPECT_EQ(Answers(model, Answer::kIndex, {0, -1, -2}), Doubles{0}) << "its value is 0";
  EXPECT_EQ(IndexOf(PassingModel("softmax_zero", kTwoClasses), 0), 0);
  EXPECT_EQ(IndexOf(PassingModel("softmax_zero", kTwoClasses), 1e-300), 1);
}

TEST(Decision, OfLogisticIsTakenOnTheMargins) {
  const Model model = PassingModel("logistic", kThreeClasses, "argmax", 3);
  EXPECT_EQ(Answers(model, Answer::kProba, {-60, -50, -55}), (Doubles{0, 0, 0}));
  EXPECT_EQ(Answers(model, Answer::kIndex, {-60, -50, -55}), Doubles{1});
  EXPECT_EQ(IndexOf(PassingModel("logistic", kTwoClasses), 0), 0);
  EXPECT_EQ(IndexOf(PassingModel("logistic", kTwoClasses), 1e-300), 1);
}

TEST(Divisor, LeavesTheMarginAsItIs) {
  ModelParts parts = Passing(1, "exp", kValue);
  parts.metadata["link_params"] = R"({"divisor":4})";
  const Model model = MakeModel(std::move(parts));
  EXPECT_EQ(Answers(model, Answer::kMargin, {6}), Doubles{6});
  EXPECT_EQ(Answers(model, Answer::kPredict, {6}), Doubles{Exp(1.5)});
}

TEST(Isolation, AnswersScoreDecisionAndSign) {
  const Model model = Isolation();
  const Doubles rows = {0, 2, 4};
  EXPECT_EQ(Answers(model, Answer::kScore, rows), (Doubles{-1, -0.5, -0.25}));
  EXPECT_EQ(Answers(model, Answer::kMargin, rows), (Doubles{-0.5, 0, 0.25}));
  EXPECT_EQ(Answers(model, Answer::kPredict, rows), (Doubles{-1, 1, 1}));
}

// Two features to three margins.
Model Linear(const char* input = "f64") {
  ModelParts parts;
  parts.metadata = test::Metadata(2, "softmax", kThreeClasses);
  parts.metadata["input"] = input;
  parts.linear = LinearModel{.coef = {1, 0, 0, 1, 2, -3}, .intercept = {10, 20, 30}};
  return MakeModel(std::move(parts));
}

TEST(LinearModel, MultipliesAndAddsTheInterceptLast) {
  EXPECT_EQ(Answers(Linear(), Answer::kMargin, {4, 5, 0.5, 0.25}),
            (Doubles{14, 25, 23, 10.5, 20.25, 30.25}));
}

TEST(LinearModel, RoundsTheRowWhereTheModelReadsFloats) {
  EXPECT_EQ(Answers(Linear("f32"), Answer::kMargin, {0.1, 0})[0], 0.1f + 10.0);
  EXPECT_EQ(Answers(Linear(), Answer::kMargin, {0.1, 0})[0], 0.1 + 10.0);
}

TEST(LinearModel, ReadsMissingValuesAsWhatItSays) {
  ModelParts parts;
  parts.metadata = test::Metadata(2, "identity", kValue);
  parts.linear = LinearModel{.coef = {2, 3}, .intercept = {1}};
  const Doubles rows = {kNan, 5, 4, kNan};
  EXPECT_EQ(Bits(Answers(MakeModel(parts), Answer::kMargin, rows)[0]), Bits(kNan));
  parts.linear->fill = {0.1, -1};
  EXPECT_EQ(Answers(MakeModel(parts), Answer::kMargin, rows), (Doubles{0.2 + 15 + 1, 6}));
  parts.metadata["input"] = "f32";
  EXPECT_EQ(Answers(MakeModel(parts), Answer::kMargin, rows)[0], 2.0 * 0.1f + 15 + 1);
}

TEST(LinearModel, InFloatStartsFromTheInterceptAndRoundsEveryStep) {
  ModelParts parts;
  parts.metadata = test::Metadata(2, "identity", kValue);
  parts.metadata["accumulate"] = "f32";
  parts.linear = LinearModel{.coef = {1e-8, 0.1}, .intercept = {16777216}};
  const Model model = MakeModel(parts);
  EXPECT_EQ(model.precision(Answer::kMargin), Precision::kFloat32);
  EXPECT_EQ(Answers(model, Answer::kMargin, {1e8, 0}), Doubles{16777216});
  EXPECT_EQ(Answers(model, Answer::kMargin, {0, 0.3})[0], 16777216.0f + 0.1f * 0.3f);
  parts.linear->intercept = {0.7};
  EXPECT_EQ(Answers(MakeModel(parts), Answer::kMargin, {0, 0.3})[0], 0.7f + 0.1f * 0.3f);
}

// Two trees: a split of feature 0 at 2.5, and a single leaf.
Model SmallForest() {
  ModelParts parts;
  parts.metadata = test::Metadata(1, "identity", kValue);
  parts.forest = test::TwoTrees({10, 20, 3}, 100);
  return MakeModel(std::move(parts));
}

TEST(Predict, AnswersMarginsAndLeavesOfTrees) {
  const Model model = SmallForest();
  EXPECT_EQ(Answers(model, Answer::kPredict, {2.5, 3}), (Doubles{113, 123}));
  EXPECT_EQ(Answers(model, Answer::kLeaf, {2.5, 3}), (Doubles{0, 2, 1, 2}));
}

TEST(Predict, TakesRowsByTheThousandAsOneByOne) {
  const Model model = SmallForest();
  Doubles rows;
  for (int i = 0; i < 1000; ++i) rows.push_back(i % 7);
  for (const Answer answer : {Answer::kPredict, Answer::kLeaf}) {
    const Doubles together = Answers(model, answer, rows);
    Doubles single;
    for (const double x : rows) {
      for (const double y : Answers(model, answer, {x})) single.push_back(y);
    }
    EXPECT_EQ(together, single);
  }
  model.Predict(Answer::kPredict, std::span<const double>{}, {});
}

// Tree k is one split, x0 <= k + 0.5, and adds to output k alone: 1 + k on the left, -k / 3 on the
// right. With vector leaves it adds 0 to the others.
ForestParts Stumps(std::size_t n, bool vector_leaves) {
  ForestParts parts;
  parts.tree_begin = {0};
  Doubles thresholds, values, base;
  for (std::size_t k = 0; k < n; ++k) {
    const auto number = static_cast<std::int32_t>(k);
    parts.tree_begin.push_back(static_cast<std::uint32_t>(k + 1));
    parts.tree_root.push_back(number);
    parts.left.push_back(~(2 * number));
    parts.right.push_back(~(2 * number + 1));
    parts.feature.push_back(0);
    parts.flags.push_back(0);
    thresholds.push_back(number + 0.5);
    base.push_back(100.0 * number);
    if (!vector_leaves) parts.tree_output.push_back(static_cast<std::uint16_t>(k));
    for (const double value : {1.0 + number, -number / 3.0}) {
      Doubles leaf(vector_leaves ? n : 1);
      leaf[vector_leaves ? k : 0] = value;
      values.insert(values.end(), leaf.begin(), leaf.end());
    }
  }
  parts.leaf_width = vector_leaves ? n : 1;
  parts.threshold = std::move(thresholds);
  parts.leaf_value = std::move(values);
  parts.base = std::move(base);
  return parts;
}

// What `Stumps` has to answer.
Doubles MarginsOfStumps(const Doubles& rows, std::size_t n) {
  Doubles margins;
  for (const double x : rows) {
    for (std::size_t k = 0; k < n; ++k) {
      const auto number = static_cast<double>(k);
      margins.push_back(100 * number + (x <= number + 0.5 ? 1 + number : -number / 3));
    }
  }
  return margins;
}

// Margins are what the trees leave, whatever the link; of rows of either width, few or many.
TEST(Margins, OfSeveralOutputsAreThoseOfTheTreesInEveryLayout) {
  Doubles many;
  for (int i = 0; i < 300; ++i) many.push_back(i % 10 * 0.5);
  for (const auto& [outputs, n] : {std::pair(kThreeClasses, 3), std::pair(kMixed, 4)}) {
    for (const bool vector_leaves : {false, true}) {
      const auto n_outputs = static_cast<std::size_t>(n);
      ModelParts parts;
      parts.metadata = test::Metadata(1, n == 3 ? "softmax" : "identity", outputs);
      parts.forest = Stumps(n_outputs, vector_leaves);
      Model model = MakeModel(std::move(parts));
      for (const Doubles& rows : {Doubles{1}, Doubles{0.5, 1.5}, many}) {
        const Doubles expected = MarginsOfStumps(rows, n_outputs);
        for (const LayoutKind kind : {LayoutKind::kPlainWalk, LayoutKind::kNode8,
                                      LayoutKind::kLaneSelect, LayoutKind::kLeafMatch}) {
          SCOPED_TRACE(LayoutName(kind));
          model.Compile({.only = {kind}});
          ASSERT_EQ(model.plan()->choices()[0].layout, kind);
          EXPECT_EQ(Answers(model, Answer::kMargin, rows), expected);  // from floats, too
          Doubles margins(expected.size());
          model.PredictMargins(Floats(rows.begin(), rows.end()), margins);
          EXPECT_EQ(margins, expected);
        }
      }
    }
  }
}

// A model that reads floats takes 0.5 + 2^-40 for 0.5, which goes left; one that reads doubles does
// not.
TEST(Margins, OfAPlanRoundTheRowWhereTheModelReadsFloats) {
  for (const bool floats : {false, true}) {
    ModelParts parts;
    parts.metadata = test::Metadata(1, "softmax", kThreeClasses);
    parts.metadata["input"] = floats ? "f32" : "f64";
    parts.forest = Stumps(3, false);
    Model model = MakeModel(std::move(parts));
    model.Compile();
    ASSERT_NE(model.plan()->choices()[0].layout, LayoutKind::kPlainWalk);
    EXPECT_EQ(Answers(model, Answer::kMargin, {0.5 + 0x1p-40}),
              MarginsOfStumps({floats ? 0.5 : 1}, 3));
  }
}

// The margin of an isolation forest is its decision function: the one answer of that name that
// takes the link.
TEST(Margins, OfAnIsolationForestTakeTheLink) {
  ModelParts parts;
  parts.metadata = test::Metadata(1, "iforest", kScore);
  parts.metadata["link_params"] = R"({"denominator":2.0,"offset":-0.5})";
  parts.forest = test::TwoTrees({0, 2, 2});
  Model model = MakeModel(std::move(parts));
  model.Compile();
  EXPECT_EQ(Answers(model, Answer::kMargin, {2, 3}), (Doubles{0, 0.25}));
  Doubles margins(2);
  model.PredictMargins(Doubles{2, 3}, margins);
  EXPECT_EQ(margins, (Doubles{2, 4}));
}

TEST(Model, TheThreeStepsGiveWhatPredictGives) {
  const Model model = PassingModel("identity", kMixed, "argmax", 4);
  const Doubles rows = {0.25, 0.75, 9, 0.125, 0.5, 0.5, -1, 0.75};
  Doubles margins(2 * model.n_margins()), values(2 * model.n_values());
  Doubles decisions(2 * model.n_decisions());
  model.PredictMargins(rows, margins);
  model.ApplyLink(margins, values);
  model.Decide(margins, values, decisions);
  EXPECT_EQ(margins, rows);
  EXPECT_EQ(values, (Doubles{0.25, 0.75, 9, 0.875, 0.125, 0.5, 0.5, -1, 0.25, 0.75}));
  EXPECT_EQ(decisions, Answers(model, Answer::kPredict, rows));
}

}  // namespace
}  // namespace copse
