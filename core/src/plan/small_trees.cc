#include "plan/small_trees.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <span>
#include <utility>

#include "plan/leaf_adders.h"
#include "plan/ranker.h"

// How rows go through the trees: a chunk of trees at a time, three chunks in flight. While the
// leaves of one chunk are added, masks of the next become leaves and the tests of the one after it
// are made. So the additions of a row, which wait for each other, hide the rest; and masks are
// loaded again only long after they were stored (a wide load of fresh narrow stores waits until
// they have reached the cache).
namespace copse::plan {
namespace {

constexpr std::uint8_t kBias = 128;
constexpr std::int8_t kNeverRight = 127;
constexpr std::size_t kBlockTests = 64;
constexpr std::size_t kTableColumns = 64;
constexpr std::size_t kChunkMasksMax = ChunkTrees(8) * 8;
constexpr std::uint32_t kNoGroup = ~std::uint32_t{0};
// Rows that go through the trees together: a chunk's tests are loaded once for all of them.
constexpr std::size_t kRowsMax = 8;
// Rank columns of a row that need no memory of their own.
constexpr std::size_t kStackColumns = 1024;
constexpr std::size_t kColumnsMax = 0xffff;  // as wide as the numbers of columns are kept
// Up to so many classes are added as one padded vector.
constexpr std::size_t kVectorMax = 4;

std::size_t RoundUp(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }

template <class T>
std::size_t BytesOf(const std::vector<T>& vector) {
  return vector.size() * sizeof(T);
}

// Blocks of one chunk that look up the same columns.
struct Run {
  std::uint32_t group = 0;
  std::uint32_t begin = 0, end = 0;  // blocks
};

// The tests of all trees, in blocks; and, where a row has more columns than a table, which of them
// a group of consecutive blocks looks up.
struct Tests {
  std::vector<TestBlock> blocks;
  std::vector<Run> runs;
  std::vector<std::size_t> run_begin;                     // [chunks + 1]
  std::vector<std::vector<std::uint16_t>> group_columns;  // empty: the table is the whole row

  std::size_t bytes() const {
    std::size_t sum = BytesOf(blocks) + BytesOf(runs) + BytesOf(run_begin);
    sum += BytesOf(group_columns);
    for (const auto& columns : group_columns) sum += BytesOf(columns);
    return sum;
  }
};

// Numbers the columns of the groups, of which each takes as many blocks as its table has room for.
class TableColumns {
 public:
  explicit TableColumns(std::size_t n_columns) : position_(n_columns, kNowhere) {}

  // Makes room for the columns of a block; whether this had to start a new group.
  bool Enter(std::span<const NodeTest> block) {
    std::vector<std::uint16_t> missing;
    for (const NodeTest& test : block) {
      if (test.column == SmallTreesParts::kNever || position_[test.column] != kNowhere) continue;
      position_[test.column] = 0;
      missing.push_back(static_cast<std::uint16_t>(test.column));
    }
    const bool fits = columns_.size() + missing.size() <= kTableColumns;
    if (!fits) {
      for (const std::uint16_t column : columns_) position_[column] = kNowhere;
      columns_.clear();
      for (const std::uint16_t column : missing) position_[column] = kNowhere;
      Enter(block);
      return true;
    }
    for (const std::uint16_t column : missing) {
      position_[column] = static_cast<std::uint8_t>(columns_.size());
      columns_.push_back(column);
    }
    return false;
  }

  const std::vector<std::uint16_t>& columns() const { return columns_; }
  std::size_t PositionOf(std::size_t column) const { return position_[column]; }

 private:
  static constexpr std::uint8_t kNowhere = 255;
  std::vector<std::uint8_t> position_;
  std::vector<std::uint16_t> columns_;
};

Tests CompileTests(const SmallTreesParts& parts, std::size_t n_columns, const BitKernels& kernels) {
  const std::size_t chunk_blocks = ChunkTrees(parts.mask_bytes) * parts.mask_bytes / 8;
  const std::size_t n_blocks = RoundUp(parts.tests.size(), kBlockTests) / kBlockTests;
  const bool whole_row = n_columns <= kTableColumns;
  Tests tests;
  tests.blocks.resize(n_blocks);
  TableColumns table(n_columns);
  for (std::size_t b = 0; b < n_blocks; ++b) {
    const auto block =
        std::span(parts.tests)
            .subspan(b * kBlockTests, std::min(kBlockTests, parts.tests.size() - b * kBlockTests));
    const bool new_group = !whole_row && (table.Enter(block) || b == 0);
    if (new_group) tests.group_columns.emplace_back();
    if (!whole_row) tests.group_columns.back() = table.columns();
    if (b % chunk_blocks == 0) tests.run_begin.push_back(tests.runs.size());
    if (b % chunk_blocks == 0 || new_group) {
      const std::size_t group = whole_row ? 0 : tests.group_columns.size() - 1;
      tests.runs.push_back({static_cast<std::uint32_t>(group), static_cast<std::uint32_t>(b), 0});
    }
    tests.runs.back().end = static_cast<std::uint32_t>(b + 1);
    TestBlock& out = tests.blocks[b];
    std::fill(std::begin(out.ranks), std::end(out.ranks), kNeverRight);
    for (std::size_t i = 0; i < block.size(); ++i) {
      if (block[i].column == SmallTreesParts::kNever) continue;
      assert(block[i].rank <= kRank8Max);
      out.codes[i] =
          kernels.CodeOf(whole_row ? block[i].column : table.PositionOf(block[i].column));
      out.ranks[i] = static_cast<std::int8_t>(block[i].rank ^ kBias);
    }
  }
  tests.run_begin.push_back(tests.runs.size());
  return tests;
}

// Leaves of up to four classes as vectors of four; the payload of a slot becomes the place of its
// vector in them.
std::vector<double> PaddedVectors(LeafValues& values) {
  const std::size_t n_outputs = values.n_outputs;
  std::vector<double> padded;
  if (values.kind != SumKind::kVector || n_outputs > kVectorMax) return padded;
  padded.resize((n_outputs + values.vectors.size() / n_outputs) * kVectorMax);
  for (std::size_t k = 0; k < n_outputs; ++k) padded[k * kVectorMax + k] = 1;
  for (std::size_t i = 0; i < values.vectors.size(); ++i) {
    padded[(n_outputs + i / n_outputs) * kVectorMax + i % n_outputs] = values.vectors[i];
  }
  for (std::uint32_t& payload : values.payload) payload *= kVectorMax;
  values.vectors = {};
  return padded;
}

// What one row has on its way, for two chunks.
struct RowState {
  alignas(64) std::array<std::uint8_t, kChunkMasksMax> masks[2];
  alignas(64) std::array<std::uint8_t, kChunkTreesMax> leaves[2];
  std::array<std::uint8_t, kTableColumns> table;  // the ranks of columns of `group`
  std::uint32_t group = kNoGroup;
};

// The leaves of a chunk that each row reached.
struct Reached {
  std::size_t tree = 0;  // the first, of the range
  std::size_t n_trees = 0;
  std::size_t width = 0;  // slots of a tree
  std::array<const std::uint8_t*, kRowsMax> leaves = {};
};

// What sums need to know.
struct SumContext {
  Adding adding;
  const BitKernels* kernels = nullptr;
  const double* vectors = nullptr;
  std::size_t n_rows() const { return adding.rows.n_rows; }
};

// The sums of up to kRowsMax rows, in three forms. One number a row: it stays in a register while a
// chunk is added, and four rows are added side by side, for an addition waits for the one before
// it.
template <class Real>
class OneSums {
 public:
  void Begin(const SumContext& context) {
    for (std::size_t r = 0; r < context.n_rows(); ++r) {
      sums_[r] = static_cast<Real>(context.adding.sums[r]);
    }
  }
  void Add(const SumContext& context, const Reached& reached) {
    const Real* values = nullptr;
    if constexpr (sizeof(Real) == sizeof(float)) {
      values = context.adding.values->floats.data();
    } else {
      values = context.adding.values->doubles.data();
    }
    values += reached.tree * reached.width;
    std::size_t r = 0;
    for (; r + 4 <= context.n_rows(); r += 4) AddRows<4>(values, reached, r);
    for (; r < context.n_rows(); ++r) AddRows<1>(values, reached, r);
  }
  void End(const SumContext& context) const {
    std::copy_n(sums_.begin(), context.n_rows(), context.adding.sums);
  }

 private:
  // Trees of a turn: the end of a loop of a few turns can be foreseen, of thirty it cannot.
  static constexpr std::size_t kTurn = 8;

  template <std::size_t kRows>
  void AddRows(const Real* values, const Reached& reached, std::size_t first) {
    std::array<const std::uint8_t*, kRows> leaves;
    std::array<Real, kRows> sums;
    for (std::size_t r = 0; r < kRows; ++r) {
      leaves[r] = reached.leaves[first + r];
      sums[r] = sums_[first + r];
    }
    std::size_t t = 0;
    for (; t + kTurn <= reached.n_trees; t += kTurn) {
      for (std::size_t i = 0; i < kTurn; ++i, values += reached.width) {
        for (std::size_t r = 0; r < kRows; ++r) sums[r] += values[leaves[r][t + i]];
      }
    }
    for (; t < reached.n_trees; ++t, values += reached.width) {
      for (std::size_t r = 0; r < kRows; ++r) sums[r] += values[leaves[r][t]];
    }
    for (std::size_t r = 0; r < kRows; ++r) sums_[first + r] = sums[r];
  }

  std::array<Real, kRowsMax> sums_;
};

// Up to four classes, padded to four.
class VectorSums {
 public:
  void Begin(const SumContext& context) {
    const std::size_t n_outputs = context.adding.values->n_outputs;
    for (std::size_t r = 0; r < context.n_rows(); ++r) {
      sums_[r] = {};
      std::copy_n(context.adding.sums + r * n_outputs, n_outputs, sums_[r].begin());
    }
  }
  void Add(const SumContext& context, const Reached& reached) {
    const std::uint32_t* offsets =
        context.adding.values->payload.data() + reached.tree * reached.width;
    for (std::size_t r = 0; r < context.n_rows(); ++r) {
      context.kernels->add_vectors(context.vectors, offsets, reached.width, reached.leaves[r],
                                   reached.n_trees, sums_[r].data());
    }
  }
  void End(const SumContext& context) const {
    const std::size_t n_outputs = context.adding.values->n_outputs;
    for (std::size_t r = 0; r < context.n_rows(); ++r) {
      std::copy_n(sums_[r].begin(), n_outputs, context.adding.sums + r * n_outputs);
    }
  }

 private:
  std::array<std::array<double, kVectorMax>, kRowsMax> sums_;
};

// Whatever else, in the caller's memory.
template <SumKind kind>
class AnySums {
 public:
  void Begin(const SumContext&) {}
  void Add(const SumContext& context, const Reached& reached) const {
    for (std::size_t r = 0; r < context.n_rows(); ++r) {
      for (std::size_t t = 0; t < reached.n_trees; ++t) {
        const std::size_t tree = reached.tree + t;
        AddSlot<kind>(context.adding, tree, tree * reached.width + reached.leaves[r][t], r);
      }
    }
  }
  void End(const SumContext&) const {}
};

class SmallTrees final : public Layout {
 public:
  SmallTrees(const Forest& forest, TreeRange trees, Columns columns, SmallTreesParts parts);

  void AddTrees(const RowBlock& rows, double* sums) const override;
  std::size_t bytes() const override;

 private:
  void AddRows(const RowBlock& rows, const std::uint8_t* ranks, double* sums) const;
  template <class Sums>
  void AddChunks(const SumContext& context, const std::uint8_t* ranks) const;
  void Test(std::size_t chunk, const std::uint8_t* ranks, RowState& state) const;
  void Resolve(std::size_t chunk, RowState& state) const;

  std::size_t TreesIn(std::size_t chunk) const {
    return std::min(chunk_trees_, trees_.size() - chunk * chunk_trees_);
  }

  const Forest* forest_;
  TreeRange trees_;
  const BitKernels* kernels_ = &ChosenBitKernels();
  std::size_t chunk_trees_, n_chunks_;
  std::size_t width_;   // slots of a tree
  std::size_t stride_;  // of a row of ranks
  BitKernels::Compare compare_;
  BitKernels::Resolve resolve_;
  Tests tests_;
  std::vector<MatchLine> lines_;
  std::vector<std::size_t> line_begin_, n_leaves_;  // [chunks]
  LeafValues values_;
  std::vector<double> vectors_;  // PaddedVectors
  Ranker<std::uint8_t> ranker_;
};

SmallTrees::SmallTrees(const Forest& forest, TreeRange trees, Columns columns,
                       SmallTreesParts parts)
    : forest_(&forest),
      trees_(trees),
      chunk_trees_(ChunkTrees(parts.mask_bytes)),
      n_chunks_(RoundUp(trees.size(), chunk_trees_) / chunk_trees_),
      width_(parts.width),
      stride_(std::max(kTableColumns, RoundUp(columns.n_columns, kTableColumns))),
      compare_(kernels_->CompareFor(columns.n_columns)),
      resolve_(parts.resolve),
      tests_(CompileTests(parts, columns.n_columns, *kernels_)),
      lines_(std::move(parts.lines)),
      line_begin_(std::move(parts.line_begin)),
      n_leaves_(std::move(parts.n_leaves)),
      values_(LeafValues::Compile(forest, trees, parts.slots)),
      vectors_(PaddedVectors(values_)),
      ranker_(std::move(columns), forest.rules().input, forest.rules().category_cast, forest) {}

std::size_t SmallTrees::bytes() const {
  return tests_.bytes() + BytesOf(lines_) + BytesOf(line_begin_) + BytesOf(n_leaves_) +
         values_.bytes() + BytesOf(vectors_) + ranker_.bytes();
}

void SmallTrees::AddTrees(const RowBlock& rows, double* sums) const {
  alignas(64) std::array<std::uint8_t, kStackColumns> few;
  std::vector<std::uint8_t> many;
  if (stride_ > kStackColumns) many.resize(stride_);
  std::uint8_t* const ranks = many.empty() ? few.data() : many.data();
  const std::size_t n_together = std::clamp(kStackColumns / stride_, std::size_t{1}, kRowsMax);
  for (std::size_t r = 0; r < rows.n_rows; r += n_together) {
    const RowBlock some = rows.Sub(r, std::min(n_together, rows.n_rows - r));
    // Columns behind the last are loaded with the others, though no test names them.
    for (std::size_t i = 0; i < some.n_rows; ++i)
      std::fill_n(ranks + i * stride_, kTableColumns, 0);
    ranker_.RankRows(some, ranks, stride_);
    AddRows(some, ranks, sums + r * values_.n_outputs);
  }
}

void SmallTrees::AddRows(const RowBlock& rows, const std::uint8_t* ranks, double* sums) const {
  const SumContext context = {{forest_, trees_, &values_, rows, sums}, kernels_, vectors_.data()};
  const bool one = values_.n_outputs == 1;
  if (one && values_.kind == SumKind::kFloat) return AddChunks<OneSums<float>>(context, ranks);
  if (one && values_.kind == SumKind::kDouble) return AddChunks<OneSums<double>>(context, ranks);
  if (!vectors_.empty()) return AddChunks<VectorSums>(context, ranks);
  WithSumKind(values_.kind, [&]<SumKind kind>(std::integral_constant<SumKind, kind>) {
    AddChunks<AnySums<kind>>(context, ranks);
  });
}

// One step adds the leaves of a chunk, resolves the next and tests the one after that.
template <class Sums>
void SmallTrees::AddChunks(const SumContext& context, const std::uint8_t* ranks) const {
  const std::size_t n_rows = context.adding.rows.n_rows;
  std::array<RowState, kRowsMax> states;
  Sums sums;
  sums.Begin(context);
  for (std::size_t step = 0; step < n_chunks_ + 2; ++step) {
    for (std::size_t r = 0; step < n_chunks_ && r < n_rows; ++r) {
      Test(step, ranks + r * stride_, states[r]);
    }
    for (std::size_t r = 0; step - 1 < n_chunks_ && r < n_rows; ++r) Resolve(step - 1, states[r]);
    if (step - 2 >= n_chunks_) continue;
    const std::size_t chunk = step - 2;
    Reached reached = {chunk * chunk_trees_, TreesIn(chunk), width_};
    for (std::size_t r = 0; r < n_rows; ++r) reached.leaves[r] = states[r].leaves[chunk % 2].data();
    sums.Add(context, reached);
  }
  sums.End(context);
}

void SmallTrees::Test(std::size_t chunk, const std::uint8_t* ranks, RowState& state) const {
  std::uint8_t* bits = state.masks[chunk % 2].data();
  const std::uint8_t* table = tests_.group_columns.empty() ? ranks : state.table.data();
  for (std::size_t i = tests_.run_begin[chunk]; i < tests_.run_begin[chunk + 1]; ++i) {
    const Run& run = tests_.runs[i];
    if (table != ranks && run.group != state.group) {
      const std::vector<std::uint16_t>& columns = tests_.group_columns[run.group];
      for (std::size_t c = 0; c < columns.size(); ++c) state.table[c] = ranks[columns[c]];
      state.group = run.group;
    }
    compare_(table, &tests_.blocks[run.begin], run.end - run.begin, bits);
    bits += (run.end - run.begin) * sizeof(std::uint64_t);
  }
}

void SmallTrees::Resolve(std::size_t chunk, RowState& state) const {
  const bool matches = !lines_.empty();
  resolve_(state.masks[chunk % 2].data(), matches ? &lines_[line_begin_[chunk]] : nullptr,
           matches ? n_leaves_[chunk] : 0, TreesIn(chunk), state.leaves[chunk % 2].data());
}

}  // namespace

bool FitsSmallTrees(const Columns& columns) {
  return columns.rank_max <= kRank8Max && columns.n_columns <= kColumnsMax;
}

std::unique_ptr<Layout> MakeSmallTrees(const Forest& forest, TreeRange trees, Columns columns,
                                       SmallTreesParts parts) {
  return std::make_unique<SmallTrees>(forest, trees, std::move(columns), std::move(parts));
}

}  // namespace copse::plan
