#include "onnx/onnx.h"

#include <algorithm>
#include <utility>

#include "json_fields.h"
#include "onnx/plan.h"
#include "sources.h"

namespace copse::importer {
namespace onnx {
namespace {

constexpr std::uint64_t kIrVersionMax = 1000;
constexpr std::size_t kProducerBytesMax = 60;

// A name as programs give themselves one; others are not repeated.
bool IsPlain(std::string_view name) {
  return !name.empty() && name.size() <= kProducerBytesMax &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

Source SourceOf(const ModelFile& file, const Ensemble& ensemble) {
  Source source;
  source.kind = "ONNX";
  source.estimator = std::string(ensemble.name());
  if (IsPlain(file.producer_version)) source.version = std::string(file.producer_version);
  const auto add = [&](const char* name, std::string json) {
    source.options.emplace_back(name, std::move(json));
  };
  if (IsPlain(file.producer)) {
    std::string json;
    json::AppendString(file.producer, json);
    add("producer", std::move(json));
  }
  add("ir_version", text::Concat({file.ir_version}));
  add("ai.onnx.ml", text::Concat({file.ml_opset}));
  return source;
}

std::vector<Feature> FeaturesOf(const GraphModel& model, std::vector<std::string>& warnings) {
  return model.names.empty() ? NumberedFeatures(model.n_columns, "x")
                             : NamedFeatures(model.names, "x", warnings);
}

// What can be seen of a field's number and type before its value.
bool IsFieldOfModel(const Field& field) {
  switch (field.number) {
    case 1:
    case 5:
      return field.type == Field::kVarint;
    case 2:
    case 3:
    case 4:
    case 6:
    case 7:
    case 8:
    case 14:
    case 20:
    case 25:
    case 26:
      return field.type == Field::kBytes;
    default:
      return field.number < 100;
  }
}

}  // namespace

}  // namespace onnx

bool LooksLikeOnnx(Bytes bytes) {
  bool has_version = false;
  onnx::Wire wire(bytes);
  for (onnx::Field field; wire.Next(field);) {
    if (!onnx::IsFieldOfModel(field)) return false;
    if (field.number == 1) has_version = field.value > 0 && field.value < onnx::kIrVersionMax;
    if (field.number == 7) return has_version;
  }
  // Cut off inside of its graph: still a model, and the reader says what is wrong.
  const std::uint8_t graph_key = 7 << 3 | onnx::Field::kBytes;
  return wire.is_damaged() && has_version && wire.last_key() == graph_key;
}

Result<Imported> ImportOnnx(Bytes bytes, const ImportOptions& /*options*/) {
  using text::Unsupported;
  auto file = onnx::ReadModelFile(bytes);
  if (!file.ok()) return file.error();
  auto graph = onnx::ReadGraph(*file);
  if (!graph.ok()) return graph.error();
  auto plan = onnx::MakePlan(*graph);
  if (!plan.ok()) return plan.error();
  auto forest =
      onnx::AssembleTrees(graph->ensembles, plan->layout, graph->map, bytes.size(), plan->base);
  if (!forest.ok()) return forest.error();
  Imported imported;
  imported.input = graph->input;
  imported.accumulate = plan->layout.accumulate;
  imported.combine = plan->combine;
  imported.link = plan->link;
  imported.decision = plan->decision;
  imported.missing_allowed = graph->is_floating;
  imported.infinite_allowed = graph->is_floating;
  if (!forest->category_begin.empty()) imported.category_cast = "table";
  imported.warnings = std::move(graph->warnings);
  imported.warnings.insert(imported.warnings.end(), plan->warnings.begin(), plan->warnings.end());
  imported.features = onnx::FeaturesOf(*graph, imported.warnings);
  imported.outputs = std::move(plan->outputs);
  imported.source = onnx::SourceOf(*file, graph->ensembles[0]);
  imported.forest = std::move(*forest);
  return imported;
}

}  // namespace copse::importer
