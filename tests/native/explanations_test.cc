#include "explanations.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "explanation_text.h"
#include "predictor.h"
#include "service_fixtures.h"

namespace copse {
namespace {

using nlohmann::json;
using test::Fields;

const Fields kJson = {{"content-type", "application/json"}};
const std::vector<double> kVersicolor = {6.0, 2.9, 4.5, 1.5};

std::vector<double> Contributions(const Model& model, const std::vector<double>& rows,
                                  ExplainMethod method = ExplainMethod::kTreeShap) {
  const auto explainer = Explainer::Create(model, method);
  EXPECT_TRUE(explainer.ok()) << explainer.error().message;
  std::vector<double> parts(rows.size() / model.n_features() * explainer->columns());
  explainer->Explain(rows, parts);
  return parts;
}

class ExplainTest : public ::testing::Test {
 protected:
  Reply Ask(const std::string& body, const std::string& target = "/explain",
            const Fields& fields = kJson, const std::string& method = "POST") {
    return handlers_.Handle(test::MakeRequest(method, target, fields, body));
  }
  json AskJson(const std::string& body, const std::string& target = "/explain") {
    return json::parse(Ask(body, target).body);
  }

  test::RememberingLog log_;
  Metrics metrics_;
  Handlers handlers_{{test::SharedIris()}, {}, &log_, metrics_};
};

// The JSON of one explained row has the explainer's very numbers, by name.
void ExpectNumbers(const json& margins, const std::vector<double>& parts) {
  const Model& model = test::Iris();
  ASSERT_EQ(margins.size(), 3U);
  for (std::size_t k = 0; k < 3; ++k) {
    EXPECT_EQ(margins[k]["output"], "species");
    EXPECT_EQ(margins[k]["class"], model.outputs()[0].labels[k]);
    double sum = margins[k]["base"];
    EXPECT_EQ(sum, parts[k * 5 + 4]);
    ASSERT_EQ(margins[k]["contributions"].size(), 4U);
    for (std::size_t f = 0; f < 4; ++f) {
      const double part = margins[k]["contributions"][model.features()[f].name];
      EXPECT_EQ(part, parts[k * 5 + f]);
      sum += part;
    }
    EXPECT_NEAR(sum, margins[k]["margin"].get<double>(), 1e-12);
  }
}

TEST_F(ExplainTest, OneRowByPositionOrByName) {
  const json answer = AskJson("[6.0,2.9,4.5,1.5]");
  ExpectNumbers(answer["margins"], Contributions(test::Iris(), kVersicolor));
  EXPECT_EQ(answer["margins"][1]["margin"], 1);
  EXPECT_EQ(answer["method"], "treeshap");
  EXPECT_EQ(answer["model"], "iris");
  EXPECT_EQ(answer["version"], test::IrisFile().version);
  EXPECT_EQ(answer["request_id"], "rid");
  EXPECT_FALSE(answer.contains("explanations"));
  EXPECT_EQ(AskJson(R"({"p_width":1.5,"p_length":4.5,"s_width":2.9,"s_length":6})"), answer);
}

TEST_F(ExplainTest, AListOfRows) {
  const json answer = AskJson("[[5.1,3.5,1.4,0.2],[6.0,2.9,4.5,1.5]]");
  ASSERT_EQ(answer["explanations"].size(), 2U);
  ExpectNumbers(answer["explanations"][0]["margins"],
                Contributions(test::Iris(), {5.1, 3.5, 1.4, 0.2}));
  ExpectNumbers(answer["explanations"][1]["margins"], Contributions(test::Iris(), kVersicolor));
  EXPECT_FALSE(answer.contains("margins"));
  EXPECT_EQ(AskJson("[[6.0,2.9,4.5,1.5]]")["explanations"].size(), 1U);
}

TEST_F(ExplainTest, TheQueryNamesTheMethod) {
  const json quick = AskJson("[6.0,2.9,4.5,1.5]", "/explain?method=saabas");
  EXPECT_EQ(quick["method"], "saabas");
  ExpectNumbers(quick["margins"], Contributions(test::Iris(), kVersicolor, ExplainMethod::kSaabas));
  EXPECT_EQ(AskJson("[6.0,2.9,4.5,1.5]", "/explain?method=treeshap"), AskJson("[6.0,2.9,4.5,1.5]"));
  for (const char* const query :
       {"?method=lime", "?method=", "?method=saabas&method=lime", "?method=saabas&method=saabas"}) {
    const Reply reply = Ask("[6.0,2.9,4.5,1.5]", std::string("/explain") + query);
    EXPECT_EQ(reply.status, 400) << query;
    EXPECT_EQ(json::parse(reply.body)["field"], "method") << query;
    EXPECT_TRUE(json::parse(reply.body).contains("value")) << query;
  }
  EXPECT_EQ(AskJson("[6.0,2.9,4.5,1.5]", "/explain?method=lime")["value"], "lime");
}

TEST_F(ExplainTest, RefusalsNameRowFieldAndValue) {
  for (const char* const body : {"", "{", "null", "[]", "[1,2,3]", "[1,2,3,null]", "[[1,2,3,4],3]",
                                 R"({"s_length":1})", "[NaN,1,1,1]", "\xff"}) {
    EXPECT_EQ(Ask(body).status, 400) << body;
  }
  const json text = AskJson(R"([[1,2,3,4],{"s_length":"a","s_width":1,"p_length":1,"p_width":1}])");
  EXPECT_EQ(text["field"], "s_length");
  EXPECT_EQ(text["value"], "a");
  EXPECT_NE(text["detail"].get<std::string>().find("row 2"), std::string::npos) << text;
  const json large = AskJson("[1e39,1,1,1]");
  EXPECT_EQ(large["field"], "s_length");
  EXPECT_EQ(large["value"], "1e39");
}

TEST_F(ExplainTest, TakesJsonAndPostOnly) {
  for (const char* const type : {"", "text/csv", "application/x-www-form-urlencoded"}) {
    const Reply reply = Ask("[6,2.9,4.5,1.5]", "/explain", {{"content-type", type}});
    EXPECT_EQ(reply.status, 415) << type;
    EXPECT_EQ(test::HeaderOf(reply, "Accept-Post"), "application/json");
  }
  const Reply get = Ask("", "/explain", {}, "GET");
  EXPECT_EQ(get.status, 405);
  EXPECT_EQ(test::HeaderOf(get, "Allow"), "POST, OPTIONS");
  EXPECT_EQ(Ask("", "/explain", {}, "OPTIONS").status, 200);
}

TEST_F(ExplainTest, IsCountedAndNotRecorded) {
  Ask("[[6.0,2.9,4.5,1.5],[5.1,3.5,1.4,0.2]]");
  Ask("[6.0,2.9,4.5,1.5]");
  Ask("[6.0,2.9,4.5,1.5]", "/explain?method=saabas");
  Ask("[6.0,2.9,4.5]");
  const std::string text = metrics_.Text({});
  const std::string labels = R"({model="iris",version=")" + test::IrisFile().version + "\",method=";
  EXPECT_NE(text.find("model_explanations_total" + labels + "\"treeshap\"} 3\n"),
            std::string::npos);
  EXPECT_NE(text.find("model_explanations_total" + labels + "\"saabas\"} 1\n"), std::string::npos);
  EXPECT_EQ(text.find("model_predictions_total{"), std::string::npos);
  EXPECT_TRUE(log_.entries.empty());
  metrics_.KeepVersions({{"iris", "another"}});
  EXPECT_EQ(metrics_.Text({}).find("model_explanations_total{"), std::string::npos);
}

TEST_F(ExplainTest, WhatHasNoContributionsSaysWhy) {
  ModelParts parts;
  parts.metadata =
      test::Metadata(1, "identity", R"([{"name":"y","kind":"value","columns":[0,1]}])");
  parts.forest = test::TwoTrees();
  const Model model = test::MakeModel(std::move(parts));
  const Handlers handlers({test::Named("bare", model)}, {}, nullptr, metrics_);
  const Reply reply = handlers.Handle(test::MakeRequest("POST", "/explain", kJson, "[1]"));
  EXPECT_EQ(reply.status, 400);
  EXPECT_NE(reply.body.find("leaf.cover"), std::string::npos) << reply.body;
  const std::string infer = R"({"inputs":[{"name":"input-0","datatype":"FP64","shape":[1,1],)"
                            R"("data":[1]}],"outputs":[{"name":"explain"}]})";
  const Reply v2 = handlers.Handle(test::MakeRequest("POST", "/v2/models/bare/infer", {}, infer));
  EXPECT_EQ(v2.status, 400);
  EXPECT_NE(v2.body.find("leaf.cover"), std::string::npos) << v2.body;
}

TEST_F(ExplainTest, WithoutAModelIsUnavailable) {
  const Handlers handlers({}, {}, nullptr, metrics_);
  EXPECT_EQ(handlers.Handle(test::MakeRequest("POST", "/explain", kJson, "[1]")).status, 503);
}

TEST_F(ExplainTest, AnInferenceHasThemAsATensor) {
  const std::string infer =
      R"({"inputs":[{"name":"input-0","datatype":"FP64","shape":[2,4],"data":)"
      R"([5.1,3.5,1.4,0.2,6.0,2.9,4.5,1.5]}],"outputs":[{"name":"explain"},{"name":"predict"}]})";
  const json answer = json::parse(
      handlers_.Handle(test::MakeRequest("POST", "/v2/models/iris/infer", {}, infer)).body);
  const json& tensor = answer["outputs"][0];
  EXPECT_EQ(tensor["datatype"], "FP64");
  EXPECT_EQ(tensor["shape"], json::array({2, 3, 5}));
  EXPECT_EQ(tensor["data"].get<std::vector<double>>(),
            Contributions(test::Iris(), {5.1, 3.5, 1.4, 0.2, 6.0, 2.9, 4.5, 1.5}));
  EXPECT_EQ(answer["outputs"][1]["data"], json::array({0, 1}));
  // These rows are answered, and so recorded.
  EXPECT_EQ(log_.entries.size(), 2U);
  EXPECT_NE(metrics_.Text({}).find("method=\"treeshap\"} 2\n"), std::string::npos);
}

TEST(Explanations, BoundTheWorkOfARequest) {
  const Model& iris = test::Iris();
  const std::uint64_t cost = Explainer::Create(iris)->cost();
  const auto refusal = [&](const Explanations::Limits& limits, std::size_t n_rows) {
    const Explanations explanations(iris, limits);
    const auto explainer = explanations.For(ExplainMethod::kTreeShap, n_rows);
    if (explainer.ok()) return std::string("(accepted)");
    EXPECT_EQ(explainer.error().code, ErrorCode::kTooLarge);
    return explainer.error().message;
  };
  Explanations::Limits limits;
  limits.cost = 3 * cost + 1;
  EXPECT_EQ(refusal(limits, 3), "(accepted)");
  EXPECT_EQ(refusal(limits, 4),
            "4 rows are too many to be explained by treeshap in one request to this model; send at "
            "most 3 rows, or use copse explain.");
  limits.cost = 1;
  EXPECT_EQ(refusal(limits, 1), "(accepted)") << "one row may take more";
  EXPECT_NE(refusal(limits, 2).find("at most 1 rows"), std::string::npos);
  limits.row_cost = cost - 1;
  EXPECT_NE(refusal(limits, 1).find("use the method \"saabas\""), std::string::npos);
  limits = {};
  limits.n_values = 31;  // 15 a row
  EXPECT_EQ(refusal(limits, 2), "(accepted)");
  EXPECT_NE(refusal(limits, 3).find("at most 2 rows"), std::string::npos);
}

TEST(Explanations, AreTheSameWithAnyNumberOfThreads) {
  std::vector<double> rows;
  for (int i = 0; i < 100; ++i) {
    rows.insert(rows.end(), {4 + i % 7 * 0.5, 2 + i % 5 * 0.5, 1 + i % 11 * 0.5, i % 6 * 0.4});
  }
  const Model& iris = test::Iris();
  const Explanations explanations(iris);
  const auto explainer = explanations.For(ExplainMethod::kTreeShap, 100);
  ASSERT_TRUE(explainer.ok());
  EXPECT_EQ(*explanations.For(ExplainMethod::kTreeShap, 1), *explainer) << "made once";
  const std::vector<double> right = Contributions(iris, rows);
  for (const std::size_t n_helpers : {0, 1, 3}) {
    RowPool pool(n_helpers);
    EXPECT_EQ(Explanations::Explain(iris, **explainer, rows, pool), right) << n_helpers;
  }
}

TEST(ContributionNames, NameMarginsWhereThereAreSeveral) {
  const std::vector<std::string> iris = ContributionNames(test::Iris());
  ASSERT_EQ(iris.size(), 15U);
  EXPECT_EQ(iris[0], "setosa:s_length");
  EXPECT_EQ(iris[9], "versicolor:base");
  const Model coin = test::MakeModel(test::Passing(
      1, "sigmoid",
      R"([{"name":"y","kind":"class","labels":["no","yes"],"label_type":"str","columns":[0,1]}])"));
  EXPECT_EQ(ContributionNames(coin), (std::vector<std::string>{"x0", "base"}));
  EXPECT_EQ(MarginNames(coin), (std::vector<std::string>{"yes"}));
  EXPECT_EQ(MarginNames(test::Shirts()), (std::vector<std::string>{"y.0", "y.1", "y.2"}));
}

TEST(ExplanationText, NumbersThatAreNotFiniteAreNull) {
  const ExplanationText text(test::Shirts());
  const double nan = std::nan("");
  std::vector<double> parts(12);
  std::iota(parts.begin(), parts.end(), 0);
  parts[0] = nan;
  std::string members = "{";
  text.AppendMembers(std::vector<double>{nan, 1, 2}, parts, members);
  const json margins = json::parse(members + "}")["margins"];
  EXPECT_EQ(margins[0], (json{{"output", "y"},
                              {"column", 0},
                              {"margin", nullptr},
                              {"base", 3},
                              {"contributions", {{"size", nullptr}, {"color", 1}, {"code", 2}}}}));
  EXPECT_EQ(margins[2]["column"], 2);
}

}  // namespace
}  // namespace copse
