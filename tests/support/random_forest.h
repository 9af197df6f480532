#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "copse/forest.h"
#include "dice.h"

/// Forests and rows in which everything is odd that may be odd, for the proof that all layouts
/// answer the same bits.
namespace copse::test {

/// Where a tree grows its next node.
enum class Growth : std::uint8_t {
  kLevels,    ///< at its oldest open end: level by level
  kBranches,  ///< at its newest: chains, or complete trees in depth-first order
  kAnywhere,
};

/// Which missing rules and default ways nodes have.
enum class MissingMix : std::uint8_t { kOne, kAnyWay, kAnything };

/// What a random forest is to be like. Numbers are the most that it has.
struct ForestSpec {
  std::size_t n_features = 4;
  std::size_t n_trees = 10;
  std::size_t nodes_max = 15;  ///< of one tree
  std::size_t depth_max = 6;
  Growth growth = Growth::kAnywhere;
  bool full = false;             ///< all trees have nodes_max nodes, if depth_max lets them
  std::size_t n_thresholds = 8;  ///< distinct ones of a feature
  /// As many of them as there are, in order, instead of any: so that all are there.
  bool all_thresholds = false;
  MissingMix missing = MissingMix::kOne;
  std::size_t n_outputs = 1;
  bool vector_leaves = false;  ///< with more than one output
  bool pure_leaves = false;    ///< most of these are 1 for a class and 0 elsewhere
  bool shared_leaves = false;
  bool linear_leaves = false;  ///< of leaves with one value
  bool float_thresholds = false, float_leaves = false;
  std::size_t categorical_percent = 0;  ///< of the nodes
  bool known_categories = false;
  Forest::Rules rules = {};
};

/// Any of all that forests can be, small enough to try many.
ForestSpec RandomSpec(Dice& dice);

/// Ends the program where Forest::Create refuses what was made: that is a mistake of the maker.
Forest MakeForest(const ForestSpec& spec, Dice& dice);

/// Numbers at which arithmetic changes its ways; NaN is none of them.
const std::vector<double>& OddNumbers();
/// Any number but NaN.
double AnyNumber(Dice& dice);
/// A multiple of 0.25 in [-10, 10].
double Quarters(Dice& dice);

/// Rows [n_rows, n_features()] whose values lie on, below and above the forest's thresholds, are
/// its categories or none, missing, infinite, almost zero, or anything at all.
std::vector<double> MakeRows(const Forest& forest, std::size_t n_rows, Dice& dice);

/// The same numbers as floats; those beyond them become infinite.
std::vector<float> Narrowed(const std::vector<double>& rows);

}  // namespace copse::test
