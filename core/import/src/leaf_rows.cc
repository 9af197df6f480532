#include "leaf_rows.h"

#include <cstring>

namespace copse::importer {
namespace {

constexpr std::size_t kFirstSlots = 256;

std::uint64_t BitsOf(double x) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

// Mixing steps of splitmix64: bits of equal numbers differ in few places.
std::uint64_t HashOf(std::span<const double> row) {
  std::uint64_t hash = 0x9e3779b97f4a7c15;
  for (const double x : row) {
    hash = (hash ^ BitsOf(x)) * 0xbf58476d1ce4e5b9;
    hash ^= hash >> 29;
  }
  return hash * 0x94d049bb133111eb >> 7;
}

}  // namespace

std::uint32_t LeafRows::Append(std::span<const double> row) {
  values_.insert(values_.end(), row.begin(), row.end());
  return static_cast<std::uint32_t>(size() - 1);
}

std::uint32_t LeafRows::Number(std::span<const double> row) {
  if ((size() + 1) * 2 > slots_.size()) Grow();
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = HashOf(row) & mask;
  for (; slots_[slot] != 0; slot = (slot + 1) & mask) {
    const std::uint32_t number = slots_[slot] - 1;
    const double* known = values_.data() + number * width_;
    if (std::memcmp(known, row.data(), row.size_bytes()) == 0) return number;
  }
  const std::uint32_t number = Append(row);
  slots_[slot] = number + 1;
  return number;
}

void LeafRows::Grow() {
  slots_.assign(slots_.empty() ? kFirstSlots : slots_.size() * 2, 0);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t number = 0; number < size(); ++number) {
    std::size_t slot = HashOf(std::span(values_).subspan(number * width_, width_)) & mask;
    while (slots_[slot] != 0) slot = (slot + 1) & mask;
    slots_[slot] = static_cast<std::uint32_t>(number + 1);
  }
}

}  // namespace copse::importer
