#pragma once

#include <span>

#include "copse/model.h"
#include "copse/result.h"

namespace copse {

/// `model` with what its training rows were like, for forms and for seeing drift: the range of each
/// feature, and how its values are spread, in at most ten bins between deciles (docs/FORMAT.md:
/// feature.min, feature.max, training_histograms). What the model knew of that before is replaced.
///
///   rows  [n_rows, n_features()], that have passed CheckRows; at least one
/// Errors: those of Model::Create. Thread-safe.
Result<Model> WithTrainingData(const Model& model, std::span<const double> rows);

}  // namespace copse
