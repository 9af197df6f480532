#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace copse {

/// How the body of an answer is compressed, as Content-Encoding names it.
enum class ContentCoding : std::uint8_t { kIdentity, kGzip, kDeflate };

/// "gzip" "deflate"; empty for kIdentity.
std::string_view ContentCodingName(ContentCoding coding);

/// `bytes` as one stream of that coding: gzip (RFC 1952), or for deflate the zlib form (RFC 1950)
/// that HTTP means by that name. Quick rather than small. Thread-safe; throws std::bad_alloc only.
std::string Compress(ContentCoding coding, std::string_view bytes);

/// The checksum that ends the zlib form of `bytes`.
std::uint32_t Adler32(std::string_view bytes);

}  // namespace copse
