#include "http_head.h"

#include <gtest/gtest.h>

#include <string>

namespace copse {
namespace {

constexpr std::size_t kFieldsMax = 5;

std::variant<RequestHead, Refusal> Parse(const std::string& text) {
  return ParseHead(text + "\r\n\r\n", kFieldsMax);
}

RequestHead Head(const std::string& text) {
  const auto parsed = Parse(text);
  const auto* const head = std::get_if<RequestHead>(&parsed);
  EXPECT_NE(head, nullptr) << text << ": " << std::get<Refusal>(parsed).detail;
  return head == nullptr ? RequestHead() : *head;
}

Refusal Refused(const std::string& text) {
  const auto parsed = Parse(text);
  const auto* const refusal = std::get_if<Refusal>(&parsed);
  EXPECT_NE(refusal, nullptr) << text;
  return refusal == nullptr ? Refusal{.status = 0, .detail = {}, .method = {}, .target = {}}
                            : *refusal;
}

TEST(ParseHead, ReadsRequestLineAndFields) {
  const RequestHead head = Head("GET /a?b=c HTTP/1.1\r\nHost: localhost:5000\r\nX-A: \t1 2 ");
  EXPECT_EQ(head.method, "GET");
  EXPECT_EQ(head.target, "/a?b=c");
  EXPECT_EQ(head.host, "localhost:5000");
  EXPECT_EQ(head.Field("x-a"), "1 2");
  EXPECT_FALSE(head.Field("x-b"));
  EXPECT_TRUE(head.keep_alive);
  EXPECT_FALSE(head.HasBody());
}

TEST(ParseHead, TakesPathAndQueryOfAnAbsoluteTarget) {
  EXPECT_EQ(Head("GET http://h/a?b HTTP/1.1\r\nHost: h").target, "/a?b");
  EXPECT_EQ(Head("GET http://h HTTP/1.1\r\nHost: h").target, "/");
  EXPECT_EQ(Head("GET http://h?b HTTP/1.1\r\nHost: h").target, "/?b");
  EXPECT_EQ(Head("OPTIONS * HTTP/1.1\r\nHost: h").target, "*");
}

TEST(ParseHead, HoldsTargetsToTheirFormAndLength) {
  EXPECT_EQ(Refused("GET * HTTP/1.1\r\nHost: h").status, 400);
  EXPECT_EQ(Refused("CONNECT h:1 HTTP/1.1\r\nHost: h").status, 400);
  EXPECT_EQ(Refused("GET /a b HTTP/1.1\r\nHost: h").status, 400);
  EXPECT_EQ(Refused("GET /a#b HTTP/1.1\r\nHost: h").status, 400);
  EXPECT_EQ(Head("GET /" + std::string(8191, 'a') + " HTTP/1.1\r\nHost: h").target.size(), 8192U);
  EXPECT_EQ(Refused("GET /" + std::string(8192, 'a') + " HTTP/1.1\r\nHost: h").status, 414);
}

TEST(ParseHead, SpeaksTwoVersionsOnly) {
  EXPECT_EQ(Refused("GET / HTTP/2.0\r\nHost: h").status, 505);
  EXPECT_EQ(Refused("GET / HTTP/1.2\r\nHost: h").status, 505);
  EXPECT_EQ(Refused("GET / HTTP/11.1\r\nHost: h").status, 505);
  EXPECT_EQ(Refused("GET / HTTP/1.1x\r\nHost: h").status, 505);
  EXPECT_EQ(Refused("GET / HTTQ/1.1\r\nHost: h").status, 400);
  EXPECT_EQ(Refused("GET /").status, 400);
  EXPECT_EQ(Refused("G(T / HTTP/1.1\r\nHost: h").status, 400);
  const RequestHead old = Head("GET / HTTP/1.0");
  EXPECT_TRUE(old.http_1_0);
  EXPECT_FALSE(old.keep_alive);
}

TEST(ParseHead, RefusesFieldsThatReadersUnderstandDifferently) {
  for (const char* const field :
       {"X: a\r\n b", "X : a", ": a", "X", "X: a\nY: b", "X: a\rY", "X: \x01", "X\t: a"}) {
    const Refusal refusal = Refused(std::string("GET / HTTP/1.1\r\nHost: h\r\n") + field);
    EXPECT_EQ(refusal.status, 400) << field;
    EXPECT_TRUE(refusal.close) << field;
  }
  EXPECT_EQ(Refused("GET / HTTP/1.1\r\nHost: h\r\nX: a" + std::string(1, '\0')).status, 400);
}

TEST(ParseHead, CountsFields) {
  const std::string five = "GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nB: 1\r\nC: 1\r\nD: 1";
  EXPECT_EQ(Head(five).fields.size(), kFieldsMax);
  EXPECT_EQ(Refused(five + "\r\nE: 1").status, 431);
}

TEST(ParseHead, KnowsWhereABodyEnds) {
  EXPECT_EQ(Head("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 12").content_length, 12U);
  EXPECT_TRUE(Head("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked").chunked);
  EXPECT_FALSE(Head("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0").HasBody());
}

TEST(ParseHead, RefusesTwoAnswersToWhereABodyEndsAndCloses) {
  for (const char* const fields :
       {"Content-Length: 1\r\nTransfer-Encoding: chunked", "Content-Length: 1\r\nContent-Length: 2",
        "Content-Length: 1\r\nContent-Length: 1", "Content-Length: 1, 1", "Content-Length: -1",
        "Content-Length: abc", "Content-Length: 0x1", "Content-Length:", "Content-Length: +1",
        "Content-Length: 9999999999999999999"}) {
    const Refusal refusal = Refused(std::string("POST / HTTP/1.1\r\nHost: h\r\n") + fields);
    EXPECT_EQ(refusal.status, 400) << fields;
    EXPECT_TRUE(refusal.close) << fields;
    EXPECT_NE(refusal.detail.find("Content-Length"), std::string::npos) << refusal.detail;
    EXPECT_EQ(refusal.method, "POST");
  }
  for (const char* const coding : {"gzip", "gzip, chunked", "xchunked", "chunked, chunked"}) {
    const Refusal refusal =
        Refused(std::string("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: ") + coding);
    EXPECT_EQ(refusal.status, 501) << coding;
    EXPECT_TRUE(refusal.close) << coding;
  }
  EXPECT_EQ(Refused("POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked").status, 400);
}

TEST(ParseHead, RefusalsNameTheField) {
  const auto why = [](const std::string& fields) {
    return Refused("GET /a HTTP/1.1\r\nHost: h\r\n" + fields).detail;
  };
  EXPECT_EQ(why("X: a\x01"),
            "The header field \"x\" is \"a\\x01\", which is no text or, where a list was "
            "expected, no list.");
  EXPECT_NE(why("A: b\r\nConnection: a;b\r\nC: d").find("\"connection\" is \"a;b\""),
            std::string::npos);
  EXPECT_EQ(why("X y: a"), "A header field is not of the form NAME: VALUE, but \"X y: a\".");
  EXPECT_EQ(why("X: a\r\n b"), "A header field goes on in the next line.");
}

TEST(ParseHead, WantsOneHostAndKeepsTheConnectionWithoutIt) {
  const Refusal missing = Refused("GET / HTTP/1.1\r\nX: 1");
  EXPECT_EQ(missing.status, 400);
  EXPECT_FALSE(missing.close);
  EXPECT_EQ(missing.method, "GET");
  EXPECT_EQ(missing.target, "/");
  EXPECT_TRUE(Refused("POST / HTTP/1.1\r\nContent-Length: 5").close);
  EXPECT_EQ(Refused("GET / HTTP/1.1\r\nHost: a\r\nHost: a").status, 400);
  EXPECT_EQ(Refused("GET / HTTP/1.1\r\nHost: a/b").status, 400);
  EXPECT_EQ(Refused("GET / HTTP/1.1\r\nHost: a\"b").status, 400);
  EXPECT_EQ(Head("GET / HTTP/1.1\r\nHost: [::1]:5000").host, "[::1]:5000");
  EXPECT_EQ(Head("GET / HTTP/1.1\r\nHost:").host, "");
}

TEST(ParseHead, FindsCloseAmongTheConnectionOptions) {
  EXPECT_FALSE(Head("GET / HTTP/1.1\r\nHost: h\r\nConnection: x , Close").keep_alive);
  EXPECT_TRUE(Head("GET / HTTP/1.1\r\nHost: h\r\nConnection: closed").keep_alive);
}

TEST(ParseHead, KnowsOneExpectation) {
  EXPECT_TRUE(Head("GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue").expects_continue);
  EXPECT_EQ(Refused("GET / HTTP/1.1\r\nHost: h\r\nExpect: tea").status, 417);
}

}  // namespace
}  // namespace copse
