// A model file, or a forest that the bytes choose: every layout, on every instruction set, answers
// the bits of the plain walk for rows on, beside and far from its thresholds.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "check.h"
#include "copse/model_file.h"
#include "layouts.h"
#include "random_forest.h"

namespace copse::test {
namespace {

// More than one vector of lanes; and more than a group of four of the widest.
constexpr std::size_t kRowsFew = 70, kRowsMany = 300;
// What one call may take: larger models are for other tests.
constexpr std::size_t kNodesMax = 5000, kValuesMax = 1 << 16, kStepsMax = 600;

// The first choices of the bytes, so that seeds can make them.
struct Way {
  explicit Way(Dice& dice)
      : target(dice.OneOf(AllTargets())), n_rows(dice.Chance(15) ? kRowsMany : kRowsFew) {}

  static const std::vector<std::string_view>& AllTargets() {
    static const std::vector<std::string_view> kTargets = Plan::Targets();
    return kTargets;
  }

  std::string target;
  std::size_t n_rows;
};

// Sizes of calls: odd ones, and those at which the plan changes its ways.
std::set<std::size_t> Batches(const Plan& plan, std::size_t n_rows) {
  std::set<std::size_t> sizes = {1, 2, 25, n_rows};
  for (const Plan::Choice& choice : plan.choices()) {
    for (const std::size_t n :
         {choice.rows_min, choice.rows_step, choice.rows_step + choice.rows_min}) {
      for (const std::size_t size : {n - 1, n, n + 1}) {
        if (size >= 1 && size <= n_rows) sizes.insert(size);
      }
    }
  }
  return sizes;
}

// Rows, and what the plain walk answers.
template <class Number>
struct Expected {
  Expected(const Forest& forest, std::vector<Number> some)
      : rows(std::move(some)), margins(WalkPlainly(forest, rows)) {}

  void Check(const Forest& forest, const Plan& plan, const std::string& what) const {
    const std::size_t n_rows = rows.size() / forest.n_features();
    for (const std::size_t n : Batches(plan, n_rows)) {
      const std::string found = Differs(forest, plan, rows, margins, n_rows - n, n);
      Demand(found.empty(), what + ": " + found);
    }
  }

  std::vector<Number> rows;
  std::vector<double> margins;
};

void CheckLayouts(const Forest& forest, const Way& way, Dice& dice) {
  Plan::LimitTarget(way.target);
  const Expected<double> doubles(forest, MakeRows(forest, way.n_rows, dice));
  const Expected<float> floats(forest, Narrowed(doubles.rows));
  std::vector<std::vector<LayoutKind>> choices = {{}};
  for (const LayoutKind kind : kLayouts) choices.push_back({kind});
  for (const auto& only : choices) {
    const Plan plan(forest, {.only = only});
    if (!only.empty() && plan.choices()[0].layout != only[0]) continue;
    const std::string what =
        way.target + ", " + (only.empty() ? "free choice" : std::string(LayoutName(only[0])));
    Demand(plan.bytes() <= std::max(std::size_t{1} << 20, 3 * forest.bytes()), what + ": memory");
    doubles.Check(forest, plan, what);
    floats.Check(forest, plan, what + ", floats");
  }
}

// Many small forests find more than few large ones; now and then there are as many small trees as
// more than one chunk of them holds, or two (see ChunkTrees). An output without a tree may be
// refused.
ForestSpec ChooseSpec(Dice& dice) {
  constexpr std::size_t kTreesFew = 9, kTreesMany = 130;
  const bool many = dice.Below(8) == 0;
  ForestSpec spec = RandomSpec(dice);
  if (many) {
    spec.n_trees = std::max(dice.Between(31, kTreesMany), spec.n_outputs);
    spec.nodes_max = std::min<std::size_t>(spec.nodes_max, dice.Chance(70) ? 7 : 31);
  } else {
    spec.n_trees = std::min(spec.n_trees, std::max(kTreesFew, spec.n_outputs));
  }
  return spec;
}

bool IsSmall(const Forest& forest, std::size_t n_rows) {
  return forest.n_nodes() <= kNodesMax && forest.n_trees() <= kNodesMax &&
         forest.n_features() <= kValuesMax / n_rows && forest.n_outputs() <= kValuesMax / n_rows;
}

// Many rows only where they do not take long.
void CheckSmall(const Forest& forest, Way way, Dice& dice) {
  const bool is_slow = forest.n_trees() * (forest.max_depth() + forest.n_outputs()) > kStepsMax;
  if (is_slow || !IsSmall(forest, way.n_rows)) way.n_rows = kRowsFew;
  if (IsSmall(forest, way.n_rows)) CheckLayouts(forest, way, dice);
}

}  // namespace
}  // namespace copse::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace copse;
  test::Dice dice(std::span<const std::uint8_t>(data, size));
  const test::Way way(dice);
  // No mutation finds a right checksum: its key is put out of sight.
  constexpr std::string_view kKey = "\"sha256\"";
  std::vector<std::uint8_t> bytes(data, data + size);
  const auto key = std::search(bytes.begin(), bytes.end(), kKey.begin(), kKey.end());
  if (key != bytes.end()) key[1] = 'S';
  const auto model = ReadModel(bytes);
  if (!model.ok()) {
    test::CheckSmall(test::MakeForest(test::ChooseSpec(dice), dice), way, dice);
  } else if (model->forest() != nullptr) {
    test::CheckSmall(*model->forest(), way, dice);
  }
  return 0;
}
