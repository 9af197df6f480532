#pragma once

#include <string_view>

#include "blame.h"
#include "copse/result.h"
#include "row_values.h"
#include "rows.h"

namespace copse {

/// One row or a list of rows from a JSON text, as RowsFromJson describes it, not yet through
/// CheckRows. `blame` learns what a refusal is about.
Result<Rows> ParseJsonRows(const RowValues& columns, std::string_view text, Blame& blame);

/// One bare row; `row` is its number in messages.
Result<Rows> ParseJsonRow(const RowValues& columns, std::string_view text, RowNumber row,
                          Blame& blame);

}  // namespace copse
