#include "row_command.h"

#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <string_view>

#include "batch.h"
#include "cores.h"
#include "files.h"
#include "import_flags.h"
#include "progress.h"
#include "row_blocks.h"

namespace copse {
namespace {

std::string Suffix(const std::string& path) {
  const std::size_t dot = path.rfind('.');
  return dot == std::string::npos ? "" : path.substr(dot + 1);
}

// csv, ndjson or npy from a file's name; empty when the name does not say.
std::string FormatOf(const std::string& path) {
  const std::string suffix = Suffix(path);
  if (suffix == "csv" || suffix == "txt") return "csv";
  if (suffix == "ndjson" || suffix == "jsonl") return "ndjson";
  return suffix == "npy" ? "npy" : "";
}

// The format of a pipe by its first bytes: nothing but NDJSON starts with a bracket, and nothing
// but an array with NumPy's magic.
std::string FormatFromBytes(std::string_view head) {
  if (head.starts_with("\x93NUMPY")) return "npy";
  if (head.starts_with("\xef\xbb\xbf")) head.remove_prefix(3);
  return head.starts_with("{") || head.starts_with("[") ? "ndjson" : "csv";
}

Result<std::unique_ptr<RowBlocks>> OpenRows(const Model& model, InFile& in, std::string format,
                                            std::size_t block_bytes) {
  if (format.empty()) {
    auto head = in.Peek();
    if (!head.ok()) return head.error();
    format = FormatFromBytes(*head);
  }
  if (format == "npy") return NewNpyBlocks(model, in.Source(), block_bytes);
  if (format == "ndjson") return NewNdjsonBlocks(model, in.Source(), block_bytes);
  return NewCsvBlocks(model, in.Source(), block_bytes);
}

// Reads, answers and writes until the input ends or nobody reads the output.
Status Copy(const Model& model, InFile& in, RowBlocks& rows, const RowWriter& writer, OutFile& out,
            std::size_t n_threads) {
  Progress progress(in.size());
  const auto write = [&](std::string_view bytes) -> Result<bool> {
    auto written = out.Write(bytes);
    if (!written.ok()) return written.error();
    return !out.closed();
  };
  auto written = out.Write(writer.Head(0));
  if (!written.ok()) return written;
  auto n_rows = AnswerAll(model, rows, writer,
                          {.n_threads = n_threads,
                           .write = write,
                           .interrupt = [&in] { in.Interrupt(); },
                           .progress = [&progress](std::uint64_t n_bytes,
                                                   std::size_t n) { progress.Show(n_bytes, n); }});
  if (!n_rows.ok()) return n_rows.error();
  if (out.can_rewind()) written = out.Rewrite(writer.Head(*n_rows));
  return written.ok() ? out.Commit() : written;
}

// Errors of rows say which; the file that holds them is added here.
Status Named(const std::string& input, Status status) {
  if (status.ok()) return status;
  const std::string prefix = input == "-" ? "standard input: " : input + ": ";
  if (status.error().message.starts_with(prefix)) return status;
  return Error{status.error().code, prefix + status.error().message};
}

}  // namespace

std::size_t DefaultThreads() { return std::min(CoresAllowed(), kThreadsMax); }

void AddRowOptions(CLI::App& app, RowOptions& options) {
  app.add_option("-m,--model", options.model,
                 "Model file of any format that can be imported, or NAME=FILE")
      ->required();
  app.add_option("-i,--input", options.input,
                 "Rows: a .csv (with or without header), .ndjson or .npy file, or - for a pipe")
      ->required();
  app.add_option("--input-format", options.input_format,
                 "csv, ndjson or npy; default: by name, for a pipe by its first bytes")
      ->check(CLI::IsMember({"csv", "ndjson", "npy"}));
  app.add_option("--output-format", options.output_format, "csv, ndjson or npy; default: by name")
      ->check(CLI::IsMember({"csv", "ndjson", "npy"}));
  app.add_option("--threads", options.n_threads,
                 "Threads that parse and evaluate; the answers are the same with any number; "
                 "default: one for each core (" +
                     std::to_string(options.n_threads) + ")")
      ->check(CLI::Range(std::size_t{1}, kThreadsMax));
  AddIterationsOption(app, options.import);
}

void ChooseFormats(RowOptions& options, const std::string& piped) {
  if (options.model == "-" && options.input == "-") {
    throw CLI::ValidationError("--model", "a model and rows cannot both come through one pipe");
  }
  if (options.input_format.empty() && options.input != "-") {
    options.input_format = FormatOf(options.input);
    if (options.input_format.empty()) {
      throw CLI::ValidationError("--input", options.input +
                                                " ends with none of .csv .ndjson .jsonl .npy; say "
                                                "--input-format");
    }
  }
  if (options.output_format.empty() && options.out == "-") options.output_format = piped;
  if (options.output_format.empty()) options.output_format = FormatOf(options.out);
  if (options.output_format.empty()) {
    throw CLI::ValidationError("--out", options.out +
                                            " ends with none of .csv .ndjson .jsonl .npy; say "
                                            "--output-format");
  }
  if (options.output_format == "npy" && options.out == "-") {
    throw CLI::ValidationError("--out", "a .npy array cannot be written to a pipe; name a file");
  }
}

AnswerFormat FormatNamed(const std::string& name) {
  if (name == "npy") return AnswerFormat::kNpy;
  return name == "ndjson" ? AnswerFormat::kNdjson : AnswerFormat::kCsv;
}

Status AnswerRows(const RowOptions& options, const LoadedModel& loaded, const RowWriter& writer) {
  const Model& model = loaded.model;
  auto in = InFile::Open(options.input);
  if (!in.ok()) return in.error();
  auto rows = OpenRows(model, **in, options.input_format, BlockBytes(model, writer.n_columns()));
  if (!rows.ok()) return rows.error();
  auto out = OutFile::Open(options.out);
  if (!out.ok()) return out.error();
  if (options.output_format == "npy" && !(*out)->can_rewind()) {
    return Error{ErrorCode::kInvalidInput,
                 options.out + ": a .npy array cannot be written to a pipe or device"};
  }
  signal(SIGPIPE, SIG_IGN);  // a reader that has seen enough is no error: see OutFile::closed
  Status copied = Named(options.input, Copy(model, **in, **rows, writer, **out, options.n_threads));
  // Behind the answers: a refusal is one line.
  if (copied.ok()) PrintWarnings(loaded, options.import);
  return copied;
}

}  // namespace copse
