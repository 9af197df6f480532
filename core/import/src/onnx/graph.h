#pragma once

#include <string>
#include <vector>

#include "input_map.h"
#include "onnx/ensemble.h"
#include "onnx/proto.h"

namespace copse::importer::onnx {

/// What a graph does to the sums of its ensembles, node after node.
struct Scores {
  std::vector<std::size_t> ensembles;  ///< whose sums are added (LightGBM's converter splits them)
  bool is_wide = false;                ///< added in double
  bool is_normalized = false;          ///< each row divided by its sum
  double divisor = 1;
  double shift = 0;  ///< added to every sum
  LinkKind link = LinkKind::kIdentity;

  friend bool operator==(const Scores&, const Scores&) = default;
};

struct Labels {
  std::vector<std::string> texts;
  LabelType type = LabelType::kInteger;
};

/// A graph, understood: columns of rows, one ensemble (or a sum of several), what is done after.
struct GraphModel {
  std::vector<std::string> names;  ///< of the columns; empty: they have none
  std::size_t n_columns = 0;
  Precision input = Precision::kFloat32;  ///< to which rows are rounded first
  bool is_floating = true;                ///< rows may hold NaN and infinities
  InputMap map;                           ///< from rows to what the trees test
  std::vector<Ensemble> ensembles;        ///< those of `scores`
  Scores scores;
  Labels labels;  ///< of a classifier
  std::vector<std::string> warnings;
};

/// Follows the graph from its outputs back and from its inputs on.
/// Errors: kUnsupportedModel naming the first operator that has no place here; kInvalidModel.
Result<GraphModel> ReadGraph(const ModelFile& file);

}  // namespace copse::importer::onnx
