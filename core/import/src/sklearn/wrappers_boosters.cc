#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "sklearn/pipeline_columns.h"
#include "sklearn/wrappers.h"
#include "sklearn/wrappers_lightgbm.h"
#include "sources.h"
#include "text.h"

// Pickled boosters. Sources: xgboost/python-package/xgboost/{core,sklearn}.py,
// lightgbm/python-package/lightgbm/{basic,sklearn}.py: `__getstate__`, `predict`.
namespace copse::importer::sklearn {
namespace {

using pickle::Kind;
using text::Invalid;
using text::Unsupported;

Bytes BytesOf(std::string_view view) {
  return {reinterpret_cast<const std::uint8_t*>(view.data()), view.size()};
}

// The attribute, unless it is None.
std::optional<Value> Present(Value holder, std::string_view name) {
  const auto value = holder.Attribute(name);
  return value && !value->is(Kind::kNone) ? value : std::nullopt;
}

// The Booster of a wrapper; `value` itself, when it is one.
Result<Value> BoosterOf(Value value) {
  if (value.class_stem() == "Booster") return value;
  const auto booster = Present(value, "_Booster");
  if (!booster) return Invalid({"this ", value.class_stem(), " holds no booster: is it fitted?"});
  return *booster;
}

// Labels of the classifier instead of "0", "1", ... where there is one output of as many classes.
Status SetLabels(Value wrapper, Imported& imported) {
  std::optional<Value> classes;
  if (const auto encoder = Present(wrapper, "_le")) classes = Present(*encoder, "classes_");
  for (const char* name : {"classes_", "_classes"}) {
    if (!classes) classes = Present(wrapper, name);
  }
  if (!classes || imported.outputs.size() != 1) return Ok{};
  Output& output = imported.outputs[0];
  if (output.kind != OutputKind::kClass) return Ok{};
  auto labelled = ClassOutput(output.name, *classes, wrapper.class_stem());
  if (!labelled.ok()) return labelled.error();
  if (labelled->labels.size() != output.labels.size()) {
    imported.warnings.push_back(
        text::Concat({"The ", wrapper.class_stem(), " names ", labelled->labels.size(),
                      " classes and its booster has ", output.labels.size(),
                      "; they keep their numbers as labels."}));
    return Ok{};
  }
  output.labels = std::move(labelled->labels);
  output.label_type = labelled->label_type;
  return Ok{};
}

// Names that the Booster object has and its serialised model lacks.
void SetNames(Value booster, std::string_view prefix, Imported& imported) {
  const auto list = Present(booster, "feature_names");
  if (!list || list->size() != imported.features.size()) return;
  std::vector<std::string> names;
  for (std::size_t f = 0; f < list->size(); ++f) {
    if (imported.features[f].name != text::Concat({prefix, f})) return;
    names.push_back(list->At(f).AsString().value_or(""));
  }
  const auto named = NamedFeatures(names, prefix, imported.warnings);
  for (std::size_t f = 0; f < named.size(); ++f) imported.features[f].name = named[f].name;
}

// A wrapper may read another number than NaN as missing; a model file cannot.
Status CheckMissing(Value wrapper) {
  const auto missing = Present(wrapper, "missing");
  const auto number = missing ? missing->AsNumber() : std::nullopt;
  if (!number || std::isnan(*number)) return Ok{};
  return Unsupported({"this ", wrapper.class_stem(), " reads ", *number,
                      " as a missing value (missing=", *number,
                      "), which cannot be imported; train it with NaN for missing values, or ",
                      "import the file of get_booster().save_model(...) and write NaN for them"});
}

// A loss function of the user's own leaves raw scores that only its user can read.
Status CheckObjective(Value wrapper) {
  const auto objective = Present(wrapper, "objective");
  if (!objective || objective->is(Kind::kString)) return Ok{};
  return Unsupported({"this ", wrapper.class_stem(), " was trained with an objective of its own (",
                      objective->Describe(),
                      "), which cannot be imported; use one that the library knows by name"});
}

bool IsOneMargin(const Output& output) {
  return output.kind == OutputKind::kClass && output.end - output.begin == 1;
}

// The kind of wrapper says what `predict` gives: classes, or what the booster itself predicts.
// A regressor with a binary objective gives the probability (or hinge) of class 1 as its number.
Status MatchTask(Value wrapper, Imported& imported) {
  const auto& outputs = imported.outputs;
  const auto is_class = [](const Output& output) { return output.kind == OutputKind::kClass; };
  if (wrapper.class_stem().find("Classifier") != std::string_view::npos) {
    if (std::all_of(outputs.begin(), outputs.end(), is_class)) return Ok{};
    return Unsupported({"this ", wrapper.class_stem(), " was trained with an objective that gives ",
                        "no probabilities, which cannot be imported as a classifier; save its ",
                        "booster instead, as save_model does, and import that file"});
  }
  if (std::none_of(outputs.begin(), outputs.end(), is_class)) return Ok{};
  const LinkKind link = imported.link.kind;
  const bool is_elementwise = link == LinkKind::kSigmoid || link == LinkKind::kHinge;
  if (!is_elementwise || !std::all_of(outputs.begin(), outputs.end(), IsOneMargin)) {
    return Unsupported({"this ", wrapper.class_stem(), " was trained with an objective of several ",
                        "classes, which cannot be imported as a regressor; save its booster ",
                        "instead, as save_model does, and import that file"});
  }
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    const std::string name = outputs.size() == 1 ? "value" : text::Concat({"value", k});
    imported.outputs[k] = ValueOutput(name, outputs[k].begin, outputs[k].end);
  }
  imported.decision = Decision::kArgmax;
  return Ok{};
}

bool IsJson(std::string_view handle) {
  const auto at = handle.find_first_not_of(" \t\r\n", 1);
  return at != std::string_view::npos && (handle[at] == '"' || handle[at] == '}');
}

Result<Imported> ReadHandle(std::string_view handle, const ImportOptions& options) {
  if (handle.empty() || handle[0] != '{') {
    return Unsupported(
        {"this pickle holds an XGBoost model in the old binary format; load it with "
         "the XGBoost that wrote it (1.0 to 2.x) and save it with "
         "get_booster().save_model(\"model.json\")"});
  }
  return IsJson(handle) ? ImportXgboostJson(BytesOf(handle), options)
                        : ImportXgboostUbjson(BytesOf(handle), options);
}

// Text of a LightGBM booster: a str, or bytes in some versions.
Result<std::string> LightgbmText(Value booster) {
  for (const char* name : {"handle", "_handle", "model_str"}) {
    const auto value = Present(booster, name);
    if (!value) continue;
    if (auto text = value->AsString()) return *std::move(text);
    if (const auto bytes = value->AsBytes()) return std::string(*bytes);
  }
  return Invalid({"the lightgbm Booster in this pickle holds no model text"});
}

std::int64_t WholeOr(Value holder, std::string_view name, std::int64_t otherwise) {
  const auto value = Present(holder, name);
  return value ? value->AsInteger().value_or(otherwise) : otherwise;
}

}  // namespace

bool IsXgboost(std::string_view class_name) {
  return class_name == "xgboost.core.Booster" || class_name.starts_with("xgboost.sklearn.XGB");
}

bool IsLightgbm(std::string_view class_name) {
  return class_name == "lightgbm.basic.Booster" || class_name.starts_with("lightgbm.sklearn.LGBM");
}

Result<Imported> ReadXgboost(Value value, const ImportOptions& options) {
  const bool is_wrapper = value.class_stem() != "Booster";
  if (auto status = CheckMissing(value); !status.ok()) return status.error();
  if (auto status = CheckObjective(value); !status.ok()) return status.error();
  auto booster = BoosterOf(value);
  if (!booster.ok()) return booster.error();
  // Before 0.90 wrappers kept the bytes themselves.
  auto handle = booster->AsBytes();
  if (const auto inner = Present(*booster, "handle")) handle = inner->AsBytes();
  if (!handle)
    return Invalid({"the xgboost Booster in this pickle holds no model: is it trained?"});
  ImportOptions chosen = options;
  // Wrappers predict up to the best iteration, Boosters with all.
  if (is_wrapper && options.iterations == Iterations::kDefault) {
    chosen.iterations = Iterations::kBest;
  }
  auto imported = ReadHandle(*handle, chosen);
  if (!imported.ok()) return imported;
  SetNames(*booster, "f", *imported);
  if (!is_wrapper) return imported;
  imported->source.estimator = value.class_stem();
  if (auto status = MatchTask(value, *imported); !status.ok()) return status.error();
  if (auto status = SetLabels(value, *imported); !status.ok()) return status.error();
  return imported;
}

Result<Imported> ReadLightgbm(Value value, const ImportOptions& options) {
  const bool is_wrapper = value.class_stem() != "Booster";
  if (auto status = CheckObjective(value); !status.ok()) return status.error();
  auto booster = BoosterOf(value);
  if (!booster.ok()) return booster.error();
  auto text = LightgbmText(*booster);
  if (!text.ok()) return text.error();
  // Both kinds of object predict up to the best iteration, which the text does not name.
  const std::int64_t best =
      WholeOr(*booster, "best_iteration", WholeOr(value, "_best_iteration", 0));
  std::optional<Shortened> shortened;
  if (best > 0 && options.iterations != Iterations::kAll) {
    shortened = KeepIterations(*text, static_cast<std::uint64_t>(best));
  }
  const std::string& kept = shortened ? shortened->text : *text;
  auto imported = ImportLightgbm(BytesOf(kept), options);
  if (!imported.ok()) return imported;
  if (shortened) {
    imported->warnings.push_back(
        text::Concat({"Early stopping found iteration ", best, " of ", shortened->n_before,
                      " best; the first ", best, " are used (--iterations all keeps all)."}));
  }
  if (!is_wrapper) return imported;
  imported->source.estimator = value.class_stem();
  if (auto status = MatchTask(value, *imported); !status.ok()) return status.error();
  if (auto status = SetLabels(value, *imported); !status.ok()) return status.error();
  return imported;
}

}  // namespace copse::importer::sklearn
