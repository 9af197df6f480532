#pragma once

#include "loaded_model.h"
#include "openapi_schema.h"

namespace copse {

/// The path /explain of `loaded`. It refers to components that openapi.cc has.
Json ExplainPath(const LoadedModel& loaded);

/// The schemas Explanation (what is said of one row) and Explanations (what /explain answers).
Json ExplanationSchemas();

}  // namespace copse
