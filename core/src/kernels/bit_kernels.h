#pragma once

#include <cstddef>
#include <cstdint>

// Small trees for one row: every test of a tree at once, then one bit for each.
//
// The ranks of a row are a table of up to 64 bytes. What the tests of a tree compare is fetched
// from it by byte permutes, 16 to 64 tests an instruction, and one compare makes a bit of each: 1
// where the row goes right. How the bits of a tree lead to its leaf is up to the layout: they are
// walked like a heap (bit walk) or compared with what each leaf expects of them (leaf match), in
// both cases for several trees at once, in lanes as wide as a tree has tests. No branch depends on
// the row.
namespace copse::plan {

/// 64 tests: right if and only if the rank that the row has for the column of `codes` is above that
/// of `ranks`, which is less 128: the signed compare of bytes is one instruction everywhere.
struct TestBlock {
  alignas(64) std::uint8_t codes[64];  ///< BitKernels::CodeOf the column
  alignas(64) std::int8_t ranks[64];
};

/// 64 bytes of what the leaves of a chunk of trees expect.
struct MatchLine {
  alignas(64) std::uint8_t bytes[64];
};

/// Trees of which the bits are resolved together: lanes fill whole vectors and lines.
constexpr std::size_t ChunkTrees(std::size_t mask_bytes) { return mask_bytes == 1 ? 64 : 32; }
inline constexpr std::size_t kChunkTreesMax = 64;

/// The loops, compiled for one processor.
struct BitKernels {
  /// bits [8 * n_blocks bytes]: bit i is test i. `row` [64] are ranks, of columns that no test
  /// names anything.
  using Compare = void (*)(const std::uint8_t* row, const TestBlock* blocks, std::size_t n_blocks,
                           std::uint8_t* bits);
  /// From the bits of `n_trees` <= ChunkTrees trees to the leaf that each reaches, counted inside
  /// its tree. `masks` is aligned to 64 bytes and, like `leaves`, filled up to ChunkTrees: what
  /// lies behind n_trees may be anything. `lines` and `n_leaves` are for leaf match:
  ///
  /// for each leaf but leaf 0, from 1 on, an array `care` and an array `want`, one lane for each
  /// tree of the chunk: the leaf is reached if and only if (mask & care) == want. A tree of fewer
  /// leaves than the chunk's largest wants what cannot be.
  using Resolve = void (*)(const std::uint8_t* masks, const MatchLine* lines, std::size_t n_leaves,
                           std::size_t n_trees, std::uint8_t* leaves);
  /// Adds the row of `table` [., 4] that is at offsets[t * width + leaves[t]] to `sums` [4], tree
  /// by tree.
  using AddVectors = void (*)(const double* table, const std::uint32_t* offsets, std::size_t width,
                              const std::uint8_t* leaves, std::size_t n_trees, double* sums);

  Compare compare[3] = {};   ///< up to 16, 32, 64 columns
  bool whole_table = false;  ///< one permute reaches all 64 columns
  Resolve walk5 = nullptr;   ///< 32 bits a tree: node i of the heap (root 1) is bit i; 32 leaves
  Resolve walk6 = nullptr;   ///< 64 bits a tree, 64 leaves
  Resolve match8 = nullptr, match16 = nullptr, match32 = nullptr;  ///< so many bits and leaves
  AddVectors add_vectors = nullptr;

  const Compare& CompareFor(std::size_t n_columns) const {
    return compare[n_columns <= 16 ? 0 : n_columns <= 32 ? 1 : 2];
  }
  /// How a test names a column: bits 0-3 the byte in a table of 16, bit 7 the odd tables (a look-up
  /// gives 0 there), bit 6 the upper two.
  std::uint8_t CodeOf(std::size_t column) const {
    if (whole_table) return static_cast<std::uint8_t>(column);
    return static_cast<std::uint8_t>((column & 15) | (column & 16) << 3 | (column & 32) << 1);
  }
};

/// The best that the processor (and LimitTarget) allows.
const BitKernels& ChosenBitKernels();

}  // namespace copse::plan
