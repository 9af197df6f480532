#include "onnx/graph_inputs.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace copse::importer::onnx {
namespace {

using text::Flaw;
using text::Invalid;
using text::Quote;
using text::Unsupported;

/// The width of rows where the file does not say: what scalers, or else trees, ask for.
std::size_t GuessWidth(const Graph& graph) {
  std::size_t of_lists = 0;
  std::size_t of_trees = 0;
  for (const Node& node : graph.nodes) {
    for (const char* name : {"scale", "imputed_value_floats"}) {
      const auto values = FloatsAttribute(node, name);
      if (values.ok() && values->size() > 1) of_lists = std::max(of_lists, values->size());
    }
    const auto features = IntsAttribute(node, "nodes_featureids");
    if (!features.ok()) continue;
    for (const std::int64_t feature : *features) {
      if (feature >= 0) of_trees = std::max(of_trees, static_cast<std::size_t>(feature) + 1);
    }
  }
  return of_lists > 0 ? of_lists : of_trees;
}

Flaw ReadWidth(const ValueInfo& input, bool is_only, const Graph& graph, GraphModel& model,
               std::size_t& width) {
  if (!input.is_tensor || !IsNumber(input.type)) {
    return Unsupported(
        {"the input ", Quote(input.name), " of the ONNX graph is no tensor of numbers"});
  }
  if (input.dims.size() == 2 && input.dims[1] > 0) {
    width = static_cast<std::size_t>(input.dims[1]);
  } else if (is_only && (input.dims.empty() || input.dims.size() == 2)) {
    width = GuessWidth(graph);
    model.warnings.push_back(text::Concat(
        {"The file does not say how many columns rows have; its nodes need ", width, "."}));
  } else {
    return Unsupported(
        {"the input ", Quote(input.name), " of the ONNX graph has not the shape [rows, columns]"});
  }
  if (width > 0 && model.n_columns + width <= kColumnsMax) return {};
  return text::TooLarge({"the input ", Quote(input.name), " has ", width, " columns, and 1 to ",
                         kColumnsMax, " in all can be imported"});
}

/// Rows are read as doubles where a column is one, or where whole numbers become doubles.
void ChooseInput(const std::vector<const ValueInfo*>& inputs, const Graph& graph,
                 GraphModel& model) {
  const bool casts_to_double = std::any_of(
      graph.nodes.begin(), graph.nodes.end(),
      [](const Node& node) { return node.op == "Cast" && CastTo(node) == ElementType::kDouble; });
  model.is_floating = false;
  for (const ValueInfo* input : inputs) {
    const bool is_floating = IsFloating(input->type);
    model.is_floating = model.is_floating || is_floating;
    if (input->type == ElementType::kDouble || (!is_floating && casts_to_double)) {
      model.input = Precision::kFloat64;
    }
  }
}

}  // namespace

std::vector<std::uint8_t> NeededNodes(const Graph& graph) {
  std::unordered_map<std::string_view, std::size_t> makers;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const std::string_view name : graph.nodes[i].outputs) makers.emplace(name, i);
  }
  std::vector<std::uint8_t> is_needed(graph.nodes.size(), 0);
  std::vector<std::string_view> wanted;
  for (const ValueInfo& output : graph.outputs) wanted.push_back(output.name);
  while (!wanted.empty()) {
    const auto maker = makers.find(wanted.back());
    wanted.pop_back();
    if (maker == makers.end() || is_needed[maker->second] != 0) continue;
    is_needed[maker->second] = 1;
    const auto& inputs = graph.nodes[maker->second].inputs;
    wanted.insert(wanted.end(), inputs.begin(), inputs.end());
  }
  return is_needed;
}

Flaw ReadInputs(const std::vector<const ValueInfo*>& inputs, const Graph& graph, GraphModel& model,
                std::vector<GraphInput>& columns) {
  if (inputs.empty()) return Invalid({"the ONNX graph has no input"});
  const bool is_only = inputs.size() == 1;
  ChooseInput(inputs, graph, model);
  for (const ValueInfo* input : inputs) {
    std::size_t width = 0;
    if (auto flaw = ReadWidth(*input, is_only, graph, model, width)) return flaw;
    GraphInput read = {input->name, {input->type, {}}};
    for (std::size_t i = 0; i < width; ++i) {
      MappedColumn column;
      column.column = model.n_columns + i;
      if (model.input == Precision::kFloat64 && input->type == ElementType::kFloat) {
        column.steps.push_back({.kind = ColumnStep::Kind::kRoundToFloat});
      }
      read.rows.columns.push_back(std::move(column));
      if (is_only) continue;
      model.names.push_back(width == 1 ? std::string(input->name)
                                       : text::Concat({input->name, "_", i}));
    }
    model.n_columns += width;
    columns.push_back(std::move(read));
  }
  return {};
}

}  // namespace copse::importer::onnx
