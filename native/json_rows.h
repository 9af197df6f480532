#pragma once

#include <string_view>

#include "copse/result.h"
#include "row_values.h"
#include "rows.h"

namespace copse {

/// One row or a list of rows from a JSON text, as RowsFromJson describes it, not yet through
/// CheckRows.
Result<Rows> ParseJsonRows(const RowValues& columns, std::string_view text);

/// One bare row; `row` is its number in messages.
Result<Rows> ParseJsonRow(const RowValues& columns, std::string_view text, RowNumber row);

}  // namespace copse
