#include "row_values.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "number_text.h"
#include "utf8.h"

namespace copse {
namespace {

constexpr std::size_t kNamesShownMax = 8;
// So many are found sooner without an index, which is made for each request.
constexpr std::size_t kFewFeatures = 16;

// The words that pandas.read_csv takes for a missing value (pandas 1.5, STR_NA_VALUES), but for
// the empty one and the NaNs that are numbers too.
constexpr std::array<std::string_view, 13> kMissingWords = {
    "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "1.#IND", "1.#QNAN",
    "<NA>", "N/A",      "NA",  "NULL",    "n/a",      "null"};

bool IsMissingWord(std::string_view text) {
  return std::find(kMissingWords.begin(), kMissingWords.end(), text) != kMissingWords.end();
}

std::optional<double> TruthWord(std::string_view text) {
  if (text == "True" || text == "TRUE" || text == "true") return 1.0;
  if (text == "False" || text == "FALSE" || text == "false") return 0.0;
  return std::nullopt;
}

// A name in a list is not quoted, but must not break its line or run on.
std::string NameShown(std::string_view name) {
  const std::string shown = Shown(name);
  return shown.substr(1, shown.size() - 2);
}

}  // namespace

std::string_view TrimmedCell(std::string_view cell) {
  while (!cell.empty() && (cell.back() == '\0' || cell.back() == ' ' || cell.back() == '\t')) {
    cell.remove_suffix(1);
  }
  while (!cell.empty() && (cell.front() == ' ' || cell.front() == '\t')) cell.remove_prefix(1);
  return cell;
}

bool IsNameLike(std::string_view cell) {
  const std::string_view text = TrimmedCell(cell);
  if (text.empty() || std::string_view("0123456789+-.").find(text[0]) != text.npos) return false;
  return !ParseNumber(text) && !TruthWord(text) && !IsMissingWord(text) && text != "None";
}

std::string NamesShown(const Model& model) {
  std::string names;
  for (std::size_t i = 0; i < std::min(model.n_features(), kNamesShownMax); ++i) {
    names += (i == 0 ? "" : ", ") + NameShown(model.features()[i].name);
  }
  return model.n_features() > kNamesShownMax ? names + ", ..." : names;
}

RowValues::RowValues(const Model& model) : model_(model) {
  const bool are_many = model.n_features() > kFewFeatures;
  if (are_many) features_.reserve(model.n_features());
  for (std::size_t i = 0; i < model.n_features(); ++i) {
    const Feature& feature = model.features()[i];
    if (are_many) features_.emplace(feature.name, i);
    if (!feature.categorical || feature.categories.empty()) continue;
    auto& codes = categories_[i];
    for (std::size_t c = 0; c < feature.categories.size(); ++c) {
      codes.emplace(feature.categories[c], c);
    }
  }
}

std::optional<std::size_t> RowValues::Find(std::string_view name) const {
  if (model_.n_features() <= kFewFeatures) {
    for (std::size_t i = 0; i < model_.n_features(); ++i) {
      if (Name(i) == name) return i;
    }
    return std::nullopt;
  }
  const auto found = features_.find(name);
  return found == features_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<double> RowValues::Category(std::size_t feature, std::string_view text) const {
  if (categories_.empty()) return std::nullopt;
  const auto codes = categories_.find(feature);
  if (codes == categories_.end()) return std::nullopt;
  const auto found = codes->second.find(text);
  if (found == codes->second.end()) return std::nullopt;
  return static_cast<double>(found->second);
}

std::optional<double> RowValues::Missing() const {
  if (!model_.missing_allowed()) return std::nullopt;
  return std::numeric_limits<double>::quiet_NaN();
}

std::optional<double> RowValues::FromCell(std::size_t feature, std::string_view cell) const {
  const std::string_view text = TrimmedCell(cell);
  if (const auto code = Category(feature, text)) return code;
  if (text.empty()) return Missing();
  // No word of the list is a number, so the numbers, which are most, can be tried first.
  const auto number = ParseNumber(text);
  if (number) return std::isnan(*number) ? Missing() : number;
  return IsMissingWord(text) ? Missing() : TruthWord(text);
}

Error RowValues::CellError(RowNumber row, std::size_t feature, std::string_view cell) const {
  const std::string_view text = TrimmedCell(cell);
  const std::string name = Shown(Name(feature));
  if (text.empty()) {
    return Refuse(row, name + " is empty, and this model takes no missing values");
  }
  const auto number = ParseNumber(text);
  if (IsMissingWord(text) || (number && std::isnan(*number))) {
    return Refuse(row, name + " is " + Shown(text) + ", and this model takes no missing values");
  }
  return Refuse(row, name + " is " + Shown(text) + "; " + Expected(feature) + " was expected");
}

Result<double> RowValues::FromParameter(std::size_t feature, std::string_view text) const {
  if (const auto code = Category(feature, text)) return *code;
  const auto refuse = [&](const std::string& what) {
    return Refuse(
        0, Shown(Name(feature)) + " is " + what + "; " + Expected(feature) + " was expected");
  };
  if (text.empty()) return refuse("empty");
  const auto number = ParseNumber(text);
  if (!number) return refuse(Shown(text));
  if (std::isnan(*number) && !model_.missing_allowed()) return CellError(0, feature, text);
  return *number;
}

Result<double> RowValues::FromNull(RowNumber row, std::size_t feature) const {
  if (const auto missing = Missing()) return *missing;
  return Refuse(row, Shown(Name(feature)) + " is null, and this model takes no missing values");
}

Result<double> RowValues::FromString(RowNumber row, std::size_t feature,
                                     std::string_view text) const {
  if (const auto code = Category(feature, text)) return *code;
  return Refuse(row, Shown(Name(feature)) + " is the text " + Shown(text) + "; " +
                         Expected(feature) + " was expected");
}

std::string RowValues::Expected(std::size_t feature) const {
  const Feature& f = model_.features()[feature];
  if (!f.categorical) return "a number";
  if (f.categories.empty()) return "the code of a category";
  std::string names;
  for (std::size_t i = 0; i < std::min(f.categories.size(), kNamesShownMax); ++i) {
    names += (i == 0 ? "" : ", ") + NameShown(f.categories[i]);
  }
  if (f.categories.size() > kNamesShownMax) names += ", ...";
  return "a category (" + names + ") or its code";
}

Status RowValues::CheckLarge(RowNumber row, std::size_t feature, double number) const {
  if (std::isinf(number) && model_.infinite_allowed()) return Ok{};
  std::vector<double> zeros(n_features());
  zeros[feature] = number;
  const auto checked = model_.CheckRows(zeros);
  if (checked.ok()) return Ok{};
  constexpr std::string_view kOnly = "row 1: ";
  std::string_view why = checked.error().message;
  if (why.starts_with(kOnly)) why.remove_prefix(kOnly.size());
  return Refuse(row, std::string(why));
}

Error RowValues::KindError(RowNumber row, std::size_t feature, const std::string& what) const {
  return Refuse(row,
                Shown(Name(feature)) + " is " + what + "; " + Expected(feature) + " was expected");
}

Error RowValues::AbsentError(RowNumber row, std::size_t feature) const {
  return Refuse(row,
                Shown(Name(feature)) + " is not given; " + Expected(feature) + " was expected");
}

Error RowValues::WidthError(RowNumber row, const std::string& n_values) const {
  return Refuse(row, n_values + "; " + std::to_string(n_features()) +
                         " were expected: " + NamesShown(model_));
}

Error RowValues::Refuse(RowNumber row, const std::string& why) const {
  std::string text = row == 0 ? why : "row " + std::to_string(row) + ": " + why;
  return Error{ErrorCode::kInvalidInput, std::move(text)};
}

}  // namespace copse
