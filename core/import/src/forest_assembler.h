#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "copse/forest.h"
#include "copse/result.h"
#include "input_map.h"
#include "leaf_rows.h"
#include "text.h"

namespace copse::importer {

/// Categories of one split, in the numbers that rows hold (or in positions of the feature's table).
struct CategorySet {
  std::uint32_t node = 0;                  ///< of the source; sets come in rising order of node
  std::vector<std::uint32_t> words;        ///< bit b of word w lists category 32 w + b
  std::vector<std::uint32_t> known_words;  ///< categories seen in training; empty: not known
};

/// constant + sum of coefficient x in one leaf (LightGBM's linear trees).
struct LinearTerms {
  std::uint32_t node = 0;  ///< of the source; in rising order
  double constant = 0;
  std::vector<std::uint32_t> features;
  std::vector<double> coefs;
};

/// One tree as its source numbers it: inner nodes and leaves in one numbering 0 .. n-1.
///
/// Reuse one object for all trees of a file: Reset keeps the memory.
struct SourceTree {
  std::vector<std::int32_t> left, right;  ///< [n] node numbers; a leaf has -1 in `left`
  std::vector<std::uint32_t> feature;     ///< [n] of inner nodes
  std::vector<double> threshold;          ///< [n] of inner nodes: x <= threshold goes left
  std::vector<std::uint8_t> flags;        ///< [n] node_flags of inner nodes
  std::vector<double> leaf_value;         ///< [n, leaf_width] rows of leaves
  std::vector<double> cover;              ///< [n] training weight, or empty
  std::vector<double> gain;               ///< [n] of inner nodes: what a split improved, or empty
  std::vector<std::uint32_t> leaf_id;     ///< [n] or empty: the node's own number
  std::vector<CategorySet> sets;
  std::vector<LinearTerms> linear;  ///< of no leaf, or of every leaf
  std::uint32_t root = 0;
  std::uint32_t output = 0;  ///< column that the tree adds to (leaf_width 1)

  /// n nodes, all zero (children -1), no sets, no gains.
  void Reset(std::size_t n, std::size_t leaf_width, bool has_cover);
};

/// Largest float not above `threshold`: for every float x, x <= threshold if and only if
/// x <= RoundDownToFloat(threshold). Source: sklearn/tree/_tree.pyx.
float RoundDownToFloat(double threshold);
/// Largest float (double) below `threshold`: x < threshold if and only if x <= BelowFloat(...).
float BelowFloat(float threshold);
double BelowDouble(double threshold);

/// Puts trees of a source together as ForestParts: what is reachable from each root, nodes in the
/// source's order where children follow their parents (else in the order of a walk, left first),
/// equal leaf rows stored once.
class ForestAssembler {
 public:
  struct Shape {
    std::size_t n_features = 0;  ///< that the trees ask for
    std::size_t n_outputs = 1;
    std::size_t leaf_width = 1;                 ///< 1 or n_outputs
    Precision threshold = Precision::kFloat32;  ///< width in the file
    Precision leaf = Precision::kFloat64;
    bool leaf_ids = false;
  };
  explicit ForestAssembler(Shape shape);

  /// Rows reach the trees through `map`, which is folded into thresholds and defaults: see
  /// input_map.h. Before the first tree.
  void SetInputMap(InputMap map);

  /// Adds a tree. Errors: kInvalidModel for a child out of range, a node reached twice, a feature
  /// out of range; the message begins with `tree T: `.
  Status Add(const SourceTree& tree);

  std::size_t n_trees() const { return parts_.tree_root.size(); }

  /// The forest, with `base` [n_outputs] in the leaves' width. Covers are stored as float32 where
  /// that is exact, and those of nodes only where they are not the sums of their children's. Gains
  /// are added up by column, and kept where every tree with splits has them.
  ForestParts Take(const std::vector<double>& base);

 private:
  Error Refuse(std::initializer_list<text::Piece> pieces) const;
  Status CheckSizes(const SourceTree& tree) const;
  Status Order(const SourceTree& tree);
  void Number(const SourceTree& tree);
  Status AppendNode(const SourceTree& tree, std::uint32_t node);
  Status AppendMapped(const SourceTree& tree, std::uint32_t node);
  Status AppendSet(const SourceTree& tree, std::uint32_t node);
  Status AppendLeaf(const SourceTree& tree, std::uint32_t node);
  Status AppendLinear(const SourceTree& tree, std::uint32_t node);
  void StartLinear();
  void AppendCover(const SourceTree& tree);
  void TakeCovers();
  void AddGains(const SourceTree& tree);
  void TakeGains();

  Shape shape_;
  ForestParts parts_;
  std::optional<InputMap> map_;
  LeafRows rows_;
  std::vector<double> threshold_, node_cover_, leaf_cover_;
  bool has_cover_ = true, cover_is_sum_ = true;
  std::vector<double> gain_;  // [n_features of rows]
  bool has_gain_ = true;
  // Scratch of one tree: reachable nodes in their order, whether a node was seen, its number
  // (inner node, or ~leaf), nodes to be looked at, one leaf row.
  std::vector<std::uint32_t> order_, stack_;
  std::vector<std::uint8_t> seen_;
  std::vector<std::int32_t> number_;
  std::vector<double> row_;
};

}  // namespace copse::importer
