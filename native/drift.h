#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "copse/model.h"
#include "drift_baseline.h"

namespace copse {

/// Compares the rows that a model is asked about with those that it was trained with. Thread-safe.
class Drift {
 public:
  /// Rows of a half of the window: the index is of the last 10,000 to 20,000 rows.
  static constexpr std::uint64_t kHalfWindowRows = 10'000;

  struct FeatureState {
    std::uint64_t below = 0, above = 0;  ///< of the training range
    std::uint64_t missing = 0;
    /// Population stability index of the window: the sum over bins of (live share - training
    /// share) * ln(live share / training share), shares taken as at least 0.0001. By custom, above
    /// 0.1 is a shift and above 0.25 a large one; of n rows of the very same kind about
    /// (bins - 1) / n are to be expected. NaN: no training data to compare with, or no rows.
    double psi = std::numeric_limits<double>::quiet_NaN();
  };
  struct Snapshot {
    BaselineSource source = BaselineSource::kNone;
    std::uint64_t rows = 0;         ///< since the model was loaded
    std::uint64_t window_rows = 0;  ///< that psi is about
    std::vector<FeatureState> features;
  };

  /// `model` must outlive this.
  explicit Drift(const Model& model);

  /// Rows [n, n_features] that were asked about.
  void Note(std::span<const double> rows);
  Snapshot Now() const;

 private:
  struct Half {
    std::uint64_t rows = 0;
    std::vector<std::uint32_t> bins;  ///< of all features, one after the other; the last is missing
  };

  void NotePart(std::span<const double> rows);
  void NoteValue(std::size_t feature, double value);
  double PsiOf(std::size_t feature) const;

  const bool is_float32_;
  const DriftBaseline baseline_;
  std::vector<std::size_t> bin_begin_;  ///< [n_features + 1] in Half::bins
  mutable std::mutex mutex_;
  std::uint64_t rows_ = 0;
  std::vector<FeatureState> counts_;
  std::array<Half, 2> halves_;  ///< the one that is being filled, and the one before
};

}  // namespace copse
