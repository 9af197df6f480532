#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "drift.h"
#include "inference_statistics.h"
#include "loaded_model.h"
#include "model_source.h"
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
/// `versions`: all of them; none stands for its own.
std::string ModelMetadataJson(const LoadedModel& loaded, std::vector<std::string> versions = {});

/// `{"models":["iris"]}`.
std::string ModelNamesJson(const LoadedModels& models);

/// The repository index: name, version, state and reason of each model: READY, or UNAVAILABLE.
std::string RepositoryIndexJson(const LoadedModels& models,
                                std::span<const UnavailableModel> unavailable);

/// One entry of `model_stats`: how often, and how many nanoseconds altogether.
/// `drift`: how what was asked compares with the training data; psi is null where it is unknown.
std::string ModelStatisticsJson(const LoadedModel& loaded,
                                const InferenceStatistics::Snapshot& counts,
                                const Drift::Snapshot& drift);

/// Whether the body of POST /v2/repository/index asks for models that are ready only; false for an
/// empty one.
/// Errors: kInvalidInput.
Result<bool> IndexWantsReady(std::string_view body);

/// Whether the body of a request to load a model asks for nothing more than that: it is empty, or
/// an object whose `parameters`, if any, are empty. What would be ignored is refused: a
/// configuration, or the model's own bytes.
/// Errors: kInvalidInput.
Status CheckLoadRequest(std::string_view body);
/// The same of one to unload it, which may say `unload_dependents`: no model depends on another.
Status CheckUnloadRequest(std::string_view body);

}  // namespace copse
