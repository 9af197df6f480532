#include "handlers.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "cores.h"
#include "multipart.h"
#include "recent_predictions.h"
#include "route_template.h"

namespace copse {
namespace {

constexpr std::string_view kModelPrefix = "/models/";
constexpr std::string_view kModelSuffix = ".safetensors";
constexpr std::string_view kAssetPath = "/{asset}";

ProblemDetails DetailsOf(const Request& request) {
  return {.request_id = request.request_id, .field = {}, .value = {}};
}

// What speaks an inference protocol, whose clients want their errors in another form.
bool IsProtocolPath(std::string_view path) {
  return path == "/v2" || path.starts_with("/v2/") || path == "/v1" || path.starts_with("/v1/");
}

// In the order of the tutorial's server, and POST where it has it.
std::string AllowedMethods(const Route& route) {
  std::string methods;
  if (route.post != nullptr) methods += "POST, ";
  methods += "OPTIONS";
  if (route.get != nullptr) methods += ", HEAD, GET";
  return methods;
}

Reply Options(const Route& route) {
  Reply reply = HtmlReply("");
  reply.headers.emplace_back("Allow", AllowedMethods(route));
  return reply;
}

Reply NoModel(const Request& request) {
  return Problem(Error{ErrorCode::kUnavailable, "No model is loaded."}, DetailsOf(request));
}

}  // namespace

std::span<const Route> Handlers::Routes() {
  static constexpr std::array kRoutes = {
      Route{"/predict", &Handlers::Predict, &Handlers::PredictJson, Use::kPredict},
      Route{"/predict_file", nullptr, &Handlers::PredictFile, Use::kPredict},
      Route{"/explain", nullptr, &Handlers::Explain, Use::kPredict},
      Route{"/models", &Handlers::ModelList, nullptr},
      Route{"/models/{name}.safetensors", &Handlers::ModelFile, nullptr, Use::kPredict},
      Route{"/apidocs", &Handlers::ApiDocsRedirect, nullptr},
      Route{"/apidocs/index.html", &Handlers::ApiDocsIndex, nullptr},
      Route{"/docs", &Handlers::ApiDocsIndex, nullptr},  // where other servers have it
      Route{"/v2/docs", &Handlers::ApiDocsIndex, nullptr},
      Route{"/apispec_1.json", &Handlers::Swagger, nullptr},
      Route{"/openapi.json", &Handlers::OpenApi, nullptr},
      Route{"/healthz", &Handlers::Health, nullptr, Use::kProbe},
      Route{"/readyz", &Handlers::Ready, nullptr, Use::kProbe},
      Route{"/metrics", &Handlers::MetricsText, nullptr, Use::kProbe},
      Route{"/v2", &Handlers::V2Server, nullptr},
      Route{"/v2/", &Handlers::V2Server, nullptr},
      Route{"/v2/health/live", &Handlers::V2Live, nullptr, Use::kProbe},
      Route{"/v2/health/ready", &Handlers::V2Ready, nullptr, Use::kProbe},
      Route{"/v2/models", &Handlers::V2Models, nullptr},
      Route{"/v2/models/stats", &Handlers::V2Statistics, nullptr},
      Route{"/v2/models/{model}", &Handlers::V2Model, nullptr},
      Route{"/v2/models/{model}/ready", &Handlers::V2ModelReady, nullptr},
      Route{"/v2/models/{model}/stats", &Handlers::V2ModelStatistics, nullptr},
      Route{"/v2/models/{model}/infer", nullptr, &Handlers::V2Infer, Use::kPredict},
      Route{"/v2/models/{model}/versions/{version}", &Handlers::V2Model, nullptr},
      Route{"/v2/models/{model}/versions/{version}/ready", &Handlers::V2ModelReady, nullptr},
      Route{"/v2/models/{model}/versions/{version}/stats", &Handlers::V2ModelStatistics, nullptr},
      Route{"/v2/models/{model}/versions/{version}/infer", nullptr, &Handlers::V2Infer,
            Use::kPredict},
      Route{"/v2/repository/index", nullptr, &Handlers::V2RepositoryIndex},
      Route{"/v2/repository/models/{model}/load", nullptr, &Handlers::V2Load, Use::kControl},
      Route{"/v2/repository/models/{model}/unload", nullptr, &Handlers::V2Unload, Use::kControl},
      Route{"/v1/models", &Handlers::V2Models, nullptr},
      Route{"/v1/models/{model}:predict", nullptr, &Handlers::V1Predict, Use::kPredict},
      Route{"/v1/models/{model}", &Handlers::V1Model, nullptr},
      Route{"/predictions", &Handlers::RecentPredictions, nullptr, Use::kRecords},
      Route{kAssetPath, &Handlers::Asset, nullptr},
  };
  return kRoutes;
}

Handlers::Handlers(LoadedModels models, WebAssets web, PredictionLog* log, Metrics& metrics,
                   HandlerOptions options)
    : web_(std::move(web)),
      log_(log),
      metrics_(metrics),
      options_{options.predictions_route && log != nullptr, options.terms},
      pool_(std::make_unique<RowPool>(CoresAllowed() - 1)) {
  Replace(std::move(models));
}

void Handlers::Replace(LoadedModels models, std::vector<UnavailableModel> unavailable) {
  std::set<std::pair<std::string, std::string>> served;
  for (const auto& model : models) served.emplace(model->name, model->version);
  metrics_.KeepVersions(served);
  const auto before = Models();
  const DocumentOptions documents{.predictions_route = options_.predictions_route,
                                  .terms = options_.terms,
                                  .use_of = [this](std::string_view path) { return UseOf(path); }};
  auto next = std::make_shared<const ModelSet>(std::move(models), std::move(unavailable),
                                               before.get(), log_, metrics_, *pool_, documents);
  const std::lock_guard lock(mutex_);
  models_.swap(next);  // the old set ends outside of the lock, or with its last request
}

std::shared_ptr<const ModelSet> Handlers::Models() const {
  const std::lock_guard lock(mutex_);
  return models_;
}

const Route* Handlers::Find(std::string_view path) const {
  for (const Route& route : Routes()) {
    if (route.get == &Handlers::RecentPredictions && !options_.predictions_route) continue;
    if (route.get == &Handlers::Asset) {
      if (path == "/" || web_.Has(path)) return &route;
    } else if (MatchTemplate(route.path, path)) {
      return &route;
    }
  }
  return nullptr;
}

std::string_view Handlers::RouteName(std::string_view path) const {
  const Route* const route = Find(path);
  return route == nullptr ? std::string_view() : route->path;
}

Use Handlers::UseOf(std::string_view path) const {
  const Route* const route = Find(path);
  return route == nullptr ? Use::kOpen : route->use;
}

bool Handlers::ReadsBody(std::string_view method, std::string_view path) const {
  const Route* const route = Find(path);
  return method == "POST" && route != nullptr && route->post != nullptr;
}

Reply Handlers::Handle(const Request& request) const {
  Reply reply = Dispatch(request);
  AddCommonHeaders(request, reply);
  return reply;
}

Reply Handlers::Dispatch(const Request& request) const {
  if (request.method == "OPTIONS" && request.target == "*") {
    return Options({"*", &Handlers::Asset, &Handlers::PredictFile});
  }
  const Route* const route = Find(request.path);
  if (route == nullptr) {
    return Problem(Error{ErrorCode::kNotFound, "There is nothing at " + request.path + "."},
                   DetailsOf(request));
  }
  const bool is_get = request.method == "GET" || request.method == "HEAD";
  if (is_get && route->get != nullptr) return (this->*route->get)(request);
  if (request.method == "POST" && route->post != nullptr) return (this->*route->post)(request);
  if (request.method == "OPTIONS") return Options(*route);
  Reply reply = Problem(Error{ErrorCode::kMethodNotAllowed,
                              "The method " + request.method + " is not allowed for " +
                                  request.path + "; " + AllowedMethods(*route) + " are."},
                        DetailsOf(request));
  reply.headers.emplace_back("Allow", AllowedMethods(*route));
  return reply;
}

void AddCommonHeaders(const Request& request, Reply& reply) {
  if (IsProtocolPath(request.path.empty() ? request.target : request.path)) UseErrorMember(reply);
  reply.headers.reserve(reply.headers.size() + 6);
  const bool has_policy =
      std::any_of(reply.headers.begin(), reply.headers.end(),
                  [](const auto& header) { return header.first == "Content-Security-Policy"; });
  if (!has_policy) {
    reply.headers.emplace_back("Content-Security-Policy",
                               "default-src 'none'; frame-ancestors 'none'");
  }
  reply.headers.emplace_back("X-Content-Type-Options", "nosniff");
  reply.headers.emplace_back("Referrer-Policy", "no-referrer");
  if (!request.request_id.empty()) reply.headers.emplace_back("X-Request-ID", request.request_id);
}

Reply Handlers::Predict(const Request& request) const {
  const auto models = Models();
  return models->empty() ? NoModel(request) : models->predictors().front()->FromQuery(request);
}

Reply Handlers::PredictJson(const Request& request) const {
  const auto models = Models();
  return models->empty() ? NoModel(request) : models->predictors().front()->FromJson(request);
}

Reply Handlers::PredictFile(const Request& request) const {
  const auto models = Models();
  return models->empty() ? NoModel(request) : models->predictors().front()->FromFile(request);
}

Reply Handlers::Explain(const Request& request) const {
  const auto models = Models();
  return models->empty() ? NoModel(request) : ExplainRows(*models->predictors().front(), request);
}

bool Handlers::IsStream(const Request& request) {
  if (request.method != "POST" || request.path != "/predict_file") return false;
  const std::string_view content_type = request.Field("content-type");
  if (!IsUtf8Charset(content_type)) return false;
  const std::string type = MediaType(content_type);
  return IsNdjsonType(type) || (type == "text/csv" && AcceptsNdjson(request.Field("accept")));
}

std::variant<Reply, std::unique_ptr<PredictionStream>> Handlers::OpenStream(
    const Request& request, ByteSource source) const {
  const auto models = Models();
  if (models->empty()) return NoModel(request);
  const auto& predictor = models->predictors().front();
  const Model& model = predictor->loaded().model;
  auto rows = MediaType(request.Field("content-type")) == "text/csv"
                  ? NewCsvReader(model, std::move(source))
                  : NewNdjsonReader(model, std::move(source));
  return std::make_unique<PredictionStream>(predictor, request, std::move(rows));
}

Reply Handlers::ModelList(const Request&) const {
  std::string text;
  const auto set = Models();
  for (const std::string& name : NamesOf(set->models())) {
    const std::string version = set->Find(name)->loaded().version;
    text += (text.empty() ? "{\"models\":[" : ",") + ("{\"name\":" + JsonString(name)) +
            ",\"version\":" + JsonString(version) +
            ",\"url\":" + JsonString(std::string(kModelPrefix) + name + std::string(kModelSuffix)) +
            "}";
  }
  if (text.empty()) text = "{\"models\":[";
  Reply reply = JsonReply(text + "]}\n");
  reply.headers.emplace_back("Cache-Control", "no-cache");
  return reply;
}

Reply Handlers::ModelFile(const Request& request) const {
  std::string_view name = request.path;
  name.remove_prefix(kModelPrefix.size());
  name.remove_suffix(kModelSuffix.size());
  const auto set = Models();
  const auto predictor = set->Find(name);
  if (predictor == nullptr) return Problem(set->Absent(name), DetailsOf(request));
  const LoadedModel& model = predictor->loaded();
  const std::string etag = "\"" + model.sha256 + "\"";
  Reply reply;
  reply.headers = {{"ETag", etag}, {"Cache-Control", "no-cache"}};
  if (MatchesEtag(request.Field("if-none-match"), etag)) {
    reply.status = 304;
    reply.headers.emplace_back("Content-Length", std::to_string(model.bytes.size()));
    return reply;
  }
  reply.content_type = "application/octet-stream";
  reply.body.assign(model.bytes.begin(), model.bytes.end());
  return reply;
}

Reply Handlers::ApiDocsRedirect(const Request& request) const {
  return Redirect(308, (request.host.empty() ? "" : "http://" + request.host) + "/apidocs/");
}

Reply Handlers::ApiDocsIndex(const Request&) const { return Redirect(302, "/apidocs/"); }

Reply Handlers::Swagger(const Request&) const { return JsonReply(Models()->swagger()); }

Reply Handlers::OpenApi(const Request&) const { return JsonReply(Models()->openapi()); }

Reply Handlers::Health(const Request&) const { return JsonReply("{\"status\":\"ok\"}"); }

Reply Handlers::Ready(const Request& request) const {
  if (draining_) {
    return Problem(Error{ErrorCode::kUnavailable, "The service is about to stop."},
                   DetailsOf(request));
  }
  const auto set = Models();
  if (set->empty()) return NoModel(request);
  std::string text = "{\"status\":\"ready\",\"models\":[";
  for (const auto& model : set->models()) {
    if (model != set->models().front()) text += ",";
    text +=
        "{\"name\":" + JsonString(model->name) + ",\"version\":" + JsonString(model->version) + "}";
  }
  return JsonReply(text + "]}");
}

Reply Handlers::MetricsText(const Request&) const {
  Metrics::Snapshot snapshot;
  if (log_ != nullptr) snapshot.log = log_->State();
  const auto set = Models();
  for (const auto& predictor : set->predictors()) {
    auto& model = snapshot.models.emplace_back();
    model.name = predictor->loaded().name;
    model.version = predictor->loaded().version;
    const auto& features = predictor->loaded().model.features();
    const std::size_t n = std::min(features.size(), Metrics::kFeaturesMax);
    for (std::size_t f = 0; f < n; ++f) model.features.push_back(features[f].name);
    model.counts = predictor->statistics().Now();
    model.drift = predictor->drift().Now();
  }
  snapshot.ready = ready();
  Reply reply;
  reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
  reply.body = metrics_.Text(snapshot);
  return reply;
}

Reply Handlers::RecentPredictions(const Request& request) const {
  return RecentPredictionsReply(request, *log_);
}

Reply Handlers::Asset(const Request& request) const {
  if (!web_.Has(request.path)) {
    return Problem(Error{ErrorCode::kNotFound,
                         "This server has no page: it was started without a folder that holds the "
                         "built one (--web)."},
                   DetailsOf(request));
  }
  return web_.Get(request.path, request.Field("accept-encoding"), request.Field("if-none-match"));
}

}  // namespace copse
