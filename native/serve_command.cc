#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "commands.h"
#include "import_flags.h"
#include "loaded_model.h"
#include "model_text.h"
#include "recorder.h"
#include "redis_shipper.h"
#include "server.h"

namespace copse {
namespace {

struct ServeOptions {
  std::vector<std::string> models;
  std::string models_dir;
  std::string redis;  // empty: rows stay in the file
  std::int64_t redis_keep = 1'000'000;
  std::string log = "copse-predictions.db";
  std::int64_t log_bytes_max = std::int64_t{1} << 30;
  std::int64_t log_keep = 0;
  bool no_log = false;
  std::string durability = "commit";
  double head_timeout = 10, body_timeout = 30, idle_timeout = 60;  // seconds
  ImportOptions import;
  ServerConfig config;
};

using std::filesystem::path;

// The page beside the binary: as installed (PREFIX/share/copse/web), or as built (build/web).
std::string DefaultWebDir() {
  std::error_code error;
  const path bin = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  for (const path& candidate : {bin / "../share/copse/web", bin / "../web"}) {
    if (std::filesystem::is_directory(candidate, error)) {
      return candidate.lexically_normal().string();
    }
  }
  return "";
}

bool IsOurs(const std::string& file) { return file.ends_with(".safetensors"); }

// The files of a folder, by name; hidden ones are none of ours.
Result<std::vector<std::string>> FilesIn(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (!entry.path().filename().string().starts_with(".")) files.push_back(entry.path().string());
  }
  if (error) {
    return Error{ErrorCode::kInvalidInput, "--models is \"" + folder + "\": " + error.message()};
  }
  std::sort(files.begin(), files.end());
  return files;
}

// The models that are going to be served, each with a name of its own.
class Models {
 public:
  explicit Models(const ImportOptions& options) : options_(options) {}

  Status Add(const std::string& spec) {
    auto loaded = LoadModel(spec, options_, LoadFor::kPredicting);
    if (!loaded.ok()) return loaded.error();
    return Take(*std::move(loaded));
  }

  // Everything in a folder that is a model by its content. A .safetensors file must be one, and
  // what is damaged ends the start; of what is no model, or none for us, or has a name that is
  // taken, a line on stderr says so.
  Status AddFolder(const std::string& folder) {
    auto files = FilesIn(folder);
    if (!files.ok()) return files.error();
    std::erase_if(*files, SkippedAsNoFile);
    std::set<std::string> ours;
    for (const std::string& file : *files) {
      if (IsOurs(file)) ours.insert(ModelNameOf(file));
    }
    for (const std::string& file : *files) {
      if (!IsOurs(file) && ours.count(ModelNameOf(file)) != 0) {
        Skip(Plain(file) + ": a .safetensors file beside it has the same name");
      } else if (auto added = AddFileOfFolder(file); !added.ok()) {
        return added;
      }
    }
    return Ok{};
  }

  std::vector<std::shared_ptr<const LoadedModel>> Take() && { return std::move(models_); }

 private:
  // `why` is a sentence of ours, in which foreign text is escaped already.
  static void Skip(const std::string& why) {
    std::fprintf(stderr, "copse: not served: %s\n", why.c_str());
  }

  // Opened is only a file: nobody may ever write to a pipe, and a device may have no end.
  static bool SkippedAsNoFile(const std::string& file) {
    std::error_code error;
    const auto status = std::filesystem::status(file, error);
    if (!std::filesystem::exists(status) || std::filesystem::is_regular_file(status)) return false;
    const char* const what = std::filesystem::is_directory(status) ? "a folder"
                             : std::filesystem::is_fifo(status)    ? "a pipe"
                             : std::filesystem::is_socket(status)  ? "a socket"
                                                                   : "a device";
    Skip(Plain(file) + ": " + what + "; a model file was expected");
    return true;
  }

  Status AddFileOfFolder(const std::string& file) {
    auto loaded = LoadModel(file, options_, LoadFor::kPredicting);
    if (loaded.ok()) {
      // Asked of models only: the notes beside a model may have its name.
      const auto other = paths_.find((*loaded)->name);
      if (other == paths_.end()) return Take(*std::move(loaded));
      SkipTaken(file, other->second);
      return Ok{};
    }
    const ErrorCode code = loaded.error().code;
    const bool is_model = code != ErrorCode::kUnsupportedModel && code != ErrorCode::kNotFound;
    if (IsOurs(file) || is_model) return loaded.error();
    Skip(loaded.error().message);
    return Ok{};
  }

  static void SkipTaken(const std::string& file, const std::string& other) {
    std::error_code error;
    if (std::filesystem::equivalent(file, other, error)) return;  // it is served
    const bool is_beside = path(file).parent_path() == path(other).parent_path();
    const std::string shown = is_beside ? path(other).filename().string() : other;
    std::fprintf(stderr,
                 "copse: %s is not served: %s has that name already; rename one of them, or serve "
                 "it with --model NAME=FILE\n",
                 Plain(file).c_str(), Plain(shown).c_str());
  }

  Status Take(std::shared_ptr<const LoadedModel> model) {
    const auto [other, is_new] = paths_.emplace(model->name, model->path);
    if (!is_new) {
      return Error{ErrorCode::kInvalidInput, "two models are called " + model->name + ": " +
                                                 other->second + " and " + model->path +
                                                 "; name one of them with --model NAME=FILE"};
    }
    if (model->kind != SourceKind::kCopse) {
      std::fprintf(stderr, "copse: %s: imported from %s: %s\n", model->name.c_str(),
                   Plain(model->path).c_str(), SummaryText(*model).c_str());
    }
    PrintWarnings(*model, options_);
    models_.push_back(std::move(model));
    return Ok{};
  }

  ImportOptions options_;
  std::vector<std::shared_ptr<const LoadedModel>> models_;
  std::map<std::string, std::string> paths_;  // by name
};

Status LoadModels(const ServeOptions& options, ServerConfig& config) {
  Models models(options.import);
  for (const std::string& spec : options.models) {
    if (auto added = models.Add(spec); !added.ok()) return added;
  }
  if (!options.models_dir.empty()) {
    if (auto added = models.AddFolder(options.models_dir); !added.ok()) return added;
  }
  config.models = std::move(models).Take();
  return Ok{};
}

// Null without --redis.
Result<std::unique_ptr<RowTarget>> OpenTarget(const ServeOptions& options) {
  if (options.redis.empty()) return std::unique_ptr<RowTarget>();
  auto address = ParseRedisUrl(options.redis);
  if (!address.ok()) return address.error();
  return MakeRedisTarget({.address = *std::move(address), .keep = options.redis_keep});
}

Result<std::unique_ptr<PredictionLog>> OpenLog(const ServeOptions& options) {
  if (options.no_log) return std::unique_ptr<PredictionLog>();
  auto target = OpenTarget(options);
  if (!target.ok()) return target.error();
  RecorderOptions recorder;
  recorder.outbox.path = options.log;
  recorder.outbox.bytes_max = options.log_bytes_max;
  recorder.outbox.rows_max = options.log_keep;
  recorder.outbox.durability = options.durability == "full"    ? Durability::kFull
                               : options.durability == "async" ? Durability::kAsync
                                                               : Durability::kCommit;
  return OpenRecorder(std::move(recorder), *std::move(target));
}

int Milliseconds(double seconds) { return static_cast<int>(std::lround(seconds * 1000)); }

Status Serve(ServeOptions& options) {
  ServerConfig& config = options.config;
  if (auto loaded = LoadModels(options, config); !loaded.ok()) return loaded.error();
  if (config.web_dir.empty()) config.web_dir = DefaultWebDir();
  config.limits.head_timeout_ms = Milliseconds(options.head_timeout);
  config.limits.body_timeout_ms = Milliseconds(options.body_timeout);
  config.limits.idle_timeout_ms = Milliseconds(options.idle_timeout);
  auto log = OpenLog(options);
  if (!log.ok()) return log.error();
  config.log = *std::move(log);
  return RunServer(std::move(config));
}

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
                 "model, and a second one of a name, is named on stderr and left out")
      ->envname("COPSE_MODELS");
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
  app.add_flag("--no-log", options.no_log, "Record nothing")->envname("COPSE_NO_LOG");
  app.add_flag(
         "--predictions-route", options.config.predictions_route,
         "Answer GET /predictions with the rows that were recorded last, to everybody who can "
         "reach this service (default: off)")
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
  app.add_option("--idle-timeout", options.idle_timeout, "Seconds between requests")
      ->check(seconds)
      ->capture_default_str()
      ->envname("COPSE_IDLE_TIMEOUT");
}

}  // namespace

Command AddServeCommand(CLI::App& app) {
  auto options = std::make_shared<ServeOptions>();
  AddMainOptions(app, *options);
  AddLogOptions(app, *options);
  AddLimitOptions(app, *options);
  app.footer("Every option may also be given as the environment variable that is named with it.");
  app.callback([options] {
    if (options->models.empty() && options->models_dir.empty()) {
      throw CLI::RequiredError("--model or --models");
    }
    if (options->no_log && !options->redis.empty()) {
      throw CLI::ValidationError(
          "--redis", "needs the file of --log, which --no-log turns off; leave one of them out");
    }
    if (options->no_log && options->config.predictions_route) {
      throw CLI::ValidationError("--predictions-route",
                                 "needs the log, which --no-log turns off; leave one of them out");
    }
  });
  return [options] { return Serve(*options); };
}

}  // namespace copse
