#include "row_blocks.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

namespace copse {
namespace {

class BlockReader final : public RowReader {
 public:
  explicit BlockReader(std::unique_ptr<RowBlocks> blocks) : blocks_(std::move(blocks)) {}

  Result<Rows> Next(std::size_t n_rows_max) override {
    Rows rows{.n_rows = 0, .values = {}, .is_list = true};
    for (;;) {
      if (block_.begin < block_.end) {
        std::string_view text = block_.text();
        Status parsed = blocks_->Parse(text, row_, n_rows_max, rows, blame_);
        if (!parsed.ok()) return parsed.error();
        block_.begin = block_.end - text.size();
        row_ += rows.n_rows;
        if (rows.n_rows > 0) return rows;
      }
      auto more = blocks_->Read(block_);
      if (!more.ok()) {
        blame_ = blocks_->blame();
        return more.error();
      }
      if (!*more) return rows;
    }
  }

 private:
  std::unique_ptr<RowBlocks> blocks_;
  RowBlock block_;
  RowNumber row_ = 1;
};

}  // namespace

BlockSource::BlockSource(ByteSource source, std::size_t block_bytes, std::size_t row_bytes_max,
                         Cut cut)
    : source_(std::move(source)),
      block_bytes_(block_bytes),
      row_bytes_max_(row_bytes_max),
      cut_(std::move(cut)) {}

Result<bool> BlockSource::Read(RowBlock& block) {
  // One long row must not keep the memory of many.
  if (block.bytes.size() > 8 * block_bytes_) block.bytes = std::string();
  if (block.bytes.size() < rest_.size()) block.bytes.resize(rest_.size());
  std::copy(rest_.begin(), rest_.end(), block.bytes.begin());
  block.begin = 0;
  block.end = rest_.size();
  rest_.clear();
  while (!ended_) {
    // Doubled, so that a long row is looked at a few times and not once a read.
    const std::size_t wanted = std::max(block_bytes_, 2 * block.end);
    if (block.bytes.size() < wanted) block.bytes.resize(wanted);
    auto n_bytes = source_(std::span(block.bytes).subspan(block.end, wanted - block.end));
    if (!n_bytes.ok()) return n_bytes.error();
    block.end += *n_bytes;
    n_read_ += *n_bytes;
    const std::size_t cut = *n_bytes == 0 ? 0 : cut_(block.text());
    if (cut > 0) {
      rest_.assign(block.bytes, cut, block.end - cut);
      block.end = cut;
      break;
    }
    ended_ = *n_bytes == 0 || block.end > row_bytes_max_;
  }
  block.n_read = n_read_ - rest_.size();
  return block.end > 0;
}

Result<std::string> BlockSource::ReadExactly(std::size_t n_bytes) {
  std::string bytes;
  while (bytes.size() < n_bytes) {
    const std::size_t begin = bytes.size();
    bytes.resize(begin + std::min(n_bytes - begin, block_bytes_));
    auto n = source_(std::span(bytes).subspan(begin));
    if (!n.ok()) return n.error();
    n_read_ += *n;
    bytes.resize(begin + *n);
    if (*n == 0) break;
  }
  return bytes;
}

Status RowBlocks::Parse(std::string_view& text, RowNumber first_row, std::size_t n_rows_max,
                        Rows& rows, Blame& blame) const {
  rows.n_rows = 0;
  rows.values.clear();
  rows.is_list = true;
  Status parsed = ParseRows(text, first_row, n_rows_max, rows, blame);
  rows.values.resize(rows.n_rows * columns_.n_features());
  Status checked = columns_.model().CheckRows(rows.values, first_row);
  if (checked.ok()) return parsed;
  rows.n_rows = 0;
  rows.values.clear();
  return checked;
}

std::unique_ptr<RowReader> NewReader(std::unique_ptr<RowBlocks> blocks) {
  return std::make_unique<BlockReader>(std::move(blocks));
}

std::unique_ptr<RowReader> NewCsvReader(const Model& model, ByteSource source) {
  return NewReader(NewCsvBlocks(model, std::move(source)));
}

std::unique_ptr<RowReader> NewNdjsonReader(const Model& model, ByteSource source) {
  return NewReader(NewNdjsonBlocks(model, std::move(source)));
}

std::unique_ptr<RowReader> NewNpyReader(const Model& model, ByteSource source) {
  return NewReader(NewNpyBlocks(model, std::move(source)));
}

}  // namespace copse
