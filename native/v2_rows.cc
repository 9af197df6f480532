#include "v2_rows.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "number_text.h"
#include "predictor.h"
#include "row_values.h"
#include "utf8.h"

namespace copse {
namespace {

Error Refuse(std::string message) { return {ErrorCode::kInvalidInput, std::move(message)}; }

std::string Named(const InferInput& input) { return "input " + Shown(input.name); }

Error TooLarge(std::uint64_t n) {
  return {ErrorCode::kTooLarge, "the inputs have " + std::to_string(n) +
                                    " elements; send at most " + std::to_string(kAnswerValuesMax) +
                                    " in one request"};
}

// The elements of one input as numbers, each belonging to a row and a feature of the model.
class InputReader {
 public:
  // `feature`: the only one that the input holds, or nothing for all of them.
  InputReader(const RowValues& columns, const InferInput& input, std::optional<std::size_t> feature,
              Blame& blame)
      : columns_(columns), input_(input), feature_(feature), blame_(blame) {}

  Status Read(std::span<double> out) {
    if (input_.datatype == Datatype::kBytes) return ReadTexts(out);
    const auto error = input_.is_binary ? NumbersFromBytes(input_.bytes, input_.datatype, out)
                                        : NumbersFromJson(input_.elements, input_.datatype, out);
    if (!error) return CheckMissing(out);
    return RefuseElement(*error);
  }

 private:
  std::size_t FeatureOf(std::size_t element) const {
    return feature_ ? *feature_ : element % columns_.n_features();
  }
  RowNumber RowOf(std::size_t element) const {
    return 1 + (feature_ ? element : element / columns_.n_features());
  }

  Status ReadTexts(std::span<double> out) {
    std::optional<Error> refused;
    const auto use = [&](std::size_t i, std::optional<std::string_view> text) {
      const auto value = text ? columns_.FromString(RowOf(i), FeatureOf(i), *text)
                              : columns_.FromNull(RowOf(i), FeatureOf(i));
      if (value.ok()) {
        out[i] = *value;
        return true;
      }
      refused = value.error();
      blame_ = BlameOn(columns_.Name(FeatureOf(i)), text.value_or("null"));
      return false;
    };
    if (input_.is_binary) {
      const Status status = TextsFromBytes(input_.bytes, input_.n_elements, use);
      if (!status.ok()) return Refuse(Named(input_) + " " + status.error().message);
    } else if (const auto error = TextsFromJson(input_.elements, use)) {
      return RefuseElement(*error);
    }
    if (refused) return *std::move(refused);
    return Ok{};
  }

  // NaN is missing, if the model knows that.
  Status CheckMissing(std::span<const double> out) {
    if (columns_.model().missing_allowed()) return Ok{};
    const auto found = std::find_if(out.begin(), out.end(), [](double x) { return std::isnan(x); });
    if (found == out.end()) return Ok{};
    const auto i = static_cast<std::size_t>(found - out.begin());
    const std::string value = input_.is_binary ? "nan" : "null";
    blame_ = BlameOn(columns_.Name(FeatureOf(i)), value);
    return columns_.Refuse(RowOf(i), Shown(columns_.Name(FeatureOf(i))) + " is " + value +
                                         ", and this model takes no missing values");
  }

  Error RefuseElement(const ElementError& error) {
    const std::string& name = columns_.Name(FeatureOf(error.index));
    blame_ = BlameOn(name, error.value);
    return columns_.Refuse(RowOf(error.index), Shown(name) + " " + error.why);
  }

  const RowValues& columns_;
  const InferInput& input_;
  const std::optional<std::size_t> feature_;
  Blame& blame_;
};

// Rows of the matrix, or why its shape is none.
Result<std::size_t> MatrixRows(const Model& model, const InferInput& input) {
  const std::size_t width = model.n_features();
  const auto& shape = input.shape;
  if (shape.size() == 1 && shape[0] == width) return std::size_t{1};
  if (shape.size() == 2 && shape[1] == width) return static_cast<std::size_t>(shape[0]);
  return Refuse(Named(input) + " has the shape " + ShapeText(shape) + "; [n," +
                std::to_string(width) + "] was expected, the features " + NamesShown(model));
}

Result<std::size_t> ColumnRows(const InferInput& input) {
  const auto& shape = input.shape;
  const bool is_column = shape.size() == 1 || (shape.size() == 2 && shape[1] == 1);
  if (is_column) return static_cast<std::size_t>(shape[0]);
  return Refuse(Named(input) + " has the shape " + ShapeText(shape) +
                "; [n] or [n,1] was expected, one value for each row");
}

Result<Rows> RowsFromMatrix(const RowValues& columns, const InferInput& input, Blame& blame) {
  const auto n_rows = MatrixRows(columns.model(), input);
  if (!n_rows.ok()) {
    blame = BlameOn(input.name);
    return n_rows.error();
  }
  if (input.n_elements > kAnswerValuesMax) return TooLarge(input.n_elements);
  Rows rows{.n_rows = *n_rows, .values = {}, .is_list = true};
  rows.values.resize(static_cast<std::size_t>(input.n_elements));
  const Status read = InputReader(columns, input, std::nullopt, blame).Read(rows.values);
  if (!read.ok()) return read.error();
  return rows;
}

Error UnknownInput(const Model& model, const std::string& name) {
  return Refuse("input " + Shown(name) + " is not known; " + Shown(kMatrixInput) +
                ", or one for each feature was expected: " + NamesShown(model));
}

// Each feature must be there once; that none is there twice has been seen to.
Status CheckColumns(const RowValues& columns, const InferRequest& request, Blame& blame) {
  std::vector<bool> given(columns.n_features());
  for (const InferInput& input : request.inputs) {
    const auto feature = columns.Find(input.name);
    if (!feature) {
      blame = BlameOn(input.name);
      return UnknownInput(columns.model(), input.name);
    }
    given[*feature] = true;
  }
  const auto missing = std::find(given.begin(), given.end(), false);
  if (missing == given.end()) return Ok{};
  const std::string& name =
      columns.Name(static_cast<std::size_t>(std::distance(given.begin(), missing)));
  blame = BlameOn(name);
  return Refuse("there is no input " + Shown(name) +
                ", but there are others for single features; " + NamesShown(columns.model()) +
                " were expected");
}

Result<Rows> RowsFromColumns(const RowValues& columns, const InferRequest& request, Blame& blame) {
  const Status complete = CheckColumns(columns, request, blame);
  if (!complete.ok()) return complete.error();
  const std::size_t width = columns.n_features();
  const auto n_rows = ColumnRows(request.inputs.front());
  if (n_rows.ok() && *n_rows > kAnswerValuesMax / width) return TooLarge(*n_rows);
  Rows rows{.n_rows = n_rows.ok() ? *n_rows : 0, .values = {}, .is_list = true};
  rows.values.resize(rows.n_rows * width);
  std::vector<double> column(rows.n_rows);
  for (const InferInput& input : request.inputs) {
    const auto n = ColumnRows(input);
    blame = BlameOn(input.name);
    if (!n.ok()) return n.error();
    if (*n != rows.n_rows) {
      return Refuse(Named(input) + " has " + std::to_string(*n) + " rows, and input " +
                    Shown(request.inputs.front().name) + " has " + std::to_string(rows.n_rows) +
                    "; as many were expected");
    }
    const std::size_t feature = *columns.Find(input.name);
    const Status read = InputReader(columns, input, feature, blame).Read(column);
    if (!read.ok()) return read.error();
    for (std::size_t r = 0; r < rows.n_rows; ++r) rows.values[r * width + feature] = column[r];
    blame = {};
  }
  return rows;
}

// The matrix, if that is what the request has.
const InferInput* MatrixOf(const RowValues& columns, const InferRequest& request) {
  if (request.inputs.size() != 1) return nullptr;
  const InferInput& input = request.inputs.front();
  const bool is_name = input.name == kMatrixInput || input.name == kMatrixInputOfFil;
  return is_name && !columns.Find(input.name) ? &input : nullptr;
}

Result<Rows> Checked(const Model& model, Result<Rows> rows, Blame& blame) {
  if (!rows.ok()) return rows;
  const Status checked = model.CheckRows(rows->values);
  if (checked.ok()) return rows;
  const std::size_t i = model.FirstRefused(rows->values);
  blame = BlameOn(model.features()[i % model.n_features()].name, NumberText(rows->values[i]));
  return checked.error();
}

}  // namespace

Result<Rows> RowsFromInputs(const Model& model, const InferRequest& request, Blame& blame) {
  const RowValues columns(model);
  const InferInput* const matrix = MatrixOf(columns, request);
  return Checked(model,
                 matrix != nullptr ? RowsFromMatrix(columns, *matrix, blame)
                                   : RowsFromColumns(columns, request, blame),
                 blame);
}

Result<Rows> RowsFromRawTensor(const Model& model, std::string_view body, Blame& blame) {
  const std::size_t row_bytes = model.n_features() * sizeof(double);
  if (body.size() % row_bytes != 0) {
    return Refuse("the body has an unexpected size: a tensor of " + std::to_string(body.size()) +
                  " bytes is no number of rows of " + std::to_string(model.n_features()) +
                  " FP64 values, which have " + std::to_string(row_bytes) + " bytes each");
  }
  Rows rows{.n_rows = body.size() / row_bytes, .values = {}, .is_list = true};
  rows.values.resize(rows.n_rows * model.n_features());
  if (rows.values.size() > kAnswerValuesMax) return TooLarge(rows.values.size());
  NumbersFromBytes(body, Datatype::kFp64, rows.values);
  return Checked(model, std::move(rows), blame);
}

}  // namespace copse
