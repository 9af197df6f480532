#include "plan/tree_groups.h"

#include <algorithm>
#include <cstdint>

#include "plan/tree_depth.h"

namespace copse::plan {
namespace {

constexpr std::size_t kKeysMax = 255;       // of a feature, in ranks of a byte
constexpr std::size_t kMatchNodesMax = 31;  // of a tree that leaf match holds
// What a group has to save: the ranks of a row again for each, against steps of the walk.
constexpr std::size_t kRankNs = 3, kTreeNs = 5;

// Every group looks at all features once, to be made: that is to stay in the measure of the file.
constexpr std::size_t kLooksMin = std::size_t{1} << 20, kLooksPerNode = 4;

// The thresholds of some trees, feature by feature.
class KeySets {
 public:
  explicit KeySets(std::size_t n_features) : keys_(n_features), is_tested_(n_features) {}

  /// Adds the features and thresholds of nodes [begin, end), and says whether no feature has too
  /// many. If one has, what was added so far stays.
  bool Add(const ForestParts& parts, std::size_t begin, std::size_t end) {
    for (std::size_t node = begin; node < end; ++node) {
      std::vector<double>& keys = keys_[parts.feature[node]];
      const double key = At(parts.threshold, node);
      const auto place = std::lower_bound(keys.begin(), keys.end(), key);
      if (place != keys.end() && *place == key) continue;
      if (keys.size() == kKeysMax) return false;
      AddFeature(parts.feature[node]);
      keys.insert(place, key);
    }
    return true;
  }

  /// Their features alone.
  void AddFeatures(const ForestParts& parts, std::size_t begin, std::size_t end) {
    for (std::size_t node = begin; node < end; ++node) AddFeature(parts.feature[node]);
  }

  void Clear() {
    for (const std::size_t feature : features_) {
      keys_[feature].clear();
      is_tested_[feature] = false;
    }
    features_.clear();
  }

  std::size_t n_features() const { return features_.size(); }

 private:
  void AddFeature(std::size_t feature) {
    if (is_tested_[feature]) return;
    is_tested_[feature] = true;
    features_.push_back(feature);
  }

  std::vector<std::vector<double>> keys_;
  std::vector<bool> is_tested_;
  std::vector<std::size_t> features_;
};

// The longest groups from the first tree on.
class Cutter {
 public:
  explicit Cutter(const Forest& forest) : forest_(forest), keys_(forest.n_features()) {}

  std::vector<TreeGroup> Cut(TreeRange trees) {
    first_ = trees.begin;
    for (std::size_t t = trees.begin; t < trees.end; ++t) {
      if (Joins(t)) continue;
      Close(t);
      Joins(t);
    }
    Close(trees.end);
    return std::move(groups_);
  }

 private:
  // Whether the group that is growing can hold this tree as well; then it does. Every first tree
  // can.
  bool Joins(std::size_t tree) {
    const ForestParts& parts = forest_.parts();
    const std::size_t begin = parts.tree_begin[tree], end = parts.tree_begin[tree + 1];
    const bool matches = end - begin <= kMatchNodesMax;
    const bool walks = SmallDepthOf(forest_, tree, depths_) <= kSmallDepthMax;
    if (matches || walks) {
      if (!(all_match_ && matches) && !(all_walk_ && walks)) return false;
      if (!keys_.Add(parts, begin, end)) return false;
    } else {
      if (tree != first_ && (all_match_ || all_walk_)) return false;
      keys_.AddFeatures(parts, begin, end);
    }
    all_match_ = all_match_ && matches;
    all_walk_ = all_walk_ && walks;
    n_features_ = keys_.n_features();
    return true;
  }

  // Ends the group that began at first_, and begins the next.
  void Close(std::size_t end) {
    if (end == first_) return;
    const std::size_t n_trees = end - first_;
    const bool is_small =
        (all_match_ || all_walk_) && n_features_ > 0 && n_trees * kTreeNs > n_features_ * kRankNs;
    if (!is_small && !groups_.empty() && !groups_.back().is_small) {
      TreeGroup& last = groups_.back();
      last.trees.end = end;
      last.n_features = std::min(last.n_features + n_features_, forest_.n_features());
    } else {
      groups_.push_back({{first_, end}, is_small, n_features_});
    }
    first_ = end;
    keys_.Clear();
    n_features_ = 0;
    all_match_ = all_walk_ = true;
  }

  const Forest& forest_;
  KeySets keys_;
  std::vector<TreeGroup> groups_;
  std::vector<std::uint8_t> depths_;
  // The group that is growing: its first tree, the features that its trees test, and whether a
  // layout of small trees holds them.
  std::size_t first_ = 0;
  std::size_t n_features_ = 0;
  bool all_match_ = true, all_walk_ = true;
};

}  // namespace

std::vector<TreeGroup> GroupTrees(const Forest& forest, TreeRange trees) {
  const auto& begin = forest.parts().tree_begin;
  const std::size_t n_nodes = begin[trees.end] - begin[trees.begin];
  const std::size_t n_looks_max = std::max(kLooksMin, kLooksPerNode * n_nodes);
  std::vector<TreeGroup> groups;
  if (forest.n_features() <= n_looks_max) groups = Cutter(forest).Cut(trees);
  // More than std::size_t holds where that has 32 bits.
  const std::uint64_t n_looks = std::uint64_t{groups.size()} * forest.n_features();
  if (trees.size() > 0 && (groups.empty() || n_looks > n_looks_max)) {
    return {{trees, false, forest.n_features()}};
  }
  return groups;
}

}  // namespace copse::plan
