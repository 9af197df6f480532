// Groups of consecutive trees, each as if it were a forest of its own.
#include <algorithm>
#include <utility>
#include <vector>

#include "kernels/lane_kernels.h"
#include "plan/layout.h"
#include "plan/shape.h"
#include "plan/tree_groups.h"

namespace copse::plan {
namespace {

// The layouts of one group, by the rows of a call.
struct Forms {
  std::vector<std::unique_ptr<Layout>> layouts;
  std::vector<Form> by_rows;
};

std::unique_ptr<Layout> MakeOne(LayoutKind kind, const Forest& forest, TreeRange trees,
                                const Columns& columns) {
  switch (kind) {
    case LayoutKind::kLeafMatch:
      return MakeLeafMatch(forest, trees, columns);
    case LayoutKind::kBitWalk:
      return MakeBitWalk(forest, trees, columns);
    case LayoutKind::kLaneSelect:
      return MakeLaneSelect(forest, trees, columns);
    case LayoutKind::kSlot4:
      return MakeSlot4(forest, trees, columns);
    default:
      return MakeNode8(forest, trees, columns);
  }
}

// There is no plain walk of some trees alone: the groups pay with the ranks of all of them.
LayoutKind Ranked(LayoutKind kind) {
  return kind == LayoutKind::kPlainWalk ? LayoutKind::kSlot4 : kind;
}

Forms FormsOf(const Forest& forest, TreeRange trees, std::size_t table_bytes_max) {
  const auto columns = Columns::Compile(forest, trees, table_bytes_max);
  if (!columns) return {};
  const auto shape = Shape::Of(forest, trees, &*columns);
  Forms forms;
  for (const Plan::Choice& choice : Choose(shape, ChosenLaneKernels().of8.narrow)) {
    // Rows that have a layout already need no other than the better one.
    const auto kinds = forms.layouts.empty() ? WithFallbacks(Ranked(choice.layout))
                                             : std::vector<LayoutKind>{choice.layout};
    for (const LayoutKind kind : kinds) {
      auto layout = MakeOne(kind, forest, trees, *columns);
      if (layout == nullptr) continue;
      const std::size_t step = kind == choice.layout ? choice.rows_step : 0;
      forms.by_rows.push_back({choice.rows_min, step, layout.get()});
      forms.layouts.push_back(std::move(layout));
      break;
    }
  }
  return forms;
}

std::size_t BytesOf(const Forms& forms) {
  std::size_t sum = 0;
  for (const auto& layout : forms.layouts) sum += layout->bytes();
  return sum;
}

class Groups final : public Layout {
 public:
  Groups(std::vector<Forms> groups, std::size_t n_outputs)
      : groups_(std::move(groups)), n_outputs_(n_outputs) {}

  void AddTrees(const RowBlock& rows, double* sums) const override {
    for (const Forms& forms : groups_) AddTreesBy(forms.by_rows, rows, n_outputs_, sums);
  }

  std::size_t bytes() const override {
    std::size_t sum = 0;
    for (const Forms& forms : groups_) sum += BytesOf(forms);
    return sum;
  }

 private:
  std::vector<Forms> groups_;
  std::size_t n_outputs_;
};

}  // namespace

std::unique_ptr<Layout> MakeGroups(const Forest& forest, TreeRange trees, const Columns& whole,
                                   std::size_t bytes_max) {
  std::vector<Forms> groups;
  for (const TreeGroup& group : GroupTrees(forest, trees)) {
    groups.push_back(FormsOf(forest, group.trees, whole.table.size()));
    const std::size_t n_bytes = BytesOf(groups.back());
    if (groups.back().layouts.empty() || n_bytes > bytes_max) return nullptr;
    bytes_max -= n_bytes;
  }
  return std::make_unique<Groups>(std::move(groups), forest.n_outputs());
}

}  // namespace copse::plan
