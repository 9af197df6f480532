#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "copse/import.h"
#include "copse/result.h"

namespace copse {

/// "zlib" "gzip" "bzip2" "xz" "lzma" "lz4"; empty for kNone.
std::string_view CompressionName(Compression compression);

/// First decompressed bytes that a HeadCheck sees; all of them where there are fewer.
inline constexpr std::size_t kHeadBytes = std::size_t{64} << 10;

/// Says from its first bytes whether a file is worth decompressing. An Error ends it.
using HeadCheck = std::function<Status(std::span<const std::uint8_t> head)>;

/// What a file holds that is one stream, or several one behind the other, as joblib and gzip write
/// them; zeros may follow. `check` is asked once, before more than kHeadBytes are made.
///
/// Takes the memory of what comes out, and 100 MiB at most beside it (xz and lzma; the others a
/// few). What becomes larger than DecompressedBytesMax, or than 128 MiB and 32 times the bytes that
/// it came from, is refused where it does so: a bomb costs 128 MiB, however large it is.
/// Errors: kInvalidModel (damaged or cut off: where), kTooLarge, and those of `check`; each
/// message speaks of "this gzip file".
Result<std::vector<std::uint8_t>> Decompress(Compression compression,
                                             std::span<const std::uint8_t> bytes,
                                             const HeadCheck& check);

}  // namespace copse
