#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "copse/model.h"
#include "copse/plan.h"
#include "row_pool.h"

/// How long evaluating takes: rows that are ready in memory to margins in memory, nothing else.
namespace copse {

/// Rows as a model reads them: floats for a float32 model, else doubles.
class BenchRows {
 public:
  /// `values` [n_rows, model.n_features()], n_rows >= 1.
  BenchRows(const Model& model, std::span<const double> values);

  std::size_t size() const { return n_rows_; }
  std::size_t n_features() const { return n_features_; }
  /// Calls `use` with the span of rows [first, first + n).
  template <class Use>
  void With(std::size_t first, std::size_t n, Use use) const {
    const std::size_t at = first * n_features_, count = n * n_features_;
    if (floats_.empty()) {
      use(std::span(doubles_).subspan(at, count));
    } else {
      use(std::span(floats_).subspan(at, count));
    }
  }

 private:
  std::size_t n_features_, n_rows_;
  std::vector<float> floats_;
  std::vector<double> doubles_;
};

/// Margins of rows [first, first + n), written to the front of `margins`.
using Evaluate = std::function<void(std::size_t first, std::size_t n, std::span<double> margins)>;

/// Model::PredictMargins, Forest::PredictMargins or Plan::PredictMargins of `rows`; all must
/// outlive the function.
template <class Predictor>
Evaluate EvaluateWith(const Predictor& predictor, const BenchRows& rows, std::size_t n_margins) {
  return [&predictor, &rows, n_margins](std::size_t first, std::size_t n,
                                        std::span<double> margins) {
    rows.With(first, n,
              [&](auto block) { predictor.PredictMargins(block, margins.first(n * n_margins)); });
  };
}

struct Timing {
  double ns_per_row = 0;          ///< median of the runs
  double ns_per_row_fastest = 0;  ///< of the runs
  std::size_t n_runs = 0;
};

/// What time is: that of the processor, which other processes do not lengthen; or that of the clock
/// on the wall, the only one that shows what more threads gain.
enum class TimeOf { kProcessor, kWall };

/// Times calls of `batch` rows (at most `n_rows`).
///
/// The subjects take turns, so that what else the machine does meets all of them. A run is as many
/// calls as fill 10 ms, over rows that change from call to call; there are 9 runs of each subject,
/// or fewer, but at least 3, where those take longer than a second.
std::vector<Timing> TimeInTurns(std::span<const Evaluate> subjects, std::size_t n_rows,
                                std::size_t batch, std::size_t n_margins,
                                TimeOf time_of = TimeOf::kProcessor);

/// Smaller pieces than this cost more to hand over than they take.
inline constexpr std::size_t kPieceRowsMin = 128;

/// `evaluate` with the rows of a call split among the threads of `pool`, which must outlive it.
Evaluate SplitByRows(Evaluate evaluate, RowPool& pool, std::size_t n_threads,
                     std::size_t n_margins);

/// Margins [n_rows, n_margins] of all rows, `batch` at a time.
std::vector<double> MarginsInBatches(const Evaluate& subject, std::size_t n_rows, std::size_t batch,
                                     std::size_t n_margins);

/// Whether two lists of numbers have the same bits; NaN equals NaN, and 0 is not -0.
bool SameBits(std::span<const double> a, std::span<const double> b);

}  // namespace copse
