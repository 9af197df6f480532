#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "copse/result.h"

/// JSON texts as a whole, whatever they say. All functions are thread-safe.
namespace copse {

/// The refusal of a text that is no JSON: where it stops being one, counted from 1, and near what.
/// Of words such as NaN it says what JSON has instead.
Error JsonSyntaxError(std::size_t byte, std::string_view token);

/// Whether `text` is JSON. Takes a bit of memory for each open bracket and nothing else.
/// Errors: kInvalidInput, as above.
Status CheckJson(std::string_view text);

/// The text of the value that the outermost object of `text`, which must be JSON, has under `name`:
/// the first of several, nothing if there is none or `text` is no object. Names that are written
/// with escapes are not found.
std::optional<std::string_view> JsonMember(std::string_view text, std::string_view name);

}  // namespace copse
