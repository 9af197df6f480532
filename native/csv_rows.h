#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "blame.h"
#include "copse/result.h"
#include "csv.h"
#include "row_values.h"
#include "rows.h"

namespace copse {

/// What the columns of a CSV text hold, and the rows in it. Safe to share between threads once
/// Begin is done. `values` must outlive it.
class CsvColumns {
 public:
  explicit CsvColumns(const RowValues& values);

  /// Looks at the first record: whether it is a header, and so not a row; an Error where it is one
  /// that does not fit.
  Result<bool> Begin(std::span<const std::string_view> cells, Blame& blame);

  /// Appends the next rows of `text`, at most `n_rows_max`, and takes them off it.
  Status Parse(std::string_view& text, RowNumber first_row, std::size_t n_rows_max, Rows& rows,
               Blame& blame) const;

 private:
  struct Column {
    std::size_t feature = 0;
    bool ignored = false;
    bool plain = false;  // numbers are only numbers, and never the text of a category
  };

  bool IsData(std::span<const std::string_view> cells) const;
  void SetColumns(std::size_t n_columns);
  Status SetHeader(std::span<const std::string_view> cells, bool names_any, Blame& blame);
  Error HeaderError(const std::string& why) const;
  bool TakePlain(std::string_view& text, double* row) const;
  Status AddRow(std::span<const std::string_view> cells, RowNumber row, double* numbers,
                Blame& blame) const;
  Error ColumnsError(std::span<const std::string_view> cells, RowNumber row, Blame& blame) const;

  const RowValues& values_;
  std::vector<Column> columns_;
  std::vector<std::size_t> column_of_;  // each feature's
  bool has_header_ = false;
};

}  // namespace copse
