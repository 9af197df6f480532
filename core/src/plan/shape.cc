#include "plan/shape.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>

#include "plan/layout.h"
#include "text.h"

namespace copse::plan {
namespace {

// Nanoseconds, much the same on all targets but where it is said: what matters are the proportions.
//
// Lane select tests every node of a tree, for as many rows at once as a register has lanes, or for
// four times as many, which costs about twice as much. What counts are a tree; a leaf, with its
// node; and the sum of a row. Depth 6 and less is written out, or short.
constexpr double kLaneTreeNs = 16, kLaneLeafNs = 0.7, kLaneShallowLeafNs = 0.45;
constexpr double kLaneSumNs = 0.1, kLaneSumsNs = 0.35;
// A call of it needs memory; but ranks for one row take more time than its share of those for many.
constexpr double kLaneCallNs = 200, kRowAloneNs = 14;
constexpr std::size_t kLaneVectors = 4;
// What it competes with. A walk tests the nodes of a row's path.
constexpr double kSlotStepNs = 0.95, kNodeStepNs = 1.1;
constexpr std::size_t kLeavesMatched = 8;
// What differs.
struct TargetCosts {
  double one_register, four_registers, lane_leaf;  // factors
  double bit_walk_ns, leaf_match_ns;               // the latter for every eight leaves
};
constexpr TargetCosts kBytes16 = {1.2, 2.0, 1, 3.2, 1.05}, kBytes32 = {1, 2.2, 1, 1.8, 0.67},
                      kBytes64 = {1, 2.2, 1.3, 1.12, 0.52};
const TargetCosts& CostsOf(std::size_t lane_bytes) {
  return lane_bytes >= 64 ? kBytes64 : lane_bytes >= 32 ? kBytes32 : kBytes16;
}
// One small tree and many features: the ranks would cost more than the walk they save.
constexpr double kPlainStepNs = 4, kRankNs = 3;
// Small trees, each by all of its tests at once.
constexpr double kSmallTreeNs = 2, kGroupStepNs = 1.5;
// Groups have to be clearly faster than one layout for all: they take memory for each.
constexpr double kGroupsGain = 0.75;

bool RanksPay(const Shape& shape) {
  const double walk = static_cast<double>(shape.n_trees) * shape.path_mean * kPlainStepNs;
  return static_cast<double>(shape.n_columns) * kRankNs < walk;
}

LayoutKind AllTogether(const Shape& shape) {
  if (shape.n_columns == 0 || !RanksPay(shape)) return LayoutKind::kPlainWalk;
  const bool small = shape.rank_max <= kRank8Max;
  if (small && shape.leaves_max <= kLeafMatchLeavesMax) return LayoutKind::kLeafMatch;
  if (small && shape.depth_max <= kBitWalkDepthMax) return LayoutKind::kBitWalk;
  const bool pages = shape.rank_max <= kSlotRankMax && shape.n_columns <= kSlotColumnsMax;
  return pages ? LayoutKind::kSlot4 : LayoutKind::kNode8;
}

LayoutKind ForOneRow(const Shape& shape) {
  return shape.n_groups > 1 ? LayoutKind::kGroups : AllTogether(shape);
}

// What a tree takes for one row by a layout of few rows.
double TreeNs(const Shape& shape, LayoutKind layout, const TargetCosts& costs) {
  switch (layout) {
    case LayoutKind::kLeafMatch:
      return costs.leaf_match_ns *
             static_cast<double>((shape.leaves_max + kLeavesMatched - 1) / kLeavesMatched);
    case LayoutKind::kBitWalk:
      return costs.bit_walk_ns;
    case LayoutKind::kSlot4:
      return shape.path_mean * kSlotStepNs;
    default:
      return shape.path_mean * kNodeStepNs;
  }
}

// From how many rows on lane select pays against `few`: of those of one register or, where that is
// full too early, of four; nothing if it never does.
std::optional<Plan::Choice> LanesFor(const Shape& shape, LayoutKind few, std::size_t lane_bytes) {
  const bool narrow = shape.rank_max <= kRank8Max && shape.leaves_max <= kLane8LeavesMax;
  if (shape.rank_max > kRank16Max || shape.leaves_max > kLane16LeavesMax) return std::nullopt;
  if (shape.n_columns > kLaneColumnsMax) return std::nullopt;
  const TargetCosts& costs = CostsOf(lane_bytes);
  const double leaf_ns = shape.depth_max <= kBitWalkDepthMax ? kLaneShallowLeafNs : kLaneLeafNs;
  const double tests_ns = kLaneTreeNs + leaf_ns * costs.lane_leaf * shape.leaves_mean;
  const double sum_ns = shape.n_outputs > 1 ? kLaneSumsNs : kLaneSumNs;
  const auto n_trees = static_cast<double>(shape.n_trees);
  const double row_ns = n_trees * TreeNs(shape, few, costs) + kRowAloneNs;
  const auto rows_min = [&](double registers, std::size_t rows) {
    const double group_ns = registers * tests_ns + sum_ns * static_cast<double>(rows);
    return static_cast<std::size_t>(std::ceil((kLaneCallNs + n_trees * group_ns) / row_ns));
  };
  const std::size_t one = narrow ? lane_bytes : lane_bytes / 2, four = kLaneVectors * one;
  if (const std::size_t n = rows_min(costs.one_register, one); n <= one) {
    return Plan::Choice{std::max<std::size_t>(n, 2), LayoutKind::kLaneSelect, one};
  }
  const std::size_t n = std::max(rows_min(costs.four_registers, four), four / 2 + 1);
  if (n > four) return std::nullopt;
  return Plan::Choice{n, LayoutKind::kLaneSelect, four};
}

}  // namespace

bool Shape::GroupsMayPay() const {
  const LayoutKind together = AllTogether(*this);
  return together == LayoutKind::kSlot4 || together == LayoutKind::kNode8;
}

void Shape::TryGroups(std::span<const TreeGroup> groups) {
  const auto number = [](std::size_t n) { return static_cast<double>(n); };
  const double walk = path_mean * kGroupStepNs;
  double together = number(n_columns) * kRankNs + number(n_trees) * walk, apart = 0;
  std::size_t small = 0;
  for (const TreeGroup& group : groups) {
    apart += number(group.n_features) * kRankNs +
             number(group.trees.size()) * (group.is_small ? kSmallTreeNs : walk);
    if (group.is_small) small += group.trees.size();
  }
  if (apart >= kGroupsGain * together) return;
  n_groups = groups.size();
  n_small = small;
}

Shape Shape::Of(const Forest& forest, TreeRange trees, const Columns* columns) {
  const ForestParts& parts = forest.parts();
  Shape shape;
  shape.n_trees = trees.size();
  shape.n_outputs = forest.n_outputs();
  const std::size_t first = parts.tree_begin[trees.begin];
  // Nodes on the way to each, itself included.
  std::vector<std::uint32_t> depth(parts.tree_begin[trees.end] - first, 1);
  double ends = 0, steps = 0;
  for (std::size_t t = trees.begin; t < trees.end; ++t) {
    const std::size_t n_nodes = parts.tree_begin[t + 1] - parts.tree_begin[t];
    shape.leaves_max = std::max(shape.leaves_max, n_nodes + 1);
    ends += static_cast<double>(n_nodes + 1);
  }
  for (std::size_t i = 0; i < depth.size(); ++i) {
    shape.depth_max = std::max<std::size_t>(shape.depth_max, depth[i]);
    for (const std::int32_t child : {parts.left[first + i], parts.right[first + i]}) {
      if (child >= 0) {
        depth[static_cast<std::size_t>(child) - first] = depth[i] + 1;
      } else {
        steps += depth[i];
      }
    }
  }
  if (ends > 0) {
    shape.leaves_mean = ends / static_cast<double>(shape.n_trees);
    shape.path_mean = steps / ends;
  }
  if (columns != nullptr) {
    shape.n_features = columns->ranked.size() + columns->categories.size();
    shape.n_columns = columns->n_columns;
    shape.rank_max = columns->rank_max;
  }
  return shape;
}

std::vector<Plan::Choice> Choose(const Shape& shape, std::size_t lane_bytes) {
  std::vector<Plan::Choice> choices = {{1, ForOneRow(shape)}};
  if (choices[0].layout == LayoutKind::kGroups) return choices;  // each group has lanes of its own
  if (choices[0].layout == LayoutKind::kPlainWalk) return choices;
  if (const auto lanes = LanesFor(shape, choices[0].layout, lane_bytes)) choices.push_back(*lanes);
  return choices;
}

std::string ReasonFor(const Shape& shape, LayoutKind layout) {
  const auto thresholds = text::Concat({shape.rank_max, " thresholds a feature"});
  switch (layout) {
    case LayoutKind::kPlainWalk:
      if (shape.n_columns == 0) return "its tests cannot be made ranks, or there are none";
      return text::Concat({"ranking ", shape.n_columns, " columns costs more than walking ",
                           shape.n_trees, " trees of ", shape.path_mean, " steps"});
    case LayoutKind::kLeafMatch:
      return text::Concat({"at most ", shape.leaves_max, " leaves a tree, ", thresholds,
                           ": one compare finds the leaf"});
    case LayoutKind::kBitWalk:
      return text::Concat({"depth ", shape.depth_max, ", ", thresholds,
                           ": all tests of a tree at once, then a walk over their bits"});
    case LayoutKind::kLaneSelect:
      return text::Concat({"up to ", shape.leaves_max, " leaves a tree, ", thresholds,
                           ": whole trees by compare and select, a lane a row"});
    case LayoutKind::kSlot4:
      return text::Concat({"depth ", shape.depth_max, ", up to ", shape.leaves_max,
                           " leaves a tree, ", thresholds,
                           ": four-byte nodes keep most of it in cache"});
    case LayoutKind::kGroups:
      return text::Concat({thresholds, " and up to ", shape.leaves_max, " leaves a tree: ",
                           shape.n_groups, " groups with ranks of their own make ", shape.n_small,
                           " of ", shape.n_trees, " trees small ones"});
    case LayoutKind::kNode8:
      return text::Concat({text::Concat({shape.n_columns}), " columns and ", thresholds,
                           " are more than four-byte nodes can name"});
  }
  return {};
}

std::vector<LayoutKind> WithFallbacks(LayoutKind kind) {
  using enum LayoutKind;
  std::vector<LayoutKind> kinds = {kind};
  if (kind == kPlainWalk) return kinds;
  if (kind != kSlot4 && kind != kNode8) kinds.push_back(kSlot4);
  if (kind != kNode8) kinds.push_back(kNode8);
  kinds.push_back(kPlainWalk);
  return kinds;
}

}  // namespace copse::plan
