#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "copse/link.h"
#include "copse/model.h"
#include "copse/result.h"
#include "onnx/proto.h"

namespace copse::importer::onnx {

/// What a node asks of x; the numbers are those of TreeEnsemble 5.
enum class Mode : std::uint8_t { kLeq, kLt, kGte, kGt, kEq, kNeq, kMember, kLeaf };
enum class Aggregate : std::uint8_t { kAverage, kSum, kMin, kMax };
enum class Post : std::uint8_t { kNone, kSoftmax, kLogistic, kSoftmaxZero, kProbit };

/// One TreeEnsembleClassifier, TreeEnsembleRegressor or TreeEnsemble, its lists checked against one
/// another. Nodes of a tree stand together, the root first; whether they make a tree is not known
/// yet. A leaf has any number of (target, weight).
struct Ensemble {
  bool is_classifier = false;
  Precision width = Precision::kFloat32;  ///< of thresholds, weights and sums, as of the input
  std::vector<std::uint32_t> tree_begin;  ///< [T+1]
  std::vector<Mode> mode;                 ///< [n]
  std::vector<std::uint32_t> feature;     ///< [n]
  std::vector<double> value;              ///< [n]
  std::vector<std::uint8_t> nan_is_true;  ///< [n]
  std::vector<std::int32_t> if_true, if_false;  ///< [n] positions in these lists; -1 of a leaf

  std::vector<std::uint32_t> weight_begin;  ///< [n+1] weights of a leaf, in the file's order
  std::vector<std::uint32_t> target;        ///< of a weight
  std::vector<double> weight;
  std::vector<std::uint32_t> member_begin;  ///< [n+1] values of kMember nodes, or empty
  std::vector<double> member;

  std::size_t n_targets = 0;  ///< or classes
  Aggregate aggregate = Aggregate::kSum;
  Post post = Post::kNone;
  std::vector<double> base;
  /// Over all weights, also those that the file gives to nodes that are no leaves: onnxruntime
  /// looks at these too when it decides what two classes mean.
  bool has_negative_weight = false;
  bool weighs_class[2] = {false, false};
  std::vector<std::string> labels;
  LabelType label_type = LabelType::kInteger;
  bool is_v5 = false;
  bool has_odd_root = false;  ///< a root that onnxruntime to 1.23 takes for a leaf, by mistake

  std::size_t n_nodes() const { return mode.size(); }
  std::size_t n_trees() const { return tree_begin.size() - 1; }
  std::size_t n_features() const;  ///< one more than the largest that a node tests
  std::string_view name() const;   ///< "TreeEnsembleClassifier", ...
};

/// Whether `node` is one of the three.
bool IsEnsemble(const Node& node);

/// Reads it; `input` is the type of its input tensor.
/// Errors: kInvalidModel, kUnsupportedModel, kTooLarge.
Result<Ensemble> ReadEnsemble(const Node& node, ElementType input);

/// The two ways in which the lists are written: since ai.onnx.ml 1, and since 5.
Result<Ensemble> ReadListedNodes(const Node& node, ElementType input);
Result<Ensemble> ReadLinkedNodes(const Node& node, ElementType input);

}  // namespace copse::importer::onnx
