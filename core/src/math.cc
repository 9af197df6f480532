#include "copse/math.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

// The argument is reduced as Cody and Waite describe (Software Manual for the Elementary
// Functions, 1980): the multiple of log 2 is taken off in two pieces, the first short enough for
// an exact product. What is left goes into a Taylor polynomial whose leading terms are kept as an
// unevaluated sum of two doubles (Dekker, "A floating-point technique for extending the available
// precision", 1971), so that nearly all of the error is that of the last rounding.
// Only + - * / and moves of bits: correctly rounded, therefore equal, on every target.
namespace copse {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kLog2E = 0x1.71547652b82fep+0;
// log 2 = kLn2High + kLn2Low to 2^-98; the low 11 bits of kLn2High are zero, so its product with
// an exponent (below 2^11) is exact.
constexpr double kLn2High = 0x1.62e42fefa3800p-1;
constexpr double kLn2Low = 0x1.ef35793c76730p-45;
constexpr int kExponentMin = -1022;  // of normal doubles
constexpr int kExponentMax = 1023;

std::uint64_t BitsOf(double x) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

double FromBits(std::uint64_t bits) {
  double x = 0;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

// 2^exponent for kExponentMin <= exponent <= kExponentMax.
double PowerOfTwo(int exponent) {
  return FromBits(static_cast<std::uint64_t>(exponent + kExponentMax) << 52);
}

// x without its low 27 bits, so that the square of it is exact.
double UpperHalf(double x) { return FromBits(BitsOf(x) & 0xfffffffff8000000u); }

// high + low, not rounded to one double.
struct Pair {
  double high, low;
};

// a + b exactly, for |a| >= |b| (Dekker's Fast2Sum).
Pair FastSum(double a, double b) {
  const double sum = a + b;
  return {sum, b - (sum - a)};
}

// a * b exactly (Dekker's product of split factors).
Pair Product(double a, double b) {
  const double product = a * b;
  const double a1 = UpperHalf(a), a2 = a - a1;
  const double b1 = UpperHalf(b), b2 = b - b1;
  return {product, ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2};
}

// e^x - 1 - x - x^2 / 2 for |x| <= 0.35, by Taylor's series to x^14 / 14!. Even and odd powers
// separately: two short chains of dependent operations in place of a long one.
double ExpTail(double x) {
  const double z = x * x;
  const double odd =
      1.0 / 6 +
      z * (1.0 / 120 +
           z * (1.0 / 5040 + z * (1.0 / 362880 + z * (1.0 / 39916800 + z * (1.0 / 6227020800.0)))));
  const double even =
      1.0 / 24 +
      z * (1.0 / 720 + z * (1.0 / 40320 + z * (1.0 / 3628800 +
                                               z * (1.0 / 479001600 + z * (1.0 / 87178291200.0)))));
  return z * (x * odd + z * even);
}

// (mantissa.high + mantissa.low) * 2^exponent, rounded once, where that is a subnormal: added to
// 1 the last place of the sum is that of the result.
double ScaleToSubnormal(Pair mantissa, int exponent) {
  const double scale = PowerOfTwo(exponent - kExponentMin);
  const Pair sum = FastSum(1, mantissa.high * scale);
  const double rounded = sum.high + (sum.low + mantissa.low * scale);
  return (rounded - 1) * PowerOfTwo(kExponentMin);
}

// (mantissa.high + mantissa.low) * 2^exponent for a mantissa in [0.7, 1.42] and an exponent in
// [-1080, 1030].
double Scale(Pair mantissa, int exponent) {
  const double rounded = mantissa.high + mantissa.low;
  if (exponent > kExponentMax) return rounded * PowerOfTwo(exponent - kExponentMax) * 0x1p1023;
  if (exponent > kExponentMin) return rounded * PowerOfTwo(exponent);
  if (exponent == kExponentMin && rounded >= 1) return rounded * PowerOfTwo(exponent);
  return ScaleToSubnormal(mantissa, exponent);
}

// e^(x.high + x.low) 2^exponent for |x.high| <= 0.35.
double ExpReduced(Pair x, int exponent) {
  const double upper = UpperHalf(x.high);
  const double lower = x.high - upper;
  // 1 + x + x^2 / 2 with the square in two parts, the first exact.
  const Pair linear = FastSum(1, x.high);
  const Pair square = FastSum(linear.high, 0.5 * upper * upper);
  const double rest = 0.5 * lower * (x.high + upper) + x.low * (1 + x.high);
  return Scale({square.high, linear.low + square.low + (rest + ExpTail(x.high))}, exponent);
}

// The nearest whole number. The half is the largest double below 1/2: with 1/2 itself the sum for
// an argument just below would round up to 1.
int RoundToInt(double x) {
  constexpr double kHalf = 0x1.fffffffffffffp-2;
  return static_cast<int>(x + (x < 0 ? -kHalf : kHalf));
}

// A positive finite x = mantissa * 2^exponent with the mantissa in [sqrt(1/2), sqrt(2)).
struct Decomposed {
  double mantissa;
  int exponent;
};

Decomposed Decompose(double x) {
  constexpr std::uint64_t kSqrtHalf = 0x3fe6a09e667f3bcd;  // bits of sqrt(1/2)
  int exponent = 0;
  if (x < std::numeric_limits<double>::min()) {
    x *= 0x1p54;
    exponent = -54;
  }
  const std::uint64_t bits = BitsOf(x);
  // The distance to sqrt(1/2), with the borrow that a smaller fraction takes from the exponent.
  const auto distance = static_cast<std::int64_t>(bits - kSqrtHalf);
  const auto steps = static_cast<int>(distance >> 52);
  return {FromBits(bits - (static_cast<std::uint64_t>(steps) << 52)), exponent + steps};
}

// log(1 + f) - f + f^2 / 2 for 1 + f in [sqrt(1/2), sqrt(2)): with s = f / (2 + f) the logarithm
// is 2 atanh(s) = f - f^2 / 2 + s (f^2 / 2 + 2 s^2 / 3 + 2 s^4 / 5 + ...).
double LogTail(double f) {
  const double s = f / (2 + f);
  const double z = s * s;
  const double w = z * z;
  const double odd = 2.0 / 3 + w * (2.0 / 7 + w * (2.0 / 11 + w * (2.0 / 15 + w * (2.0 / 19))));
  const double even = 2.0 / 5 + w * (2.0 / 9 + w * (2.0 / 13 + w * (2.0 / 17 + w * (2.0 / 21))));
  return s * (0.5 * f * f + z * (odd + z * even));
}

// log((1 + f) 2^exponent) + correction, for 1 + f in [sqrt(1/2), sqrt(2)).
double LogReduced(double f, int exponent, double correction) {
  const double upper = UpperHalf(f);
  const double lower = f - upper;
  const Pair square = FastSum(f, -0.5 * upper * upper);
  const double rest = LogTail(f) - 0.5 * lower * (f + upper) + correction;
  if (exponent == 0) return square.high + (square.low + rest);
  const double k = exponent;
  const Pair sum = FastSum(k * kLn2High, square.high);
  return sum.high + (sum.low + (square.low + (rest + k * kLn2Low)));
}

}  // namespace

double Exp(double x) {
  if (x != x) return kNan;
  if (x > 710) return kInfinity;
  if (x < -746) return 0;
  const int exponent = RoundToInt(x * kLog2E);
  const double k = exponent;
  return ExpReduced(FastSum(x - k * kLn2High, -k * kLn2Low), exponent);
}

double Exp2(double x) {
  if (x != x) return kNan;
  if (x >= 1024) return kInfinity;
  if (x < -1076) return 0;
  const int exponent = RoundToInt(x);
  const double fraction = x - exponent;
  const Pair scaled = Product(fraction, kLn2High);
  return ExpReduced(FastSum(scaled.high, scaled.low + fraction * kLn2Low), exponent);
}

double Log(double x) {
  if (x != x || x < 0) return kNan;
  if (x == 0) return -kInfinity;
  if (x == kInfinity) return x;
  const Decomposed parts = Decompose(x);
  return LogReduced(parts.mantissa - 1, parts.exponent, 0);
}

double Log1p(double x) {
  if (x != x || x < -1) return kNan;
  if (x == -1) return -kInfinity;
  if (x == kInfinity) return x;
  if (std::fabs(x) < 0x1p-54) return x;
  if (x > -0.29 && x < 0.41) return LogReduced(x, 0, 0);
  const double sum = 1 + x;
  const double lost = x < 1 ? x - (sum - 1) : 1 - (sum - x);
  const Decomposed parts = Decompose(sum);
  return LogReduced(parts.mantissa - 1, parts.exponent, lost / sum);
}

float ExpF(float x) { return static_cast<float>(Exp(x)); }
float LogF(float x) { return static_cast<float>(Log(x)); }

}  // namespace copse
