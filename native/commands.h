#pragma once

#include <functional>

#include "copse/result.h"

namespace CLI {
class App;
}

/// The subcommands of the binary. Each Add... declares its options on `app` and returns what runs
/// once they are parsed; an Error becomes one line on stderr and an exit code.
namespace copse {

using Command = std::function<Status()>;

Command AddServeCommand(CLI::App& app);
Command AddPredictCommand(CLI::App& app);
/// How much each feature adds to each margin of each row.
Command AddExplainCommand(CLI::App& app);
Command AddImportCommand(CLI::App& app);
Command AddInspectCommand(CLI::App& app);
/// Times the layouts of a model's plan, and checks their bits.
Command AddBenchCommand(CLI::App& app);
/// Asks 127.0.0.1 for /readyz, so that a container without shell or curl can say how it is.
Command AddHealthcheckCommand(CLI::App& app);

}  // namespace copse
