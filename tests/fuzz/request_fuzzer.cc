// Bodies of /predict and of the inference protocol, for a model of numbers and one with categories:
// any bytes are refused with a sentence, or are JSON to an independent reader, and rows that the
// model takes.
//
// A first line that begins with '#' is the Inference-Header-Content-Length field, and what comes
// behind it the body.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "check.h"
#include "loaded_model.h"
#include "rows.h"
#include "v2_request.h"
#include "v2_rows.h"

namespace copse::test {
namespace {

// What one call may take: more rows are for other tests.
constexpr std::size_t kRowsMax = 64;

const Model& Load(const std::string& path) {
  // As long as the process, like everything that the leak sanitizer is to leave alone.
  static std::vector<std::shared_ptr<const LoadedModel>> kept;
  const auto loaded = LoadModel(std::string(COPSE_SOURCE_DIR) + path);
  Demand(loaded.ok(), path + " cannot be read");
  return kept.emplace_back(*loaded)->model;
}

const std::vector<const Model*>& Models() {
  static const std::vector<const Model*> models = {
      &Load("/models/iris.safetensors"),
      &Load("/tests/vectors/ref_category_known/model.safetensors")};
  return models;
}

void CheckRows(const Model& model, const Result<Rows>& rows) {
  if (!rows.ok()) return CheckRefusal(rows.error());
  Demand(rows->values.size() == rows->n_rows * model.n_features(), "rows of another width");
  Demand(model.CheckRows(rows->values).ok(), "rows that the model does not take");
  const std::size_t n = std::min(rows->n_rows, kRowsMax);
  std::vector<double> margins(n * *model.Columns(Answer::kMargin));
  model.Predict(Answer::kMargin, std::span(rows->values).first(n * model.n_features()), margins);
}

void CheckPredictBody(const Model& model, std::string_view body) {
  const auto rows = RowsFromJson(model, body);
  CheckRows(model, rows);
  Demand(!rows.ok() || nlohmann::json::accept(body), "rows of what is no JSON");
}

void CheckRequest(std::string_view body, std::optional<std::string_view> header_length) {
  Blame blame;
  const auto request = ParseInferRequest(body, header_length, blame);
  if (!request.ok()) return CheckRefusal(request.error());
  std::size_t n_json = body.size();
  if (header_length) n_json = *ParseHeaderLength(*header_length, body.size());
  Demand(nlohmann::json::accept(body.substr(0, n_json)), "a request of what is no JSON");
  for (const InferInput& input : request->inputs) {
    Demand(ElementCount(input.shape) == input.n_elements, "elements that the shape has not");
    Demand(input.is_binary || input.elements.size() == input.n_elements, "a list of other length");
  }
  for (const Model* const model : Models()) {
    CheckRows(*model, RowsFromInputs(*model, *request, blame));
  }
}

}  // namespace
}  // namespace copse::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace copse::test;
  std::string_view body(reinterpret_cast<const char*>(data), size);
  std::optional<std::string_view> header_length;
  if (const std::size_t end = body.find('\n'); body.starts_with("#") && end != body.npos) {
    header_length = body.substr(1, end - 1);
    body.remove_prefix(end + 1);
  }
  CheckRequest(body, header_length);
  for (const copse::Model* const model : Models()) {
    CheckPredictBody(*model, body);
    copse::Blame blame;
    CheckRows(*model, copse::RowsFromRawTensor(*model, body, blame));
  }
  return 0;
}
