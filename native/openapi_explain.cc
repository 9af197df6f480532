#include "openapi_explain.h"

#include <string>
#include <utility>
#include <vector>

namespace copse {
namespace {

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

}  // namespace

Json ExplainPath(const LoadedModel& loaded) {
  const Json row = ExampleJson(loaded.model);
  const Json method = {
      {"name", "method"},
      {"in", "query"},
      {"required", false},
      {"description",
       "treeshap: exact Shapley values of the expectation by training weight. saabas: what the "
       "expectation changes by along the row's own path."},
      {"schema", {{"type", "string"}, {"enum", {"treeshap", "saabas"}}, {"default", "treeshap"}}}};
  Json responses = {
      {"200",
       {{"description", "What each feature adds to each margin."},
        {"headers", {{"X-Request-ID", Ref("headers", "RequestId")}}},
        {"content", {{"application/json", {{"schema", Ref("schemas", "Explanations")}}}}}}}};
  const std::vector<std::pair<int, std::string>> problems = {
      {400, "BadRequest"}, {413, "TooLarge"}, {415, "UnsupportedMediaType"}, {503, "Unavailable"}};
  for (const auto& [status, name] : problems) {
    responses[std::to_string(status)] = Ref("responses", name);
  }
  return {
      {"post",
       {{"operationId", "explain"},
        {"summary", "What each feature adds to the predictions of " + loaded.name},
        {"description",
         "Nothing is recorded. How many rows a request may have depends on the model; the refusal "
         "says it."},
        {"tags", {"predict"}},
        {"parameters", Json::array({Ref("parameters", "RequestId"), method})},
        {"requestBody",
         {{"required", true},
          {"content",
           {{"application/json",
             {{"schema",
               {{"anyOf",
                 {Ref("schemas", "Row"),
                  {{"type", "array"}, {"minItems", 1}, {"items", Ref("schemas", "Row")}}}}}},
              {"examples",
               {{"row", {{"value", row}}}, {"list", {{"value", Json::array({row})}}}}}}}}}}},
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
