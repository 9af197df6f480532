#include "explain/tree_shap.h"

#include <algorithm>
#include <utility>

#include "explain/covers.h"
#include "text.h"
#include "walk.h"

namespace copse::explain {
namespace {

constexpr std::size_t kPathFeaturesMax = 512;
/// 256 MB of scratch memory for a row.
constexpr std::size_t kScratchPairsMax = std::size_t{1} << 24;

Pair Both(double x) { return Pair{x, x}; }

std::size_t Index(std::int32_t child) { return static_cast<std::size_t>(child); }

}  // namespace

/// Goes once through every tree, and knows what was tested on the way to each node.
class TreeShap::Survey {
 public:
  Survey(TreeShap& shap, std::span<const double> left_share)
      : shap_(shap),
        parts_(shap.forest_->parts()),
        left_share_(left_share),
        prior_(parts_.n_features, 1),
        edge_(parts_.n_features, -1) {}

  /// Fills the splits of `tree`; how deep it is, and how many features a path tests at most.
  std::pair<std::size_t, std::size_t> Look(std::size_t tree) {
    most_ = distinct_ = 0;
    begin_ = parts_.tree_begin[tree];
    std::size_t deepest = 0;
    open_.clear();
    Enter(parts_.tree_root[tree]);
    while (!open_.empty()) {
      deepest = std::max(deepest, open_.size());
      Open& last = open_.back();
      if (last.stage == 2) {
        Leave(last.node);
        open_.pop_back();
        continue;
      }
      const bool right = last.stage++ == 1;
      Enter(Pass(last.node, right));
    }
    return {deepest, most_};
  }

 private:
  struct Open {
    std::size_t node;
    int stage;
  };

  void Enter(std::int32_t child) {
    if (child < 0) return;
    const std::size_t node = Index(child);
    const std::size_t feature = parts_.feature[node];
    shap_.splits_[node] = {left_share_[node], prior_[feature], edge_[feature]};
    if (edge_[feature] < 0) most_ = std::max(most_, ++distinct_);
    open_.push_back({node, 0});
  }

  std::int32_t Pass(std::size_t node, bool right) {
    const Split& split = shap_.splits_[node];
    const std::size_t feature = parts_.feature[node];
    prior_[feature] = split.prior * (right ? 1 - split.left_share : split.left_share);
    edge_[feature] = static_cast<std::int32_t>(2 * (node - begin_) + (right ? 1 : 0));
    return right ? parts_.right[node] : parts_.left[node];
  }

  void Leave(std::size_t node) {
    const Split& split = shap_.splits_[node];
    prior_[parts_.feature[node]] = split.prior;
    edge_[parts_.feature[node]] = split.prior_edge;
    if (split.prior_edge < 0) --distinct_;
  }

  TreeShap& shap_;
  const ForestParts& parts_;
  std::span<const double> left_share_;
  std::vector<double> prior_;       // [n_features] on the way to the last open node
  std::vector<std::int32_t> edge_;  // [n_features] Split::prior_edge
  std::vector<Open> open_;
  std::size_t begin_ = 0, distinct_ = 0, most_ = 0;
};

Result<TreeShap> TreeShap::Create(const Forest& forest, std::vector<double> left_share) {
  TreeShap shap(forest);
  shap.splits_.resize(forest.n_nodes());
  Survey survey(shap, left_share);
  const std::size_t width = forest.parts().leaf_width;
  for (std::size_t t = 0; t < forest.n_trees(); ++t) {
    const auto [depth, n_distinct] = survey.Look(t);
    if (n_distinct > kPathFeaturesMax) {
      return text::TooLarge({"tree ", t, " tests ", n_distinct,
                             " different features on one path, and contributions are worked out "
                             "for at most ",
                             kPathFeaturesMax, "; the method \"saabas\" has no such limit"});
    }
    const std::size_t n_halves = std::max<std::size_t>(1, (n_distinct + 3) / 4);
    const std::size_t n_nodes = forest.parts().tree_begin[t + 1] - forest.parts().tree_begin[t];
    const std::size_t n_pairs = depth * n_halves * (4 + 2 * width);
    if (n_pairs > kScratchPairsMax) {
      return text::TooLarge({"tree ", t, " is ", depth, " nodes deep with ", width,
                             " values in each leaf, and its contributions would take more than ",
                             kScratchPairsMax * sizeof(Pair),
                             " bytes; the method \"saabas\" has no such limit"});
    }
    shap.trees_.push_back(
        {static_cast<std::uint32_t>(depth), static_cast<std::uint32_t>(n_halves)});
    if (shap.rules_.size() <= n_halves) shap.rules_.resize(n_halves + 1);
    if (shap.rules_[n_halves].t.empty()) shap.rules_[n_halves] = GaussLegendre(2 * n_halves);
    shap.cost_ += n_nodes * n_halves * 2 * (4 + 3 * width);
    shap.scratch_pairs_ = std::max(shap.scratch_pairs_, n_pairs);
    shap.scratch_levels_ = std::max(shap.scratch_levels_, depth);
    shap.scratch_nodes_ = std::max(shap.scratch_nodes_, n_nodes);
  }
  return shap;
}

TreeShap::Scratch TreeShap::MakeScratch() const {
  return {std::vector<Pair>(scratch_pairs_), std::vector<std::uint8_t>(scratch_nodes_),
          std::vector<std::int32_t>(scratch_levels_), std::vector<std::uint8_t>(scratch_levels_)};
}

/// One row in one tree, depth first.
///
/// Down: the product of all factors above a node, and the weights of the points. Up: what the leaves
/// below add up to with the factors between, U. A split is the only place where its feature's factor
/// changes from F to (share (1 - t) + o t), so that its feature is owed, with the shares W of the
/// feature so far, W_cold sum over points (weight product / F^2) (U_hot - U_cold): the terms
/// (o - W) / F of the sides, less what the split above on the same feature was given for them.
/// Where the row has left the tree by this feature before, the split is only a weighing.
class TreeShap::Walk {
 public:
  Walk(const TreeShap& shap, std::size_t tree, const double* row, std::span<double> out,
       Scratch& scratch)
      : forest_(*shap.forest_),
        parts_(forest_.parts()),
        splits_(shap.splits_.data() + parts_.tree_begin[tree]),
        begin_(parts_.tree_begin[tree]),
        n_(shap.trees_[tree].n_halves),
        rule_(shap.rules_[n_]),
        row_(row),
        out_(out.data() + (parts_.tree_output.empty() ? 0 : parts_.tree_output[tree]) *
                              (parts_.n_features + 1)),
        scratch_(scratch),
        to_float_(forest_.rules().input == Precision::kFloat32) {}

  void Run(std::int32_t root) {
    std::size_t level = 0;
    scratch_.node[0] = root;
    scratch_.stage[0] = 0;
    std::copy(rule_.weight.begin(), rule_.weight.end(), Of(0).product);
    while (true) {
      const std::size_t node = Index(scratch_.node[level]);
      if (scratch_.stage[level] == 0) Enter(level, node);
      if (scratch_.stage[level] == 2) {
        Gather(level, node);
        if (level-- == 0) return;
        continue;
      }
      const bool right = scratch_.stage[level]++ == 1;
      const std::int32_t child = right ? parts_.right[node] : parts_.left[node];
      if (child < 0) continue;
      Descend(level, right);
      scratch_.node[++level] = child;
      scratch_.stage[level] = 0;
    }
  }

 private:
  struct Level {
    Pair* product;        // [n] weight and all factors above
    Pair *left, *right;   // [n] factor of each side
    Pair* owed;           // [n] what a difference of the sides is owed to the feature
    Pair* below;          // [2, leaf_width, n] U of each side that is no leaf
  };

  Level Of(std::size_t level) const {
    Pair* at = scratch_.pairs.data() + level * n_ * (4 + 2 * parts_.leaf_width);
    return {at, at + n_, at + 2 * n_, at + 3 * n_, at + 4 * n_};
  }

  bool IsHot(const Split& split) const {
    if (split.prior_edge < 0) return true;
    return scratch_.state[Index(split.prior_edge >> 1)] == 1 + (split.prior_edge & 1);
  }

  // Which way the row goes, and the factors of both sides.
  void Enter(std::size_t level, std::size_t node) {
    const Split& split = splits_[node - begin_];
    const Level at = Of(level);
    std::uint8_t& state = scratch_.state[node - begin_];
    const double left_share = split.left_share, right_share = 1 - left_share;
    if (!IsHot(split)) {
      state = 0;
      std::fill(at.left, at.left + n_, Both(left_share));
      std::fill(at.right, at.right + n_, Both(right_share));
      return;
    }
    const double x = row_[parts_.feature[node]];
    const bool left = walk::GoesLeft(forest_, node, to_float_ ? static_cast<float>(x) : x);
    state = left ? 1 : 2;
    const Pair prior = Both(split.prior);
    const Pair hot = Both(split.prior * (left ? left_share : right_share));
    const Pair cold = Both(split.prior * (left ? right_share : left_share));
    Pair* const hot_factor = left ? at.left : at.right;
    Pair* const cold_factor = left ? at.right : at.left;
    const Pair sign = left ? cold : -cold;
    if (split.prior == 1) {
      for (std::size_t h = 0; h < n_; ++h) {
        hot_factor[h] = hot * rule_.rest[h] + rule_.t[h];
        cold_factor[h] = cold * rule_.rest[h];
        at.owed[h] = at.product[h] * sign;
      }
      return;
    }
    for (std::size_t h = 0; h < n_; ++h) {
      const Pair over = Both(1) / (prior * rule_.rest[h] + rule_.t[h]);
      hot_factor[h] = (hot * rule_.rest[h] + rule_.t[h]) * over;
      cold_factor[h] = cold * rule_.rest[h] * over;
      at.owed[h] = at.product[h] * over * over * sign;
    }
  }

  void Descend(std::size_t level, bool right) const {
    const Level at = Of(level);
    const Pair* const factor = right ? at.right : at.left;
    Pair* const product = Of(level + 1).product;
    for (std::size_t h = 0; h < n_; ++h) product[h] = at.product[h] * factor[h];
  }

  // One side of a node for output k: n pairs, or one again and again.
  struct Side {
    const Pair* at;
    std::size_t step;
  };

  Side SideOf(std::int32_t child, std::size_t k, const Pair* below, Pair& value) const {
    if (child >= 0) return {below + k * n_, 1};
    const std::size_t first = FirstValue(parts_, ~static_cast<std::uint32_t>(child));
    value = Both(At(parts_.leaf_value, first + k));
    return {&value, 0};
  }

  // Pays the feature, and hands what is below up to the level above.
  void Gather(std::size_t level, std::size_t node) const {
    const Level at = Of(level);
    const std::size_t width = parts_.leaf_width;
    const bool pays = scratch_.state[node - begin_] != 0;
    Pair* up = nullptr;
    if (level > 0) {
      up = Of(level - 1).below + (scratch_.stage[level - 1] == 2 ? width * n_ : 0);
    }
    double* const paid = out_ + parts_.feature[node];
    for (std::size_t k = 0; k < width; ++k) {
      Pair left_value, right_value;
      const Side left = SideOf(parts_.left[node], k, at.below, left_value);
      const Side right = SideOf(parts_.right[node], k, at.below + width * n_, right_value);
      if (pays) paid[k * (parts_.n_features + 1)] += Owed(at.owed, left, right);
      if (up == nullptr) continue;
      for (std::size_t h = 0; h < n_; ++h) {
        up[k * n_ + h] =
            at.left[h] * left.at[h * left.step] + at.right[h] * right.at[h * right.step];
      }
    }
  }

  double Owed(const Pair* owed, const Side& left, const Side& right) const {
    Pair sum = Both(0);
    for (std::size_t h = 0; h < n_; ++h) {
      sum += owed[h] * (left.at[h * left.step] - right.at[h * right.step]);
    }
    return sum[0] + sum[1];
  }

  const Forest& forest_;
  const ForestParts& parts_;
  const Split* splits_;
  std::size_t begin_, n_;
  const Quadrature& rule_;
  const double* row_;
  double* out_;
  Scratch& scratch_;
  bool to_float_;
};

void TreeShap::AddRow(const double* row, std::span<double> out, Scratch& scratch) const {
  const ForestParts& parts = forest_->parts();
  for (std::size_t t = 0; t < trees_.size(); ++t) {
    if (parts.tree_root[t] >= 0) Walk(*this, t, row, out, scratch).Run(parts.tree_root[t]);
  }
}

}  // namespace copse::explain
