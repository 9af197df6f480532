#pragma once

#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include "bits.h"
#include "copse/plan.h"

/// What every layout is held against: the plain walk, bit for bit.
namespace copse::test {

inline constexpr LayoutKind kLayouts[] = {LayoutKind::kNode8,      LayoutKind::kSlot4,
                                          LayoutKind::kLaneSelect, LayoutKind::kBitWalk,
                                          LayoutKind::kLeafMatch,  LayoutKind::kGroups};

/// The answers of the plain walk for `rows`.
template <class Number>
std::vector<double> WalkPlainly(const Forest& forest, const std::vector<Number>& rows) {
  std::vector<double> margins(rows.size() / forest.n_features() * forest.n_outputs());
  forest.PredictMargins(rows, margins);
  return margins;
}

/// Where the first number is that has not the same bits, or the size of both.
inline std::size_t FirstDifference(std::span<const double> ours, std::span<const double> expected) {
  std::size_t i = 0;
  while (i < ours.size() && Bits(ours[i]) == Bits(expected[i])) ++i;
  return i;
}

inline std::string Exactly(double x) {
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", x);
  return text;
}

/// What the plan says other than `expected`, of rows [first, first + n) in one call; empty:
/// nothing.
template <class Number>
std::string Differs(const Forest& forest, const Plan& plan, const std::vector<Number>& rows,
                    const std::vector<double>& expected, std::size_t first, std::size_t n) {
  const std::size_t n_features = forest.n_features(), n_outputs = forest.n_outputs();
  const auto some = std::span(rows).subspan(first * n_features, n * n_features);
  const auto right = std::span(expected).subspan(first * n_outputs, n * n_outputs);
  std::vector<double> margins(n * n_outputs, 12345);
  plan.PredictMargins(some, margins);
  const std::size_t at = FirstDifference(margins, right);
  if (at == margins.size()) return {};
  return "row " + std::to_string(first + at / n_outputs) + " (" + std::to_string(at / n_outputs) +
         " of a call with " + std::to_string(n) + "), output " + std::to_string(at % n_outputs) +
         ": " + Exactly(margins[at]) + ", and the plain walk has " + Exactly(right[at]);
}

}  // namespace copse::test
