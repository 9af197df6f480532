#include "even_clock.h"

#include <gtest/gtest.h>

namespace copse {
namespace {

constexpr std::int64_t kWait = 10'000, kYear = 31'557'600'000;

TEST(EvenClock, IsBelievedOnceItHasRunEvenly) {
  EvenClock clock(kWait);
  EXPECT_FALSE(clock.IsEven(1'000'000, 50));
  EXPECT_FALSE(clock.IsEven(1'009'999, 10'049));
  EXPECT_TRUE(clock.IsEven(1'010'000, 10'050));
  EXPECT_TRUE(clock.IsEven(1'000'000 + kYear, 50 + kYear)) << "nobody asked for a year";
}

TEST(EvenClock, WaitsAfterEveryJump) {
  for (const std::int64_t jump : {kYear, -kYear, std::int64_t{1001}, std::int64_t{-1001}}) {
    EvenClock clock(kWait);
    clock.IsEven(0, 0);
    EXPECT_TRUE(clock.IsEven(kWait, kWait));
    EXPECT_FALSE(clock.IsEven(kWait + jump, kWait)) << jump;
    EXPECT_FALSE(clock.IsEven(2 * kWait - 1 + jump, 2 * kWait - 1));
    EXPECT_TRUE(clock.IsEven(2 * kWait + jump, 2 * kWait));
  }
}

TEST(EvenClock, MayBeKeptRightLittleByLittle) {
  EvenClock clock(kWait);
  for (int second = 0; second < 100; ++second) {
    EXPECT_EQ(clock.IsEven(second * 1500, second * 1000), second >= 10);
  }
}

TEST(EvenClock, WithoutAWaitIsAlwaysBelieved) {
  EvenClock clock(0);
  EXPECT_TRUE(clock.IsEven(5, 1));
  EXPECT_TRUE(clock.IsEven(5 + kYear, 1));
}

}  // namespace
}  // namespace copse
