#pragma once

#include <cstddef>
#include <string>

#include "rows.h"

namespace copse {

/// How answers are written down.
enum class AnswerFormat { kCsv, kNdjson, kNpy };

/// Turns rows into the bytes of a file of answers, piece by piece. Safe to share between threads.
class RowWriter {
 public:
  virtual ~RowWriter() = default;

  /// What stands before the answers to `n_rows` rows; as long for every n_rows.
  virtual std::string Head(std::size_t n_rows) const = 0;
  /// Appends the answers to checked rows.
  virtual void Append(const Rows& rows, std::string& bytes) const = 0;
  /// Numbers in an answer to one row.
  virtual std::size_t n_columns() const = 0;

 protected:
  RowWriter() = default;
  RowWriter(const RowWriter&) = default;
  RowWriter& operator=(const RowWriter&) = default;
};

}  // namespace copse
