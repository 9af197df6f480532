#pragma once

#include <string>
#include <string_view>

#include "blame.h"
#include "copse/model.h"
#include "copse/result.h"
#include "prediction_text.h"
#include "rows.h"

/// The older protocol of KServe and TensorFlow Serving: `{"instances": [...]}` in,
/// `{"predictions": [...]}` out. Pure functions; thread-safe.
namespace copse {

/// The rows of a body: what RowsFromJson reads, as the list `instances`. Other members are ignored.
/// Errors: kInvalidInput; `blame` learns the feature or member.
Result<Rows> RowsFromInstances(const Model& model, std::string_view body, Blame& blame);

/// `{"predictions":[0,2]}`: class indices and values, as /predict has them; a list for each row
/// where there are several outputs. Null where a number is not finite.
std::string PredictionsJson(const Model& model, const Prediction& prediction);

}  // namespace copse
