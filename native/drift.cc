#include "drift.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace copse {
namespace {

// What shares are taken as at least: the logarithm of an empty bin would be infinite.
constexpr double kShareMin = 1e-4;

constexpr std::size_t kValuesAtOnce = 16'384;

double Term(double live, double trained) {
  live = std::max(live, kShareMin);
  trained = std::max(trained, kShareMin);
  return (live - trained) * std::log(live / trained);
}

}  // namespace

Drift::Drift(const Model& model)
    : is_float32_(model.input() == Precision::kFloat32),
      baseline_(DriftBaseline::Of(model)),
      counts_(model.n_features()) {
  bin_begin_.push_back(0);
  for (const FeatureBaseline& feature : baseline_.features) {
    const std::size_t n_bins = feature.shares.empty() ? 0 : feature.shares.size() + 1;
    bin_begin_.push_back(bin_begin_.back() + n_bins);
  }
  for (Half& half : halves_) half.bins.assign(bin_begin_.back(), 0);
}

void Drift::NoteValue(std::size_t feature, double value) {
  const FeatureBaseline& baseline = baseline_.features[feature];
  FeatureState& count = counts_[feature];
  const bool has_bins = !baseline.shares.empty();
  std::uint32_t* const bins = halves_[0].bins.data() + bin_begin_[feature];
  if (std::isnan(value)) {
    ++count.missing;
    if (has_bins) ++bins[baseline.shares.size()];
    return;
  }
  if (value < baseline.min) ++count.below;
  if (value > baseline.max) ++count.above;
  if (!has_bins) return;
  // As the model reads it.
  const double read = is_float32_ ? static_cast<double>(static_cast<float>(value)) : value;
  const auto edge = std::lower_bound(baseline.edges.begin(), baseline.edges.end(), read);
  ++bins[edge - baseline.edges.begin()];
}

void Drift::Note(std::span<const double> rows) {
  const std::size_t n_features = counts_.size();
  if (n_features == 0) return;
  // Other requests get their turn between the parts of a long one.
  const std::size_t part = n_features * std::max<std::size_t>(1, kValuesAtOnce / n_features);
  for (; rows.size() > part; rows = rows.subspan(part)) NotePart(rows.first(part));
  NotePart(rows);
}

void Drift::NotePart(std::span<const double> rows) {
  const std::size_t n_features = counts_.size();
  const std::lock_guard lock(mutex_);
  for (std::size_t at = 0; at + n_features <= rows.size(); at += n_features) {
    for (std::size_t f = 0; f < n_features; ++f) NoteValue(f, rows[at + f]);
    ++rows_;
    if (++halves_[0].rows < kHalfWindowRows) continue;
    std::swap(halves_[0], halves_[1]);
    halves_[0].rows = 0;
    std::fill(halves_[0].bins.begin(), halves_[0].bins.end(), 0);
  }
}

double Drift::PsiOf(std::size_t feature) const {
  const FeatureBaseline& baseline = baseline_.features[feature];
  const std::size_t n_bins = baseline.shares.size();
  const auto count = [&](std::size_t bin) {
    const std::size_t at = bin_begin_[feature] + bin;
    return static_cast<double>(halves_[0].bins[at]) + static_cast<double>(halves_[1].bins[at]);
  };
  double present = 0;
  for (std::size_t bin = 0; bin < n_bins; ++bin) present += count(bin);
  const double missing = n_bins == 0 ? 0 : count(n_bins);
  // Where training says how many were missing, that is a bin as others are.
  const bool with_missing = !std::isnan(baseline.missing_share);
  const double total = with_missing ? present + missing : present;
  if (n_bins == 0 || total == 0) return std::numeric_limits<double>::quiet_NaN();
  const double trained_present = with_missing ? 1 - baseline.missing_share : 1;
  double psi = with_missing ? Term(missing / total, baseline.missing_share) : 0;
  for (std::size_t bin = 0; bin < n_bins; ++bin) {
    psi += Term(count(bin) / total, baseline.shares[bin] * trained_present);
  }
  return psi;
}

Drift::Snapshot Drift::Now() const {
  const std::lock_guard lock(mutex_);
  Snapshot snapshot{.source = baseline_.source,
                    .rows = rows_,
                    .window_rows = halves_[0].rows + halves_[1].rows,
                    .features = counts_};
  for (std::size_t f = 0; f < counts_.size(); ++f) snapshot.features[f].psi = PsiOf(f);
  return snapshot;
}

}  // namespace copse
