#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace copse {

/// Takes `n` blocks of 64 bytes into the state of a SHA-256 (FIPS 180-4, section 6.2.2).
using ShaBlocks = void (*)(std::array<std::uint32_t, 8>& state, const std::uint8_t* blocks,
                           std::size_t n);

/// By plain arithmetic. Not inlined: see at_once.h.
[[gnu::noinline]] void PlainShaBlocks(std::array<std::uint32_t, 8>& state,
                                      const std::uint8_t* blocks, std::size_t n);

/// By the processor's own instructions, which take a fifth of the time, or null: it has none.
ShaBlocks FastShaBlocks();

}  // namespace copse
