#pragma once

#include <span>
#include <string>
#include <string_view>

#include "inference_statistics.h"
#include "loaded_model.h"
#include "openapi.h"

/// What the Open Inference Protocol says about the server and its models, as JSON. Pure functions;
/// thread-safe.
namespace copse {

/// Extensions of the protocol that the service has.
std::span<const std::string_view> V2Extensions();

/// `{"name":"copse","version":...,"extensions":[...]}`.
std::string ServerMetadataJson();

/// Name, versions, platform, inputs and outputs of a model; `properties.features` holds the names
/// of its features, in order, as a JSON list in a text.
std::string ModelMetadataJson(const LoadedModel& loaded);

/// `{"models":["iris"]}`.
std::string ModelNamesJson(const LoadedModels& models);

/// The repository index: name, version, state and reason of each model, all of them READY.
std::string RepositoryIndexJson(const LoadedModels& models);

/// One entry of `model_stats`: how often, and how many nanoseconds altogether.
std::string ModelStatisticsJson(const LoadedModel& loaded,
                                const InferenceStatistics::Snapshot& counts);

/// Whether the body of POST /v2/repository/index asks for models that are ready only; false for an
/// empty one.
/// Errors: kInvalidInput.
Result<bool> IndexWantsReady(std::string_view body);

}  // namespace copse
