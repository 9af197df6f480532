#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gate.h"
#include "metrics.h"
#include "model_control.h"
#include "model_set.h"
#include "prediction_log.h"
#include "prediction_stream.h"
#include "reply.h"
#include "request.h"
#include "web_assets.h"

namespace copse {

class Handlers;

/// What somebody has to ask for.
struct HandlerOptions {
  bool predictions_route = false;  ///< GET /predictions; needs a log
  GateTerms terms = {};            ///< what the gate asks for, for the documents
};

/// What answers a path: its template, such as "/models/{name}.safetensors" (route_template.h), and
/// what it takes.
struct Route {
  using Function = Reply (Handlers::*)(const Request&) const;

  std::string_view path;
  Function get = nullptr;   ///< also answers HEAD
  Function post = nullptr;  ///< the only method whose body is read
  Use use = Use::kOpen;
};

/// Every route of the service, on plain requests and replies. Thread-safe.
class Handlers {
 public:
  /// `log` may be null. It and `metrics` must outlive this.
  Handlers(LoadedModels models, WebAssets web, PredictionLog* log, Metrics& metrics,
           HandlerOptions options = {});

  /// The template that answers a decoded path, "" if there is none. For logs and metrics.
  std::string_view RouteName(std::string_view path) const;
  /// What a decoded path is for; kOpen where there is nothing.
  Use UseOf(std::string_view path) const;
  /// Whether the body of such a request is wanted: else it can be answered before it has come.
  bool ReadsBody(std::string_view method, std::string_view path) const;

  /// Requests that come from now on are answered by these. Those that are being answered keep what
  /// they began with.
  void Replace(LoadedModels models, std::vector<UnavailableModel> unavailable = {});

  /// Who loads and unloads models for those who may ask; without one nobody does. It must outlive
  /// every Handle. Before the first one.
  void SetControl(ModelControl* control) { control_ = control; }

  /// Whether a request to /predict_file sends rows that are answered as they come, whatever their
  /// number: newline-delimited JSON, or CSV whose answer is to be that.
  static bool IsStream(const Request& request);
  /// Such a request, before its body: its answers, or a refusal. `source` gives the body.
  std::variant<Reply, std::unique_ptr<PredictionStream>> OpenStream(const Request& request,
                                                                    ByteSource source) const;

  /// Never throws but for lack of memory.
  Reply Handle(const Request& request) const;

  /// From now on /readyz says 503: the process is about to end.
  void StartDraining() { draining_ = true; }
  bool draining() const { return draining_; }
  bool ready() const { return !draining_ && !Models()->empty(); }

 private:
  static std::span<const Route> Routes();
  const Route* Find(std::string_view path) const;
  Reply Dispatch(const Request& request) const;

  Reply Predict(const Request& request) const;
  Reply PredictJson(const Request& request) const;
  Reply PredictFile(const Request& request) const;
  Reply Explain(const Request& request) const;
  Reply ModelList(const Request& request) const;
  Reply ModelFile(const Request& request) const;
  Reply ApiDocsRedirect(const Request& request) const;
  Reply ApiDocsIndex(const Request& request) const;
  Reply Swagger(const Request& request) const;
  Reply OpenApi(const Request& request) const;
  Reply Health(const Request& request) const;
  Reply Ready(const Request& request) const;
  Reply MetricsText(const Request& request) const;
  Reply RecentPredictions(const Request& request) const;
  Reply Asset(const Request& request) const;

  // The inference protocols: v2_handlers.cc.
  Reply V2Server(const Request& request) const;
  Reply V2Live(const Request& request) const;
  Reply V2Ready(const Request& request) const;
  Reply V2Models(const Request& request) const;
  Reply V2Statistics(const Request& request) const;
  Reply V2Model(const Request& request) const;
  Reply V2ModelReady(const Request& request) const;
  Reply V2ModelStatistics(const Request& request) const;
  Reply V2Infer(const Request& request) const;
  Reply V2RepositoryIndex(const Request& request) const;
  Reply V2Load(const Request& request) const;
  Reply V2Unload(const Request& request) const;
  Reply Control(const Request& request, Status (*check)(std::string_view body),
                Status (ModelControl::*act)(const std::string& name), std::string_view done) const;
  Reply V1Model(const Request& request) const;
  Reply V1Predict(const Request& request) const;
  /// The model that the path of the request names, of the version that it names.
  Result<std::shared_ptr<const Predictor>> ModelOf(const Request& request) const;

  std::shared_ptr<const ModelSet> Models() const;

  const WebAssets web_;
  PredictionLog* const log_;
  Metrics& metrics_;
  ModelControl* control_ = nullptr;
  const HandlerOptions options_;
  std::unique_ptr<RowPool> pool_;  ///< all cores but the one that a request has
  mutable std::mutex mutex_;       ///< of the pointer alone
  std::shared_ptr<const ModelSet> models_;
  std::atomic<bool> draining_ = false;
};

/// What every answer has, whatever it says: its request id, and what keeps a browser from taking it
/// for something else. Under /v1 and /v2 a refusal gets the form that clients expect there.
void AddCommonHeaders(const Request& request, Reply& reply);

}  // namespace copse
