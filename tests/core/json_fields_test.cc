#include "json_fields.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace copse::json {
namespace {

Document Parse(std::string_view text) {
  auto document = Document::Parse(text, "the text");
  EXPECT_TRUE(document.ok()) << text << ": " << document.error().message;
  return document.ok() ? std::move(*document) : *Document::Parse("null", "");
}

std::string Refusal(std::string_view text) {
  const auto document = Document::Parse(text, "the text");
  EXPECT_FALSE(document.ok()) << text;
  return document.ok() ? std::string() : document.error().message;
}

std::string Nested(std::size_t levels) {
  return std::string(levels, '[') + std::string(levels, ']');
}

TEST(Document, ReadsEveryKindOfValue) {
  const Document document =
      Parse(R"( { "a" : [ 1 , -2 , 0.5 , "x" , true , false , null , {} , [] ] } )");
  auto item = document.root().Find("a")->First();
  EXPECT_EQ(item->AsUnsigned(), 1u);
  item = item->Next();
  EXPECT_EQ(item->AsUnsigned(), std::nullopt);
  EXPECT_EQ(item->AsIntegerText(), "-2");
  item = item->Next();
  EXPECT_EQ(item->AsNumber(), 0.5);
  item = item->Next();
  EXPECT_EQ(item->AsString(), "x");
  item = item->Next();
  EXPECT_EQ(item->AsBool(), true);
  item = item->Next();
  EXPECT_EQ(item->AsBool(), false);
  item = item->Next();
  EXPECT_TRUE(item->is(Kind::kNull));
  item = item->Next();
  EXPECT_TRUE(item->is(Kind::kObject));
  EXPECT_FALSE(item->First());
  item = item->Next();
  EXPECT_TRUE(item->is(Kind::kArray));
  EXPECT_FALSE(item->Next());
}

TEST(Document, WalksOverNestedValues) {
  const Document document = Parse(R"({"a":{"b":[1,[2,3],{"c":4}]},"d":5})");
  const Value root = document.root();
  EXPECT_EQ(root.size(), 2u);
  EXPECT_EQ(root.First()->key(), "a");
  EXPECT_EQ(root.First()->Next()->key(), "d");
  EXPECT_FALSE(root.First()->Next()->Next());
  const auto list = root.Find("a")->Find("b");
  EXPECT_EQ(list->size(), 3u);
  EXPECT_EQ(list->First()->Next()->First()->Next()->AsUnsigned(), 3u);
  EXPECT_EQ(list->First()->Next()->Next()->Find("c")->AsUnsigned(), 4u);
  EXPECT_EQ(list->First()->key(), "");
  EXPECT_FALSE(root.Find("b"));
}

TEST(Document, AskingForAnotherKindGivesNothing) {
  const Document document = Parse(R"(["1", 1])");
  const Value text = *document.root().First();
  EXPECT_FALSE(text.AsUnsigned());
  EXPECT_FALSE(text.AsIntegerText());
  EXPECT_FALSE(text.AsNumber());
  EXPECT_FALSE(text.AsBool());
  EXPECT_FALSE(text.Find("a"));
  EXPECT_FALSE(text.First());
  EXPECT_FALSE(text.Next()->AsString());
}

TEST(Document, WholeNumbersAreExactUpTo64Bits) {
  const auto integer = [](std::string_view text) {
    return Parse(text).root().AsIntegerText().value_or("none");
  };
  EXPECT_EQ(Parse("18446744073709551615").root().AsUnsigned(), 18446744073709551615u);
  EXPECT_EQ(integer("18446744073709551615"), "18446744073709551615");
  EXPECT_EQ(integer("-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(integer("18446744073709551616"), "none");
  EXPECT_EQ(integer("-9223372036854775809"), "none");
  EXPECT_EQ(Parse("18446744073709551616").root().AsNumber(), 0x1p64);
  EXPECT_EQ(integer("1.0"), "none");
  EXPECT_EQ(integer("1e0"), "none");
  EXPECT_FALSE(Parse("-0").root().AsUnsigned());
}

TEST(Document, FractionsAreTheNearestDouble) {
  EXPECT_EQ(Parse("0.1").root().AsNumber(), 0.1);
  EXPECT_EQ(Parse("1.7976931348623157e308").root().AsNumber(), 0x1.fffffffffffffp1023);
  EXPECT_EQ(Parse("5e-324").root().AsNumber(), 0x1p-1074);
  EXPECT_EQ(Parse("1e-999").root().AsNumber(), 0.0);
  EXPECT_TRUE(std::signbit(*Parse("-0.0").root().AsNumber()));
}

TEST(Document, NumbersPastTheRangeOfADoubleAreRefused) {
  EXPECT_EQ(Refusal("[1e400]"),
            "the text has a number past the range of a double, ending at byte 6");
  EXPECT_EQ(Refusal("-1e999999999999999999999"),
            "the text has a number past the range of a double, ending at byte 24");
  EXPECT_EQ(Refusal(std::string(400, '9')),
            "the text has a number past the range of a double, ending at byte 400");
}

TEST(Document, EscapesAreResolved) {
  EXPECT_EQ(Parse(R"("\"\\\/\b\f\n\r\t")").root().AsString(), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(Parse(R"("\u0041\u00e9\u20AC\ud83c\udf33")").root().AsString(),
            "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x8c\xb3");
  EXPECT_EQ(Parse(R"("\u0000")").root().AsString(), std::string_view("\0", 1));
}

// RFC 8259, sections 2 to 7; most of these are taken by one lenient parser or another.
TEST(Document, WhatIsNoJsonIsRefused) {
  for (const std::string_view text : {"",
                                      " ",
                                      "{",
                                      "[",
                                      "}",
                                      "]",
                                      "[1",
                                      "[1,]",
                                      "[,1]",
                                      "[1 2]",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{a:1}",
                                      "{'a':1}",
                                      "{\"a\":1,}",
                                      "{,}",
                                      "[1}",
                                      "{\"a\":1]",
                                      "tru",
                                      "nul",
                                      "True",
                                      "NaN",
                                      "Infinity",
                                      "-",
                                      "+1",
                                      "01",
                                      "-01",
                                      "1.",
                                      ".5",
                                      "1e",
                                      "1e+",
                                      "0x10",
                                      "1 1",
                                      "[] []",
                                      "\"",
                                      "\"\\\"",
                                      "\"\\x\"",
                                      "\"\\u12\"",
                                      "\"\\u12g4\"",
                                      "\"\\ud800\"",
                                      "\"\\udc00\"",
                                      "\"\\ud800\\u0041\"",
                                      "\"\t\"",
                                      "\"\x01\"",
                                      "// a\n1",
                                      "[1]//",
                                      "\xef\xbb\xbf{}"}) {
    EXPECT_NE(Refusal(text).find("goes wrong at byte"), std::string::npos) << text;
  }
}

TEST(Document, NulIsNotTheEnd) {
  EXPECT_EQ(Refusal(std::string_view("{}\0", 3)), "the text is no JSON: it goes wrong at byte 2");
  EXPECT_EQ(Refusal(std::string_view("\"\0\"", 3)), "the text is no JSON: it goes wrong at byte 1");
}

TEST(Document, TextThatIsNotUtf8IsRefused) {
  for (const std::string_view text :
       {"\"\x80\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"",
        "\"\xf8\"", "\"\xc3"}) {
    EXPECT_EQ(Refusal(text), "the text is not UTF-8 at byte 1");
  }
}

TEST(Document, NestingStopsAtEightLevels) {
  EXPECT_TRUE(Document::Parse(Nested(8), "").ok());
  EXPECT_EQ(Refusal(Nested(9)), "the text nests deeper than 8 levels");
  EXPECT_EQ(Refusal(std::string(1 << 20, '[')), "the text nests deeper than 8 levels");
}

TEST(Document, KeysStandOnceInEachObject) {
  EXPECT_EQ(Refusal(R"({"a":1,"b":2,"a":3})"), "the text has the key \"a\" twice in one object");
  EXPECT_EQ(Refusal(R"([{"":1,"":2}])"), "the text has the key \"\" twice in one object");
  EXPECT_EQ(Refusal(R"({"a":1,"\u0061":2})"), "the text has the key \"a\" twice in one object");
  Parse(R"({"a":{"a":1},"b":[{"a":1},{"a":1}]})");
}

TEST(Value, DescribesItselfForASentence) {
  const auto describe = [](std::string_view text) { return Parse(text).root().Describe(); };
  EXPECT_EQ(describe("null"), "null");
  EXPECT_EQ(describe("true"), "true");
  EXPECT_EQ(describe("-7"), "-7");
  EXPECT_EQ(describe("0.25"), "0.25");
  EXPECT_EQ(describe("[1]"), "a list");
  EXPECT_EQ(describe("{}"), "an object");
  EXPECT_EQ(describe(R"("\u001b[2J")"), R"("\x1b[2J")");
}

TEST(AppendString, EscapesWhatJsonDemandsAndNoMore) {
  std::string out;
  AppendString("\"\\\b\f\n\r\t\x01\x1f\x7f/\xc3\xa9", out);
  EXPECT_EQ(out, "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\x7f/\xc3\xa9\"");
}

TEST(AppendNumber, ReadsBackAsTheSameDouble) {
  for (const double number : {0.1, 1.0, -0.0, 1e300, 5e-324, 0x1.fffffffffffffp1023, 1.0 / 3}) {
    std::string out;
    AppendNumber(number, out);
    const auto back = Parse(out).root().AsNumber();
    ASSERT_TRUE(back) << out;
    EXPECT_EQ(*back, number) << out;
    EXPECT_EQ(std::signbit(*back), std::signbit(number)) << out;
  }
  std::string out;
  AppendNumber(std::nan(""), out);
  AppendNumber(HUGE_VAL, out);
  EXPECT_EQ(out, "nullnull");
}

}  // namespace
}  // namespace copse::json
