#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "agreement.h"
#include "answers.h"
#include "bits.h"
#include "copse/import.h"
#include "copse/model_file.h"
#include "vectors.h"

// Every case of tests/import/fixtures: a file of another library, and what that library answers.
namespace copse {
namespace {

using Doubles = std::vector<double>;

std::string Folder() { return COPSE_SOURCE_DIR "/tests/import/fixtures/"; }

std::vector<std::string> CaseNames() {
  std::vector<std::string> names;
  std::ifstream file(COPSE_FIXTURES_LIST);
  for (std::string name; std::getline(file, name);) names.push_back(name);
  return names;
}

ImportOptions OptionsOf(const test::Case& found, bool leaf_ids) {
  ImportOptions options;
  options.leaf_ids = leaf_ids;
  if (found.iterations == "best") options.iterations = Iterations::kBest;
  if (found.iterations == "all") options.iterations = Iterations::kAll;
  return options;
}

class Fixtures : public ::testing::TestWithParam<std::string> {};

TEST_P(Fixtures, AgreeWithTheEngine) {
  const auto found = test::ReadCase(Folder(), GetParam());
  ASSERT_TRUE(found.ok()) << found.error().message;
  const auto model = ImportModel(found->model, OptionsOf(*found, true));
  ASSERT_TRUE(model.ok()) << model.error().message;
  ASSERT_NO_FATAL_FAILURE(test::ExpectRowsOf(*model, *found));
  const std::vector<Model> compiled = test::CompiledModels(*model);
  for (const test::ExpectedAnswer& expected : found->answers) {
    const std::string name(AnswerName(expected.answer));
    SCOPED_TRACE(name);
    const Doubles ours = test::Predict(*model, expected.answer, found->rows);
    test::WriteAnswers("import." + GetParam() + "." + name, ours);
    test::ExpectAgreement(expected, ours, found->rows.n_rows());
    test::ExpectSameBits(compiled, expected.answer, found->rows, ours);
  }
}

// What is imported can be saved and loaded, and stays the same: the file is the border.
TEST_P(Fixtures, BecomeOneFile) {
  const auto found = test::ReadCase(Folder(), GetParam());
  ASSERT_TRUE(found.ok()) << found.error().message;
  const auto model = ImportModel(found->model, OptionsOf(*found, false));
  ASSERT_TRUE(model.ok()) << model.error().message;
  const std::vector<std::uint8_t> file = WriteModel(*model);
  const auto again = ReadModel(file);
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(WriteModel(*again), file);
  for (const test::ExpectedAnswer& expected : found->answers) {
    if (expected.answer == Answer::kLeaf) continue;  // numbers that this file does not keep
    const Doubles ours = test::Predict(*model, expected.answer, found->rows);
    const Doubles same = test::Predict(*again, expected.answer, found->rows);
    ASSERT_EQ(ours.size(), same.size());
    for (std::size_t i = 0; i < ours.size(); ++i)
      ASSERT_EQ(test::Bits(ours[i]), test::Bits(same[i]));
  }
}

// A file that ends early is refused, or (cut behind what matters) still the same model.
TEST_P(Fixtures, CutShortAreNeverAnotherModel) {
  const auto found = test::ReadCase(Folder(), GetParam());
  ASSERT_TRUE(found.ok()) << found.error().message;
  const auto whole = ImportModel(found->model, OptionsOf(*found, false));
  ASSERT_TRUE(whole.ok()) << whole.error().message;
  constexpr std::size_t kCuts = 40;
  for (std::size_t i = 0; i < kCuts; ++i) {
    auto bytes = found->model;
    bytes.resize(bytes.size() * i / kCuts);
    const auto model = ImportModel(bytes, OptionsOf(*found, false));
    if (!model.ok()) {
      ASSERT_FALSE(model.error().message.empty());
      ASSERT_LE(model.error().message.size(), 600u);
      continue;
    }
    const test::ExpectedAnswer& expected = found->answers.front();
    const Answer answer = expected.answer == Answer::kLeaf ? Answer::kMargin : expected.answer;
    ASSERT_EQ(test::Predict(*model, answer, found->rows),
              test::Predict(*whole, answer, found->rows))
        << "cut after " << bytes.size() << " bytes";
  }
}

INSTANTIATE_TEST_SUITE_P(, Fixtures, ::testing::ValuesIn(CaseNames()), test::TestName);

TEST(FixturesList, HoldsCasesOfEveryFormat) {
  std::string all;
  for (const std::string& name : CaseNames()) all += " " + name;
  for (const char* prefix : {" skl_", " wrap_", " xgb_", " lgb_", " onnx_", " cat_"}) {
    EXPECT_NE(all.find(prefix), std::string::npos) << prefix;
  }
}

}  // namespace
}  // namespace copse
