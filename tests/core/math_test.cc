#include "copse/math.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "answers.h"
#include "bits.h"
#include "npy.h"

namespace copse {
namespace {

using test::Bits;
using test::kInfinity;
using test::kNan;

// math_reference/NAME.npy, by make_math_reference.py: argument, rounded true value, remainder.
test::Array Reference(const std::string& name) {
  const std::string path = COPSE_SOURCE_DIR "/tests/core/math_reference/" + name + ".npy";
  const auto array = test::ReadNpy(path);
  EXPECT_TRUE(array.ok()) << (array.ok() ? "" : array.error().message);
  if (!array.ok()) return {};
  EXPECT_EQ(array->n_columns(), 3u);
  EXPECT_GT(array->n_rows(), 1000u);
  return *array;
}

// Unit in the last place of a finite x of a type with `digits` binary digits.
double LastPlace(double x, int digits, int exponent_min) {
  int exponent = exponent_min;
  if (x != 0) exponent = std::max(std::ilogb(x), exponent_min);
  return std::ldexp(1.0, exponent - digits + 1);
}

// The largest error over the reference, in units of the true value's last place. Where the true
// value rounds to infinity, so must ours.
template <class Function>
double LargestError(const std::string& name, int digits, int exponent_min, Function function) {
  const test::Array reference = Reference(name);
  double largest = 0;
  std::vector<double> answers;
  for (std::size_t i = 0; i < reference.n_rows(); ++i) {
    const double* row = &reference.numbers[3 * i];
    const double ours = function(row[0]);
    answers.push_back(ours);
    if (std::isinf(row[1])) {
      EXPECT_EQ(ours, row[1]) << name << "(" << row[0] << ")";
      continue;
    }
    const double last_place = LastPlace(row[1], digits, exponent_min);
    const double error = std::fabs((ours - row[1]) / last_place - row[2]);
    EXPECT_LT(error, 1) << name << "(" << row[0] << ") = " << ours;
    largest = std::max(largest, error);
  }
  test::WriteAnswers("math." + name, answers);
  ::testing::Test::RecordProperty("largest_error", std::to_string(largest));
  return largest;
}

double LargestError64(const std::string& name, double (*function)(double)) {
  return LargestError(name, 53, -1022, function);
}

double LargestError32(const std::string& name, float (*function)(float)) {
  return LargestError(name, 24, -126,
                      [&](double x) -> double { return function(static_cast<float>(x)); });
}

TEST(Exp, IsWithinSixTenthsOfAnUlp) { EXPECT_LE(LargestError64("exp", Exp), 0.6); }
TEST(Exp2, IsWithinSixTenthsOfAnUlp) { EXPECT_LE(LargestError64("exp2", Exp2), 0.6); }
TEST(Log, IsWithinSevenTenthsOfAnUlp) { EXPECT_LE(LargestError64("log", Log), 0.7); }
TEST(Log1p, IsWithinSevenTenthsOfAnUlp) { EXPECT_LE(LargestError64("log1p", Log1p), 0.7); }
// Half an ulp is what rounding costs; the rest is the error before it, 2^-29 of that.
TEST(ExpF, IsCorrectlyRoundedButForTies) { EXPECT_LE(LargestError32("exp_f", ExpF), 0.500001); }
TEST(LogF, IsCorrectlyRoundedButForTies) { EXPECT_LE(LargestError32("log_f", LogF), 0.500001); }

TEST(Exp, IsExactAtZeroAndAtTheEndsOfTheLine) {
  EXPECT_EQ(Bits(Exp(0.0)), Bits(1));
  EXPECT_EQ(Bits(Exp(-0.0)), Bits(1));
  EXPECT_EQ(Exp(kInfinity), kInfinity);
  EXPECT_EQ(Bits(Exp(-kInfinity)), Bits(0));
  EXPECT_TRUE(std::isnan(Exp(kNan)));
}

TEST(Exp, OverflowsAndUnderflowsWhereTheTrueValueDoes) {
  const double last_finite = 0x1.62e42fefa39efp+9;
  EXPECT_EQ(Exp(last_finite), 0x1.fffffffffff2ap+1023);
  EXPECT_EQ(Exp(std::nextafter(last_finite, kInfinity)), kInfinity);
  EXPECT_EQ(Exp(1e308), kInfinity);
  const double last_positive = -0x1.74910d52d3051p+9;
  EXPECT_EQ(Exp(last_positive), 0x1p-1074);
  EXPECT_EQ(Bits(Exp(std::nextafter(last_positive, -kInfinity))), Bits(0));
  EXPECT_EQ(Bits(Exp(-1e308)), Bits(0));
}

TEST(Exp, NeverFalls) {
  for (const double start : {-745.1, -708.396, -0.34657359, -1e-17, 0.34657359, 1.0, 709.7}) {
    double x = start;
    for (int i = 0; i < 2000; ++i) {
      const double next = std::nextafter(x, kInfinity);
      ASSERT_LE(Exp(x), Exp(next)) << x;
      x = next;
    }
  }
}

TEST(Exp2, IsExactForWholeNumbers) {
  for (int k = -1074; k <= 1023; ++k) ASSERT_EQ(Exp2(k), std::ldexp(1.0, k)) << k;
  EXPECT_EQ(Bits(Exp2(-1075)), Bits(0)) << "halfway to the smallest number: to even";
  EXPECT_EQ(Exp2(std::nextafter(-1075.0, 0.0)), 0x1p-1074);
  EXPECT_EQ(Exp2(1024), kInfinity);
  EXPECT_LT(Exp2(std::nextafter(1024.0, 0.0)), kInfinity);
}

TEST(Exp2, HandlesTheEndsOfTheLine) {
  EXPECT_EQ(Exp2(kInfinity), kInfinity);
  EXPECT_EQ(Bits(Exp2(-kInfinity)), Bits(0));
  EXPECT_TRUE(std::isnan(Exp2(kNan)));
  EXPECT_EQ(Bits(Exp2(-0.0)), Bits(1));
}

TEST(Log, IsExactAtOneAndAtTheEndsOfTheLine) {
  EXPECT_EQ(Bits(Log(1)), Bits(0));
  EXPECT_EQ(Log(0.0), -kInfinity);
  EXPECT_EQ(Log(-0.0), -kInfinity);
  EXPECT_EQ(Log(kInfinity), kInfinity);
  EXPECT_TRUE(std::isnan(Log(-0x1p-1074)));
  EXPECT_TRUE(std::isnan(Log(-kInfinity)));
  EXPECT_TRUE(std::isnan(Log(kNan)));
}

TEST(Log, KeepsTheDigitsOfSubnormals) {
  EXPECT_EQ(Log(0x1p-1074), -0x1.74385446d71c3p+9);
  EXPECT_LT(Log(0x1p-1074), Log(0x1p-1073));
}

TEST(Log1p, KeepsSmallNumbersAndTheSignOfZero) {
  EXPECT_EQ(Log1p(1e-300), 1e-300);
  EXPECT_EQ(Log1p(-0x1p-1074), -0x1p-1074);
  EXPECT_EQ(Bits(Log1p(-0.0)), Bits(-0.0));
  EXPECT_EQ(Bits(Log1p(0.0)), Bits(0.0));
}

TEST(Log1p, HandlesTheEndsOfTheLine) {
  EXPECT_EQ(Log1p(-1), -kInfinity);
  EXPECT_TRUE(std::isnan(Log1p(std::nextafter(-1.0, -2.0))));
  EXPECT_EQ(Log1p(kInfinity), kInfinity);
  EXPECT_TRUE(std::isnan(Log1p(kNan)));
}

TEST(ExpF, OverflowsAndUnderflowsAsFloatsDo) {
  EXPECT_EQ(ExpF(88.72283f), 0x1.ffff08p+127f);
  EXPECT_EQ(ExpF(88.72284f), std::numeric_limits<float>::infinity());
  EXPECT_EQ(ExpF(-103.97207f), 0x1p-149f);
  EXPECT_EQ(ExpF(-104.0f), 0.0f);
  EXPECT_TRUE(std::isnan(ExpF(std::numeric_limits<float>::quiet_NaN())));
}

}  // namespace
}  // namespace copse
