#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "copse/forest.h"

// The steps of the plain walk (forest.cc), for those that compile a forest into something faster,
// or explain it: there is one place that says which way a value goes and what a sum is.
namespace copse::walk {

/// CategoryCode of what is no category.
inline constexpr std::uint32_t kNoCategory = ~std::uint32_t{0};

/// Which way `x`, already as wide as the model reads it, goes at `node`.
bool GoesLeft(const Forest& forest, std::size_t node, double x);

/// Whether `x` is missing by the rule of `node`.
bool IsMissing(const Forest& forest, std::size_t node, double x);

/// The category that `x`, which is not missing, is of `feature`, or kNoCategory.
std::uint32_t CategoryCode(const Forest& forest, std::size_t feature, double x);

/// Adds a leaf of `tree` to `sums` [K]; `row` [n_features()] is for linear leaves.
void AddLeaf(const Forest& forest, std::size_t tree, std::size_t leaf, const double* row,
             std::span<double> sums);
void AddLeaf(const Forest& forest, std::size_t tree, std::size_t leaf, const float* row,
             std::span<double> sums);

/// What the sums [K] of a row are before the first tree, and what becomes of them after the last.
void Start(const Forest& forest, std::span<double> sums);
void Finish(const Forest& forest, std::span<const double> trees_per_output, std::span<double> sums);

}  // namespace copse::walk
