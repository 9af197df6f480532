#pragma once

#include <string_view>

#include "blame.h"
#include "copse/model.h"
#include "copse/result.h"
#include "rows.h"
#include "v2_request.h"

/// From the inputs of an inference request to rows of a model. Pure functions; thread-safe.
namespace copse {

/// What the one input is called that holds all features. Its other name is FIL's.
inline constexpr std::string_view kMatrixInput = "input-0";
inline constexpr std::string_view kMatrixInputOfFil = "input__0";

/// The rows of a request: either one matrix, [n, n_features()] or [n_features()] for one row, or
/// one input for each feature by its name, [n] or [n,1]. A feature goes before a matrix of its
/// name. May have no rows.
///
/// Every datatype but BYTES is a number; a categorical feature takes its code as a number or the
/// category as BYTES. null is missing, where FP or BYTES are sent and the model allows it.
/// Errors: kInvalidInput naming row, feature and value, kTooLarge; `blame` learns the feature or
/// the input.
Result<Rows> RowsFromInputs(const Model& model, const InferRequest& request, Blame& blame);

/// Rows from a body that is nothing but one tensor: the matrix, as little-endian FP64.
/// Errors: kInvalidInput, kTooLarge; `blame` learns the feature.
Result<Rows> RowsFromRawTensor(const Model& model, std::string_view body, Blame& blame);

}  // namespace copse
