#include "serve_options.h"

#include <cstdlib>
#include <string_view>

#include "address_range.h"
#include "import_flags.h"
#include "secret_file.h"

namespace copse {
namespace {

// What is served, and where.
void AddMainOptions(CLI::App& app, ServeOptions& options) {
  app.add_option("-m,--model", options.models,
                 "Model file of any format that can be imported, [NAME=]FILE; may be given several "
                 "times (in COPSE_MODEL: separated by commas). The first one answers /predict")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->envname("COPSE_MODEL");
  app.add_option("--models", options.models_dir,
                 "Folder whose models are served too, in the order of their names; what is no "
                 "model at all, and a second one of a name, is named on stderr and left out")
      ->envname("COPSE_MODELS");
  app.add_option("--reload-interval", options.reload_interval,
                 "Seconds between looks for model files that have changed; 0 looks only on SIGHUP")
      ->check(CLI::Range(0.0, 86'400.0))
      ->capture_default_str()
      ->envname("COPSE_RELOAD_INTERVAL");
  app.add_flag("--check", options.check,
               "Load the models, look at every option, say what would be served, and end");
  AddIterationsOption(app, options.import)->envname("COPSE_ITERATIONS");
  app.add_option("--host", options.config.host, "Address to listen on")
      ->capture_default_str()
      ->envname("COPSE_HOST");
  app.add_option("-p,--port", options.config.port, "Port to listen on; 0 takes a free one")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str()
      ->envname("COPSE_PORT");
  app.add_option("--web", options.config.web_dir,
                 "Folder of the page; default: share/copse/web or web beside the binary's folder")
      ->check(CLI::ExistingDirectory)
      ->envname("COPSE_WEB");
  app.add_option("--threads", options.config.threads, "Requests answered at the same time")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str()
      ->envname("COPSE_THREADS");
  app.add_flag("--access-log,!--no-access-log", options.config.access_log,
               "One JSON line on stdout for each request (default: on)")
      ->envname("COPSE_ACCESS_LOG");
}

// Where predictions are recorded.
void AddLogOptions(CLI::App& app, ServeOptions& options) {
  app.add_option("--redis", options.redis,
                 "Move recorded predictions to Redis: [redis://[[USER]:PASSWORD@]]HOST[:PORT]; "
                 "without a value localhost:6379. They wait in the file of --log until it has them")
      ->expected(0, 1)
      ->default_str("localhost:6379")
      ->envname("COPSE_REDIS");
  app.add_option("--redis-password-file", options.redis_password_file,
                 "File with the password of Redis, such as a mounted secret; --redis names the "
                 "user then, if there is one: redis://USER@HOST[:PORT]")
      ->envname("COPSE_REDIS_PASSWORD_FILE");
  app.add_option("--redis-keep", options.redis_keep, "Rows and keys that Redis keeps")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 53))
      ->capture_default_str()
      ->envname("COPSE_REDIS_KEEP");
  app.add_option("--log", options.log, "Record predictions in this SQLite file")
      ->capture_default_str()
      ->envname("COPSE_LOG");
  app.add_option("--log-max-bytes", options.log_bytes_max,
                 "Most bytes of rows in that file, such as 1GiB: the oldest are trimmed, but never "
                 "one that waits for Redis")
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::Range(std::int64_t{1} << 20, std::int64_t{1} << 53))
      ->capture_default_str()
      ->envname("COPSE_LOG_MAX_BYTES");
  app.add_option("--log-keep", options.log_keep,
                 "Most rows in that file, trimmed in the same way; 0: as many as fit")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 53))
      ->capture_default_str()
      ->envname("COPSE_LOG_KEEP");
  app.add_option("--log-keep-days", options.log_keep_days,
                 "Days that rows stay in that file, such as 30 or 0.5, trimmed in the same way; 0: "
                 "as long as they fit")
      ->check(CLI::Range(0.0, 36'500.0))
      ->capture_default_str()
      ->envname("COPSE_LOG_KEEP_DAYS");
  app.add_flag("--no-log", options.no_log, "Record nothing")->envname("COPSE_NO_LOG");
  app.add_flag(
         "--predictions-route", options.config.predictions_route,
         "Answer GET /predictions with the rows that were recorded last, to everybody who can "
         "reach this service, unless a token is set (default: off)")
      ->envname("COPSE_PREDICTIONS_ROUTE");
  app.add_option("--durability", options.durability,
                 "When a prediction is answered: commit (it is committed), full (and on the disk), "
                 "async (it is queued)")
      ->check(CLI::IsMember({"commit", "full", "async"}))
      ->capture_default_str()
      ->envname("COPSE_DURABILITY");
}

// What one client may cost.
void AddLimitOptions(CLI::App& app, ServeOptions& options) {
  ServerLimits& limits = options.config.limits;
  app.add_option("--body-bytes-max", limits.body_bytes_max, "Largest body, such as 16MiB")
      ->transform(CLI::AsSizeValue(false))
      ->capture_default_str()
      ->envname("COPSE_BODY_BYTES_MAX");
  app.add_option("--held-bytes-max", limits.held_bytes_max,
                 "Bytes of the bodies of all requests at one moment, such as 256MiB; more get 503. "
                 "Also of the answers that clients do not take")
      ->transform(CLI::AsSizeValue(false))
      ->capture_default_str()
      ->envname("COPSE_HELD_BYTES_MAX");
  app.add_option("--head-bytes-max", limits.head_bytes_max, "Largest request head, such as 16KiB")
      ->transform(CLI::AsSizeValue(false))
      ->capture_default_str()
      ->envname("COPSE_HEAD_BYTES_MAX");
  app.add_option("--head-fields-max", limits.head_fields_max, "Most header fields")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str()
      ->envname("COPSE_HEAD_FIELDS_MAX");
  const CLI::Range seconds(0.001, 86'400.0);
  app.add_option("--head-timeout", options.head_timeout, "Seconds for a request's head")
      ->check(seconds)
      ->capture_default_str()
      ->envname("COPSE_HEAD_TIMEOUT");
  app.add_option("--body-timeout", options.body_timeout, "Seconds for a request's body")
      ->check(seconds)
      ->capture_default_str()
      ->envname("COPSE_BODY_TIMEOUT");
  app.add_option("--write-timeout", options.write_timeout,
                 "Seconds for an answer; of a stream, between what the client takes")
      ->check(seconds)
      ->capture_default_str()
      ->envname("COPSE_WRITE_TIMEOUT");
  app.add_option("--idle-timeout", options.idle_timeout, "Seconds between requests")
      ->check(seconds)
      ->capture_default_str()
      ->envname("COPSE_IDLE_TIMEOUT");
  app.add_option("--shutdown-timeout", options.shutdown_timeout,
                 "Seconds after SIGTERM to finish requests and to move recorded predictions to "
                 "Redis; what supervises the service should wait longer before it kills")
      ->check(CLI::Range(0.5, 3'600.0))
      ->capture_default_str()
      ->envname("COPSE_SHUTDOWN_TIMEOUT");
}

// As browsers write it: scheme, host, and a port that is not the scheme's own.
bool IsOrigin(std::string_view text) {
  constexpr std::string_view kScheme = "abcdefghijklmnopqrstuvwxyz0123456789+.-";
  constexpr std::string_view kHost = "abcdefghijklmnopqrstuvwxyz0123456789._~%[]:-";
  if (text == "*" || text == "null") return true;
  const std::size_t end = text.find("://");
  if (end == std::string_view::npos || end == 0 || end + 3 == text.size()) return false;
  return text.substr(0, end).find_first_not_of(kScheme) == std::string_view::npos &&
         text.substr(end + 3).find_first_not_of(kHost) == std::string_view::npos;
}

// Who may ask.
void AddGateOptions(CLI::App& app, ServeOptions& options) {
  GateConfig& gate = options.config.gate;
  const CLI::Validator is_token(
      [](const std::string& text) -> std::string {
        return IsToken(text) ? "" : "a token of visible characters was expected";
      },
      "TOKEN");
  const CLI::Validator is_origin(
      [](const std::string& text) -> std::string {
        return IsOrigin(text) ? ""
                              : "\"" + text +
                                    "\" is no origin as browsers send it: https://example.org, in "
                                    "lower case and without a path, or *";
      },
      "ORIGIN");
  const CLI::Validator is_range(
      [](const std::string& text) -> std::string {
        return AddressRange::Parse(text)
                   ? ""
                   : "\"" + text +
                         "\" is neither an address nor a range of addresses, such as 192.0.2.7, "
                         "10.0.0.0/8 or fd00::/8, with no bit behind its prefix";
      },
      "ADDRESS");
  auto* const auth =
      app.add_option(
             "--auth-token", gate.predict_token,
             "Predictions and model files need the header Authorization: Bearer TOKEN. Better in "
             "the environment: arguments are seen by everybody on the machine")
          ->check(is_token)
          ->envname("COPSE_AUTH_TOKEN");
  app.add_option("--auth-token-file", options.auth_token_file,
                 "File with that token, such as a mounted secret")
      ->excludes(auth)
      ->envname("COPSE_AUTH_TOKEN_FILE");
  auto* const control =
      app.add_option("--control-token", gate.control_token,
                     "The same for what only operators need: loading and unloading models, which "
                     "without it is for clients on this machine, and /predictions, which takes "
                     "--auth-token")
          ->check(is_token)
          ->envname("COPSE_CONTROL_TOKEN");
  app.add_option("--control-token-file", options.control_token_file,
                 "File with that token, such as a mounted secret")
      ->excludes(control)
      ->envname("COPSE_CONTROL_TOKEN_FILE");
  app.add_option("--cors-origin", gate.cors_origins,
                 "Origin whose pages may read answers, such as https://example.org, or *; may be "
                 "given several times (in COPSE_CORS_ORIGIN: separated by commas)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(is_origin)
      ->envname("COPSE_CORS_ORIGIN");
  app.add_option("--rate-limit", gate.requests_per_second,
                 "Requests a second of one client, by its address (of IPv6: the first 64 bits); 0: "
                 "any number. Health and metrics are never refused")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str()
      ->envname("COPSE_RATE_LIMIT");
  app.add_option(
         "--trusted-proxy", options.trusted_proxies,
         "Address of a proxy, or a range such as 10.0.0.0/8: of its requests, the client is the "
         "last address of X-Forwarded-For; may be given several times (in COPSE_TRUSTED_PROXY: "
         "separated by commas)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(is_range)
      ->envname("COPSE_TRUSTED_PROXY");
}

// CLI11 since 2.4 leaves out variables whose values an option does not take; 2.3 refuses them, and
// a service that runs with another value than it was told is worse than none.
void CheckVariables(const CLI::App& app) {
  for (const CLI::Option* const option : app.get_options()) {
    const std::string name = option->get_envname();
    const char* const value = name.empty() ? nullptr : std::getenv(name.c_str());
    if (value == nullptr || *value == '\0' || option->count() > 0) continue;
    throw CLI::ValidationError(
        name, "is '" + std::string(value) + "', which " + option->get_name() + " does not take");
  }
}

// What no option can see alone.
void CheckTogether(const ServeOptions& options) {
  if (options.models.empty() && options.models_dir.empty()) {
    throw CLI::RequiredError("--model or --models");
  }
  // An empty variable would be taken for none, and the service would be open.
  for (const char* name : {"COPSE_AUTH_TOKEN", "COPSE_CONTROL_TOKEN", "COPSE_AUTH_TOKEN_FILE",
                           "COPSE_CONTROL_TOKEN_FILE", "COPSE_REDIS_PASSWORD_FILE"}) {
    const char* const value = std::getenv(name);
    if (value != nullptr && *value == '\0') {
      throw CLI::ValidationError(name, "is empty; a value was expected, or no such variable");
    }
  }
  if (!options.redis_password_file.empty() && options.redis.empty()) {
    throw CLI::ValidationError("--redis-password-file", "needs --redis");
  }
  if (options.no_log && !options.redis.empty()) {
    throw CLI::ValidationError(
        "--redis", "needs the file of --log, which --no-log turns off; leave one of them out");
  }
  if (options.no_log && options.config.predictions_route) {
    throw CLI::ValidationError("--predictions-route",
                               "needs the log, which --no-log turns off; leave one of them out");
  }
}

}  // namespace

void AddServeOptions(CLI::App& app, ServeOptions& options) {
  AddMainOptions(app, options);
  AddLogOptions(app, options);
  AddLimitOptions(app, options);
  AddGateOptions(app, options);
  app.footer("Every option may also be given as the environment variable that is named with it.");
  app.callback([&app, &options] {
    CheckVariables(app);
    CheckTogether(options);
  });
}

}  // namespace copse
