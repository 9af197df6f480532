#include "reply.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "request_id.h"

namespace copse {
namespace {

TEST(HttpStatus, EveryCodeHasOneAndNoneIs422) {
  const std::vector<int> expected = {400, 400, 413, 400, 404, 405, 415, 406, 503, 500};
  for (int code = 1; code <= 10; ++code) {
    EXPECT_EQ(HttpStatus(static_cast<ErrorCode>(code)),
              expected[static_cast<std::size_t>(code - 1)]);
  }
}

TEST(Problem, SaysWhatRfc9457Wants) {
  const Reply reply = Problem(Error{ErrorCode::kInvalidInput, "x is \"y\"."},
                              {.request_id = "id", .field = "x", .value = "y"});
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.content_type, "application/problem+json");
  EXPECT_EQ(reply.body,
            R"({"type":"about:blank","title":"Bad Request","status":400,"detail":"x is \"y\".",)"
            R"("field":"x","value":"y","request_id":"id"})");
}

TEST(UseErrorMember, RepeatsTheSentenceAsError) {
  Reply reply = Problem(404, "No \"x\".");
  UseErrorMember(reply);
  EXPECT_EQ(reply.content_type, "application/json");
  EXPECT_EQ(reply.body,
            R"({"error":"No \"x\".","type":"about:blank","title":"Not Found","status":404,)"
            R"("detail":"No \"x\"."})");
  Reply other = JsonReply("{}");
  UseErrorMember(other);
  EXPECT_EQ(other.body, "{}");
}

TEST(Problem, LeavesOutWhatIsNotKnown) {
  EXPECT_EQ(Problem(404, "No.").body,
            R"({"type":"about:blank","title":"Not Found","status":404,"detail":"No."})");
}

TEST(Problem, IsJsonWhateverTheTextIs) {
  const Reply reply = Problem(400, "a\xff\n", {.request_id = {}, .field = "f", .value = "\xc3"});
  const auto json = nlohmann::json::parse(reply.body, nullptr, false);
  ASSERT_FALSE(json.is_discarded()) << reply.body;
  EXPECT_EQ(json["detail"], "a\xef\xbf\xbd\n");
}

TEST(Problem, RepeatsNoMoreOfAValueThanAPersonReads) {
  const Reply reply =
      Problem(400, "", {.request_id = {}, .field = "f", .value = std::string(5000, 'x')});
  EXPECT_EQ(nlohmann::json::parse(reply.body)["value"], std::string(200, 'x'));
}

TEST(Problem, CutsNoCharacterOfAValue) {
  const Reply reply = Problem(
      400, "", {.request_id = {}, .field = "f", .value = std::string(199, 'x') + "\xe2\x82\xac"});
  EXPECT_EQ(nlohmann::json::parse(reply.body)["value"], std::string(199, 'x'));
}

TEST(Problem, TellsAnEmptyValueFromNone) {
  const ProblemDetails none{.request_id = {}, .field = "f", .value = {}};
  EXPECT_FALSE(nlohmann::json::parse(Problem(400, "", none).body).contains("value"));
  const ProblemDetails empty{.request_id = {}, .field = "f", .value = ""};
  EXPECT_EQ(nlohmann::json::parse(Problem(400, "", empty).body)["value"], "");
}

TEST(Problem, SaysWhenToTryAgain) {
  const Reply reply = Problem(Error{ErrorCode::kUnavailable, "Later."});
  ASSERT_EQ(reply.headers.size(), 1U);
  EXPECT_EQ(reply.headers[0].first, "Retry-After");
}

TEST(Redirect, EscapesItsLink) {
  const Reply reply = Redirect(308, "http://h/\"><x");
  EXPECT_EQ(reply.status, 308);
  EXPECT_EQ(reply.headers[0].second, "http://h/\"><x");
  EXPECT_EQ(reply.body.find("\"><x"), std::string::npos);
}

TEST(NewUuid, IsVersion7AndSortsByTime) {
  const std::string uuid = NewUuid();
  ASSERT_EQ(uuid.size(), 36U);
  EXPECT_EQ(uuid[14], '7');
  EXPECT_NE(std::string("89ab").find(uuid[19]), std::string::npos);
  EXPECT_NE(uuid, NewUuid());
  const std::int64_t before = UnixMs();
  const std::string hex = NewUuid();
  const std::int64_t time = std::stoll(hex.substr(0, 8) + hex.substr(9, 4), nullptr, 16);
  EXPECT_GE(time, before);
  EXPECT_LE(time, UnixMs());
}

TEST(IsRequestId, TakesNothingThatCouldBreakALog) {
  EXPECT_TRUE(IsRequestId("a-B_9."));
  EXPECT_TRUE(IsRequestId(std::string(64, 'a')));
  for (const char* const bad : {"", "a b", "a\r\nb", "a\"", "%0d", "\xc3\xa4", "a:1"}) {
    EXPECT_FALSE(IsRequestId(bad)) << bad;
  }
  EXPECT_FALSE(IsRequestId(std::string(65, 'a')));
}

TEST(Times, AreWrittenAsTheirStandardsSay) {
  EXPECT_EQ(HttpDate(784111777000), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(IsoTime(784111777042), "1994-11-06T08:49:37.042Z");
}

}  // namespace
}  // namespace copse
