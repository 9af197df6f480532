#include "byte_source.h"

#include <algorithm>
#include <cstring>

namespace copse {

ByteSource SourceOf(std::string_view text) {
  return [text](std::span<char> buffer) mutable -> Result<std::size_t> {
    const std::size_t n_bytes = std::min(text.size(), buffer.size());
    std::memcpy(buffer.data(), text.data(), n_bytes);
    text.remove_prefix(n_bytes);
    return n_bytes;
  };
}

}  // namespace copse
