#include "copse/explain.h"
#include "explain/covers.h"

namespace copse {

Importances ImportancesOf(const Model& model) {
  Importances found;
  found.splits.resize(model.n_features());
  if (model.forest() == nullptr) return found;
  const ForestParts& parts = model.forest()->parts();
  found.gain = parts.feature_gain;
  const std::vector<double> covers = explain::NodeCovers(*model.forest());
  if (Count(parts.leaf_cover) > 0) found.cover.resize(model.n_features());
  for (std::size_t n = 0; n < parts.feature.size(); ++n) {
    ++found.splits[parts.feature[n]];
    if (!covers.empty()) found.cover[parts.feature[n]] += covers[n];
  }
  return found;
}

}  // namespace copse
