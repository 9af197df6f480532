#include "number.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <string>

namespace copse {
namespace {

std::uint64_t Bits(double value) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

// The C library's strtod is correctly rounded, in glibc and in musl.
void ExpectAsStrtod(const std::string& text) {
  EXPECT_EQ(Bits(ParseDecimal(text)), Bits(std::strtod(text.c_str(), nullptr))) << text;
}

std::string Printed(double value, int digits) {
  std::string text(2000, ' ');
  const int size = std::snprintf(text.data(), text.size(), "%.*e", digits - 1, value);
  text.resize(static_cast<std::size_t>(size));
  return text;
}

TEST(ParseDecimal, SmallNumbersAreThemselves) {
  EXPECT_EQ(ParseDecimal("0"), 0);
  EXPECT_EQ(ParseDecimal("1"), 1);
  EXPECT_EQ(ParseDecimal("-12.5"), -12.5);
  EXPECT_EQ(ParseDecimal("0.1"), 0.1);
  EXPECT_EQ(ParseDecimal("1E2"), 100);
  EXPECT_EQ(ParseDecimal("100e-2"), 1);
  EXPECT_EQ(ParseDecimal("0.001e+3"), 1);
}

TEST(ParseDecimal, ZeroKeepsItsSign) {
  for (const char* text : {"0", "-0", "0.000", "-0e5", "0e99999999999999999999", "-0.0e-7"}) {
    ExpectAsStrtod(text);
  }
}

TEST(ParseDecimal, PastTheRangeIsInfiniteAndBelowItZero) {
  for (const char* text : {"1e309", "-1e400", "1e99999999999999999999", "1.7976931348623159e308",
                           "1e-400", "-1e-99999999999999999999", "2e-324", "3e-324"}) {
    ExpectAsStrtod(text);
  }
}

TEST(ParseDecimal, TheEdgesOfTheRangeAreExact) {
  for (const char* text :
       {"1.7976931348623157e308", "1.7976931348623158e308", "179769313486231580793e289",
        "2.2250738585072014e-308", "2.2250738585072011e-308", "4.9406564584124654e-324",
        "2.4703282292062327e-324", "2.4703282292062328e-324", "9007199254740993",
        "9007199254740992.999999999999999999", "9007199254740993.0000000000000000001",
        "36893488147419103231", "36893488147419103232", "123456789012345678901234567890"}) {
    ExpectAsStrtod(text);
  }
}

TEST(ParseDecimal, HalfwayGoesToTheEvenNeighbourHoweverLongTheText) {
  ExpectAsStrtod(Printed(std::ldexp(1.0, -1074), 760));
  std::mt19937_64 random(3);
  for (int i = 0; i < 200; ++i) {
    const double value = std::ldexp(static_cast<double>(random() >> 11 | 1), -60);
    ExpectAsStrtod(Printed(value, 70));
    // Halfway between two doubles; where long double has 64 bits or more, that text is exact.
    const long double middle = (static_cast<long double>(value) + std::nextafter(value, 0.0)) / 2;
    std::string halfway(400, ' ');
    halfway.resize(
        static_cast<std::size_t>(std::snprintf(halfway.data(), halfway.size(), "%.120Lf", middle)));
    ExpectAsStrtod(halfway);
    ExpectAsStrtod(halfway + "1");
    ExpectAsStrtod(halfway + std::string(1000, '0'));
    ExpectAsStrtod(halfway + std::string(1000, '0') + "1");
  }
}

TEST(ParseDecimal, EveryDoublePrintedWith17DigitsComesBack) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 200'000; ++i) {
    const std::uint64_t bits = random();
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    if (!std::isfinite(value)) continue;
    const std::string text = Printed(value, 17);
    ASSERT_EQ(Bits(ParseDecimal(text)), bits) << text;
  }
}

TEST(ParseDecimal, RandomTextReadsAsStrtodDoes) {
  std::mt19937_64 random(2);
  const auto below = [&](std::uint64_t n) { return random() % n; };
  for (int i = 0; i < 100'000; ++i) {
    std::string text = below(2) == 0 ? "-" : "";
    const std::uint64_t n_digits = below(50) == 0 ? 1 + below(900) : 1 + below(25);
    text += static_cast<char>('1' + below(9));
    const std::uint64_t point = below(n_digits + 1);
    for (std::uint64_t k = 0; k < n_digits; ++k) {
      if (k == point) text += '.';
      text += static_cast<char>('0' + (below(3) == 0 ? 0 : below(10)));
    }
    if (below(4) != 0) text += "e" + std::to_string(static_cast<int>(below(720)) - 360);
    ASSERT_EQ(Bits(ParseDecimal(text)), Bits(std::strtod(text.c_str(), nullptr))) << text;
  }
}

// 19 digits and 27 places are where short numbers end; halves of the last bit are among them.
TEST(ParseDecimal, ShortNumbersAndThoseJustPastThemReadAsStrtodDoes) {
  std::mt19937_64 random(4);
  const auto below = [&](std::uint64_t n) { return random() % n; };
  for (int i = 0; i < 200'000; ++i) {
    std::string text = below(2) == 0 ? "-0." : "";
    const std::uint64_t n_digits = 15 + below(7);
    for (std::uint64_t k = 0; k < n_digits; ++k) text += static_cast<char>('0' + below(10));
    if (below(2) == 0) text += "e-" + std::to_string(below(30));
    ASSERT_EQ(Bits(ParseDecimal(text)), Bits(std::strtod(text.c_str(), nullptr))) << text;
  }
  for (int i = 0; i < 100'000; ++i) {
    // Odd multiples of half a unit in the last place, exactly: k / 2^n for few n.
    const std::uint64_t odd = (std::uint64_t{1} << 53) + (random() >> 12) * 2 + 1;
    const std::string text = std::to_string(odd >> 1) + (below(2) == 0 ? ".5" : ".50e0");
    ASSERT_EQ(Bits(ParseDecimal(text)), Bits(std::strtod(text.c_str(), nullptr))) << text;
  }
}

TEST(ParseDecimal, DoesNotCutExponents) {
  const std::string zeros(90, '0');
  for (const std::string& text :
       {"0." + zeros.substr(0, 86) + "1e600", "0." + zeros + "1e91", "0." + zeros + "1e90",
        std::string("1e-000000000000000000027"), std::string("1e-27"), std::string("1e-28"),
        std::string("1e-54"), std::string("1e-55"), std::string("1e-540"),
        std::string("9999999999999999999e-27"), std::string("18446744073709551616e-1")}) {
    ExpectAsStrtod(text);
  }
}

TEST(ParseDecimal, LongTextIsAsGoodAsShort) {
  const std::string zeros(100'000, '0');
  EXPECT_EQ(ParseDecimal("0." + zeros + "1e100001"), 1);
  EXPECT_EQ(ParseDecimal("1" + zeros + "e-100000"), 1);
  EXPECT_EQ(ParseDecimal("0." + zeros + "1"), 0);
  EXPECT_EQ(ParseDecimal("1" + zeros), std::numeric_limits<double>::infinity());
  ExpectAsStrtod("1." + zeros + "1");
  ExpectAsStrtod(std::string(5000, '9') + "e-5000");
}

}  // namespace
}  // namespace copse
