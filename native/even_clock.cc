#include "even_clock.h"

#include <cstdlib>

namespace copse {
namespace {

// More than clocks that are kept right differ by between two questions.
constexpr std::int64_t kJumpMs = 1000;

}  // namespace

bool EvenClock::IsEven(std::int64_t wall_ms, std::int64_t steady_ms) {
  const std::int64_t ahead = wall_ms - steady_ms;
  if (!has_begun_ || std::abs(ahead - ahead_ms_) > kJumpMs) even_since_ms_ = steady_ms;
  has_begun_ = true;
  ahead_ms_ = ahead;
  return steady_ms - even_since_ms_ >= wait_ms_;
}

}  // namespace copse
