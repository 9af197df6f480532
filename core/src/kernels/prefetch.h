#pragma once

namespace copse::plan {

#if defined(__wasm__)
inline constexpr bool kCanPrefetch = false;
#else
inline constexpr bool kCanPrefetch = true;
#endif

/// Asks for what lies there, before it is needed, and does not wait. Any address will do.
/// WebAssembly has no way to ask: nothing happens.
inline void Prefetch([[maybe_unused]] const void* address) {
  if constexpr (kCanPrefetch) __builtin_prefetch(address);
}

}  // namespace copse::plan
