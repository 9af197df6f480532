#include "openapi_schema.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "prediction_text.h"

namespace copse {
namespace {

// More categories than this are not worth a list of choices.
constexpr std::size_t kListedCategoriesMax = 100;

// A quarter up the range, rounded to a step that is small in it, so that examples are short. There
// the iris model answers the tutorial's [0].
double Quarter(double min, double max) {
  const double quarter = min * 0.75 + max * 0.25;
  const double range = max - min;
  if (!(range > 0) || !std::isfinite(range)) return quarter;
  const double step = std::pow(10.0, std::floor(std::log10(range)) - 1);
  // Divided by a whole number where that is possible: 0.1 has no double, 61 / 10 has the best.
  const double rounded = step < 1
                             ? std::round(quarter * std::round(1 / step)) / std::round(1 / step)
                             : std::round(quarter / step) * step;
  return rounded >= min && rounded <= max ? rounded : quarter;
}

double ExampleNumber(const Feature& feature) {
  if (!std::isfinite(feature.min) || !std::isfinite(feature.max)) return 0;
  return feature.categorical ? std::max(0.0, std::floor(feature.min))
                             : Quarter(feature.min, feature.max);
}

Json LabelSchema(const Output& output) {
  switch (output.label_type) {
    case LabelType::kString:
      return {{"type", "string"}};
    case LabelType::kInteger:
      return {{"type", "integer"}};
    case LabelType::kFloat:
      return {{"type", "number"}};
    case LabelType::kBool:
      return {{"type", "boolean"}};
  }
  return Json::object();
}

Json NumberOrNull() { return {{"type", {"number", "null"}}}; }

Json OutputSchema(const Output& output) {
  Json properties;
  Json required;
  if (output.kind == OutputKind::kClass) {
    properties = {
        {"label", LabelSchema(output)},
        {"index", {{"type", "integer"}, {"minimum", 0}}},
        {"probabilities", {{"type", "object"}, {"additionalProperties", NumberOrNull()}}}};
    required = {"label", "index"};
  } else {
    const bool several = output.end - output.begin > 1;
    properties["value"] =
        several ? Json{{"type", "array"}, {"items", NumberOrNull()}} : NumberOrNull();
    if (output.kind == OutputKind::kScore) properties["score"] = NumberOrNull();
    required = {"value"};
  }
  return {{"type", "object"}, {"required", required}, {"properties", properties}};
}

Json CategorySchema(const Feature& feature) {
  if (feature.categories.size() > kListedCategoriesMax) return {{"type", {"string", "integer"}}};
  const std::set<std::string> unique(feature.categories.begin(), feature.categories.end());
  return {
      {"anyOf", {{{"type", "string"}, {"enum", unique}}, {{"type", "integer"}, {"minimum", 0}}}}};
}

}  // namespace

std::vector<double> ExampleRow(const Model& model) {
  std::vector<double> row;
  for (const Feature& feature : model.features()) row.push_back(ExampleNumber(feature));
  if (!model.CheckRows(row).ok()) std::fill(row.begin(), row.end(), 0.0);
  return row;
}

Json ExampleValue(const Feature& feature, double value) {
  const auto code = static_cast<std::size_t>(std::max(0.0, value));
  if (feature.categorical && code < feature.categories.size()) return feature.categories[code];
  return value;
}

Json ExampleJson(const Model& model) {
  const std::vector<double> row = ExampleRow(model);
  if (model.n_features() > kDescribedFeaturesMax) return row;
  Json object = Json::object();
  for (std::size_t f = 0; f < model.n_features(); ++f) {
    object[model.features()[f].name] = ExampleValue(model.features()[f], row[f]);
  }
  return object;
}

std::string FeatureText(const Model& model, const Feature& feature) {
  std::string text = feature.description;
  if (!feature.unit.empty()) text += (text.empty() ? "in " : " in ") + feature.unit;
  if (std::isfinite(feature.min) && std::isfinite(feature.max)) {
    text += (text.empty() ? "" : "; ") + NumberText(feature.min) + " to " +
            NumberText(feature.max) + " in training";
  }
  if (model.missing_allowed()) text += std::string(text.empty() ? "" : "; ") + "may be missing";
  return text;
}

Json FeatureSchema(const Model& model, const Feature& feature) {
  Json schema = feature.categorical && !feature.categories.empty() ? CategorySchema(feature)
                                                                   : Json{{"type", "number"}};
  if (model.missing_allowed()) schema = {{"anyOf", {schema, {{"type", "null"}}}}};
  const std::string text = FeatureText(model, feature);
  if (!text.empty()) schema["description"] = text;
  return schema;
}

Json RowSchema(const Model& model) {
  const std::size_t n = model.n_features();
  Json list = {{"type", "array"}, {"minItems", n}, {"maxItems", n}};
  Json object = {{"type", "object"}};
  if (n <= kDescribedFeaturesMax) {
    Json required = Json::array();
    Json properties = Json::object();
    for (const Feature& feature : model.features()) {
      required.push_back(feature.name);
      properties[feature.name] = FeatureSchema(model, feature);
    }
    object["required"] = required;
    object["properties"] = properties;
    object["additionalProperties"] = false;
  }
  return {{"anyOf", {object, list}}};
}

Json PredictionSchema(const Model& model) {
  if (model.outputs().size() == 1) return OutputSchema(model.outputs().front());
  Json outputs = Json::object();
  if (model.n_values() > kDescribedValuesMax) return {{"type", "object"}};
  for (const Output& output : model.outputs()) outputs[output.name] = OutputSchema(output);
  return {{"type", "object"},
          {"required", {"outputs"}},
          {"properties", {{"outputs", {{"type", "object"}, {"properties", outputs}}}}}};
}

Json ProblemSchema() {
  const Json text = {{"type", "string"}};
  return {{"type", "object"},
          {"required", {"type", "title", "status", "detail"}},
          {"properties",
           {{"type", text},
            {"title", text},
            {"status", {{"type", "integer"}}},
            {"detail", text},
            {"field", text},
            {"value", text},
            {"request_id", text}}}};
}

std::string JsonText(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace copse
