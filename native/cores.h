#pragma once

#include <cstddef>

namespace copse {

/// Cores that this process may use, at least one: those that `taskset` or a container's cpuset
/// left, where std::thread::hardware_concurrency() counts the machine's. Any thread.
std::size_t CoresAllowed();

}  // namespace copse
