#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "copse/result.h"
#include "prediction_log.h"

namespace copse {

/// How far the rows of a file have been moved: the last one. `seq` is 0 when there is none.
struct Position {
  std::int64_t seq = 0;
  std::string id;  ///< of that row: two files may have a row of one number, but not of one id

  bool operator==(const Position&) const = default;
};

/// Where rows are moved to. Used by one thread, and may block for as long as its time-outs say.
class RowTarget {
 public:
  virtual ~RowTarget() = default;

  /// For messages, such as "localhost:6379"; never a password.
  virtual std::string Name() const = 0;

  /// Adds the rows and makes the last one the position of `instance`: both or nothing, and only
  /// if its position is `from` or unknown. The position afterwards: that of the last row if the
  /// rows are there (now, or from an attempt whose answer was lost), else the one that was found.
  virtual Result<Position> Move(const std::string& instance, const Position& from,
                                std::span<const RecordedRow> rows) = 0;

  /// The position of `instance`; nothing when nothing is known of it.
  virtual Result<std::optional<Position>> PositionOf(const std::string& instance) = 0;

  /// The ids of the rows that came last, from whichever instance: some thousands.
  virtual Result<std::vector<std::string>> NewestIds() = 0;
};

}  // namespace copse
