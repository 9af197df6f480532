#pragma once

#include "openapi_schema.h"

/// Refusals in the OpenAPI document.
namespace copse {

/// Every refusal by name, under components/responses: application/problem+json; and the same with
/// "Inference" before the name, as clients of the inference protocols get it, application/json with
/// the member `error`. Refers to the schemas and headers that openapi.cc has.
Json ProblemResponses();

/// Drops from components what nothing in `document` refers to.
void DropUnused(Json& document);

}  // namespace copse
