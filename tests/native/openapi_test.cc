#include "openapi.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "openapi_schema.h"
#include "service_fixtures.h"

namespace copse {
namespace {

using json = nlohmann::json;

json Swagger(const LoadedModels& models) { return json::parse(SwaggerDocument(models)); }
json OpenApi(const LoadedModels& models) { return json::parse(OpenApiDocument(models)); }

TEST(SwaggerDocument, KeepsTheTutorialsOperationsAndIsComplete) {
  const json document = Swagger({test::SharedIris()});
  EXPECT_EQ(document["swagger"], "2.0");
  const json& parameters = document["paths"]["/predict"]["get"]["parameters"];
  ASSERT_EQ(parameters.size(), 4U);
  EXPECT_EQ(parameters[0]["name"], "s_length");
  EXPECT_EQ(parameters[0]["in"], "query");
  EXPECT_EQ(parameters[0]["required"], true);
  EXPECT_EQ(parameters[0]["type"], "number");
  const json& post = document["paths"]["/predict_file"]["post"];
  EXPECT_EQ(post["consumes"], json::array({"multipart/form-data"}));
  EXPECT_EQ(post["parameters"][0]["type"], "file");
  EXPECT_EQ(post["parameters"][0]["name"], "input_file");
  EXPECT_TRUE(post["responses"].contains("200"));
}

TEST(OpenApiDocument, DescribesTheFeaturesOfTheModel) {
  const json document = OpenApi({test::SharedIris()});
  EXPECT_EQ(document["openapi"], "3.1.0");
  const json& schemas = document["components"]["schemas"];
  EXPECT_EQ(schemas["Row"]["anyOf"][0]["required"],
            json::array({"s_length", "s_width", "p_length", "p_width"}));
  EXPECT_EQ(
      document["paths"]["/models/{name}.safetensors"]["get"]["parameters"][0]["schema"]["enum"],
      json::array({"iris"}));
}

// Every example request is sent; every example answer is what comes back.
TEST(OpenApiDocument, ItsExamplesRun) {
  Metrics metrics;
  for (const auto& model : {test::SharedIris(), test::Named("shirts", test::Shirts())}) {
    const Handlers handlers({model}, {}, nullptr, metrics);
    const json predict = OpenApi({model})["paths"]["/predict"];
    const json& content = predict["post"]["requestBody"]["content"]["application/json"]["examples"];
    const json& answers =
        predict["post"]["responses"]["200"]["content"]["application/json"]["examples"];
    for (const char* const kind : {"row", "list"}) {
      const Reply reply = handlers.Handle(
          test::MakeRequest("POST", "/predict",
                            {{"content-type", "application/json"}, {"accept", "application/json"}},
                            content[kind]["value"].dump()));
      ASSERT_EQ(reply.status, 200) << reply.body;
      json answer = json::parse(reply.body);
      answer["request_id"] = answers[kind]["value"]["request_id"];
      EXPECT_EQ(answer, answers[kind]["value"]);
    }
    const json explain = OpenApi({model})["paths"]["/explain"]["post"];
    const json& rows = explain["requestBody"]["content"]["application/json"]["examples"];
    const json& said = explain["responses"]["200"]["content"]["application/json"]["examples"];
    for (const char* const kind : {"row", "list"}) {
      const Reply reply = handlers.Handle(test::MakeRequest(
          "POST", "/explain", {{"content-type", "application/json"}}, rows[kind]["value"].dump()));
      ASSERT_EQ(reply.status, 200) << reply.body;
      json answer = json::parse(reply.body);
      answer["request_id"] = said[kind]["value"]["request_id"];
      EXPECT_EQ(answer, said[kind]["value"]);
    }
    Request query = test::MakeRequest("GET", "/predict");
    for (const json& parameter : predict["get"]["parameters"]) {
      if (!parameter.contains("name")) continue;
      const json& example = parameter["example"];
      query.query.emplace_back(parameter["name"].get<std::string>(),
                               example.is_string() ? example.get<std::string>() : example.dump());
    }
    EXPECT_EQ(
        handlers.Handle(query).body,
        predict["get"]["responses"]["200"]["content"]["text/html"]["example"].get<std::string>());
  }
}

TEST(OpenApiDocument, WithoutModelsDescribesTheService) {
  const json document = OpenApi({});
  EXPECT_TRUE(document["paths"].contains("/readyz"));
  EXPECT_FALSE(document["paths"].contains("/predict"));
  EXPECT_TRUE(Swagger({})["paths"]["/predict"]["get"]["parameters"].empty());
}

TEST(OpenApiDocument, WideModelsAreDescribedByTheirRow) {
  const Model model = test::MakeModel(test::Passing(
      2000, "identity", R"([{"name":"y","kind":"value","labels":[],"columns":[0,2000]}])"));
  const json document = OpenApi({test::Named("wide", model)});
  EXPECT_EQ(document["paths"]["/predict"]["get"]["parameters"].size(), 1U);
  const json& row = document["components"]["schemas"]["Row"]["anyOf"];
  EXPECT_FALSE(row[0].contains("properties"));
  EXPECT_EQ(row[1]["minItems"], 2000);
  const json& content = document["paths"]["/predict"]["post"]["requestBody"]["content"];
  EXPECT_EQ(content["application/json"]["examples"]["row"]["value"].size(), 2000U);
  EXPECT_LT(OpenApiDocument({test::Named("wide", model)}).size(), 50000U);
}

TEST(ExampleRow, StandsInTheTrainingRangeInFewDigits) {
  const std::vector<double> row = ExampleRow(test::Iris());
  ASSERT_EQ(row.size(), 4U);
  for (std::size_t f = 0; f < row.size(); ++f) {
    const Feature& feature = test::Iris().features()[f];
    EXPECT_GT(row[f], feature.min);
    EXPECT_LT(row[f], feature.max);
    EXPECT_LE(ExampleValue(feature, row[f]).dump().size(), 4U);
  }
  EXPECT_EQ(ExampleRow(test::Shirts()), (std::vector<double>{0, 0, 0}));
  EXPECT_EQ(ExampleJson(test::Shirts())["color"], "red");
}

}  // namespace
}  // namespace copse
