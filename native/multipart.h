#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "blame.h"
#include "copse/result.h"

namespace copse {

/// The type of a Content-Type field without parameters, in lower case: "text/csv".
std::string MediaType(std::string_view content_type);

/// A parameter of a field such as `form-data; name="x"`, unquoted; its name compares without
/// regard to case. Nothing if it is not there.
std::optional<std::string> FieldParameter(std::string_view field, std::string_view name);

/// The content of the first file (a part with a file name) in the field `name` of a
/// multipart/form-data body (RFC 7578).
///
/// Text before the first and after the last boundary is ignored; the last boundary must be there.
/// Errors: kInvalidInput, naming the boundary or the part. `blame` learns which field it is about.
Result<std::string_view> FindFile(std::string_view body, std::string_view content_type,
                                  std::string_view name, Blame* blame = nullptr);

}  // namespace copse
