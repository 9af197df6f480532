#include "imported.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string_view>
#include <utility>

#include "json_fields.h"
#include "text.h"

namespace copse::importer {
namespace {

std::string_view NameOf(Precision precision) {
  return precision == Precision::kFloat32 ? "f32" : "f64";
}

std::string_view NameOf(Decision decision) {
  switch (decision) {
    case Decision::kGreaterEqualZero:
      return "ge0";
    case Decision::kGreaterThanZero:
      return "gt0";
    case Decision::kArgmax:
      break;
  }
  return "argmax";
}

std::string_view NameOf(LabelType type) {
  switch (type) {
    case LabelType::kInteger:
      return "int";
    case LabelType::kFloat:
      return "float";
    case LabelType::kBool:
      return "bool";
    case LabelType::kString:
      break;
  }
  return "str";
}

std::string_view NameOf(OutputKind kind) {
  switch (kind) {
    case OutputKind::kClass:
      return "class";
    case OutputKind::kScore:
      return "score";
    case OutputKind::kValue:
      break;
  }
  return "value";
}

std::string Quoted(std::string_view text) {
  std::string json;
  json::AppendString(text, json);
  return json;
}

// Appends `items` as a JSON list, each written by `write`.
template <class Items, class Write>
void AppendList(const Items& items, Write write, std::string& json) {
  json += '[';
  for (const auto& item : items) {
    if (json.back() != '[') json += ',';
    json += write(item);
  }
  json += ']';
}

template <class Items, class Write>
std::string ListOf(const Items& items, Write write) {
  std::string json;
  AppendList(items, write, json);
  return json;
}

std::string FeatureJson(const Feature& feature) {
  std::string json = "{\"name\":" + Quoted(feature.name) + ",\"kind\":";
  json += feature.categorical ? "\"cat\"" : "\"num\"";
  json += ",\"categories\":";
  json += feature.categories.empty() ? "null" : ListOf(feature.categories, Quoted);
  if (!feature.description.empty()) json += ",\"description\":" + Quoted(feature.description);
  if (!feature.unit.empty()) json += ",\"unit\":" + Quoted(feature.unit);
  return json + "}";
}

std::string LabelJson(const std::string& label, LabelType type) {
  switch (type) {
    case LabelType::kString:
      return Quoted(label);
    case LabelType::kBool:
      return label == "True" ? "true" : "false";
    case LabelType::kInteger:
    case LabelType::kFloat:
      break;
  }
  return label;
}

std::string OutputJson(const Output& output) {
  std::string json = "{\"name\":" + Quoted(output.name) + ",\"kind\":\"";
  json += NameOf(output.kind);
  json += '"';
  if (output.kind == OutputKind::kClass) {
    json += ",\"labels\":" + ListOf(output.labels, [&](const std::string& label) {
              return LabelJson(label, output.label_type);
            });
    json += ",\"label_type\":\"";
    json += NameOf(output.label_type);
    json += '"';
  }
  json += ",\"columns\":[" + std::to_string(output.begin) + "," + std::to_string(output.end) + "]";
  return json + "}";
}

void AppendParameter(std::string_view name, double value, std::string& json) {
  if (json.back() != '{') json += ',';
  json += Quoted(name) + ":";
  json::AppendNumber(value, json);
}

// The parameters of the link that are not its defaults.
std::string LinkParamsJson(const Link& link) {
  std::string json = "{";
  if (link.kind == LinkKind::kIsolation) {
    AppendParameter("denominator", link.denominator, json);
    AppendParameter("offset", link.offset, json);
  }
  if (link.divisor != 1) AppendParameter("divisor", link.divisor, json);
  if (link.guard != 0) AppendParameter("guard", link.guard, json);
  if (link.scale != 1) AppendParameter("scale", link.scale, json);
  return json + "}";
}

std::string SourceJson(const Source& source, const std::string& file_sha256) {
  std::string json = "{\"kind\":" + Quoted(source.kind) + ",\"version\":" + Quoted(source.version) +
                     ",\"estimator\":" + Quoted(source.estimator) + ",\"options\":{";
  for (const auto& [name, value] : source.options) {
    if (json.back() != '{') json += ',';
    json += Quoted(name) + ":" + value;
  }
  return json + "},\"file_sha256\":" + Quoted(file_sha256) + "}";
}

// One end of the training ranges; nothing where no feature knows it.
std::vector<double> Ends(const std::vector<Feature>& features, double Feature::*end) {
  std::vector<double> ends;
  ends.reserve(features.size());
  for (const Feature& feature : features) ends.push_back(feature.*end);
  const bool is_known = std::any_of(ends.begin(), ends.end(), [](double x) { return x == x; });
  return is_known ? ends : std::vector<double>();
}

// `name`, readable as UTF-8: each byte that is not becomes U+FFFD.
std::string Readable(std::string name) {
  for (auto at = text::FindInvalidUtf8(name); at != std::string::npos;
       at = text::FindInvalidUtf8(name)) {
    name.replace(at, 1, "\xef\xbf\xbd");
  }
  return name;
}

}  // namespace

std::vector<Feature> NumberedFeatures(std::size_t n, std::string_view prefix) {
  std::vector<Feature> features(n);
  for (std::size_t f = 0; f < n; ++f) features[f].name = text::Concat({prefix, f});
  return features;
}

std::vector<Feature> NamedFeatures(const std::vector<std::string>& names, std::string_view prefix,
                                   std::vector<std::string>& warnings) {
  std::vector<Feature> features = NumberedFeatures(names.size(), prefix);
  std::set<std::string> taken(names.begin(), names.end());
  std::set<std::string> used;
  std::size_t n_changed = 0;
  for (std::size_t f = 0; f < names.size(); ++f) {
    std::string name = names[f].empty() ? features[f].name : Readable(names[f]);
    const std::string stem = name;
    for (std::size_t i = 2; used.count(name) != 0 || (i > 2 && taken.count(name) != 0); ++i) {
      name = text::Concat({stem, "_", i});
    }
    n_changed += name == names[f] ? 0 : 1;
    used.insert(name);
    features[f].name = std::move(name);
  }
  if (n_changed > 0) {
    warnings.push_back(text::Concat({n_changed, " of ", names.size(),
                                     " feature names were empty, repeated or not UTF-8 and got "
                                     "another name."}));
  }
  return features;
}

Output NumberedClasses(std::string name, std::size_t n_classes, std::size_t begin,
                       std::size_t end) {
  Output output;
  output.name = std::move(name);
  output.kind = OutputKind::kClass;
  output.label_type = LabelType::kInteger;
  for (std::size_t i = 0; i < n_classes; ++i) output.labels.push_back(std::to_string(i));
  output.begin = begin;
  output.end = end;
  return output;
}

Output ValueOutput(std::string name, std::size_t begin, std::size_t end) {
  Output output;
  output.name = std::move(name);
  output.begin = begin;
  output.end = end;
  return output;
}

Result<Model> Finish(Imported imported, const std::string& file_sha256) {
  ModelParts parts;
  auto& metadata = parts.metadata;
  metadata["format"] = "copse.forest";
  metadata["format_version"] = "1";
  metadata["input"] = NameOf(imported.input);
  metadata["accumulate"] = NameOf(imported.accumulate);
  metadata["combine"] = imported.combine;
  metadata["link"] = LinkName(imported.link.kind);
  metadata["link_math"] = NameOf(imported.link.math);
  metadata["link_params"] = LinkParamsJson(imported.link);
  metadata["decision"] = NameOf(imported.decision);
  metadata["missing"] = imported.missing_allowed ? "allowed" : "error";
  if (imported.infinite_allowed) {
    metadata["infinite"] = *imported.infinite_allowed ? "allowed" : "error";
  }
  if (!imported.category_cast.empty()) metadata["category_cast"] = imported.category_cast;
  if (imported.allow_nonfinite) metadata["allow_nonfinite"] = "true";
  metadata["features"] = ListOf(imported.features, FeatureJson);
  metadata["outputs"] = ListOf(imported.outputs, OutputJson);
  metadata["source"] = SourceJson(imported.source, file_sha256);
  metadata["provenance"] = R"({"created_by":"copse import"})";
  metadata["warnings"] = ListOf(imported.warnings, Quoted);
  parts.feature_min = Ends(imported.features, &Feature::min);
  parts.feature_max = Ends(imported.features, &Feature::max);
  parts.forest = std::move(imported.forest);
  parts.linear = std::move(imported.linear);
  return Model::Create(std::move(parts));
}

}  // namespace copse::importer
