#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "copse/result.h"
#include "gate.h"
#include "prediction_log.h"

namespace copse {

struct LoadedModel;
class ModelSource;

/// What one client may cost. A request past a size gets 413, 414 or 431; one past a time is
/// answered 408 where that is possible, and its connection is closed.
struct ServerLimits {
  std::size_t body_bytes_max = std::size_t{16} << 20;  ///< after chunks and compression are undone
  /// Of the bodies that have arrived, in whole or in part, with what is uncompressed of them, and
  /// are not answered yet: of all requests together. More get 503. And of the answers that are
  /// there and that clients do not take: of more, the one is given up that has waited longest.
  std::size_t held_bytes_max = std::size_t{256} << 20;
  std::size_t head_bytes_max = std::size_t{16} << 10;  ///< request line and header fields
  std::size_t head_fields_max = 100;
  int head_timeout_ms = 10'000;   ///< from the first byte of a request to the end of its head
  int body_timeout_ms = 30'000;   ///< for a whole body
  int write_timeout_ms = 30'000;  ///< for a whole answer
  int idle_timeout_ms = 60'000;   ///< between requests; idle connections yield when threads run out
  int shutdown_timeout_ms = 1'500;  ///< to finish requests and the log after SIGTERM
};

struct ServerConfig {
  /// The first one answers /predict. None is allowed: then nothing is ready.
  std::vector<std::shared_ptr<const LoadedModel>> models;
  /// Where they came from, to see when a file changes; or null: they stay as they are.
  std::unique_ptr<ModelSource> source;
  int reload_interval_ms = 2'000;  ///< between looks at the files; 0: on SIGHUP only
  std::string host = "0.0.0.0";
  int port = 5000;                     ///< 0: any free port, named in the line that is printed
  std::string web_dir;                 ///< the built page; empty: no page
  std::unique_ptr<PredictionLog> log;  ///< or null: nothing is recorded
  bool predictions_route = false;      ///< GET /predictions answers with what `log` holds
  ServerLimits limits;
  GateConfig gate;
  std::size_t threads = 64;  ///< requests answered at the same time
  bool access_log = true;    ///< one JSON line on stdout for each request
};

/// Serves until SIGTERM or SIGINT: then stops accepting, finishes the requests that are being
/// answered, closes the log, and returns Ok.
///
/// Prints "Copse listens on http://HOST:PORT ..." on stderr once it can be reached.
/// Errors: kInternal when it cannot listen there, in one sentence that names host and port;
/// kNotFound or kTooLarge when `web_dir` cannot be read.
/// Installs handlers for SIGTERM, SIGINT and SIGHUP (looks for changed models), and ignores
/// SIGPIPE. Call once.
Status RunServer(ServerConfig config);

}  // namespace copse
