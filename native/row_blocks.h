#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "blame.h"
#include "byte_source.h"
#include "copse/model.h"
#include "copse/result.h"
#include "row_values.h"
#include "rows.h"

/// Inputs of any length, cut into blocks of whole rows: one thread reads the blocks, several can
/// read the rows in them at the same time, and memory holds a few blocks and no more.
namespace copse {

/// Bytes of one block, if a row is not longer: large enough that handing it on costs nothing.
inline constexpr std::size_t kBlockBytes = std::size_t{256} << 10;

/// A row is held in memory whole; a quote that is never closed must not eat it all.
inline constexpr std::size_t kRecordBytesMax = std::size_t{64} << 20;

/// A piece of an input. Its memory is used again when it is read again.
struct RowBlock {
  std::string bytes;
  std::size_t begin = 0, end = 0;  ///< of the rows in `bytes`
  std::uint64_t n_read = 0;        ///< bytes of the input up to here

  std::string_view text() const { return std::string_view(bytes).substr(begin, end - begin); }
};

/// Cuts a source into blocks.
class BlockSource {
 public:
  /// Where the last whole row of `text` ends, 0 if none is whole. `text` starts with a row; after
  /// a 0 it comes again, longer, and what was looked at need not be looked at again.
  using Cut = std::function<std::size_t(std::string_view text)>;

  BlockSource(ByteSource source, std::size_t block_bytes, std::size_t row_bytes_max, Cut cut);

  /// The next block; false at the end. The last block also holds what is no whole row: a line
  /// without an end, or a row longer than `row_bytes_max`, after which there is no more. Waits for
  /// input only while it has no whole row, so that whoever writes a line into a pipe can wait for
  /// its answer.
  Result<bool> Read(RowBlock& block);

  /// Exactly the next `n_bytes`, unless the source ends before; not after Read.
  Result<std::string> ReadExactly(std::size_t n_bytes);

 private:
  ByteSource source_;
  std::size_t block_bytes_, row_bytes_max_;
  Cut cut_;
  std::string rest_;  // behind the last cut
  std::uint64_t n_read_ = 0;
  bool ended_ = false;
};

/// An input in one format, as rows.h describes it.
class RowBlocks {
 public:
  virtual ~RowBlocks() = default;

  /// The next block; false at the end. One thread, and before any Parse of that block. After an
  /// Error there is no more.
  virtual Result<bool> Read(RowBlock& block) = 0;

  /// The next rows of a block, at most `n_rows_max` (>= 1), instead of those in `rows`; none at
  /// its end. Takes them off `text`, which is what is left of the block's. `first_row`: how
  /// messages number the first of them. On an Error, `blame` learns what it is about, and `rows`
  /// are some of those before it, or all if it stands in the text. Safe to call from several
  /// threads.
  Status Parse(std::string_view& text, RowNumber first_row, std::size_t n_rows_max, Rows& rows,
               Blame& blame) const;

  /// What an Error of Read was about, as far as it is known.
  const Blame& blame() const { return blame_; }

 protected:
  explicit RowBlocks(const Model& model) : columns_(model) {}

  /// As Parse, but `rows` is empty and the rows need not have passed CheckRows.
  virtual Status ParseRows(std::string_view& text, RowNumber first_row, std::size_t n_rows_max,
                           Rows& rows, Blame& blame) const = 0;

  const RowValues columns_;
  Blame blame_;
};

/// Inputs by format. `model` must outlive what is returned.
std::unique_ptr<RowBlocks> NewCsvBlocks(const Model& model, ByteSource source,
                                        std::size_t block_bytes = kBlockBytes);
std::unique_ptr<RowBlocks> NewNdjsonBlocks(const Model& model, ByteSource source,
                                           std::size_t block_bytes = kBlockBytes);
/// An array in Fortran order is held in memory whole.
std::unique_ptr<RowBlocks> NewNpyBlocks(const Model& model, ByteSource source,
                                        std::size_t block_bytes = kBlockBytes);

/// The rows of `blocks` one after the other, on one thread.
std::unique_ptr<RowReader> NewReader(std::unique_ptr<RowBlocks> blocks);

}  // namespace copse
