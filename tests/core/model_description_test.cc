#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "copse/model_file.h"
#include "model_parts.h"
#include "vectors.h"

namespace copse {
namespace {

using Json = nlohmann::json;

Json Describe(ModelParts parts) {
  return Json::parse(DescribeModel(test::MakeModel(std::move(parts))), nullptr, false);
}

Json DescribeFile(const std::string& path) {
  const auto bytes = test::ReadFile(path);
  EXPECT_TRUE(bytes.ok()) << path;
  const auto model = ReadModel(*bytes);
  EXPECT_TRUE(model.ok()) << path;
  return Json::parse(DescribeModel(*model), nullptr, false);
}

TEST(DescribeModel, SaysWhatTheIrisModelIs) {
  const Json json = DescribeFile(COPSE_SOURCE_DIR "/models/iris.safetensors");
  EXPECT_EQ(json["format_version"], 1);
  EXPECT_EQ(json["task"], "classification");
  EXPECT_EQ(json["n_features"], 4);
  EXPECT_EQ(json["features"][0], Json::parse(R"({"name":"s_length","kind":"num","categories":null,
                            "description":"sepal length","unit":"cm","min":4.3,"max":7.7})"));
  EXPECT_EQ(json["outputs"], Json::parse(R"([{"name":"species","kind":"class",
      "labels":["setosa","versicolor","virginica"],"label_type":"str","columns":[0,3]}])"));
  EXPECT_EQ(json["n_trees"], 100);
  EXPECT_EQ(json["n_leaves"], json["n_nodes"].get<int>() + 100);
  EXPECT_GT(json["max_depth"], 3);
  EXPECT_EQ(json["combine"], "mean");
  EXPECT_EQ(json["missing"], "error");
  EXPECT_EQ(json["infinite"], "error");
  EXPECT_EQ(json["answers"], Json({"predict", "index", "proba", "margin", "leaf"}));
  EXPECT_EQ(json["source"]["estimator"], "RandomForestClassifier");
  EXPECT_EQ(json["warnings"], Json::array());
}

TEST(DescribeModel, IsJsonForEveryVectorAndHasEveryKey) {
  for (const std::string& name : test::CaseNames()) {
    SCOPED_TRACE(name);
    const Json json = DescribeFile(test::VectorsFolder() + name + "/model.safetensors");
    for (const char* key : {"format_version", "task",    "n_features", "features",   "outputs",
                            "n_trees",        "n_nodes", "n_leaves",   "max_depth",  "input",
                            "accumulate",     "combine", "link",       "decision",   "missing",
                            "infinite",       "answers", "source",     "provenance", "warnings"}) {
      EXPECT_TRUE(json.contains(key)) << key;
    }
    EXPECT_EQ(json["features"].size(), json["n_features"]);
  }
}

TEST(DescribeModel, NamesTheTask) {
  const auto task = [](const char* outputs, const char* link = "identity") {
    ModelParts parts = test::Passing(2, link, outputs);
    if (std::string(link) == "iforest") parts.metadata["link_params"] = R"({"denominator":1})";
    return Describe(std::move(parts))["task"];
  };
  EXPECT_EQ(task(R"([{"name":"y","kind":"value","columns":[0,2]}])"), "regression");
  EXPECT_EQ(task(R"([{"name":"s","kind":"score","columns":[0,2]}])", "iforest"),
            "anomaly detection");
  EXPECT_EQ(task(R"([{"name":"y","kind":"value","columns":[0,1]},{"name":"c","kind":"class",
                     "labels":[false,true],"label_type":"bool","columns":[1,2]}])"),
            "mixed");
}

TEST(DescribeModel, LabelsKeepTheirType) {
  const auto labels = [](const std::string& list, const std::string& type) {
    return Describe(test::Passing(2, "identity",
                                  R"([{"name":"c","kind":"class","labels":)" + list +
                                      R"(,"label_type":")" + type +
                                      R"(","columns":[0,2]}])"))["outputs"][0]["labels"];
  };
  EXPECT_EQ(labels(R"(["1","\u001b[2J\""])", "str"), Json({"1", "\x1b[2J\""}));
  EXPECT_EQ(labels("[-1,18446744073709551615]", "int"), Json::parse("[-1,18446744073709551615]"));
  EXPECT_EQ(labels("[0.5,1e300]", "float"), Json({0.5, 1e300}));
  EXPECT_EQ(labels("[false,true]", "bool"), Json({false, true}));
}

TEST(DescribeModel, UnknownRangesAreNull) {
  ModelParts parts =
      test::Passing(2, "identity", R"([{"name":"y","kind":"value","columns":[0,2]}])");
  EXPECT_TRUE(Describe(parts)["features"][0]["min"].is_null());
  parts.feature_min = {-HUGE_VAL, 1};
  parts.feature_max = {0.5, NAN};
  const Json features = Describe(std::move(parts))["features"];
  EXPECT_TRUE(features[0]["min"].is_null());
  EXPECT_EQ(features[0]["max"], 0.5);
  EXPECT_TRUE(features[1]["max"].is_null());
}

}  // namespace
}  // namespace copse
