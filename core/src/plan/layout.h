#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "plan/columns.h"
#include "plan/leaf_values.h"
#include "plan/ranker.h"

namespace copse::plan {

/// One compiled form of a range of trees. Immutable; safe to share between threads.
class Layout {
 public:
  Layout() = default;
  Layout(const Layout&) = delete;
  Layout& operator=(const Layout&) = delete;
  virtual ~Layout() = default;

  /// Adds every tree of the range, in order, to `sums` [n_rows, K] (see LeafValues). Any number of
  /// rows, though each layout has those it is good at. Allocates nothing for one row (up to 1,024
  /// columns), and a bounded scratch (a few MB) for many.
  virtual void AddTrees(const RowBlock& rows, double* sums) const = 0;

  /// Everything it keeps.
  virtual std::size_t bytes() const = 0;
};

/// What layouts can hold, beside their memory: ranks of a byte and of two (slot4 keeps the highest
/// for leaves), leaves and depth of a tree, columns.
inline constexpr std::uint32_t kRank8Max = 255, kRank16Max = 65'535, kSlotRankMax = 65'534;
inline constexpr std::size_t kLeafMatchLeavesMax = 32, kBitWalkDepthMax = 6;
inline constexpr std::size_t kLane8LeavesMax = 256, kLane16LeavesMax = 1'024;
inline constexpr std::size_t kLaneColumnsMax = 4'096, kSlotColumnsMax = 64;

/// A layout, and the rows that it is for: see Plan::Choice. Null for the plain walk.
struct Form {
  std::size_t rows_min = 1, rows_step = 0;
  const Layout* layout = nullptr;
};

/// That for so many rows; `forms` rise.
inline const Form& FormFor(std::span<const Form> forms, std::size_t n_rows) {
  std::size_t at = forms.size() - 1;
  while (at > 0 && n_rows < forms[at].rows_min) --at;
  return forms[at];
}

/// Layout::AddTrees by the form for these rows, whose layout is not null, and what is left over of
/// its groups by the form before.
inline void AddTreesBy(std::span<const Form> forms, const RowBlock& rows, std::size_t n_outputs,
                       double* sums) {
  const Form& form = FormFor(forms, rows.n_rows);
  const std::size_t rest = form.rows_step > 0 ? rows.n_rows % form.rows_step : 0;
  const bool splits = rest > 0 && rest < form.rows_min && rest < rows.n_rows;
  const Form& few = splits ? FormFor(forms, rest) : form;
  if (!splits || few.layout == nullptr) return form.layout->AddTrees(rows, sums);
  const std::size_t n = rows.n_rows - rest;
  form.layout->AddTrees(rows.Sub(0, n), sums);
  few.layout->AddTrees(rows.Sub(n, rest), sums + n * n_outputs);
}

/// Each returns null where the trees do not fit the layout. `columns` is a copy to take over.

/// Many rows; trees of up to 256 leaves with ranks of 8 bits, of up to 1,024 with ranks of 16: one
/// lane a row.
std::unique_ptr<Layout> MakeLaneSelect(const Forest& forest, TreeRange trees, Columns columns);
/// A few rows, trees of depth <= 6, ranks of 8 bits; best up to 64 columns.
std::unique_ptr<Layout> MakeBitWalk(const Forest& forest, TreeRange trees, Columns columns);
/// A few rows, trees of up to 32 leaves, ranks of 8 bits; best up to 64 columns.
std::unique_ptr<Layout> MakeLeafMatch(const Forest& forest, TreeRange trees, Columns columns);
/// Any depth, ranks of 16 bits, up to 64 columns: four-byte nodes in pages.
std::unique_ptr<Layout> MakeSlot4(const Forest& forest, TreeRange trees, Columns columns);
/// Any trees, ranks of 32 bits: eight-byte nodes.
std::unique_ptr<Layout> MakeNode8(const Forest& forest, TreeRange trees, Columns columns);
/// Groups of consecutive trees (see GroupTrees), each with columns of its own and the layouts that
/// are best for it; worth it from two groups on. `whole` bounds their category tables. Null as soon
/// as they take more than `bytes_max`.
std::unique_ptr<Layout> MakeGroups(const Forest& forest, TreeRange trees, const Columns& whole,
                                   std::size_t bytes_max);

}  // namespace copse::plan
