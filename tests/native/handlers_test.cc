#include "handlers.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "service_fixtures.h"

namespace copse {
namespace {

using nlohmann::json;
using test::Fields;
using test::HeaderOf;
using test::MakeRequest;

constexpr const char* kQuery = "/predict?s_length=5.1&s_width=3.5&p_length=1.4&p_width=0.2";
const Fields kAcceptJson = {{"accept", "application/json"}};
const Fields kJson = {{"content-type", "application/json"}};

class HandlersTest : public ::testing::Test {
 protected:
  Reply Ask(const std::string& method, const std::string& target, Fields fields = {},
            std::string body = {}) {
    return handlers_.Handle(MakeRequest(method, target, std::move(fields), std::move(body)));
  }
  json AskJson(const std::string& method, const std::string& target, Fields fields = {},
               std::string body = {}) {
    return json::parse(Ask(method, target, std::move(fields), std::move(body)).body);
  }

  test::RememberingLog log_;
  Metrics metrics_;
  Handlers handlers_{{test::SharedIris()}, {}, &log_, metrics_};
};

TEST_F(HandlersTest, PredictAnswersTheTutorialsBytes) {
  const Reply reply = Ask("GET", kQuery);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.content_type, "text/html; charset=utf-8");
  EXPECT_EQ(reply.body, "[0]");
  EXPECT_EQ(HeaderOf(reply, "X-Request-ID"), "rid");
  EXPECT_EQ(HeaderOf(reply, "X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(HeaderOf(reply, "Content-Security-Policy"),
            "default-src 'none'; frame-ancestors 'none'");
}

TEST_F(HandlersTest, PredictAnswersJsonToThoseWhoAsk) {
  const Reply reply = Ask("GET", kQuery, kAcceptJson);
  EXPECT_EQ(reply.content_type, "application/json");
  EXPECT_EQ(reply.body, R"({"label":"setosa","index":0,"probabilities":{"setosa":1,"versicolor":0,)"
                        R"("virginica":0},"model":"iris","version":")" +
                            test::IrisFile().version + R"(","request_id":"rid"})");
}

TEST_F(HandlersTest, PredictRecordsWhatItAnswered) {
  Ask("GET", kQuery);
  ASSERT_EQ(log_.entries.size(), 1U);
  const LogEntry& entry = log_.entries[0];
  EXPECT_EQ(entry.id.size(), 36U);
  EXPECT_GT(entry.time_unix_ms, 0);
  EXPECT_EQ(entry.model, "iris");
  EXPECT_EQ(entry.version, test::IrisFile().version);
  EXPECT_EQ(entry.request_id, "rid");
  EXPECT_EQ(entry.input, "[5.1,3.5,1.4,0.2]");
  EXPECT_EQ(entry.output, "[0]");
  EXPECT_EQ(entry.label, "setosa");
  EXPECT_TRUE(entry.numbered);
}

TEST_F(HandlersTest, HeadAndRefusalsAreNotRecorded) {
  EXPECT_EQ(Ask("HEAD", kQuery).body, "[0]");
  EXPECT_EQ(Ask("GET", "/predict").status, 400);
  EXPECT_EQ(Ask("POST", "/predict", kJson, "[1,2]").status, 400);
  EXPECT_TRUE(log_.entries.empty());
}

TEST_F(HandlersTest, RefusedQueryNamesFieldAndValue) {
  const std::string good = "&s_width=3.5&p_length=1.4&p_width=0.2";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"s_length=abc", "abc"},         {"s_length=", ""},         {"s_length=nan", "nan"},
      {"s_length=inf", "inf"},         {"s_length=1e39", "1e39"}, {"s_length=1e400", "1e400"},
      {"s_length=%ff", "\xef\xbf\xbd"}};
  for (const auto& [parameter, value] : cases) {
    const Reply reply = Ask("GET", "/predict?" + parameter + good);
    EXPECT_EQ(reply.status, 400) << parameter;
    EXPECT_EQ(reply.content_type, "application/problem+json");
    const json problem = json::parse(reply.body);
    EXPECT_EQ(problem["field"], "s_length") << parameter;
    EXPECT_EQ(problem["value"], value) << parameter;
    EXPECT_EQ(problem["request_id"], "rid");
    EXPECT_NE(problem["detail"].get<std::string>().find("s_length"), std::string::npos);
  }
  const json missing = AskJson("GET", "/predict?s_length=1&s_width=1&p_length=1");
  EXPECT_EQ(missing["field"], "p_width");
  EXPECT_FALSE(missing.contains("value")) << missing;
}

TEST_F(HandlersTest, RefusedBodyNamesFieldAndValue) {
  const auto problem = [&](const std::string& path, const Fields& fields, const std::string& body) {
    return json::parse(Ask("POST", path, fields, body).body);
  };
  const json large = problem("/predict", kJson, R"({"s_length":1e999,"s_width":1})");
  EXPECT_EQ(large["field"], "s_length");
  EXPECT_EQ(large["value"], "1e999");
  const json absent = problem("/predict", kJson, R"({"s_length":1})");
  EXPECT_EQ(absent["field"], "s_width");
  EXPECT_FALSE(absent.contains("value")) << absent;

  const Fields csv = {{"content-type", "text/csv"}};
  const json cell = problem("/predict_file", csv, "1,2,3,4\n1,2,x,4\n");
  EXPECT_EQ(cell["field"], "p_length");
  EXPECT_EQ(cell["value"], "x");

  const std::string type = "multipart/form-data; boundary=b";
  const json form = problem("/predict_file", {{"content-type", type}}, "--b--\r\n");
  EXPECT_EQ(form["field"], "input_file");
  EXPECT_FALSE(form.contains("value")) << form;
  const json no_boundary = problem("/predict_file", {{"content-type", "multipart/form-data"}}, "x");
  EXPECT_EQ(no_boundary["field"], "Content-Type");
  EXPECT_EQ(no_boundary["value"], "multipart/form-data");
  const json no_type = problem("/predict_file", {}, "x");
  EXPECT_EQ(no_type["field"], "Content-Type");
  EXPECT_FALSE(no_type.contains("value")) << no_type;
}

TEST_F(HandlersTest, PostTakesARowOrAList) {
  const std::string row = "[5.1,3.5,1.4,0.2]";
  const std::string object = R"({"p_width":0.2,"s_length":5.1,"s_width":3.5,"p_length":1.4})";
  EXPECT_EQ(Ask("POST", "/predict", kJson, row).body, "[0]");
  EXPECT_EQ(Ask("POST", "/predict", kJson, object).body, "[0]");
  EXPECT_EQ(Ask("POST", "/predict", kJson, "[[6.0,2.9,4.5,1.5]," + object + "]").body, "[1, 0]");
  EXPECT_EQ(
      Ask("POST", "/predict", {{"content-type", "application/json; charset=UTF-8"}}, row).body,
      "[0]");
  EXPECT_EQ(Ask("POST", "/predict", {{"content-type", "application/x+json"}}, row).body, "[0]");
  ASSERT_EQ(log_.entries.size(), 6U);
  EXPECT_EQ(log_.entries[1].request_id, "rid");
  EXPECT_EQ(log_.entries[2].request_id, "rid:1");
  EXPECT_EQ(log_.entries[3].request_id, "rid:2");
  EXPECT_EQ(log_.entries[3].output, "[0]");
  EXPECT_NE(log_.entries[2].id, log_.entries[3].id);
}

TEST_F(HandlersTest, PostAnswersJsonToThoseWhoAsk) {
  Fields fields = kJson;
  fields.push_back({"accept", "text/html;q=0.5, application/json"});
  const json row = AskJson("POST", "/predict", fields, "[5.1,3.5,1.4,0.2]");
  EXPECT_EQ(row["label"], "setosa");
  EXPECT_EQ(row["index"], 0);
  EXPECT_EQ(row["model"], "iris");
  const json list = AskJson("POST", "/predict", fields, "[[5.1,3.5,1.4,0.2]]");
  ASSERT_EQ(list["predictions"].size(), 1U);
  EXPECT_EQ(list["predictions"][0]["label"], "setosa");
  EXPECT_EQ(list["request_id"], "rid");
  EXPECT_FALSE(list.contains("label"));
}

TEST_F(HandlersTest, PostTakesNothingButJson) {
  const std::vector<Fields> others = {{},
                                      {{"content-type", "application/x-www-form-urlencoded"}},
                                      {{"content-type", "text/plain"}},
                                      {{"content-type", "application/json; charset=latin-1"}},
                                      {{"content-type", "application/jsonx"}}};
  for (const Fields& fields : others) {
    const Reply reply = Ask("POST", "/predict", fields, "[5.1,3.5,1.4,0.2]");
    EXPECT_EQ(reply.status, 415);
    EXPECT_EQ(HeaderOf(reply, "Accept-Post"), "application/json");
    EXPECT_EQ(json::parse(reply.body)["field"], "Content-Type");
  }
  for (const char* const body : {"", "{", "null", "[]", "[NaN,1,1,1]", "[1,2,3,null]", "\xff"}) {
    EXPECT_EQ(Ask("POST", "/predict", kJson, body).status, 400) << body;
  }
}

TEST_F(HandlersTest, PredictFileTakesFormsAndCsv) {
  const std::string csv = "5.1,3.5,1.4,0.2\n6.0,2.9,4.5,1.5\n7.2,3.6,6.1,2.5\n";
  const Reply raw = Ask("POST", "/predict_file", {{"content-type", "text/csv"}}, csv);
  EXPECT_EQ(raw.body, "[0, 1, 2]");
  EXPECT_EQ(raw.content_type, "text/html; charset=utf-8");
  const std::string form =
      "--B\r\nContent-Disposition: form-data; name=\"input_file\"; filename=\"x.csv\"\r\n\r\n" +
      csv + "\r\n--B--\r\n";
  const Fields type = {{"content-type", "multipart/form-data; boundary=B"}};
  EXPECT_EQ(Ask("POST", "/predict_file", type, form).body, "[0, 1, 2]");
  const std::string header = "p_width,s_length,s_width,p_length,species\n";
  EXPECT_EQ(
      Ask("POST", "/predict_file", {{"content-type", "text/csv"}}, header + "0.2,5.1,3.5,1.4,x\n")
          .body,
      "[0]");
  ASSERT_EQ(log_.entries.size(), 7U);
  EXPECT_EQ(log_.entries[2].request_id, "rid:3");
  EXPECT_EQ(log_.entries[2].label, "virginica");
  EXPECT_FALSE(log_.entries[2].numbered);
}

TEST_F(HandlersTest, PredictFileAnswersAListEvenForOneRow) {
  const Fields fields = {{"content-type", "text/csv"}, {"accept", "application/json"}};
  const json answer = AskJson("POST", "/predict_file", fields, "5.1,3.5,1.4,0.2");
  ASSERT_EQ(answer["predictions"].size(), 1U);
  EXPECT_EQ(answer["predictions"][0]["index"], 0);
}

TEST_F(HandlersTest, PredictFileRefusesOtherBodies) {
  EXPECT_EQ(Ask("POST", "/predict_file").status, 415);
  EXPECT_EQ(Ask("POST", "/predict_file", kJson, "[1,2,3,4]").status, 415);
  EXPECT_EQ(Ask("POST", "/predict_file", {{"content-type", "multipart/form-data"}}, "x").status,
            400);
  EXPECT_EQ(Ask("POST", "/predict_file", {{"content-type", "text/csv"}}, "").status, 400);
  EXPECT_TRUE(log_.entries.empty());
}

TEST_F(HandlersTest, WrongMethodsSayWhichAreRight) {
  const Reply get = Ask("GET", "/predict_file");
  EXPECT_EQ(get.status, 405);
  EXPECT_EQ(HeaderOf(get, "Allow"), "POST, OPTIONS");
  const Reply remove = Ask("DELETE", "/predict");
  EXPECT_EQ(remove.status, 405);
  EXPECT_EQ(HeaderOf(remove, "Allow"), "POST, OPTIONS, HEAD, GET");
  EXPECT_EQ(Ask("POST", "/healthz").status, 405);
  EXPECT_EQ(Ask("BREW", "/predict").status, 405);
  EXPECT_EQ(Ask("BREW", "/coffee").status, 404);
}

TEST_F(HandlersTest, OptionsIsEmptyAndNamesTheMethods) {
  const Reply reply = Ask("OPTIONS", "/predict_file");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.content_type, "text/html; charset=utf-8");
  EXPECT_EQ(reply.body, "");
  EXPECT_EQ(HeaderOf(reply, "Allow"), "POST, OPTIONS");
  EXPECT_EQ(Ask("OPTIONS", "*").status, 200);
}

TEST_F(HandlersTest, UnknownPathsAre404) {
  for (const char* const path : {"/predict/", "/nope", "/apispec.json", "/favicon.ico", "/Predict",
                                 "/predict%2F", "//predict", "/models/", "/models/.safetensors",
                                 "/models/other.safetensors", "/../etc/passwd"}) {
    const Reply reply = Ask("GET", path);
    EXPECT_EQ(reply.status, 404) << path;
    EXPECT_EQ(reply.content_type, "application/problem+json");
  }
}

TEST_F(HandlersTest, InferenceProtocolsGetTheirFormOfRefusals) {
  for (const char* const path : {"/v2/nope", "/v2/models/x", "/v1", "/v1/models/x"}) {
    const Reply reply = Ask("GET", path);
    EXPECT_EQ(reply.status, 404) << path;
    EXPECT_EQ(reply.content_type, "application/json");
    EXPECT_EQ(json::parse(reply.body)["error"], json::parse(reply.body)["detail"]);
  }
  EXPECT_EQ(Ask("GET", "/v2x").content_type, "application/problem+json");
}

TEST_F(HandlersTest, InferRecordsEachRowWithoutANumber) {
  const Reply reply = Ask("POST", "/v2/models/iris/infer", {},
                          R"({"inputs":[{"name":"input-0","shape":[2,4],"datatype":"FP64",)"
                          R"("data":[5.1,3.5,1.4,0.2,7.2,3.6,6.1,2.5]}]})");
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(HeaderOf(reply, "Cache-Control"), "no-store");
  ASSERT_EQ(log_.entries.size(), 2U);
  EXPECT_EQ(log_.entries[1].request_id, "rid:2");
  EXPECT_EQ(log_.entries[1].output, "[2]");
  EXPECT_FALSE(log_.entries[0].numbered);
}

TEST_F(HandlersTest, ModelFileIsTheVeryFile) {
  const Reply reply = Ask("GET", "/models/iris.safetensors");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.content_type, "application/octet-stream");
  EXPECT_EQ(reply.body, std::string(test::IrisFile().bytes.begin(), test::IrisFile().bytes.end()));
  const std::string etag = HeaderOf(reply, "ETag");
  EXPECT_EQ(etag, "\"" + test::IrisFile().sha256 + "\"");
  const Reply again = Ask("GET", "/models/iris.safetensors", {{"if-none-match", "\"x\", " + etag}});
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.body, "");
  EXPECT_EQ(HeaderOf(again, "ETag"), etag);
}

TEST_F(HandlersTest, ApiDocsRedirectsAsTheTutorialDid) {
  const Reply reply = Ask("GET", "/apidocs");
  EXPECT_EQ(reply.status, 308);
  EXPECT_EQ(HeaderOf(reply, "Location"), "http://localhost:5000/apidocs/");
  EXPECT_EQ(reply.content_type, "text/html; charset=utf-8");
  const Reply index = Ask("GET", "/apidocs/index.html");
  EXPECT_EQ(index.status, 302);
  EXPECT_EQ(HeaderOf(index, "Location"), "/apidocs/");
  EXPECT_EQ(HeaderOf(Ask("GET", "/docs"), "Location"), "/apidocs/");
  EXPECT_EQ(HeaderOf(Ask("GET", "/v2/docs"), "Location"), "/apidocs/");
}

TEST_F(HandlersTest, ReadyUntilTheServiceIsAboutToStop) {
  EXPECT_EQ(Ask("GET", "/healthz").status, 200);
  EXPECT_EQ(AskJson("GET", "/readyz")["models"][0]["name"], "iris");
  handlers_.StartDraining();
  EXPECT_EQ(Ask("GET", "/readyz").status, 503);
  EXPECT_EQ(Ask("GET", "/v2/health/ready").status, 503);
  EXPECT_EQ(Ask("GET", "/v2/models/iris/ready").status, 503);
  EXPECT_EQ(Ask("GET", "/healthz").status, 200);
  EXPECT_EQ(Ask("GET", kQuery).status, 200);
}

TEST_F(HandlersTest, MetricsCountWhatWasAnswered) {
  Ask("GET", kQuery);
  Ask("POST", "/predict", kJson, "[[6.0,2.9,4.5,1.5],[6.0,2.9,4.5,1.5]]");
  const Reply reply = Ask("GET", "/metrics");
  EXPECT_EQ(reply.content_type, "text/plain; version=0.0.4; charset=utf-8");
  const std::string labels =
      "model_predictions_total{model=\"iris\",version=\"" + test::IrisFile().version + "\",class=";
  EXPECT_NE(reply.body.find(labels + "\"setosa\"} 1\n"), std::string::npos) << reply.body;
  EXPECT_NE(reply.body.find(labels + "\"versicolor\"} 2\n"), std::string::npos);
  EXPECT_NE(reply.body.find("prediction_log_accepted_total 3\n"), std::string::npos);
}

TEST_F(HandlersTest, WithoutAPageTheRootSaysSo) {
  const Reply reply = Ask("GET", "/");
  EXPECT_EQ(reply.status, 404);
  EXPECT_NE(reply.body.find("--web"), std::string::npos);
}

TEST_F(HandlersTest, RoutesAreNamedByTheirTemplates) {
  EXPECT_EQ(handlers_.RouteName("/predict"), "/predict");
  EXPECT_EQ(handlers_.RouteName("/models/secret.safetensors"), "/models/{name}.safetensors");
  EXPECT_EQ(handlers_.RouteName("/v2/models/secret/infer"), "/v2/models/{model}/infer");
  EXPECT_EQ(handlers_.RouteName("/v2/models/secret/versions/1"),
            "/v2/models/{model}/versions/{version}");
  EXPECT_EQ(handlers_.RouteName("/v2/models/stats"), "/v2/models/stats");
  EXPECT_EQ(handlers_.RouteName("/v1/models/secret:predict"), "/v1/models/{model}:predict");
  EXPECT_EQ(handlers_.RouteName("/v1/models/secret"), "/v1/models/{model}");
  EXPECT_EQ(handlers_.RouteName("/nope"), "");
  EXPECT_TRUE(handlers_.ReadsBody("POST", "/predict"));
  EXPECT_FALSE(handlers_.ReadsBody("PUT", "/predict"));
  EXPECT_FALSE(handlers_.ReadsBody("POST", "/healthz"));
  EXPECT_FALSE(handlers_.ReadsBody("POST", "/nope"));
}

TEST(Handlers, WithoutModelsNothingIsReady) {
  Metrics metrics;
  const Handlers handlers({}, {}, nullptr, metrics);
  for (const char* const path : {"/readyz", kQuery}) {
    const Reply reply = handlers.Handle(MakeRequest("GET", path));
    EXPECT_EQ(reply.status, 503) << path;
    EXPECT_EQ(HeaderOf(reply, "Retry-After"), "1");
  }
  EXPECT_EQ(handlers.Handle(MakeRequest("GET", "/healthz")).status, 200);
  EXPECT_EQ(handlers.Handle(MakeRequest("GET", "/openapi.json")).status, 200);
}

TEST(Handlers, ModelsThatTakeMissingValuesAndTextsSayWhatTheyAnswer) {
  Metrics metrics;
  test::RememberingLog log;
  const Handlers handlers({test::Named("shirts", test::Shirts())}, {}, &log, metrics);
  const Reply reply = handlers.Handle(MakeRequest(
      "POST", "/predict", {{"content-type", "application/json"}, {"accept", "application/json"}},
      R"({"size":null,"color":"green","code":2})"));
  EXPECT_EQ(reply.status, 200) << reply.body;
  ASSERT_EQ(log.entries.size(), 1U);
  EXPECT_EQ(log.entries[0].input, "[null,1,2]");
}

class RecentPredictionsTest : public testing::Test {
 protected:
  RecentPredictionsTest() {
    for (const char* const label : {"a", "b", "c"}) {
      log_.entries.push_back({.id = label,
                              .model = "m",
                              .version = "1",
                              .request_id = "r",
                              .input = "[1,null]",
                              .output = "[0]",
                              .label = label});
    }
  }
  Reply Ask(const std::string& target, test::Fields fields = {}) const {
    return handlers_.Handle(MakeRequest("GET", target, std::move(fields)));
  }

  Metrics metrics_;
  test::RememberingLog log_;
  const Handlers handlers_{{}, {}, &log_, metrics_, {.predictions_route = true}};
};

TEST_F(RecentPredictionsTest, NewestFirst) {
  const Reply reply = Ask("/predictions?limit=2");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.content_type, "application/json");
  EXPECT_EQ(HeaderOf(reply, "Cache-Control"), "no-store");
  EXPECT_EQ(reply.body,
            R"({"predictions":[{"seq":3,"id":"c","time":"now","model":"m","version":"1",)"
            R"("request_id":"r","input":[1,null],"output":"[0]","label":"c"},)"
            R"({"seq":2,"id":"b","time":"now","model":"m","version":"1",)"
            R"("request_id":"r","input":[1,null],"output":"[0]","label":"b"}]})"
            "\n");
  EXPECT_EQ(handlers_.RouteName("/predictions"), "/predictions");
}

TEST_F(RecentPredictionsTest, OneALineForWhoAcceptsThat) {
  const Reply reply = Ask("/predictions?limit=1", {{"accept", "application/x-ndjson"}});
  EXPECT_EQ(reply.content_type, "application/x-ndjson");
  EXPECT_EQ(reply.body, R"({"seq":3,"id":"c","time":"now","model":"m","version":"1",)"
                        R"("request_id":"r","input":[1,null],"output":"[0]","label":"c"})"
                        "\n");
}

TEST_F(RecentPredictionsTest, WhatIsNoJsonInTheFileIsText) {
  log_.entries.push_back({.id = "\"",
                          .model = {},
                          .version = {},
                          .request_id = {},
                          .input = "[1,",
                          .output = {},
                          .label = {}});
  const Reply reply = Ask("/predictions?limit=1");
  EXPECT_NE(reply.body.find(R"("id":"\"")"), std::string::npos) << reply.body;
  EXPECT_NE(reply.body.find(R"("input":"[1,")"), std::string::npos) << reply.body;
}

TEST_F(RecentPredictionsTest, RefusalsNameFieldAndValue) {
  for (const char* const value : {"0", "1001", "-1", "1.5", "", "99999999999999999999", "1x"}) {
    const Reply reply = Ask(std::string("/predictions?limit=") + value);
    EXPECT_EQ(reply.status, 400) << value;
    EXPECT_NE(reply.body.find("a whole number from 1 to 1000 was expected"), std::string::npos);
    EXPECT_NE(reply.body.find("\"field\":\"limit\",\"value\":\"" + std::string(value) + "\""),
              std::string::npos)
        << reply.body;
  }
  EXPECT_EQ(Ask("/predictions?limit=1&limit=1").status, 400);
  EXPECT_EQ(Ask("/predictions?last=1").status, 400);
}

TEST_F(RecentPredictionsTest, ALogThatCannotBeReadIs503AndKeepsItsPathToItself) {
  log_.unreadable = "cannot open '/secret/path'";
  const Reply reply = Ask("/predictions");
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.body.find("secret"), std::string::npos);
}

TEST_F(RecentPredictionsTest, OffUnlessAskedFor) {
  Metrics metrics;
  const Handlers off({}, {}, &log_, metrics);
  EXPECT_EQ(off.Handle(MakeRequest("GET", "/predictions")).status, 404);
  EXPECT_EQ(off.Handle(MakeRequest("GET", "/openapi.json")).body.find("/predictions"),
            std::string::npos);
  const Handlers no_log({}, {}, nullptr, metrics, {.predictions_route = true});
  EXPECT_EQ(no_log.Handle(MakeRequest("GET", "/predictions")).status, 404);
  EXPECT_NE(Ask("/openapi.json").body.find("\"/predictions\""), std::string::npos);
}

TEST(PrefersJson, OnlyWhenItIsNamedAndNotWorseThanHtml) {
  EXPECT_TRUE(PrefersJson("application/json"));
  EXPECT_TRUE(PrefersJson("text/plain, Application/JSON;q=0.9, */*"));
  EXPECT_TRUE(PrefersJson("application/json, text/html"));
  EXPECT_FALSE(PrefersJson(""));
  EXPECT_FALSE(PrefersJson("*/*"));
  EXPECT_FALSE(PrefersJson("text/html,application/xhtml+xml,*/*;q=0.8"));
  EXPECT_FALSE(PrefersJson("application/json;q=0"));
  EXPECT_FALSE(PrefersJson("application/json;q=0.4, text/html;q=0.5"));
  EXPECT_FALSE(PrefersJson("application/json;q=x"));
}

}  // namespace
}  // namespace copse
