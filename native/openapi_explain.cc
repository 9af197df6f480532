#include "openapi_explain.h"

#include <string>
#include <utility>
#include <vector>

#include "copse/explain.h"
#include "explanations.h"

namespace copse {
namespace {

// More would make the document slow.
constexpr std::size_t kExampleNodesMax = std::size_t{1} << 16;

Json Ref(const std::string& kind, const std::string& name) {
  return {{"$ref", "#/components/" + kind + "/" + name}};
}

Json Number() { return {{"type", {"number", "null"}}}; }

Json MarginSchema() {
  return {
      {"type", "object"},
      {"description",
       "Base and contributions add up to the margin, the raw score before the link (of an "
       "isolation forest: the average path length)."},
      {"required", {"output", "margin", "base", "contributions"}},
      {"properties",
       {{"output", {{"type", "string"}}},
        {"class",
         {{"description",
           "Where the output has classes: the one that a larger margin speaks for."}}},
        {"column", {{"type", "integer"}, {"description", "Of an output with several numbers."}}},
        {"margin", Number()},
        {"base", Number()},
        {"contributions", {{"type", "object"}, {"additionalProperties", Number()}}}}}};
}

std::string Description(const Model& model) {
  if (const auto status = Explainer::Check(model); !status.ok()) {
    return "This model is not explained: " + status.error().message + ".";
  }
  return "Nothing is recorded. How many rows a request may have depends on the model; the refusal "
         "says it.";
}

// What the example row, and a list of it, are answered; null where that is long or takes long.
Json ExamplesOf(const LoadedModel& loaded, std::string_view id) {
  const Model& model = loaded.model;
  if (model.n_margins() * (model.n_features() + 1) > kDescribedValuesMax) return nullptr;
  if (model.forest() != nullptr && model.forest()->n_nodes() > kExampleNodesMax) return nullptr;
  const auto explainer = Explainer::Create(model);
  if (!explainer.ok()) return nullptr;
  Rows rows{.n_rows = 1, .values = ExampleRow(model)};
  std::vector<double> parts(explainer->columns());
  explainer->Explain(rows.values, parts);
  Json examples;
  for (const bool is_list : {false, true}) {
    rows.is_list = is_list;
    examples[is_list ? "list" : "row"]["value"] =
        Json::parse(ExplanationsJson(loaded, rows, parts, ExplainMethod::kTreeShap, id));
  }
  return examples;
}

}  // namespace

Json ExplainPath(const LoadedModel& loaded, std::string_view example_id) {
  Json request = {{"schema",
                   {{"anyOf",
                     {Ref("schemas", "Row"),
                      {{"type", "array"}, {"minItems", 1}, {"items", Ref("schemas", "Row")}}}}}}};
  if (loaded.model.n_features() <= kDescribedFeaturesMax) {
    const Json row = ExampleJson(loaded.model);
    request["examples"] = {{"row", {{"value", row}}}, {"list", {{"value", Json::array({row})}}}};
  }
  const Json method = {
      {"name", "method"},
      {"in", "query"},
      {"required", false},
      {"description",
       "treeshap: exact Shapley values of the expectation by training weight. saabas: what the "
       "expectation changes by along the row's own path."},
      {"schema", {{"type", "string"}, {"enum", {"treeshap", "saabas"}}, {"default", "treeshap"}}}};
  Json content = {{"schema", Ref("schemas", "Explanations")}};
  if (Json examples = ExamplesOf(loaded, example_id); !examples.is_null()) {
    content["examples"] = std::move(examples);
  }
  Json responses = {{"200",
                     {{"description", "What each feature adds to each margin."},
                      {"headers", {{"X-Request-ID", Ref("headers", "RequestId")}}},
                      {"content", {{"application/json", std::move(content)}}}}}};
  const std::vector<std::pair<int, std::string>> problems = {
      {400, "BadRequest"}, {413, "TooLarge"}, {415, "UnsupportedMediaType"}, {503, "Unavailable"}};
  for (const auto& [status, name] : problems) {
    responses[std::to_string(status)] = Ref("responses", name);
  }
  return {{"post",
           {{"operationId", "explain"},
            {"summary", "What each feature adds to the predictions of " + loaded.name},
            {"description", Description(loaded.model)},
            {"tags", {"predict"}},
            {"parameters", Json::array({Ref("parameters", "RequestId"), method})},
            {"requestBody",
             {{"required", true}, {"content", {{"application/json", std::move(request)}}}}},
            {"responses", std::move(responses)}}}};
}

Json ExplanationSchemas() {
  const Json text = {{"type", "string"}};
  const Json margins = {{"type", "array"}, {"items", MarginSchema()}};
  Json answer = {{"type", "object"},
                 {"required", {"method", "model", "version", "request_id"}},
                 {"properties",
                  {{"margins", margins},
                   {"explanations",
                    {{"type", "array"},
                     {"description", "Of a list of rows."},
                     {"items", Ref("schemas", "Explanation")}}},
                   {"method", text},
                   {"model", text},
                   {"version", text},
                   {"request_id", text}}}};
  return {{"Explanation",
           {{"type", "object"}, {"required", {"margins"}}, {"properties", {{"margins", margins}}}}},
          {"Explanations", std::move(answer)}};
}

}  // namespace copse
