#include "model_metadata.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <utility>

#include "copse/limits.h"
#include "json_fields.h"
#include "text.h"

namespace copse {
namespace {

using json::Kind;
using json::Value;
using text::Concat;
using text::Flaw;
using text::Invalid;

// What a field may say, in the order of the values that it stands for.
constexpr std::array<std::string_view, 2> kFeatureKinds = {"num", "cat"};
constexpr std::array<std::string_view, 3> kOutputKinds = {"class", "value", "score"};
constexpr std::array<std::string_view, 4> kLabelTypes = {"str", "int", "float", "bool"};

/// Where a value stands, for messages: `features[3].name`.
std::string Place(std::string_view list, std::size_t i, std::string_view field) {
  return Concat({list, "[", i, "].", field});
}

Result<json::Document> ParseList(std::string_view json, std::string_view key) {
  auto document = json::Document::Parse(json, Concat({"metadata key ", key}));
  if (!document.ok() || document->root().is(Kind::kArray)) return document;
  return Invalid({"metadata key ", key, " is ", document->root().Describe(), ", not a JSON list"});
}

/// Keys that nobody asks for are ignored, like those of the metadata itself.
Flaw CheckEntry(Value entry, std::string_view place) {
  if (entry.is(Kind::kObject)) return {};
  return Invalid({place, " is ", entry.Describe(), ", not an object"});
}

/// The text of `place`; nothing where it is absent and `may_be_absent`.
Result<std::string> ReadText(const std::optional<Value>& field, const std::string& place,
                             bool may_be_absent) {
  if (!field && may_be_absent) return std::string();
  if (!field) return Invalid({place, " is missing"});
  const auto string = field->AsString();
  if (!string) return Invalid({place, " is ", field->Describe(), ", not a string"});
  if (string->size() > limits::kNameBytesMax) {
    return text::TooLarge(
        {place, " has ", string->size(), " bytes, more than ", limits::kNameBytesMax});
  }
  return std::string(*string);
}

/// Which of `names` stands there.
Result<std::size_t> ReadChoice(const std::optional<Value>& field, const std::string& place,
                               std::span<const std::string_view> names) {
  if (!field) return Invalid({place, " is missing"});
  std::string known;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (field->AsString() == names[i]) return i;
    text::AppendChoice(names[i], known);
  }
  return text::Unsupported({place, " is ", field->Describe(), "; expected ", known});
}

Result<std::vector<std::string>> ReadCategories(const std::optional<Value>& field,
                                                const std::string& place) {
  std::vector<std::string> categories;
  if (!field || field->is(Kind::kNull)) return categories;
  if (!field->is(Kind::kArray)) {
    return Invalid({place, " is ", field->Describe(), ", not a list of strings or null"});
  }
  categories.reserve(field->size());
  for (auto item = field->First(); item; item = item->Next()) {
    auto text = ReadText(*item, Concat({place, "[", categories.size(), "]"}), false);
    if (!text.ok()) return text.error();
    categories.push_back(std::move(*text));
  }
  return categories;
}

Result<Feature> ReadFeature(Value item, std::size_t i) {
  const auto place = [&](std::string_view field) { return Place("features", i, field); };
  if (auto flaw = CheckEntry(item, Concat({"features[", i, "]"}))) return *flaw;
  auto name = ReadText(item.Find("name"), place("name"), false);
  if (!name.ok()) return name.error();
  if (name->empty()) return Invalid({place("name"), " is empty"});
  auto kind = ReadChoice(item.Find("kind"), place("kind"), kFeatureKinds);
  if (!kind.ok()) return kind.error();
  auto categories = ReadCategories(item.Find("categories"), place("categories"));
  if (!categories.ok()) return categories.error();
  if (*kind == 0 && !categories->empty()) {
    return Invalid({place("categories"), " is given, and ", place("kind"), " is not \"cat\""});
  }
  auto description = ReadText(item.Find("description"), place("description"), true);
  if (!description.ok()) return description.error();
  auto unit = ReadText(item.Find("unit"), place("unit"), true);
  if (!unit.ok()) return unit.error();
  Feature feature;
  feature.name = std::move(*name);
  feature.description = std::move(*description);
  feature.unit = std::move(*unit);
  feature.categorical = *kind == 1;
  feature.categories = std::move(*categories);
  return feature;
}

std::optional<std::string> LabelText(Value label, LabelType type) {
  switch (type) {
    case LabelType::kString:
      if (const auto text = label.AsString()) return std::string(*text);
      break;
    case LabelType::kInteger:
      return label.AsIntegerText();
    case LabelType::kFloat:
      if (const auto number = label.AsNumber()) return text::FromDouble(*number);
      break;
    case LabelType::kBool:
      if (const auto truth = label.AsBool()) return *truth ? "True" : "False";
      break;
  }
  return std::nullopt;
}

Flaw ReadLabels(Value item, const std::string& place, Output& output) {
  auto type = ReadChoice(item.Find("label_type"), place + ".label_type", kLabelTypes);
  if (!type.ok()) return type.error();
  output.label_type = static_cast<LabelType>(*type);
  const auto labels = item.Find("labels");
  if (!labels || !labels->is(Kind::kArray)) {
    return Invalid({place, ".labels must be the list of its classes"});
  }
  // Two labels on one column are the classes on the two sides of one margin.
  const std::size_t columns = output.end - output.begin;
  const std::size_t n = labels->size();
  if (n != columns && !(n == 2 && columns == 1)) {
    return Invalid({place, ".labels has ", n, " labels for ", columns, " columns"});
  }
  for (auto label = labels->First(); label; label = label->Next()) {
    auto text = LabelText(*label, output.label_type);
    if (!text) {
      return Invalid({place, ".labels[", output.labels.size(), "] is ", label->Describe(),
                      ", and label_type says ", item.Find("label_type")->Describe()});
    }
    output.labels.push_back(std::move(*text));
  }
  const auto twice = text::FindTwice({output.labels.begin(), output.labels.end()});
  if (!twice) return {};
  return Invalid({place, ".labels has ", text::Quote(*twice), " twice"});
}

/// The number at a place of a list; what no column can be where there is none.
std::uint64_t ColumnOf(const std::optional<Value>& item) {
  constexpr std::uint64_t kNone = limits::kOutputsMax + 1;
  return item ? item->AsUnsigned().value_or(kNone) : kNone;
}

Flaw ReadColumns(Value item, const std::string& place, std::size_t begin, Output& output) {
  const auto columns = item.Find("columns");
  if (!columns || !columns->is(Kind::kArray) || columns->size() != 2) {
    return Invalid({place, ".columns must be a list of two whole numbers, begin and end"});
  }
  const auto first = columns->First();
  const std::uint64_t from = ColumnOf(first);
  const std::uint64_t to = ColumnOf(first->Next());
  if (from != begin || to <= begin || to > limits::kOutputsMax) {
    return Invalid({place, ".columns is [", first->Describe(), ",", first->Next()->Describe(),
                    "], and it must begin at ", begin, ", end after it, and not pass ",
                    limits::kOutputsMax});
  }
  output.begin = begin;
  output.end = static_cast<std::size_t>(to);
  return {};
}

Result<Output> ReadOutput(Value item, std::size_t i, std::size_t begin) {
  const std::string place = Concat({"outputs[", i, "]"});
  if (auto flaw = CheckEntry(item, place)) return *flaw;
  Output output;
  auto name = ReadText(item.Find("name"), place + ".name", false);
  if (!name.ok()) return name.error();
  output.name = std::move(*name);
  auto kind = ReadChoice(item.Find("kind"), place + ".kind", kOutputKinds);
  if (!kind.ok()) return kind.error();
  output.kind = static_cast<OutputKind>(*kind);
  if (auto flaw = ReadColumns(item, place, begin, output)) {
    return *flaw;
  }
  if (output.kind == OutputKind::kClass) {
    if (auto flaw = ReadLabels(item, place, output)) return *flaw;
    return output;
  }
  const auto labels = item.Find("labels");
  const bool has_labels = labels && !(labels->is(Kind::kArray) && labels->size() == 0);
  if (has_labels || item.Find("label_type")) {
    return Invalid({place, " has labels, and its kind is not \"class\""});
  }
  return output;
}

struct Parameter {
  std::string_view name;
  double Link::*field;
  bool may_be_zero_or_less;
};
constexpr std::array<Parameter, 5> kParameters = {{{"scale", &Link::scale, false},
                                                   {"guard", &Link::guard, true},
                                                   {"denominator", &Link::denominator, false},
                                                   {"offset", &Link::offset, true},
                                                   {"divisor", &Link::divisor, false}}};

bool Uses(LinkKind kind, std::string_view parameter) {
  if (parameter == "scale" || parameter == "guard") {
    return kind == LinkKind::kSigmoid || kind == LinkKind::kNormalizeOvr;
  }
  return kind == LinkKind::kIsolation || parameter == "divisor";
}

Flaw ReadParameter(Value member, Link& link) {
  const auto known =
      std::find_if(kParameters.begin(), kParameters.end(),
                   [&](const Parameter& parameter) { return parameter.name == member.key(); });
  if (known == kParameters.end()) {
    std::string names;
    for (const Parameter& parameter : kParameters) text::AppendChoice(parameter.name, names);
    return text::Unsupported({"metadata key link_params has the unknown key ",
                              text::Quote(member.key()), "; expected ", names});
  }
  if (!Uses(link.kind, known->name)) return {};
  const auto number = member.AsNumber();
  if (!number || (!known->may_be_zero_or_less && *number <= 0)) {
    return Invalid({"metadata key link_params has ", known->name, " ", member.Describe(), ", and ",
                    known->may_be_zero_or_less ? "a number" : "a number above 0", " was expected"});
  }
  link.*known->field = *number;
  return {};
}

}  // namespace

Flaw CheckFormat(const std::map<std::string, std::string>& metadata) {
  using Pair = std::pair<const char*, std::string_view>;
  for (const auto& [key, expected] :
       {Pair("format", "copse.forest"), Pair("format_version", "1")}) {
    const auto entry = metadata.find(key);
    if (entry == metadata.end()) {
      return Invalid({"metadata key ", key, " is missing; a model file says \"", expected, "\""});
    }
    if (entry->second == expected) continue;
    return text::Unsupported({"metadata key ", key, " is ", text::Quote(entry->second), ", and \"",
                              expected, "\" was expected"});
  }
  return {};
}

Result<std::vector<Feature>> ReadFeatures(std::string_view json) {
  auto document = ParseList(json, "features");
  if (!document.ok()) return document.error();
  const Value list = document->root();
  const std::size_t n = list.size();
  if (n == 0) return Invalid({"metadata key features is an empty list"});
  if (n > limits::kFeaturesMax) {
    return text::TooLarge({"the number of features is ", n, ", more than ", limits::kFeaturesMax});
  }
  std::vector<Feature> features;
  features.reserve(n);
  for (auto item = list.First(); item; item = item->Next()) {
    auto feature = ReadFeature(*item, features.size());
    if (!feature.ok()) return feature.error();
    features.push_back(std::move(*feature));
  }
  std::vector<std::string_view> names;
  names.reserve(n);
  for (const Feature& feature : features) names.push_back(feature.name);
  const auto twice = text::FindTwice(std::move(names));
  if (twice) return Invalid({"two features are called ", text::Quote(*twice)});
  return features;
}

Result<std::vector<Output>> ReadOutputs(std::string_view json) {
  auto document = ParseList(json, "outputs");
  if (!document.ok()) return document.error();
  std::vector<Output> outputs;
  const Value list = document->root();
  for (auto item = list.First(); item; item = item->Next()) {
    const std::size_t begin = outputs.empty() ? 0 : outputs.back().end;
    auto output = ReadOutput(*item, outputs.size(), begin);
    if (!output.ok()) return output.error();
    outputs.push_back(std::move(*output));
  }
  if (outputs.empty()) return Invalid({"metadata key outputs is an empty list"});
  return outputs;
}

Flaw ReadLinkParams(std::string_view json, Link& link) {
  if (auto flaw = CheckObject("link_params", json)) return *flaw;
  const auto document = json::Document::Parse(json, "metadata key link_params");
  const Value object = document->root();
  for (auto member = object.First(); member; member = member->Next()) {
    if (auto flaw = ReadParameter(*member, link)) return *flaw;
  }
  if (link.kind == LinkKind::kIsolation && !object.Find("denominator")) {
    return Invalid({"metadata key link_params has no denominator, which link \"iforest\" needs"});
  }
  return {};
}

Flaw CheckObject(std::string_view key, std::string_view json) {
  auto document = json::Document::Parse(json, Concat({"metadata key ", key}));
  if (!document.ok()) return document.error();
  if (document->root().is(Kind::kObject)) return {};
  return Invalid(
      {"metadata key ", key, " is ", document->root().Describe(), ", not a JSON object"});
}

Flaw CheckWarnings(std::string_view json) {
  auto document = ParseList(json, "warnings");
  if (!document.ok()) return document.error();
  std::size_t i = 0;
  const Value list = document->root();
  for (auto item = list.First(); item; item = item->Next(), ++i) {
    if (item->AsString()) continue;
    return Invalid({"warnings[", i, "] is ", item->Describe(), ", not a string"});
  }
  return {};
}

}  // namespace copse
