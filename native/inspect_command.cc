#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "commands.h"
#include "copse/model_file.h"
#include "loaded_model.h"
#include "prediction_text.h"
#include "utf8.h"

namespace copse {
namespace {

struct InspectOptions {
  std::string file;
  bool json = false;
};

constexpr std::size_t kListedMax = 12;
constexpr std::size_t kTextMax = 400;

// DescribeModel's object with what only the file knows added in front.
std::string InspectJson(const LoadedModel& loaded) {
  const std::string description = DescribeModel(loaded.model);
  return "{\"name\":" + JsonString(loaded.name) + ",\"version\":" + JsonString(loaded.version) +
         ",\"sha256\":" + JsonString(loaded.sha256) +
         ",\"file_bytes\":" + std::to_string(loaded.bytes.size()) + "," + description.substr(1);
}

// Text from a file, without anything that a terminal would obey.
std::string Plain(const std::string& text) {
  const std::string shown = Shown(text, kTextMax);
  return shown.substr(1, shown.size() - 2);
}

void AddLine(std::string& text, const std::string& name, const std::string& value) {
  text += name + std::string(name.size() < 12 ? 12 - name.size() : 1, ' ') + value + "\n";
}

std::string Counted(std::size_t n, const std::string& noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

std::string Listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kListedMax); ++i) {
    text += (i == 0 ? "" : ", ") + Plain(names[i]);
  }
  if (names.size() > kListedMax)
    text += ", and " + std::to_string(names.size() - kListedMax) + " more";
  return text;
}

std::string FeatureLine(const Feature& feature) {
  std::string text = "  " + Plain(feature.name);
  if (feature.categorical) {
    text +=
        feature.categories.empty() ? "  category code" : "  one of " + Listed(feature.categories);
  } else if (!std::isnan(feature.min) && !std::isnan(feature.max)) {
    text += "  " + NumberText(feature.min) + " .. " + NumberText(feature.max);
  }
  if (!feature.unit.empty()) text += " " + Plain(feature.unit);
  if (!feature.description.empty()) text += "  (" + Plain(feature.description) + ")";
  return text + "\n";
}

std::string OutputText(const Output& output) {
  switch (output.kind) {
    case OutputKind::kClass:
      return "one of " + std::to_string(output.labels.size()) +
             (output.labels.size() == 1 ? " class: " : " classes: ") + Listed(output.labels);
    case OutputKind::kValue:
      return output.end - output.begin == 1 ? "a number"
                                            : Counted(output.end - output.begin, "number");
    case OutputKind::kScore:
      return "a score";
  }
  return "";
}

std::string ShapeText(const Model& model) {
  const Forest* forest = model.forest();
  if (forest == nullptr) {
    return "linear, " + Counted(model.linear()->coef.size(), "coefficient");
  }
  return Counted(forest->n_trees(), "tree") + ", " + Counted(forest->n_nodes(), "node") + ", " +
         std::to_string(forest->n_leaves()) + (forest->n_leaves() == 1 ? " leaf" : " leaves") +
         ", depth " + std::to_string(forest->max_depth());
}

// A metadata value that is JSON again, as one line of `key value` pairs or a list.
std::string MetadataText(const std::string& json) {
  const auto value = nlohmann::json::parse(json, nullptr, false);
  if (value.is_discarded()) return Plain(json);
  std::string text;
  for (const auto& [key, item] : value.items()) {
    if (item.is_null() || item.is_object() ||
        (item.is_string() && item.get_ref<const std::string&>().empty()))
      continue;
    const std::string shown =
        item.is_string() ? item.get_ref<const std::string&>()
                         : item.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    text += (text.empty() ? "" : ", ") + (value.is_object() ? Plain(key) + " " : "") + Plain(shown);
  }
  return text;
}

std::string InspectText(const LoadedModel& loaded) {
  const Model& model = loaded.model;
  std::string text;
  AddLine(text, "model", loaded.name + ", version " + loaded.version);
  AddLine(text, "file", Plain(loaded.path) + ", " + Counted(loaded.bytes.size(), "byte"));
  AddLine(text, "sha256", loaded.sha256);
  for (const Output& output : model.outputs()) {
    const std::string name = model.outputs().size() == 1 ? "" : Plain(output.name) + ": ";
    AddLine(text, "predicts", name + OutputText(output));
  }
  AddLine(text, "made of", ShapeText(model));
  AddLine(text, "link", std::string(LinkName(model.link().kind)));
  AddLine(text, "reads",
          std::string(model.input() == Precision::kFloat32 ? "float32" : "float64") +
              (model.missing_allowed() ? ", missing values allowed" : ", no missing values"));
  for (const char* key : {"source", "provenance", "warnings"}) {
    const auto found = model.metadata().find(key);
    if (found == model.metadata().end()) continue;
    const std::string value = MetadataText(found->second);
    if (!value.empty()) AddLine(text, key, value);
  }
  AddLine(text, "features", std::to_string(model.n_features()));
  for (const Feature& feature : model.features()) text += FeatureLine(feature);
  return text;
}

Status Inspect(const InspectOptions& options) {
  auto loaded = LoadModel(options.file);
  if (!loaded.ok()) return loaded.error();
  const std::string text = options.json ? InspectJson(**loaded) + "\n" : InspectText(**loaded);
  // A closed pipe (`| head`) has seen enough.
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
  return Ok{};
}

}  // namespace

Command AddInspectCommand(CLI::App& app) {
  auto options = std::make_shared<InspectOptions>();
  app.add_option("FILE", options->file, "Model file, or NAME=FILE")->required();
  app.add_flag("--json", options->json, "As one JSON object");
  return [options] { return Inspect(*options); };
}

}  // namespace copse
