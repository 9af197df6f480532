#include "plan/ranker.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "walk.h"

namespace copse::plan {
namespace {

constexpr double kAlmostZero = 1e-35f;

template <class Key>
std::uint32_t RankOf(std::span<const Key> keys, Key x) {
  return static_cast<std::uint32_t>(std::lower_bound(keys.begin(), keys.end(), x) - keys.begin());
}

}  // namespace

// The row of its feature's table that `x` has (CategoryFeature).
template <class R>
std::size_t Ranker<R>::TableRow(const CategoryFeature& category, double x) const {
  if (x != x) return std::size_t{category.n_codes} + 1;
  const std::uint32_t code = walk::CategoryCode(*forest_, category.feature, x);
  const bool tiny = x >= -kAlmostZero && x <= kAlmostZero;
  if (tiny && !(cast_ == CategoryCast::kTable && code < category.n_codes)) {
    return std::size_t{category.n_codes} + (x < 0 ? 2 : 3);
  }
  return std::min(code, category.n_codes);
}

template <class R>
template <class Number, class Put>
void Ranker<R>::RankRow(const Number* row, Put put) const {
  const auto with_keys = [&]<class Key>(const std::vector<Key>& keys) {
    for (const RankedFeature& feature : columns_.ranked) {
      const Key x = static_cast<Key>(row[feature.feature]);
      const bool nan = x != x;
      const bool zero = x >= -static_cast<Key>(1e-35f) && x <= static_cast<Key>(1e-35f);
      const std::uint32_t rank =
          RankOf(std::span(keys).subspan(feature.key_begin, feature.n_keys), x);
      for (std::size_t c = feature.column_begin; c < feature.column_end; ++c) {
        const NumericColumn& column = columns_.numeric[c];
        const bool missing = nan || (zero && column.zero_is_missing);
        put(c, static_cast<R>(missing ? column.rank_of_missing : rank));
      }
    }
    for (const CategoryFeature& category : columns_.categories) {
      const std::size_t at = TableRow(category, static_cast<Key>(row[category.feature]));
      const std::uint8_t* bytes = &columns_.table[category.table_begin + at * category.n_columns];
      for (std::size_t c = 0; c < category.n_columns; ++c) put(category.column_begin + c, bytes[c]);
    }
  };
  if (const auto* floats = std::get_if<std::vector<float>>(&columns_.keys)) {
    with_keys(*floats);
  } else {
    with_keys(*std::get_if<std::vector<double>>(&columns_.keys));
  }
}

template <class R>
Ranker<R>::Ranker(Columns columns, Precision input, CategoryCast cast, const Forest& forest)
    : columns_(std::move(columns)), cast_(cast), forest_(&forest) {
  assert(std::holds_alternative<std::vector<float>>(columns_.keys) ==
         (input == Precision::kFloat32));
  assert(columns_.rank_max <= std::numeric_limits<R>::max());
  static_cast<void>(input);
  columns_.tests = {};
}

template <class R>
std::size_t Ranker<R>::n_columns() const {
  return columns_.n_columns;
}

template <class R>
std::size_t Ranker<R>::bytes() const {
  return columns_.bytes();
}

template <class R>
void Ranker<R>::RankRows(const RowBlock& rows, R* out, std::size_t stride) const {
  for (std::size_t r = 0; r < rows.n_rows; ++r) {
    const auto put = [&](std::size_t c, R rank) { out[r * stride + c] = rank; };
    if (rows.floats != nullptr) {
      RankRow(rows.floats + r * rows.n_features, put);
    } else {
      RankRow(rows.doubles + r * rows.n_features, put);
    }
  }
}

template <class R>
void Ranker<R>::RankLanes(const RowBlock& rows, std::make_signed_t<R>* out,
                          std::size_t lanes) const {
  using Signed = std::make_signed_t<R>;
  constexpr R kHalf = R{1} << (std::numeric_limits<R>::digits - 1);
  for (std::size_t r = 0; r < lanes; ++r) {
    const auto put = [&](std::size_t c, R rank) {
      out[c * lanes + r] = static_cast<Signed>(static_cast<R>(rank ^ kHalf));
    };
    const std::size_t from = std::min(r, rows.n_rows - 1);  // any valid rank will do
    if (rows.floats != nullptr) {
      RankRow(rows.floats + from * rows.n_features, put);
    } else {
      RankRow(rows.doubles + from * rows.n_features, put);
    }
  }
}

template class Ranker<std::uint8_t>;
template class Ranker<std::uint16_t>;
template class Ranker<std::uint32_t>;

}  // namespace copse::plan
