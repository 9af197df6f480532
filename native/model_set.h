#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "metrics.h"
#include "openapi.h"
#include "prediction_log.h"
#include "predictor.h"
#include "row_pool.h"

namespace copse {

/// The models that are served at one moment, with all that is made of them once. Immutable: a
/// request keeps the set that it began with, whatever is loaded meanwhile.
class ModelSet {
 public:
  /// `log` may be null; it, `metrics` and `pool` outlive this. The first model answers /predict.
  ModelSet(LoadedModels models, PredictionLog* log, Metrics& metrics, RowPool& pool);

  const LoadedModels& models() const { return models_; }
  bool empty() const { return models_.empty(); }
  /// The model of that name, or null.
  const LoadedModel* Find(std::string_view name) const;

  /// Null without models.
  const Predictor* predictor() const { return predictor_ ? &*predictor_ : nullptr; }
  const std::string& swagger() const { return swagger_; }
  const std::string& openapi() const { return openapi_; }

 private:
  const LoadedModels models_;
  const std::string swagger_, openapi_;
  std::optional<Predictor> predictor_;
};

}  // namespace copse
