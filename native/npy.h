#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "byte_source.h"
#include "copse/model.h"
#include "copse/result.h"
#include "rows.h"

/// NumPy's array files (numpy/lib/format.py, versions 1.0, 2.0 and 3.0).
namespace copse {

/// What stands before the numbers.
struct NpyHeader {
  std::string type;  ///< such as "<f8"
  bool fortran_order = false;
  std::vector<std::size_t> shape;
};

/// Reads the dictionary of a .npy head: a literal with exactly the keys descr, fortran_order and
/// shape. Nothing is evaluated; structured types are refused. Errors: kInvalidInput.
Result<NpyHeader> ParseNpyHeader(std::string_view dictionary);

/// Rows from a .npy array [n_rows, n_features()], or [n_features()] for one row, or [n_rows] for
/// a model of one feature; in C or Fortran order (which is held in memory). Types: <f4 <f8 <i4
/// <i8 i1 u1 and bool. NaN is a missing value. A head of another shape, and a file shorter or
/// longer than its head says, are refused. Memory grows with the bytes that came, not with what
/// the head claims. `model` must outlive the reader.
std::unique_ptr<RowReader> NewNpyReader(const Model& model, ByteSource source);

/// What an array to be written holds: little-endian numbers, or text of a fixed width.
enum class NpyType { kFloat64, kFloat32, kInt64, kBool, kText };

struct NpyFormat {
  NpyType type = NpyType::kFloat64;
  std::size_t text_width = 1;  ///< characters of the longest text, for kText
  std::size_t n_columns = 1;
  bool flat = false;        ///< [n_rows], else [n_rows, n_columns]
  std::size_t n_inner = 0;  ///< where not 0: [n_rows, n_columns / n_inner, n_inner]
};

/// The bytes before the values of an array of `n_rows`; as many for every n_rows, so that they
/// can be written again once the rows are counted.
std::string NpyHead(const NpyFormat& format, std::size_t n_rows);

/// Append one value. A text longer than `width` characters is a broken promise.
void AppendNpyNumber(std::string& bytes, NpyType type, double number);
void AppendNpyInteger(std::string& bytes, std::int64_t number);
void AppendNpyText(std::string& bytes, std::string_view text, std::size_t width);

/// Characters of a UTF-8 text.
std::size_t CountCharacters(std::string_view text);

}  // namespace copse
