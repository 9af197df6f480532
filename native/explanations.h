#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "copse/explain.h"
#include "loaded_model.h"
#include "reply.h"
#include "request.h"
#include "row_pool.h"
#include "rows.h"

namespace copse {

class Predictor;

/// What explains one model to the service: made when it is first asked. Thread-safe.
class Explanations {
 public:
  /// What one request may take, as Explainer::cost counts it.
  struct Limits {
    std::uint64_t cost = std::uint64_t{1} << 28;      ///< all rows: tenths of a second of a thread
    std::uint64_t row_cost = std::uint64_t{1} << 31;  ///< of the only row: seconds
    std::size_t n_values = std::size_t{1} << 20;      ///< numbers of an answer; each has a name
  };

  /// `model` must outlive this.
  explicit Explanations(const Model& model) : Explanations(model, Limits()) {}
  Explanations(const Model& model, const Limits& limits) : model_(model), limits_(limits) {}

  /// What explains `n_rows` rows by `method`.
  /// Errors: those of Explainer::Create; kTooLarge, saying how many rows may be asked at once, or
  /// that one is too much.
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
  const Limits limits_;
  mutable std::array<Made, 2> made_;  // by method
};

/// What POST /explain answers to `rows`, whose contributions [n_rows, n_margins(), n_features() +
/// 1] by `method` are `parts`.
std::string ExplanationsJson(const LoadedModel& loaded, const Rows& rows,
                             std::span<const double> parts, ExplainMethod method,
                             std::string_view request_id);

/// POST /explain: a row, or a list of rows, as JSON, and what each feature adds to each margin. By
/// exact Shapley values, or as the parameter `method` of the query says. Nothing is recorded.
Reply ExplainRows(const Predictor& predictor, const Request& request);

}  // namespace copse
