#pragma once

#include <cstdint>
#include <span>
#include <vector>

/// Leaf rows [*, width] that differ in their bits, each stored once. (Internal to the assembler.)
namespace copse::importer {

class LeafRows {
 public:
  explicit LeafRows(std::size_t width) : width_(width) {}

  /// The number of the row that has the bits of `row` [width]: a known one, or the next.
  std::uint32_t Number(std::span<const double> row);
  /// The next number, also where an equal row is known.
  std::uint32_t Append(std::span<const double> row);

  std::size_t size() const { return values_.size() / width_; }
  const std::vector<double>& values() const { return values_; }

 private:
  void Grow();

  std::size_t width_;
  std::vector<double> values_;
  std::vector<std::uint32_t> slots_;  // open addressing: number + 1, or 0
};

}  // namespace copse::importer
