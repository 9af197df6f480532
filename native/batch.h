#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "copse/model.h"
#include "copse/result.h"
#include "row_blocks.h"
#include "row_writer.h"

namespace copse {

/// Bytes of a block of rows for answers of `n_columns` each: enough rows to evaluate them fast,
/// and answers that are not many times as long as the rows.
std::size_t BlockBytes(const Model& model, std::size_t n_columns);

/// What a batch has to do with the world.
struct BatchEnds {
  std::size_t n_threads = 1;  ///< that parse, evaluate and format; at least 1
  /// Takes the next bytes of the answers; false if nobody reads on.
  std::function<Result<bool>(std::string_view bytes)> write;
  /// Makes a source of the rows that waits return soon. From any thread.
  std::function<void()> interrupt;
  /// Told now and then how much has been read and answered.
  std::function<void(std::uint64_t n_bytes, std::size_t n_rows)> progress;
};

/// Answers every row of `blocks` in order, and says how many there were. Reading, evaluating and
/// writing overlap. What is written does not depend on the number of threads or the size of the
/// blocks; when a row is refused, it is the answers to the rows before it.
Result<std::size_t> AnswerAll(const Model& model, RowBlocks& blocks, const RowWriter& writer,
                              const BatchEnds& ends);

}  // namespace copse
