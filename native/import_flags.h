#pragma once

#include "copse/import.h"
#include "loaded_model.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace copse {

/// Declares --iterations, which every command has that loads a model.
CLI::Option* AddIterationsOption(CLI::App& app, ImportOptions& options);

/// Says on stderr what a user of an imported model should know, and where `options` ask for what
/// a file of our own format has decided already.
void PrintWarnings(const LoadedModel& loaded, const ImportOptions& options);

}  // namespace copse
