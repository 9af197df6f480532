#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "copse/result.h"
#include "predictor.h"
#include "request.h"
#include "rows.h"

namespace copse {

/// Predicts rows as they come, part by part: inputs may be larger than memory. For one thread.
class PredictionStream {
 public:
  /// `request` without its body; it must outlive this, and so must what `rows` reads from.
  PredictionStream(std::shared_ptr<const Predictor> predictor, const Request& request,
                   std::unique_ptr<RowReader> rows)
      : predictor_(std::move(predictor)), request_(request), rows_(std::move(rows)) {}

  /// The answers to the next rows, a JSON object in a line for each, in their order; nothing at the
  /// end. They have been counted and recorded. Waits while there is no whole row to read.
  /// Errors: those of the rows' reader, after which there is no more. An input without any row is
  /// refused.
  Result<std::string> Next();

  /// What the Error was about.
  const Blame& blame() const { return rows_->blame(); }

 private:
  std::shared_ptr<const Predictor> predictor_;
  const Request& request_;
  std::unique_ptr<RowReader> rows_;
  std::uint64_t n_rows_ = 0;  // so far
};

}  // namespace copse
