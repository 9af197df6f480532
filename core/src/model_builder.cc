#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string_view>
#include <utility>

#include "copse/limits.h"
#include "copse/model.h"
#include "model_metadata.h"
#include "text.h"

namespace copse {
namespace {

using text::Flaw;
using text::Invalid;
using text::Unsupported;

// What a key may say, in the order of the values that it stands for.
constexpr std::array<std::string_view, 2> kPrecisions = {"f32", "f64"};
constexpr std::array<std::string_view, 4> kAggregations = {"sum", "mean", "min", "max"};
constexpr std::array<std::string_view, 3> kDecisions = {"argmax", "ge0", "gt0"};
constexpr std::array<std::string_view, 3> kCategoryCasts = {"nonnegative", "truncate", "table"};
// Of these, the first is true.
constexpr std::array<std::string_view, 2> kAllowed = {"allowed", "error"};
constexpr std::array<std::string_view, 2> kTruths = {"true", "false"};

bool IsElementwise(LinkKind kind) {
  if (kind == LinkKind::kLogistic) return true;
  return kind != LinkKind::kSoftmax && !DecidesOnMargins(kind) && kind != LinkKind::kIsolation;
}

/// Whether values of the link can be class probabilities (or votes) of `columns` margins.
bool SuitsClasses(LinkKind kind, std::size_t columns) {
  switch (kind) {
    case LinkKind::kIdentity:
    case LinkKind::kSigmoid:
    case LinkKind::kSigmoid2x:
    case LinkKind::kLogistic:
    case LinkKind::kSoftmax:
    case LinkKind::kSoftmaxArgmax:
    case LinkKind::kSoftmaxZero:
    case LinkKind::kNormalizeOvr:
      return true;
    case LinkKind::kHinge:
      return columns == 1;
    case LinkKind::kExp:
    case LinkKind::kLog1pExp:
    case LinkKind::kSqrtSigned:
    case LinkKind::kIsolation:
      break;
  }
  return false;
}

std::string_view KindName(OutputKind kind) {
  switch (kind) {
    case OutputKind::kClass:
      return "class";
    case OutputKind::kValue:
      return "value";
    case OutputKind::kScore:
      break;
  }
  return "score";
}

}  // namespace

/// Fills a Model from parts, checking rules 2 to 7 of the format on the way.
class ModelBuilder {
 public:
  explicit ModelBuilder(ModelParts parts) : parts_(std::move(parts)) {}

  Result<Model> Build() {
    if (auto flaw = ReadVersion()) return *flaw;
    if (auto flaw = ReadRules()) return *flaw;
    if (auto flaw = ReadLink()) return *flaw;
    if (auto flaw = ReadLists()) return *flaw;
    if (auto flaw = ReadTexts()) return *flaw;
    if (auto flaw = TakeForest()) return *flaw;
    if (auto flaw = TakeLinear()) return *flaw;
    if (auto flaw = CheckOutputs()) return *flaw;
    if (auto flaw = TakeRanges()) return *flaw;
    model_.metadata_ = std::move(parts_.metadata);
    return std::move(model_);
  }

 private:
  const std::string* Find(const std::string& key) const {
    const auto entry = parts_.metadata.find(key);
    return entry == parts_.metadata.end() ? nullptr : &entry->second;
  }

  /// An optional key that is there and says nothing is absent.
  const std::string* FindOptional(const std::string& key) const {
    const std::string* text = Find(key);
    return text == nullptr || text->empty() ? nullptr : text;
  }

  /// Sets `number` to which of `names` metadata `key` says. An absent optional key leaves it.
  Flaw Find(const char* key, std::span<const std::string_view> names, bool is_optional,
            std::size_t& number) const {
    const std::string* text = is_optional ? FindOptional(key) : Find(key);
    if (text == nullptr) return is_optional ? Flaw() : Missing(key);
    std::string known;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i] == *text) {
        number = i;
        return {};
      }
      text::AppendChoice(names[i], known);
    }
    return Unsupported({"metadata key ", key, " is ", text::Quote(*text), "; expected ", known});
  }

  template <class Enum>
  Flaw Choose(const char* key, std::span<const std::string_view> names, Enum& value,
              bool is_optional = false) const {
    auto number = static_cast<std::size_t>(value);
    auto flaw = Find(key, names, is_optional, number);
    value = static_cast<Enum>(number);
    return flaw;
  }

  Flaw Choose(const char* key, std::span<const std::string_view> names, bool& value,
              bool is_optional = false) const {
    std::size_t number = value ? 0 : 1;
    auto flaw = Find(key, names, is_optional, number);
    value = number == 0;
    return flaw;
  }

  static Flaw Missing(const char* key) { return Invalid({"metadata key ", key, " is missing"}); }

  Flaw ReadVersion() {
    for (const auto& [key, value] : parts_.metadata) {
      if (text::FindInvalidUtf8(key) != std::string::npos ||
          text::FindInvalidUtf8(value) != std::string::npos) {
        return Invalid({"metadata key ", text::Quote(key), " is not UTF-8"});
      }
    }
    return CheckFormat(parts_.metadata);
  }

  Flaw ReadRules() {
    if (auto flaw = Choose("input", kPrecisions, rules_.input)) return flaw;
    if (auto flaw = Choose("accumulate", kPrecisions, rules_.accumulate)) return flaw;
    if (auto flaw = Choose("combine", kAggregations, rules_.aggregation)) return flaw;
    if (auto flaw = Choose("decision", kDecisions, model_.decision_)) return flaw;
    if (auto flaw = Choose("missing", kAllowed, model_.missing_allowed_)) return flaw;
    model_.input_ = rules_.input;
    model_.accumulate_ = rules_.accumulate;
    model_.infinite_allowed_ = rules_.input == Precision::kFloat64;
    if (auto flaw = Choose("infinite", kAllowed, model_.infinite_allowed_, true)) return flaw;
    if (auto flaw = Choose("category_cast", kCategoryCasts, rules_.category_cast, true)) {
      return flaw;
    }
    return Choose("allow_nonfinite", kTruths, rules_.allow_nonfinite, true);
  }

  Flaw ReadLink() {
    const std::string* name = Find("link");
    if (name == nullptr) return Missing("link");
    auto kind = LinkKindFromName(*name);
    if (!kind.ok()) return kind.error();
    model_.link_.kind = *kind;
    if (auto flaw = Choose("link_math", kPrecisions, model_.link_.math)) return flaw;
    const std::string* params = FindOptional("link_params");
    return ReadLinkParams(params == nullptr ? "{}" : *params, model_.link_);
  }

  Flaw ReadLists() {
    const std::string* features = Find("features");
    if (features == nullptr) return Missing("features");
    auto read_features = ReadFeatures(*features);
    if (!read_features.ok()) return read_features.error();
    model_.features_ = std::move(*read_features);
    const std::string* outputs = Find("outputs");
    if (outputs == nullptr) return Missing("outputs");
    auto read_outputs = ReadOutputs(*outputs);
    if (!read_outputs.ok()) return read_outputs.error();
    model_.outputs_ = std::move(*read_outputs);
    return {};
  }

  Flaw ReadTexts() const {
    for (const char* key : {"source", "provenance"}) {
      const std::string* object = FindOptional(key);
      if (object == nullptr) continue;
      if (auto flaw = CheckObject(key, *object)) return flaw;
    }
    const std::string* warnings = FindOptional("warnings");
    return warnings == nullptr ? Flaw() : CheckWarnings(*warnings);
  }

  Flaw TakeForest() {
    if (parts_.forest.has_value() == parts_.linear.has_value()) {
      return Invalid({parts_.forest ? "the file holds both trees and a linear model, and it must "
                                      "hold one of them"
                                    : "the file holds neither trees nor a linear model"});
    }
    if (!parts_.forest) return {};
    parts_.forest->n_features = model_.features_.size();
    if (auto flaw = CheckTexts(*parts_.forest)) return flaw;
    auto forest = Forest::Create(std::move(*parts_.forest), rules_);
    if (!forest.ok()) return forest.error();
    model_.n_margins_ = forest->n_outputs();
    model_.forest_ = std::make_shared<const Forest>(std::move(*forest));
    return {};
  }

  /// Rows hold values, not positions in a list of texts, where there is a table of other values.
  Flaw CheckTexts(const ForestParts& parts) const {
    const auto& begin = parts.category_begin;
    for (std::size_t f = 0; f < model_.features_.size() && f + 1 < begin.size(); ++f) {
      const std::size_t n_texts = model_.features_[f].categories.size();
      const bool has_values = begin[f] != begin[f + 1];
      if (!has_values || n_texts == 0 || HoldsPositions(parts, f, n_texts)) continue;
      return Invalid({"features[", f, "].categories is given, and rows hold category.value"});
    }
    return {};
  }

  /// Whether the values of feature `f` are 0, 1, ... n - 1. What they range over is checked later.
  static bool HoldsPositions(const ForestParts& parts, std::size_t f, std::size_t n) {
    const std::size_t begin = parts.category_begin[f];
    const std::size_t end = parts.category_begin[f + 1];
    if (end > parts.category_value.size() || end < begin || end - begin != n) return false;
    for (std::size_t i = 0; i < n; ++i) {
      if (parts.category_value[begin + i] != static_cast<double>(i)) return false;
    }
    return true;
  }

  Flaw CheckFinite(std::string_view tensor, const std::vector<double>& values) const {
    for (std::size_t i = 0; i < values.size() && !rules_.allow_nonfinite; ++i) {
      if (std::isfinite(values[i])) continue;
      return Invalid({tensor, "[", i, "] is ", values[i],
                      ", and metadata key allow_nonfinite does not say \"true\""});
    }
    return {};
  }

  /// Never in place of a missing value: what cannot be read from a row cannot be filled in.
  Flaw CheckFill(const std::vector<double>& fill) const {
    if (!fill.empty() && fill.size() != model_.n_features()) {
      return Invalid({"linear_model.fill has ", fill.size(), " elements for ", model_.n_features(),
                      " features"});
    }
    for (std::size_t f = 0; f < fill.size(); ++f) {
      if (std::isfinite(fill[f])) continue;
      return Invalid(
          {"linear_model.fill[", f, "] is ", fill[f], ", and a finite number was expected"});
    }
    return {};
  }

  Flaw TakeLinear() {
    if (!parts_.linear) return {};
    const LinearModel& linear = *parts_.linear;
    const std::size_t outputs = linear.intercept.size();
    if (outputs == 0) return Invalid({"linear_model.intercept is empty"});
    if (outputs > limits::kOutputsMax) {
      return text::TooLarge(
          {"the number of outputs is ", outputs, ", more than ", limits::kOutputsMax});
    }
    if (linear.coef.size() > limits::kCoefficientsMax) {
      return text::TooLarge({"the length of linear_model.coef is ", linear.coef.size(),
                             ", more than ", limits::kCoefficientsMax});
    }
    if (linear.coef.size() != outputs * model_.n_features()) {
      return Invalid({"linear_model.coef has ", linear.coef.size(), " elements, and ", outputs,
                      " outputs of ", model_.n_features(), " features were expected"});
    }
    if (rules_.aggregation != Aggregation::kSum) {
      return Unsupported({"a linear model needs combine \"sum\""});
    }
    if (rules_.category_cast == CategoryCast::kTable) {
      return Unsupported({"a linear model has no category_cast \"table\""});
    }
    if (auto flaw = CheckFill(linear.fill)) return flaw;
    if (auto flaw = CheckFinite("linear_model.coef", linear.coef)) return flaw;
    if (auto flaw = CheckFinite("linear_model.intercept", linear.intercept)) return flaw;
    model_.n_margins_ = outputs;
    model_.linear_ = std::move(*parts_.linear);
    return {};
  }

  Flaw CheckOutput(std::size_t i) const {
    const Output& output = model_.outputs_[i];
    const std::size_t columns = output.end - output.begin;
    const LinkKind kind = model_.link_.kind;
    const bool suits = output.kind == OutputKind::kClass   ? SuitsClasses(kind, columns)
                       : output.kind == OutputKind::kValue ? IsElementwise(kind)
                                                           : kind == LinkKind::kIsolation;
    if (!suits) {
      return Unsupported({"link \"", LinkName(kind), "\" does not suit outputs[", i,
                          "], which has kind \"", KindName(output.kind), "\" and ", columns,
                          " columns"});
    }
    const bool by_sign = model_.decision_ != Decision::kArgmax;
    const bool is_binary = columns == 1 && output.labels.size() == 2;
    if (output.kind == OutputKind::kClass && by_sign && !is_binary) {
      return Unsupported({"metadata key decision is \"", *Find("decision"), "\", and outputs[", i,
                          "] is not two classes on one column"});
    }
    return {};
  }

  Flaw CheckOutputs() {
    const std::size_t end = model_.outputs_.back().end;
    if (end != model_.n_margins_) {
      return Invalid({"metadata key outputs ends at column ", end, ", and ",
                      model_.forest_ ? "base" : "linear_model.intercept", " has ",
                      model_.n_margins_, " elements"});
    }
    for (std::size_t i = 0; i < model_.outputs_.size(); ++i) {
      if (auto flaw = CheckOutput(i)) return flaw;
      const Output& output = model_.outputs_[i];
      const std::size_t columns = ValueColumns(output);
      model_.n_values_ += columns;
      model_.n_decisions_ += output.kind == OutputKind::kClass ? 1 : columns;
    }
    return {};
  }

  /// One end of the training ranges. Where the file does not have it, it is unknown: NaN.
  Flaw TakeRange(std::string_view tensor, const std::vector<double>& ends, double Feature::*end) {
    if (ends.empty()) return {};
    const std::size_t n = model_.n_features();
    if (ends.size() != n) {
      return Invalid({tensor, " has ", ends.size(), " elements for ", n, " features"});
    }
    for (std::size_t f = 0; f < n; ++f) model_.features_[f].*end = ends[f];
    return {};
  }

  Flaw TakeRanges() {
    if (auto flaw = TakeRange("feature.min", parts_.feature_min, &Feature::min)) return flaw;
    if (auto flaw = TakeRange("feature.max", parts_.feature_max, &Feature::max)) return flaw;
    for (std::size_t f = 0; f < model_.n_features(); ++f) {
      const Feature& feature = model_.features_[f];
      if (!(feature.min > feature.max)) continue;
      return Invalid({"feature.min[", f, "] is ", feature.min, ", above feature.max[", f,
                      "], which is ", feature.max});
    }
    model_.feature_min_ = std::move(parts_.feature_min);
    model_.feature_max_ = std::move(parts_.feature_max);
    return {};
  }

  ModelParts parts_;
  Forest::Rules rules_;
  Model model_;
};

Result<Model> Model::Create(ModelParts parts) { return ModelBuilder(std::move(parts)).Build(); }

}  // namespace copse
