#include "json_syntax.h"

#include <gtest/gtest.h>

#include <string>

namespace copse {
namespace {

TEST(CheckJson, TakesJsonAndNothingElse) {
  for (const char* const text : {"{}", "[]", "1", "\"x\"", " {\"a\": [1, {\"b\": null}]} "}) {
    EXPECT_TRUE(CheckJson(text).ok()) << text;
  }
  for (const char* const text :
       {"", "{", "[1,]", "{'a':1}", "NaN", "[1] 2", "{\"a\":1,}", "\xff"}) {
    EXPECT_FALSE(CheckJson(text).ok()) << text;
  }
}

TEST(CheckJson, SaysWhatJsonHasInsteadOfNan) {
  const Status status = CheckJson("[1,NaN]");
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("byte 4"), std::string::npos) << status.error().message;
  EXPECT_NE(status.error().message.find("null"), std::string::npos);
}

TEST(CheckJson, DeepTextsTakeLittle) {
  EXPECT_TRUE(CheckJson(std::string(100000, '[') + std::string(100000, ']')).ok());
}

TEST(JsonMember, IsTheTextOfTheValue) {
  const std::string text = " { \"a\" : \"x\\\",]}\" , \"b\":[1,{\"c\":2}], \"c\": 3 }";
  EXPECT_EQ(JsonMember(text, "a"),
            "\"x\\\",]}\""
            " ");
  EXPECT_EQ(JsonMember(text, "b"), "[1,{\"c\":2}]");
  EXPECT_EQ(JsonMember(text, "c"), "3 ");
  EXPECT_EQ(JsonMember(text, "d"), std::nullopt);
  EXPECT_EQ(JsonMember("\xef\xbb\xbf{\"a\":1}", "a"), "1");
  for (const char* const other : {"{}", "[1]", "\"a\"", "1", "null"}) {
    EXPECT_EQ(JsonMember(other, "a"), std::nullopt) << other;
  }
}

}  // namespace
}  // namespace copse
