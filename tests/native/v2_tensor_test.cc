#include "v2_tensor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace copse {
namespace {

using Shape = std::vector<std::uint64_t>;

// What one JSON element becomes as a type, or why it is refused.
template <class Put>
std::string Read(Datatype datatype, Put put) {
  JsonElements elements;
  put(elements);
  double out = 0;
  const auto error = NumbersFromJson(elements, datatype, {&out, 1});
  return error ? error->why : std::to_string(out);
}
std::string ReadWhole(Datatype datatype, std::uint64_t number) {
  return Read(datatype, [&](JsonElements& e) { e.AddUnsigned(number); });
}
std::string ReadNegative(Datatype datatype, std::int64_t number) {
  return Read(datatype, [&](JsonElements& e) { e.AddInteger(number); });
}

bool Refuses(const std::string& read) { return read.find("takes") != std::string::npos; }

TEST(Datatype, NamesAreTheProtocols) {
  EXPECT_EQ(DatatypeFromName("BOOL"), Datatype::kBool);
  EXPECT_EQ(DatatypeFromName("BYTES"), Datatype::kBytes);
  EXPECT_EQ(DatatypeBytes(Datatype::kFp16), 2U);
  EXPECT_EQ(DatatypeBytes(Datatype::kBytes), 0U);
  for (int i = 0; i <= static_cast<int>(Datatype::kBytes); ++i) {
    const auto datatype = static_cast<Datatype>(i);
    EXPECT_EQ(DatatypeFromName(DatatypeName(datatype)), datatype);
  }
  for (const char* const other : {"fp64", "BF16", "FP128", "", "INT", "TYPE_FP64", "FP64 "}) {
    EXPECT_FALSE(DatatypeFromName(other)) << other;
  }
}

TEST(ElementCount, MultipliesAndDoesNotOverflow) {
  constexpr std::uint64_t kOne = 1;
  EXPECT_EQ(ElementCount(Shape{}), 1U);
  EXPECT_EQ(ElementCount(Shape{3, 4}), 12U);
  EXPECT_EQ(ElementCount(Shape{0, 4}), 0U);
  EXPECT_EQ(ElementCount(Shape{kOne << 4, (kOne << 60) + 2}), std::nullopt);
  EXPECT_EQ(ElementCount(Shape{0, kOne << 63, 4}), std::nullopt);
  EXPECT_EQ(ElementCount(Shape{kOne << 62}), std::nullopt);  // times eight bytes
  EXPECT_EQ(ElementCount(Shape{kOne << 60}), kOne << 60);
  EXPECT_EQ(ShapeText(Shape{2, 4}), "[2,4]");
  EXPECT_EQ(ShapeText(Shape{}), "[]");
}

TEST(NumbersFromJson, IntegersKeepToTheirRange) {
  struct Limits {
    Datatype datatype;
    std::int64_t min;
    std::uint64_t max;
  };
  for (const Limits& limits :
       {Limits{Datatype::kUint8, 0, 255}, Limits{Datatype::kUint16, 0, 65535},
        Limits{Datatype::kUint32, 0, 4294967295}, Limits{Datatype::kInt8, -128, 127},
        Limits{Datatype::kInt16, -32768, 32767},
        Limits{Datatype::kInt32, -2147483648, 2147483647}}) {
    EXPECT_EQ(ReadWhole(limits.datatype, limits.max), std::to_string(double(limits.max)));
    EXPECT_TRUE(Refuses(ReadWhole(limits.datatype, limits.max + 1)));
    EXPECT_EQ(ReadNegative(limits.datatype, limits.min), std::to_string(double(limits.min)));
    EXPECT_TRUE(Refuses(ReadNegative(limits.datatype, limits.min - 1)));
  }
  EXPECT_TRUE(Refuses(ReadWhole(Datatype::kInt64, std::uint64_t{1} << 63)));
  EXPECT_EQ(ReadNegative(Datatype::kInt64, std::numeric_limits<std::int64_t>::min()),
            std::to_string(-0x1p63));
}

TEST(NumbersFromJson, LargeIntegersAreExactOrRefused) {
  constexpr std::uint64_t kEnd = std::uint64_t{1} << 53;
  EXPECT_EQ(ReadWhole(Datatype::kInt64, kEnd), std::to_string(0x1p53));
  EXPECT_EQ(ReadWhole(Datatype::kUint64, kEnd + 2), std::to_string(0x1p53 + 2));
  for (const Datatype datatype : {Datatype::kInt64, Datatype::kUint64}) {
    EXPECT_NE(ReadWhole(datatype, kEnd + 1).find("9007199254740993, which no double holds exactly"),
              std::string::npos);
  }
  EXPECT_NE(ReadNegative(Datatype::kInt64, -static_cast<std::int64_t>(kEnd) - 1).find("exactly"),
            std::string::npos);
  EXPECT_NE(ReadWhole(Datatype::kUint64, std::numeric_limits<std::uint64_t>::max()).find("exactly"),
            std::string::npos);
  EXPECT_NE(ReadWhole(Datatype::kInt64, std::numeric_limits<std::int64_t>::max()).find("exactly"),
            std::string::npos);
}

TEST(NumbersFromJson, EachTypeTakesItsOwnKind) {
  const auto truth = [](JsonElements& e) { e.AddBool(true); };
  const auto null = [](JsonElements& e) { e.AddNull(); };
  const auto text = [](JsonElements& e) { e.AddText("7"); };
  const auto fraction = [](JsonElements& e) { e.AddFloat(1, "1.0"); };
  const auto huge = [](JsonElements& e) { e.AddFloat(1e30, "1000000000000000000000000000000"); };
  EXPECT_EQ(Read(Datatype::kBool, truth), "1.000000");
  EXPECT_TRUE(Refuses(ReadWhole(Datatype::kBool, 1)));
  EXPECT_TRUE(Refuses(Read(Datatype::kBool, null)));
  for (const Datatype datatype : {Datatype::kInt32, Datatype::kUint64}) {
    EXPECT_TRUE(Refuses(Read(datatype, truth)));
    EXPECT_TRUE(Refuses(Read(datatype, null)));
    EXPECT_TRUE(Refuses(Read(datatype, text)));
    EXPECT_EQ(Read(datatype, fraction).find("is 1.0; "), 0U) << Read(datatype, fraction);
    EXPECT_TRUE(Refuses(Read(datatype, huge)));
  }
  for (const Datatype datatype : {Datatype::kFp32, Datatype::kFp64}) {
    EXPECT_EQ(ReadWhole(datatype, 7), "7.000000");
    EXPECT_EQ(ReadNegative(datatype, -7), "-7.000000");
    EXPECT_EQ(Read(datatype, fraction), "1.000000");
    EXPECT_EQ(Read(datatype, null), "nan");
    EXPECT_TRUE(Refuses(Read(datatype, truth)));
    EXPECT_TRUE(Refuses(Read(datatype, text)));
  }
}

TEST(NumbersFromJson, Fp32IsRoundedToFloat) {
  JsonElements elements;
  elements.AddFloat(0.1, "0.1");
  double out = 0;
  EXPECT_FALSE(NumbersFromJson(elements, Datatype::kFp32, {&out, 1}));
  EXPECT_EQ(out, 0.1F);
  EXPECT_FALSE(NumbersFromJson(elements, Datatype::kFp64, {&out, 1}));
  EXPECT_EQ(out, 0.1);
  EXPECT_EQ(Read(Datatype::kFp32, [](JsonElements& e) { e.AddFloat(1e39, "1e39"); }),
            "is 1e+39, which is too large for FP32");
}

// The number that little-endian bytes are.
double FromBytes(Datatype datatype, std::string bytes) {
  double out = 0;
  const auto error = NumbersFromBytes(bytes, datatype, {&out, 1});
  EXPECT_FALSE(error) << error->why;
  return out;
}

TEST(NumbersFromBytes, AreLittleEndian) {
  EXPECT_EQ(FromBytes(Datatype::kBool, "\x01"), 1);
  EXPECT_EQ(FromBytes(Datatype::kUint8, "\xff"), 255);
  EXPECT_EQ(FromBytes(Datatype::kInt8, "\xff"), -1);
  EXPECT_EQ(FromBytes(Datatype::kUint16, "\x01\x02"), 513);
  EXPECT_EQ(FromBytes(Datatype::kInt16, "\xfe\xff"), -2);
  EXPECT_EQ(FromBytes(Datatype::kUint32, "\xff\xff\xff\xff"), 4294967295);
  EXPECT_EQ(FromBytes(Datatype::kInt32, "\xff\xff\xff\xff"), -1);
  EXPECT_EQ(FromBytes(Datatype::kUint64, std::string("\0\0\0\0\0\0\0\x80", 8)), 0x1p63);
  EXPECT_EQ(FromBytes(Datatype::kInt64, std::string("\0\0\0\0\0\0\0\x80", 8)), -0x1p63);
  EXPECT_EQ(FromBytes(Datatype::kFp32, std::string("\0\0\xc0\x3f", 4)), 1.5);
  EXPECT_EQ(FromBytes(Datatype::kFp64, std::string("\0\0\0\0\0\0\xf8\x3f", 8)), 1.5);
  EXPECT_EQ(FromBytes(Datatype::kFp16, std::string("\0\x3e", 2)), 1.5);
}

TEST(NumbersFromBytes, RefusesWhatItsTypeDoesNotSay) {
  double out = 0;
  EXPECT_TRUE(NumbersFromBytes("\x02", Datatype::kBool, {&out, 1}));
  const std::string end("\x01\0\0\0\0\0\x20\0", 8);  // 2^53 + 1
  EXPECT_TRUE(NumbersFromBytes(end, Datatype::kInt64, {&out, 1}));
  EXPECT_TRUE(NumbersFromBytes(end, Datatype::kUint64, {&out, 1}));
  EXPECT_TRUE(NumbersFromBytes(std::string(8, '\xff'), Datatype::kUint64, {&out, 1}));
}

TEST(DoubleFromHalf, IsExact) {
  EXPECT_EQ(DoubleFromHalf(0x0000), 0);
  EXPECT_TRUE(std::signbit(DoubleFromHalf(0x8000)));
  EXPECT_EQ(DoubleFromHalf(0x0001), 0x1p-24);
  EXPECT_EQ(DoubleFromHalf(0x03ff), 0x1p-14 - 0x1p-24);
  EXPECT_EQ(DoubleFromHalf(0x0400), 0x1p-14);
  EXPECT_EQ(DoubleFromHalf(0x7bff), 65504);
  EXPECT_EQ(DoubleFromHalf(0xc000), -2);
  EXPECT_EQ(DoubleFromHalf(0xfc00), -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(DoubleFromHalf(0x7e00)));
}

std::vector<std::string> TextsOf(const std::string& bytes, std::uint64_t n, std::string& why) {
  std::vector<std::string> texts;
  const Status status =
      TextsFromBytes(bytes, n, [&](std::size_t, std::optional<std::string_view> text) {
        texts.emplace_back(text.value_or("(null)"));
        return true;
      });
  why = status.ok() ? "" : status.error().message;
  return texts;
}

TEST(TextsFromBytes, HaveALengthEachAndFillTheBytes) {
  std::string bytes;
  AppendBytes(bytes, "red");
  AppendBytes(bytes, "");
  std::string why;
  EXPECT_EQ(TextsOf(bytes, 2, why), (std::vector<std::string>{"red", ""}));
  EXPECT_EQ(why, "");
  for (const auto& [broken, n] :
       {std::pair{bytes, 3}, std::pair{bytes + "x", 2}, std::pair{bytes.substr(0, 6), 1},
        std::pair{bytes, 1}, std::pair{std::string("\xff\xff\xff\xff", 4), 1}}) {
    TextsOf(broken, static_cast<std::uint64_t>(n), why);
    EXPECT_NE(why.find("unexpected size"), std::string::npos) << n;
  }
  // A shape may promise more than anybody can send.
  TextsOf("", std::uint64_t{1} << 60, why);
  EXPECT_NE(why, "");
}

TEST(TextsFromJson, ArePiecesOfOneText) {
  JsonElements elements;
  elements.AddText("red");
  elements.AddNull();
  elements.AddText("");
  elements.AddText("4");
  std::vector<std::string> texts;
  const auto use = [&](std::size_t, std::optional<std::string_view> text) {
    texts.emplace_back(text.value_or("(null)"));
    return true;
  };
  EXPECT_FALSE(TextsFromJson(elements, use));
  EXPECT_EQ(texts, (std::vector<std::string>{"red", "(null)", "", "4"}));
  elements.AddUnsigned(4);
  const auto error = TextsFromJson(elements, use);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->index, 4U);
  EXPECT_EQ(error->why, "is 4; BYTES takes texts");
}

}  // namespace
}  // namespace copse
