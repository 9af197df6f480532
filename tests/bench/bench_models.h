#pragma once

#include <memory>
#include <string>

#include "copse/model.h"
#include "copse/result.h"

/// What the programs here evaluate.
namespace copse {

struct BenchModel {
  std::string name;
  std::shared_ptr<const Model> model;  ///< has trees
};

/// The model file at `spec`; or one of a shape that no small file has, whose trees chance grew, the
/// same on every machine:
///
///   made:boosted  500 complete trees of depth 6 and 28 columns, 250 thresholds each: bit_walk
///   made:grouped  the same of 150 trees, with more thresholds than ranks of 8 bits hold: groups
///   made:wide     100 deep trees of 300 columns: node8
///
/// Errors: those of LoadModel, and kInvalidInput where there are no trees or no such shape.
Result<BenchModel> LoadBenchModel(const std::string& spec);

}  // namespace copse
