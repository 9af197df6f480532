#include "v2_documents.h"

#include <array>
#include <cstdint>
#include <vector>

#include "json_syntax.h"
#include "prediction_text.h"
#include "utf8.h"
#include "v2_outputs.h"
#include "v2_rows.h"

namespace copse {
namespace {

constexpr std::array<std::string_view, 3> kExtensions = {"binary_tensor_data", "classification",
                                                         "statistics"};

std::string TensorJson(std::string_view name, Datatype datatype, std::size_t n_columns) {
  return "{\"name\":" + JsonString(name) + ",\"datatype\":\"" +
         std::string(DatatypeName(datatype)) + "\",\"shape\":[-1," + std::to_string(n_columns) +
         "]}";
}

std::string FeaturesJson(const Model& model) {
  std::string names = "[";
  for (const Feature& feature : model.features()) {
    names += (names.size() > 1 ? "," : "") + JsonString(feature.name);
  }
  return names + "]";
}

std::string DurationJson(const InferenceStatistics::Duration& duration) {
  return "{\"count\":" + std::to_string(duration.count) + ",\"ns\":" + std::to_string(duration.ns) +
         "}";
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

std::string ModelMetadataJson(const LoadedModel& loaded) {
  const Model& model = loaded.model;
  std::string text = "{\"name\":" + JsonString(loaded.name) + ",\"versions\":[" +
                     JsonString(loaded.version) + "],\"platform\":\"copse\",\"inputs\":[" +
                     TensorJson(kMatrixInput, Datatype::kFp64, model.n_features()) +
                     "],\"outputs\":[";
  const std::vector<OutputSpec> specs = OutputsOf(model);
  for (std::size_t i = 0; i < specs.size(); ++i) {
    text += (i > 0 ? "," : "") + TensorJson(specs[i].name, specs[i].datatype, specs[i].n_columns);
  }
  return text + "],\"properties\":{\"features\":" + JsonString(FeaturesJson(model)) + "}}";
}

std::string ModelNamesJson(const LoadedModels& models) {
  std::string text = "{\"models\":[";
  for (const auto& model : models) {
    if (model != models.front()) text += ",";
    text += JsonString(model->name);
  }
  return text + "]}";
}

std::string RepositoryIndexJson(const LoadedModels& models) {
  std::string text = "[";
  for (const auto& model : models) {
    if (model != models.front()) text += ",";
    text += "{\"name\":" + JsonString(model->name) + ",\"version\":" + JsonString(model->version) +
            ",\"state\":\"READY\",\"reason\":\"\"}";
  }
  return text + "]";
}

std::string ModelStatisticsJson(const LoadedModel& loaded,
                                const InferenceStatistics::Snapshot& counts) {
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
         ",\"batch_stats\":[]}";
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

}  // namespace copse
