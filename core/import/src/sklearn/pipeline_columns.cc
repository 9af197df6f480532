#include "sklearn/pipeline_columns.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "text.h"

// Source: sklearn/feature_selection: `_get_support_mask` of each class.
namespace copse::importer::sklearn {
namespace {

using pickle::Array;
using pickle::Kind;
using text::Invalid;

// Attributes with one number for each column, of any transformer that is known.
constexpr std::array<std::string_view, 7> kWidths = {
    "scale_", "mean_", "center_", "statistics_", "variances_", "scores_", "support_"};

Result<std::vector<double>> ReadNumbers(Value holder, std::string_view name, std::size_t n) {
  const auto value = holder.Attribute(name);
  if (!value) return Invalid({holder.class_stem(), " has no ", name, ": is it fitted?"});
  auto array = Array::From(*value, name);
  if (!array.ok()) return array.error();
  if (array->size() != n) {
    return Invalid({name, " of ", holder.class_stem(), " has ", array->size(),
                    " entries, and it is given ", n, " columns"});
  }
  return array->Doubles();
}

// The k best scores, the later of equals; NaN is the worst.
Result<std::vector<bool>> ReadBest(Value selector, std::size_t n) {
  auto scores = ReadNumbers(selector, "scores_", n);
  if (!scores.ok()) return scores.error();
  const auto k = selector.Attribute("k");
  std::size_t n_kept = n;
  if (!k || k->AsString() != "all") {
    const auto number = k ? k->AsInteger() : std::nullopt;
    if (!number || *number < 0) return Invalid({"SelectKBest has no number k"});
    n_kept = static_cast<std::size_t>(std::min<std::uint64_t>(n, *number));
  }
  for (double& score : *scores) {
    if (std::isnan(score)) score = std::numeric_limits<double>::lowest();
  }
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return (*scores)[a] < (*scores)[b]; });
  std::vector<bool> mask(n, false);
  for (std::size_t i = n - n_kept; i < n; ++i) mask[order[i]] = true;
  return mask;
}

}  // namespace

bool IsNoStep(Value step) {
  return step.is(Kind::kNone) || (step.is(Kind::kString) && step.AsString() == "passthrough");
}

bool IsSampler(std::string_view class_name) {
  constexpr std::array<std::string_view, 3> kModules = {
      "imblearn.over_sampling.", "imblearn.under_sampling.", "imblearn.combine."};
  return std::any_of(kModules.begin(), kModules.end(),
                     [&](std::string_view module) { return class_name.starts_with(module); });
}

bool IsSelector(std::string_view class_stem) {
  constexpr std::array<std::string_view, 5> kSelectors = {"VarianceThreshold", "SelectKBest", "RFE",
                                                          "RFECV", "SequentialFeatureSelector"};
  return std::find(kSelectors.begin(), kSelectors.end(), class_stem) != kSelectors.end();
}

Result<std::size_t> CountColumns(Value transformer) {
  for (const std::string_view name : kWidths) {
    const auto list = transformer.Attribute(name);
    if (!list || !list->is(Kind::kArray)) continue;
    auto array = Array::From(*list, name);
    if (!array.ok()) return array.error();
    return array->size();
  }
  // A number that nothing else in the file bears out.
  constexpr std::int64_t kBelievedMax = 1 << 16;
  const auto value = transformer.Attribute("n_features_in_");
  const auto number = value ? value->AsInteger() : std::nullopt;
  if (number && *number > 0 && *number <= kBelievedMax) return static_cast<std::size_t>(*number);
  return Invalid({"the pipeline's first step, ", transformer.Describe(),
                  ", does not say how many columns it takes"});
}

std::vector<std::string> NamesIn(Value estimator) {
  const auto value = estimator.Attribute("feature_names_in_");
  if (!value || !value->is(Kind::kArray)) return {};
  auto array = Array::From(*value, "feature_names_in_");
  if (!array.ok()) return {};
  if (!array->holds_objects()) {
    auto texts = array->Texts();
    return texts.ok() ? *std::move(texts) : std::vector<std::string>();
  }
  auto objects = array->Objects();
  std::vector<std::string> names;
  for (std::size_t i = 0; objects.ok() && i < objects->size(); ++i) {
    names.push_back((*objects)[i].AsString().value_or(""));
  }
  return names;
}

Result<std::vector<std::size_t>> ReadPositions(Value list, std::size_t n) {
  std::vector<std::int64_t> numbers;
  if (list.is(Kind::kArray)) {
    auto array = Array::From(list, "columns");
    if (!array.ok()) return array.error();
    if (auto status = array->ReadIntegers(nullptr, numbers); !status.ok()) return status.error();
  } else {
    for (std::size_t i = 0; i < list.size(); ++i) {
      numbers.push_back(list.At(i).AsInteger().value_or(-1));
    }
  }
  std::vector<std::size_t> positions;
  for (const std::int64_t number : numbers) {
    if (number < 0 || static_cast<std::uint64_t>(number) >= n) {
      return Invalid({"a ColumnTransformer takes column ", number, " of ", n});
    }
    positions.push_back(static_cast<std::size_t>(number));
  }
  return positions;
}

Result<std::vector<bool>> ReadSelection(Value selector, std::size_t n) {
  if (selector.class_stem() == "SelectKBest") return ReadBest(selector, n);
  const bool by_variance = selector.class_stem() == "VarianceThreshold";
  auto numbers = ReadNumbers(selector, by_variance ? "variances_" : "support_", n);
  if (!numbers.ok()) return numbers.error();
  double threshold = 0;
  if (by_variance) {
    const auto value = selector.Attribute("threshold");
    threshold = value ? value->AsNumber().value_or(NAN) : NAN;
    if (std::isnan(threshold)) return Invalid({"VarianceThreshold has no number threshold"});
  }
  std::vector<bool> mask(n);
  for (std::size_t c = 0; c < n; ++c) mask[c] = (*numbers)[c] > threshold;
  return mask;
}

}  // namespace copse::importer::sklearn
