#pragma once

#include <cstddef>
#include <cstdint>

/// The most of everything that a model file may hold. Each is checked before the allocation it
/// guards, so a hostile header costs a sentence and not memory.
namespace copse::limits {

/// The safetensors format stops at 100 MB; a forest's header is a few kilobytes a feature.
inline constexpr std::uint64_t kHeaderBytesMax = std::uint64_t{64} << 20;
/// `__metadata__` values hold JSON again; neither nests deeper than a list in a list.
inline constexpr int kJsonDepthMax = 8;
inline constexpr std::uint64_t kTreesMax = std::uint64_t{1} << 20;
inline constexpr std::uint64_t kNodesMax = std::uint64_t{1} << 28;
/// Leaf numbers are stored as the complement of an int32.
inline constexpr std::uint64_t kLeavesMax = std::uint64_t{1} << 28;
/// Distinct leaf rows times leaf width.
inline constexpr std::uint64_t kLeafValuesMax = std::uint64_t{1} << 28;
/// tree.output is 16 bits wide.
inline constexpr std::uint64_t kOutputsMax = std::uint64_t{1} << 16;
inline constexpr std::uint64_t kFeaturesMax = std::uint64_t{1} << 24;
/// 32-bit words of all category sets together.
inline constexpr std::uint64_t kCategoryWordsMax = std::uint64_t{1} << 26;
/// Values of all category tables together.
inline constexpr std::uint64_t kCategoryValuesMax = std::uint64_t{1} << 26;
/// Terms of all linear leaves together, and coefficients of a linear model.
inline constexpr std::uint64_t kCoefficientsMax = std::uint64_t{1} << 28;
inline constexpr std::size_t kNameBytesMax = std::size_t{64} << 10;
/// Rows of one call through the wasm door: keeps every byte count far under 4 GiB.
inline constexpr std::uint64_t kBatchValuesMax = std::uint64_t{1} << 27;

}  // namespace copse::limits
