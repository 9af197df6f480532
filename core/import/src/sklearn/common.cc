#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "copse/import.h"
#include "imported.h"
#include "json_fields.h"
#include "pickle/pickle.h"
#include "sklearn/estimators.h"
#include "text.h"

namespace copse::importer::sklearn {
namespace {

using pickle::Array;
using pickle::Kind;

constexpr std::string_view kUnknownVersion = "of unknown version";
constexpr std::size_t kVersionBytesMax = 32;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Letters, digits and what else PEP 440 allows: nothing that a message would have to quote.
bool IsVersionText(std::string_view text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return IsDigit(c) || (c >= 'a' && c <= 'z') || c == '.' || c == '+' || c == '-';
  });
  return plain && !text.empty() && text.size() <= kVersionBytesMax && IsDigit(text[0]);
}

// The number at the front of `text`, which is taken off together with the point behind it.
int TakeNumber(std::string_view& text) {
  int number = 0;
  while (!text.empty() && IsDigit(text[0])) {
    number = std::min(number * 10 + (text[0] - '0'), 9999);
    text.remove_prefix(1);
  }
  if (text.empty() || text[0] != '.') {
    text = {};
  } else {
    text.remove_prefix(1);
  }
  return number;
}

// Modules that scikit-learn 0.22 renamed, so who is in one of them is older.
bool IsOldModule(std::string_view class_name) {
  constexpr std::array<std::string_view, 8> kOld = {"sklearn.tree.tree.",
                                                    "sklearn.ensemble.forest.",
                                                    "sklearn.ensemble.gradient_boosting.",
                                                    "sklearn.ensemble.iforest.",
                                                    "sklearn.linear_model.logistic.",
                                                    "sklearn.linear_model.base.",
                                                    "sklearn.linear_model.ridge.",
                                                    "sklearn.linear_model.coordinate_descent."};
  return std::any_of(kOld.begin(), kOld.end(),
                     [&](std::string_view module) { return class_name.starts_with(module); });
}

// One class label.
struct Label {
  LabelType type = LabelType::kString;
  std::string text;
};

Label OfBool(bool truth) { return {LabelType::kBool, truth ? "True" : "False"}; }
Label OfInteger(std::int64_t number) { return {LabelType::kInteger, std::to_string(number)}; }
Label OfNumber(double number) { return {LabelType::kFloat, text::FromDouble(number)}; }

// Whether a number is written as one with a fraction: also numpy.float64 in a list.
bool IsFloat(Value value) {
  if (value.is(Kind::kFloat)) return true;
  if (!value.is(Kind::kArray)) return false;
  const auto array = Array::From(value, "a class label");
  return array.ok() && array->type() == 'f';
}

std::optional<Label> LabelOf(Value value) {
  if (const auto truth = value.AsBool()) return OfBool(*truth);
  if (auto text = value.AsString()) return Label{LabelType::kString, *std::move(text)};
  const auto number = value.AsNumber();
  if (!number) return std::nullopt;
  if (IsFloat(value)) return OfNumber(*number);
  const auto integer = value.AsInteger();
  return integer ? std::optional(OfInteger(*integer)) : std::nullopt;
}

Result<std::vector<Label>> LabelsOfValues(const std::vector<Value>& values,
                                          std::string_view called) {
  std::vector<Label> labels;
  for (const Value value : values) {
    auto label = LabelOf(value);
    if (!label) {
      return text::Unsupported({called, " has the class label ", value.Describe(),
                                "; expected text, whole numbers, numbers or bools"});
    }
    labels.push_back(*std::move(label));
  }
  return labels;
}

Result<std::vector<Label>> LabelsOfArray(const Array& array, std::string_view called) {
  std::vector<Label> labels;
  if (array.holds_objects()) {
    auto values = array.Objects();
    return values.ok() ? LabelsOfValues(*values, called) : values.error();
  }
  switch (array.type()) {
    case 'b':
    case 'i':
    case 'u': {
      auto numbers = array.Integers();
      if (!numbers.ok()) return numbers.error();
      for (const std::int64_t number : *numbers) {
        labels.push_back(array.type() == 'b' ? OfBool(number != 0) : OfInteger(number));
      }
      return labels;
    }
    case 'f': {
      auto numbers = array.Doubles();
      if (!numbers.ok()) return numbers.error();
      for (const double number : *numbers) labels.push_back(OfNumber(number));
      return labels;
    }
    default: {
      auto texts = array.Texts();
      if (!texts.ok()) return texts.error();
      for (std::string& text : *texts) labels.push_back({LabelType::kString, std::move(text)});
      return labels;
    }
  }
}

Result<std::vector<Label>> LabelsOf(Value classes, std::string_view called) {
  if (classes.is(Kind::kList) || classes.is(Kind::kTuple)) {
    std::vector<Value> values;
    for (std::size_t i = 0; i < classes.size(); ++i) values.push_back(classes.At(i));
    return LabelsOfValues(values, called);
  }
  if (!classes.is(Kind::kArray)) {
    return BadAttribute(called, "classes_", classes, "the labels of the classes");
  }
  const auto array = Array::From(classes, "classes_");
  if (!array.ok()) return array.error();
  return LabelsOfArray(*array, called);
}

// What the constructor keeps that is not a parameter of the user's.
bool IsParameter(std::string_view name) {
  return !name.empty() && name.front() != '_' && name.back() != '_' && name != "estimator" &&
         name != "base_estimator" && name != "estimator_params";
}

// Appends what `value` is as JSON: a plain value itself, else its type's name. Lists and dicts are
// followed three deep, and named only where they are long or the text is: they may be shared.
// NOLINTNEXTLINE(misc-no-recursion): at most three deep
void AppendPlain(Value value, int depth, std::string& json) {
  constexpr std::size_t kItemsMax = 64;
  constexpr std::size_t kTextBytesMax = 100;
  constexpr std::size_t kJsonBytesMax = 2048;
  const bool follow = depth < 3 && value.size() <= kItemsMax && json.size() <= kJsonBytesMax;
  if (value.is(Kind::kNone)) {
    json += "null";
  } else if (const auto truth = value.AsBool()) {
    json += *truth ? "true" : "false";
  } else if (const auto number = value.AsNumber()) {
    const auto integer = IsFloat(value) ? std::nullopt : value.AsInteger();
    if (integer) {
      json += std::to_string(*integer);
    } else if (std::isfinite(*number)) {
      json::AppendNumber(*number, json);
    } else {
      json::AppendString(text::FromDouble(*number), json);
    }
  } else if (const auto text = value.AsString()) {
    const bool is_short =
        text->size() <= kTextBytesMax && text::FindInvalidUtf8(*text) == std::string::npos;
    json::AppendString(is_short ? *text : "str", json);
  } else if (follow && (value.is(Kind::kList) || value.is(Kind::kTuple))) {
    json += '[';
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (i > 0) json += ',';
      AppendPlain(value.At(i), depth + 1, json);
    }
    json += ']';
  } else if (follow && value.is(Kind::kDict)) {
    std::vector<std::string> keys;
    json += '{';
    for (std::size_t i = 0; i < value.size(); ++i) {
      const auto key = LabelOf(value.Key(i));
      if (!key || key->text.size() > kTextBytesMax ||
          text::FindInvalidUtf8(key->text) != std::string::npos ||
          std::find(keys.begin(), keys.end(), key->text) != keys.end()) {
        continue;
      }
      if (!keys.empty()) json += ',';
      keys.push_back(key->text);
      json::AppendString(key->text, json);
      json += ':';
      AppendPlain(value.Item(i), depth + 1, json);
    }
    json += '}';
  } else {
    const bool is_named = value.is(Kind::kObject) || value.is(Kind::kGlobal);
    const std::string_view stem = is_named ? value.class_stem() : std::string_view("object");
    const bool is_plain =
        stem.size() <= kTextBytesMax && text::FindInvalidUtf8(stem) == std::string::npos;
    json::AppendString(is_plain ? stem : "object", json);
  }
}

}  // namespace

bool Version::AtLeast(int a, int b, int c) const {
  return std::tie(major, minor, patch) >= std::tie(a, b, c);
}

Version VersionOf(Value estimator) {
  Version version;
  version.text = TextOf(estimator, "_sklearn_version");
  if (!IsVersionText(version.text)) {
    version.text = kUnknownVersion;
    if (IsOldModule(estimator.class_name())) version.major = 0;
    return version;
  }
  std::string_view rest = version.text;
  version.major = TakeNumber(rest);
  version.minor = TakeNumber(rest);
  version.patch = TakeNumber(rest);
  return version;
}

std::string Estimator::Called() const {
  return text::Concat({name, " (scikit-learn ", version.text, ")"});
}

Error BadAttribute(std::string_view called, std::string_view name,
                   const std::optional<Value>& found, std::string_view expected) {
  if (!found) {
    return text::Invalid({called, " has no attribute ", name, "; expected ", expected});
  }
  return text::Invalid(
      {called, ": attribute ", name, " is ", found->Describe(), "; expected ", expected});
}

Result<Value> NeedAttribute(std::string_view called, Value object, std::string_view name,
                            std::string_view expected) {
  const auto found = object.Attribute(name);
  if (!found) return BadAttribute(called, name, found, expected);
  return *found;
}

Result<double> NeedNumber(std::string_view called, Value object, std::string_view name) {
  constexpr std::string_view kExpected = "a finite number";
  const auto found = object.Attribute(name);
  const auto number = found ? found->AsNumber() : std::nullopt;
  if (!number || !std::isfinite(*number)) return BadAttribute(called, name, found, kExpected);
  return *number;
}

Result<std::vector<double>> NeedNumbers(std::string_view called, Value object,
                                        std::string_view name) {
  constexpr std::string_view kExpected = "numbers";
  const auto found = object.Attribute(name);
  if (!found) return BadAttribute(called, name, found, kExpected);
  if (const auto number = found->AsNumber()) return std::vector<double>{*number};
  if (!found->is(Kind::kArray)) return BadAttribute(called, name, found, kExpected);
  const auto array = Array::From(*found, name);
  if (!array.ok()) return array.error();
  return array->Doubles();
}

std::string TextOf(Value object, std::string_view name) {
  const auto found = object.Attribute(name);
  auto text = found ? found->AsString() : std::nullopt;
  return text ? *std::move(text) : std::string();
}

Error NotFitted(const Estimator& estimator) {
  return text::Unsupported({estimator.Called(), " is not fitted: call fit, then save it"});
}

Imported StartImported(const Estimator& estimator) {
  Imported imported;
  imported.source.kind = "scikit-learn";
  if (estimator.version.text != kUnknownVersion) imported.source.version = estimator.version.text;
  imported.source.estimator = estimator.name;
  imported.source.options = OptionsOf(estimator);
  return imported;
}

bool FillsMissing(const Estimator& estimator) {
  if (!estimator.map) return false;
  for (std::size_t f = 0; f < estimator.map->features.size(); ++f) {
    if (!estimator.map->Filled(f)) return false;
  }
  return true;
}

Result<Output> ClassOutput(std::string name, Value classes, std::string_view called) {
  auto labels = LabelsOf(classes, called);
  if (!labels.ok()) return labels.error();
  if (labels->empty()) return BadAttribute(called, "classes_", classes, "at least one class");
  Output output;
  output.name = std::move(name);
  output.kind = OutputKind::kClass;
  output.label_type = labels->front().type;
  for (Label& label : *labels) {
    if (label.type != output.label_type) {
      return text::Unsupported({called, " has class labels of several types, ",
                                text::Quote(output.labels.front()), " and ",
                                text::Quote(label.text), "; expected all of one type"});
    }
    if (label.type == LabelType::kFloat && !IsDigit(label.text.back())) {
      return text::Unsupported(
          {called, " has the class label ", label.text, "; expected finite numbers"});
    }
    output.labels.push_back(std::move(label.text));
  }
  return output;
}

Result<std::vector<Feature>> FeaturesOf(const Estimator& estimator, std::size_t n_features,
                                        std::vector<std::string>& warnings) {
  if (estimator.map) return NumberedFeatures(estimator.map->n_columns, "x");
  const auto found = estimator.value.Attribute("feature_names_in_");
  if (!found || found->is(Kind::kNone)) return NumberedFeatures(n_features, "x");
  const auto array = Array::From(*found, "feature_names_in_");
  if (!array.ok()) return array.error();
  std::vector<std::string> names;
  if (array->holds_objects()) {
    auto values = array->Objects();
    if (!values.ok()) return values.error();
    for (const Value value : *values) {
      auto text = value.AsString();
      if (!text) {
        return BadAttribute(estimator.Called(), "feature_names_in_", value, "text for each name");
      }
      names.push_back(*std::move(text));
    }
  } else {
    auto texts = array->Texts();
    if (!texts.ok()) return texts.error();
    names = *std::move(texts);
  }
  if (names.size() != n_features) {
    return text::Invalid({estimator.Called(), " has ", names.size(), " feature_names_in_ for ",
                          n_features, " features"});
  }
  return NamedFeatures(names, "x", warnings);
}

std::vector<std::pair<std::string, std::string>> OptionsOf(const Estimator& estimator) {
  constexpr std::size_t kOptionsMax = 64;
  std::vector<std::pair<std::string, std::string>> options;
  const auto state = estimator.value.state();
  if (!state || !state->is(Kind::kDict)) return options;
  for (std::size_t i = 0; i < state->size() && options.size() < kOptionsMax; ++i) {
    const auto name = state->Key(i).AsString();
    if (!name || !IsParameter(*name) || name->size() > kVersionBytesMax * 2 ||
        text::FindInvalidUtf8(*name) != std::string::npos) {
      continue;
    }
    std::string json;
    AppendPlain(state->Item(i), 0, json);
    options.emplace_back(*name, std::move(json));
  }
  std::sort(options.begin(), options.end());
  const auto same_name = [](const auto& a, const auto& b) { return a.first == b.first; };
  options.erase(std::unique(options.begin(), options.end(), same_name), options.end());
  return options;
}

}  // namespace copse::importer::sklearn
