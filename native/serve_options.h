#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "loaded_model.h"
#include "server.h"

namespace copse {

/// What `copse serve` is told, on the command line or by the environment.
struct ServeOptions {
  std::vector<std::string> models;
  std::string models_dir;
  std::string redis;  // empty: rows stay in the file
  std::string redis_password_file;
  std::int64_t redis_keep = 1'000'000;
  std::string log = "copse-predictions.db";
  std::int64_t log_bytes_max = std::int64_t{1} << 30;
  std::int64_t log_keep = 0;
  double log_keep_days = 0;
  bool no_log = false;
  std::string durability = "commit";
  double reload_interval = 2;  // seconds; 0: only on SIGHUP
  bool check = false;
  double head_timeout = 10, body_timeout = 30, write_timeout = 30, idle_timeout = 60;  // seconds
  double shutdown_timeout = 1.5;
  ImportOptions import;
  std::string auth_token_file, control_token_file;
  std::vector<std::string> trusted_proxies;
  ServerConfig config;
};

/// Adds every option of `copse serve` to its command, each with its environment variable, and the
/// checks of what they say together: those throw CLI::ValidationError or CLI::RequiredError while
/// the command line is read. `options` must outlive `app`.
void AddServeOptions(CLI::App& app, ServeOptions& options);

}  // namespace copse
