#pragma once

#include <memory>
#include <string>
#include <vector>

#include "loaded_model.h"
#include "openapi_access.h"

/// The service as documents for machines, made from the loaded models: parameters are the
/// features, examples are rows that the model takes and answers that it gives. Both documents
/// describe the first model at /predict; with no model they have no parameters.
namespace copse {

using LoadedModels = std::vector<std::shared_ptr<const LoadedModel>>;

/// The names of the models, each once, in their order.
std::vector<std::string> NamesOf(const LoadedModels& models);

/// Swagger 2.0: the tutorial's two operations, at its URL /apispec_1.json. One line, keys as in
/// the specification, ended by a line feed.
std::string SwaggerDocument(const LoadedModels& models, const GateTerms& terms = {});

/// What a document says of the service, besides its models.
struct DocumentOptions {
  bool predictions_route = false;  ///< GET /predictions is there
  GateTerms terms = {};
  UseOfPath use_of = nullptr;  ///< null: every path is open
};

/// OpenAPI 3.1: every route, with its problems and with who may use it.
std::string OpenApiDocument(const LoadedModels& models, const DocumentOptions& options = {});

}  // namespace copse
