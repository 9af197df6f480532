#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string_view>

#include "copse/result.h"

namespace copse {

/// Fills the buffer with the next bytes and says how many; 0 at the end. Fails as a file does.
using ByteSource = std::function<Result<std::size_t>(std::span<char>)>;

/// A source that reads `text`, which must outlive it.
ByteSource SourceOf(std::string_view text);

}  // namespace copse
