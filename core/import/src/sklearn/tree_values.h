#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "forest_assembler.h"
#include "pickle/pickle.h"
#include "sklearn/estimators.h"

/// The trees of scikit-learn: `sklearn.tree._tree.Tree`.
namespace copse::importer::sklearn {

/// What a pickled Tree holds. Reuse one object for all trees of a file: Read keeps the memory.
struct TreeValues {
  std::size_t n_features = 0;
  std::size_t n_outputs = 0;
  std::size_t n_classes_max = 0;        ///< numbers that a node has for each output
  std::vector<std::int64_t> n_classes;  ///< [n_outputs]; 1 where the output is a number
  std::vector<std::int64_t> left, right, feature, samples;  ///< [n]
  std::vector<double> threshold, cover;                     ///< [n]
  std::vector<double> impurity;                             ///< [n], or empty
  std::vector<std::int64_t> missing_left;  ///< [n], or empty before scikit-learn 1.3
  std::vector<double> values;              ///< [n, n_outputs, n_classes_max]

  /// Errors: kInvalidModel for what is damaged, kUnsupportedModel for fields of later versions;
  /// `called` begins the message. Trees that share an array with one that was read before are
  /// refused: a small file could name a large one a million times.
  Status Read(Value tree, std::string_view called);
  /// Whether the array is the first with these bytes.
  bool IsNew(const pickle::Array& array) { return seen_.insert(array.address()).second; }

  std::size_t n_nodes() const { return left.size(); }
  std::size_t width() const { return n_outputs * n_classes_max; }  ///< of a row of `values`
  bool is_leaf(std::size_t node) const { return left[node] == -1; }
  bool knows_missing() const { return !missing_left.empty(); }
  /// Features, outputs and classes without the nodes, and whether `other` has the same.
  TreeValues ShapeOnly() const;
  bool HasShapeOf(const TreeValues& other) const;

  /// Nodes, tests and covers of `source`, whose leaves are `leaf_width` zeros. `t` is the tree's
  /// number in messages.
  Status FillNodes(std::size_t t, std::size_t leaf_width, SourceTree& source) const;
  /// Gains of `source`, after FillNodes: the part of the root's weight that came to a node, times
  /// what its split took from the impurity; with `normalize`, all together 1.
  /// Source: sklearn/tree/_tree.pyx, compute_feature_importances.
  void FillGains(bool normalize, SourceTree& source) const;

 private:
  Result<pickle::Array> ArrayOf(Value tree, std::string_view name, std::string_view called);
  Status ReadNodes(const pickle::Array& nodes, std::string_view called);
  Status CheckShape(const std::vector<std::size_t>& shape, std::string_view called);

  std::set<const void*> seen_;
};

/// Trees read from files are asked for more features than this only by mistake or malice: the
/// number costs a file nothing, and a model a name for each.
inline constexpr std::size_t kTreeFeaturesMax = std::size_t{1} << 17;

/// Sum as NumPy adds a contiguous row, to the bit: in order below eight numbers, else in eight
/// sums side by side, and in halves above 128. Source: numpy/core/src/umath, pairwise_sum.
double NumpySum(std::span<const double> numbers);

/// `tree_` of each member, in order. Errors: NotFitted, kInvalidModel.
Result<std::vector<Value>> TreesOf(const Estimator& estimator, const std::vector<Value>& members);
/// The estimators in attribute `estimators_`, a list or an array in C order.
Result<std::vector<Value>> MembersOf(const Estimator& estimator);

/// Whether `member`, a tree or what it is a member of, takes missing values.
bool TakesMissing(const Estimator& estimator, Value member);

/// An assembler for what `estimator` stands on: with the map in front of it. `imported` gets the
/// features and how their numbers are read.
struct TreeShape {
  std::size_t n_features = 0;
  std::size_t n_outputs = 1;
  std::size_t leaf_width = 1;
};
Result<ForestAssembler> StartForest(const Estimator& estimator, const TreeShape& shape,
                                    Imported& imported);

}  // namespace copse::importer::sklearn
