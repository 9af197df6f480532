// A model file, or a forest that the bytes choose: every layout, on every instruction set, answers
// the bits of the plain walk for rows on, beside and far from its thresholds.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "check.h"
#include "copse/model_file.h"
#include "layouts.h"
#include "random_forest.h"

namespace copse::test {
namespace {

constexpr std::size_t kRows = 70;  // more than one vector of lanes
// What one call may take: larger models are for other tests.
constexpr std::size_t kNodesMax = 5000, kValuesMax = 1 << 16;

template <class Number>
void CheckPlan(const Forest& forest, const Plan& plan, const std::vector<Number>& rows,
               const std::string& what) {
  const std::vector<double> expected = WalkPlainly(forest, rows);
  for (const std::size_t n : {std::size_t{1}, std::size_t{2}, std::size_t{25}, kRows}) {
    const std::string found = Differs(forest, plan, rows, expected, kRows - n, n);
    Demand(found.empty(), what + ": " + found);
  }
}

void CheckLayouts(const Forest& forest, Dice& dice) {
  static const std::vector<std::string_view> kTargets = Plan::Targets();
  const std::string target(dice.OneOf(kTargets));
  Plan::LimitTarget(target);
  const std::vector<double> rows = MakeRows(forest, kRows, dice);
  std::vector<std::vector<LayoutKind>> choices = {{}};
  for (const LayoutKind kind : kLayouts) choices.push_back({kind});
  for (const auto& only : choices) {
    const Plan plan(forest, {.only = only});
    const std::string what =
        target + ", " + (only.empty() ? "free choice" : std::string(LayoutName(only[0])));
    Demand(plan.bytes() <= std::max(std::size_t{1} << 20, 3 * forest.bytes()), what + ": memory");
    CheckPlan(forest, plan, rows, what);
    CheckPlan(forest, plan, Narrowed(rows), what + ", floats");
  }
}

bool IsSmall(const Forest& forest) {
  return forest.n_nodes() <= kNodesMax && forest.n_trees() <= kNodesMax &&
         forest.n_features() <= kValuesMax / kRows && forest.n_outputs() <= kValuesMax / kRows;
}

}  // namespace
}  // namespace copse::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace copse;
  constexpr std::size_t kTreesMax = 9;  // more than one vector of eight
  test::Dice dice(std::span<const std::uint8_t>(data, size));
  // No mutation finds a right checksum: its key is put out of sight.
  constexpr std::string_view kKey = "\"sha256\"";
  std::vector<std::uint8_t> bytes(data, data + size);
  const auto key = std::search(bytes.begin(), bytes.end(), kKey.begin(), kKey.end());
  if (key != bytes.end()) key[1] = 'S';
  const auto model = ReadModel(bytes);
  if (model.ok()) {
    const Forest* forest = model->forest();
    if (forest != nullptr && test::IsSmall(*forest)) test::CheckLayouts(*forest, dice);
    return 0;
  }
  test::ForestSpec spec = test::RandomSpec(dice);
  // Many small forests find more than few large ones; an output without a tree may be refused.
  spec.n_trees = std::min(spec.n_trees, std::max(kTreesMax, spec.n_outputs));
  test::CheckLayouts(test::MakeForest(spec, dice), dice);
  return 0;
}
