#include "prediction_stream.h"

#include <utility>

#include "inference_statistics.h"
#include "prediction_text.h"

namespace copse {
namespace {

// Rows of a part: enough that all cores can help, and some megabytes at most for wide models.
constexpr std::size_t kPartRowsMax = 4096;
constexpr std::size_t kPartNumbersMax = std::size_t{1} << 20;

}  // namespace

Result<std::string> PredictionStream::Next() {
  const Model& model = predictor_->loaded().model;
  const std::size_t n_numbers = model.n_features() + model.n_margins() + model.n_values() + 1;
  auto rows =
      rows_->Next(std::max<std::size_t>(1, std::min(kPartRowsMax, kPartNumbersMax / n_numbers)));
  // Each part counts as a request, from when its rows are there: clients take their time.
  InferenceStatistics::Recording recording(predictor_->statistics());
  if (!rows.ok()) return rows.error();
  if (rows->n_rows == 0) {
    if (n_rows_ == 0) return Error{ErrorCode::kInvalidInput, "there are no rows"};
    recording.Forget();
    return std::string();
  }
  recording.HaveRows();
  rows->is_list = true;
  const auto prediction = predictor_->Evaluate(*rows, 0);
  if (!prediction.ok()) return prediction.error();
  recording.Evaluated(rows->n_rows);
  std::string text;
  for (std::size_t r = 0; r < rows->n_rows; ++r) {
    text += PredictionJson(model, *prediction, r);
    text += '\n';
  }
  predictor_->Note(request_, *rows, *prediction, n_rows_ + 1);
  n_rows_ += rows->n_rows;
  recording.Answered();
  return text;
}

}  // namespace copse
