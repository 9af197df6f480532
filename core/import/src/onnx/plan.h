#pragma once

#include <string>
#include <vector>

#include "copse/link.h"
#include "copse/model.h"
#include "onnx/graph.h"
#include "onnx/trees.h"

namespace copse::importer::onnx {

/// How ensembles and what follows them become margins, links and decisions.
struct Plan {
  Layout layout;
  std::string combine = "sum";
  std::vector<double> base;  ///< [layout.n_columns]
  Link link;
  Decision decision = Decision::kArgmax;
  std::vector<Output> outputs;
  std::vector<std::string> warnings;
};

/// Follows onnxruntime, including where it departs from the specification: what it does with two
/// classes and weights of one, base values of targets that no leaf has, post_transform of one
/// target. Where its versions differ, or an answer has no form here, the model is refused.
/// Source: onnxruntime, tree_ensemble_aggregator.h, tree_ensemble_common.h, ml_common.h.
Result<Plan> MakePlan(const GraphModel& model);

}  // namespace copse::importer::onnx
