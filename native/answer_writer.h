#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "copse/model.h"
#include "copse/result.h"
#include "npy.h"
#include "row_writer.h"
#include "rows.h"

namespace copse {

/// Writes answers of a model down.
///
/// CSV has one line a row and no header, so line n answers row n; text labels are quoted where
/// RFC 4180 asks for it. NDJSON has one value a line: a number or label, or a list where the
/// answer has several columns. A .npy array is [n_rows] for predict, index, margin and score of
/// one column, else [n_rows, columns]: <f4 where the engine's own answer is float32 and else <f8,
/// <i8 for index and leaf; labels are <U, <i8, <f8 or bool as they were trained.
class AnswerWriter : public RowWriter {
 public:
  /// What `predict --output` may ask for: an Answer, or the whole prediction as a JSON object
  /// (no `answer`), which only NDJSON can hold. `model` must outlive the writer.
  /// Errors: kInvalidInput when this model has no such answer.
  static Result<AnswerWriter> Create(const Model& model, std::optional<Answer> answer,
                                     AnswerFormat format);

  std::string Head(std::size_t n_rows) const override;
  void Append(const Rows& rows, std::string& bytes) const override;
  std::size_t n_columns() const override { return answer_ ? columns_.size() : model_->n_values(); }

 private:
  // Of an answer; `labels` where it is a class index that is written as the class's label, as
  // `texts` has it for the format.
  struct Column {
    const Output* labels = nullptr;
    std::vector<std::string> texts = {};
  };

  AnswerWriter(const Model& model, std::optional<Answer> answer, AnswerFormat format)
      : model_(&model), answer_(answer), format_(format) {}

  void ChooseColumns();
  void ChooseNpy();
  void AppendJsonLines(const Rows& rows, std::string& text) const;
  void AppendText(std::string& text, std::size_t column, double number) const;
  void AppendNpy(std::string& bytes, std::size_t column, double number) const;
  void AppendRow(std::string& text, const double* row) const;

  const Model* model_;
  std::optional<Answer> answer_;
  AnswerFormat format_;
  std::vector<Column> columns_;
  bool flat_ = false;  // one column that is written without a list around it
  NpyFormat npy_;
};

/// `text` as a CSV cell, quoted if it must be.
std::string CsvCell(std::string_view text);

}  // namespace copse
