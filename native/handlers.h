#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "loaded_model.h"
#include "metrics.h"
#include "openapi.h"
#include "prediction_log.h"
#include "predictor.h"
#include "reply.h"
#include "request.h"
#include "web_assets.h"

namespace copse {

class Handlers;

/// Routes that are there only if somebody asked for them.
struct HandlerOptions {
  bool predictions_route = false;  ///< GET /predictions; needs a log
};

/// What answers a path: its template, such as "/models/{name}.safetensors", and what it takes.
struct Route {
  using Function = Reply (Handlers::*)(const Request&) const;

  std::string_view path;
  Function get = nullptr;   ///< also answers HEAD
  Function post = nullptr;  ///< the only method whose body is read
};

/// Every route of the service, on plain requests and replies. Thread-safe.
class Handlers {
 public:
  /// `log` may be null. It and `metrics` must outlive this.
  Handlers(LoadedModels models, WebAssets web, PredictionLog* log, Metrics& metrics,
           HandlerOptions options = {});

  /// The template that answers a decoded path, "" if there is none. For logs and metrics.
  std::string_view RouteName(std::string_view path) const;
  /// Whether the body of such a request is wanted: else it can be answered before it has come.
  bool ReadsBody(std::string_view method, std::string_view path) const;

  /// Never throws but for lack of memory.
  Reply Handle(const Request& request) const;

  /// From now on /readyz says 503: the process is about to end.
  void StartDraining() { draining_ = true; }
  bool draining() const { return draining_; }
  bool ready() const { return !draining_ && !models_.empty(); }

 private:
  static std::span<const Route> Routes();
  const Route* Find(std::string_view path) const;
  Reply Dispatch(const Request& request) const;

  Reply Predict(const Request& request) const;
  Reply PredictJson(const Request& request) const;
  Reply PredictFile(const Request& request) const;
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

  const LoadedModels models_;
  const WebAssets web_;
  PredictionLog* const log_;
  Metrics& metrics_;
  const HandlerOptions options_;
  std::unique_ptr<RowPool> pool_;       ///< all cores but the one that a request has
  std::optional<Predictor> predictor_;  ///< of the first model
  const std::string swagger_, openapi_;
  std::atomic<bool> draining_ = false;
};

/// The headers that every answer has, whatever it says: its request id, and what keeps a browser
/// from taking it for something else.
void AddCommonHeaders(const Request& request, Reply& reply);

}  // namespace copse
