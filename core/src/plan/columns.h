#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "copse/forest.h"

namespace copse::plan {

/// Consecutive trees of a forest: what one layout is compiled from.
struct TreeRange {
  std::size_t begin = 0, end = 0;
  std::size_t size() const { return end - begin; }
};

/// The question of an inner node, on ranks: right if and only if ranks[column] > rank.
struct NodeTest {
  std::uint32_t column = 0;
  std::uint32_t rank = 0;
};

/// One rank column of a numeric feature. All columns of a feature share its thresholds; they differ
/// in what a missing value becomes, because nodes of one feature may send it different ways.
struct NumericColumn {
  bool zero_is_missing = false;       ///< |x| <= 1e-35f is missing, like NaN
  std::uint32_t rank_of_missing = 0;  ///< 0: left everywhere; n_keys: right; rank of 0: NaN is zero
};

/// A feature that numeric nodes test: rank of x = how many of its keys are < x, so that
/// x <= key[k] if and only if rank <= k. Exact, whatever the width of the rank.
struct RankedFeature {
  std::uint32_t feature = 0;
  std::uint32_t key_begin = 0, n_keys = 0;         ///< rising, distinct, in `Columns::keys`
  std::uint32_t column_begin = 0, column_end = 0;  ///< its columns, in `Columns::numeric`
};

/// A feature that categorical nodes test: one 0/1 column for each distinct question (1 = right).
/// The table has a row of n_columns bytes for each category code [0, n_codes), then one each for:
/// no such code, NaN, a tiny negative x, a tiny positive x (|x| <= 1e-35f). Zero may be missing
/// too: it is like a tiny positive x, unless category_cast table gives it a code.
struct CategoryFeature {
  std::uint32_t feature = 0;
  std::uint32_t column_begin = 0, n_columns = 0;
  std::uint32_t n_codes = 0;
  std::size_t table_begin = 0;  ///< in `Columns::table`
};

/// Every question of a range of trees as `rank > k`: the nodes' thresholds, missing rules and
/// category sets are turned into columns, once, so that kernels never branch on them.
///
/// Columns [0, numeric.size()) are numeric, those behind them categorical.
struct Columns {
  std::vector<RankedFeature> ranked;
  std::vector<NumericColumn> numeric;
  std::variant<std::vector<float>, std::vector<double>> keys;  ///< as wide as the model's input
  std::vector<CategoryFeature> categories;
  std::vector<std::uint8_t> table;
  std::size_t n_columns = 0;
  std::uint32_t rank_max = 0;  ///< the largest rank that any row can have
  std::size_t first_node = 0;  ///< tests[i] is the question of node first_node + i
  std::vector<NodeTest> tests;

  /// Nothing where ranks cannot say it within bounds (a NaN threshold, category tables larger than
  /// `table_bytes_max`, more than 2^32 - 2 keys): the plain walk stays.
  static std::optional<Columns> Compile(const Forest& forest, TreeRange trees,
                                        std::size_t table_bytes_max);

  const NodeTest& test(std::size_t node) const { return tests[node - first_node]; }
};

}  // namespace copse::plan
