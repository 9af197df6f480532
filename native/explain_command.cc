#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "answer_writer.h"
#include "commands.h"
#include "copse/explain.h"
#include "explanation_writer.h"
#include "files.h"
#include "import_flags.h"
#include "loaded_model.h"
#include "prediction_text.h"
#include "row_command.h"
#include "row_files.h"
#include "row_pool.h"

namespace copse {
namespace {

constexpr std::size_t kBlockRows = 64;

struct ExplainOptions {
  RowOptions rows;
  std::string method = "treeshap";
  bool header = false, importances = false;
};

void Check(ExplainOptions& options) {
  ChooseFormats(options.rows, options.importances ? "csv" : "ndjson");
  const std::string& format = options.rows.output_format;
  if (options.importances && format == "npy") {
    throw CLI::ValidationError("--importances", "a table is written to .csv, .ndjson or -");
  }
  if (options.header && (format != "csv" || options.importances)) {
    throw CLI::ValidationError("--header", "only contributions as csv can have one");
  }
}

// Of each feature the mean over all rows of |contribution|, added over margins. Blocks are added in
// their order, so that the number of threads changes nothing.
std::vector<double> MeanSizes(const Model& model, const Explainer& explainer,
                              const std::vector<double>& rows, RowPool& pool) {
  const std::size_t n_features = model.n_features(), n_rows = rows.size() / n_features;
  std::vector<std::vector<double>> sums((n_rows + kBlockRows - 1) / kBlockRows);
  const auto add = [&](std::size_t block) {
    const std::size_t first = block * kBlockRows, n = std::min(kBlockRows, n_rows - first);
    std::vector<double> parts(n * explainer.columns());
    explainer.Explain(std::span(rows).subspan(first * n_features, n * n_features), parts);
    sums[block].resize(n_features + 1);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      sums[block][i % (n_features + 1)] += std::abs(parts[i]);
    }
  };
  pool.ForBlocks(sums.size(), 1, [&](std::size_t first, std::size_t n) {
    for (std::size_t block = first; block < first + n; ++block) add(block);
  });
  std::vector<double> means(n_features);
  for (const auto& sum : sums) {
    for (std::size_t f = 0; f < n_features; ++f) means[f] += sum[f];
  }
  for (double& mean : means) mean /= static_cast<double>(n_rows);
  return means;
}

std::string ImportancesText(const Model& model, const std::vector<double>& means,
                            AnswerFormat format) {
  const Importances found = ImportancesOf(model);
  const bool json = format == AnswerFormat::kNdjson;
  std::string text = json ? "" : "feature,mean_abs_contribution,splits,cover,gain\n";
  for (std::size_t f = 0; f < model.n_features(); ++f) {
    const std::string& name = model.features()[f].name;
    const std::string cover = found.cover.empty() ? "" : NumberText(found.cover[f]);
    const std::string gain = found.gain.empty() ? "" : NumberText(found.gain[f]);
    if (json) {
      text.append("{\"feature\":").append(JsonString(name));
      text.append(",\"mean_abs_contribution\":").append(NumberJson(means[f]));
      text.append(",\"splits\":").append(NumberText(found.splits[f]));
      text.append(",\"cover\":").append(cover.empty() ? "null" : cover);
      text.append(",\"gain\":").append(gain.empty() ? "null" : gain).append("}\n");
    } else {
      text.append(CsvCell(name)).append(",").append(NumberText(means[f]));
      text.append(",").append(NumberText(found.splits[f])).append(",").append(cover);
      text.append(",").append(gain).append("\n");
    }
  }
  return text;
}

Status WriteImportances(const ExplainOptions& options, const LoadedModel& loaded,
                        const Explainer& explainer) {
  const auto rows =
      ReadRowsOfFile(loaded.model, options.rows.input, std::numeric_limits<std::size_t>::max());
  if (!rows.ok()) return rows.error();
  RowPool pool(options.rows.n_threads - 1);
  const std::vector<double> means = MeanSizes(loaded.model, explainer, *rows, pool);
  auto out = OutFile::Open(options.rows.out);
  if (!out.ok()) return out.error();
  auto written =
      (*out)->Write(ImportancesText(loaded.model, means, FormatNamed(options.rows.output_format)));
  if (written.ok()) written = (*out)->Commit();
  if (written.ok()) PrintWarnings(loaded, options.rows.import);
  return written;
}

Status Explain(const ExplainOptions& options) {
  auto loaded = LoadModel(options.rows.model, options.rows.import, LoadFor::kPredicting);
  if (!loaded.ok()) return loaded.error();
  const Model& model = (*loaded)->model;
  const auto method = ExplainMethodFromName(options.method);
  if (!method.ok()) return method.error();
  const auto explainer = Explainer::Create(model, *method);
  if (!explainer.ok()) {
    return Error{explainer.error().code, options.rows.model + ": " + explainer.error().message};
  }
  if (options.importances) return WriteImportances(options, **loaded, *explainer);
  const ExplanationWriter writer(model, *explainer, FormatNamed(options.rows.output_format),
                                 options.header);
  return AnswerRows(options.rows, **loaded, writer);
}

}  // namespace

Command AddExplainCommand(CLI::App& app) {
  auto options = std::make_shared<ExplainOptions>();
  options->rows.out = "-";
  AddRowOptions(app, options->rows);
  app.add_option("-o,--out", options->rows.out,
                 "Contributions [rows, margins, features + 1], the last the base: a .npy, .csv or "
                 ".ndjson file; default: - for a pipe (ndjson, with names)");
  app.add_option("--method", options->method,
                 "treeshap (exact Shapley values) or saabas (at once); default: treeshap")
      ->check(CLI::IsMember({"treeshap", "saabas"}));
  app.add_flag("--header", options->header, "A first line of csv that names the columns");
  app.add_flag("--importances", options->importances,
               "Instead, a table of the features: the mean size of their contributions to the "
               "rows, how many splits test them, with how much training weight, and what these "
               "gained where the file says it");
  app.footer(
      "Contributions and base of a margin (the raw score) add up to it.\n"
      "Example: copse explain --model iris.safetensors --input rows.csv --out parts.npy");
  app.callback([options] { Check(*options); });
  return [options] { return Explain(*options); };
}

}  // namespace copse
