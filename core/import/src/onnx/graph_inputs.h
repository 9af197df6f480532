#pragma once

#include <string_view>
#include <vector>

#include "onnx/graph.h"
#include "onnx/rows.h"
#include "text.h"

namespace copse::importer::onnx {

/// An input of the graph, as columns of the rows.
struct GraphInput {
  std::string_view name;
  Rows rows;
};

/// [nodes] whether an output depends on it; other nodes may be anything.
std::vector<std::uint8_t> NeededNodes(const Graph& graph);

/// The columns of all `inputs`, one input after another; sets names, number and width of the
/// columns in `model`. Errors: kUnsupportedModel for inputs that are no tables of numbers.
text::Flaw ReadInputs(const std::vector<const ValueInfo*>& inputs, const Graph& graph,
                      GraphModel& model, std::vector<GraphInput>& columns);

}  // namespace copse::importer::onnx
