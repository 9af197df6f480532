#include "vectors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "agreement.h"
#include "answers.h"
#include "bits.h"
#include "copse/explain.h"
#include "copse/model_file.h"
#include "targets.h"

// Every case of tests/vectors through core. The same cases run through the binding, the command
// line, the server and the browser.
namespace copse {
namespace {

using test::Bits;
using Doubles = std::vector<double>;

// Rows of floats must give the same bits when they arrive as floats.
void ExpectSameFromFloats(const Model& model, Answer answer, const test::Array& rows,
                          const Doubles& from_doubles) {
  if (rows.type != test::Array::Type::kFloat32) return;
  const std::vector<float> narrow(rows.numbers.begin(), rows.numbers.end());
  Doubles out(from_doubles.size());
  model.Predict(answer, narrow, out);
  for (std::size_t i = 0; i < out.size(); ++i) {
    ASSERT_EQ(Bits(out[i]), Bits(from_doubles[i])) << "float rows, value " << i;
  }
}

class Vectors : public ::testing::TestWithParam<std::string> {};

TEST_P(Vectors, AgreeWithTheEngine) {
  const auto found = test::ReadCase(GetParam());
  ASSERT_TRUE(found.ok()) << found.error().message;
  const auto model = ReadModel(found->model);
  ASSERT_TRUE(model.ok()) << model.error().message;
  ASSERT_NO_FATAL_FAILURE(test::ExpectRowsOf(*model, *found));
  for (const test::ExpectedAnswer& expected : found->answers) {
    const std::string name(AnswerName(expected.answer));
    SCOPED_TRACE(name);
    const Doubles ours = test::Predict(*model, expected.answer, found->rows);
    test::WriteAnswers(GetParam() + "." + name, ours);
    test::ExpectAgreement(expected, ours, found->rows.n_rows());
    ExpectSameFromFloats(*model, expected.answer, found->rows, ours);
  }
}

// The plain walk, whose answers are the engine's, against every layout on every instruction set.
TEST_P(Vectors, AnswerTheSameBitsInEveryLayout) {
  const auto found = test::ReadCase(GetParam());
  ASSERT_TRUE(found.ok()) << found.error().message;
  const auto model = ReadModel(found->model);
  ASSERT_TRUE(model.ok()) << model.error().message;
  test::OnEachTarget([&](bool /*best*/) {
    const std::vector<Model> compiled = test::CompiledModels(*model);
    for (const test::ExpectedAnswer& expected : found->answers) {
      SCOPED_TRACE(std::string(AnswerName(expected.answer)));
      const Doubles ours = test::Predict(*model, expected.answer, found->rows);
      test::ExpectSameBits(compiled, expected.answer, found->rows, ours);
      for (const Model& each : compiled) {
        ExpectSameFromFloats(each, expected.answer, found->rows, ours);
      }
    }
  });
}

// What a model that cannot be explained may say.
bool IsKnownRefusal(const std::string& message) {
  for (const char* const part : {"linear leaves", "smallest or largest", "leaf.cover", "finite"}) {
    if (message.find(part) != std::string::npos) return true;
  }
  return false;
}

// |contributions + base - margin| <= 1e-9 of what is added; both as the model sees its sum, which
// for an isolation forest is the average path length.
void ExpectSums(const Model& model, std::span<const double> rows, std::span<const double> parts) {
  const std::size_t stride = model.n_features() + 1;
  Doubles margins(parts.size() / stride);
  model.PredictMargins(rows, margins);
  for (std::size_t i = 0; i < margins.size(); ++i) {
    double sum = 0, size = std::abs(margins[i]);
    for (const double part : parts.subspan(i * stride, stride)) {
      sum += part;
      size += std::abs(part);
    }
    if (std::isfinite(margins[i])) {
      ASSERT_LE(std::abs(sum - margins[i]), 1e-9 * size) << "margin " << i;
    } else if (model.accumulate() == Precision::kFloat64) {
      // A linear model's missing or infinite value is so in its contribution. (What only float32
      // cannot hold has finite ones.)
      ASSERT_FALSE(std::isfinite(sum)) << "margin " << i;
    }
  }
}

TEST_P(Vectors, HaveContributionsThatAddUp) {
  const auto found = test::ReadCase(GetParam());
  ASSERT_TRUE(found.ok()) << found.error().message;
  const auto model = ReadModel(found->model);
  ASSERT_TRUE(model.ok()) << model.error().message;
  const Doubles& rows = found->rows.numbers;
  for (const auto method : {ExplainMethod::kTreeShap, ExplainMethod::kSaabas}) {
    SCOPED_TRACE(std::string(ExplainMethodName(method)));
    const auto explainer = Explainer::Create(*model, method);
    if (!explainer.ok()) {
      EXPECT_TRUE(IsKnownRefusal(explainer.error().message)) << explainer.error().message;
      EXPECT_EQ(GetParam().rfind("ref_", 0), 0u) << "models that were trained can be explained";
      continue;
    }
    Doubles parts(found->rows.n_rows() * explainer->columns());
    explainer->Explain(rows, parts);
    ExpectSums(*model, rows, parts);
    test::WriteAnswers(GetParam() + "." + std::string(ExplainMethodName(method)), parts);
  }
}

// A file that this project wrote is written again as the same bytes.
TEST_P(Vectors, AreWrittenAsTheyWereRead) {
  const auto found = test::ReadCase(GetParam());
  ASSERT_TRUE(found.ok()) << found.error().message;
  const auto model = ReadModel(found->model);
  ASSERT_TRUE(model.ok()) << model.error().message;
  EXPECT_EQ(WriteModel(*model), found->model);
}

// Else the vectors would prove nothing of some layout.
TEST(VectorsTogether, FitEveryLayout) {
  std::map<LayoutKind, int> fitting;
  for (const std::string& name : test::CaseNames()) {
    const auto found = test::ReadCase(name);
    ASSERT_TRUE(found.ok()) << found.error().message;
    const auto model = ReadModel(found->model);
    ASSERT_TRUE(model.ok()) << model.error().message;
    for (const Model& each : test::CompiledModels(*model)) {
      if (each.plan() != nullptr) ++fitting[each.plan()->choices()[0].layout];
    }
  }
  for (const LayoutKind kind : test::kLayouts) {
    EXPECT_GE(fitting[kind], 10) << LayoutName(kind);
  }
}

INSTANTIATE_TEST_SUITE_P(, Vectors, ::testing::ValuesIn(test::CaseNames()), test::TestName);

TEST(VectorsIndex, HoldsIrisAndAtLeastTwentyFiveMore) {
  const std::vector<std::string> names = test::CaseNames();
  EXPECT_GE(names.size(), 26u);
  EXPECT_NE(std::find(names.begin(), names.end(), "iris"), names.end());
}

TEST(Agrees, KnowsEveryTolerance) {
  using Kind = test::Tolerance::Kind;
  EXPECT_FALSE(test::Agrees(0.0, -0.0, {Kind::kBits, 0}));
  EXPECT_TRUE(test::Agrees(test::kNan, -test::kNan, {Kind::kBits, 0}));
  EXPECT_FALSE(test::Agrees(1, std::nextafter(1.0, 2.0), {Kind::kBits, 0}));
  EXPECT_TRUE(test::Agrees(1, 1.25, {Kind::kAbsolute, 0.25}));
  EXPECT_FALSE(test::Agrees(1, 1.375, {Kind::kAbsolute, 0.25}));
  EXPECT_TRUE(test::Agrees(101, 100, {Kind::kRelative, 0.01}));
  EXPECT_FALSE(test::Agrees(102, 100, {Kind::kRelative, 0.01}));
  EXPECT_TRUE(test::Agrees(1 + 0x1p-22, 1, {Kind::kUlp32, 2}));
  EXPECT_FALSE(test::Agrees(1 + 3 * 0x1p-23, 1, {Kind::kUlp32, 2}));
  EXPECT_FALSE(test::Agrees(1 + 0x1p-40, 1, {Kind::kUlp32, 2})) << "ours is not even a float";
  EXPECT_FALSE(test::Agrees(test::kInfinity, 1e308, {Kind::kAbsolute, 1e308}));
}

}  // namespace
}  // namespace copse
