// Who may ask, and how often.
#include "gate.h"

#include <gtest/gtest.h>

#include <string>

#include "service_fixtures.h"

namespace copse {
namespace {

using std::chrono::milliseconds;
using test::HeaderOf;
using test::MakeRequest;

constexpr const char* kToken = "s3cret-token";

GateConfig WithToken() {
  GateConfig config;
  config.predict_token = kToken;
  return config;
}

int StatusOf(const std::optional<Refusal>& refusal) { return refusal ? refusal->status : 200; }

std::string HeaderOf(const Refusal& refusal, std::string_view name) {
  for (const auto& [key, value] : refusal.headers) {
    if (key == name) return value;
  }
  return "";
}

TEST(Gate, WithoutATokenEverybodyMayPredict) {
  Gate gate({});
  EXPECT_FALSE(gate.Refuse(MakeRequest("GET", "/predict"), Use::kPredict, "1.2.3.4"));
}

TEST(Gate, ATokenIsAskedForWhereItIsNeeded) {
  Gate gate(WithToken());
  const auto status = [&](const std::string& field, Use use = Use::kPredict) {
    test::Fields fields;
    if (!field.empty()) fields.emplace_back("authorization", field);
    return StatusOf(gate.Refuse(MakeRequest("GET", "/predict", fields), use, "1.2.3.4"));
  };
  EXPECT_EQ(status(std::string("Bearer ") + kToken), 200);
  EXPECT_EQ(status(std::string("bearer   ") + kToken), 200) << "schemes have no case";
  EXPECT_EQ(status("", Use::kOpen), 200);
  for (const std::string field :
       {"", "Bearer", "Bearer ", "Bearer s3cret-toke", "Bearer s3cret-token2",
        "Bearer S3cret-token", "Basic s3cret-token", "s3cret-token",
        "Bearer s3cret-tokens3cret-token"}) {
    EXPECT_EQ(status(field), 401) << field;
  }
}

TEST(Gate, ControlMayHaveATokenOfItsOwn) {
  GateConfig config = WithToken();
  const auto status = [&](const char* token, Use use = Use::kRecords) {
    Gate gate(config);
    return StatusOf(gate.Refuse(MakeRequest("GET", "/predictions", {{"authorization", token}}), use,
                                "1.2.3.4"));
  };
  EXPECT_EQ(status("Bearer s3cret-token"), 200);
  EXPECT_EQ(status("Bearer s3cret-token", Use::kControl), 403) << "who predicts does not control";
  config.control_token = "another";
  EXPECT_EQ(status("Bearer s3cret-token"), 401);
  EXPECT_EQ(status("Bearer another"), 200);
  EXPECT_EQ(status("Bearer another", Use::kControl), 200);
  EXPECT_EQ(status("Bearer s3cret-token", Use::kControl), 401);
  config.predict_token.clear();
  EXPECT_EQ(status("Bearer s3cret-token"), 401);
}

TEST(Gate, ARefusalSaysHowToAsk) {
  Gate gate(WithToken());
  const auto none = gate.Refuse(MakeRequest("GET", "/predict"), Use::kPredict, "1.2.3.4");
  ASSERT_TRUE(none);
  EXPECT_EQ(HeaderOf(*none, "WWW-Authenticate"), "Bearer realm=\"copse\"");
  EXPECT_EQ(none->detail.find(kToken), std::string::npos);
  const auto wrong = gate.Refuse(MakeRequest("GET", "/predict", {{"authorization", "Bearer x"}}),
                                 Use::kPredict, "1.2.3.4");
  ASSERT_TRUE(wrong);
  EXPECT_EQ(HeaderOf(*wrong, "WWW-Authenticate"),
            "Bearer realm=\"copse\", error=\"invalid_token\"");
}

TEST(Gate, AClientThatAsksTooOftenWaits) {
  GateConfig config;
  config.requests_per_second = 4;
  Gate gate(config);
  const Request request = MakeRequest("GET", "/healthz");
  const auto start = Gate::Clock::now();
  const auto status = [&](const char* remote, milliseconds at) {
    return StatusOf(gate.Refuse(request, Use::kOpen, remote, start + at));
  };
  for (int i = 0; i < 4; ++i) EXPECT_EQ(status("1.2.3.4", milliseconds(0)), 200);
  const auto refused = gate.Refuse(request, Use::kOpen, "1.2.3.4", start);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 429);
  EXPECT_EQ(HeaderOf(*refused, "Retry-After"), "1");
  EXPECT_EQ(status("::1", milliseconds(0)), 200) << "another client";
  EXPECT_EQ(status("1.2.3.4", milliseconds(200)), 429);
  EXPECT_EQ(status("1.2.3.4", milliseconds(260)), 200) << "a quarter of a second for each";
  EXPECT_EQ(status("1.2.3.4", milliseconds(270)), 429);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(status("1.2.3.4", milliseconds(60'000)), 200);
  EXPECT_EQ(status("1.2.3.4", milliseconds(60'000)), 429) << "rest is not saved up";
}

TEST(Gate, AlsoLessThanOneRequestASecond) {
  GateConfig config;
  config.requests_per_second = 0.1;
  Gate gate(config);
  const auto start = Gate::Clock::now();
  EXPECT_FALSE(gate.Refuse(MakeRequest("GET", "/"), Use::kOpen, "a", start));
  const auto refused = gate.Refuse(MakeRequest("GET", "/"), Use::kOpen, "a", start);
  ASSERT_TRUE(refused);
  EXPECT_EQ(HeaderOf(*refused, "Retry-After"), "10");
}

TEST(Gate, ACrowdOfAddressesTakesBoundedMemory) {
  GateConfig config;
  config.requests_per_second = 1000;
  Gate gate(config);
  const auto start = Gate::Clock::now();
  for (int i = 0; i < 70'000; ++i) {
    EXPECT_FALSE(gate.Refuse(MakeRequest("GET", "/"), Use::kOpen, std::to_string(i),
                             start + milliseconds(i)));
  }
  EXPECT_LE(gate.n_clients(), 65'537u);
}

TEST(Gate, ACrowdThatIsTooLargeSharesWhatIsLeft) {
  GateConfig config;
  config.requests_per_second = 0.001;
  Gate gate(config);
  const auto start = Gate::Clock::now();
  const auto status = [&](int client) {
    return StatusOf(
        gate.Refuse(MakeRequest("GET", "/"), Use::kOpen, std::to_string(client), start));
  };
  for (int i = 0; i < 65'536; ++i) ASSERT_EQ(status(i), 200);
  EXPECT_EQ(status(70'000), 200);
  EXPECT_EQ(status(70'001), 429);
  EXPECT_EQ(gate.n_clients(), 65'537u);
}

TEST(Gate, OneNetworkOfIPv6IsOneClient) {
  GateConfig config;
  config.requests_per_second = 1;
  Gate gate(config);
  const auto start = Gate::Clock::now();
  const auto status = [&](const char* remote) {
    return StatusOf(gate.Refuse(MakeRequest("GET", "/"), Use::kOpen, remote, start));
  };
  EXPECT_EQ(status("2001:db8:1:2::1"), 200);
  EXPECT_EQ(status("2001:db8:1:2:ffff::9"), 429);
  EXPECT_EQ(status("2001:db8:1:3::1"), 200);
}

TEST(Gate, WithoutATokenControlIsForThisMachine) {
  Gate gate({});
  const auto status = [&](const char* remote, const char* host, test::Fields fields = {}) {
    Request request = MakeRequest("POST", "/v2/repository/models/iris/unload", std::move(fields));
    request.host = host;
    return StatusOf(gate.Refuse(request, Use::kControl, remote));
  };
  for (const char* host :
       {"localhost:5000", "localhost", "127.0.0.1:5000", "127.0.0.1", "[::1]:80"}) {
    EXPECT_EQ(status("127.0.0.1", host), 200) << host;
  }
  EXPECT_EQ(status("::1", "localhost"), 200);
  EXPECT_EQ(status("10.0.0.1", "localhost"), 403);
  for (const char* host :
       {"127.evil.example:5000", "localhost.evil.example", "evil.example", "::1"}) {
    EXPECT_EQ(status("127.0.0.1", host), 403) << host;
  }
  for (const char* field : {"forwarded", "x-forwarded-for", "via", "x-real-ip"}) {
    EXPECT_EQ(status("127.0.0.1", "localhost", {{field, "10.0.0.1"}}), 403) << field;
  }
  EXPECT_EQ(status("127.0.0.1", "localhost:5000", {{"origin", "http://localhost:5000"}}), 200);
  EXPECT_EQ(status("127.0.0.1", "localhost:5000", {{"origin", "http://localhost:8080"}}), 403);
  EXPECT_EQ(status("127.0.0.1", "localhost", {{"origin", "null"}}), 403);
}

std::string OriginFor(const GateConfig& config, const test::Fields& fields,
                      const std::string& method = "GET") {
  Reply reply;
  Gate(config).AddHeaders(MakeRequest(method, "/predict", fields), reply);
  return HeaderOf(reply, "Access-Control-Allow-Origin");
}

TEST(Gate, PagesOfListedOriginsMayRead) {
  GateConfig config;
  const test::Fields fields = {{"origin", "https://a.example"}};
  EXPECT_EQ(OriginFor(config, fields), "");
  config.cors_origins = {"https://a.example", "http://b.example:81"};
  EXPECT_EQ(OriginFor(config, fields), "https://a.example");
  EXPECT_EQ(OriginFor(config, {{"origin", "http://b.example"}}), "");
  EXPECT_EQ(OriginFor(config, {}), "");
  Reply reply;
  Gate(config).AddHeaders(MakeRequest("GET", "/predict"), reply);
  EXPECT_EQ(HeaderOf(reply, "Vary"), "Origin") << "also of an answer to nobody's page";
  config.cors_origins = {"*"};
  EXPECT_EQ(OriginFor(config, fields), "*");
}

TEST(Gate, ABrowserThatAsksFirstIsToldWhatItMaySend) {
  GateConfig config = WithToken();
  config.cors_origins = {"*"};
  Gate gate(config);
  const Request request =
      MakeRequest("OPTIONS", "/predict",
                  {{"origin", "https://a.example"}, {"access-control-request-method", "POST"}});
  EXPECT_FALSE(gate.Refuse(request, Use::kPredict, "1.2.3.4")) << "it has no token yet";
  Reply reply;
  gate.AddHeaders(request, reply);
  EXPECT_NE(HeaderOf(reply, "Access-Control-Allow-Methods").find("POST"), std::string::npos);
  EXPECT_NE(HeaderOf(reply, "Access-Control-Allow-Headers").find("Authorization"),
            std::string::npos);
}

}  // namespace
}  // namespace copse
