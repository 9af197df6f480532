#include "openapi.h"

#include <utility>

#include "openapi_explain.h"
#include "openapi_inference.h"
#include "openapi_problems.h"
#include "openapi_schema.h"
#include "prediction_text.h"
#include "predictor.h"

namespace copse {
namespace {

constexpr std::string_view kExampleId = "019b3c7e-8a51-7c2e-9d5f-3f6f2f1f4a10";

Json Ref(const std::string& kind, const std::string& name) {
  return {{"$ref", "#/components/" + kind + "/" + name}};
}

// The operation's refusals, by the names they have under components.
Json AddProblems(Json responses, const std::vector<std::pair<int, std::string>>& problems) {
  for (const auto& [status, name] : problems) {
    responses[std::to_string(status)] = Ref("responses", name);
  }
  return responses;
}

Json TextResponse(const std::string& description, const std::string& type) {
  return {{"description", description}, {"content", {{type, {{"schema", {{"type", "string"}}}}}}}};
}

// An operation without parameters that answers 200 with one type.
Json Simple(const std::string& id, const std::string& summary, const std::string& tag,
            Json response) {
  return {{"get",
           {{"operationId", id},
            {"summary", summary},
            {"tags", {tag}},
            {"responses", {{"200", std::move(response)}}}}}};
}

// What one row, or a list of one row, is answered; null where that is too long.
struct Examples {
  Json row, list;
  std::string text, list_text;
};

Examples ExamplesOf(const LoadedModel& loaded) {
  const Model& model = loaded.model;
  if (model.n_values() > kDescribedValuesMax) return {};
  const Prediction prediction = PredictEverything(model, ExampleRow(model));
  return {Json::parse(AnswerJson(loaded, prediction, false, kExampleId)),
          Json::parse(AnswerJson(loaded, prediction, true, kExampleId)),
          TutorialText(model, prediction, 0), TutorialText(model, prediction)};
}

Json AnswerResponse(const std::string& schema, const std::string& text, const Json& example) {
  Json as_text = {{"schema", {{"type", "string"}}}};
  Json as_json = {{"schema", Ref("schemas", schema)}};
  if (!example.is_null()) {
    as_text["example"] = text;
    as_json["example"] = example;
  }
  return {{"description", "The prediction: as the tutorial prints it, or as JSON."},
          {"headers", {{"X-Request-ID", Ref("headers", "RequestId")}}},
          {"content", {{"text/html", as_text}, {"application/json", as_json}}}};
}

Json QueryParameters(const Model& model) {
  Json parameters = Json::array({Ref("parameters", "RequestId")});
  if (model.n_features() > kDescribedFeaturesMax) return parameters;
  const std::vector<double> row = ExampleRow(model);
  for (std::size_t f = 0; f < model.n_features(); ++f) {
    const Feature& feature = model.features()[f];
    const bool is_text = feature.categorical && !feature.categories.empty();
    Json parameter = {{"name", feature.name},
                      {"in", "query"},
                      {"required", true},
                      {"schema", {{"type", is_text ? "string" : "number"}}},
                      {"example", ExampleValue(feature, row[f])}};
    const std::string text = FeatureText(model, feature);
    if (!text.empty()) parameter["description"] = text;
    parameters.push_back(parameter);
  }
  return parameters;
}

Json PredictPath(const LoadedModel& loaded, const Examples& examples) {
  const Json row = ExampleJson(loaded.model);
  Json post_answer = AnswerResponse("Answers", examples.text, examples.row);
  if (!examples.row.is_null()) {
    Json& content = post_answer["content"]["application/json"];
    content.erase("example");
    content["examples"] = {{"row", {{"value", examples.row}}},
                           {"list", {{"value", examples.list}}}};
  }
  return {
      {"get",
       {{"operationId", "predict"},
        {"summary", "Predict one row with " + loaded.name},
        {"tags", {"predict"}},
        {"parameters", QueryParameters(loaded.model)},
        {"responses", AddProblems({{"200", AnswerResponse("Answer", examples.text, examples.row)}},
                                  {{400, "BadRequest"}, {503, "Unavailable"}})}}},
      {"post",
       {{"operationId", "predictJson"},
        {"summary", "Predict a row, or a list of rows, with " + loaded.name},
        {"tags", {"predict"}},
        {"parameters", Json::array({Ref("parameters", "RequestId")})},
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
        {"responses", AddProblems({{"200", post_answer}}, {{400, "BadRequest"},
                                                           {413, "TooLarge"},
                                                           {415, "UnsupportedMediaType"},
                                                           {503, "Unavailable"}})}}}};
}

// The example row as a line of CSV.
std::string ExampleCsv(const Model& model) {
  std::string line;
  for (const double value : ExampleRow(model))
    line += (line.empty() ? "" : ",") + NumberText(value);
  return line + "\n";
}

Json PredictFilePath(const LoadedModel& loaded, const Examples& examples) {
  Json csv = {{"schema", {{"type", "string"}}}};
  if (loaded.model.n_features() <= kDescribedFeaturesMax) csv["example"] = ExampleCsv(loaded.model);
  const Json form = {
      {"schema",
       {{"type", "object"},
        {"required", {"input_file"}},
        {"properties",
         {{"input_file",
           {{"type", "string"},
            {"contentMediaType", "text/csv"},
            {"description",
             "One row a line, with or without a header that names the features."}}}}}}},
      {"encoding", {{"input_file", {{"contentType", "text/csv"}}}}}};
  const Json lines = {
      {"schema",
       {{"type", "string"},
        {"description",
         "A row a line, an object or a list; an answer a line, while rows are still coming."}}}};
  Json ok = AnswerResponse("AnswerList", examples.list_text, examples.list);
  ok["content"]["application/x-ndjson"] = lines;
  return {
      {"post",
       {{"operationId", "predictFile"},
        {"summary", "Predict the rows of a CSV file with " + loaded.name},
        {"tags", {"predict"}},
        {"parameters", Json::array({Ref("parameters", "RequestId")})},
        {"requestBody",
         {{"required", true},
          {"content",
           {{"multipart/form-data", form}, {"text/csv", csv}, {"application/x-ndjson", lines}}}}},
        {"responses", AddProblems({{"200", std::move(ok)}}, {{400, "BadRequest"},
                                                             {413, "TooLarge"},
                                                             {415, "UnsupportedMediaType"},
                                                             {503, "Unavailable"}})}}}};
}

Json ModelFilePath(const LoadedModels& models) {
  Json names = Json::array();
  for (const std::string& name : NamesOf(models)) names.push_back(name);
  const Json bytes = {{"description", "The very file that answers."},
                      {"headers", {{"ETag", {{"schema", {{"type", "string"}}}}}}},
                      {"content", {{"application/octet-stream", {{"schema", Json::object()}}}}}};
  return {{"get",
           {{"operationId", "modelFile"},
            {"summary", "Download a model"},
            {"tags", {"model"}},
            {"parameters", Json::array({{{"name", "name"},
                                         {"in", "path"},
                                         {"required", true},
                                         {"schema", {{"type", "string"}, {"enum", names}}},
                                         {"example", models.front()->name}}})},
            {"responses", AddProblems({{"200", bytes},
                                       {"304", {{"description", "If-None-Match names the file."}}}},
                                      {{404, "NotFound"}})}}}};
}

Json ModelListSchema() {
  const Json text = {{"type", "string"}};
  const Json model = {{"type", "object"},
                      {"required", {"name", "version", "url"}},
                      {"properties", {{"name", text}, {"version", text}, {"url", text}}}};
  return {{"type", "object"},
          {"required", {"models"}},
          {"properties", {{"models", {{"type", "array"}, {"items", model}}}}}};
}

// A prediction with the names of what made it.
Json AnswerSchema(Json prediction) {
  const Json text = {{"type", "string"}};
  Json& properties = prediction["properties"];
  properties["model"] = text;
  properties["version"] = text;
  properties["request_id"] = text;
  return prediction;
}

Json RecordedRowSchema() {
  const Json text = {{"type", "string"}};
  return {{"type", "object"},
          {"required",
           {"seq", "id", "time", "model", "version", "request_id", "input", "output", "label"}},
          {"properties",
           {{"seq", {{"type", "integer"}}},
            {"id", text},
            {"time", {{"type", "string"}, {"format", "date-time"}}},
            {"model", text},
            {"version", text},
            {"request_id", text},
            {"input", {{"type", "array"}}},
            {"output", text},
            {"label", text}}}};
}

Json RecentPredictionsPath() {
  const Json row = RecordedRowSchema();
  const Json list = {{"type", "object"},
                     {"required", {"predictions"}},
                     {"properties", {{"predictions", {{"type", "array"}, {"items", row}}}}}};
  const Json limit = {
      {"name", "limit"},
      {"in", "query"},
      {"required", false},
      {"schema", {{"type", "integer"}, {"minimum", 1}, {"maximum", 1000}, {"default", 100}}}};
  const Json answer = {{"description", "Newest first."},
                       {"content",
                        {{"application/json", {{"schema", list}}},
                         {"application/x-ndjson", {{"schema", {{"type", "string"}}}}}}}};
  return {{"get",
           {{"operationId", "recentPredictions"},
            {"summary", "The rows that were recorded last"},
            {"tags", {"service"}},
            {"parameters", Json::array({limit})},
            {"responses",
             AddProblems({{"200", answer}}, {{400, "BadRequest"}, {503, "Unavailable"}})}}}};
}

Json Schemas(const LoadedModels& models) {
  Json schemas = {{"Problem", ProblemSchema()}};
  schemas.update(InferenceSchemas());
  if (models.empty()) return schemas;
  const Model& model = models.front()->model;
  schemas["Row"] = RowSchema(model);
  schemas["Prediction"] = PredictionSchema(model);
  schemas["Answer"] = AnswerSchema(PredictionSchema(model));
  schemas["AnswerList"] = AnswerSchema(
      {{"type", "object"},
       {"required", {"predictions"}},
       {"properties",
        {{"predictions", {{"type", "array"}, {"items", Ref("schemas", "Prediction")}}}}}});
  schemas.update(ExplanationSchemas());
  schemas["Answers"] = {{"anyOf", {Ref("schemas", "Answer"), Ref("schemas", "AnswerList")}}};
  return schemas;
}

Json Components(const LoadedModels& models, const GateTerms& terms) {
  const Json id = {{"type", "string"}, {"pattern", "^[A-Za-z0-9._-]{1,64}$"}};
  const Json seconds = {{"type", "integer"}, {"minimum", 1}};
  const Json retry = {{"description", "Seconds until it is worth trying again."},
                      {"schema", seconds}};
  const Json sign_in = {{"description", "Bearer, and whether a token was sent that is wrong."},
                        {"schema", {{"type", "string"}}}};
  return {{"securitySchemes", SecuritySchemes(terms)},
          {"schemas", Schemas(models)},
          {"responses", ProblemResponses()},
          {"headers",
           {{"RequestId", {{"description", "Names this request in the logs."}, {"schema", id}}},
            {"RetryAfter", retry},
            {"SignIn", sign_in}}},
          {"parameters",
           {{"RequestId",
             {{"name", "X-Request-ID"},
              {"in", "header"},
              {"required", false},
              {"description", "Your name for this request; one is made if there is none."},
              {"schema", id}}}}}};
}

Json ReadyPath() {
  Json path = Simple("ready", "Whether requests can be answered", "service",
                     {{"description", "A model is loaded."},
                      {"content", {{"application/json", {{"schema", {{"type", "object"}}}}}}}});
  path["get"]["responses"]["503"] = Ref("responses", "Unavailable");
  return path;
}

Json Paths(const LoadedModels& models, bool predictions_route) {
  Json paths = Json::object();
  if (!models.empty()) {
    const Examples examples = ExamplesOf(*models.front());
    paths["/predict"] = PredictPath(*models.front(), examples);
    paths["/predict_file"] = PredictFilePath(*models.front(), examples);
    paths["/explain"] = ExplainPath(*models.front(), kExampleId);
    paths["/models/{name}.safetensors"] = ModelFilePath(models);
  }
  const Json json = {{"description", "OK"},
                     {"content", {{"application/json", {{"schema", {{"type", "object"}}}}}}}};
  paths["/models"] = Simple("models", "The loaded models; the first one answers /predict", "model",
                            {{"description", "Names, versions and addresses of the files."},
                             {"content", {{"application/json", {{"schema", ModelListSchema()}}}}}});
  paths.update(InferencePaths(models));
  paths["/healthz"] = Simple("health", "Whether the process lives", "service", json);
  paths["/readyz"] = ReadyPath();
  paths["/metrics"] = Simple("metrics", "Numbers for Prometheus", "service",
                             TextResponse("Text format 0.0.4", "text/plain"));
  if (predictions_route) paths["/predictions"] = RecentPredictionsPath();
  paths["/openapi.json"] = Simple("openapi", "This document", "documents", json);
  paths["/apispec_1.json"] = Simple("swagger", "The same as Swagger 2.0", "documents", json);
  paths["/apidocs/"] = Simple("apidocs", "This document, to read and to try", "documents",
                              TextResponse("A page", "text/html"));
  paths["/"] = Simple("page", "The page", "documents", TextResponse("A page", "text/html"));
  return paths;
}

}  // namespace

std::vector<std::string> NamesOf(const LoadedModels& models) {
  std::vector<std::string> names;
  for (const auto& model : models) {
    // Versions of one model stand together.
    if (names.empty() || names.back() != model->name) names.push_back(model->name);
  }
  return names;
}

std::string OpenApiDocument(const LoadedModels& models, const DocumentOptions& options) {
  Json paths = Paths(models, options.predictions_route);
  AddAccess(options.terms, options.use_of, paths);
  Json document = {{"openapi", "3.1.0"},
                   {"info",
                    {{"title", "Copse"},
                     {"summary", "Predictions of decision forests."},
                     {"version", COPSE_VERSION},
                     {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
                   {"servers", Json::array({{{"url", "/"}}})},
                   {"paths", std::move(paths)},
                   {"components", Components(models, options.terms)}};
  DropUnused(document);
  return JsonText(document) + "\n";
}

}  // namespace copse
