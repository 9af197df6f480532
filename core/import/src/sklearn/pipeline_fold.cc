#include <algorithm>
#include <utility>

#include "sklearn/pipeline.h"
#include "text.h"

// A pipeline in front of a booster, whose own importer knows no pipelines.
namespace copse::importer::sklearn {
namespace {

using text::Unsupported;

Status FoldNode(const InputMap& map, ForestParts& parts, std::size_t node, double& threshold) {
  const std::uint32_t feature = parts.feature[node];
  const MappedColumn& column = map.features[feature];
  parts.feature[node] = static_cast<std::uint32_t>(column.column);
  if (column.steps.empty()) return Ok{};
  std::uint8_t& flags = parts.flags[node];
  const std::uint8_t rule = flags & node_flags::kMissingRule;
  if ((flags & node_flags::kCategorical) != 0 || rule == node_flags::kMissingZero) {
    return Unsupported({"node ", node,
                        " tests categories or zeros of a scaled or imputed column, "
                        "which cannot be imported; train the booster on the columns as they are"});
  }
  std::optional<double> filled = map.Filled(feature);
  if (!filled && rule == node_flags::kNanIsZero) filled = 0;
  if (filled) flags = *filled <= threshold ? node_flags::kDefaultLeft : 0;
  threshold = map.Unmap(feature, threshold);
  return Ok{};
}

Status FoldForest(const InputMap& map, ForestParts& parts) {
  if (!parts.linear_begin.empty() || !parts.category_begin.empty()) {
    return Unsupported(
        {"the booster has linear leaves or category tables behind a pipeline, "
         "which cannot be imported; train it on the columns as they are"});
  }
  std::vector<double> threshold(parts.left.size());
  for (std::size_t node = 0; node < threshold.size(); ++node) {
    threshold[node] = At(parts.threshold, node);
    if (auto status = FoldNode(map, parts, node, threshold[node]); !status.ok()) return status;
  }
  if (map.NeedsDouble()) parts.threshold = std::move(threshold);
  parts.n_features = map.n_columns;
  return Ok{};
}

// The features of the rows: those of the booster at their columns, numbered ones elsewhere.
std::vector<Feature> FeaturesOfRows(const InputMap& map, std::vector<Feature> own) {
  std::vector<Feature> features = NumberedFeatures(map.n_columns, "x");
  for (std::size_t f = 0; f < own.size(); ++f) {
    Feature& feature = features[map.features[f].column];
    feature.categorical = own[f].categorical;
    feature.categories = std::move(own[f].categories);
    if (!map.features[f].steps.empty()) continue;
    feature.min = own[f].min;
    feature.max = own[f].max;
  }
  return features;
}

}  // namespace

Status Front::FoldInto(Imported& imported) const {
  const auto map = Map(imported.input);
  if (!map) return Ok{};
  if (map->features.size() != imported.features.size()) {
    return text::Invalid({"the booster has ", imported.features.size(),
                          " features, and the pipeline gives it ", map->features.size()});
  }
  if (!imported.forest) {
    return Unsupported(
        {"a linear booster behind a pipeline cannot be imported; train it on the "
         "columns as they are"});
  }
  if (auto status = FoldForest(*map, *imported.forest); !status.ok()) return status;
  imported.features = FeaturesOfRows(*map, std::move(imported.features));
  if (map->NeedsDouble()) imported.input = Precision::kFloat64;
  return Ok{};
}

}  // namespace copse::importer::sklearn
