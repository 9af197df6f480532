// The routes of the inference protocols: the Open Inference Protocol under /v2, KServe's older one
// under /v1.
#include <string>
#include <utility>
#include <vector>

#include "handlers.h"
#include "route_template.h"
#include "utf8.h"
#include "v2_documents.h"
#include "v2_infer.h"

namespace copse {
namespace {

Reply Refused(const Request& request, const Error& error) {
  return Problem(error, {.request_id = request.request_id, .field = {}, .value = {}});
}

constexpr std::size_t kVersionsShownMax = 200;

// What changes from request to request.
Reply FreshJson(std::string body) {
  Reply reply = JsonReply(std::move(body));
  reply.headers.emplace_back("Cache-Control", "no-cache");
  return reply;
}

}  // namespace

Result<std::shared_ptr<const Predictor>> Handlers::ModelOf(const Request& request) const {
  const auto places = MatchTemplate(RouteName(request.path), request.path);
  if (!places || places->empty()) return Error{ErrorCode::kInternal, "No model is named."};
  const std::string_view name = places->front();
  const auto set = Models();
  auto found = set->Find(name);
  if (found == nullptr) return set->Absent(name);
  if (places->size() == 1) return found;
  found = set->Find(name, (*places)[1]);
  if (found != nullptr) return found;
  std::string versions;
  for (const std::string& version : set->VersionsOf(name)) {
    if (versions.size() > kVersionsShownMax) break;
    versions += (versions.empty() ? "" : ", ") + Shown(version);
  }
  return Error{ErrorCode::kNotFound, "Model " + Shown(name) + " has no version " +
                                         Shown((*places)[1]) + "; it has " + versions + "."};
}

Reply Handlers::V2Server(const Request&) const { return JsonReply(ServerMetadataJson()); }

Reply Handlers::V2Live(const Request&) const { return FreshJson("{\"live\":true}"); }

Reply Handlers::V2Ready(const Request& request) const {
  Reply reply = Ready(request);
  return reply.status == 200 ? FreshJson("{\"ready\":true,\"live\":true}") : reply;
}

Reply Handlers::V2Models(const Request&) const {
  return FreshJson(ModelNamesJson(Models()->models()));
}

Reply Handlers::V2Statistics(const Request&) const {
  std::string text;
  const auto models = Models();
  for (const auto& predictor : models->predictors()) {
    text += (text.empty() ? "" : ",") + ModelStatisticsJson(predictor->loaded(),
                                                            predictor->statistics().Now(),
                                                            predictor->drift().Now());
  }
  return FreshJson("{\"model_stats\":[" + text + "]}");
}

Reply Handlers::V2Model(const Request& request) const {
  const auto model = ModelOf(request);
  if (!model.ok()) return Refused(request, model.error());
  const LoadedModel& loaded = (*model)->loaded();
  return FreshJson(ModelMetadataJson(loaded, Models()->VersionsOf(loaded.name)));
}

Reply Handlers::V2ModelReady(const Request& request) const {
  const auto model = ModelOf(request);
  if (!model.ok()) return Refused(request, model.error());
  if (draining_) return Ready(request);
  return FreshJson("{\"name\":" + JsonString((*model)->loaded().name) + ",\"ready\":true}");
}

Reply Handlers::V2ModelStatistics(const Request& request) const {
  const auto model = ModelOf(request);
  if (!model.ok()) return Refused(request, model.error());
  return FreshJson("{\"model_stats\":[" +
                   ModelStatisticsJson((*model)->loaded(), (*model)->statistics().Now(),
                                       (*model)->drift().Now()) +
                   "]}");
}

Reply Handlers::V2Infer(const Request& request) const {
  const auto model = ModelOf(request);
  return model.ok() ? InferV2(**model, request) : Refused(request, model.error());
}

Reply Handlers::V2RepositoryIndex(const Request& request) const {
  const auto ready = IndexWantsReady(request.body);
  if (!ready.ok()) return Refused(request, ready.error());
  const auto set = Models();
  return FreshJson(RepositoryIndexJson(
      set->models(), *ready ? std::vector<UnavailableModel>() : set->unavailable()));
}

Reply Handlers::Control(const Request& request, Status (*check)(std::string_view body),
                        Status (ModelControl::*act)(const std::string& name),
                        std::string_view done) const {
  const auto places = MatchTemplate(RouteName(request.path), request.path);
  const std::string name(places && !places->empty() ? places->front() : "");
  if (auto fits = check(request.body); !fits.ok()) return Refused(request, fits.error());
  if (control_ == nullptr || draining_) {
    return Refused(request, {ErrorCode::kUnavailable, "The models cannot be changed now."});
  }
  const Status result = (control_->*act)(name);
  if (!result.ok()) return Refused(request, result.error());
  return FreshJson("{\"name\":" + JsonString(name) + "," + JsonString(done) + ":true}");
}

Reply Handlers::V2Load(const Request& request) const {
  return Control(request, &CheckLoadRequest, &ModelControl::Load, "load");
}

Reply Handlers::V2Unload(const Request& request) const {
  return Control(request, &CheckUnloadRequest, &ModelControl::Unload, "unload");
}

Reply Handlers::V1Model(const Request& request) const { return V2ModelReady(request); }

Reply Handlers::V1Predict(const Request& request) const {
  const auto model = ModelOf(request);
  return model.ok() ? PredictV1(**model, request) : Refused(request, model.error());
}

}  // namespace copse
