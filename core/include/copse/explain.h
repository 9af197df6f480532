#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "copse/model.h"
#include "copse/result.h"

namespace copse {

/// How a margin is divided among the features. The numbers are those of the C door.
enum class ExplainMethod : std::int32_t {
  kTreeShap = 0,  ///< exact Shapley values of the path-dependent expectation
  kSaabas = 1,    ///< what the expectation changes by at each split of the row's own path
};
/// "treeshap" "saabas", or kInvalidInput naming both.
Result<ExplainMethod> ExplainMethodFromName(std::string_view name);
std::string_view ExplainMethodName(ExplainMethod method);

namespace explain {
class TreeShap;
struct Expectations;
}  // namespace explain

/// Divides margins among features: contributions and a base that add up to the margin.
///
/// The expectation of a tree over what a row does not say follows both children of a split, weighed
/// by their covers (the training weight that came through), as in TreeSHAP's `tree_path_dependent`.
/// Where both children have cover 0, each counts half.
///
///   trees that are added or averaged   contributions in the unit of the margin before the link (an
///                                      isolation forest's: average path length)
///   linear model                       coefficient times value; the base is the intercept (the
///                                      convention of XGBoost's gblinear)
///   linear leaves; min, max; no covers; infinite leaves   refused: see Create
///
/// Sums: |contributions + base - margin| <= 1e-9 times the sum of their magnitudes. Where trees are
/// added in float32, what the engine's rounding makes of the sum belongs to no feature; it is given
/// to the largest contribution of the row, so that the sums hold there too.
///
/// Same bits natively and in WebAssembly. Immutable; safe to share between threads.
class Explainer {
 public:
  /// `model` must outlive the explainer, and stay where it is. Takes time and memory in the order
  /// of the nodes; with kSaabas of the nodes times the leaf width.
  ///
  /// Errors: kInvalidInput where the notion is not defined for this model (no covers in its file;
  /// linear leaves, as LightGBM refuses them; the smallest or largest of trees; leaves that are not
  /// finite); kTooLarge where one path tests more than 512 different features.
  static Result<Explainer> Create(const Model& model,
                                  ExplainMethod method = ExplainMethod::kTreeShap);
  /// Whether the notion is defined for this model: the first errors of Create, at once.
  static Status Check(const Model& model);
  Explainer(Explainer&&) noexcept;
  Explainer& operator=(Explainer&&) noexcept;
  ~Explainer();

  /// Numbers of one row: n_margins() * (n_features() + 1).
  std::size_t columns() const;
  /// [n_margins()] the margin to be expected without knowing anything of a row.
  std::span<const double> base() const { return base_; }
  /// About how many multiplications a row takes: what a caller may bound.
  std::uint64_t cost() const { return cost_; }

  /// Contributions [n_rows, n_margins(), n_features() + 1] of `rows` [n_rows, n_features()]; the
  /// last of each output is its base. Rows must have passed Model::CheckRows.
  void Explain(std::span<const double> rows, std::span<double> out) const;

 private:
  Explainer(const Model& model, ExplainMethod method);
  Status Compile();
  void Finish(const double* row, std::span<double> out) const;
  void ExplainLinear(const double* row, std::span<double> out) const;
  void CloseFloatSums(const double* row, std::span<double> out) const;

  const Model* model_;
  ExplainMethod method_;
  std::vector<double> base_;
  std::uint64_t cost_ = 0;
  std::unique_ptr<explain::TreeShap> tree_shap_;         // of kTreeShap
  std::unique_ptr<explain::Expectations> expectations_;  // of kSaabas
};

/// One node on the way from a root to a leaf.
struct PathStep {
  std::uint32_t node = 0;  ///< counted inside its tree
  std::uint32_t feature = 0;
  bool left = false;
  bool missing = false;  ///< the value is missing by the node's rule
};

/// The way of one row through one tree.
struct TreePath {
  std::vector<PathStep> steps;
  /// The leaf's place among those of its tree: in the order of the nodes that they hang on, left
  /// before right.
  std::uint32_t place = 0;
  std::uint32_t leaf = 0;  ///< its number in the file (see ForestParts)
  /// [leaf_width] what the tree adds to the margins; of averages, divided by the number of trees.
  std::vector<double> values;
};

/// Which way `row` [n_features()] goes in `tree`: the walk of Forest::PredictMargins, told.
TreePath DecisionPath(const Forest& forest, std::size_t tree, std::span<const double> row);

/// One tree as a drawing needs it. Nodes and leaves are counted inside the tree; a leaf that the
/// file shares stands at each of its places.
struct TreeView {
  std::vector<std::uint32_t> feature;              ///< [n_nodes]
  std::vector<double> threshold;                   ///< [n_nodes] x <= threshold goes left
  std::vector<std::int32_t> left, right;           ///< [n_nodes] node, or ~place of a leaf
  std::vector<std::uint8_t> flags;                 ///< [n_nodes] node_flags
  std::vector<double> cover, leaf_cover;           ///< [n_nodes], [n_leaves], or empty
  std::vector<double> leaf_values;                 ///< [n_leaves, leaf_width] as in the file
  std::vector<std::vector<std::uint32_t>> listed;  ///< [n_nodes] categories, or empty
  std::optional<std::uint32_t> output;             ///< of a tree that adds to one of several
};
TreeView ViewTree(const Forest& forest, std::size_t tree);

/// How much the trees use each feature, by what the file knows: each [n_features()].
struct Importances {
  std::vector<double> splits;  ///< nodes that test it
  std::vector<double> cover;   ///< training weight that came to them; empty without covers
  /// What they improved, as the engine counts it (docs/FORMAT.md); empty where the file says
  /// nothing.
  std::vector<double> gain;
};
/// All 0 for a linear model, which has no splits.
Importances ImportancesOf(const Model& model);

}  // namespace copse
