#pragma once

#include <cstdint>
#include <cstring>
#include <limits>

namespace copse::test {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// What EXPECT_EQ cannot see: that zeros have the same sign, and which NaN it is.
inline std::uint64_t Bits(double x) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

}  // namespace copse::test
