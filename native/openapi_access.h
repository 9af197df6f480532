#pragma once

#include <functional>
#include <string_view>

#include "gate.h"
#include "openapi_schema.h"

/// Who may ask, in the OpenAPI document: as the gate decides it, with the options of this service.
namespace copse {

/// What a path is for. It takes templates, too, such as /v2/models/{model}/infer.
using UseOfPath = std::function<Use(std::string_view path)>;

/// What the service asks for, and what a client can send where nothing is asked for.
Json SecuritySchemes(const GateTerms& terms);

/// To every operation of `paths`: which token it takes, what the gate refuses it with, and that any
/// request may be refused before its operation is known. Refers to components that openapi.cc has.
void AddAccess(const GateTerms& terms, const UseOfPath& use_of, Json& paths);

}  // namespace copse
