#include "drift_baseline.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

namespace copse {
namespace {

using Json = nlohmann::json;

// Bins that the roots of trees are cut into hold at least this share of the training data.
constexpr double kBinShareMin = 0.08;

std::optional<std::vector<double>> NumbersOf(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_array()) return std::nullopt;
  std::vector<double> numbers;
  for (const Json& item : *found) {
    if (!item.is_number()) return std::nullopt;
    numbers.push_back(item.get<double>());
  }
  return numbers;
}

// One entry of `training_histograms`; nothing if it cannot be used.
std::optional<FeatureBaseline> HistogramOf(const Json& entry) {
  if (!entry.is_object()) return std::nullopt;
  auto edges = NumbersOf(entry, "edges");
  auto counts = NumbersOf(entry, "counts");
  if (!edges || !counts || counts->size() != edges->size() + 1) return std::nullopt;
  for (std::size_t i = 1; i < edges->size(); ++i) {
    if (!((*edges)[i - 1] < (*edges)[i])) return std::nullopt;
  }
  double total = 0;
  for (const double count : *counts) {
    if (!(count >= 0)) return std::nullopt;
    total += count;
  }
  if (!(total > 0) || !std::isfinite(total)) return std::nullopt;
  FeatureBaseline baseline;
  baseline.edges = *std::move(edges);
  for (double& count : *counts) count /= total;
  baseline.shares = *std::move(counts);
  const auto missing = entry.find("missing");
  if (missing != entry.end() && missing->is_number() && missing->get<double>() >= 0) {
    const double n = missing->get<double>();
    baseline.missing_share = n / (n + total);
  }
  return baseline;
}

// Edges as float32; bins between two that become one are joined.
void RoundEdges(FeatureBaseline& baseline) {
  std::vector<double> edges, shares;
  double share = 0;
  for (std::size_t i = 0; i < baseline.edges.size(); ++i) {
    const auto edge = static_cast<double>(static_cast<float>(baseline.edges[i]));
    share += baseline.shares[i];
    if (i + 1 < baseline.edges.size() &&
        static_cast<double>(static_cast<float>(baseline.edges[i + 1])) == edge) {
      continue;
    }
    edges.push_back(edge);
    shares.push_back(std::exchange(share, 0));
  }
  shares.push_back(share + baseline.shares.back());
  baseline.edges = std::move(edges);
  baseline.shares = std::move(shares);
}

// Whether the file has usable histograms.
bool TakeHistograms(const Model& model, std::vector<FeatureBaseline>& features) {
  const auto found = model.metadata().find("training_histograms");
  if (found == model.metadata().end()) return false;
  const Json list = Json::parse(found->second, nullptr, false);
  if (!list.is_array() || list.size() != features.size()) return false;
  bool any = false;
  for (std::size_t f = 0; f < features.size(); ++f) {
    auto histogram = HistogramOf(list[f]);
    if (!histogram) continue;
    any = true;
    features[f] = *std::move(histogram);
    // Values are compared as the model reads them, and many of them are edges.
    if (model.input() != Precision::kFloat32) continue;
    RoundEdges(features[f]);
  }
  return any;
}

std::string SourceKindIn(const Model& model) {
  const auto found = model.metadata().find("source");
  if (found == model.metadata().end()) return "";
  const Json source = Json::parse(found->second, nullptr, false);
  if (!source.is_object()) return "";
  const auto kind = source.find("kind");
  return kind != source.end() && kind->is_string() ? kind->get<std::string>() : "";
}

// How many of the first trees were grown from rows that each weigh as in the training data.
std::size_t TreesThatCount(const Model& model) {
  const Forest& forest = *model.forest();
  const bool weighs_by_hessian = SourceKindIn(model) == "xgboost";
  return weighs_by_hessian ? std::min(forest.n_trees(), forest.n_outputs()) : forest.n_trees();
}

std::size_t LeafOf(std::int32_t item) { return static_cast<std::uint32_t>(~item); }

// [nodes] training weight, empty if the file does not say.
std::vector<double> CoverOf(const ForestParts& parts) {
  std::vector<double> cover(parts.left.size());
  if (Count(parts.node_cover) == cover.size() && !cover.empty()) {
    for (std::size_t node = 0; node < cover.size(); ++node)
      cover[node] = At(parts.node_cover, node);
    return cover;
  }
  if (Count(parts.leaf_cover) == 0) return {};
  const auto of = [&](std::int32_t item) {
    return item >= 0 ? cover[static_cast<std::size_t>(item)] : At(parts.leaf_cover, LeafOf(item));
  };
  // Children follow their parents.
  for (std::size_t node = cover.size(); node-- > 0;) {
    cover[node] = of(parts.left[node]) + of(parts.right[node]);
  }
  return cover;
}

// A point of a distribution: the share of values up to `at`, as `n` trees saw it.
struct Point {
  double at = 0, share = 0, n = 1;
};

// Points of each feature from the roots of trees.
std::vector<std::vector<Point>> PointsOf(const Model& model) {
  const ForestParts& parts = model.forest()->parts();
  std::vector<std::vector<Point>> points(model.n_features());
  const std::vector<double> cover = CoverOf(parts);
  if (cover.empty()) return points;
  const std::size_t n_trees = TreesThatCount(model);
  for (std::size_t tree = 0; tree < n_trees; ++tree) {
    if (parts.tree_root[tree] < 0) continue;
    const auto root = static_cast<std::size_t>(parts.tree_root[tree]);
    if ((parts.flags[root] & node_flags::kCategorical) != 0) continue;
    const std::int32_t left = parts.left[root];
    const double below =
        left >= 0 ? cover[static_cast<std::size_t>(left)]
                  : (Count(parts.leaf_cover) == 0 ? std::numeric_limits<double>::quiet_NaN()
                                                  : At(parts.leaf_cover, LeafOf(left)));
    const double share = below / cover[root];
    const double at = At(parts.threshold, root);
    if (!(share > 0 && share < 1) || !std::isfinite(at)) continue;
    points.at(parts.feature[root]).push_back({at, share});
  }
  return points;
}

// Points that rise: trees see samples of the data, and neighbours that disagree are averaged
// (pool adjacent violators).
std::vector<Point> Rising(std::vector<Point> points) {
  std::sort(points.begin(), points.end(),
            [](const Point& a, const Point& b) { return a.at < b.at; });
  std::vector<Point> rising;
  for (const Point& point : points) {
    rising.push_back(point);
    while (rising.size() > 1) {
      Point& before = rising[rising.size() - 2];
      const Point& last = rising.back();
      if (before.at < last.at && before.share < last.share) break;
      const double n = before.n + last.n;
      // One place for what is one share: that which most trees are near.
      before = {(before.at * before.n + last.at * last.n) / n,
                (before.share * before.n + last.share * last.n) / n, n};
      rising.pop_back();
    }
  }
  return rising;
}

// Bins of at least kBinShareMin; no bins where there are not two such.
void TakePoints(const std::vector<Point>& points, FeatureBaseline& baseline) {
  double before = 0;
  std::vector<double> shares;
  for (const Point& point : points) {
    if (point.share - before < kBinShareMin || 1 - point.share < kBinShareMin) continue;
    baseline.edges.push_back(point.at);
    shares.push_back(point.share - before);
    before = point.share;
  }
  if (shares.empty()) return;
  shares.push_back(1 - before);
  baseline.shares = std::move(shares);
}

void TakeRange(const Feature& feature, FeatureBaseline& baseline) {
  baseline.min = feature.min;
  baseline.max = feature.max;
  if (!feature.categorical || feature.categories.empty()) return;
  if (std::isnan(baseline.min)) baseline.min = 0;
  if (std::isnan(baseline.max)) baseline.max = static_cast<double>(feature.categories.size() - 1);
}

}  // namespace

std::string_view BaselineSourceName(BaselineSource source) {
  switch (source) {
    case BaselineSource::kHistograms:
      return "histograms";
    case BaselineSource::kTrees:
      return "trees";
    case BaselineSource::kNone:
      break;
  }
  return "none";
}

DriftBaseline DriftBaseline::Of(const Model& model) {
  DriftBaseline baseline;
  baseline.features.resize(model.n_features());
  if (TakeHistograms(model, baseline.features)) {
    baseline.source = BaselineSource::kHistograms;
  } else if (model.forest() != nullptr) {
    const auto points = PointsOf(model);
    for (std::size_t f = 0; f < points.size(); ++f) {
      TakePoints(Rising(points[f]), baseline.features[f]);
      if (!baseline.features[f].shares.empty()) baseline.source = BaselineSource::kTrees;
    }
  }
  for (std::size_t f = 0; f < model.n_features(); ++f) {
    TakeRange(model.features()[f], baseline.features[f]);
  }
  return baseline;
}

}  // namespace copse
