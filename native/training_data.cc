#include "training_data.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "prediction_text.h"

namespace copse {
namespace {

constexpr std::size_t kBins = 10;

// The values of a feature that are there, rising.
std::vector<double> PresentOf(std::span<const double> rows, std::size_t n_features,
                              std::size_t feature) {
  std::vector<double> present;
  for (std::size_t at = feature; at < rows.size(); at += n_features) {
    if (!std::isnan(rows[at])) present.push_back(rows[at]);
  }
  std::sort(present.begin(), present.end());
  return present;
}

// As models/copse_export.py does it. `null` where there is nothing that JSON can say.
std::string HistogramJson(std::span<const double> present, std::size_t n_missing) {
  if (present.empty() || std::isinf(present.front()) || std::isinf(present.back())) return "null";
  std::vector<double> edges;
  for (std::size_t i = 1; i < kBins; ++i) {
    const double edge = present[present.size() * i / kBins];
    if (edge < present.back() && (edges.empty() || edge > edges.back())) edges.push_back(edge);
  }
  std::string counts;
  auto from = present.begin();
  for (const double edge : edges) {
    const auto to = std::upper_bound(from, present.end(), edge);
    counts += std::to_string(to - from) + ",";
    from = to;
  }
  counts += std::to_string(present.end() - from);
  return "{\"edges\":" + NumbersJson(edges) + ",\"counts\":[" + counts +
         "],\"missing\":" + std::to_string(n_missing) + "}";
}

}  // namespace

Result<Model> WithTrainingData(const Model& model, std::span<const double> rows) {
  const std::size_t n_features = model.n_features();
  const std::size_t n_rows = rows.size() / n_features;
  ModelParts parts;
  parts.metadata = model.metadata();
  if (model.forest() != nullptr) parts.forest = model.forest()->parts();
  if (model.linear() != nullptr) parts.linear = *model.linear();
  std::string histograms = "[";
  for (std::size_t f = 0; f < n_features; ++f) {
    const std::vector<double> present = PresentOf(rows, n_features, f);
    constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
    parts.feature_min.push_back(present.empty() ? kUnknown : present.front());
    parts.feature_max.push_back(present.empty() ? kUnknown : present.back());
    histograms += (f > 0 ? "," : "") + HistogramJson(present, n_rows - present.size());
  }
  parts.metadata["training_histograms"] = histograms + "]";
  return Model::Create(std::move(parts));
}

}  // namespace copse
