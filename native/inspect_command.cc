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
#include "decompress.h"
#include "import_flags.h"
#include "loaded_model.h"
#include "model_text.h"
#include "prediction_text.h"
#include "utf8.h"

namespace copse {
namespace {

struct InspectOptions {
  std::string file;
  bool json = false;
  ImportOptions import;
};

// DescribeModel's object with what only the file knows added in front.
std::string InspectJson(const LoadedModel& loaded) {
  const std::string description = DescribeModel(loaded.model);
  return "{\"name\":" + JsonString(loaded.name) + ",\"version\":" + JsonString(loaded.version) +
         ",\"sha256\":" + JsonString(loaded.sha256) +
         ",\"file_kind\":" + JsonString(SourceKindName(loaded.kind)) + ",\"compression\":" +
         (loaded.compression == Compression::kNone
              ? "null"
              : JsonString(CompressionName(loaded.compression))) +
         ",\"file_bytes\":" + std::to_string(loaded.file_bytes) +
         ",\"model_bytes\":" + std::to_string(loaded.bytes.size()) + "," + description.substr(1);
}

void AddLine(std::string& text, const std::string& name, const std::string& value) {
  text += name + std::string(name.size() < 12 ? 12 - name.size() : 1, ' ') + value + "\n";
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
  AddLine(
      text, "file",
      Plain(loaded.path) + ", " + FileKindText(loaded) + ", " + Counted(loaded.file_bytes, "byte"));
  if (loaded.kind != SourceKind::kCopse) {
    AddLine(text, "imported", Counted(loaded.bytes.size(), "byte") + " in our own format");
  }
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
  auto loaded = LoadModel(options.file, options.import);
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
  app.add_option("FILE", options->file,
                 "Model file of any format that can be imported, or NAME=FILE")
      ->required();
  app.add_flag("--json", options->json, "As one JSON object");
  AddIterationsOption(app, options->import);
  return [options] { return Inspect(*options); };
}

}  // namespace copse
