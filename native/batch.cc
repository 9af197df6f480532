#include "batch.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "ordered_pipeline.h"

namespace copse {
namespace {

// Rows and values evaluated at a time: enough to be fast, and little memory.
constexpr std::size_t kChunkRows = 4096;
constexpr std::size_t kChunkValues = std::size_t{1} << 20;
constexpr std::size_t kNumberBytes = 10;  // of a number as text, roughly
constexpr std::size_t kFewRows = 256;     // that a block should have

// A block of rows on its way.
struct Piece {
  RowBlock block;
  std::string answers;
  std::size_t n_rows = 0;
  bool refused = false;  // the row behind them
};

class Batch {
 public:
  Batch(const Model& model, RowBlocks& blocks, const RowWriter& writer, const BatchEnds& ends)
      : model_(model), blocks_(blocks), writer_(writer), ends_(ends) {}

  Result<std::size_t> Run() {
    // One for each worker, one ready for each, one that is read and one that is written.
    pieces_.resize(2 * ends_.n_threads + 2);
    OrderedPipeline pipeline(
        ends_.n_threads, pieces_.size(),
        {.read = [this](std::size_t slot) { return blocks_.Read(pieces_[slot].block); },
         .new_worker =
             [this] {
               return
                   [this, rows = Rows()](std::size_t slot) mutable { Answer(pieces_[slot], rows); };
             },
         .take = [this](std::size_t slot) { return Take(pieces_[slot]); },
         .interrupt = ends_.interrupt});
    const Status run = pipeline.Run();
    if (!run.ok()) return run.error();
    return n_rows_;
  }

 private:
  void Answer(Piece& piece, Rows& rows) const {
    const std::size_t width = std::max(model_.n_features(), writer_.n_columns());
    const std::size_t n_rows_max = std::clamp<std::size_t>(kChunkValues / width, 1, kChunkRows);
    piece.answers.clear();
    piece.n_rows = 0;
    piece.refused = false;
    std::string_view text = piece.block.text();
    do {
      Blame blame;
      const Status parsed = blocks_.Parse(text, 1, n_rows_max, rows, blame);
      piece.refused = !parsed.ok();
      piece.n_rows += rows.n_rows;
      writer_.Append(rows, piece.answers);
    } while (!piece.refused && rows.n_rows > 0);
  }

  Result<bool> Take(const Piece& piece) {
    auto written = ends_.write(piece.answers);
    if (!written.ok()) return written;
    n_rows_ += piece.n_rows;
    if (piece.refused) return Refusal(piece);
    ends_.progress(piece.block.n_read, n_rows_);
    return written;
  }

  // Why the row behind those of `piece` is refused, by its number among all rows. Only here is
  // that known: workers do not know how many rows the blocks before theirs have.
  Error Refusal(const Piece& piece) const {
    std::string_view text = piece.block.text();
    RowNumber row = n_rows_ - piece.n_rows + 1;
    for (Rows rows;;) {
      Blame blame;
      const Status parsed = blocks_.Parse(text, row, kChunkRows, rows, blame);
      if (!parsed.ok()) return parsed.error();
      row += rows.n_rows;
    }
  }

  const Model& model_;
  RowBlocks& blocks_;
  const RowWriter& writer_;
  const BatchEnds& ends_;
  std::vector<Piece> pieces_;
  std::size_t n_rows_ = 0;
};

}  // namespace

std::size_t BlockBytes(const Model& model, std::size_t n_columns) {
  const std::size_t row_bytes = kNumberBytes * model.n_features();
  const std::size_t n_bytes = std::clamp(kFewRows * row_bytes, kBlockBytes, 32 * kBlockBytes);
  // But not so few rows that evaluating them is slow.
  const std::size_t fits = n_bytes / std::max<std::size_t>(1, n_columns / model.n_features());
  return std::max(fits, kBlockBytes / 16);
}

Result<std::size_t> AnswerAll(const Model& model, RowBlocks& blocks, const RowWriter& writer,
                              const BatchEnds& ends) {
  return Batch(model, blocks, writer, ends).Run();
}

}  // namespace copse
