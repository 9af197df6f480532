// The tutorial's document, /apispec_1.json, as Swagger 2.0 that a validator accepts.
#include "openapi.h"
#include "openapi_schema.h"

namespace copse {
namespace {

// Swagger 2.0 has one type for each parameter and no null.
Json Parameter(const Model& model, const Feature& feature, double example) {
  const bool is_text = feature.categorical && !feature.categories.empty();
  Json parameter = {{"in", "query"},
                    {"name", feature.name},
                    {"required", true},
                    {"type", is_text ? "string" : "number"}};
  const std::string text = FeatureText(model, feature);
  if (!text.empty()) parameter["description"] = text;
  parameter["x-example"] = ExampleValue(feature, example);
  return parameter;
}

Json Parameters(const LoadedModels& models) {
  Json parameters = Json::array();
  if (models.empty()) return parameters;
  const Model& model = models.front()->model;
  if (model.n_features() > kDescribedFeaturesMax) return parameters;
  const std::vector<double> row = ExampleRow(model);
  for (std::size_t f = 0; f < model.n_features(); ++f) {
    parameters.push_back(Parameter(model, model.features()[f], row[f]));
  }
  return parameters;
}

Json Responses(const std::string& success, std::vector<std::pair<int, std::string>> refusals,
               const GateTerms& terms) {
  Json responses = {{"200", {{"description", success}}}};
  if (terms.predict_token) refusals.emplace_back(401, "A token is needed, or another one");
  if (terms.rate_limit) refusals.emplace_back(429, "This client asks too often");
  for (const auto& [status, text] : refusals) {
    responses[std::to_string(status)] = {{"description", text},
                                         {"schema", {{"$ref", "#/definitions/Problem"}}}};
  }
  return responses;
}

}  // namespace

std::string SwaggerDocument(const LoadedModels& models, const GateTerms& terms) {
  const std::string name = models.empty() ? "a model" : models.front()->name;
  const std::string version = models.empty() ? "0" : models.front()->version;
  const Json produces = {"text/html", "application/json", "application/problem+json"};
  Json document = {
      {"swagger", "2.0"},
      {"info",
       {{"title", "Copse"},
        {"description", "Predictions of a decision forest."},
        {"version", version}}},
      {"paths",
       {{"/predict",
         {{"get",
           {{"summary", "Predict one row with " + name},
            {"operationId", "predict"},
            {"produces", produces},
            {"parameters", Parameters(models)},
            {"responses", Responses("Index of predicted class",
                                    {{400, "A parameter is missing or cannot be used"},
                                     {503, "No model is loaded"}},
                                    terms)}}}}},
        {"/predict_file",
         {{"post",
           {{"summary", "Predict the rows of a CSV file with " + name},
            {"operationId", "predict_file"},
            {"consumes", {"multipart/form-data"}},
            {"produces", produces},
            {"parameters",
             Json::array({{{"in", "formData"},
                           {"name", "input_file"},
                           {"required", true},
                           {"type", "file"},
                           {"description", "CSV, one row a line, with or without a header"}}})},
            {"responses", Responses("Indices of predicted classes",
                                    {{400, "A row cannot be used"},
                                     {413, "The file is too large"},
                                     {415, "The body is no form and no CSV"},
                                     {503, "No model is loaded"}},
                                    terms)}}}}}}},
      {"definitions", {{"Problem", ProblemSchema()}}}};
  if (terms.predict_token) {  // Swagger 2.0 knows no bearer tokens
    document["securityDefinitions"]["predictToken"] = {
        {"type", "apiKey"},
        {"in", "header"},
        {"name", "Authorization"},
        {"description", "Bearer, a space, and the token"}};
    document["security"] = Json::array({{{"predictToken", Json::array()}}});
  }
  return JsonText(document) + "\n";
}

}  // namespace copse
