#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "commands.h"
#include "copse/model_file.h"
#include "files.h"
#include "import_flags.h"
#include "loaded_model.h"
#include "model_text.h"
#include "row_files.h"
#include "training_data.h"

namespace copse {
namespace {

struct ImportCommandOptions {
  std::string file, out, training_data;
  ImportOptions import;
};

// Whether both names lead to one file.
bool IsSameFile(const std::string& one, const std::string& other) {
  struct stat a {
  }, b{};
  return stat(one.c_str(), &a) == 0 && stat(other.c_str(), &b) == 0 && a.st_dev == b.st_dev &&
         a.st_ino == b.st_ino;
}

// The file to write, or nothing where that is `model.bytes`.
Result<std::vector<std::uint8_t>> Rewritten(const LoadedModel& model,
                                            const std::string& rows_path) {
  if (!rows_path.empty()) {
    const auto rows =
        ReadRowsOfFile(model.model, rows_path, std::numeric_limits<std::size_t>::max());
    if (!rows.ok()) return rows.error();
    const auto knowing = WithTrainingData(model.model, *rows);
    if (!knowing.ok()) return knowing.error();
    return WriteModel(*knowing);
  }
  // Our own format was checked as it was read; writing it again makes it canonical.
  if (model.kind == SourceKind::kCopse) return WriteModel(model.model);
  return std::vector<std::uint8_t>();
}

Status Import(const ImportCommandOptions& options) {
  auto loaded = LoadModel(options.file, options.import);
  if (!loaded.ok()) return loaded.error();
  const LoadedModel& model = **loaded;
  if (options.out != "-" && IsSameFile(model.path, options.out)) {
    return Error{ErrorCode::kInvalidInput,
                 options.out + ": this is the file to import; name another one for the result"};
  }
  const auto rewritten = Rewritten(model, options.training_data);
  if (!rewritten.ok()) return rewritten.error();
  const std::vector<std::uint8_t>& bytes = rewritten->empty() ? model.bytes : *rewritten;
  auto out = OutFile::Open(options.out);
  if (!out.ok()) return out.error();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (auto written = (*out)->Write(text); !written.ok()) return written;
  if (auto committed = (*out)->Commit(); !committed.ok()) return committed;
  // Where the model goes to standard output, what is said about it goes beside.
  std::fprintf(options.out == "-" ? stderr : stdout, "%s\n%s -> %s, %s\n",
               SummaryText(model).c_str(), Counted(model.file_bytes, "byte").c_str(),
               Counted(bytes.size(), "byte").c_str(), Plain(options.out).c_str());
  PrintWarnings(model, options.import);
  return Ok{};
}

}  // namespace

Command AddImportCommand(CLI::App& app) {
  auto options = std::make_shared<ImportCommandOptions>();
  app.add_option("FILE", options->file,
                 "Model file: a scikit-learn pickle or joblib file, XGBoost JSON or UBJSON, "
                 "LightGBM text, ONNX, CatBoost JSON or our own format, also compressed; or - for "
                 "a pipe. What it is, is seen by its content")
      ->required();
  app.add_option("-o,--out", options->out, "File to write, such as model.safetensors; - for a pipe")
      ->required();
  AddIterationsOption(app, options->import);
  app.add_flag("--leaf-ids", options->import.leaf_ids,
               "Keep the library's own leaf numbers, for predict --output leaf");
  app.add_option("--training-data", options->training_data,
                 "Rows that the model was trained with, a .csv, .ndjson or .npy file: keep their "
                 "ranges and how they are spread, so that a service sees when live rows are unlike "
                 "them. Columns of a CSV header that are no feature are ignored");
  app.footer(
      "Nothing in a file is ever run: a pickle is read as data.\n"
      "Example: copse import random_forest.pkl -o random_forest.safetensors");
  return [options] { return Import(*options); };
}

}  // namespace copse
