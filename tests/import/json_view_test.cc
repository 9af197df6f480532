#include "xgboost/json_view.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

namespace copse::importer::view {
namespace {

using std::string_literals::operator""s;

Bytes BytesOf(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// A document whose text outlives it.
struct Opened {
  explicit Opened(std::string bytes, Format format = Format::kJson)
      : text(std::move(bytes)), document(Document::Open(BytesOf(text), format)) {}

  std::string Error() const { return document.ok() ? "" : document.error().message; }
  // The member "v" of the root.
  Value V() const {
    Value value;
    EXPECT_FALSE(document->Members(document->root(), "root", {{"v", &value}}));
    return value;
  }

  std::string text;
  Result<Document> document;
};

Opened Json(const std::string& v) { return Opened("{\"v\":" + v + "}"); }
// UBJSON of {"v": ...}, the key with a length of one byte.
Opened Ubj(const std::string& v) { return Opened("{i\x01v" + v + "}", Format::kUbjson); }

std::vector<double> NumbersOf(const Opened& opened) {
  std::vector<double> numbers;
  EXPECT_TRUE(opened.document.ok()) << opened.Error();
  if (!opened.document.ok()) return numbers;
  const auto flaw = opened.document->Numbers(opened.V(), "v", numbers);
  EXPECT_FALSE(flaw) << (flaw ? (*flaw).message : "");
  return numbers;
}

double NumberOf(const Opened& opened) {
  double number = -1;
  EXPECT_TRUE(opened.document.ok()) << opened.Error();
  const auto flaw = opened.document->Number(opened.V(), "v", number);
  EXPECT_FALSE(flaw) << (flaw ? (*flaw).message : "");
  return number;
}

std::string TextOf(const Opened& opened) {
  std::string text;
  EXPECT_TRUE(opened.document.ok()) << opened.Error();
  EXPECT_FALSE(opened.document->Text(opened.V(), "v", text));
  return text;
}

template <class T>
std::string NumbersError(const Opened& opened) {
  std::vector<T> numbers;
  if (!opened.document.ok()) return "not opened: " + opened.Error();
  const auto flaw = opened.document->Numbers(opened.V(), "v", numbers);
  return flaw ? (*flaw).message : "";
}

TEST(JsonNumbers, AreThoseOfXgboost) {
  const auto numbers = NumbersOf(Json("[1, -2.5 ,\n3E2,5E-1,-0E0,1e-45,true,false,0.1]"));
  EXPECT_EQ(numbers, (std::vector<double>{1, -2.5, 300, 0.5, 0, 1e-45, 1, 0, 0.1}));
  EXPECT_TRUE(std::signbit(numbers[4]));
}

TEST(JsonNumbers, MayBeNotANumberAndInfinite) {
  const auto numbers = NumbersOf(Json("[NaN,Infinity,-Infinity]"));
  EXPECT_TRUE(std::isnan(numbers[0]));
  EXPECT_EQ(numbers[1], std::numeric_limits<double>::infinity());
  EXPECT_EQ(numbers[2], -std::numeric_limits<double>::infinity());
}

// Past 19 digits, or powers past 10^22, two roundings would be needed.
TEST(JsonNumbers, AreRoundedOnce) {
  EXPECT_EQ(NumberOf(Json("9007199254740993")), 9007199254740992.0);
  EXPECT_EQ(NumberOf(Json("9007199254740993.00000000000000000001")), 9007199254740994.0);
  EXPECT_EQ(NumberOf(Json("1.7976931348623157e308")), std::numeric_limits<double>::max());
  EXPECT_EQ(NumberOf(Json("123456789012345678901234567890")), 123456789012345678901234567890.0);
  EXPECT_EQ(NumberOf(Json("8.98846567431158e307")), 8.98846567431158e307);
  EXPECT_EQ(NumberOf(Json("1e23")), 1e23);
  EXPECT_EQ(NumberOf(Json("00012e1")), 120);
}

TEST(JsonNumbers, StandInStringsToo) {
  EXPECT_EQ(NumberOf(Json("\"5E-1\"")), 0.5);
  EXPECT_EQ(NumberOf(Ubj("Si\x04"
                         "-1.5")),
            -1.5);
}

TEST(JsonNumbers, AreRefusedWhereTheyAreNone) {
  for (const char* bad : {"[1,]", "[,1]", "[1 2]", "[.5]", "[1.]", "[1e]", "[-]", "[nan]", "[+1]",
                          "[\"a\"]", "[null]", "[[1]]", "{}", "7", "[1,\"2\"]"}) {
    EXPECT_NE(NumbersError<double>(Json(bad)), "") << bad;
  }
  double number = 0;
  for (const char* bad : {"\"\"", "\"1 \"", "\"x\"", "\"1\\u0030\"", "null", "[]"}) {
    const auto opened = Json(bad);
    EXPECT_TRUE(opened.document->Number(opened.V(), "v", number)) << bad;
  }
}

TEST(Integers, AreWholeAndFit) {
  EXPECT_EQ(NumbersError<std::int32_t>(Json("[2147483647,-2147483648,1e3]")), "");
  for (const char* bad : {"[2147483648]", "[-2147483649]", "[0.5]", "[NaN]", "[1e300]"}) {
    EXPECT_NE(NumbersError<std::int32_t>(Json(bad)), "") << bad;
  }
}

TEST(JsonTexts, AreUnescaped) {
  EXPECT_EQ(TextOf(Json(R"("a\"\\\/\b\f\n\r\tz")")), "a\"\\/\b\f\n\r\tz");
  EXPECT_EQ(TextOf(Json(R"("\u00e9\u4e2d\ud83d\ude00")")), "\u00e9\u4e2d\U0001f600");
  EXPECT_EQ(TextOf(Json(R"("\ud83dx\udc00")")), "\ufffdx\ufffd");
  EXPECT_EQ(TextOf(Json("\"\xc3\xa9\"")), "\u00e9");
}

TEST(Members, AreFoundWhateverStandsAround) {
  const Opened opened(R"({"a":{"v":1,"x":[{"v":2}]},"b":"}{\"v\":3","\u0076":4})");
  ASSERT_TRUE(opened.document.ok()) << opened.Error();
  double number = 0;
  EXPECT_FALSE(opened.document->Number(opened.V(), "v", number));
  EXPECT_EQ(number, 4);
}

TEST(Members, ThatStandTwiceAreRefused) {
  const Opened opened(R"({"v":1,"w":0,"w":0,"v":2})");
  Value value;
  const auto flaw = opened.document->Members(opened.document->root(), "root", {{"v", &value}});
  ASSERT_TRUE(flaw);
  EXPECT_EQ((*flaw).message, "root has \"v\" twice");
}

TEST(Members, ThatAreNullAreNotThere) {
  EXPECT_FALSE(Json("null").V().found());
  EXPECT_FALSE(Ubj("Z").V().found());
}

TEST(Open, RefusesWhatIsNotWhole) {
  for (const char* bad : {"", "[]", "{", "{\"v\"", "{\"v\":", "{\"v\":[1,2", "{\"v\":[1}",
                          "{\"v\":\"", "{\"v\":\"\\", "{\"v\":{]}"}) {
    EXPECT_FALSE(Opened(bad).document.ok()) << bad;
  }
}

TEST(Open, RefusesZeroBytesWhereTheFirstStands) {
  EXPECT_EQ(Json("[1,"s + std::string(1000, '\0')).Error(),
            "the file is damaged at byte 8: it is zero");
  EXPECT_EQ(Json("[1\0, 2]"s).Error(), "the file is damaged at byte 7: it is zero");
  EXPECT_EQ(Json("\"a\0b\""s).Error(),
            "the file is damaged at byte 5: a string has no end, or a zero byte in it");
  EXPECT_TRUE(Opened("{\"v\":1}\0"s).document.ok()) << "behind the end";
}

TEST(Open, RefusesDeepNesting) {
  const std::string deep(120000, '[');
  EXPECT_NE(Json(deep).Error().find("deeper than 64"), std::string::npos);
  EXPECT_NE(Ubj(deep).Error().find("deeper than 64"), std::string::npos);
  EXPECT_TRUE(Json(std::string(63, '[') + std::string(63, ']')).document.ok());
  EXPECT_FALSE(Json(std::string(64, '[') + std::string(64, ']')).document.ok());
}

// Damage inside of what nobody asks for is seen by whoever walks there.
TEST(Cursor, SaysWhereItBreaks) {
  const Opened opened(R"({"v":[1,2 3]})");
  ASSERT_TRUE(opened.document.ok());
  EXPECT_NE(NumbersError<double>(opened).find("byte 10"), std::string::npos);
}

// Large lists are stepped over by their known end, small ones by a walk.
TEST(Cursor, StepsOverLargeAndSmall) {
  std::string list = "[";
  for (int i = 0; i < 1000; ++i) list += (i > 0 ? "," : "") + std::to_string(i);
  list += "]";
  const Opened opened("{\"a\":" + list + ",\"b\":[" + list + ",[],[1],{}],\"v\":" + list + "}");
  const auto numbers = NumbersOf(opened);
  ASSERT_EQ(numbers.size(), 1000u);
  EXPECT_EQ(numbers[999], 999);
}

TEST(UbjsonNumbers, HaveEveryWidth) {
  const auto numbers =
      NumbersOf(Ubj("[i\xff"
                    "U\xff"
                    "I\xff\x00"
                    "l\xff\xff\xff\xff"
                    "L\0\0\0\0\0\0\1\0"
                    "d\x3f\x80\0\0"
                    "D\xbf\xf0\0\0\0\0\0\0"
                    "TF]"s));
  EXPECT_EQ(numbers, (std::vector<double>{-1, 255, -256, -1, 256, 1, -1, 1, 0}));
}

TEST(UbjsonLists, MayBeOpenCountedOrTyped) {
  EXPECT_EQ(NumbersOf(Ubj("[i\x01NNi\x02N]")), (std::vector<double>{1, 2}));
  EXPECT_EQ(NumbersOf(Ubj("[#i\x02i\x01i\x02")), (std::vector<double>{1, 2}));
  EXPECT_EQ(NumbersOf(Ubj("[$I#U\x02\0\x01\xff\xfe"s)), (std::vector<double>{1, -2}));
  EXPECT_EQ(NumbersOf(Ubj("[$d#L\0\0\0\0\0\0\0\1\x40\0\0\0"s)), (std::vector<double>{2}));
  EXPECT_EQ(NumbersOf(Ubj("[#i\0"s)), std::vector<double>());
}

TEST(UbjsonObjects, MayBeCountedAndTyped) {
  const Opened opened(
      "{$i#i\x03i\x01"
      "a\x05i\x01v\x07i\x01"
      "b\x06",
      Format::kUbjson);
  ASSERT_TRUE(opened.document.ok()) << opened.Error();
  double number = 0;
  EXPECT_FALSE(opened.document->Number(opened.V(), "v", number));
  EXPECT_EQ(number, 7);
}

TEST(UbjsonLists, OfListsAreSteppedOver) {
  const Opened opened(
      "{i\x01"
      "a[$[#i\x02$U#i\x02\x01\x02]i\x01vi\x09}"s,
      Format::kUbjson);
  ASSERT_TRUE(opened.document.ok()) << opened.Error();
  double number = 0;
  EXPECT_FALSE(opened.document->Number(opened.V(), "v", number));
  EXPECT_EQ(number, 9);
}

TEST(UbjsonTexts, HaveTheirLengthInFront) {
  EXPECT_EQ(TextOf(Ubj("SI\0\x03"
                       "a\"b"s)),
            "a\"b");
  EXPECT_EQ(TextOf(Ubj("Cx")), "x");
}

TEST(Ubjson, LengthsPastTheEndAreRefused) {
  for (const std::string& bad : {"[$d#L\x10\0\0\0\0\0\0\0"s, "[#L\x7f\xff\xff\xff\xff\xff\xff\xff"s,
                                 "[$T#l\x7f\xff\xff\xff"s, "SL\x7f\xff\xff\xff\xff\xff\xff\xff"s,
                                 "Si\xff"
                                 "abc"s,
                                 "Si\x7f"s, "D\0\0\0"s, "[$d#d\0\0\0\0"s, "[$"s, "[$d"s,
                                 "[$di\x01"s, "[$x#i\x01"s, "[#"s, "x"s, "Sd\x3f\x80\0\0a"s}) {
    EXPECT_FALSE(Ubj(bad).document.ok()) << bad;
  }
}

TEST(Ubjson, KeysPastTheEndAreRefused) {
  EXPECT_FALSE(Opened("{L\x7f\xff\xff\xff\xff\xff\xff\xff", Format::kUbjson).document.ok());
  EXPECT_FALSE(Opened("{i\x05v", Format::kUbjson).document.ok());
  EXPECT_FALSE(Opened("{Si\x01vi\x01}", Format::kUbjson).document.ok());
}

}  // namespace
}  // namespace copse::importer::view
