#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "plan/columns.h"
#include "plan/large_pages.h"
#include "plan/ranker.h"

namespace copse::plan {

/// How leaves are added to the sums of a row; the loops are compiled once for each.
enum class SumKind : std::uint8_t {
  kFloat,    ///< one number a leaf, rounded to float32 at every step (XGBoost)
  kDouble,   ///< one number a leaf, in float64
  kVector,   ///< K doubles a leaf, most of them one class only (forests of classifiers)
  kGeneral,  ///< whatever else: smallest, largest, linear leaves, vectors of floats: AddLeaf below
};

/// The leaves of a range of trees in the order in which a layout numbers them ("slots"): what it
/// adds when a row ends there. Sums are doubles [n_rows, K] between trees and between layouts; a
/// float32 sum is a double that a float holds.
struct LeafValues {
  SumKind kind = SumKind::kGeneral;
  std::size_t n_outputs = 1;
  LargeVector<float> floats;    ///< kFloat: [slots]
  LargeVector<double> doubles;  ///< kDouble: [slots]
  /// kVector: [slots] a class c < K: the leaf is 1.0 for c and +0.0 elsewhere; else K + r, where
  /// the leaf is row r of `vectors` [n_vectors, K].
  LargeVector<std::uint32_t> payload;
  LargeVector<double> vectors;
  std::vector<std::uint32_t> leaves;  ///< kGeneral: [slots] the leaf's number in the forest
  std::vector<std::uint16_t>
      outputs;  ///< [trees of the range] column of a scalar leaf (0 where K = 1)

  /// `slots[i]` is the leaf (number in the forest) that slot i stands for.
  static LeafValues Compile(const Forest& forest, TreeRange trees,
                            std::span<const std::uint32_t> slots);
  std::size_t bytes() const;
};

/// Adds leaf `leaf` (number in the forest) of tree `tree` to `sums` [K]: any forest, slowly.
/// `row` is the row `r` of `rows`.
void AddLeaf(const Forest& forest, std::size_t tree, std::uint32_t leaf, const RowBlock& rows,
             std::size_t r, std::span<double> sums);

}  // namespace copse::plan
