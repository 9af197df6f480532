#include "plan/ranker.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <limits>
#include <span>
#include <utility>

#include "walk.h"

namespace copse::plan {
namespace {

constexpr double kAlmostZero = 1e-35f;
constexpr std::size_t kBlockKeys = 16;
constexpr std::size_t kTileRows = 256;
template <class Key>
constexpr Key kInfinity = std::numeric_limits<Key>::infinity();

std::size_t Over(std::size_t n, std::size_t per) { return (n + per - 1) / per; }

std::size_t HeightOf(std::size_t n_keys) {
  std::size_t height = 1;
  for (std::size_t blocks = Over(n_keys, kBlockKeys); blocks > 1; ++height) {
    blocks = Over(blocks, kBlockKeys);
  }
  return height;
}

// One level above the lowest; a child of it holds `span` keys. Of the last child there is no
// largest key: whatever is beyond the others is in there.
template <class Key>
void AddInnerLevel(std::span<const Key> keys, std::size_t span,
                   std::vector<KeyBlock<Key>>& blocks) {
  for (std::size_t first = 0; first < keys.size(); first += kBlockKeys * span) {
    KeyBlock<Key>& block = blocks.emplace_back();
    for (std::size_t i = 0; i < kBlockKeys; ++i) {
      const std::size_t end = first + (i + 1) * span;
      const bool is_last = i + 1 == kBlockKeys || end >= keys.size();
      block.keys[i] = is_last ? kInfinity<Key> : keys[end - 1];
    }
  }
}

template <class Key>
void AddLowestLevel(std::span<const Key> keys, std::vector<KeyBlock<Key>>& blocks) {
  for (std::size_t first = 0; first < keys.size(); first += kBlockKeys) {
    KeyBlock<Key>& block = blocks.emplace_back();
    for (std::size_t i = 0; i < kBlockKeys; ++i) {
      block.keys[i] = first + i < keys.size() ? keys[first + i] : kInfinity<Key>;
    }
  }
}

// Place q of level l is the key in the middle of the q-th of 2^l parts.
template <class Key>
void AddHeap(std::span<const Key> keys, std::vector<KeyBlock<Key>>& heaps) {
  const std::size_t levels = std::max(static_cast<int>(std::bit_width(keys.size())), 3);
  const std::size_t begin = heaps.size();
  heaps.resize(begin + Over(std::size_t{1} << levels, kBlockKeys));
  for (std::size_t b = begin; b < heaps.size(); ++b) {
    std::fill_n(heaps[b].keys, kBlockKeys, kInfinity<Key>);
  }
  for (std::size_t level = 0; level < levels; ++level) {
    const std::size_t n = std::size_t{1} << level, part = std::size_t{1} << (levels - level);
    for (std::size_t q = 0; q < n; ++q) {
      const std::size_t key = q * part + part / 2 - 1, place = n + q;
      if (key >= keys.size()) break;
      heaps[begin + place / kBlockKeys].keys[place % kBlockKeys] = keys[key];
    }
  }
}

template <class Key, class R>
RankSearch<Key, R> MakeSearch(const Columns& columns, const std::vector<Key>& keys) {
  RankSearch<Key, R> search;
  search.loops = std::get<RankLoops<Key, R>>(ChosenRankKernels());
  search.trees.reserve(columns.ranked.size());
  search.blocks.reserve(Over(keys.size(), kBlockKeys) + 2 * columns.ranked.size());
  for (std::size_t height = 1; height <= kRankLevelsMax; ++height) {
    for (const RankedFeature& feature : columns.ranked) {
      if (HeightOf(feature.n_keys) != height) continue;
      RankTree tree{.feature = feature.feature,
                    .column = feature.column_begin,
                    .rank_of_missing = columns.numeric[feature.column_begin].rank_of_missing,
                    .n_keys = feature.n_keys};
      const auto own = std::span(keys).subspan(feature.key_begin, feature.n_keys);
      for (std::size_t level = 0; level < height; ++level) {
        tree.level[level] = static_cast<std::uint32_t>(search.blocks.size());
        const std::size_t below = height - 1 - level;
        if (below > 0) AddInnerLevel(own, std::size_t{1} << (4 * below), search.blocks);
        if (below == 0) AddLowestLevel(own, search.blocks);
      }
      if (feature.n_keys <= search.loops.heap_keys_max) {
        tree.heap = static_cast<std::uint32_t>(search.heaps.size());
        AddHeap(own, search.heaps);
      }
      search.trees.push_back(tree);
    }
    search.ends[height] = static_cast<std::uint32_t>(search.trees.size());
  }
  search.blocks.shrink_to_fit();
  return search;
}

template <class R>
using Search = std::variant<RankSearch<float, R>, RankSearch<double, R>>;

template <class R>
Search<R> MakeSearch(const Columns& columns) {
  if (const auto* floats = std::get_if<std::vector<float>>(&columns.keys)) {
    return MakeSearch<float, R>(columns, *floats);
  }
  return MakeSearch<double, R>(columns, *std::get_if<std::vector<double>>(&columns.keys));
}

// Calls `use` with the search of the width that the model reads.
template <class R, class Use>
auto WithSearch(const Search<R>& search, Use use) {
  if (const auto* floats = std::get_if<RankSearch<float, R>>(&search)) return use(*floats);
  return use(*std::get_if<RankSearch<double, R>>(&search));
}

// Calls `use` with the pointer to the cells of `rows`.
template <class Use>
void WithCells(const RowBlock& rows, Use use) {
  rows.floats != nullptr ? use(rows.floats) : use(rows.doubles);
}

// Where the ranks of a row are, as RankRows or as RankLanes has them.
template <class R>
struct RowRanks {
  R* ranks;
  std::uint32_t Get(std::size_t column) const { return ranks[column]; }
  void Set(std::size_t column, std::uint32_t rank) const { ranks[column] = static_cast<R>(rank); }
};

template <class R>
struct LaneRanks {
  std::make_signed_t<R>* ranks;
  std::size_t lanes;
  static constexpr R kHalf = R{1} << (std::numeric_limits<R>::digits - 1);

  std::uint32_t Get(std::size_t column) const {
    return static_cast<R>(static_cast<R>(ranks[column * lanes]) ^ kHalf);
  }
  void Set(std::size_t column, std::uint32_t rank) const {
    ranks[column * lanes] =
        static_cast<std::make_signed_t<R>>(static_cast<R>(static_cast<R>(rank) ^ kHalf));
  }
};

// The values of a feature side by side. Written out eight at a time: g++ makes one loop of it that
// is half as fast.
template <class Number, class Key>
void Gather(const Number* from, std::size_t stride, std::size_t n, Key* values) {
  std::size_t r = 0;
  for (; r + 8 <= n; r += 8, from += 8 * stride) {
    Number x[8];
    for (std::size_t i = 0; i < 8; ++i) x[i] = from[i * stride];
    for (std::size_t i = 0; i < 8; ++i) values[r + i] = static_cast<Key>(x[i]);
  }
  for (; r < n; ++r, from += stride) values[r] = static_cast<Key>(*from);
}

// So many rows at a time that they stay in the innermost cache while each feature is gathered.
template <class Number>
std::size_t RowsAtOnce(std::size_t n_features) {
  return n_features * sizeof(Number) <= 128 ? kTileRows : kRankLanes;
}

bool IsAlmostZero(double x) { return x >= -kAlmostZero && x <= kAlmostZero; }

}  // namespace

template <class R>
Ranker<R>::Ranker(Columns columns, Precision input, CategoryCast cast, const Forest& forest)
    : n_columns_(columns.n_columns),
      search_(MakeSearch<R>(columns)),
      categories_(std::move(columns.categories)),
      table_(std::move(columns.table)),
      input_(input),
      cast_(cast),
      forest_(&forest) {
  assert(std::holds_alternative<std::vector<float>>(columns.keys) ==
         (input == Precision::kFloat32));
  assert(columns.rank_max <= std::numeric_limits<R>::max());
  for (const RankedFeature& feature : columns.ranked) {
    const NumericColumn& first = columns.numeric[feature.column_begin];
    if (feature.column_end - feature.column_begin > 1 || first.zero_is_missing) {
      shared_.push_back(feature);
    }
  }
  if (!shared_.empty()) numeric_ = std::move(columns.numeric);
}

template <class R>
std::size_t Ranker<R>::n_columns() const {
  return n_columns_;
}

template <class R>
std::size_t Ranker<R>::bytes() const {
  const std::size_t search_bytes = WithSearch<R>(search_, [](const auto& search) {
    return search.trees.size() * sizeof(RankTree) +
           (search.blocks.size() + search.heaps.size()) * sizeof(search.blocks[0]);
  });
  return search_bytes + shared_.size() * sizeof(RankedFeature) +
         numeric_.size() * sizeof(NumericColumn) + categories_.size() * sizeof(CategoryFeature) +
         table_.size();
}

// The row of its feature's table that `x` has (see CategoryFeature).
template <class R>
std::size_t Ranker<R>::TableRow(const CategoryFeature& category, double x) const {
  if (x != x) return std::size_t{category.n_codes} + 1;
  const std::uint32_t code = walk::CategoryCode(*forest_, category.feature, x);
  const bool has_own = cast_ == CategoryCast::kTable && code < category.n_codes;
  if (IsAlmostZero(x) && !has_own) return std::size_t{category.n_codes} + (x < 0 ? 2 : 3);
  return std::min(code, category.n_codes);
}

// What the loops leave: features with several columns (the loops wrote the rank into the first),
// zeros that are missing, and categories.
template <class R>
template <class Number, class Ranks>
void Ranker<R>::FinishRow(const Number* row, Ranks ranks) const {
  const auto read = [&](std::size_t feature) -> double {
    const Number x = row[feature];
    return input_ == Precision::kFloat32 ? static_cast<float>(x) : x;
  };
  for (const RankedFeature& feature : shared_) {
    const double x = read(feature.feature);
    const std::uint32_t rank = ranks.Get(feature.column_begin);
    for (std::size_t c = feature.column_begin; c < feature.column_end; ++c) {
      const bool missing = x != x || (numeric_[c].zero_is_missing && IsAlmostZero(x));
      ranks.Set(c, missing ? numeric_[c].rank_of_missing : rank);
    }
  }
  for (const CategoryFeature& category : categories_) {
    const std::size_t at = TableRow(category, read(category.feature));
    const std::uint8_t* bits = &table_[category.table_begin + at * category.n_columns];
    for (std::size_t c = 0; c < category.n_columns; ++c) {
      ranks.Set(category.column_begin + c, bits[c]);
    }
  }
}

template <class R>
void Ranker<R>::RankRows(const RowBlock& rows, R* out, std::size_t stride) const {
  WithSearch<R>(search_, [&](const auto& search) {
    if (rows.floats != nullptr) {
      search.loops.from_floats(search.tables(), rows.floats, rows.n_features, rows.n_rows, out,
                               stride);
    } else {
      search.loops.from_doubles(search.tables(), rows.doubles, rows.n_features, rows.n_rows, out,
                                stride);
    }
  });
  if (shared_.empty() && categories_.empty()) return;
  WithCells(rows, [&](const auto* cells) {
    for (std::size_t r = 0; r < rows.n_rows; ++r) {
      FinishRow(cells + r * rows.n_features, RowRanks<R>{out + r * stride});
    }
  });
}

// Ranks of `n` lanes, the first `n_rows` of which have a row.
template <class R>
template <class Key, class Number>
void Ranker<R>::RankTile(const RankSearch<Key, R>& search, const Number* rows,
                         std::size_t n_features, std::size_t n_rows, std::size_t n, Signed* out,
                         std::size_t lanes) const {
  alignas(64) Key values[kTileRows];
  alignas(64) Signed ranks[kTileRows];
  const std::size_t padded = Over(n, kRankLanes) * kRankLanes;
  std::fill(values + n_rows, values + padded, Key{0});
  for (std::size_t i = 0; i < search.trees.size(); ++i) {
    const RankTree& tree = search.trees[i];
    if (n_rows > 0) Gather(rows + tree.feature, n_features, n_rows, values);
    Signed* to = out + tree.column * lanes;
    search.loops.lanes(search.tables(), i, values, padded, padded == n ? to : ranks);
    if (padded != n) std::copy(ranks, ranks + n, to);
  }
}

template <class R>
void Ranker<R>::RankLanes(const RowBlock& rows, Signed* out, std::size_t lanes) const {
  WithSearch<R>(search_, [&](const auto& search) {
    WithCells(rows, [&]<class Number>(const Number* cells) {
      const std::size_t at_once = RowsAtOnce<Number>(rows.n_features);
      for (std::size_t first = 0; first < lanes; first += at_once) {
        const std::size_t n = std::min(at_once, lanes - first);
        const std::size_t n_rows = rows.n_rows > first ? std::min(n, rows.n_rows - first) : 0;
        RankTile(search, cells + std::min(first, rows.n_rows) * rows.n_features, rows.n_features,
                 n_rows, n, out + first, lanes);
      }
    });
  });
  if (shared_.empty() && categories_.empty()) return;
  WithCells(rows, [&](const auto* cells) {
    for (std::size_t r = 0; r < lanes; ++r) {
      const std::size_t from = r < rows.n_rows ? r : 0;  // behind the rows any valid rank will do
      FinishRow(cells + from * rows.n_features, LaneRanks<R>{out + r, lanes});
    }
  });
}

template class Ranker<std::uint8_t>;
template class Ranker<std::uint16_t>;
template class Ranker<std::uint32_t>;

}  // namespace copse::plan
