#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "copse/explain.h"
#include "metrics.h"
#include "reply.h"
#include "request.h"
#include "row_pool.h"

namespace copse {

class Predictor;

/// What explains one model to the service: made when it is first asked. Thread-safe.
class Explanations {
 public:
  /// Multiplications of one request, all rows together: some tenths of a second of one thread.
  static constexpr std::uint64_t kCostMax = std::uint64_t{1} << 28;

  /// `model` must outlive this.
  explicit Explanations(const Model& model) : model_(model) {}

  /// What explains `n_rows` rows by `method`. One row is never too much.
  /// Errors: those of Explainer::Create; kTooLarge, saying how many rows may be asked at once.
  Result<const Explainer*> For(ExplainMethod method, std::size_t n_rows) const;

  /// Contributions of `rows`, with the help of `pool`.
  static std::vector<double> Explain(const Model& model, const Explainer& explainer,
                                     std::span<const double> rows, RowPool& pool);

 private:
  struct Made {
    std::once_flag once;
    std::optional<Result<Explainer>> explainer;
  };

  const Model& model_;
  mutable std::array<Made, 2> made_;  // by method
};

/// POST /explain: a row, or a list of rows, as JSON, and what each feature adds to each margin. By
/// exact Shapley values, or as the parameter `method` of the query says. Nothing is recorded.
Reply ExplainRows(const Predictor& predictor, const Request& request, Metrics& metrics);

}  // namespace copse
