#pragma once

#include <cstddef>
#include <limits>
#include <string_view>
#include <vector>

#include "copse/model.h"

namespace copse {

/// What a model's file says about the values that one feature had in training.
struct FeatureBaseline {
  /// The range; NaN is unknown.
  double min = std::numeric_limits<double>::quiet_NaN();
  double max = std::numeric_limits<double>::quiet_NaN();
  /// Bounds of bins, rising: bin k holds edges[k-1] < x <= edges[k]; one bin more than bounds.
  std::vector<double> edges;
  std::vector<double> shares;  ///< [bins] of the values that were there; empty: not known
  /// Of all rows, those without a value; NaN is unknown.
  double missing_share = std::numeric_limits<double>::quiet_NaN();
};

enum class BaselineSource : std::uint8_t {
  kNone,        ///< only ranges, if anything
  kHistograms,  ///< `training_histograms` in the file's metadata (docs/FORMAT.md)
  kTrees,       ///< the tests at the roots of trees
};
/// "none" "histograms" "trees".
std::string_view BaselineSourceName(BaselineSource source);

/// Of every feature of a model.
struct DriftBaseline {
  BaselineSource source = BaselineSource::kNone;
  std::vector<FeatureBaseline> features;  ///< [n_features]

  /// From histograms if the file has them, each as long as its feature demands; else from the
  /// trees: a root that tests `x <= t` and knows how much of the training data went either way
  /// tells the share of training values up to t. The roots of a random forest tell many such
  /// points for each feature that matters. Boosters whose weights are second derivatives tell the
  /// truth in their first round only. Thread-safe.
  static DriftBaseline Of(const Model& model);
};

}  // namespace copse
