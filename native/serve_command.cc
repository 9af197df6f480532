#include <malloc.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "address_range.h"
#include "commands.h"
#include "cores.h"
#include "import_flags.h"
#include "loaded_model.h"
#include "model_source.h"
#include "model_text.h"
#include "recorder.h"
#include "redis_shipper.h"
#include "secret_file.h"
#include "serve_options.h"
#include "server.h"
#include "web_assets.h"

namespace copse {
namespace {

using std::filesystem::path;

constexpr double kMillisecondsOfDay = 24.0 * 60 * 60 * 1000;

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

// Every arena of the allocator keeps memory that the others could use; with few cores few are busy.
// Before there are threads, for each of them may take one.
void LimitArenas() {
#if defined(__GLIBC__)
  const std::size_t n_arenas = std::clamp<std::size_t>(CoresAllowed() / 2, 1, 64);
  ::mallopt(M_ARENA_MAX, static_cast<int>(n_arenas));
#endif
}

// What a person should know of a model that is going to be served.
void Announce(const LoadedModel& model, const ImportOptions& options) {
  if (model.kind != SourceKind::kCopse) {
    std::fprintf(stderr, "copse: %s: imported from %s: %s\n", model.name.c_str(),
                 Plain(model.path).c_str(), SummaryText(model).c_str());
  }
  PrintWarnings(model, options);
}

// The database of the log, and what SQLite keeps beside it.
std::vector<std::string> FilesOfLog(const ServeOptions& options) {
  if (options.no_log) return {};
  return {options.log, options.log + "-wal", options.log + "-shm", options.log + "-journal"};
}

std::unique_ptr<ModelSource> SourceOf(const ServeOptions& options) {
  return std::make_unique<ModelSource>(
      ModelSource::Options{.specs = options.models,
                           .folder = options.models_dir,
                           .never_opened = FilesOfLog(options),
                           .import = options.import,
                           .on_loaded = [import = options.import](const LoadedModel& model) {
                             Announce(model, import);
                           }});
}

Result<RedisAddress> AddressOf(const ServeOptions& options) {
  if (options.redis_password_file.empty()) return ParseRedisUrl(options.redis);
  auto password = ReadSecretFile(options.redis_password_file, "--redis-password-file");
  if (!password.ok()) return password.error();
  return ParseRedisUrl(options.redis, *std::move(password));
}

// The token in a file, if there is one.
Status ReadTokenFile(const std::string& path, const std::string& option, std::string& token) {
  if (path.empty()) return Ok{};
  auto secret = ReadSecretFile(path, option);
  if (!secret.ok()) return secret.error();
  if (!IsToken(*secret)) {
    return Error{ErrorCode::kInvalidInput,
                 option + " is " + Plain(path) + ": a token of visible characters was expected"};
  }
  token = *std::move(secret);
  return Ok{};
}

Status ReadTokenFiles(ServeOptions& options) {
  GateConfig& gate = options.config.gate;
  auto read = ReadTokenFile(options.auth_token_file, "--auth-token-file", gate.predict_token);
  if (!read.ok()) return read;
  return ReadTokenFile(options.control_token_file, "--control-token-file", gate.control_token);
}

// Null without --redis.
Result<std::unique_ptr<RowTarget>> OpenTarget(const ServeOptions& options) {
  if (options.redis.empty()) return std::unique_ptr<RowTarget>();
  auto address = AddressOf(options);
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
  recorder.outbox.keep_ms = std::llround(options.log_keep_days * kMillisecondsOfDay);
  recorder.outbox.durability = options.durability == "full"    ? Durability::kFull
                               : options.durability == "async" ? Durability::kAsync
                                                               : Durability::kCommit;
  return OpenRecorder(std::move(recorder), *std::move(target));
}

int Milliseconds(double seconds) { return static_cast<int>(std::lround(seconds * 1000)); }

// What would be served. The log is not opened: that could make its file, or ask a Redis.
Status Check(const ServeOptions& options, const ServerConfig& config) {
  if (!options.redis.empty()) {
    if (auto address = AddressOf(options); !address.ok()) return address.error();
  }
  if (!config.web_dir.empty()) {
    if (auto web = WebAssets::Load(config.web_dir); !web.ok()) return web.error();
  }
  for (const auto& model : config.models) {
    std::printf("%s %s: %s\n", model->name.c_str(), model->version.c_str(),
                SummaryText(*model).c_str());
  }
  if (config.models.empty()) std::printf("no model: nothing would be ready\n");
  return Ok{};
}

Status Serve(ServeOptions& options) {
  LimitArenas();
  ServerConfig& config = options.config;
  if (auto read = ReadTokenFiles(options); !read.ok()) return read;
  for (const std::string& proxy : options.trusted_proxies) {
    if (const auto range = AddressRange::Parse(proxy)) {
      config.gate.trusted_proxies.push_back(*range);  // the option has checked that it is one
    }
  }
  config.source = SourceOf(options);
  auto models = config.source->Load();
  if (!models.ok()) return models.error();
  config.models = *std::move(models);
  if (config.web_dir.empty()) config.web_dir = DefaultWebDir();
  config.limits.head_timeout_ms = Milliseconds(options.head_timeout);
  config.limits.body_timeout_ms = Milliseconds(options.body_timeout);
  config.limits.write_timeout_ms = Milliseconds(options.write_timeout);
  config.limits.shutdown_timeout_ms = Milliseconds(options.shutdown_timeout);
  config.limits.idle_timeout_ms = Milliseconds(options.idle_timeout);
  config.reload_interval_ms = Milliseconds(options.reload_interval);
  if (options.check) return Check(options, config);
  auto log = OpenLog(options);
  if (!log.ok()) return log.error();
  config.log = *std::move(log);
  return RunServer(std::move(config));
}

}  // namespace

Command AddServeCommand(CLI::App& app) {
  auto options = std::make_shared<ServeOptions>();
  AddServeOptions(app, *options);
  return [options] { return Serve(*options); };
}

}  // namespace copse
