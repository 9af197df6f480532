#include "copse/model.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <initializer_list>

#include "text.h"

namespace copse {
namespace {

struct NamedAnswer {
  std::string_view name;
  Answer answer;
};
constexpr std::array<NamedAnswer, 6> kAnswers = {{{"predict", Answer::kPredict},
                                                  {"index", Answer::kIndex},
                                                  {"proba", Answer::kProba},
                                                  {"margin", Answer::kMargin},
                                                  {"leaf", Answer::kLeaf},
                                                  {"score", Answer::kScore}}};

/// Half-way between the largest float and the next power of two: from here on numbers round to
/// infinity.
constexpr double kFloatEnd = 0x1.ffffffp127;

Error InvalidInput(std::initializer_list<text::Piece> pieces) {
  return text::MakeError(ErrorCode::kInvalidInput, pieces);
}

/// Why `x` cannot be used, as the end of a sentence; empty when it can.
std::string_view Refusal(const Model& model, double x) {
  if (std::isnan(x)) {
    return model.missing_allowed() ? "" : ", and this model takes no missing values";
  }
  if (std::isinf(x)) {
    return model.infinite_allowed() ? "" : ", and this model takes finite numbers only";
  }
  if (model.input() == Precision::kFloat32 && std::abs(x) >= kFloatEnd) {
    return ", which is too large for the float32 numbers that this model reads";
  }
  return {};
}

/// Whether all are finite floats, which any model takes. No branch for each of them.
bool AllFit(std::span<const double> numbers) {
  bool all = true;
  for (const double x : numbers) all &= std::abs(x) < kFloatEnd;
  return all;
}

std::size_t CountColumns(const Model& model, OutputKind kind) {
  std::size_t columns = 0;
  for (const Output& output : model.outputs()) {
    if (output.kind == kind) columns += ValueColumns(output);
  }
  return columns;
}

}  // namespace

Result<Answer> AnswerFromName(std::string_view name) {
  std::string known;
  for (const NamedAnswer& named : kAnswers) {
    if (named.name == name) return named.answer;
    known += (known.empty() ? "" : ", ") + std::string(named.name);
  }
  return InvalidInput({"answer ", text::Quote(name), " is not known; expected one of ", known});
}

std::string_view AnswerName(Answer answer) {
  for (const NamedAnswer& named : kAnswers) {
    if (named.answer == answer) return named.name;
  }
  return "";
}

bool Model::is_classifier() const {
  return std::all_of(outputs_.begin(), outputs_.end(),
                     [](const Output& output) { return output.kind == OutputKind::kClass; });
}

Precision Model::precision(Answer answer) const {
  const Precision margin = accumulate_;
  const bool is_margin_itself =
      link_.kind == LinkKind::kIdentity && link_.divisor == 1 && margin == Precision::kFloat32;
  const Precision value = is_margin_itself ? margin : link_.math;
  switch (answer) {
    case Answer::kPredict:
      return is_classifier() ? Precision::kFloat64 : value;
    case Answer::kProba:
    case Answer::kScore:
      return value;
    case Answer::kMargin:
      return link_.kind == LinkKind::kIsolation ? value : margin;
    case Answer::kIndex:
    case Answer::kLeaf:
      break;
  }
  return Precision::kFloat64;
}

Result<std::size_t> Model::Columns(Answer answer) const {
  std::size_t columns = 0;
  std::string_view needs;
  switch (answer) {
    case Answer::kPredict:
      return n_decisions_;
    case Answer::kMargin:
      return n_margins_;
    case Answer::kIndex:
      columns = static_cast<std::size_t>(
          std::count_if(outputs_.begin(), outputs_.end(),
                        [](const Output& output) { return output.kind == OutputKind::kClass; }));
      needs = "classes";
      break;
    case Answer::kProba:
      columns = CountColumns(*this, OutputKind::kClass);
      needs = "classes";
      break;
    case Answer::kLeaf:
      columns = forest_ ? forest_->n_trees() : 0;
      needs = "trees";
      break;
    case Answer::kScore:
      columns = CountColumns(*this, OutputKind::kScore);
      needs = "an anomaly score";
      break;
  }
  if (columns > 0) return columns;
  return InvalidInput({"answer \"", AnswerName(answer), "\" needs a model with ", needs,
                       ", which this one does not have"});
}

std::size_t Model::FirstRefused(std::span<const double> rows) const {
  constexpr std::size_t kTogether = 64;
  for (std::size_t begin = 0; begin < rows.size(); begin += kTogether) {
    const auto some = rows.subspan(begin, std::min(kTogether, rows.size() - begin));
    if (AllFit(some)) continue;
    const auto found = std::find_if(some.begin(), some.end(),
                                    [&](double x) { return !Refusal(*this, x).empty(); });
    if (found != some.end()) return begin + static_cast<std::size_t>(found - some.begin());
  }
  return rows.size();
}

Status Model::CheckRows(std::span<const double> rows, std::size_t first_row) const {
  assert(rows.size() % n_features() == 0);
  const std::size_t i = FirstRefused(rows);
  if (i == rows.size()) return Ok{};
  return InvalidInput({"row ", first_row + i / n_features(), ": ",
                       text::Quote(features_[i % n_features()].name), " is ", rows[i],
                       Refusal(*this, rows[i])});
}

std::size_t ValueColumns(const Output& output) {
  const std::size_t columns = output.end - output.begin;
  return output.kind == OutputKind::kClass && columns == 1 ? output.labels.size() : columns;
}

}  // namespace copse
