#pragma once

#include <cstddef>
#include <string>

#include "copse/import.h"
#include "copse/result.h"
#include "loaded_model.h"
#include "row_writer.h"

namespace CLI {
class App;
}

/// What the commands have in common that go from a file of rows to a file of answers.
namespace copse {

inline constexpr std::size_t kThreadsMax = 1024;
/// All cores that this process may use.
std::size_t DefaultThreads();

struct RowOptions {
  std::string model, input, out, input_format, output_format;
  std::size_t n_threads = DefaultThreads();
  ImportOptions import = {};
};

/// Declares --model, --input, --input-format, --output-format, --threads and --iterations. --out is
/// the command's own: what it says depends on it.
void AddRowOptions(CLI::App& app, RowOptions& options);

/// Fills in the formats by the names of the files; `piped` is that of answers to a pipe. Throws
/// CLI::ValidationError where options do not go together.
void ChooseFormats(RowOptions& options, const std::string& piped);

/// "csv" "ndjson" "npy".
AnswerFormat FormatNamed(const std::string& name);

/// Reads, answers and writes until the input ends or nobody reads the output. Errors name the file.
Status AnswerRows(const RowOptions& options, const LoadedModel& loaded, const RowWriter& writer);

}  // namespace copse
