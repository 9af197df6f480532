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
                             " different features on one path, and at most ", kPathFeaturesMax,
                             " can be explained; the method \"saabas\" has no such limit"});
    }
    const std::size_t n_halves = std::max<std::size_t>(1, (n_distinct + 3) / 4);
    const std::size_t n_nodes = forest.parts().tree_begin[t + 1] - forest.parts().tree_begin[t];
    const std::size_t n_pairs = n_halves * (2 * width + depth * (4 + 2 * width));
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
          std::vector<Step>(scratch_levels_)};
}

/// One row in one tree, depth first.
///
/// Down: the product of all factors above a node, and the weights of the points. Up: what the
/// leaves below add up to with the factors between, U. A split is the only place where its
/// feature's factor changes from F to (share (1 - t) + o t), so that its feature is owed, with the
/// shares W of the feature so far, W_cold sum over points (weight product / F^2) (U_hot - U_cold):
/// the terms (o - W) / F of the sides, less what the split above on the same feature was given for
/// them. Where the row has left the tree by this feature before, the split is only a weighing.
/// (Members are copied before a loop that writes pairs: to clang, these may be anything's bytes.)
class TreeShap::Walk {
 public:
  Walk(const TreeShap& shap, std::size_t tree, const double* row, std::span<double> out,
       Scratch& scratch)
      : forest_(*shap.forest_),
        parts_(forest_.parts()),
        begin_(parts_.tree_begin[tree]),
        splits_(shap.splits_.data() + begin_),
        rule_(shap.rules_[shap.trees_[tree].n_halves]),
        n_(shap.trees_[tree].n_halves),
        width_(parts_.leaf_width),
        stride_(parts_.n_features + 1),
        row_(row),
        to_float_(forest_.rules().input == Precision::kFloat32),
        out_(out.data() + (parts_.tree_output.empty() ? 0 : parts_.tree_output[tree]) * stride_),
        scratch_(scratch),
        at_(scratch.pairs.data() + below_size()) {
    const auto* doubles = std::get_if<std::vector<double>>(&parts_.leaf_value);
    if (doubles != nullptr) doubles_ = doubles->data();
  }

  void Run(std::int32_t root) {
    Step* step = scratch_.steps.data();
    *step = {Index(root), false};
    std::copy(rule_.weight.begin(), rule_.weight.end(), product());
    while (true) {
      Enter(step->node);
      step->right = false;
      std::int32_t child = parts_.left[step->node];
      // No node on this side, or all below it done: the other side, and then up.
      while (child < 0) {
        if (!step->right) {
          step->right = true;
          child = parts_.right[step->node];
          continue;
        }
        Gather(step->node, step != scratch_.steps.data() && (step - 1)->right);
        if (step-- == scratch_.steps.data()) return;
        at_ -= level_size();
      }
      const Pair* const factor = step->right ? right() : left();
      const Pair* const above = product();
      at_ += level_size();
      Pair* const next = product();
      for (std::size_t h = 0, n = n_; h < n; ++h) next[h] = above[h] * factor[h];
      *++step = {Index(child), false};
    }
  }

 private:
  // The numbers of one level, one after another, each n_ but the last:
  Pair* product() const { return at_; }    // weight and all factors above
  Pair* left() const { return at_ + n_; }  // factor of each side
  Pair* right() const { return at_ + 2 * n_; }
  Pair* owed() const { return at_ + 3 * n_; }   // what a difference of the sides owes the feature
  Pair* below() const { return at_ + 4 * n_; }  // [2, width_, n_] U of each side that is no leaf
  Pair* above() const { return at_ - below_size(); }  // `below` of the level above
  std::size_t below_size() const { return 2 * n_ * width_; }
  std::size_t level_size() const { return 4 * n_ + below_size(); }

  bool IsHot(const Split& split) const {
    if (split.prior_edge < 0) return true;
    return scratch_.state[Index(split.prior_edge >> 1)] == 1 + (split.prior_edge & 1);
  }

  // Which way the row goes, and the factors of both sides.
  void Enter(std::size_t node) {
    const Split& split = splits_[node - begin_];
    const double left_share = split.left_share, right_share = 1 - left_share;
    std::uint8_t& state = scratch_.state[node - begin_];
    if (!IsHot(split)) {
      state = 0;
      std::fill(left(), left() + n_, Both(left_share));
      std::fill(right(), right() + n_, Both(right_share));
      std::fill(owed(), owed() + n_, Both(0));
      return;
    }
    const double x = row_[parts_.feature[node]];
    const bool goes_left = walk::GoesLeft(forest_, node, to_float_ ? static_cast<float>(x) : x);
    state = goes_left ? 1 : 2;
    const Pair prior = Both(split.prior);
    const Pair hot = Both(split.prior * (goes_left ? left_share : right_share));
    const Pair cold = Both(split.prior * (goes_left ? right_share : left_share));
    const Pair sign = goes_left ? cold : -cold;
    Pair* const hot_factor = goes_left ? left() : right();
    Pair* const cold_factor = goes_left ? right() : left();
    Pair* const owed = this->owed();
    const Pair *const product = this->product(), *const t = rule_.t.data();
    const Pair* const rest = rule_.rest.data();
    const std::size_t n = n_;
    if (split.prior == 1) {
      for (std::size_t h = 0; h < n; ++h) {
        hot_factor[h] = hot * rest[h] + t[h];
        cold_factor[h] = cold * rest[h];
        owed[h] = product[h] * sign;
      }
      return;
    }
    for (std::size_t h = 0; h < n; ++h) {
      const Pair over = Both(1) / (prior * rest[h] + t[h]);
      hot_factor[h] = (hot * rest[h] + t[h]) * over;
      cold_factor[h] = cold * rest[h] * over;
      owed[h] = product[h] * over * over * sign;
    }
  }

  // Value k of a leaf.
  double ValueOf(std::int32_t leaf, std::size_t k) const {
    const std::size_t at = FirstValue(parts_, ~static_cast<std::uint32_t>(leaf)) + k;
    return doubles_ != nullptr ? doubles_[at] : At(parts_.leaf_value, at);
  }

  // One side of a node for output k: n_ pairs, or one again and again.
  struct Side {
    const Pair* at;
    std::size_t step;
  };

  Side SideOf(std::int32_t child, std::size_t k, const Pair* inner, Pair& value) const {
    if (child >= 0) return {inner + k * n_, 1};
    value = Both(ValueOf(child, k));
    return {&value, 0};
  }

  // Pays the feature, and hands what is below up to a side of the level above. (Above the root is a
  // place for nobody.)
  void Gather(std::size_t node, bool is_right) const {
    Pair* const up = above() + (is_right ? width_ * n_ : 0);
    double* const paid = out_ + parts_.feature[node];
    const std::int32_t on_left = parts_.left[node], on_right = parts_.right[node];
    if ((on_left & on_right) < 0) return GatherLeaves(on_left, on_right, up, paid);
    const Pair *const owed = this->owed(), *const left = this->left(), *const right = this->right();
    const Pair *const inner_left = below(), *const inner_right = inner_left + width_ * n_;
    const std::size_t n = n_, width = width_, stride = stride_;
    for (std::size_t k = 0; k < width; ++k) {
      Pair left_value, right_value;
      const Side l = SideOf(on_left, k, inner_left, left_value);
      const Side r = SideOf(on_right, k, inner_right, right_value);
      Pair sum = Both(0);
      for (std::size_t h = 0; h < n; ++h) {
        const Pair x = l.at[h * l.step], y = r.at[h * r.step];
        sum += owed[h] * (x - y);
        up[k * n + h] = left[h] * x + right[h] * y;
      }
      paid[k * stride] += sum[0] + sum[1];
    }
  }

  // The same where both sides are leaves, as at half of all nodes: with less work.
  void GatherLeaves(std::int32_t on_left, std::int32_t on_right, Pair* up, double* paid) const {
    const Pair *const owed = this->owed(), *const left = this->left(), *const right = this->right();
    const std::size_t n = n_, width = width_, stride = stride_;
    Pair sum = Both(0);
    for (std::size_t h = 0; h < n; ++h) sum += owed[h];
    for (std::size_t k = 0; k < width; ++k) {
      const double x = ValueOf(on_left, k), y = ValueOf(on_right, k);
      for (std::size_t h = 0; h < n; ++h) up[k * n + h] = left[h] * Both(x) + right[h] * Both(y);
      paid[k * stride] += (sum[0] + sum[1]) * (x - y);
    }
  }

  const Forest& forest_;
  const ForestParts& parts_;
  const std::size_t begin_;
  const Split* const splits_;
  const Quadrature& rule_;
  const std::size_t n_, width_, stride_;
  const double* const row_;
  const bool to_float_;
  double* const out_;
  const double* doubles_ = nullptr;  // the leaf values, where they are doubles
  Scratch& scratch_;
  Pair* at_;  // the level
};

void TreeShap::AddRow(const double* row, std::span<double> out, Scratch& scratch) const {
  const ForestParts& parts = forest_->parts();
  for (std::size_t t = 0; t < trees_.size(); ++t) {
    if (parts.tree_root[t] >= 0) Walk(*this, t, row, out, scratch).Run(parts.tree_root[t]);
  }
}

}  // namespace copse::explain
