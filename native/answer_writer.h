#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "copse/model.h"
#include "copse/result.h"
#include "npy.h"
#include "rows.h"

namespace copse {

/// How answers are written down.
enum class AnswerFormat { kCsv, kNdjson, kNpy };

/// Turns rows into the bytes of a file of answers, piece by piece. Safe to share between threads.
///
/// CSV has one line a row and no header, so line n answers row n; text labels are quoted where
/// RFC 4180 asks for it. NDJSON has one value a line: a number or label, or a list where the
/// answer has several columns. A .npy array is [n_rows] for predict, index, margin and score of
/// one column, else [n_rows, columns]: <f4 where the engine's own answer is float32 and else <f8,
/// <i8 for index and leaf; labels are <U, <i8, <f8 or bool as they were trained.
class AnswerWriter {
 public:
  /// What `predict --output` may ask for: an Answer, or the whole prediction as a JSON object
  /// (no `answer`), which only NDJSON can hold. `model` must outlive the writer.
  /// Errors: kInvalidInput when this model has no such answer.
  static Result<AnswerWriter> Create(const Model& model, std::optional<Answer> answer,
                                     AnswerFormat format);

  /// What stands before the answers to `n_rows` rows; as long for every n_rows.
  std::string Head(std::size_t n_rows) const;
  /// Appends the answers to checked rows.
  void Append(const Rows& rows, std::string& bytes) const;

  /// Numbers in an answer to one row.
  std::size_t n_columns() const { return answer_ ? columns_.size() : model_->n_values(); }

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
