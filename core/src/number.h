#pragma once

#include <string_view>

/// The one place where decimal text of a model file becomes a double.
namespace copse {

/// The double nearest to `text`, the even one of two equally near; infinite past the range.
///
/// Exact for any number of digits, and the same on every target. Our own because from_chars of
/// doubles is in neither of our standard libraries for WebAssembly, and strtod there computes in
/// emulated 128-bit floats, which are a tenth of the module.
///
///   text  a JSON number (RFC 8259 section 6); its grammar was checked
double ParseDecimal(std::string_view text);

}  // namespace copse
