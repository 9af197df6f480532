#include "plan/columns.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "at_once.h"
#include "walk.h"

namespace copse::plan {
namespace {

// LightGBM's kZeroThreshold, as forest.cc has it.
constexpr double kAlmostZero = 1e-35f;
// One that is missing under kMissingZero only.
constexpr double kTiny = 1e-36;

// What a numeric node makes of a missing value. Nodes of one feature that agree share a column.
enum MissingWay : std::uint32_t { kLeft, kRight, kAsZero, kZeroLeft, kZeroRight, kNWays };

MissingWay WayOf(std::uint8_t flags) {
  const bool left = (flags & node_flags::kDefaultLeft) != 0;
  switch (flags & node_flags::kMissingRule) {
    case node_flags::kNanIsZero:
      return kAsZero;
    case node_flags::kMissingZero:
      return left ? kZeroLeft : kZeroRight;
    default:
      return left ? kLeft : kRight;
  }
}

// A threshold of a node, in bits that rise with it. The way of the missing stands above the node's
// number, which limits::kNodesMax keeps below 2^28.
template <class Bits>
struct Item {
  Bits key;
  std::uint32_t node;
};
constexpr std::uint32_t kWayShift = 28;
constexpr std::uint32_t kNodeMask = (std::uint32_t{1} << kWayShift) - 1;

template <class Key>
using BitsOf = std::conditional_t<sizeof(Key) == 4, std::uint32_t, std::uint64_t>;

template <class Key>
BitsOf<Key> RisingBits(Key key) {
  constexpr auto kSign = BitsOf<Key>{1} << (8 * sizeof(Key) - 1);
  key += 0;  // -0.0 and 0.0 are one key
  BitsOf<Key> bits = 0;
  std::memcpy(&bits, &key, sizeof bits);
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

template <class Key>
Key FromRisingBits(BitsOf<Key> bits) {
  constexpr auto kSign = BitsOf<Key>{1} << (8 * sizeof(Key) - 1);
  bits = (bits & kSign) != 0 ? bits & ~kSign : ~bits;
  Key key = 0;
  std::memcpy(&key, &bits, sizeof key);
  return key;
}

// For every float x, x <= threshold if and only if x <= the largest float that is not above it.
template <class Key, class Threshold>
Key KeyOf(Threshold threshold) {
  const Key key = static_cast<Key>(threshold);
  return key > threshold ? std::nextafter(key, -std::numeric_limits<Key>::infinity()) : key;
}

// Sorts by key, eleven bits at a time from the lowest. `scratch` holds at least as many.
template <class Bits>
void Sort(std::span<Item<Bits>> items, std::vector<Item<Bits>>& scratch) {
  constexpr std::size_t kDigitBits = 11, kDigits = std::size_t{1} << kDigitBits;
  constexpr std::size_t kPasses = (8 * sizeof(Bits) + kDigitBits - 1) / kDigitBits;
  if (items.size() < kDigits / 4) {
    std::sort(items.begin(), items.end(), [](auto a, auto b) { return a.key < b.key; });
    return;
  }
  const auto digit = [](Bits key, std::size_t pass) {
    return static_cast<std::size_t>(key >> (pass * kDigitBits)) % kDigits;
  };
  std::vector<std::array<std::uint32_t, kDigits>> begins(kPasses);
  for (const Item<Bits>& item : items) {
    for (std::size_t pass = 0; pass < kPasses; ++pass) ++begins[pass][digit(item.key, pass)];
  }
  Item<Bits>* from = items.data();
  Item<Bits>* to = scratch.data();
  for (std::size_t pass = 0; pass < kPasses; ++pass) {
    auto& begin = begins[pass];
    if (begin[digit(items[0].key, pass)] == items.size()) continue;  // one digit for all
    std::uint32_t sum = 0;
    for (std::uint32_t& count : begin) sum += std::exchange(count, sum);
    for (std::size_t i = 0; i < items.size(); ++i) to[begin[digit(from[i].key, pass)]++] = from[i];
    std::swap(from, to);
  }
  if (from != items.data()) std::copy(from, from + items.size(), items.data());
}

// Calls `use` with the pointer to thresholds of the width that the file has.
template <class Use>
auto WithThresholds(const ForestParts& parts, Use use) {
  if (const auto* floats = std::get_if<std::vector<float>>(&parts.threshold)) {
    return use(floats->data());
  }
  return use(std::get_if<std::vector<double>>(&parts.threshold)->data());
}

// The numeric nodes [first, first + n) of a forest, feature by feature.
template <class Key>
struct NumericNodes {
  std::vector<std::size_t> begin;  // [features + 1]
  std::vector<Item<BitsOf<Key>>> items;
  std::size_t most = 0;  // of one feature

  std::span<Item<BitsOf<Key>>> of(std::size_t feature) {
    return std::span(items).subspan(begin[feature], begin[feature + 1] - begin[feature]);
  }
};

// Appends the numeric nodes [begin, end) to the items of their features, of which the next is at
// `at`. `first` is the number of the first node of all. False where a threshold is NaN.
template <class Key, class Threshold>
[[gnu::noinline]] bool AddItems(const ForestParts& parts, const Threshold* thresholds,
                                std::size_t first, std::size_t begin, std::size_t end,
                                std::size_t* at, Item<BitsOf<Key>>* items) {
  bool any_nan = false;
  for (std::size_t i = begin; i < end; ++i) {
    const std::uint8_t flags = parts.flags[i];
    if ((flags & node_flags::kCategorical) != 0) continue;
    any_nan |= thresholds[i] != thresholds[i];
    items[at[parts.feature[i]]++] = {RisingBits(KeyOf<Key>(thresholds[i])),
                                     static_cast<std::uint32_t>(i - first) | WayOf(flags)
                                                                                 << kWayShift};
  }
  return !any_nan;
}

// Nothing where a threshold is NaN.
template <class Key>
std::optional<NumericNodes<Key>> Gather(const ForestParts& parts, std::size_t first,
                                        std::size_t n) {
  NumericNodes<Key> nodes;
  nodes.begin.resize(parts.n_features + 1);
  for (std::size_t i = first; i < first + n; ++i) {
    if ((parts.flags[i] & node_flags::kCategorical) == 0) ++nodes.begin[parts.feature[i] + 1];
  }
  nodes.most = *std::max_element(nodes.begin.begin(), nodes.begin.end());
  for (std::size_t f = 0; f < parts.n_features; ++f) nodes.begin[f + 1] += nodes.begin[f];
  nodes.items.resize(nodes.begin.back());
  std::vector<std::size_t> at(nodes.begin.begin(), nodes.begin.end() - 1);
  const std::size_t end = first + n;
  const bool ok = WithThresholds(parts, [&](const auto* thresholds) {
    bool all_are_numbers = true;
    for (std::size_t i = first; i < end; i += kAtOnce) {
      all_are_numbers &= AddItems<Key>(parts, thresholds, first, i, std::min(i + kAtOnce, end),
                                       at.data(), nodes.items.data());
    }
    return all_are_numbers;
  });
  if (!ok) return std::nullopt;
  return nodes;
}

// The column of `way` among those of a feature that begin at `begin`: one that does the same with
// a missing value, or a new one.
std::uint32_t ColumnFor(MissingWay way, std::uint32_t n_keys, std::uint32_t rank_of_zero,
                        std::size_t begin, std::vector<NumericColumn>& columns) {
  NumericColumn column{.zero_is_missing = way == kZeroLeft || way == kZeroRight};
  if (way == kAsZero) column.rank_of_missing = rank_of_zero;
  if (way == kRight || way == kZeroRight) column.rank_of_missing = n_keys;
  for (std::size_t c = begin; c < columns.size(); ++c) {
    if (columns[c].zero_is_missing == column.zero_is_missing &&
        columns[c].rank_of_missing == column.rank_of_missing) {
      return static_cast<std::uint32_t>(c);
    }
  }
  columns.push_back(column);
  return static_cast<std::uint32_t>(columns.size() - 1);
}

// One feature: its sorted items become keys, columns and the tests of its nodes.
template <class Key>
void AddFeature(std::size_t feature, std::span<Item<BitsOf<Key>>> items, std::vector<Key>& keys,
                Columns& columns) {
  const std::size_t key_begin = keys.size();
  std::uint32_t ways = 0, n_keys = 0;
  BitsOf<Key> last = 0;
  for (auto& item : items) {
    if (n_keys == 0 || item.key != last) {
      last = item.key;
      keys.push_back(FromRisingBits<Key>(last));
      ++n_keys;
    }
    item.key = n_keys - 1;
    ways |= 1u << (item.node >> kWayShift);
  }
  const auto first_key = keys.begin() + static_cast<std::ptrdiff_t>(key_begin);
  const auto rank_of_zero =
      static_cast<std::uint32_t>(std::lower_bound(first_key, keys.end(), Key{0}) - first_key);
  const std::size_t column_begin = columns.numeric.size();
  std::array<std::uint32_t, kNWays> column_of{};
  for (std::uint32_t way = 0; way < kNWays; ++way) {
    if ((ways >> way & 1) == 0) continue;
    column_of[way] = ColumnFor(static_cast<MissingWay>(way), n_keys, rank_of_zero, column_begin,
                               columns.numeric);
  }
  for (const auto& item : items) {
    columns.tests[item.node & kNodeMask] = {column_of[item.node >> kWayShift],
                                            static_cast<std::uint32_t>(item.key)};
  }
  columns.ranked.push_back({static_cast<std::uint32_t>(feature),
                            static_cast<std::uint32_t>(key_begin), n_keys,
                            static_cast<std::uint32_t>(column_begin),
                            static_cast<std::uint32_t>(columns.numeric.size())});
  columns.rank_max = std::max(columns.rank_max, n_keys);
}

// Each threshold is sorted once, and its rank handed to its node on the way: nothing is looked up.
template <class Key>
bool AddNumeric(const ForestParts& parts, Columns& columns) {
  auto nodes = Gather<Key>(parts, columns.first_node, columns.tests.size());
  if (!nodes) return false;
  std::vector<Item<BitsOf<Key>>> scratch(nodes->most);
  std::vector<Key> keys;
  for (std::size_t f = 0; f < parts.n_features; ++f) {
    const auto items = nodes->of(f);
    if (items.empty()) continue;
    Sort(items, scratch);
    AddFeature(f, items, keys, columns);
  }
  keys.shrink_to_fit();
  columns.keys = std::move(keys);
  return true;
}

using Words = std::span<const std::uint32_t>;

// A categorical node. Those that agree in all but the node ask the same question.
struct Question {
  std::uint32_t feature = 0;
  std::uint8_t flags = 0;
  std::uint64_t hash = 0;
  Words listed, known;
  std::uint32_t node = 0;
};

// The words of set `c` up to the last that is not 0.
Words SetOf(const std::vector<std::uint32_t>& begin, const std::vector<std::uint32_t>& words,
            std::size_t c) {
  if (begin.empty()) return {};
  std::size_t end = begin[c + 1];
  while (end > begin[c] && words[end - 1] == 0) --end;
  return Words(words).subspan(begin[c], end - begin[c]);
}

// So many categories does a set speak of.
std::size_t CodesOf(Words words) {
  return words.empty() ? 0 : 32 * (words.size() - 1) + std::bit_width(words.back());
}

std::uint64_t HashOf(const Question& question) {
  std::uint64_t hash = question.flags;
  for (const Words words : {question.listed, question.known}) {
    hash ^= words.size();
    for (const std::uint32_t word : words) {
      hash = (hash ^ word) * 0x9e3779b97f4a7c15;
      hash ^= hash >> 29;
    }
  }
  return hash;
}

bool Less(Words a, Words b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
}

// Any order that brings the same questions together; the hash makes it quick.
bool ComesBefore(const Question& a, const Question& b) {
  if (a.feature != b.feature) return a.feature < b.feature;
  if (a.hash != b.hash) return a.hash < b.hash;
  if (a.flags != b.flags) return a.flags < b.flags;
  if (Less(a.listed, b.listed) || Less(b.listed, a.listed)) return Less(a.listed, b.listed);
  return Less(a.known, b.known);
}

std::vector<Question> QuestionsOf(const ForestParts& parts, const Columns& columns) {
  const auto& nodes = parts.cat_node;
  const std::size_t end = columns.first_node + columns.tests.size();
  const auto first = std::lower_bound(nodes.begin(), nodes.end(), columns.first_node);
  const auto last = std::lower_bound(first, nodes.end(), end);
  std::vector<Question> questions;
  questions.reserve(static_cast<std::size_t>(last - first));
  for (auto at = first; at != last; ++at) {
    const auto c = static_cast<std::size_t>(at - nodes.begin());
    Question question{.feature = parts.feature[*at],
                      .flags = parts.flags[*at],
                      .listed = SetOf(parts.cat_begin, parts.cat_words, c),
                      .known = SetOf(parts.known_begin, parts.known_words, c),
                      .node = *at};
    question.hash = HashOf(question);
    questions.push_back(question);
  }
  std::sort(questions.begin(), questions.end(), ComesBefore);
  return questions;
}

// The values that category_cast table knows of a feature.
std::span<const double> ValuesOf(const ForestParts& parts, std::size_t feature) {
  const std::size_t begin = parts.category_begin[feature];
  return std::span(parts.category_value).subspan(begin, parts.category_begin[feature + 1] - begin);
}

// A number that is no category of the feature, and not missing either.
double NoCategory(const Forest& forest, std::size_t feature) {
  double x = -1.5;
  while (walk::CategoryCode(forest, feature, x) != walk::kNoCategory) --x;
  return x;
}

// A number for each row of a feature's table, in their order.
std::vector<double> Representatives(const Forest& forest, const CategoryFeature& category) {
  std::vector<double> values;
  values.reserve(category.n_codes + 4);
  if (forest.rules().category_cast == CategoryCast::kTable) {
    const auto codes = ValuesOf(forest.parts(), category.feature).first(category.n_codes);
    values.assign(codes.begin(), codes.end());
  } else {
    // Zero may be missing and has a row of its own; all else of category 0 is like 0.5.
    for (std::uint32_t code = 0; code < category.n_codes; ++code) {
      values.push_back(code == 0 ? 0.5 : code);
    }
  }
  values.push_back(NoCategory(forest, category.feature));
  values.push_back(std::numeric_limits<double>::quiet_NaN());
  values.push_back(-kTiny);
  values.push_back(kTiny);
  return values;
}

// How many categories the table of `feature` tells apart: those behind are as good as none.
std::uint32_t CodesOf(const Forest& forest, std::span<const Question> questions) {
  std::size_t n = 0;
  for (const Question& q : questions) n = std::max({n, CodesOf(q.listed), CodesOf(q.known)});
  if (forest.rules().category_cast == CategoryCast::kTable) {
    n = std::min(n, ValuesOf(forest.parts(), questions[0].feature).size());
  }
  return static_cast<std::uint32_t>(n);
}

// Values within kAlmostZero of 0 would need rows of their own.
bool HasTinyCategory(const Forest& forest, std::size_t feature) {
  if (forest.rules().category_cast != CategoryCast::kTable) return false;
  const auto values = ValuesOf(forest.parts(), feature);
  return std::any_of(values.begin(), values.end(),
                     [](double x) { return x != 0 && std::abs(x) <= kAlmostZero; });
}

// All questions asked of one feature, the same ones side by side.
bool AddCategory(const Forest& forest, std::span<const Question> questions,
                 std::size_t table_bytes_max, Columns& columns) {
  CategoryFeature category{.feature = questions[0].feature,
                           .column_begin = static_cast<std::uint32_t>(columns.n_columns),
                           .n_codes = CodesOf(forest, questions),
                           .table_begin = columns.table.size()};
  if (HasTinyCategory(forest, category.feature)) return false;
  std::vector<std::uint32_t> nodes;  // one for each column
  nodes.reserve(questions.size());
  for (std::size_t i = 0; i < questions.size(); ++i) {
    if (i == 0 || ComesBefore(questions[i - 1], questions[i])) nodes.push_back(questions[i].node);
    const auto column = static_cast<std::uint32_t>(columns.n_columns + nodes.size() - 1);
    columns.tests[questions[i].node - columns.first_node] = {column, 0};
  }
  category.n_columns = static_cast<std::uint32_t>(nodes.size());
  const std::size_t n_rows = std::size_t{category.n_codes} + 4;
  if (nodes.size() > (table_bytes_max - columns.table.size()) / n_rows) return false;
  columns.table.reserve(columns.table.size() + n_rows * nodes.size());
  for (const double x : Representatives(forest, category)) {
    for (const std::uint32_t node : nodes) {
      columns.table.push_back(walk::GoesLeft(forest, node, x) ? 0 : 1);
    }
  }
  columns.n_columns += nodes.size();
  columns.rank_max = std::max(columns.rank_max, 1u);
  columns.categories.push_back(category);
  return true;
}

bool AddCategories(const Forest& forest, std::size_t table_bytes_max, Columns& columns) {
  const std::vector<Question> questions = QuestionsOf(forest.parts(), columns);
  for (std::size_t begin = 0, end = 0; begin < questions.size(); begin = end) {
    while (end < questions.size() && questions[end].feature == questions[begin].feature) ++end;
    const auto of_feature = std::span(questions).subspan(begin, end - begin);
    if (!AddCategory(forest, of_feature, table_bytes_max, columns)) return false;
  }
  return true;
}

}  // namespace

std::optional<Columns> Columns::Compile(const Forest& forest, TreeRange trees,
                                        std::size_t table_bytes_max) {
  const ForestParts& parts = forest.parts();
  Columns columns;
  columns.first_node = parts.tree_begin[trees.begin];
  columns.tests.resize(parts.tree_begin[trees.end] - columns.first_node);
  const bool ok = forest.rules().input == Precision::kFloat32 ? AddNumeric<float>(parts, columns)
                                                              : AddNumeric<double>(parts, columns);
  if (!ok) return std::nullopt;
  columns.n_columns = columns.numeric.size();
  if (!AddCategories(forest, table_bytes_max, columns)) return std::nullopt;
  return columns;
}

}  // namespace copse::plan
