#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

/// Numbers to and from the little-endian bytes of a tensor.
namespace copse {

static_assert(std::endian::native == std::endian::little,
              "tensors are copied as they are; a big-endian target must swap here");

/// Copies, because tensors need not be aligned in a file. Where they are, the bytes are taken as
/// numbers where they lie: no vector has to be filled with zeros first.
template <class T>
std::vector<T> LoadNumbers(std::span<const std::uint8_t> bytes) {
  const std::size_t n = bytes.size() / sizeof(T);
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(T) == 0) {
    const auto* first = reinterpret_cast<const T*>(bytes.data());
    return std::vector<T>(first, first + n);
  }
  std::vector<T> numbers(n);
  if (n > 0) std::memcpy(numbers.data(), bytes.data(), n * sizeof(T));
  return numbers;
}

template <class T>
void AppendNumbers(std::span<const T> numbers, std::vector<std::uint8_t>& bytes) {
  const std::size_t at = bytes.size();
  bytes.resize(at + numbers.size_bytes());
  if (!numbers.empty()) std::memcpy(bytes.data() + at, numbers.data(), numbers.size_bytes());
}

}  // namespace copse
