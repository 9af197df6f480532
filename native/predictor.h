#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "loaded_model.h"
#include "metrics.h"
#include "prediction_log.h"
#include "prediction_text.h"
#include "reply.h"
#include "request.h"
#include "row_pool.h"
#include "rows.h"

namespace copse {

/// Whether an Accept field prefers application/json to text/html. A browser, curl's `*/*` and
/// silence do not: they get the tutorial's text.
bool PrefersJson(std::string_view accept);

/// Answers rows with one model: counts them, records them, and writes the reply. Thread-safe.
class Predictor {
 public:
  /// `log` may be null; all three must outlive this. `pool` helps with files of many rows.
  Predictor(std::shared_ptr<const LoadedModel> model, PredictionLog* log, Metrics& metrics,
            RowPool& pool);

  /// The tutorial's GET /predict: one row from the query.
  Reply FromQuery(const Request& request) const;
  /// POST /predict: a row, or a list of rows, as JSON.
  Reply FromJson(const Request& request) const;
  /// POST /predict_file: CSV, as the file `input_file` of a form or as the body itself.
  Reply FromFile(const Request& request) const;

  const LoadedModel& loaded() const { return *model_; }

 private:
  enum class Numbered { kYes, kNo };

  Reply Answer(const Request& request, const Rows& rows, Numbered numbered) const;
  void Count(const Prediction& prediction) const;
  void Record(const Request& request, const Rows& rows, const Prediction& prediction,
              Numbered numbered) const;

  std::shared_ptr<const LoadedModel> model_;
  PredictionLog* log_;
  Metrics& metrics_;
  RowPool& pool_;
};

/// A prediction as JSON: of one row the members of PredictionMembers, of a list
/// `{"predictions": [...]}`, and always `model`, `version` and `request_id`.
std::string AnswerJson(const LoadedModel& model, const Prediction& prediction, bool is_list,
                       std::string_view request_id);

}  // namespace copse
