#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "byte_source.h"
#include "copse/result.h"

namespace copse {

/// One record of a CSV text is held in memory; a quote that is never closed must not eat it all.
inline constexpr std::size_t kRecordBytesMax = std::size_t{64} << 20;

/// The records of a CSV text: RFC 4180 with lines ending in LF, CR LF or CR, a UTF-8 BOM skipped,
/// and lines that are blank or hold only spaces and tabs skipped. Not thread-safe.
class CsvRecords {
 public:
  explicit CsvRecords(ByteSource source) : input_(std::move(source)) {}

  enum class Step { kRecord, kEnd, kMoreInput };

  /// Moves to the next record. With `may_read` false, kMoreInput says that its end has not been
  /// read yet; a later call goes on. Errors: kInvalidInput (a quote never closed, a byte that is
  /// no UTF-8), kTooLarge; the message says in which row, see set_row.
  Result<Step> Next(bool may_read);

  /// The cells of the record, quotes undone. Valid until the next Next.
  std::span<const std::string_view> cells() const { return cells_; }

  /// How messages number the next record.
  void set_row(std::size_t row) { row_ = row; }

 private:
  struct Cell {
    std::size_t begin = 0, end = 0;  // from the start of the record
    bool quoted = false;             // has a quote somewhere
  };
  // Where the scan of a record stands, so that it goes on after more bytes have come.
  struct Scan {
    std::size_t next = 0;
    Cell cell;
    bool in_quotes = false;
    bool cell_blank = true;  // only spaces and tabs so far, in this cell
    bool blank = true;       // and in this record
    bool not_ascii = false;
  };

  Result<Step> ScanRecord(bool may_read);
  bool ScanText(std::string_view text);
  void EndCell(std::size_t end);
  Status FinishRecord(std::string_view text);
  std::string_view Unquoted(std::string_view raw);
  Result<bool> SkipBom();
  Error Refuse(ErrorCode code, const std::string& why) const;

  InputBuffer input_;
  std::size_t row_ = 1;
  Scan scan_;
  bool finished_ = true;  // scan_ is of a record that has been given out
  bool started_ = false;
  std::vector<Cell> scanned_;
  std::vector<std::string_view> cells_;
  std::string unquoted_;  // texts of quoted cells, one after the other
};

}  // namespace copse
