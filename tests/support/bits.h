#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

namespace copse::test {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// What EXPECT_EQ cannot see: that zeros have the same sign, and which NaN it is.
inline std::uint64_t Bits(double x) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

/// Whether every number is a float, so that it may as well arrive as one.
inline bool AreFloats(const std::vector<double>& numbers) {
  for (const double x : numbers) {
    if (x == x && static_cast<float>(x) != x) return false;
  }
  return true;
}

}  // namespace copse::test
