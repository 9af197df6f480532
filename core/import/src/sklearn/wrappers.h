#pragma once

#include <optional>
#include <string_view>

#include "imported.h"
#include "sklearn/estimators.h"
#include "sklearn/pipeline.h"

namespace copse::importer::sklearn {

/// Whether an object is a booster of XGBoost or LightGBM, or one of their scikit-learn wrappers.
bool IsXgboost(std::string_view class_name);
bool IsLightgbm(std::string_view class_name);

/// The booster in such an object, with the wrapper's labels and its choice of iterations.
Result<Imported> ReadXgboost(Value value, const ImportOptions& options);
Result<Imported> ReadLightgbm(Value value, const ImportOptions& options);

/// What to do instead with a model or object that cannot be imported, by its class.
Error RefuseClass(Value value);

}  // namespace copse::importer::sklearn
