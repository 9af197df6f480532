#pragma once

#include <optional>
#include <string_view>

namespace copse {

/// The number that Python's float() reads from `text`, or nothing where float() would refuse it.
///
/// White space around (also Unicode's), a sign, digits of any script, single underscores between
/// digits, `.5` and `5.`, exponents, and the words nan, inf and infinity in any case. No
/// hexadecimal, no decimal comma, no thousands. Exactly rounded whatever the locale; what is too
/// large is infinite, what is too small is zero.
/// Source: CPython, Objects/floatobject.c (float_from_string) and the documentation of float().
std::optional<double> ParseNumber(std::string_view text);

/// The number that `text` starts with, if it is finite and as most are: digits with or without a
/// minus, a point and an exponent. It and nothing else is taken off `text`. What follows is the
/// caller's to judge: of "1_000" this is 1.
std::optional<double> TakePlainNumber(std::string_view& text);

}  // namespace copse
