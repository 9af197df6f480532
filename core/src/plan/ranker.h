#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <variant>
#include <vector>

#include "kernels/rank_kernels.h"
#include "plan/columns.h"

namespace copse::plan {

/// Rows as a caller holds them: row-major, `n_features` apart, either floats or doubles.
struct RowBlock {
  const float* floats = nullptr;
  const double* doubles = nullptr;
  std::size_t n_features = 0;
  std::size_t n_rows = 0;

  RowBlock Sub(std::size_t first, std::size_t n) const {
    return {floats ? floats + first * n_features : nullptr,
            doubles ? doubles + first * n_features : nullptr, n_features, n};
  }
};

/// The keys of all features, as the loops search them.
template <class Key, class R>
struct RankSearch {
  std::vector<RankTree> trees;
  std::array<std::uint32_t, kRankLevelsMax + 1> ends{};
  std::vector<KeyBlock<Key>> blocks, heaps;
  RankLoops<Key, R> loops;

  RankTables<Key> tables() const { return {trees.data(), ends, blocks.data(), heaps.data()}; }
};

/// Turns rows into ranks, as R: std::uint8_t, std::uint16_t or std::uint32_t (rank_max must fit).
///
/// Immutable and safe to share. The kernels behind it are chosen for the processor when it is made.
template <class R>
class Ranker {
 public:
  /// Takes over the columns (all but `tests`, which are dropped).
  Ranker(Columns columns, Precision input, CategoryCast cast, const Forest& forest);

  std::size_t n_columns() const;
  std::size_t bytes() const;

  /// out [n_rows, stride], row-major, `stride` >= n_columns(); what lies behind n_columns() in a
  /// row is left alone.
  void RankRows(const RowBlock& rows, R* out, std::size_t stride) const;

  /// The same, columns first and signed: out[c * lanes + r] is the rank of row r in column c, minus
  /// half the range of R (so that the signed compare, one instruction everywhere, orders it).
  /// rows.n_rows <= lanes; lanes behind n_rows hold any valid rank.
  void RankLanes(const RowBlock& rows, std::make_signed_t<R>* out, std::size_t lanes) const;

 private:
  using Signed = std::make_signed_t<R>;
  std::size_t TableRow(const CategoryFeature& category, double x) const;
  template <class Number, class Ranks>
  void FinishRow(const Number* row, Ranks ranks) const;
  template <class Key, class Number>
  void RankTile(const RankSearch<Key, R>& search, const Number* rows, std::size_t n_features,
                std::size_t n_rows, std::size_t n, Signed* out, std::size_t lanes) const;

  std::size_t n_columns_;
  std::variant<RankSearch<float, R>, RankSearch<double, R>> search_;
  std::vector<RankedFeature> shared_;  ///< features that need more than the search
  std::vector<NumericColumn> numeric_;
  std::vector<CategoryFeature> categories_;
  std::vector<std::uint8_t> table_;
  Precision input_;
  CategoryCast cast_;
  const Forest* forest_;  ///< outlives every plan made of it
};

extern template class Ranker<std::uint8_t>;
extern template class Ranker<std::uint16_t>;
extern template class Ranker<std::uint32_t>;

}  // namespace copse::plan
