#pragma once

#include <vector>

#include "forest_assembler.h"
#include "onnx/ensemble.h"
#include "text.h"

namespace copse::importer::onnx {

/// Where the weights of one target go: `sign` times the weight to `column`, and in a mirrored
/// ensemble its negative to the column before it.
struct Route {
  std::int32_t column = -1;  ///< -1: nowhere
  double sign = 1;
  bool is_mirrored = false;  ///< and minus that to column - 1
};

/// How the weights of an ensemble become columns of a forest.
struct Layout {
  std::size_t n_columns = 1;
  std::size_t leaf_width = 1;  ///< 1: every tree adds to one column
  std::vector<Route> routes;   ///< [n_targets]
  Precision accumulate = Precision::kFloat32;
  bool is_sum = true;  ///< else a mean, smallest or largest
};

/// What the leaves of an ensemble do to its targets, over all rows.
struct Coverage {
  std::vector<std::uint8_t> always;      ///< [n_targets] some tree has a weight of it in every leaf
  std::vector<std::uint8_t> ever;        ///< [n_targets] some leaf has one
  std::vector<std::uint8_t> everywhere;  ///< [n_targets] every leaf of every tree has one
  bool is_scalar = true;                 ///< every tree has weights of one target at most
};
Coverage CoverageOf(const Ensemble& ensemble);

/// Weight that leaf `i` has for `target`; 0 of none. onnxruntime takes the first weight of a leaf
/// where there is one target, and adds all of them else.
double WeightOf(const Ensemble& ensemble, std::size_t i, std::uint32_t target);

/// All trees of `ensembles`, in order, over the columns that `map` describes, which are as many as
/// the nodes ask for. onnxruntime adds base values after the trees, and a model file that sums
/// starts from its base: there they are trees of one leaf behind the others. `n_bytes` is the size
/// of the file, which bounds memory.
Result<ForestParts> AssembleTrees(const std::vector<Ensemble>& ensembles, const Layout& layout,
                                  const InputMap& map, std::size_t n_bytes,
                                  const std::vector<double>& base);

}  // namespace copse::importer::onnx
