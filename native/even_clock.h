#pragma once

#include <cstdint>

namespace copse {

/// Says whether the clock of the machine can be believed when it tells how old something is: it has
/// to have run evenly, without a jump, for some time. A clock that was set wrong, or has just been
/// set right, is not asked for ages until then. For one thread.
class EvenClock {
 public:
  /// `wait_ms`: how long the clock has to run evenly.
  explicit EvenClock(std::int64_t wait_ms) : wait_ms_(wait_ms) {}

  /// `wall_ms` by the clock that people set, `steady_ms` by one that nobody can.
  bool IsEven(std::int64_t wall_ms, std::int64_t steady_ms);

 private:
  const std::int64_t wait_ms_;
  bool has_begun_ = false;
  std::int64_t ahead_ms_ = 0;       // of the steady clock, when last asked
  std::int64_t even_since_ms_ = 0;  // by the steady clock
};

}  // namespace copse
