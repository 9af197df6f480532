#include "input_map.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace copse::importer {
namespace {

using Kind = ColumnStep::Kind;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kMax = std::numeric_limits<double>::max();

InputMap Of(std::vector<ColumnStep> steps, Precision input = Precision::kFloat64) {
  InputMap map;
  map.n_columns = 1;
  map.features = {{0, std::move(steps)}};
  map.input = input;
  return map;
}

// x <= Unmap(t) if and only if Map(x) <= t, where they could part: at Unmap(t) and beside it.
void ExpectSameBranch(const InputMap& map, double threshold) {
  const double raw = map.Unmap(0, threshold);
  ASSERT_FALSE(std::isnan(raw));
  const double at = std::isinf(raw) ? std::copysign(kMax, raw) : raw;
  for (const double x : {std::nextafter(at, -kInfinity), at, std::nextafter(at, kInfinity), -kMax,
                         kMax, 0.0, -0.0}) {
    if (std::isinf(x)) continue;
    EXPECT_EQ(x <= raw, map.Map(0, x) <= threshold)
        << "x " << x << ", raw threshold " << raw << ", threshold " << threshold;
  }
}

// Numbers of all sizes: what scalers learn from columns in metres, cents or light years.
class Numbers {
 public:
  explicit Numbers(unsigned seed) : random_(seed) {}

  double Any() {
    const double size = std::exp2(std::uniform_int_distribution<int>(-40, 40)(random_));
    return std::normal_distribution<double>()(random_) * size;
  }
  double Positive() {
    const double any = std::abs(Any());
    return any > 0 ? any : 1;
  }
  int Below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }

  ColumnStep Step() {
    ColumnStep step;
    constexpr Kind kKinds[] = {Kind::kSubtractDivide, Kind::kMultiplyAdd, Kind::kSubtractMultiply,
                               Kind::kDivide,         Kind::kClip,        Kind::kFill,
                               Kind::kRoundToFloat};
    step.kind = kKinds[Below(7)];
    const bool factor_first = step.kind == Kind::kMultiplyAdd || step.kind == Kind::kDivide;
    step.a = factor_first ? Positive() : Any();
    step.b = step.kind == Kind::kMultiplyAdd ? Any() : Positive();
    if (step.kind == Kind::kClip) step.b += step.a;
    if (Below(4) == 0) {
      step.math = Precision::kFloat32;
      step.a = static_cast<float>(step.a);
      step.b = static_cast<float>(step.b);
    }
    return step;
  }

 private:
  std::mt19937 random_;
};

class RandomSteps : public ::testing::TestWithParam<Precision> {};

TEST_P(RandomSteps, RawThresholdsTakeTheSameBranch) {
  Numbers numbers(GetParam() == Precision::kFloat32 ? 1u : 2u);
  for (int round = 0; round < 3000; ++round) {
    std::vector<ColumnStep> steps;
    for (int i = numbers.Below(4); i >= 0; --i) steps.push_back(numbers.Step());
    const InputMap map = Of(steps, GetParam());
    SCOPED_TRACE(round);
    ExpectSameBranch(map, numbers.Any());
    // A threshold that a mapped value meets exactly.
    ExpectSameBranch(map, map.Map(0, numbers.Any()));
  }
}

INSTANTIATE_TEST_SUITE_P(, RandomSteps,
                         ::testing::Values(Precision::kFloat32, Precision::kFloat64));

TEST(Unmap, OfAClippedColumnCanBeEverythingOrNothing) {
  const InputMap map = Of({{Kind::kClip, 0, 1}});
  EXPECT_EQ(map.Unmap(0, 1), kInfinity);
  EXPECT_EQ(map.Unmap(0, -0.5), -kInfinity);
  EXPECT_EQ(map.Unmap(0, 0.5), 0.5);
  EXPECT_EQ(map.Unmap(0, 0), 0);
}

TEST(Unmap, OfInfiniteThresholds) {
  const InputMap map = Of({{Kind::kSubtractDivide, 3, 10}});
  EXPECT_EQ(map.Unmap(0, kInfinity), kInfinity);
  EXPECT_EQ(map.Unmap(0, -kInfinity), -kInfinity);
}

TEST(Unmap, OverflowGoesRight) {
  // 1e308 / 1e-10 is infinite, and no threshold below that lets it left.
  const InputMap map = Of({{Kind::kDivide, 1e-10, 0}});
  ExpectSameBranch(map, kMax);
  EXPECT_LT(map.Unmap(0, kMax), 1e300);
}

TEST(Unmap, RoundsTiesAsACastToFloatDoes) {
  // Half way between two floats, the even one is nearest.
  const float low = 1.0f;
  const float high = std::nextafter(low, 2.0f);
  const double middle = (static_cast<double>(low) + static_cast<double>(high)) / 2;
  const InputMap map = Of({{Kind::kRoundToFloat, 0, 0}});
  EXPECT_EQ(map.Unmap(0, low), middle);
  EXPECT_EQ(Of({}, Precision::kFloat32).Unmap(0, low), middle);
  EXPECT_EQ(Of({}).Unmap(0, low), 1.0);
}

TEST(Filled, IsWhatTheStepsMakeOfMissing) {
  EXPECT_EQ(Of({{Kind::kFill, 7, 0}, {Kind::kSubtractDivide, 1, 2}}).Filled(0), 3.0);
  EXPECT_EQ(Of({{Kind::kSubtractDivide, 1, 2}, {Kind::kFill, 7, 0}}).Filled(0), 7.0);
  EXPECT_EQ(Of({{Kind::kSubtractDivide, 1, 2}}).Filled(0), std::nullopt);
  EXPECT_EQ(Of({{Kind::kClip, 0, 1}}).Filled(0), std::nullopt);
}

TEST(NeedsDouble, OnlyWhereAStepIs) {
  EXPECT_FALSE(Of({}, Precision::kFloat32).NeedsDouble());
  EXPECT_TRUE(Of({{Kind::kFill, 0, 0}}, Precision::kFloat32).NeedsDouble());
}

}  // namespace
}  // namespace copse::importer
