#include "v2_documents.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "json_syntax.h"
#include "prediction_text.h"
#include "utf8.h"
#include "v2_outputs.h"
#include "v2_rows.h"

namespace copse {
namespace {

constexpr std::array<std::string_view, 4> kExtensions = {"binary_tensor_data", "classification",
                                                         "model_repository", "statistics"};

constexpr std::size_t kControlBytesMax = std::size_t{64} << 10;

std::string TensorJson(const OutputSpec& spec) {
  const std::string shape = spec.n_inner == 0 ? std::to_string(spec.n_columns)
                                              : std::to_string(spec.n_columns / spec.n_inner) +
                                                    "," + std::to_string(spec.n_inner);
  return "{\"name\":" + JsonString(spec.name) + ",\"datatype\":\"" +
         std::string(DatatypeName(spec.datatype)) + "\",\"shape\":[-1," + shape + "]}";
}

std::string FeaturesJson(const Model& model) {
  std::string names = "[";
  for (const Feature& feature : model.features()) {
    names += (names.size() > 1 ? "," : "") + JsonString(feature.name);
  }
  return names + "]";
}

// Whether the body of a request is empty, or an object whose `parameters` are no others than
// `allowed`.
Status CheckControlRequest(std::string_view body, std::string_view allowed) {
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) return Ok{};
  if (body.size() > kControlBytesMax) {
    return Error{ErrorCode::kTooLarge, "the body is longer than 64 KiB; {} was expected"};
  }
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object()) {
    return Error{ErrorCode::kInvalidInput, "the body is no JSON object; {} was expected"};
  }
  const auto found = json.find("parameters");
  if (found == json.end()) return Ok{};
  if (!found->is_object()) {
    return Error{ErrorCode::kInvalidInput, "parameters is no object; {} was expected"};
  }
  for (const auto& [name, value] : found->items()) {
    if (name != allowed) {
      return Error{ErrorCode::kInvalidInput,
                   "the parameter " + Shown(name) +
                       " is not known here: a model is loaded from its file, as it is"};
    }
  }
  return Ok{};
}

std::string DurationJson(const InferenceStatistics::Duration& duration) {
  return "{\"count\":" + std::to_string(duration.count) + ",\"ns\":" + std::to_string(duration.ns) +
         "}";
}

std::string BatchesJson(const InferenceStatistics::Snapshot& counts) {
  std::string text;
  for (const auto& [n_rows, batch] : counts.batches) {
    text += std::string(text.empty() ? "" : ",") + "{\"batch_size\":" + std::to_string(n_rows) +
            ",\"compute_input\":" + DurationJson(batch.input) +
            ",\"compute_infer\":" + DurationJson(batch.evaluation) +
            ",\"compute_output\":" + DurationJson(batch.output) + "}";
  }
  return "[" + text + "]";
}

std::string DriftJson(const Model& model, const Drift::Snapshot& drift) {
  std::string text = "{\"baseline\":" + JsonString(BaselineSourceName(drift.source)) +
                     ",\"rows\":" + std::to_string(drift.rows) +
                     ",\"window_rows\":" + std::to_string(drift.window_rows) + ",\"features\":[";
  for (std::size_t f = 0; f < drift.features.size(); ++f) {
    const Drift::FeatureState& state = drift.features[f];
    text += std::string(f > 0 ? "," : "") + "{\"name\":" + JsonString(model.features()[f].name) +
            ",\"psi\":";
    AppendNumberJson(text, state.psi);
    text += ",\"below\":" + std::to_string(state.below) +
            ",\"above\":" + std::to_string(state.above) +
            ",\"missing\":" + std::to_string(state.missing) + "}";
  }
  return text + "]}";
}

}  // namespace

std::span<const std::string_view> V2Extensions() { return kExtensions; }

std::string ServerMetadataJson() {
  std::string text =
      "{\"name\":\"copse\",\"version\":" + JsonString(COPSE_VERSION) + ",\"extensions\":[";
  for (const std::string_view extension : kExtensions) {
    if (extension != kExtensions.front()) text += ",";
    text += JsonString(extension);
  }
  return text + "]}";
}

std::string ModelMetadataJson(const LoadedModel& loaded, std::vector<std::string> versions) {
  const Model& model = loaded.model;
  // Another set may be served by now.
  if (std::find(versions.begin(), versions.end(), loaded.version) == versions.end()) {
    versions = {loaded.version};
  }
  std::string list;
  for (const std::string& version : versions) {
    list += (list.empty() ? "" : ",") + JsonString(version);
  }
  std::string text = "{\"name\":" + JsonString(loaded.name) + ",\"versions\":[" + list +
                     "],\"platform\":\"copse\",\"inputs\":[" +
                     TensorJson({.name = kMatrixInput, .n_columns = model.n_features()}) +
                     "],\"outputs\":[";
  const std::vector<OutputSpec> specs = OutputsOf(model);
  for (std::size_t i = 0; i < specs.size(); ++i) {
    text += (i > 0 ? "," : "") + TensorJson(specs[i]);
  }
  return text + "],\"properties\":{\"features\":" + JsonString(FeaturesJson(model)) + "}}";
}

std::string ModelNamesJson(const LoadedModels& models) {
  std::string text = "{\"models\":[";
  const std::vector<std::string> names = NamesOf(models);
  for (std::size_t i = 0; i < names.size(); ++i) text += (i > 0 ? "," : "") + JsonString(names[i]);
  return text + "]}";
}

std::string RepositoryIndexJson(const LoadedModels& models,
                                std::span<const UnavailableModel> unavailable) {
  std::string text;
  for (const auto& model : models) {
    text += std::string(text.empty() ? "" : ",") + "{\"name\":" + JsonString(model->name) +
            ",\"version\":" + JsonString(model->version) + ",\"state\":\"READY\",\"reason\":\"\"}";
  }
  for (const UnavailableModel& model : unavailable) {
    const bool is_served = std::any_of(models.begin(), models.end(),
                                       [&](const auto& each) { return each->name == model.name; });
    if (is_served) continue;
    text += std::string(text.empty() ? "" : ",") + "{\"name\":" + JsonString(model.name) +
            ",\"version\":\"\",\"state\":\"UNAVAILABLE\",\"reason\":" + JsonString(model.reason) +
            "}";
  }
  return "[" + text + "]";
}

std::string ModelStatisticsJson(const LoadedModel& loaded,
                                const InferenceStatistics::Snapshot& counts,
                                const Drift::Snapshot& drift) {
  // Nothing waits in a queue of its own, and nothing is remembered.
  const InferenceStatistics::Duration queue{counts.success.count, 0};
  return "{\"name\":" + JsonString(loaded.name) + ",\"version\":" + JsonString(loaded.version) +
         ",\"last_inference\":" + std::to_string(counts.last_unix_ms) +
         ",\"inference_count\":" + std::to_string(counts.rows) +
         ",\"execution_count\":" + std::to_string(counts.success.count) +
         ",\"inference_stats\":{\"success\":" + DurationJson(counts.success) +
         ",\"fail\":" + DurationJson(counts.fail) + ",\"queue\":" + DurationJson(queue) +
         ",\"compute_input\":" + DurationJson(counts.input) +
         ",\"compute_infer\":" + DurationJson(counts.evaluation) +
         ",\"compute_output\":" + DurationJson(counts.output) +
         ",\"cache_hit\":{\"count\":0,\"ns\":0},\"cache_miss\":{\"count\":0,\"ns\":0}}"
         ",\"batch_stats\":" +
         BatchesJson(counts) + ",\"drift\":" + DriftJson(loaded.model, drift) + "}";
}

Result<bool> IndexWantsReady(std::string_view body) {
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) return false;
  const Status syntax = CheckJson(body);
  if (!syntax.ok()) return syntax.error();
  if (body[body.find_first_not_of(" \t\r\n")] != '{') {
    return Error{ErrorCode::kInvalidInput, "the body is no object; {\"ready\":true} was expected"};
  }
  const std::string_view ready = JsonMember(body, "ready").value_or("false");
  const std::string_view word = ready.substr(0, ready.find_last_not_of(" \t\r\n") + 1);
  if (word == "true" || word == "false") return word == "true";
  return Error{ErrorCode::kInvalidInput,
               "ready is " + Shown(word) + "; true or false was expected"};
}

Status CheckLoadRequest(std::string_view body) { return CheckControlRequest(body, {}); }

Status CheckUnloadRequest(std::string_view body) {
  return CheckControlRequest(body, "unload_dependents");
}

}  // namespace copse
