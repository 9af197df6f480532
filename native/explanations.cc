#include "explanations.h"

#include <algorithm>
#include <string>
#include <utility>

#include "explanation_text.h"
#include "predictor.h"

namespace copse {
namespace {

constexpr std::size_t kBlockRows = 8;

Result<ExplainMethod> MethodOf(const Request& request, Blame& blame) {
  ExplainMethod method = ExplainMethod::kTreeShap;
  std::size_t n_named = 0;
  for (const auto& [name, value] : request.query) {
    if (name != "method") continue;
    blame = BlameOn("method", value);
    if (++n_named > 1) {
      return Error{ErrorCode::kInvalidInput, "method is given twice; one was expected."};
    }
    const auto named = ExplainMethodFromName(value);
    if (!named.ok()) return named.error();
    method = *named;
  }
  return method;
}

}  // namespace

Result<const Explainer*> Explanations::For(ExplainMethod method, std::size_t n_rows) const {
  Made& made = made_[static_cast<std::size_t>(method)];
  std::call_once(made.once, [&] { made.explainer.emplace(Explainer::Create(model_, method)); });
  if (!made.explainer->ok()) return made.explainer->error();
  const Explainer& explainer = **made.explainer;
  if (explainer.cost() > limits_.row_cost) {
    return Error{ErrorCode::kTooLarge,
                 "one row of this model takes " + std::to_string(explainer.cost()) +
                     " multiplications to be explained by " +
                     std::string(ExplainMethodName(method)) + ", and a request may take " +
                     std::to_string(limits_.row_cost) + "; use the method \"saabas\", or " +
                     "copse explain."};
  }
  const std::uint64_t by_cost = limits_.cost / std::max<std::uint64_t>(1, explainer.cost());
  const std::uint64_t by_size = limits_.n_values / explainer.columns();
  const std::uint64_t n_rows_max = std::max<std::uint64_t>(1, std::min(by_cost, by_size));
  if (n_rows <= n_rows_max) return &explainer;
  return Error{ErrorCode::kTooLarge,
               std::to_string(n_rows) + " rows are too many to be explained by " +
                   std::string(ExplainMethodName(method)) +
                   " in one request to this model; send at most " + std::to_string(n_rows_max) +
                   " rows, or use copse explain."};
}

std::vector<double> Explanations::Explain(const Model& model, const Explainer& explainer,
                                          std::span<const double> rows, RowPool& pool) {
  const std::size_t n_features = model.n_features(), n_rows = rows.size() / n_features;
  std::vector<double> parts(n_rows * explainer.columns());
  pool.ForBlocks(n_rows, kBlockRows, [&](std::size_t first, std::size_t n) {
    explainer.Explain(
        rows.subspan(first * n_features, n * n_features),
        std::span(parts).subspan(first * explainer.columns(), n * explainer.columns()));
  });
  return parts;
}

std::string ExplanationsJson(const LoadedModel& loaded, const Rows& rows,
                             std::span<const double> parts, ExplainMethod method,
                             std::string_view request_id) {
  const Model& model = loaded.model;
  const std::size_t n_margins = model.n_margins(), width = n_margins * (model.n_features() + 1);
  std::vector<double> margins(rows.n_rows * n_margins);
  model.PredictMargins(std::span<const double>(rows.values), margins);
  const ExplanationText writer(model);
  std::string text = rows.is_list ? "{\"explanations\":[" : "{";
  for (std::size_t r = 0; r < rows.n_rows; ++r) {
    if (rows.is_list) text += r > 0 ? ",{" : "{";
    writer.AppendMembers(std::span<const double>(margins).subspan(r * n_margins, n_margins),
                         parts.subspan(r * width, width), text);
    if (rows.is_list) text += '}';
  }
  if (rows.is_list) text += ']';
  return text + ",\"method\":" + JsonString(ExplainMethodName(method)) +
         ",\"model\":" + JsonString(loaded.name) + ",\"version\":" + JsonString(loaded.version) +
         ",\"request_id\":" + JsonString(request_id) + "}";
}

Reply ExplainRows(const Predictor& predictor, const Request& request) {
  const LoadedModel& loaded = predictor.loaded();
  if (!IsJsonType(request.Field("content-type"))) {
    return UnsupportedType(request, "application/json");
  }
  Blame blame;
  const auto method = MethodOf(request, blame);
  if (!method.ok()) return Refused(request, method.error(), std::move(blame));
  blame = {};
  const auto rows = RowsFromJson(loaded.model, request.body, &blame);
  if (!rows.ok()) return Refused(request, rows.error(), std::move(blame));
  const auto explainer = predictor.explanations().For(*method, rows->n_rows);
  if (!explainer.ok()) return Refused(request, explainer.error(), {});
  const std::vector<double> parts =
      Explanations::Explain(loaded.model, **explainer, rows->values, predictor.pool());
  predictor.CountExplained(*method, rows->n_rows);
  Reply reply = JsonReply(ExplanationsJson(loaded, *rows, parts, *method, request.request_id));
  reply.headers = {{"Cache-Control", "no-store"}};
  return reply;
}

}  // namespace copse
