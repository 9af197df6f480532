#include "byte_source.h"

#include <algorithm>
#include <cstring>

namespace copse {
namespace {

constexpr std::size_t kReadBytes = std::size_t{256} << 10;

}  // namespace

ByteSource SourceOf(std::string_view text) {
  return [text](std::span<char> buffer) mutable -> Result<std::size_t> {
    const std::size_t n_bytes = std::min(text.size(), buffer.size());
    std::memcpy(buffer.data(), text.data(), n_bytes);
    text.remove_prefix(n_bytes);
    return n_bytes;
  };
}

Result<bool> InputBuffer::Fill() {
  const std::size_t used = end_ - begin_;
  std::memmove(bytes_.data(), bytes_.data() + begin_, used);
  begin_ = 0;
  end_ = used;
  // Doubled, so that a long record is moved a few times and not once a read.
  const std::size_t needed = end_ + std::max(kReadBytes, used);
  if (bytes_.size() < needed) bytes_.resize(needed);
  auto n_bytes = source_(std::span(bytes_).subspan(end_));
  if (!n_bytes.ok()) return n_bytes.error();
  end_ += *n_bytes;
  return *n_bytes > 0;
}

}  // namespace copse
