#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace copse {

/// A new UUID version 7 (RFC 9562): sorts by time of making. Unique across threads and processes.
std::string NewUuid();

/// Whether a client may name its request so: 1 to 64 of the characters A-Z a-z 0-9 . _ -
bool IsRequestId(std::string_view text);

/// Milliseconds since 1970-01-01 UTC.
std::int64_t UnixMs();
/// "2031-05-06T07:08:09.123Z".
std::string IsoTime(std::int64_t unix_ms);
/// "Sun, 06 Nov 1994 08:49:37 GMT", as HTTP writes it.
std::string HttpDate(std::int64_t unix_ms);

}  // namespace copse
