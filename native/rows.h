#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blame.h"
#include "byte_source.h"
#include "copse/model.h"
#include "copse/result.h"

/// Rows from outside: query parameters, JSON, CSV, NDJSON. Every reader here ends with
/// Model::CheckRows, so what it returns can be evaluated. Every refusal is one sentence that
/// names row (counted from 1, header and blank lines not counted), feature and value; its code
/// is kInvalidInput unless said otherwise. `blame`, if given, then learns field and value.
///
/// What all readers agree on:
/// - Number text is what Python's float() reads (see number_text.h).
/// - A categorical feature takes the text of a category or its code. The text wins: a cell `4`
///   of a feature with the categories "3" and "4" is code 1.
/// - A missing value (CSV: an empty cell or a word of pandas' list such as NA; JSON: null) is NaN
///   if the model allows missing values, else refused. A feature that is not there at all is
///   always refused.
namespace copse {

/// Checked rows [n_rows, model.n_features()], row-major; NaN is missing.
struct Rows {
  std::size_t n_rows = 0;
  std::vector<double> values;
  /// The sender wrote a list of rows, if only of one, and so expects a list back. False for a
  /// query and for one bare JSON row.
  bool is_list = false;
};

/// One parameter of a query string, decoded.
using QueryParameter = std::pair<std::string, std::string>;

/// One row from a query, as the tutorial's /predict read it: parameters in any order, the first
/// of duplicates wins, unknown ones are ignored. An empty value is always refused; `nan` is a
/// missing value.
Result<Rows> RowsFromQuery(const Model& model, std::span<const QueryParameter> query,
                           Blame* blame = nullptr);

/// Rows from a JSON text: one row, or a list of rows. A row is an object by feature name or a list
/// of values in the order of the features; both may be mixed. Values are numbers, `true` and
/// `false` (1 and 0), null, and text for the categories of a categorical feature. Names that are
/// no feature, names given twice, and tokens that JSON does not have (NaN) are refused.
/// Memory is bounded by the text, whatever its nesting.
Result<Rows> RowsFromJson(const Model& model, std::string_view text, Blame* blame = nullptr);

/// Rows from CSV (RFC 4180, UTF-8, with or without BOM), and beyond that what pandas.read_csv
/// takes: lines end with LF, CR LF or CR; lines that are blank or hold only spaces are skipped;
/// spaces, tabs and trailing NUL bytes around a value do not count; True and False are 1 and 0.
///
/// The first row is a header if it names every feature and could not be data. Its columns may
/// then stand in any order, and columns that name no feature (a label, an id) are ignored.
/// A first row of nothing but names of other things is refused as a
/// header too. Without a header there must be exactly one column a feature. No rows at all are
/// refused.
Result<Rows> RowsFromCsv(const Model& model, std::string_view text, Blame* blame = nullptr);

/// Rows from newline-delimited JSON: one row a line, as RowsFromJson reads it. Blank lines are
/// skipped.
Result<Rows> RowsFromNdjson(const Model& model, std::string_view text);

/// Reads rows piece by piece, so that inputs larger than memory work. Not thread-safe.
class RowReader {
 public:
  virtual ~RowReader() = default;

  /// The next rows, at most `n_rows_max` (>= 1); none at the end. Waits for input only while it
  /// has no row, so that whoever writes a line into a pipe can wait for its answer. After an
  /// Error there is no more.
  virtual Result<Rows> Next(std::size_t n_rows_max) = 0;

  /// What the Error was about, as far as a reader knows it.
  const Blame& blame() const { return blame_; }

 protected:
  Blame blame_;
};

/// Readers by format, as the functions above describe it. `model` must outlive the reader. A
/// single record is held in memory and may have at most 64 MiB (kTooLarge).
std::unique_ptr<RowReader> NewCsvReader(const Model& model, ByteSource source);
std::unique_ptr<RowReader> NewNdjsonReader(const Model& model, ByteSource source);

/// All rows of `reader` together; an input without rows is refused.
Result<Rows> ReadAll(RowReader& reader);

}  // namespace copse
