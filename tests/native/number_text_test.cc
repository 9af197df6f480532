#include "number_text.h"

#include <gtest/gtest.h>

#include <clocale>
#include <cmath>
#include <limits>
#include <string>

namespace copse {
namespace {

using namespace std::string_view_literals;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Accepted {
  std::string_view text;
  double number;
};

// Each was given to float() of CPython 3.11.
TEST(ParseNumber, ReadsWhatPythonReads) {
  const Accepted accepted[] = {
      {"5.1", 5.1},
      {" 5.1\t\n\v\f\r", 5.1},
      {"\u00a0\u1680\u2003\u2028\u202f\u205f\u3000\u00855.1\u3000", 5.1},
      {"+5.1", 5.1},
      {"-5.1", -5.1},
      {".5", 0.5},
      {"5.", 5},
      {"-.5", -0.5},
      {"51e-1", 5.1},
      {"2E-1", 0.2},
      {"1e+2", 100},
      {"5_1e-1", 5.1},
      {"1_0.5_0e1_0", 10.5e10},
      {"\uff15.1", 5.1},                    // FULLWIDTH DIGIT FIVE
      {"\u0665", 5},                        // ARABIC-INDIC DIGIT FIVE
      {"\U0001d7d3\U0001d7ff\u0966", 590},  // mathematical digits, a Devanagari zero
      {"\u0661_\u0662", 12},
      {"00012", 12},
      {"99999999999999999999", 1e20},
      {"0.1000000000000000055511151231257827021181583404541015625", 0.1},
      {"9007199254740993", 9007199254740992.0},  // half-way, to even
      {"9007199254740993.0000000000000000000001", 9007199254740994.0},
      {"4.9406564584124654e-324", 5e-324},
      {"1e-400", 0},
      {"2.4703282292062327208e-324", 0},
      {"1.7976931348623157e308", std::numeric_limits<double>::max()},
      {"1e400", kInfinity},
      {"-1e400", -kInfinity},
      {"inf", kInfinity},
      {"+INF", kInfinity},
      {"-Infinity", -kInfinity},
  };
  for (const auto& [text, number] : accepted) {
    const auto parsed = ParseNumber(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(*parsed, number) << text;
  }
}

TEST(ParseNumber, KeepsTheSignOfZero) {
  EXPECT_TRUE(std::signbit(*ParseNumber("-0")));
  EXPECT_TRUE(std::signbit(*ParseNumber("-1e-400")));
  EXPECT_FALSE(std::signbit(*ParseNumber("0")));
}

TEST(ParseNumber, ReadsNanInAnyCaseAndWithASign) {
  for (const auto text : {"nan", "NaN", "-nan", "+NAN", " nan "}) {
    ASSERT_TRUE(ParseNumber(text)) << text;
    EXPECT_TRUE(std::isnan(*ParseNumber(text))) << text;
  }
}

// Each was given to float() of CPython 3.11, which refused it.
TEST(ParseNumber, RefusesWhatPythonRefuses) {
  for (const auto text : {"\x1c"
                          "5"sv,
                          ""sv,
                          " "sv,
                          "abc"sv,
                          "5,1"sv,
                          "0x5"sv,
                          "0x1p3"sv,
                          "1,000"sv,
                          "5 1"sv,
                          "--5"sv,
                          "+-5"sv,
                          "- 5"sv,
                          "."sv,
                          "e5"sv,
                          "1e"sv,
                          "1e+"sv,
                          "_1"sv,
                          "1_"sv,
                          "1__0"sv,
                          "1_.0"sv,
                          "1._0"sv,
                          "1_e5"sv,
                          "1e_5"sv,
                          "n_an"sv,
                          "infin"sv,
                          "nan()"sv,
                          "nan(1)"sv,
                          "1f"sv,
                          "1d0"sv,
                          "\u22125"sv,
                          "\u00bd"sv,
                          "\u2155"sv,
                          "5\xe9"sv,
                          "\xff"sv,
                          "1\0002"sv,
                          "1\0"sv,
                          "1.2.3"sv,
                          "True"sv,
                          "2020-01-01"sv,
                          "\u4e94"sv}) {
    EXPECT_FALSE(ParseNumber(text)) << text;
  }
}

TEST(ParseNumber, DoesNotDependOnTheLocale) {
  const std::string before = std::setlocale(LC_ALL, nullptr);
  for (const char* name : {"de_DE.UTF-8", "C.UTF-8"}) {
    std::setlocale(LC_ALL, name);
    EXPECT_EQ(ParseNumber("5.1"), 5.1);
    EXPECT_EQ(ParseNumber("1.5e-320"), 1.5e-320);
    EXPECT_FALSE(ParseNumber("5,1"));
  }
  std::setlocale(LC_ALL, before.c_str());
}

}  // namespace
}  // namespace copse
