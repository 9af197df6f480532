#include "sklearn/pipeline.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "json_fields.h"
#include "sklearn/pipeline_columns.h"
#include "text.h"

// Sources: sklearn/preprocessing/_data.py, sklearn/impute/_base.py, sklearn/compose/
// _column_transformer.py: `transform`, for rows of float64.
namespace copse::importer::sklearn {
namespace {

using pickle::Array;
using pickle::Kind;
using text::Invalid;
using text::Unsupported;
using StepKind = ColumnStep::Kind;

constexpr int kDepthMax = 16;  // of transformers in transformers

bool IsTrue(Value holder, std::string_view name, bool otherwise = false) {
  const auto value = holder.Attribute(name);
  return value ? value->AsBool().value_or(otherwise) : otherwise;
}

std::string CalledOf(Value transformer) {
  return text::Concat(
      {transformer.class_stem(), " (scikit-learn ", VersionOf(transformer).text, ")"});
}

Error RefuseStep(Value transformer) {
  return Unsupported(
      {transformer.is(Kind::kObject) ? CalledOf(transformer) : transformer.Describe(),
       " stands in front of the model and cannot be imported; fit the model on the "
       "transformed columns, model.fit(transformer.transform(X), y), and import "
       "that model"});
}

// Numbers of the attribute `name`, one for each of `n` columns.
Result<std::vector<double>> ReadParameter(Value holder, std::string_view name, std::size_t n) {
  const auto value = holder.Attribute(name);
  if (!value) return Invalid({CalledOf(holder), " has no ", name, ": is it fitted?"});
  auto array = Array::From(*value, name);
  if (!array.ok()) return array.error();
  if (array->size() != n) {
    return Invalid({name, " of ", CalledOf(holder), " has ", array->size(),
                    " numbers, and it is given ", n, " columns"});
  }
  if (!array->holds_objects()) return array->Doubles();
  auto objects = array->Objects();
  if (!objects.ok()) return objects.error();
  std::vector<double> numbers;
  for (const Value& object : *objects) {
    const auto number = object.AsNumber();
    if (!number) {
      return Unsupported({CalledOf(holder), " works on texts (", name, " holds ", object.Describe(),
                          "), which cannot be imported; encode them as numbers first"});
    }
    numbers.push_back(*number);
  }
  return numbers;
}

Status CheckNumber(Value scaler, std::size_t column, double number, bool positive) {
  if (std::isfinite(number) && (number > 0 || !positive)) return Ok{};
  return Unsupported({CalledOf(scaler), " scales column ", column, " with ", number,
                      ", which cannot be imported; drop that column"});
}

bool IsFilled(const MappedColumn& column) {
  return std::any_of(column.steps.begin(), column.steps.end(),
                     [](const ColumnStep& step) { return step.kind == StepKind::kFill; });
}

}  // namespace

// The first step says how many columns rows have, and their names.
Status Front::Begin(Value transformer) {
  Value first = transformer;
  for (int depth = 0; depth < kDepthMax; ++depth) {
    const auto steps = first.class_stem() == "Pipeline" ? first.Attribute("steps") : std::nullopt;
    if (!steps || steps->size() == 0 || steps->At(0).size() != 2) break;
    first = steps->At(0).At(1);
  }
  auto n = CountColumns(first);
  if (!n.ok()) return n.error();
  n_columns_ = *n;
  column_names_ = NamesIn(first);
  if (column_names_.size() != n_columns_) column_names_.clear();
  columns_.resize(n_columns_);
  for (std::size_t c = 0; c < n_columns_; ++c) columns_[c].column = c;
  return Ok{};
}

Status Front::Add(Value transformer) {
  if (IsNoStep(transformer) || IsSampler(transformer.class_name())) return Ok{};
  if (empty()) {
    if (auto status = Begin(transformer); !status.ok()) return status;
  }
  names_.emplace_back(transformer.class_stem());
  return Apply(transformer, columns_, 0);
}

// NOLINTNEXTLINE(misc-no-recursion): at most kDepthMax deep
Status Front::Apply(Value transformer, Columns& columns, int depth) {
  if (depth > kDepthMax || columns.size() >= budget_) {
    return text::TooLarge({"the pipeline has too many steps on too many columns"});
  }
  budget_ -= columns.size() + 1;
  if (IsNoStep(transformer)) return Ok{};
  const std::string_view name = transformer.class_stem();
  const std::string_view full = transformer.class_name();
  if (full.starts_with("imblearn.") && name == "Pipeline") {
    return ApplyPipeline(transformer, columns, depth);
  }
  if (IsSampler(full)) return Ok{};
  if (!full.starts_with("sklearn.")) return RefuseStep(transformer);
  if (name == "Pipeline") return ApplyPipeline(transformer, columns, depth);
  if (name == "ColumnTransformer") return ApplyColumns(transformer, columns, depth);
  if (name == "StandardScaler" || name == "RobustScaler") return ApplyScaler(transformer, columns);
  if (name == "MinMaxScaler" || name == "MaxAbsScaler") return ApplyRange(transformer, columns);
  if (name == "SimpleImputer" || name == "Imputer") return ApplyImputer(transformer, columns);
  if (IsSelector(name)) return ApplySelector(transformer, columns);
  const auto function = transformer.Attribute("func");
  if (name == "FunctionTransformer" && function && function->is(Kind::kNone)) return Ok{};
  return RefuseStep(transformer);
}

// NOLINTNEXTLINE(misc-no-recursion): see Apply
Status Front::ApplyPipeline(Value pipeline, Columns& columns, int depth) {
  const auto steps = pipeline.Attribute("steps");
  if (!steps) return Invalid({CalledOf(pipeline), " has no steps"});
  for (std::size_t i = 0; i < steps->size(); ++i) {
    const Value step = steps->At(i);
    if (step.size() != 2) return Invalid({"steps[", i, "] of a Pipeline is no (name, step)"});
    if (auto status = Apply(step.At(1), columns, depth + 1); !status.ok()) return status;
  }
  return Ok{};
}

// Each transformer works on its columns; the results stand side by side.
// NOLINTNEXTLINE(misc-no-recursion): see Apply
Status Front::ApplyColumns(Value transformer, Columns& columns, int depth) {
  const auto weights = transformer.Attribute("transformer_weights");
  const auto parts = transformer.Attribute("transformers_");
  const auto indices = transformer.Attribute("_transformer_to_input_indices");
  if (!parts || !indices || (weights && !weights->is(Kind::kNone))) return RefuseStep(transformer);
  // Each name is looked for among all.
  constexpr std::size_t kPartsMax = 1000;
  if (std::max(parts->size(), indices->size()) > kPartsMax) {
    return text::TooLarge({"a ColumnTransformer has more than ", kPartsMax, " transformers"});
  }
  Columns result;
  for (std::size_t i = 0; i < parts->size(); ++i) {
    const Value part = parts->At(i);
    const std::string name = part.size() == 3 ? part.At(0).AsString().value_or("") : "";
    const auto chosen = indices->Find(name);
    if (!chosen) return Invalid({"transformers_[", i, "] of a ColumnTransformer has no columns"});
    if (part.At(1).AsString() == "drop") continue;
    auto positions = ReadPositions(*chosen, columns.size());
    if (!positions.ok()) return positions.error();
    Columns own;
    for (const std::size_t position : *positions) own.push_back(columns[position]);
    // A transformer of no columns was never fitted.
    if (own.empty()) continue;
    if (auto status = Apply(part.At(1), own, depth + 1); !status.ok()) return status;
    result.insert(result.end(), own.begin(), own.end());
    if (result.size() > budget_) return text::TooLarge({"a ColumnTransformer is too wide"});
  }
  columns = std::move(result);
  return Ok{};
}

// X -= mean_; X /= scale_
Status Front::ApplyScaler(Value scaler, Columns& columns) {
  const bool is_robust = scaler.class_stem() == "RobustScaler";
  Numbers shift(columns.size(), 0);
  Numbers scale(columns.size(), 1);
  const bool shifts = IsTrue(scaler, is_robust ? "with_centering" : "with_mean");
  const bool scales = IsTrue(scaler, is_robust ? "with_scaling" : "with_std");
  if (shifts) {
    auto numbers = ReadParameter(scaler, is_robust ? "center_" : "mean_", columns.size());
    if (!numbers.ok()) return numbers.error();
    shift = *std::move(numbers);
  }
  if (scales) {
    auto numbers = ReadParameter(scaler, "scale_", columns.size());
    if (!numbers.ok()) return numbers.error();
    scale = *std::move(numbers);
  }
  for (std::size_t c = 0; c < columns.size() && (shifts || scales); ++c) {
    if (auto status = CheckNumber(scaler, c, shift[c], false); !status.ok()) return status;
    if (auto status = CheckNumber(scaler, c, scale[c], true); !status.ok()) return status;
    columns[c].steps.push_back({StepKind::kSubtractDivide, shift[c], scale[c]});
  }
  return Ok{};
}

// MinMaxScaler: X *= scale_; X += min_. MaxAbsScaler: X /= scale_. Both may clip.
Status Front::ApplyRange(Value scaler, Columns& columns) {
  const bool is_absolute = scaler.class_stem() == "MaxAbsScaler";
  auto scale = ReadParameter(scaler, "scale_", columns.size());
  if (!scale.ok()) return scale.error();
  Numbers shift(columns.size(), 0);
  ColumnStep clip{StepKind::kClip, -1, 1};
  if (!is_absolute) {
    auto numbers = ReadParameter(scaler, "min_", columns.size());
    if (!numbers.ok()) return numbers.error();
    shift = *std::move(numbers);
    const auto range = scaler.Attribute("feature_range");
    if (!range || range->size() != 2) return Invalid({"a MinMaxScaler has no feature_range"});
    clip.a = range->At(0).AsNumber().value_or(NAN);
    clip.b = range->At(1).AsNumber().value_or(NAN);
  }
  const bool clips = IsTrue(scaler, "clip");
  if (clips && !(clip.a < clip.b)) return Invalid({"feature_range of a MinMaxScaler is empty"});
  for (std::size_t c = 0; c < columns.size(); ++c) {
    if (auto status = CheckNumber(scaler, c, (*scale)[c], true); !status.ok()) return status;
    if (auto status = CheckNumber(scaler, c, shift[c], false); !status.ok()) return status;
    const auto kind = is_absolute ? StepKind::kDivide : StepKind::kMultiplyAdd;
    columns[c].steps.push_back({kind, (*scale)[c], shift[c]});
    if (clips) columns[c].steps.push_back(clip);
  }
  return Ok{};
}

// NaN becomes the column's statistic; columns whose statistic is NaN are dropped.
Status Front::ApplyImputer(Value imputer, Columns& columns) {
  const auto missing = imputer.Attribute("missing_values");
  const auto number = missing ? missing->AsNumber() : std::nullopt;
  const bool is_nan = number ? std::isnan(*number) : missing && missing->AsString() == "NaN";
  const auto axis = imputer.Attribute("axis");
  if (!is_nan || (axis && axis->AsInteger() != 0)) {
    return Unsupported({CalledOf(imputer), " takes ", missing ? missing->Describe() : "nothing",
                        " for missing; only NaN, column by column, can be imported"});
  }
  if (IsTrue(imputer, "add_indicator")) {
    return Unsupported({CalledOf(imputer), " adds indicator columns (add_indicator=True), which ",
                        "cannot be imported; fit it without them"});
  }
  auto statistics = ReadParameter(imputer, "statistics_", columns.size());
  if (!statistics.ok()) return statistics.error();
  const auto strategy = imputer.Attribute("strategy");
  const bool keeps =
      IsTrue(imputer, "keep_empty_features") || (strategy && strategy->AsString() == "constant");
  Columns kept;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const double fill = (*statistics)[c];
    if (std::isnan(fill) && !keeps) continue;
    if (auto status = CheckNumber(imputer, c, fill, false); !status.ok()) return status;
    kept.push_back(std::move(columns[c]));
    kept.back().steps.push_back({StepKind::kFill, fill, 0});
  }
  columns = std::move(kept);
  return Ok{};
}

Status Front::ApplySelector(Value selector, Columns& columns) {
  auto mask = ReadSelection(selector, columns.size());
  if (!mask.ok()) return mask.error();
  if (selector.class_stem() != "VarianceThreshold") {
    refuses_missing_ = refuses_missing_ || !std::all_of(columns.begin(), columns.end(), IsFilled);
  }
  Columns kept;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    if ((*mask)[c]) kept.push_back(std::move(columns[c]));
  }
  columns = std::move(kept);
  return Ok{};
}

std::optional<InputMap> Front::Map(Precision input) const {
  if (empty()) return std::nullopt;
  InputMap map;
  map.n_columns = n_columns_;
  map.features = columns_;
  map.input = input;
  if (input == Precision::kFloat64 || !map.NeedsDouble()) return map;
  // Rows stay doubles for the steps' sake, so columns without a step are rounded here.
  for (MappedColumn& column : map.features) {
    if (column.steps.empty()) column.steps.push_back({StepKind::kRoundToFloat, 0, 0});
  }
  return map;
}

void Front::Describe(Imported& imported) const {
  if (empty()) return;
  if (!column_names_.empty()) {
    const auto named = NamedFeatures(column_names_, "x", imported.warnings);
    for (std::size_t c = 0; c < std::min(named.size(), imported.features.size()); ++c) {
      imported.features[c].name = named[c].name;
    }
  }
  imported.missing_allowed =
      !refuses_missing_ &&
      (imported.missing_allowed || std::all_of(columns_.begin(), columns_.end(), IsFilled));
  // Each of these steps refuses infinities itself.
  imported.infinite_allowed = false;
  std::string steps = "[";
  for (const std::string& name : names_) {
    if (steps.size() > 1) steps += ',';
    json::AppendString(name, steps);
  }
  imported.source.options.emplace_back("pipeline", steps + "]");
}

}  // namespace copse::importer::sklearn
