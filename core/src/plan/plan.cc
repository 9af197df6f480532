#include "copse/plan.h"

#include <algorithm>
#include <cassert>
#include <optional>
#include <utility>

#include "kernels/lane_kernels.h"
#include "plan/columns.h"
#include "plan/layout.h"
#include "plan/shape.h"
#include "plan/tree_groups.h"
#include "text.h"
#include "walk.h"

namespace copse {
namespace {

using plan::Columns;
using plan::Layout;
using plan::RowBlock;
using plan::TreeRange;

constexpr std::size_t kBytesMin = std::size_t{1} << 20;
constexpr std::size_t kForestsMax = 3;

std::unique_ptr<Layout> MakeLayout(LayoutKind kind, const Forest& forest, const Columns& columns,
                                   std::size_t bytes_max) {
  const TreeRange trees = {0, forest.n_trees()};
  switch (kind) {
    case LayoutKind::kNode8:
      return plan::MakeNode8(forest, trees, columns);
    case LayoutKind::kSlot4:
      return plan::MakeSlot4(forest, trees, columns);
    case LayoutKind::kLaneSelect:
      return plan::MakeLaneSelect(forest, trees, columns);
    case LayoutKind::kBitWalk:
      return plan::MakeBitWalk(forest, trees, columns);
    case LayoutKind::kLeafMatch:
      return plan::MakeLeafMatch(forest, trees, columns);
    case LayoutKind::kGroups:
      return plan::MakeGroups(forest, trees, columns, bytes_max);
    case LayoutKind::kPlainWalk:
      break;
  }
  return nullptr;
}

RowBlock BlockOf(const double* rows, std::size_t n_features, std::size_t n_rows) {
  return {nullptr, rows, n_features, n_rows};
}
RowBlock BlockOf(const float* rows, std::size_t n_features, std::size_t n_rows) {
  return {rows, nullptr, n_features, n_rows};
}

// The choices where somebody asked for certain layouts: the first for one row, and from two rows on
// the last.
std::vector<Plan::Choice> Forced(const std::vector<LayoutKind>& only) {
  std::vector<Plan::Choice> choices = {{1, only.front()}};
  if (only.size() > 1) choices.push_back({2, only.back()});
  return choices;
}

}  // namespace

std::string_view LayoutName(LayoutKind kind) {
  static constexpr std::string_view kNames[] = {"plain_walk", "node8",      "slot4", "lane_select",
                                                "bit_walk",   "leaf_match", "groups"};
  return kNames[static_cast<std::size_t>(kind)];
}

Plan::Plan(const Forest& forest, const Options& options) : forest_(&forest) {
  const std::size_t bytes_max = options.bytes_max != 0
                                    ? options.bytes_max
                                    : std::max(kBytesMin, kForestsMax * forest.bytes());
  bytes_max_ = bytes_max;
  const TreeRange trees = {0, forest.n_trees()};
  const std::optional<Columns> columns = Columns::Compile(forest, trees, bytes_max / 2);
  shape_ =
      std::make_unique<plan::Shape>(plan::Shape::Of(forest, trees, columns ? &*columns : nullptr));
  if (shape_->GroupsMayPay()) shape_->TryGroups(plan::GroupTrees(forest, trees));
  // Without the memory for groups, all trees together may still have lanes.
  if (shape_->n_groups > 1 && options.only.empty() &&
      !TryMake(LayoutKind::kGroups, &*columns, bytes_max)) {
    shape_->n_groups = 1;
  }
  const std::vector<Choice> wanted =
      options.only.empty() ? plan::Choose(*shape_, plan::ChosenLaneKernels().of8.narrow)
                           : Forced(options.only);
  const Columns* const compiled = columns ? &*columns : nullptr;
  for (const Choice& choice : wanted) {
    // Rows that have a layout already need no other than the better one.
    const bool is_better = options.only.empty() && !choices_.empty();
    if (is_better && !TryMake(choice.layout, compiled, bytes_max)) continue;
    const Made& made = layouts_[Make(choice.layout, compiled, bytes_max, options.only.empty())];
    if (!choices_.empty() && choices_.back().layout == made.kind) continue;
    const std::size_t step = made.kind == choice.layout ? choice.rows_step : 0;
    choices_.push_back({choice.rows_min, made.kind, step});
    forms_.push_back({choice.rows_min, step, made.layout.get()});
    wanted_.push_back(choice.layout);
  }
}

Plan::Plan(Plan&&) noexcept = default;
Plan& Plan::operator=(Plan&&) noexcept = default;
Plan::~Plan() = default;

std::size_t Plan::Make(LayoutKind kind, const Columns* columns, std::size_t bytes_max,
                       bool with_fallbacks) {
  const std::vector<LayoutKind> kinds = with_fallbacks
                                            ? plan::WithFallbacks(kind)
                                            : std::vector<LayoutKind>{kind, LayoutKind::kPlainWalk};
  std::optional<std::size_t> made;
  for (auto kind_of = kinds.begin(); !made; ++kind_of) made = TryMake(*kind_of, columns, bytes_max);
  return *made;  // the last is the plain walk, which always fits
}

std::optional<std::size_t> Plan::TryMake(LayoutKind kind, const Columns* columns,
                                         std::size_t bytes_max) {
  const auto found = std::find_if(layouts_.begin(), layouts_.end(),
                                  [&](const Made& made) { return made.kind == kind; });
  if (found != layouts_.end()) return static_cast<std::size_t>(found - layouts_.begin());
  std::unique_ptr<Layout> layout;
  if (kind != LayoutKind::kPlainWalk) {
    if (columns == nullptr) return std::nullopt;
    const std::size_t left = bytes_max - std::min(bytes_max, bytes());
    layout = MakeLayout(kind, *forest_, *columns, left);
    if (layout == nullptr || layout->bytes() > left) return std::nullopt;
  }
  layouts_.push_back({kind, std::move(layout)});
  return layouts_.size() - 1;
}

std::size_t Plan::bytes() const {
  std::size_t sum = 0;
  for (const Made& made : layouts_) sum += made.layout ? made.layout->bytes() : 0;
  return sum;
}

std::string Plan::Reason(std::size_t choice) const {
  const LayoutKind layout = choices_[choice].layout, wanted = wanted_[choice];
  if (layout == wanted) return plan::ReasonFor(*shape_, layout);
  return text::Concat({LayoutName(wanted), " was wanted, and cannot hold these trees, or not in ",
                       bytes_max_, " bytes; this is the next best that can"});
}

template <class Number>
void Plan::Predict(std::span<const Number> rows, std::span<double> margins) const {
  const std::size_t n_outputs = forest_->n_outputs();
  const std::size_t n_rows = margins.size() / n_outputs;
  if (plan::FormFor(forms_, n_rows).layout == nullptr) {
    return forest_->PredictMargins(rows, margins);
  }
  for (std::size_t r = 0; r < n_rows; ++r) {
    walk::Start(*forest_, margins.subspan(r * n_outputs, n_outputs));
  }
  plan::AddTreesBy(forms_, BlockOf(rows.data(), forest_->n_features(), n_rows), n_outputs,
                   margins.data());
  for (std::size_t r = 0; r < n_rows; ++r) {
    walk::Finish(*forest_, forest_->trees_per_output(), margins.subspan(r * n_outputs, n_outputs));
  }
}

void Plan::PredictMargins(std::span<const double> rows, std::span<double> margins) const {
  assert(rows.size() * forest_->n_outputs() == margins.size() * forest_->n_features());
  Predict(rows, margins);
}

void Plan::PredictMargins(std::span<const float> rows, std::span<double> margins) const {
  assert(rows.size() * forest_->n_outputs() == margins.size() * forest_->n_features());
  Predict(rows, margins);
}

}  // namespace copse
