#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "commands.h"

namespace copse {
namespace {

// Exit codes, a contract with scripts (docs/ARCHITECTURE.md).
enum ExitCode { kFine = 0, kOurFault = 1, kUsage = 2, kBadInput = 3 };

constexpr std::size_t kMessageBytesMax = 600;

// One line, whatever the message holds.
int Refuse(ExitCode code, std::string message) {
  for (char& c : message) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  if (message.size() > kMessageBytesMax - 10) message.resize(kMessageBytesMax - 10);
  std::fprintf(stderr, "copse: %s\n", message.c_str());
  return code;
}

ExitCode ExitCodeOf(const Error& error) {
  return error.code == ErrorCode::kInternal ? kOurFault : kBadInput;
}

int Main(int argc, char** argv) {
  CLI::App app{
      "Decision trees and forests, served and evaluated from one file.\n"
      "Exit codes: 0 fine, 1 our fault, 2 wrong usage, 3 the input is bad."};
  app.name("copse");
  app.set_version_flag("--version", "copse " COPSE_VERSION, "Print the version and exit");
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.require_subcommand(1);

  std::vector<std::pair<CLI::App*, Command>> commands;
  auto* serve = app.add_subcommand("serve", "Answer predictions over HTTP");
  commands.emplace_back(serve, AddServeCommand(*serve));
  auto* predict = app.add_subcommand("predict", "Predict the rows of a file or a pipe");
  commands.emplace_back(predict, AddPredictCommand(*predict));
  auto* explain = app.add_subcommand("explain", "Say what each feature adds to a prediction");
  commands.emplace_back(explain, AddExplainCommand(*explain));
  auto* import = app.add_subcommand("import", "Write another library's model in our own format");
  commands.emplace_back(import, AddImportCommand(*import));
  auto* inspect = app.add_subcommand("inspect", "Say what a model is");
  commands.emplace_back(inspect, AddInspectCommand(*inspect));
  auto* bench = app.add_subcommand("bench", "Time a model on this machine, and check its layouts");
  commands.emplace_back(bench, AddBenchCommand(*bench));
  auto* healthcheck = app.add_subcommand("healthcheck", "Ask a service here whether it is ready");
  commands.emplace_back(healthcheck, AddHealthcheckCommand(*healthcheck));
  // With this, CLI11 reads the environment for the command that is given and for no other.
  for (const auto& named : commands) named.first->parse_complete_callback([] {});

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& request) {  // --help and --version
    return app.exit(request);
  } catch (const CLI::ParseError& error) {
    return Refuse(kUsage, std::string(error.what()) + " (copse --help)");
  }
  for (const auto& [command, run] : commands) {
    if (!command->parsed()) continue;
    const Status status = run();
    return status.ok() ? kFine : Refuse(ExitCodeOf(status.error()), status.error().message);
  }
  return kUsage;
}

}  // namespace
}  // namespace copse

int main(int argc, char** argv) {
  try {
    return copse::Main(argc, argv);
  } catch (const std::bad_alloc&) {
    return copse::Refuse(copse::kBadInput, "there is not enough memory for this");
  } catch (const std::exception& error) {
    return copse::Refuse(copse::kOurFault, error.what());
  }
}
