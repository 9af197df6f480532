#pragma once

#include <cstddef>

namespace copse {

/// Elements that one call of a loop takes, where a model is read or compiled. V8 goes over from its
/// quick to its optimized code of a WebAssembly function at the next call, never within one: a loop
/// over all elements would run as it began. The functions that are called in such steps are marked
/// gnu::noinline, or they would be one with what calls them.
inline constexpr std::size_t kAtOnce = 4096;

}  // namespace copse
