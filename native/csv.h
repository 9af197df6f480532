#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "copse/result.h"

/// CSV texts: RFC 4180 with lines ending in LF, CR LF or CR, where a quote that opens may have
/// spaces and tabs before it in its cell, and where any other quote is a character like others.
namespace copse {

/// Finds where records end, and looks at nothing else in them.
class CsvCutter {
 public:
  /// The end of the last whole record of `text`, 0 if none is whole. `text` starts with a record;
  /// after a 0 it must come again, longer.
  std::size_t Cut(std::string_view text);

 private:
  enum State : std::uint8_t { kBlank, kPlain, kQuoted, kClosed };

  State state_ = kBlank;  // behind the first n_seen_ bytes
  std::size_t n_seen_ = 0;
};

/// One record after the other. Not thread-safe.
class CsvRecord {
 public:
  /// Takes the first record off `text`, with its line end if it has one. Errors, saying that it
  /// was `row`: kInvalidInput (a quote never closed, a byte that is no UTF-8) and kTooLarge.
  Status Take(std::string_view& text, std::size_t row);

  /// Whether it is no record but a line that is blank or holds only spaces and tabs; so is the LF
  /// of a CR LF.
  bool blank() const { return blank_; }

  /// Its cells, quotes undone. Valid until the next Take, as long as `text` was.
  std::span<const std::string_view> cells() const { return cells_; }

 private:
  struct Cell {
    std::size_t begin = 0, end = 0;  // from the start of the record
    bool quoted = false;             // has an opening quote
  };

  Status Scan(std::string_view text, std::size_t row);
  std::string_view Unquoted(std::string_view raw);

  bool blank_ = true;
  bool ascii_ = true;
  std::size_t n_bytes_ = 0;  // without its line end
  std::vector<Cell> scanned_;
  std::vector<std::string_view> cells_;
  std::string unquoted_;  // texts of quoted cells, one after the other
};

}  // namespace copse
