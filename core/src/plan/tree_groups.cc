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

// The thresholds of some trees, feature by feature.
class KeySets {
 public:
  explicit KeySets(std::size_t n_features) : keys_(n_features) {}

  /// Adds the thresholds of nodes [begin, end), and says whether no feature has too many.
  bool Add(const ForestParts& parts, std::size_t begin, std::size_t end) {
    for (std::size_t node = begin; node < end; ++node) {
      std::vector<double>& keys = keys_[parts.feature[node]];
      if (keys.empty()) features_.push_back(parts.feature[node]);
      const double key = At(parts.threshold, node);
      const auto place = std::lower_bound(keys.begin(), keys.end(), key);
      if (place != keys.end() && *place == key) continue;
      keys.insert(place, key);
      if (keys.size() > kKeysMax) return false;
    }
    return true;
  }

  void Clear() {
    for (const std::size_t feature : features_) keys_[feature].clear();
    features_.clear();
  }

  std::size_t n_features() const { return features_.size(); }

 private:
  std::vector<std::vector<double>> keys_;
  std::vector<std::size_t> features_;  // that have keys
};

// The longest groups from the first tree on.
class Cutter {
 public:
  explicit Cutter(const Forest& forest) : forest_(forest), keys_(forest.n_features()) {}

  std::vector<TreeGroup> Cut(TreeRange trees) {
    first_ = trees.begin;
    for (std::size_t t = trees.begin; t < trees.end; ++t) Put(t);
    Close(trees.end);
    return std::move(groups_);
  }

 private:
  void Put(std::size_t tree) {
    const ForestParts& parts = forest_.parts();
    const std::size_t begin = parts.tree_begin[tree], end = parts.tree_begin[tree + 1];
    const bool matches = end - begin <= kMatchNodesMax;
    const bool walks = SmallDepthOf(forest_, tree, depths_) <= kSmallDepthMax;
    if ((all_match_ && matches) || (all_walk_ && walks)) {
      if (keys_.Add(parts, begin, end)) {
        all_match_ = all_match_ && matches;
        all_walk_ = all_walk_ && walks;
        return;
      }
    }
    Close(tree);
    all_match_ = matches;
    all_walk_ = walks;
    if (matches || walks) keys_.Add(parts, begin, end);
  }

  // Ends the group that began at first_.
  void Close(std::size_t end) {
    if (end == first_) return;
    const std::size_t n_trees = end - first_;
    const std::size_t n_features = keys_.n_features();
    const bool is_small =
        (all_match_ || all_walk_) && n_features > 0 && n_trees * kTreeNs > n_features * kRankNs;
    if (!is_small && !groups_.empty() && !groups_.back().is_small) {
      groups_.back().trees.end = end;
      groups_.back().n_features = std::max(groups_.back().n_features, n_features);
    } else {
      groups_.push_back({{first_, end}, is_small, n_features});
    }
    first_ = end;
    keys_.Clear();
  }

  const Forest& forest_;
  KeySets keys_;
  std::vector<TreeGroup> groups_;
  std::vector<std::uint8_t> depths_;
  std::size_t first_ = 0;
  bool all_match_ = true, all_walk_ = true;  // of the trees from first_ on
};

}  // namespace

std::vector<TreeGroup> GroupTrees(const Forest& forest, TreeRange trees) {
  return Cutter(forest).Cut(trees);
}

}  // namespace copse::plan
