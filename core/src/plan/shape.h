#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "copse/plan.h"
#include "plan/columns.h"
#include "plan/tree_groups.h"

namespace copse::plan {

/// What the choice of a layout depends on.
struct Shape {
  std::size_t n_trees = 0;
  std::size_t leaves_max = 0;  ///< ends of the largest tree: its inner nodes + 1
  double leaves_mean = 0;      ///< ends of a tree
  std::size_t depth_max = 0;   ///< inner nodes on the longest way
  double path_mean = 0;        ///< inner nodes on the way to an end, over all ends
  std::size_t n_features = 0;  ///< that some node tests
  std::size_t n_columns = 0;   ///< rank columns; 0 where ranks cannot hold the forest
  std::uint32_t rank_max = 0;
  std::size_t n_outputs = 0;
  std::size_t n_groups = 1;  ///< into which they are cut, where that pays
  std::size_t n_small = 0;   ///< trees in groups of small ones

  static Shape Of(const Forest& forest, TreeRange trees, const Columns* columns);

  /// Sets the groups if one row is clearly faster through them than through one layout for all.
  void TryGroups(std::span<const TreeGroup> groups);
  /// Whether TryGroups may: no layout of small trees holds them all.
  bool GroupsMayPay() const;
};

/// The layouts for one row and for more, by fixed rules, where registers have `lane_bytes` bytes.
/// The layouts may still refuse the forest; the plan then takes the next best: see WithFallbacks.
std::vector<Plan::Choice> Choose(const Shape& shape, std::size_t lane_bytes);

/// Why Choose takes `layout`, with the numbers that decide.
std::string ReasonFor(const Shape& shape, LayoutKind layout);

/// `kind`, and what to take instead where it does not fit, in order; the last is the plain walk.
std::vector<LayoutKind> WithFallbacks(LayoutKind kind);

}  // namespace copse::plan
