#pragma once

#include <string_view>

#include "loaded_model.h"
#include "openapi_schema.h"

namespace copse {

/// The path /explain of `loaded`, with what its example is answered under `example_id` unless that
/// is long or takes long. It refers to components that openapi.cc has.
Json ExplainPath(const LoadedModel& loaded, std::string_view example_id);

/// The schemas Explanation (what is said of one row) and Explanations (what /explain answers).
Json ExplanationSchemas();

}  // namespace copse
