#pragma once

#include <Eigen/Core>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "copse/model.h"
#include "copse/result.h"

/// The door for C++ programs that keep their rows in Eigen matrices. The only public header that
/// includes anything but the standard library; core itself does not need it.
///
///   auto model = copse::ReadModel(bytes);
///   if (!model.ok()) return model.error();
///   model->Compile();  // once, where more than a few rows are to come
///   auto probabilities = copse::PredictProba(*model, rows);  // [rows.rows(), classes]
///
/// Eigen stores and hands over; no arithmetic is its own, so the numbers are those of every other
/// door, bit for bit.
namespace copse {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using MatrixF = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Rows [n_rows, n_features()]. Binds to row-major matrices and blocks of them without a copy;
/// anything else that Eigen can evaluate (column-major, an expression) is copied once.
using RowsRef = Eigen::Ref<const Matrix>;
using RowsRefF = Eigen::Ref<const MatrixF>;

namespace eigen_detail {

inline Status CheckRows(const Model& model, std::span<const double> rows) {
  return model.CheckRows(rows);
}
inline Status CheckRows(const Model& model, std::span<const float> rows) {
  const std::vector<double> wide(rows.begin(), rows.end());
  return model.CheckRows(wide);
}

template <class Number>
Result<Matrix> PredictRows(const Model& model, Answer answer, std::span<const Number> rows,
                           Eigen::Index n_rows) {
  const auto n_columns = model.Columns(answer);
  if (!n_columns.ok()) return n_columns.error();
  const Status status = CheckRows(model, rows);
  if (!status.ok()) return status.error();
  Matrix out(n_rows, static_cast<Eigen::Index>(*n_columns));
  model.Predict(answer, rows, std::span(out.data(), static_cast<std::size_t>(out.size())));
  return out;
}

template <class Ref>
Result<Matrix> PredictRef(const Model& model, Answer answer, const Ref& rows) {
  using Number = typename Ref::Scalar;
  if (static_cast<std::size_t>(rows.cols()) != model.n_features()) {
    return Error{ErrorCode::kInvalidInput, "the matrix has " + std::to_string(rows.cols()) +
                                               " columns, and the model has " +
                                               std::to_string(model.n_features()) + " features"};
  }
  const auto size = static_cast<std::size_t>(rows.size());
  if (rows.outerStride() == rows.cols()) {
    return PredictRows(model, answer, std::span<const Number>(rows.data(), size), rows.rows());
  }
  const typename Ref::PlainObject copy = rows;  // a block: closes the gaps between its rows
  return PredictRows(model, answer, std::span<const Number>(copy.data(), size), rows.rows());
}

}  // namespace eigen_detail

/// `answer` [n_rows, Columns(answer)] for `rows`; float rows give the same bits as the same rows
/// widened. Errors: kInvalidInput when the width is wrong, the model has no such answer, or a row
/// holds what the model does not take (Model::CheckRows).
inline Result<Matrix> PredictAnswer(const Model& model, Answer answer, const RowsRef& rows) {
  return eigen_detail::PredictRef(model, answer, rows);
}
inline Result<Matrix> PredictAnswer(const Model& model, Answer answer, const RowsRefF& rows) {
  return eigen_detail::PredictRef(model, answer, rows);
}

/// Class index of each class output, value of each other column: [n_rows, n_decisions()].
/// Errors as PredictAnswer's.
inline Result<Matrix> Predict(const Model& model, const RowsRef& rows) {
  return PredictAnswer(model, Answer::kPredict, rows);
}
inline Result<Matrix> Predict(const Model& model, const RowsRefF& rows) {
  return PredictAnswer(model, Answer::kPredict, rows);
}

/// Probabilities of all classes, blocks of outputs side by side. Errors as PredictAnswer's.
inline Result<Matrix> PredictProba(const Model& model, const RowsRef& rows) {
  return PredictAnswer(model, Answer::kProba, rows);
}
inline Result<Matrix> PredictProba(const Model& model, const RowsRefF& rows) {
  return PredictAnswer(model, Answer::kProba, rows);
}

/// Raw scores [n_rows, n_margins()]. Errors as PredictAnswer's.
inline Result<Matrix> PredictMargins(const Model& model, const RowsRef& rows) {
  return PredictAnswer(model, Answer::kMargin, rows);
}
inline Result<Matrix> PredictMargins(const Model& model, const RowsRefF& rows) {
  return PredictAnswer(model, Answer::kMargin, rows);
}

}  // namespace copse
