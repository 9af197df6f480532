#include "bench_models.h"

#include <string_view>
#include <utility>

#include "covered_forest.h"
#include "loaded_model.h"
#include "model_parts.h"
#include "random_forest.h"

namespace copse {
namespace {

using test::ForestSpec;

constexpr std::string_view kMade = "made:";

// Sixty-four leaves a tree, as gradient boosting with histograms makes them.
ForestSpec Boosted(std::size_t n_trees, std::size_t n_thresholds) {
  ForestSpec spec;
  spec.n_features = 28;
  spec.n_trees = n_trees;
  spec.nodes_max = 63;
  spec.depth_max = 6;
  spec.full = spec.all_thresholds = true;
  spec.n_thresholds = n_thresholds;
  spec.float_thresholds = spec.float_leaves = true;
  spec.rules = {.input = Precision::kFloat32, .accumulate = Precision::kFloat32};
  return spec;
}

ForestSpec Wide() {
  ForestSpec spec;
  spec.n_features = 300;
  spec.n_trees = 100;
  spec.nodes_max = 2000;
  spec.depth_max = 24;
  spec.full = spec.all_thresholds = true;
  spec.n_thresholds = 600;
  return spec;
}

Result<ForestSpec> SpecOf(std::string_view shape) {
  if (shape == "boosted") return Boosted(500, 250);
  if (shape == "grouped") return Boosted(150, 900);
  if (shape == "wide") return Wide();
  return Error{ErrorCode::kInvalidInput, "the shapes are boosted, grouped and wide"};
}

}  // namespace

Result<BenchModel> LoadBenchModel(const std::string& spec) {
  if (spec.rfind(kMade, 0) == 0) {
    const std::string shape = spec.substr(kMade.size());
    const auto found = SpecOf(shape);
    if (!found.ok()) return found.error();
    test::Dice dice(1);
    const Forest forest = test::MakeForest(*found, dice);
    auto model = test::MakeModel(test::ModelOf(forest.parts(), forest.rules()));
    return BenchModel{shape, std::make_shared<const Model>(std::move(model))};
  }
  const auto loaded = LoadModel(spec);
  if (!loaded.ok()) return loaded.error();
  if ((*loaded)->model.forest() == nullptr) {
    return Error{ErrorCode::kInvalidInput, spec + " has no trees"};
  }
  return BenchModel{(*loaded)->name, {*loaded, &(*loaded)->model}};
}

}  // namespace copse
