#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "copse/result.h"
#include "metrics.h"
#include "model_source.h"
#include "openapi.h"
#include "prediction_log.h"
#include "predictor.h"
#include "row_pool.h"

namespace copse {

/// The models that are served at one moment, with all that is made of them once. Immutable: a
/// request keeps the set that it began with, whatever is loaded meanwhile.
class ModelSet {
 public:
  using Predictors = std::vector<std::shared_ptr<const Predictor>>;

  /// `log` may be null; it, `metrics` and `pool` outlive this. The first model answers /predict.
  /// Models that `before` has, too, keep their statistics.
  /// `documents`: what the documents say besides.
  ModelSet(LoadedModels models, std::vector<UnavailableModel> unavailable, const ModelSet* before,
           PredictionLog* log, Metrics& metrics, RowPool& pool, const DocumentOptions& documents);

  const LoadedModels& models() const { return models_; }
  bool empty() const { return models_.empty(); }
  const std::vector<UnavailableModel>& unavailable() const { return unavailable_; }
  /// One for each model, in the same order.
  const Predictors& predictors() const { return predictors_; }
  /// That of the model of that name, of its highest version; or null.
  std::shared_ptr<const Predictor> Find(std::string_view name) const;
  /// That of one version.
  std::shared_ptr<const Predictor> Find(std::string_view name, std::string_view version) const;
  /// Why there is no model of that name: kUnavailable where there is a file for it, else kNotFound.
  Error Absent(std::string_view name) const;
  /// The versions of the model of that name, the highest first.
  std::vector<std::string> VersionsOf(std::string_view name) const;

  const std::string& swagger() const { return swagger_; }
  const std::string& openapi() const { return openapi_; }

 private:
  const LoadedModels models_;
  const std::vector<UnavailableModel> unavailable_;
  const std::string swagger_, openapi_;
  Predictors predictors_;
};

}  // namespace copse
