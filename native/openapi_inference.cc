#include "openapi_inference.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kserve_v1.h"
#include "prediction_text.h"
#include "v2_documents.h"
#include "v2_reply.h"
#include "v2_rows.h"

namespace copse {
namespace {

Json Ref(const std::string& kind, const std::string& name) {
  return {{"$ref", "#/components/" + kind + "/" + name}};
}

Json JsonResponse(const std::string& description, Json schema, Json example = nullptr) {
  Json content = {{"schema", std::move(schema)}};
  if (!example.is_null()) content["example"] = std::move(example);
  return {{"description", description}, {"content", {{"application/json", content}}}};
}

Json Operation(const std::string& id, const std::string& summary, Json parameters, Json ok,
               const std::vector<std::pair<int, std::string>>& problems) {
  Json responses = {{"200", std::move(ok)}};
  for (const auto& [status, name] : problems) {
    responses[std::to_string(status)] = Ref("responses", name);
  }
  Json operation = {{"operationId", id}, {"summary", summary}, {"tags", {"inference"}}};
  if (!parameters.empty()) operation["parameters"] = std::move(parameters);
  operation["responses"] = std::move(responses);
  return operation;
}

// The places of a path: the model, and its version where the path has one.
Json PathParameters(const LoadedModels& models, bool with_version) {
  Json names = Json::array();
  for (const std::string& name : NamesOf(models)) names.push_back(name);
  Json parameters = Json::array({{{"name", "model"},
                                  {"in", "path"},
                                  {"required", true},
                                  {"schema", {{"type", "string"}, {"enum", names}}},
                                  {"example", models.front()->name}}});
  if (with_version) {
    parameters.push_back({{"name", "version"},
                          {"in", "path"},
                          {"required", true},
                          {"schema", {{"type", "string"}}},
                          {"example", models.front()->version}});
  }
  return parameters;
}

Json Text() { return {{"type", "string"}}; }

Json ListOf(Json items) { return {{"type", "array"}, {"items", std::move(items)}}; }

// A request with the example row, and what it is answered; null where that is too long.
struct InferExamples {
  Json request, response, v1_request, v1_response;
};

InferExamples ExamplesOf(const LoadedModel& loaded) {
  const Model& model = loaded.model;
  if (model.n_values() > kDescribedValuesMax || model.n_features() > kDescribedFeaturesMax) {
    return {};
  }
  const std::vector<double> row = ExampleRow(model);
  const Prediction prediction = PredictEverything(model, row);
  InferExamples examples;
  examples.request = {{"id", "1"},
                      {"inputs", Json::array({{{"name", kMatrixInput},
                                               {"shape", {1, row.size()}},
                                               {"datatype", "FP64"},
                                               {"data", row}}})}};
  Blame blame;
  const auto wanted = WantedOutputs(model, InferRequest{}, blame);
  const std::optional<std::string> id = "1";
  RowPool pool(0);
  if (wanted.ok()) {
    const InferAnswer answer{
        .model = loaded, .id = id, .wanted = *wanted, .rows = row, .prediction = prediction};
    examples.response = Json::parse(InferReply(answer, pool).body);
  }
  examples.v1_request = {{"instances", Json::array({ExampleJson(model)})}};
  examples.v1_response = Json::parse(PredictionsJson(model, prediction));
  return examples;
}

const std::vector<std::pair<int, std::string>>& InferProblems() {
  static const std::vector<std::pair<int, std::string>> problems = {
      {400, "InferenceBadRequest"},
      {404, "InferenceNotFound"},
      {413, "InferenceTooLarge"},
      {415, "InferenceUnsupportedMediaType"},
      {503, "InferenceUnavailable"}};
  return problems;
}

Json JsonBody(const std::string& schema, const Json& example) {
  Json content = {{"schema", Ref("schemas", schema)}};
  if (!example.is_null()) content["example"] = example;
  return {{"required", true}, {"content", {{"application/json", content}}}};
}

Json InferPath(const LoadedModels& models, const InferExamples& examples, bool with_version) {
  const Json bytes = {{"schema", Json::object()}};
  Json ok = JsonResponse("The outputs, in the order they were asked for.",
                         Ref("schemas", "InferenceResponse"), examples.response);
  ok["content"]["application/octet-stream"] = bytes;
  ok["headers"] = {{"Inference-Header-Content-Length",
                    {{"description", "How many bytes are JSON, where outputs are binary."},
                     {"schema", {{"type", "integer"}}}}}};
  Json parameters = PathParameters(models, with_version);
  parameters.push_back({{"name", "Inference-Header-Content-Length"},
                        {"in", "header"},
                        {"required", false},
                        {"description",
                         "How many bytes are JSON, where inputs are binary; 0: the "
                         "body is one FP64 tensor."},
                        {"schema", {{"type", "integer"}, {"minimum", 0}}}});
  Json post = Operation(with_version ? "v2InferVersion" : "v2Infer",
                        "Predict rows with a model, by the Open Inference Protocol",
                        std::move(parameters), std::move(ok), InferProblems());
  post["requestBody"] = JsonBody("InferenceRequest", examples.request);
  post["requestBody"]["content"]["application/octet-stream"] = bytes;
  return {{"post", std::move(post)}};
}

// GET of a model and of what hangs under it.
void AddModelPaths(const LoadedModels& models, bool with_version, Json& paths) {
  const std::string path =
      std::string("/v2/models/{model}") + (with_version ? "/versions/{version}" : "");
  const std::string suffix = with_version ? "Version" : "";
  const bool is_described = models.front()->model.n_features() <= kDescribedFeaturesMax;
  const Json parameters = PathParameters(models, with_version);
  const std::vector<std::pair<int, std::string>> absent = {{404, "InferenceNotFound"},
                                                           {503, "InferenceUnavailable"}};
  paths[path]["get"] = Operation(
      "v2Model" + suffix, "Inputs and outputs of a model", parameters,
      JsonResponse("Its tensors; -1 is the number of rows.", Ref("schemas", "InferenceModel"),
                   is_described ? Json::parse(ModelMetadataJson(*models.front())) : Json()),
      absent);
  paths[path + "/ready"]["get"] =
      Operation("v2ModelReady" + suffix, "Whether a model can be asked", parameters,
                JsonResponse("It can.", Ref("schemas", "InferenceModelReady")), absent);
  paths[path + "/stats"]["get"] = Operation(
      "v2ModelStatistics" + suffix, "How often a model was asked, and how long it took", parameters,
      JsonResponse("Counts, and nanoseconds altogether.", Ref("schemas", "InferenceStatistics")),
      absent);
}

Json V1PredictPath(const LoadedModels& models, const InferExamples& examples) {
  Json post = Operation("v1Predict", "Predict rows with a model, by the older protocol of KServe",
                        PathParameters(models, false),
                        JsonResponse("Class indices and values.",
                                     {{"type", "object"},
                                      {"required", {"predictions"}},
                                      {"properties", {{"predictions", {{"type", "array"}}}}}},
                                     examples.v1_response),
                        InferProblems());
  post["requestBody"] = {
      {"required", true},
      {"content",
       {{"application/json",
         {{"schema",
           {{"type", "object"},
            {"required", {"instances"}},
            {"properties", {{"instances", {{"type", "array"}, {"minItems", 1}}}}}}}}}}}};
  if (!examples.v1_request.is_null()) {
    post["requestBody"]["content"]["application/json"]["example"] = examples.v1_request;
  }
  return {{"post", std::move(post)}};
}

// To load or to unload a model: of any name, for there may be a file by the time it is asked for.
Json ControlPath(const std::string& id, const std::string& summary, const std::string& done) {
  const Json parameters =
      Json::array({{{"name", "model"}, {"in", "path"}, {"required", true}, {"schema", Text()}}});
  Json post =
      Operation(id, summary, parameters,
                JsonResponse("It is done.",
                             {{"type", "object"},
                              {"required", {"name", done}},
                              {"properties", {{"name", Text()}, {done, {{"type", "boolean"}}}}}}),
                InferProblems());
  post["requestBody"] = {
      {"required", false},
      {"content",
       {{"application/json",
         {{"schema",
           {{"type", "object"}, {"properties", {{"parameters", {{"type", "object"}}}}}}}}}}}};
  return {{"post", std::move(post)}};
}

Json ServerPaths() {
  Json paths = Json::object();
  const Json none = Json::array();
  const Json object = {{"type", "object"}};
  paths["/v2"]["get"] =
      Operation("v2Server", "Name, version and protocol extensions of this server", none,
                JsonResponse("The server.", object, Json::parse(ServerMetadataJson())), {});
  paths["/v2/health/live"]["get"] =
      Operation("v2Live", "Whether the process lives", none,
                JsonResponse("It does.", object, {{"live", true}}), {});
  paths["/v2/health/ready"]["get"] =
      Operation("v2Ready", "Whether models can be asked", none,
                JsonResponse("They can.", object, {{"ready", true}, {"live", true}}),
                {{503, "InferenceUnavailable"}});
  const Json names = {
      {"type", "object"}, {"required", {"models"}}, {"properties", {{"models", ListOf(Text())}}}};
  paths["/v2/models"]["get"] = Operation("v2Models", "Names of the models", none,
                                         JsonResponse("All that are loaded.", names), {});
  paths["/v2/models/stats"]["get"] = Operation(
      "v2Statistics", "How often each model was asked, and how long it took", none,
      JsonResponse("Counts, and nanoseconds altogether.", Ref("schemas", "InferenceStatistics")),
      {});
  Json index = Operation("v2RepositoryIndex", "The models and their states", none,
                         JsonResponse("All that there are files for, or those that can be asked.",
                                      ListOf(Ref("schemas", "ModelState"))),
                         {{400, "InferenceBadRequest"},
                          {413, "InferenceTooLarge"},
                          {415, "InferenceUnsupportedMediaType"},
                          {503, "InferenceUnavailable"}});
  index["requestBody"] = {
      {"required", false},
      {"content",
       {{"application/json",
         {{"schema", {{"type", "object"}, {"properties", {{"ready", {{"type", "boolean"}}}}}}}}}}}};
  paths["/v2/repository/index"]["post"] = std::move(index);
  paths["/v2/repository/models/{model}/load"] =
      ControlPath("v2Load", "Serve a model, or look whether its file has changed", "load");
  paths["/v2/repository/models/{model}/unload"] =
      ControlPath("v2Unload", "Serve a model no more until it is loaded", "unload");
  paths["/v1/models"]["get"] = Operation("v1Models", "Names of the models", none,
                                         JsonResponse("All that are loaded.", names), {});
  return paths;
}

Json TensorSchema(bool is_input) {
  Json properties = {{"name", Text()},
                     {"shape", ListOf({{"type", "integer"}, {"minimum", 0}})},
                     {"datatype",
                      {{"type", "string"},
                       {"enum",
                        {"BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32",
                         "INT64", "FP16", "FP32", "FP64", "BYTES"}}}},
                     {"parameters", {{"type", "object"}}},
                     {"data", {{"type", "array"}}}};
  if (is_input) {
    properties["name"]["description"] =
        std::string(kMatrixInput) + ", all features of each row; or the name of one feature";
    properties["data"]["description"] =
        "Flat or nested, row by row. Whole numbers that no double holds exactly are refused.";
  }
  return {{"type", "object"},
          {"required", {"name", "shape", "datatype"}},
          {"properties", std::move(properties)}};
}

}  // namespace

Json InferencePaths(const LoadedModels& models) {
  Json paths = ServerPaths();
  if (models.empty()) return paths;
  const InferExamples examples = ExamplesOf(*models.front());
  AddModelPaths(models, false, paths);
  paths["/v2/models/{model}/infer"] = InferPath(models, examples, false);
  AddModelPaths(models, true, paths);
  paths["/v2/models/{model}/versions/{version}/infer"] = InferPath(models, examples, true);
  paths["/v1/models/{model}"]["get"] =
      Operation("v1Model", "Whether a model can be asked", PathParameters(models, false),
                JsonResponse("It can.", Ref("schemas", "InferenceModelReady")),
                {{404, "InferenceNotFound"}, {503, "InferenceUnavailable"}});
  paths["/v1/models/{model}:predict"] = V1PredictPath(models, examples);
  return paths;
}

Json InferenceSchemas() {
  const Json object = {{"type", "object"}};
  const Json described = {{"type", "object"},
                          {"required", {"name", "datatype", "shape"}},
                          {"properties",
                           {{"name", Text()},
                            {"datatype", Text()},
                            {"shape", ListOf({{"type", "integer"}, {"minimum", -1}})}}}};
  Json problem = ProblemSchema();
  problem["required"].insert(problem["required"].begin(), "error");
  problem["properties"]["error"] = Text();
  return {{"InferenceRequest",
           {{"type", "object"},
            {"required", {"inputs"}},
            {"properties",
             {{"id", Text()},
              {"parameters", object},
              {"inputs", {{"type", "array"}, {"minItems", 1}, {"items", TensorSchema(true)}}},
              {"outputs", ListOf({{"type", "object"},
                                  {"required", {"name"}},
                                  {"properties", {{"name", Text()}, {"parameters", object}}}})}}}}},
          {"InferenceResponse",
           {{"type", "object"},
            {"required", {"model_name", "outputs"}},
            {"properties",
             {{"model_name", Text()},
              {"model_version", Text()},
              {"id", Text()},
              {"outputs", ListOf(TensorSchema(false))}}}}},
          {"InferenceModel",
           {{"type", "object"},
            {"required", {"name", "platform", "inputs", "outputs"}},
            {"properties",
             {{"name", Text()},
              {"versions", ListOf(Text())},
              {"platform", Text()},
              {"inputs", ListOf(described)},
              {"outputs", ListOf(described)},
              {"properties", {{"type", "object"}, {"additionalProperties", Text()}}}}}}},
          {"InferenceModelReady",
           {{"type", "object"},
            {"required", {"name", "ready"}},
            {"properties", {{"name", Text()}, {"ready", {{"type", "boolean"}}}}}}},
          {"InferenceStatistics",
           {{"type", "object"},
            {"required", {"model_stats"}},
            {"properties", {{"model_stats", ListOf(object)}}}}},
          {"ModelState",
           {{"type", "object"},
            {"required", {"name", "state"}},
            {"properties",
             {{"name", Text()}, {"version", Text()}, {"state", Text()}, {"reason", Text()}}}}},
          {"InferenceProblem", problem}};
}

}  // namespace copse
