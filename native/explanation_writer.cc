#include "explanation_writer.h"

#include <span>
#include <vector>

#include "answer_writer.h"
#include "prediction_text.h"

namespace copse {

ExplanationWriter::ExplanationWriter(const Model& model, const Explainer& explainer,
                                     AnswerFormat format, bool header)
    : model_(&model),
      explainer_(&explainer),
      format_(format),
      header_(header && format == AnswerFormat::kCsv),
      text_(model) {}

std::string ExplanationWriter::Head(std::size_t n_rows) const {
  if (format_ == AnswerFormat::kNpy) {
    const NpyFormat format{.n_columns = n_columns(), .n_inner = model_->n_features() + 1};
    return NpyHead(format, n_rows);
  }
  if (!header_) return {};
  std::string line;
  for (const std::string& name : ContributionNames(*model_)) {
    line += (line.empty() ? "" : ",") + CsvCell(name);
  }
  return line + "\n";
}

void ExplanationWriter::Append(const Rows& rows, std::string& bytes) const {
  const std::size_t width = n_columns(), n_margins = model_->n_margins();
  std::vector<double> parts(rows.n_rows * width), margins;
  explainer_->Explain(rows.values, parts);
  if (format_ == AnswerFormat::kNdjson) {
    margins.resize(rows.n_rows * n_margins);
    model_->PredictMargins(std::span<const double>(rows.values), margins);
  }
  for (std::size_t r = 0; r < rows.n_rows; ++r) {
    const auto own = std::span<const double>(parts).subspan(r * width, width);
    if (format_ == AnswerFormat::kNdjson) {
      bytes += '{';
      text_.AppendMembers(std::span<const double>(margins).subspan(r * n_margins, n_margins), own,
                          bytes);
      bytes += "}\n";
      continue;
    }
    for (std::size_t i = 0; i < width; ++i) {
      if (format_ == AnswerFormat::kNpy) {
        AppendNpyNumber(bytes, NpyType::kFloat64, own[i]);
        continue;
      }
      if (i > 0) bytes += ',';
      AppendNumber(bytes, own[i]);
    }
    if (format_ == AnswerFormat::kCsv) bytes += '\n';
  }
}

}  // namespace copse
