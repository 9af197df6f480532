// The C door of core for WebAssembly: pointers and sizes in, numbers out, no logic. The binding in
// js/ is its only caller and keeps the rules stated here. With COPSE_FAST models are compiled when
// they are loaded: a module of more than twice the size that answers many times as fast.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "copse/model.h"
#include "copse/model_file.h"
#include "copse/result.h"

namespace {

using copse::Answer;
using copse::Model;

/// What the last call had to say: a refusal's sentence, or a description. One instance has one
/// thread.
std::string last_text;
std::int32_t last_code = 0;

std::int32_t Refuse(const copse::Error& error) {
  last_text = error.message;
  last_code = static_cast<std::int32_t>(error.code);
  return last_code;
}

std::span<const double> Rows(const Model& model, const double* rows, std::size_t n_rows) {
  return {rows, n_rows * model.n_features()};
}

}  // namespace

extern "C" {

/// The model in `bytes`, which are not kept, or null: see the code and the text. Give it back to
/// copse_free.
Model* copse_load(const std::uint8_t* bytes, std::size_t size) {
  auto model = copse::ReadModel({bytes, size});
  if (!model.ok()) {
    Refuse(model.error());
    return nullptr;
  }
#ifdef COPSE_FAST
  model->Compile();
#endif
  return new Model(std::move(model).value());
}

void copse_free(Model* model) { delete model; }

/// Leaves DescribeModel's JSON in the text.
void copse_describe(const Model* model) { last_text = copse::DescribeModel(*model); }

/// Numbers a row of `answer` has, or -1: see the code and the text.
std::int32_t copse_columns(const Model* model, std::int32_t answer) {
  const auto columns = model->Columns(static_cast<Answer>(answer));
  if (columns.ok()) return static_cast<std::int32_t>(*columns);
  Refuse(columns.error());
  return -1;
}

/// 0 where all of `rows` [n_rows, n_features] can be used, else a code, with its text.
std::int32_t copse_check_rows(const Model* model, const double* rows, std::size_t n_rows,
                              std::size_t first_row) {
  const auto checked = model->CheckRows(Rows(*model, rows, n_rows), first_row);
  return checked.ok() ? 0 : Refuse(checked.error());
}

/// Writes `answer` to `out` [n_rows, copse_columns]. The rows have passed copse_check_rows, and the
/// model has that answer.
void copse_predict(const Model* model, std::int32_t answer, const double* rows, std::size_t n_rows,
                   double* out) {
  const auto kind = static_cast<Answer>(answer);
  const auto columns = model->Columns(kind);
  if (!columns.ok()) return;
  model->Predict(kind, Rows(*model, rows, n_rows), std::span<double>(out, n_rows * *columns));
}

/// UTF-8, not terminated; until the next call.
const char* copse_text() { return last_text.data(); }
std::size_t copse_text_size() { return last_text.size(); }

/// ErrorCode of the last refusal.
std::int32_t copse_error_code() { return last_code; }

}  // extern "C"
