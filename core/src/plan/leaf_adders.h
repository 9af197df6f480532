#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "plan/leaf_values.h"

// The additions that layouts share, compiled into each layout's own loops once for each SumKind.
// Every one rounds as the plain walk does (forest.cc, Plus).
namespace copse::plan {

/// Rows to which the trees of a range are being added, in order. Lives as long as one call.
struct Adding {
  const Forest* forest = nullptr;
  TreeRange trees;
  const LeafValues* values = nullptr;
  RowBlock rows;
  double* sums = nullptr;  ///< [rows.n_rows, K]
};

/// Adds what `payload` stands for (see LeafValues) to the sums of one row.
inline void AddVector(const LeafValues& values, std::size_t payload, double* sums) {
  const std::size_t n_outputs = values.n_outputs;
  if (payload < n_outputs) {
    sums[payload] += 1.0;
  } else {
    const double* vector = values.vectors.data() + (payload - n_outputs) * n_outputs;
    for (std::size_t k = 0; k < n_outputs; ++k) sums[k] += vector[k];
  }
}

/// Adds the leaf in slot `slot` of tree `tree` (of the range) to row `r`: one tree, many rows.
template <SumKind kind>
inline void AddSlot(const Adding& adding, std::size_t tree, std::size_t slot, std::size_t r) {
  const LeafValues& values = *adding.values;
  const std::size_t n_outputs = values.n_outputs;
  double* sums = adding.sums + r * n_outputs;
  if constexpr (kind == SumKind::kFloat) {
    double& sum = sums[values.outputs[tree]];
    sum = static_cast<float>(sum) + values.floats[slot];
  } else if constexpr (kind == SumKind::kDouble) {
    sums[values.outputs[tree]] += values.doubles[slot];
  } else if constexpr (kind == SumKind::kVector) {
    AddVector(values, values.payload[slot], sums);
  } else {
    AddLeaf(*adding.forest, adding.trees.begin + tree, values.leaves[slot], adding.rows, r,
            std::span<double>(sums, n_outputs));
  }
}

/// The sum of one row to which many trees are added: in a register where there is one output, for
/// a sum in memory costs a store and a load on the way to every next addition.
template <SumKind kind>
class RowSum {
  static_assert(kind != SumKind::kVector, "see AddVectors");

 public:
  RowSum(const Adding& adding, std::size_t r)
      : adding_(adding), row_(r), one_(adding.values->n_outputs == 1) {
    if (one_) sum_ = static_cast<Sum>(adding.sums[r]);
  }
  RowSum(const RowSum&) = delete;
  RowSum& operator=(const RowSum&) = delete;
  ~RowSum() {
    if (kInRegister && one_) adding_.sums[row_] = sum_;
  }

  void Add(std::size_t tree, std::size_t slot) {
    if constexpr (kInRegister) {
      if (one_) {
        if constexpr (kind == SumKind::kFloat) sum_ += adding_.values->floats[slot];
        if constexpr (kind == SumKind::kDouble) sum_ += adding_.values->doubles[slot];
        return;
      }
    }
    AddSlot<kind>(adding_, tree, slot, row_);
  }

 private:
  static constexpr bool kInRegister = kind == SumKind::kFloat || kind == SumKind::kDouble;
  using Sum = std::conditional_t<kind == SumKind::kFloat, float, double>;

  const Adding& adding_;
  const std::size_t row_;
  const bool one_;
  Sum sum_ = 0;
};

/// Sums of up to so many outputs are added in registers.
inline constexpr std::size_t kFewOutputs = 3;

/// Adds the leaves of `n_trees` trees, in order, to `n_rows` rows of K outputs. The sums stay in
/// registers, and whether a leaf is one class is no branch: nobody foresees it. Such a leaf's zeros
/// change no sum (see ZerosCount in leaf_values.cc). `payload_of(tree, row)` is as LeafValues has
/// it.
template <std::size_t K, class PayloadOf>
inline void AddFewOutputs(const LeafValues& values, std::size_t n_trees, std::size_t n_rows,
                          PayloadOf payload_of, double* sums) {
  double classes[K * K] = {};
  for (std::size_t k = 0; k < K; ++k) classes[k * K + k] = 1;
  const double* const vectors = values.vectors.data();
  for (std::size_t r = 0; r < n_rows; ++r, sums += K) {
    double own[K];
    for (std::size_t k = 0; k < K; ++k) own[k] = sums[k];
    for (std::size_t t = 0; t < n_trees; ++t) {
      const std::size_t payload = payload_of(t, r);
      const double* leaf = payload < K ? classes + payload * K : vectors + (payload - K) * K;
      for (std::size_t k = 0; k < K; ++k) own[k] += leaf[k];
    }
    for (std::size_t k = 0; k < K; ++k) sums[k] = own[k];
  }
}

/// As AddFewOutputs, of any number of outputs.
template <class PayloadOf>
inline void AddVectors(const LeafValues& values, std::size_t n_trees, std::size_t n_rows,
                       PayloadOf payload_of, double* sums) {
  const std::size_t n_outputs = values.n_outputs;
  static_assert(kFewOutputs == 3);
  if (n_outputs == 2) return AddFewOutputs<2>(values, n_trees, n_rows, payload_of, sums);
  if (n_outputs == 3) return AddFewOutputs<3>(values, n_trees, n_rows, payload_of, sums);
  for (std::size_t r = 0; r < n_rows; ++r, sums += n_outputs) {
    for (std::size_t t = 0; t < n_trees; ++t) AddVector(values, payload_of(t, r), sums);
  }
}

/// Calls `use` with the kind as a type: use(std::integral_constant<SumKind, kind>()).
template <class Use>
inline void WithSumKind(SumKind kind, Use use) {
  switch (kind) {
    case SumKind::kFloat:
      return use(std::integral_constant<SumKind, SumKind::kFloat>());
    case SumKind::kDouble:
      return use(std::integral_constant<SumKind, SumKind::kDouble>());
    case SumKind::kVector:
      return use(std::integral_constant<SumKind, SumKind::kVector>());
    case SumKind::kGeneral:
      return use(std::integral_constant<SumKind, SumKind::kGeneral>());
  }
}

}  // namespace copse::plan
