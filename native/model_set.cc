#include "model_set.h"

#include <algorithm>
#include <utility>

namespace copse {

ModelSet::ModelSet(LoadedModels models, PredictionLog* log, Metrics& metrics, RowPool& pool)
    : models_(std::move(models)),
      swagger_(SwaggerDocument(models_)),
      openapi_(OpenApiDocument(models_)) {
  if (!models_.empty()) predictor_.emplace(models_.front(), log, metrics, pool);
}

const LoadedModel* ModelSet::Find(std::string_view name) const {
  const auto found = std::find_if(models_.begin(), models_.end(),
                                  [&](const auto& model) { return model->name == name; });
  return found == models_.end() ? nullptr : found->get();
}

}  // namespace copse
