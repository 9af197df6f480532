#pragma once

#include "onnx/graph.h"
#include "text.h"

namespace copse::importer::onnx {

/// What a Cast does to the labels of a classifier; false: nothing that can be imported.
bool CastLabels(ElementType to, Labels& labels);

/// Labels that are positions, replaced by the elements of `constant` there.
text::Flaw SelectLabels(const Tensor& constant, Labels& labels);

/// LabelEncoder since ai.onnx.ml 2: keys to values.
text::Flaw EncodeLabels(const Node& node, Labels& labels);

}  // namespace copse::importer::onnx
