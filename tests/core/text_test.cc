#include "text.h"

#include <gtest/gtest.h>

#include <cmath>

namespace copse::text {
namespace {

TEST(AppendUtf8, WritesOneToFourBytes) {
  const auto utf8 = [](std::uint32_t code) {
    std::string out = ">";
    AppendUtf8(code, out);
    return out;
  };
  EXPECT_EQ(utf8(0), std::string(">\0", 2));
  EXPECT_EQ(utf8(0x7f), ">\x7f");
  EXPECT_EQ(utf8(0x80), ">\xc2\x80");
  EXPECT_EQ(utf8(0x7ff), ">\xdf\xbf");
  EXPECT_EQ(utf8(0x800), ">\xe0\xa0\x80");
  EXPECT_EQ(utf8(0xd800), ">\xed\xa0\x80");
  EXPECT_EQ(utf8(0xffff), ">\xef\xbf\xbf");
  EXPECT_EQ(utf8(0x10000), ">\xf0\x90\x80\x80");
  EXPECT_EQ(utf8(0x10ffff), ">\xf4\x8f\xbf\xbf");
}

TEST(Quote, ShowsWhatATerminalMustNotGet) {
  EXPECT_EQ(Quote("setosa"), "\"setosa\"");
  EXPECT_EQ(Quote("\xc3\xa9t\xc3\xa9"), "\"\xc3\xa9t\xc3\xa9\"");
  EXPECT_EQ(Quote("\x1b[2J\n\x7f"), R"("\x1b[2J\x0a\x7f")");
  EXPECT_EQ(Quote("\xc2\x9b"), R"("\xc2\x9b")");  // the one-character form of ESC [
  EXPECT_EQ(Quote("say \"\\\""), R"("say \x22\x5c\x22")");
  EXPECT_EQ(Quote("\xff\xc3"), R"("\xff\xc3")");
  EXPECT_EQ(Quote(std::string_view("\0", 1)), R"("\x00")");
}

TEST(Quote, CutsLongTextBetweenCharacters) {
  EXPECT_EQ(Quote(std::string(60, 'a')), "\"" + std::string(60, 'a') + "\"");
  EXPECT_EQ(Quote(std::string(61, 'a')), "\"" + std::string(60, 'a') + "...\"");
  EXPECT_EQ(Quote(std::string(59, 'a') + "\xe2\x82\xac" + "b"),
            "\"" + std::string(59, 'a') + "\xe2\x82\xac...\"");
}

TEST(FindInvalidUtf8, NamesTheFirstBadByte) {
  EXPECT_EQ(FindInvalidUtf8("plain"), std::string_view::npos);
  EXPECT_EQ(FindInvalidUtf8("\xf4\x8f\xbf\xbf"), std::string_view::npos);
  EXPECT_EQ(FindInvalidUtf8("ab\xf4\x90\x80\x80"), 2u);
  EXPECT_EQ(FindInvalidUtf8("\xe0\x9f\xbf"), 0u);
  EXPECT_EQ(FindInvalidUtf8("a\xe2\x82"), 1u);
}

TEST(FromDouble, IsShortAndSaysWhatIsNotFinite) {
  EXPECT_EQ(FromDouble(0.1), "0.1");
  EXPECT_EQ(FromDouble(2), "2.0");
  EXPECT_EQ(FromDouble(-0.0), "-0.0");
  EXPECT_EQ(FromDouble(1e300), "1e+300");
  EXPECT_EQ(FromDouble(std::nan("")), "NaN");
  EXPECT_EQ(FromDouble(-std::nan("")), "NaN");
  EXPECT_EQ(FromDouble(HUGE_VAL), "inf");
  EXPECT_EQ(FromDouble(-HUGE_VAL), "-inf");
}

TEST(Concat, TakesTextAndNumbersOfEveryWidth) {
  const std::uint8_t small = 255;
  EXPECT_EQ(Concat({"a", std::string("b"), std::string_view("c"), small, INT64_MIN, UINT64_MAX}),
            "abc255-922337203685477580818446744073709551615");
}

TEST(MakeError, HoldsMessagesTo600Bytes) {
  EXPECT_EQ(MakeError(ErrorCode::kInternal, {std::string(600, 'a')}).message,
            std::string(600, 'a'));
  EXPECT_EQ(MakeError(ErrorCode::kInternal, {std::string(601, 'a')}).message,
            std::string(597, 'a') + "...");
  std::string accents;
  for (int i = 0; i < 400; ++i) accents += "\xc3\xa9";
  const std::string message = MakeError(ErrorCode::kInternal, {accents}).message;
  EXPECT_EQ(message.size(), 599u);
  EXPECT_EQ(FindInvalidUtf8(message), std::string_view::npos);
}

}  // namespace
}  // namespace copse::text
