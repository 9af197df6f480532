#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "blame.h"
#include "drift.h"
#include "explanations.h"
#include "inference_statistics.h"
#include "loaded_model.h"
#include "metrics.h"
#include "prediction_log.h"
#include "prediction_text.h"
#include "reply.h"
#include "request.h"
#include "row_pool.h"
#include "rows.h"

namespace copse {

/// Numbers that one request may have, and that its rows may be answered: together they stay below
/// 128 MiB, however many features and classes there are.
inline constexpr std::size_t kAnswerValuesMax = std::size_t{1} << 23;

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

  /// What every other protocol needs: evaluates rows, after a check that the answer will not be too
  /// large: `row_values` numbers a row besides margins and values.
  /// Errors: kTooLarge.
  Result<Prediction> Evaluate(const Rows& rows, std::size_t row_values) const;
  /// Counts and records what has been answered so, without the tutorial's numbers. `first_row`: the
  /// number of the first row in its request.
  void Note(const Request& request, const Rows& rows, const Prediction& prediction,
            std::uint64_t first_row = 1) const;

  const LoadedModel& loaded() const { return *model_; }
  RowPool& pool() const { return pool_; }
  InferenceStatistics& statistics() const { return *statistics_; }
  const Drift& drift() const { return *drift_; }
  const Explanations& explanations() const { return *explanations_; }
  /// Counts `n_rows` rows that were explained.
  void CountExplained(ExplainMethod method, std::size_t n_rows) const;

 private:
  enum class Numbered { kYes, kNo };
  using Recording = InferenceStatistics::Recording;

  Reply Answer(const Request& request, const Rows& rows, Numbered numbered,
               Recording& recording) const;
  void Count(const Rows& rows, const Prediction& prediction) const;
  void Record(const Request& request, const Rows& rows, const Prediction& prediction,
              Numbered numbered, std::uint64_t first_row) const;

  std::shared_ptr<const LoadedModel> model_;
  PredictionLog* log_;
  Metrics& metrics_;
  RowPool& pool_;
  std::unique_ptr<InferenceStatistics> statistics_;
  std::unique_ptr<Drift> drift_;
  std::unique_ptr<Explanations> explanations_;
};

/// Whether an Accept field asks for application/x-ndjson, or one of its other names.
bool AcceptsNdjson(std::string_view accept);
/// Whether a media type, in lower case, is one of newline-delimited JSON.
bool IsNdjsonType(std::string_view type);
/// Whether a Content-Type field is JSON, in UTF-8.
bool IsJsonType(std::string_view content_type);
/// 415: a body of `expected` types is taken only.
Reply UnsupportedType(const Request& request, const std::string& expected);
/// A refusal of what a request holds.
Reply Refused(const Request& request, const Error& error, Blame blame);
/// Whether a charset, if the field has one, is UTF-8 or a part of it.
bool IsUtf8Charset(std::string_view content_type);

/// A prediction as JSON: of one row the members of PredictionMembers, of a list
/// `{"predictions": [...]}`, and always `model`, `version` and `request_id`.
std::string AnswerJson(const LoadedModel& model, const Prediction& prediction, bool is_list,
                       std::string_view request_id);

}  // namespace copse
