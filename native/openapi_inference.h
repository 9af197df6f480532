#pragma once

#include "openapi.h"
#include "openapi_schema.h"

namespace copse {

/// The paths of the inference protocols (/v2 and /v1), with examples of the first model that run;
/// without models only those of the server. They refer to components that have the same names in
/// both functions and in openapi.cc.
Json InferencePaths(const LoadedModels& models);

/// Their schemas, by name.
Json InferenceSchemas();

}  // namespace copse
