#pragma once

#include <vector>

#include "plan/columns.h"

namespace copse::plan {

/// Consecutive trees that one layout is to hold.
struct TreeGroup {
  TreeRange trees;
  bool is_small = false;       ///< a layout of small trees can hold them
  std::size_t n_features = 0;  ///< that they test; at most these where large trees are among them
};

/// Cuts a range into groups of consecutive trees, each of which a layout for small trees can hold
/// though it could not hold them all: boosters of many rounds have more than 255 thresholds a
/// feature, and a few trees may be larger than the others. A tree that is too large is a group with
/// its neighbours that are; so is one that costs more to rank for than it saves.
///
/// Consecutive, because sums are rounded in the order of the trees. One group: nothing to gain, or
/// so many groups of a forest of so many features that making them would take long.
std::vector<TreeGroup> GroupTrees(const Forest& forest, TreeRange trees);

}  // namespace copse::plan
