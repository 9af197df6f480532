#include "plan/leaf_values.h"

#include <algorithm>
#include <cmath>

#include "at_once.h"
#include "walk.h"

namespace copse::plan {
namespace {

constexpr std::uint32_t kNone = ~std::uint32_t{0};

std::size_t LeafRow(const ForestParts& parts, std::uint32_t leaf) {
  return parts.leaf_row.empty() ? leaf : parts.leaf_row[leaf];
}

SumKind KindOf(const Forest& forest) {
  const ForestParts& parts = forest.parts();
  const bool adds = forest.rules().aggregation <= Aggregation::kMean;
  if (!adds || !parts.linear_begin.empty()) return SumKind::kGeneral;
  const bool floats = forest.rules().accumulate == Precision::kFloat32;
  if (parts.leaf_width == 1) return floats ? SumKind::kFloat : SumKind::kDouble;
  return floats ? SumKind::kGeneral : SumKind::kVector;
}

// Whether adding +0.0 to a sum can change it: only a sum of -0.0, and rounding to nearest gives
// -0.0 for a + b only where both are -0.0. So sums are never -0.0 unless they start there; adding
// -0.0 changes nothing at all.
bool ZerosCount(const Forest& forest) {
  if (forest.rules().aggregation != Aggregation::kSum) return false;  // these start from +0.0
  const Reals& base = forest.parts().base;
  for (std::size_t k = 0; k < Count(base); ++k) {
    if (At(base, k) == 0 && std::signbit(At(base, k))) return true;
  }
  return false;
}

// The class of which row `leaf_row` is 1.0, all others being zero, or kNone.
std::uint32_t OneClass(const ForestParts& parts, std::size_t leaf_row) {
  std::uint32_t found = kNone;
  for (std::size_t k = 0; k < parts.leaf_width; ++k) {
    const double value = At(parts.leaf_value, leaf_row * parts.leaf_width + k);
    if (value == 0) continue;
    if (value != 1 || found != kNone) return kNone;
    found = static_cast<std::uint32_t>(k);
  }
  return found;
}

// Leaves that are one class, or a vector. What a leaf row becomes is found once, however many
// leaves hold it: `payload_of` [rows] is kNone until then.
[[gnu::noinline]] void CompileSome(const ForestParts& parts, std::span<const std::uint32_t> leaves,
                                   bool zeros_count, std::vector<std::uint32_t>& payload_of,
                                   LeafValues& out) {
  const std::size_t width = parts.leaf_width;
  for (const std::uint32_t leaf : leaves) {
    const std::size_t leaf_row = LeafRow(parts, leaf);
    std::uint32_t& payload = payload_of[leaf_row];
    if (payload == kNone && !zeros_count) payload = OneClass(parts, leaf_row);
    if (payload == kNone) {
      payload = static_cast<std::uint32_t>(width + out.vectors.size() / width);
      for (std::size_t k = 0; k < width; ++k) {
        out.vectors.push_back(At(parts.leaf_value, leaf_row * width + k));
      }
    }
    out.payload.push_back(payload);
  }
}

void CompileVectors(const Forest& forest, std::span<const std::uint32_t> slots, LeafValues& out) {
  const ForestParts& parts = forest.parts();
  const bool zeros_count = ZerosCount(forest);
  std::vector<std::uint32_t> payload_of(Count(parts.leaf_value) / parts.leaf_width, kNone);
  out.payload.reserve(slots.size());
  for (std::size_t i = 0; i < slots.size(); i += kAtOnce) {
    const auto some = slots.subspan(i, std::min(kAtOnce, slots.size() - i));
    CompileSome(parts, some, zeros_count, payload_of, out);
  }
  out.vectors.shrink_to_fit();
}

}  // namespace

LeafValues LeafValues::Compile(const Forest& forest, TreeRange trees,
                               std::span<const std::uint32_t> slots) {
  const ForestParts& parts = forest.parts();
  LeafValues out;
  out.kind = KindOf(forest);
  out.n_outputs = forest.n_outputs();
  out.outputs.assign(trees.size(), 0);
  if (!parts.tree_output.empty()) {
    std::copy_n(parts.tree_output.begin() + static_cast<std::ptrdiff_t>(trees.begin), trees.size(),
                out.outputs.begin());
  }
  const auto value = [&](std::uint32_t leaf) { return At(parts.leaf_value, LeafRow(parts, leaf)); };
  switch (out.kind) {
    case SumKind::kFloat:
      out.floats.reserve(slots.size());
      for (const std::uint32_t leaf : slots) out.floats.push_back(static_cast<float>(value(leaf)));
      break;
    case SumKind::kDouble:
      out.doubles.reserve(slots.size());
      for (const std::uint32_t leaf : slots) out.doubles.push_back(value(leaf));
      break;
    case SumKind::kVector:
      CompileVectors(forest, slots, out);
      break;
    case SumKind::kGeneral:
      out.leaves.assign(slots.begin(), slots.end());
      break;
  }
  return out;
}

std::size_t LeafValues::bytes() const {
  return floats.size() * sizeof(float) + doubles.size() * sizeof(double) +
         payload.size() * sizeof(std::uint32_t) + vectors.size() * sizeof(double) +
         leaves.size() * sizeof(std::uint32_t) + outputs.size() * sizeof(std::uint16_t);
}

void AddLeaf(const Forest& forest, std::size_t tree, std::uint32_t leaf, const RowBlock& rows,
             std::size_t r, std::span<double> sums) {
  const std::size_t first = r * rows.n_features;
  if (rows.floats != nullptr) {
    walk::AddLeaf(forest, tree, leaf, rows.floats + first, sums);
  } else {
    walk::AddLeaf(forest, tree, leaf, rows.doubles + first, sums);
  }
}

}  // namespace copse::plan
