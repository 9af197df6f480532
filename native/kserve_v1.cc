#include "kserve_v1.h"

#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>

#include "json_syntax.h"

namespace copse {
namespace {

// Whole numbers without an exponent: class indices are integers to every reader.
void AppendDecision(std::string& text, double number) {
  constexpr double kExact = 0x1p53;
  if (std::abs(number) < kExact && std::trunc(number) == number && !std::signbit(number)) {
    text += std::to_string(static_cast<std::int64_t>(number));
  } else {
    AppendNumberJson(text, number);
  }
}

}  // namespace

Result<Rows> RowsFromInstances(const Model& model, std::string_view body, Blame& blame) {
  const Status syntax = CheckJson(body);
  if (!syntax.ok()) return syntax.error();
  const auto instances = JsonMember(body, "instances");
  if (!instances) {
    blame = BlameOn("instances");
    return Error{ErrorCode::kInvalidInput,
                 "the request has no instances; an object with the member instances, a list of "
                 "rows, was expected"};
  }
  auto rows = RowsFromJson(model, *instances, &blame);
  if (rows.ok() && !rows->is_list) {
    blame = BlameOn("instances");
    return Error{ErrorCode::kInvalidInput, "instances is one row; a list of rows was expected"};
  }
  return rows;
}

std::string PredictionsJson(const Model& model, const Prediction& prediction) {
  const std::size_t width = model.n_decisions();
  std::string text = "{\"predictions\":[";
  for (std::size_t r = 0; r < prediction.n_rows; ++r) {
    if (r > 0) text += ',';
    if (width > 1) text += '[';
    for (std::size_t k = 0; k < width; ++k) {
      if (k > 0) text += ',';
      AppendDecision(text, prediction.decisions[r * width + k]);
    }
    if (width > 1) text += ']';
  }
  return text + "]}";
}

}  // namespace copse
