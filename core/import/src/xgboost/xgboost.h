#pragma once

#include "sources.h"

/// Boosters of XGBoost: what a file or another object holds.
namespace copse::importer::xgboost {

/// The bytes of a booster inside a pickle (`Booster.handle`): JSON, UBJSON, or the old binary
/// form, which is refused. With `is_estimator` the object around it is an XGBClassifier or the
/// like, so Iterations::kDefault ends at the best iteration, as its predict does.
Result<Imported> ImportHandle(Bytes bytes, const ImportOptions& options, bool is_estimator);

}  // namespace copse::importer::xgboost
