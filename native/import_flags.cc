#include "import_flags.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <string>

#include "utf8.h"

namespace copse {
namespace {

constexpr std::size_t kWarningMax = 400;

void Print(const LoadedModel& loaded, const std::string& text) {
  std::fprintf(stderr, "copse: %s: %s\n", loaded.name.c_str(), text.c_str());
}

// Of a forest that is not boosted there is nothing to choose.
bool IsBoosted(const Model& model) {
  const auto source = model.metadata().find("source");
  return source != model.metadata().end() &&
         (source->second.find("\"XGBoost\"") != std::string::npos ||
          source->second.find("\"LightGBM\"") != std::string::npos);
}

}  // namespace

CLI::Option* AddIterationsOption(CLI::App& app, ImportOptions& options) {
  const std::map<std::string, Iterations> names = {{"best", Iterations::kBest},
                                                   {"all", Iterations::kAll}};
  return app
      .add_option_function<std::string>(
          "--iterations",
          [&options, names](const std::string& name) { options.iterations = names.at(name); },
          "Rounds to keep of a booster that was stopped early: best or all; default: all of a "
          "booster's own file, and of a pickled XGBClassifier or the like those it predicts with. "
          "A .safetensors file keeps what was chosen when it was made")
      ->check(CLI::IsMember({"best", "all"}));
}

void PrintWarnings(const LoadedModel& loaded, const ImportOptions& options) {
  if (loaded.kind == SourceKind::kCopse) {
    if (options.iterations != Iterations::kDefault && IsBoosted(loaded.model)) {
      Print(loaded, "--iterations changes nothing here: " + Shown(loaded.path, kWarningMax) +
                        " keeps what was chosen when it was made");
    }
    return;
  }
  for (const std::string& warning : WarningsOf(loaded.model)) {
    const std::string shown = Shown(warning, kWarningMax);
    Print(loaded, "warning: " + shown.substr(1, shown.size() - 2));
  }
}

}  // namespace copse
