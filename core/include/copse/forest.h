#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "copse/link.h"
#include "copse/result.h"

namespace copse {

/// Numbers as wide as the file stores them.
using Reals = std::variant<std::vector<float>, std::vector<double>>;
std::size_t Count(const Reals& reals);
double At(const Reals& reals, std::size_t i);

/// Bits of `ForestParts::flags`, one byte a node.
namespace node_flags {
inline constexpr std::uint8_t kDefaultLeft = 1 << 0;  ///< missing goes left
inline constexpr std::uint8_t kCategorical = 1 << 1;
inline constexpr std::uint8_t kMissingRule = 3 << 2;  ///< one of the three below
inline constexpr std::uint8_t kMissingNan = 0 << 2;   ///< NaN is missing
inline constexpr std::uint8_t kNanIsZero = 1 << 2;    ///< NaN is read as 0; nothing is missing
inline constexpr std::uint8_t kMissingZero = 2 << 2;  ///< NaN or |x| <= 1e-35f is missing
inline constexpr std::uint8_t kListedRight = 1 << 4;  ///< a listed category goes right
inline constexpr std::uint8_t kAll = 0x1f;
}  // namespace node_flags

/// How trees are put together: added, averaged, or the smallest or largest of them taken.
enum class Aggregation : std::uint8_t { kSum, kMean, kMin, kMax };

/// How an engine turns a number into a category code before it looks into the set.
enum class CategoryCast : std::uint8_t {
  kNonNegative,  ///< x < 0 is no category; else the fraction is dropped (XGBoost, scikit-learn)
  kTruncate,     ///< the fraction is dropped first, so -0.5 is category 0 (LightGBM)
  kTable,        ///< the position of x in `category_value` of its feature; others are no category
};

/// The trees as the file holds them: the tensors of format version 1, unchecked.
///
/// T trees, M inner nodes, N leaves, L distinct leaf rows, V leaf width, K outputs, C categorical
/// nodes. An empty vector is an absent tensor.
struct ForestParts {
  std::size_t n_features = 0;
  std::vector<std::uint32_t> tree_begin;   ///< [T+1]
  std::vector<std::int32_t> tree_root;     ///< [T] node, or ~leaf
  std::vector<std::uint16_t> tree_output;  ///< [T] when V = 1 and K > 1
  std::vector<std::int32_t> left, right;   ///< [M] node, or ~leaf
  std::vector<std::uint32_t> feature;      ///< [M]
  Reals threshold;                         ///< [M] x <= threshold goes left
  std::vector<std::uint8_t> flags;         ///< [M] node_flags
  std::vector<std::uint32_t> leaf_row;     ///< [N], or empty when leaf n holds row n
  std::size_t leaf_width = 1;              ///< V: 1 or K
  Reals leaf_value;                        ///< [L, V]
  Reals base;                              ///< [K] margin of no trees
  Reals node_cover, leaf_cover;            ///< [M], [N] training weight, each or empty
  std::vector<std::uint32_t> cat_node;     ///< [C] increasing: the nodes with kCategorical
  std::vector<std::uint32_t> cat_begin;    ///< [C+1] words of set c
  std::vector<std::uint32_t> cat_words;    ///< bit b of word w lists category 32 w + b
  std::vector<std::uint32_t> known_begin, known_words;  ///< categories seen in training, or empty
  std::vector<std::uint32_t> category_begin;            ///< [F+1] values of a feature, or empty
  std::vector<double> category_value;                   ///< rising in each feature
  std::vector<std::uint32_t> linear_begin;              ///< [L+1] terms of a row, or empty
  std::vector<std::uint32_t> linear_feature;
  std::vector<double> linear_coef;
  std::vector<double> linear_const;    ///< [L]
  std::vector<std::uint32_t> leaf_id;  ///< [N] the engine's own leaf numbers, or empty
  std::vector<double> feature_gain;    ///< [F] what all splits on a feature gained, or empty
};

/// An immutable, checked ensemble of decision trees. Safe to share between threads.
///
/// Children follow their parent inside their own tree (checked), so every walk ends; several nodes
/// may end in one leaf. Trees are added in file order per row, in `accumulate`; nothing here
/// depends on the target.
class Forest {
 public:
  /// How the parts are to be read; all of it is in the file's metadata.
  struct Rules {
    Precision input = Precision::kFloat64;       ///< rows are cast to this before comparing
    Precision accumulate = Precision::kFloat64;  ///< width of the running sum
    Aggregation aggregation = Aggregation::kSum;
    CategoryCast category_cast = CategoryCast::kNonNegative;
    bool allow_nonfinite = false;  ///< leaves and base may be infinite or NaN
  };

  /// Checks rules 2 to 6 of the format (docs/FORMAT.md) and takes the parts over.
  /// Errors: kInvalidModel or kTooLarge, naming tensor, position and value.
  static Result<Forest> Create(ForestParts parts, Rules rules);

  const ForestParts& parts() const { return parts_; }
  const Rules& rules() const { return rules_; }
  std::size_t n_features() const { return parts_.n_features; }
  std::size_t n_outputs() const { return n_outputs_; }
  std::size_t n_trees() const { return parts_.tree_root.size(); }
  std::size_t n_nodes() const { return parts_.left.size(); }
  /// N, the leaves that the file numbers: nodes + trees, or another number where some are shared.
  std::size_t n_leaves() const { return n_leaves_; }
  /// Nodes on the longest way from a root to a leaf; 0 when every tree is one leaf.
  std::size_t max_depth() const { return max_depth_; }
  /// [K] trees that add to each output: the divisor of kMean.
  std::span<const double> trees_per_output() const { return trees_per_output_; }
  /// What the parts take in memory.
  std::size_t bytes() const;

  /// Margins [n_rows, n_outputs()] of `rows` [n_rows, n_features()], row-major; NaN is missing.
  ///
  /// base + sum of trees, base + sum / (trees that add to the output), or base + the smallest or
  /// largest tree. Float rows give the same bits as the same rows widened. Cannot fail: widths are
  /// checked where data comes in.
  void PredictMargins(std::span<const double> rows, std::span<double> margins) const;
  void PredictMargins(std::span<const float> rows, std::span<double> margins) const;

  /// The leaf [n_rows, n_trees()] that each row reaches in each tree: `leaf_id` where the file
  /// has it, else the leaf's number in the file.
  void FindLeaves(std::span<const double> rows, std::span<std::uint32_t> leaves) const;

 private:
  Forest(ForestParts parts, Rules rules) : parts_(std::move(parts)), rules_(rules) {}

  ForestParts parts_;
  Rules rules_;
  std::size_t n_outputs_ = 0;
  std::size_t n_leaves_ = 0;
  std::size_t max_depth_ = 0;
  std::vector<double> trees_per_output_;
};

}  // namespace copse
