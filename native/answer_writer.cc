#include "answer_writer.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

#include "number_text.h"
#include "prediction_text.h"

namespace copse {
namespace {

bool IsTrue(std::string_view label) { return label == "True" || label == "true"; }

std::int64_t IntegerOf(const std::string& label) {
  std::int64_t number = 0;
  std::from_chars(label.data(), label.data() + label.size(), number);
  return number;
}

NpyType LabelNpyType(LabelType type) {
  switch (type) {
    case LabelType::kInteger:
      return NpyType::kInt64;
    case LabelType::kFloat:
      return NpyType::kFloat64;
    case LabelType::kBool:
      return NpyType::kBool;
    case LabelType::kString:
      break;
  }
  return NpyType::kText;
}

const std::string& LabelOf(const Output& output, double index) {
  return output.labels[static_cast<std::size_t>(index)];
}

}  // namespace

std::string CsvCell(std::string_view text) {
  const bool spaces = !text.empty() && (text.front() == ' ' || text.back() == ' ');
  if (!spaces && text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string cell = "\"";
  for (const char c : text) cell += c == '"' ? "\"\"" : std::string(1, c);
  return cell + "\"";
}

Result<AnswerWriter> AnswerWriter::Create(const Model& model, std::optional<Answer> answer,
                                          AnswerFormat format) {
  AnswerWriter writer(model, answer, format);
  if (!answer) return writer;
  auto n_columns = model.Columns(*answer);
  if (!n_columns.ok()) return n_columns.error();
  writer.columns_.resize(*n_columns);
  writer.ChooseColumns();
  writer.ChooseNpy();
  return writer;
}

void AnswerWriter::ChooseColumns() {
  flat_ = columns_.size() == 1 && *answer_ != Answer::kProba && *answer_ != Answer::kLeaf;
  if (*answer_ != Answer::kPredict) return;
  std::size_t column = 0;
  for (const Output& output : model_->outputs()) {
    if (output.kind == OutputKind::kClass) {
      Column& labels = columns_[column++];
      labels.labels = &output;
      labels.texts.reserve(output.labels.size());
      for (const std::string& label : output.labels) {
        labels.texts.push_back(format_ == AnswerFormat::kCsv ? CsvCell(label)
                                                             : LabelJson(output, label));
      }
    } else {
      column += ValueColumns(output);
    }
  }
}

// One array has one type: text if any column is, else the type that all columns share, else <f8.
void AnswerWriter::ChooseNpy() {
  npy_.flat = flat_;
  npy_.n_columns = columns_.size();
  const bool whole = *answer_ == Answer::kIndex || *answer_ == Answer::kLeaf;
  const bool narrow = model_->precision(*answer_) == Precision::kFloat32;
  std::optional<NpyType> shared;
  for (const Column& column : columns_) {
    NpyType type = whole ? NpyType::kInt64 : narrow ? NpyType::kFloat32 : NpyType::kFloat64;
    if (column.labels != nullptr) type = LabelNpyType(column.labels->label_type);
    const bool text = type == NpyType::kText || shared == NpyType::kText;
    if (text) {
      shared = NpyType::kText;
    } else {
      shared = !shared || shared == type ? type : NpyType::kFloat64;
    }
  }
  npy_.type = shared.value_or(NpyType::kFloat64);
  // A number as text, should one stand beside labels, has at most 24 characters.
  npy_.text_width = 1;
  for (const Column& column : columns_) {
    if (column.labels == nullptr) {
      npy_.text_width = std::max<std::size_t>(npy_.text_width, 24);
      continue;
    }
    for (const std::string& label : column.labels->labels) {
      npy_.text_width = std::max(npy_.text_width, CountCharacters(label));
    }
  }
}

std::string AnswerWriter::Head(std::size_t n_rows) const {
  return format_ == AnswerFormat::kNpy ? NpyHead(npy_, n_rows) : std::string();
}

void AnswerWriter::Append(const Rows& rows, std::string& bytes) const {
  if (rows.n_rows == 0) return;
  if (!answer_) return AppendJsonLines(rows, bytes);
  std::vector<double> numbers(rows.n_rows * columns_.size());
  model_->Predict(*answer_, std::span<const double>(rows.values), numbers);
  for (std::size_t i = 0; i < numbers.size(); i += columns_.size()) AppendRow(bytes, &numbers[i]);
}

void AnswerWriter::AppendJsonLines(const Rows& rows, std::string& text) const {
  const Prediction prediction = PredictEverything(*model_, rows.values);
  for (std::size_t i = 0; i < rows.n_rows; ++i) {
    text += PredictionJson(*model_, prediction, i);
    text += '\n';
  }
}

void AnswerWriter::AppendRow(std::string& text, const double* row) const {
  if (format_ == AnswerFormat::kNpy) {
    for (std::size_t c = 0; c < columns_.size(); ++c) AppendNpy(text, c, row[c]);
    return;
  }
  const bool list = format_ == AnswerFormat::kNdjson && !flat_;
  if (list) text += '[';
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    if (c > 0) text += ',';
    AppendText(text, c, row[c]);
  }
  text += list ? "]\n" : "\n";
}

void AnswerWriter::AppendText(std::string& text, std::size_t column, double number) const {
  const Column& written = columns_[column];
  if (written.labels != nullptr) {
    text += written.texts[static_cast<std::size_t>(number)];
  } else if (format_ == AnswerFormat::kCsv) {
    AppendNumber(text, number);
  } else {
    AppendNumberJson(text, number);
  }
}

void AnswerWriter::AppendNpy(std::string& bytes, std::size_t column, double number) const {
  const Output* labels = columns_[column].labels;
  if (labels == nullptr) {
    if (npy_.type != NpyType::kText) return AppendNpyNumber(bytes, npy_.type, number);
    return AppendNpyText(bytes, NumberText(number), npy_.text_width);
  }
  const std::string& label = LabelOf(*labels, number);
  if (npy_.type == NpyType::kText) return AppendNpyText(bytes, label, npy_.text_width);
  if (npy_.type == NpyType::kInt64) return AppendNpyInteger(bytes, IntegerOf(label));
  const bool is_bool = labels->label_type == LabelType::kBool;
  const double value = is_bool ? (IsTrue(label) ? 1 : 0) : ParseNumber(label).value_or(0);
  AppendNpyNumber(bytes, npy_.type, value);
}

}  // namespace copse
