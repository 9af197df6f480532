#include "prediction_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "row_fixtures.h"

namespace copse {
namespace {

using test::Iris;
using test::MakeModel;
using test::Passing;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(NumberText, IsTheShortestThatReadsBack) {
  EXPECT_EQ(NumberText(0.1), "0.1");
  EXPECT_EQ(NumberText(1), "1");
  EXPECT_EQ(NumberText(-0.0), "-0");
  EXPECT_EQ(NumberText(1e20), "1e+20");
  EXPECT_EQ(NumberText(kNaN), "nan");
  EXPECT_EQ(NumberText(-kNaN), "nan");
  EXPECT_EQ(NumberText(-kInfinity), "-inf");
  for (const double x : {0.1 + 0.2, 5e-324, std::numeric_limits<double>::max(), 1.0 / 3,
                         static_cast<double>(0.9f), 123456789012345678.0}) {
    EXPECT_EQ(std::strtod(NumberText(x).c_str(), nullptr), x);
  }
}

TEST(NumberJson, IsNullWhereJsonHasNoNumber) {
  EXPECT_EQ(NumberJson(kNaN), "null");
  EXPECT_EQ(NumberJson(kInfinity), "null");
  EXPECT_EQ(NumberJson(2.5), "2.5");
  EXPECT_EQ(NumbersJson(std::vector<double>{5.1, kNaN, 3}), "[5.1,null,3]");
  EXPECT_EQ(NumbersJson({}), "[]");
}

// Each is what repr() of CPython 3.11 prints.
TEST(PythonRepr, PrintsWhatPythonPrints) {
  EXPECT_EQ(PythonRepr(1), "1.0");
  EXPECT_EQ(PythonRepr(-0.0), "-0.0");
  EXPECT_EQ(PythonRepr(0.1), "0.1");
  EXPECT_EQ(PythonRepr(151.33333333333334), "151.33333333333334");
  EXPECT_EQ(PythonRepr(1e-4), "0.0001");
  EXPECT_EQ(PythonRepr(1.5e-5), "1.5e-05");
  EXPECT_EQ(PythonRepr(1e-5), "1e-05");
  EXPECT_EQ(PythonRepr(1e15), "1000000000000000.0");
  EXPECT_EQ(PythonRepr(9999999999999998.0), "9999999999999998.0");
  EXPECT_EQ(PythonRepr(1e16), "1e+16");
  EXPECT_EQ(PythonRepr(1.25e100), "1.25e+100");
  EXPECT_EQ(PythonRepr(5e-324), "5e-324");
  EXPECT_EQ(PythonRepr(kNaN), "nan");
  EXPECT_EQ(PythonRepr(-kInfinity), "-inf");
}

TEST(JsonString, EscapesWhatJsonMustNotHold) {
  EXPECT_EQ(JsonString("a\"b\\c\n\x01\u00e9"), "\"a\\\"b\\\\c\\u000a\\u0001\u00e9\"");
  const std::string all = "\x01\t\n\x1f\"\\/\x7f\u20ac";
  EXPECT_EQ(nlohmann::json::parse(JsonString(all)).get<std::string>(), all);
}

TEST(PredictionJson, NamesClassIndexAndProbabilities) {
  const std::vector<double> rows = {5.1, 3.5, 1.4, 0.2, 6.0, 2.9, 4.5, 1.5};
  const Prediction prediction = PredictEverything(Iris(), rows);
  EXPECT_EQ(PredictionJson(Iris(), prediction, 0), R"({"label":"setosa","index":0,"probabilities":)"
                                                   R"({"setosa":1,"versicolor":0,"virginica":0}})");
  const auto json = nlohmann::json::parse(PredictionJson(Iris(), prediction, 1));
  EXPECT_EQ(json["label"], "versicolor");
  EXPECT_EQ(json["probabilities"]["versicolor"].get<double>(), prediction.values[4]);
  EXPECT_EQ(LabelText(Iris(), prediction, 1), "versicolor");
  EXPECT_EQ(TutorialText(Iris(), prediction), "[0, 1]");
  EXPECT_EQ(TutorialText(Iris(), prediction, 1), "[1]");
}

// One margin, two classes: labels keep the type that they were trained with.
TEST(PredictionJson, WritesLabelsInTheirType) {
  const auto label_of = [](const std::string& labels, const std::string& type) {
    const Model model =
        MakeModel(Passing(1, "sigmoid",
                          R"([{"name":"y","kind":"class","labels":)" + labels +
                              R"(,"label_type":")" + type + R"(","columns":[0,1]}])"));
    const std::vector<double> rows = {3};
    const auto json =
        nlohmann::json::parse(PredictionJson(model, PredictEverything(model, rows), 0));
    EXPECT_EQ(json["index"], 1);
    EXPECT_EQ(json["probabilities"].size(), 2u);
    return json["label"].dump();
  };
  EXPECT_EQ(label_of(R"(["0","1"])", "str"), "\"1\"");
  EXPECT_EQ(label_of("[-1,7]", "int"), "7");
  EXPECT_EQ(label_of("[0.5,1.5]", "float"), "1.5");
  EXPECT_EQ(label_of("[false,true]", "bool"), "true");
}

TEST(PredictionJson, WritesValues) {
  const Model one = MakeModel(
      Passing(1, "identity", R"([{"name":"y","kind":"value","labels":[],"columns":[0,1]}])"));
  const std::vector<double> rows = {151.5, 2};
  const Prediction prediction = PredictEverything(one, rows);
  EXPECT_EQ(PredictionJson(one, prediction, 0), R"({"value":151.5})");
  EXPECT_EQ(TutorialText(one, prediction), "[151.5, 2.0]");
  EXPECT_EQ(LabelText(one, prediction, 1), "2");
}

TEST(PredictionJson, NamesEachOfSeveralOutputs) {
  const Model two = MakeModel(Passing(
      3, "identity",
      R"([{"name":"kind","kind":"class","labels":["a","b"],"label_type":"str","columns":[0,2]},)"
      R"({"name":"size","kind":"value","labels":[],"columns":[2,3]}])"));
  const std::vector<double> rows = {0.25, 0.75, 9, 1, 0, -1};
  const Prediction prediction = PredictEverything(two, rows);
  EXPECT_EQ(PredictionJson(two, prediction, 0),
            R"({"outputs":{"kind":{"label":"b","index":1,"probabilities":{"a":0.25,"b":0.75}},)"
            R"("size":{"value":9}}})");
  EXPECT_EQ(TutorialText(two, prediction), "[[1, 9.0], [0, -1.0]]");
  EXPECT_EQ(TutorialText(two, prediction, 1), "[0, -1.0]");
  EXPECT_EQ(LabelText(two, prediction, 0), "b,9");
}

TEST(PredictionJson, AddsTheScoreOfAnIsolationForest) {
  ModelParts parts =
      Passing(1, "iforest", R"([{"name":"anomaly","kind":"score","labels":[],"columns":[0,1]}])");
  parts.metadata["link_params"] = R"({"denominator":2,"offset":-0.5})";
  const Model model = MakeModel(std::move(parts));
  const std::vector<double> rows = {2, 4};  // score_samples -1/2 and -1/4
  const Prediction prediction = PredictEverything(model, rows);
  EXPECT_EQ(PredictionJson(model, prediction, 0), R"({"value":1,"score":-0.5})");
  EXPECT_EQ(PredictionJson(model, prediction, 1), R"({"value":1,"score":-0.25})");
  EXPECT_EQ(TutorialText(model, prediction), "[1, 1]");
}

}  // namespace
}  // namespace copse
