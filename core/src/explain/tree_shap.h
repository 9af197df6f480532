#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "copse/forest.h"
#include "copse/result.h"
#include "explain/quadrature.h"

namespace copse::explain {

/// Exact path-dependent TreeSHAP, by quadrature.
///
/// A leaf of value v under features with parts w_i of the training weight and o_i in {0, 1}
/// (whether the row itself goes this way) is the game v prod_i (i known ? o_i : w_i). Its Shapley
/// value for feature i is the integral over t in [0, 1] of v (o_i - w_i) prod_{j != i} ((1 - t) w_j
/// + t o_j): Owen's multilinear extension (Management Science 18, 1972, p. 64). The integrand is a
/// polynomial in t of a degree below the number of different features, so that a Gauss-Legendre
/// rule with half as many points is exact; points, weights and factors are all positive, and
/// nothing is divided by anything small, so it is accurate at any depth. (Quadrature for trees:
/// Wettenstein, Mitchell, Yu, "Quadrature-TreeSHAP", arXiv:2605.04497; leaves of a subtree are
/// gathered once, as in Yu et al., "Linear TreeShap", NeurIPS 2022.) Time: nodes times points times
/// leaf width.
class TreeShap {
 public:
  /// Errors: kTooLarge where a path tests more than 512 different features, or is so long that the
  /// scratch memory of a row would pass 256 MB.
  static Result<TreeShap> Create(const Forest& forest, std::vector<double> left_share);

  std::uint64_t cost() const { return cost_; }

  struct Step {
    std::size_t node = 0;
    bool right = false;  // it is this side's turn
  };
  /// Memory for AddRow, to be kept from row to row.
  struct Scratch {
    std::vector<Pair> pairs;
    std::vector<std::uint8_t> state;  // of each node of a tree: where the row goes, 0 if elsewhere
    std::vector<Step> steps;          // from the root to where the walk is
  };
  Scratch MakeScratch() const;

  /// Adds the Shapley values of all trees, undivided, to `out` [n_outputs(), n_features() + 1],
  /// whose last column stays as it is.
  void AddRow(const double* row, std::span<double> out, Scratch& scratch) const;

 private:
  struct Split {
    double left_share = 0;
    /// The part of the training weight that the splits above on the same feature let through.
    double prior = 1;
    /// The last of these: twice its node (counted in the tree) + 1 for its right side; or -1.
    std::int32_t prior_edge = -1;
  };
  struct Tree {
    std::uint32_t depth = 0;     // nodes on the longest path
    std::uint32_t n_halves = 1;  // half the points
  };
  class Walk;
  class Survey;

  explicit TreeShap(const Forest& forest) : forest_(&forest) {}

  const Forest* forest_;
  std::vector<Split> splits_;
  std::vector<Tree> trees_;
  std::vector<Quadrature> rules_;  // by n_halves; of those that trees have
  std::uint64_t cost_ = 0;
  std::size_t scratch_pairs_ = 0, scratch_levels_ = 0, scratch_nodes_ = 0;
};

}  // namespace copse::explain
