#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>

#include "answer_writer.h"
#include "commands.h"
#include "loaded_model.h"
#include "row_command.h"

namespace copse {
namespace {

struct PredictOptions {
  RowOptions rows;
  std::string answer = "predict";
};

// What the parser cannot see: options that do not go together. CLI11 reports what is thrown here
// as wrong usage.
void Check(PredictOptions& options) {
  const bool json = options.answer == "json";
  ChooseFormats(options.rows, json ? "ndjson" : "csv");
  if (json && options.rows.output_format != "ndjson") {
    throw CLI::ValidationError("--output", "json is written to .ndjson, .jsonl or -");
  }
  options.rows.import.leaf_ids = options.answer == "leaf";
}

Result<AnswerWriter> OpenWriter(const Model& model, const PredictOptions& options) {
  std::optional<Answer> answer;
  if (options.answer != "json") {
    auto named = AnswerFromName(options.answer);
    if (!named.ok()) return named.error();
    answer = *named;
  }
  return AnswerWriter::Create(model, answer, FormatNamed(options.rows.output_format));
}

Status Predict(const PredictOptions& options) {
  auto loaded = LoadModel(options.rows.model, options.rows.import, LoadFor::kPredicting);
  if (!loaded.ok()) return loaded.error();
  auto writer = OpenWriter((*loaded)->model, options);
  if (!writer.ok()) return writer.error();
  return AnswerRows(options.rows, **loaded, *writer);
}

}  // namespace

Command AddPredictCommand(CLI::App& app) {
  auto options = std::make_shared<PredictOptions>();
  AddRowOptions(app, options->rows);
  app.add_option("-o,--out", options->rows.out,
                 "Answers: a .csv, .ndjson or .npy file, or - for a pipe (csv; ndjson for json)")
      ->required();
  app.add_option("--output", options->answer,
                 "predict (label or value), index, proba, margin, leaf, score or json; "
                 "default: predict")
      ->check(CLI::IsMember({"predict", "index", "proba", "margin", "leaf", "score", "json"}));
  app.footer(
      "Inputs of any length are read in little memory, also from a pipe: line n of the output "
      "answers row n.\n"
      "Example: copse predict --model iris.safetensors --input rows.csv --out - "
      "--output proba");
  app.callback([options] { Check(*options); });
  return [options] { return Predict(*options); };
}

}  // namespace copse
