#include "copse/model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "copse/limits.h"
#include "model_parts.h"

namespace copse {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr const char* kValue = R"([{"name":"y","kind":"value","columns":[0,1]}])";
constexpr const char* kTwoClasses =
    R"([{"name":"c","kind":"class","labels":["n","y"],"label_type":"str","columns":[0,1]}])";
constexpr const char* kScore = R"([{"name":"s","kind":"score","columns":[0,1]}])";

// One split, x0 <= 2.5, and one tree that is a leaf.
ModelParts Stump(std::string link = "identity", std::string outputs = kValue) {
  ModelParts parts;
  parts.metadata = test::Metadata(1, std::move(link), std::move(outputs));
  parts.forest = test::TwoTrees();
  return parts;
}

Model Make(ModelParts parts) { return test::MakeModel(std::move(parts)); }

std::string Refusal(ModelParts parts, ErrorCode code = ErrorCode::kInvalidModel) {
  const auto model = Model::Create(std::move(parts));
  EXPECT_FALSE(model.ok());
  if (model.ok()) return {};
  EXPECT_EQ(model.error().code, code);
  return model.error().message;
}

std::string RowRefusal(const Model& model, std::vector<double> rows, std::size_t first_row = 1) {
  const auto checked = model.CheckRows(rows, first_row);
  if (checked.ok()) return "ok";
  EXPECT_EQ(checked.error().code, ErrorCode::kInvalidInput);
  return checked.error().message;
}

TEST(Create, TakesWhatAForestIs) {
  const Model model = Make(Stump());
  ASSERT_NE(model.forest(), nullptr);
  EXPECT_EQ(model.linear(), nullptr);
  EXPECT_EQ(model.forest()->n_trees(), 2u);
  EXPECT_EQ(model.forest()->n_nodes(), 1u);
  EXPECT_EQ(model.forest()->n_leaves(), 3u);
  EXPECT_EQ(model.forest()->max_depth(), 1u);
  EXPECT_EQ(model.n_features(), 1u);
  EXPECT_EQ(model.n_margins(), 1u);
  EXPECT_TRUE(std::isnan(model.features()[0].min));
}

TEST(Create, CountsTheLongestWayAsDepth) {
  ModelParts parts = Stump();
  ForestParts& forest = *parts.forest;
  forest.tree_begin = {0, 4, 4};
  forest.tree_root = {0, ~5};
  forest.left = {1, 2, ~0, ~1};
  forest.right = {3, ~2, ~3, ~4};
  forest.feature = {0, 0, 0, 0};
  forest.threshold = std::vector<double>(4);
  forest.flags = {0, 0, 0, 0};
  forest.leaf_value = std::vector<double>(6);
  EXPECT_EQ(Make(std::move(parts)).forest()->max_depth(), 3u);
}

TEST(Create, ReadsFeatures) {
  ModelParts parts = Stump();
  parts.metadata["features"] =
      R"([{"name":"colour","kind":"cat","categories":["red","blue"],"description":"d","unit":"u"}])";
  parts.feature_min = {0};
  parts.feature_max = {1};
  const Feature feature = Make(std::move(parts)).features()[0];
  EXPECT_EQ(feature.name, "colour");
  EXPECT_TRUE(feature.categorical);
  EXPECT_EQ(feature.categories, (std::vector<std::string>{"red", "blue"}));
  EXPECT_EQ(feature.description, "d");
  EXPECT_EQ(feature.unit, "u");
  EXPECT_EQ(feature.min, 0);
  EXPECT_EQ(feature.max, 1);
}

TEST(Create, ReadsLabelsOfEveryTypeAsText) {
  const auto labels = [](const std::string& list, const std::string& type) {
    return Make(Stump("sigmoid", R"([{"name":"c","kind":"class","labels":)" + list +
                                     R"(,"label_type":")" + type + R"(","columns":[0,1]}])"))
        .outputs()[0]
        .labels;
  };
  using Texts = std::vector<std::string>;
  EXPECT_EQ(labels(R"(["a","\u00e9"])", "str"), (Texts{"a", "\xc3\xa9"}));
  EXPECT_EQ(labels("[-1,18446744073709551615]", "int"), (Texts{"-1", "18446744073709551615"}));
  EXPECT_EQ(labels("[0.5,2]", "float"), (Texts{"0.5", "2.0"}));
  EXPECT_EQ(labels("[false,true]", "bool"), (Texts{"False", "True"}));
}

TEST(Create, AClassMayStandAlone) {
  const Model model = Make(Stump(
      "identity",
      R"([{"name":"c","kind":"class","labels":["only"],"label_type":"str","columns":[0,1]}])"));
  EXPECT_EQ(model.n_values(), 1u);
}

TEST(Create, DefaultsFollowTheInput) {
  ModelParts parts = Stump();
  EXPECT_TRUE(Make(parts).infinite_allowed());
  parts.metadata["input"] = "f32";
  EXPECT_FALSE(Make(parts).infinite_allowed());
  parts.metadata["infinite"] = "allowed";
  EXPECT_TRUE(Make(parts).infinite_allowed());
  EXPECT_EQ(Make(parts).forest()->rules().category_cast, CategoryCast::kNonNegative);
  parts.metadata["category_cast"] = "truncate";
  EXPECT_EQ(Make(parts).forest()->rules().category_cast, CategoryCast::kTruncate);
}

TEST(Create, ReadsLinkParameters) {
  ModelParts parts = Stump("iforest", kScore);
  parts.metadata["link_params"] = R"({"denominator":12.5,"offset":-0.5})";
  const Model model = Make(std::move(parts));
  EXPECT_EQ(model.link().kind, LinkKind::kIsolation);
  EXPECT_EQ(model.link().denominator, 12.5);
  EXPECT_EQ(model.link().offset, -0.5);
}

TEST(Create, InfiniteLeavesNeedLeave) {
  ModelParts parts = Stump();
  parts.forest->leaf_value = std::vector<double>{kInfinity, kNan, 0};
  EXPECT_EQ(Refusal(parts),
            "leaf.value[0] is inf, and metadata key allow_nonfinite does not say \"true\"");
  parts.metadata["allow_nonfinite"] = "true";
  EXPECT_TRUE(Model::Create(parts).ok());
}

TEST(Create, MetadataOfAnImporterMustBeUtf8) {
  ModelParts parts = Stump();
  parts.metadata["note"] = "\xff";
  EXPECT_EQ(Refusal(std::move(parts)), "metadata key \"note\" is not UTF-8");
}

TEST(Limits, TreesAreCounted) {
  ModelParts parts = Stump();
  parts.forest->tree_root.assign(limits::kTreesMax + 1, 0);
  EXPECT_EQ(Refusal(std::move(parts), ErrorCode::kTooLarge),
            "the number of trees is 1048577, more than 1048576");
}

TEST(Limits, OutputsAreCounted) {
  ModelParts parts = Stump();
  parts.forest->base = std::vector<double>(limits::kOutputsMax + 1);
  EXPECT_EQ(Refusal(std::move(parts), ErrorCode::kTooLarge),
            "the number of outputs is 65537, more than 65536");
  parts = test::Passing(1, "identity", kValue);
  parts.linear->intercept.assign(limits::kOutputsMax + 1, 0);
  EXPECT_EQ(Refusal(std::move(parts), ErrorCode::kTooLarge),
            "the number of outputs is 65537, more than 65536");
}

TEST(Limits, NamesAreHeldTo64Kilobytes) {
  ModelParts parts = Stump();
  const std::string name(limits::kNameBytesMax, 'n');
  parts.metadata["features"] = R"([{"name":")" + name + R"(","kind":"num"}])";
  EXPECT_TRUE(Model::Create(parts).ok());
  parts.metadata["features"] = R"([{"name":"n)" + name + R"(","kind":"num"}])";
  EXPECT_EQ(Refusal(std::move(parts), ErrorCode::kTooLarge),
            "features[0].name has 65537 bytes, more than 65536");
}

// A feature's texts stand for positions, so a table of its values may hold nothing else.
TEST(CategoryTable, MayHoldThePositionsOfTexts) {
  ModelParts parts = Stump();
  parts.metadata["category_cast"] = "table";
  parts.metadata["features"] = R"([{"name":"x0","kind":"cat","categories":["red","blue"]}])";
  parts.forest->category_begin = {0, 2};
  parts.forest->category_value = {0, 1};
  EXPECT_TRUE(Model::Create(parts).ok());
  for (const std::vector<double>& values : {std::vector<double>{0, 2}, {1, 2}}) {
    parts.forest->category_value = values;
    EXPECT_FALSE(Model::Create(parts).ok());
  }
  parts.forest->category_value = {0};
  parts.forest->category_begin = {0, 1};
  EXPECT_FALSE(Model::Create(parts).ok());
}

TEST(Answers, AreKnownByName) {
  for (int number = 0; number < 6; ++number) {
    const auto answer = static_cast<Answer>(number);
    const auto back = AnswerFromName(AnswerName(answer));
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(*back, answer);
  }
  const auto unknown = AnswerFromName("probs\x1b");
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(unknown.error().message,
            "answer \"probs\\x1b\" is not known; expected one of predict, index, proba, margin, "
            "leaf, score");
}

TEST(Columns, OfARegression) {
  const Model model = Make(Stump());
  EXPECT_FALSE(model.is_classifier());
  EXPECT_EQ(*model.Columns(Answer::kPredict), 1u);
  EXPECT_EQ(*model.Columns(Answer::kMargin), 1u);
  EXPECT_EQ(*model.Columns(Answer::kLeaf), 2u);
  const auto proba = model.Columns(Answer::kProba);
  ASSERT_FALSE(proba.ok());
  EXPECT_EQ(proba.error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(proba.error().message,
            "answer \"proba\" needs a model with classes, which this one does not have");
  EXPECT_FALSE(model.Columns(Answer::kIndex).ok());
  EXPECT_FALSE(model.Columns(Answer::kScore).ok());
}

TEST(Columns, OfTwoClassesOnOneMargin) {
  const Model model = Make(Stump("sigmoid", kTwoClasses));
  EXPECT_TRUE(model.is_classifier());
  EXPECT_EQ(model.n_values(), 2u);
  EXPECT_EQ(*model.Columns(Answer::kPredict), 1u);
  EXPECT_EQ(*model.Columns(Answer::kIndex), 1u);
  EXPECT_EQ(*model.Columns(Answer::kProba), 2u);
  EXPECT_EQ(*model.Columns(Answer::kMargin), 1u);
}

TEST(Columns, OfALinearModelHaveNoLeaves) {
  const Model model = Make(test::Passing(1, "identity", kValue));
  EXPECT_EQ(model.Columns(Answer::kLeaf).error().message,
            "answer \"leaf\" needs a model with trees, which this one does not have");
}

TEST(Columns, OfMixedOutputs) {
  const Model model = Make(test::Passing(
      4, "identity",
      R"([{"name":"c","kind":"class","labels":[1,2],"label_type":"int","columns":[0,2]},
          {"name":"y","kind":"value","columns":[2,4]}])"));
  EXPECT_FALSE(model.is_classifier());
  EXPECT_EQ(model.n_decisions(), 3u);
  EXPECT_EQ(*model.Columns(Answer::kPredict), 3u);
  EXPECT_EQ(*model.Columns(Answer::kIndex), 1u);
  EXPECT_EQ(*model.Columns(Answer::kProba), 2u);
}

TEST(Precision, IsThatOfTheLastStep) {
  ModelParts parts = Stump();
  EXPECT_EQ(Make(parts).precision(Answer::kMargin), Precision::kFloat64);
  parts.metadata["accumulate"] = "f32";
  EXPECT_EQ(Make(parts).precision(Answer::kMargin), Precision::kFloat32);
  EXPECT_EQ(Make(parts).precision(Answer::kPredict), Precision::kFloat32)
      << "identity keeps the margin's width whatever link_math says";
  parts = Stump("sigmoid", kTwoClasses);
  parts.metadata["link_math"] = "f32";
  EXPECT_EQ(Make(parts).precision(Answer::kProba), Precision::kFloat32);
  EXPECT_EQ(Make(parts).precision(Answer::kMargin), Precision::kFloat64);
  EXPECT_EQ(Make(parts).precision(Answer::kIndex), Precision::kFloat64);
}

TEST(CheckRows, MissingValuesNeedLeave) {
  ModelParts parts = Stump();
  EXPECT_EQ(RowRefusal(Make(parts), {kNan}), "ok");
  parts.metadata["missing"] = "error";
  EXPECT_EQ(RowRefusal(Make(parts), {1, kNan}),
            "row 2: \"x0\" is NaN, and this model takes no missing values");
  EXPECT_EQ(RowRefusal(Make(parts), {kNan}, 7),
            "row 7: \"x0\" is NaN, and this model takes no missing values");
}

TEST(CheckRows, InfinitiesNeedLeave) {
  ModelParts parts = Stump();
  EXPECT_EQ(RowRefusal(Make(parts), {kInfinity, -kInfinity}), "ok");
  parts.metadata["infinite"] = "error";
  EXPECT_EQ(RowRefusal(Make(parts), {-kInfinity}),
            "row 1: \"x0\" is -inf, and this model takes finite numbers only");
}

TEST(CheckRows, NumbersMustNotBecomeInfiniteAsFloats) {
  ModelParts parts = Stump();
  const double rounds_to_infinity = 0x1.ffffffp127;
  EXPECT_EQ(RowRefusal(Make(parts), {rounds_to_infinity}), "ok");
  parts.metadata["input"] = "f32";
  EXPECT_EQ(RowRefusal(Make(parts), {std::nextafter(rounds_to_infinity, 0.0)}), "ok");
  EXPECT_EQ(RowRefusal(Make(parts), {-rounds_to_infinity}),
            "row 1: \"x0\" is -3.4028235677973366e+38, which is too large for the float32 numbers "
            "that this model reads");
}

// Numbers are looked at many at once, across the ends of rows: what is refused is found wherever it
// is, and what is only just accepted is not.
TEST(CheckRows, FindsTheFirstWhereverItIs) {
  constexpr double kTooLarge = 0x1.ffffffp127;  // rounds to an infinite float
  const std::vector<double> odd = {std::nextafter(kTooLarge, 0.0), -0.0, 0x1p-1074, -3e38};
  for (const std::size_t n : {1, 64, 65, 128, 129}) {
    ModelParts parts = test::Passing(
        n, "identity", R"([{"name":"y","kind":"value","columns":[0,)" + std::to_string(n) + "]}]");
    parts.metadata["input"] = "f32";
    parts.metadata["missing"] = parts.metadata["infinite"] = "error";
    const Model model = Make(std::move(parts));
    std::vector<double> rows(n * (400 / n));
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = odd[i % odd.size()];
    ASSERT_EQ(model.FirstRefused(rows), rows.size());
    for (const std::size_t at : {0, 1, 62, 63, 64, 65, 126, 127, 128, 129, 191, 192, 193, 255}) {
      for (const double x : {kNan, kInfinity, -kInfinity, kTooLarge, -kTooLarge}) {
        SCOPED_TRACE(std::to_string(n) + " features, number " + std::to_string(at) + " is " +
                     std::to_string(x));
        std::vector<double> refused = rows;
        refused[at] = x;
        EXPECT_EQ(model.FirstRefused(refused), at);
        EXPECT_EQ(RowRefusal(model, refused, 7)
                      .rfind("row " + std::to_string(7 + at / n) + ": \"x" +
                                 std::to_string(at % n) + "\" is ",
                             0),
                  0u);
        EXPECT_EQ(model.FirstRefused(std::span(refused).first(at)), at) << "before it";
        refused.back() = kNan;
        EXPECT_EQ(model.FirstRefused(refused), at) << "the first of two";
        refused[at] = rows[at];
        EXPECT_EQ(model.FirstRefused(refused), rows.size() - 1);
      }
    }
  }
}

TEST(CheckRows, NamesTheColumn) {
  ModelParts parts =
      test::Passing(3, "identity", R"([{"name":"y","kind":"value","columns":[0,3]}])");
  parts.metadata["missing"] = "error";
  EXPECT_EQ(RowRefusal(Make(std::move(parts)), {0, 0, 0, 0, kNan, 0}),
            "row 2: \"x1\" is NaN, and this model takes no missing values");
}

}  // namespace
}  // namespace copse
