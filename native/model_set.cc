#include "model_set.h"

#include <algorithm>
#include <utility>

#include "utf8.h"

namespace copse {

ModelSet::ModelSet(LoadedModels models, std::vector<UnavailableModel> unavailable,
                   const ModelSet* before, PredictionLog* log, Metrics& metrics, RowPool& pool,
                   const DocumentOptions& documents)
    : models_(std::move(models)),
      unavailable_(std::move(unavailable)),
      swagger_(SwaggerDocument(models_, documents.terms)),
      openapi_(OpenApiDocument(models_, documents)) {
  for (const auto& model : models_) {
    auto known = before == nullptr ? nullptr : before->Find(model->name, model->version);
    const bool is_same = known != nullptr && &known->loaded() == model.get();
    predictors_.push_back(is_same ? std::move(known)
                                  : std::make_shared<const Predictor>(model, log, metrics, pool));
  }
}

std::shared_ptr<const Predictor> ModelSet::Find(std::string_view name,
                                                std::string_view version) const {
  for (const auto& predictor : predictors_) {
    const LoadedModel& model = predictor->loaded();
    if (model.name == name && model.version == version) return predictor;
  }
  return nullptr;
}

Error ModelSet::Absent(std::string_view name) const {
  for (const UnavailableModel& model : unavailable_) {
    if (model.name != name) continue;
    return {ErrorCode::kUnavailable, "Model " + Shown(name) + " is not ready. " + model.reason};
  }
  return {ErrorCode::kNotFound, "There is no model named " + Shown(name) + "."};
}

std::vector<std::string> ModelSet::VersionsOf(std::string_view name) const {
  std::vector<std::string> versions;
  for (const auto& model : models_) {
    if (model->name == name) versions.push_back(model->version);
  }
  return versions;
}

std::shared_ptr<const Predictor> ModelSet::Find(std::string_view name) const {
  const auto found =
      std::find_if(predictors_.begin(), predictors_.end(),
                   [&](const auto& predictor) { return predictor->loaded().name == name; });
  return found == predictors_.end() ? nullptr : *found;
}

}  // namespace copse
