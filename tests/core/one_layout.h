#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "layouts.h"
#include "plan/layout.h"
#include "random_forest.h"
#include "walk.h"

/// Layouts by themselves, so that no other answers in their place, against the plain walk.
namespace copse::test {

/// MakeSlot4 or the like.
using MakeLayout = std::unique_ptr<plan::Layout> (*)(const Forest&, plan::TreeRange, plan::Columns);
using Layouts = std::vector<std::unique_ptr<plan::Layout>>;
using Sizes = std::vector<std::size_t>;

inline std::unique_ptr<plan::Layout> Made(MakeLayout make, const Forest& forest,
                                          plan::TreeRange trees) {
  auto columns = plan::Columns::Compile(forest, trees, std::size_t{1} << 24);
  return columns ? make(forest, trees, std::move(*columns)) : nullptr;
}

inline plan::RowBlock BlockOf(std::span<const double> rows, std::size_t n_features) {
  return {nullptr, rows.data(), n_features, rows.size() / n_features};
}
inline plan::RowBlock BlockOf(std::span<const float> rows, std::size_t n_features) {
  return {rows.data(), nullptr, n_features, rows.size() / n_features};
}

/// Margins of `rows` in one call of each layout; a number behind them has to stay.
template <class Number>
std::vector<double> Margins(const Forest& forest, const Layouts& layouts,
                            std::span<const Number> rows) {
  constexpr double kBehind = 12345;
  const std::size_t n_outputs = forest.n_outputs(), n_rows = rows.size() / forest.n_features();
  std::vector<double> sums(n_rows * n_outputs + 1, kBehind);
  const auto of_row = [&](std::size_t r) {
    return std::span(sums).subspan(r * n_outputs, n_outputs);
  };
  for (std::size_t r = 0; r < n_rows; ++r) walk::Start(forest, of_row(r));
  for (const auto& layout : layouts) {
    layout->AddTrees(BlockOf(rows, forest.n_features()), sums.data());
  }
  for (std::size_t r = 0; r < n_rows; ++r) {
    walk::Finish(forest, forest.trees_per_output(), of_row(r));
  }
  EXPECT_EQ(sums.back(), kBehind);
  sums.pop_back();
  return sums;
}

/// Calls of each size, each from another row on.
template <class Number>
void ExpectSame(const Forest& forest, const Layouts& layouts, const std::vector<Number>& rows,
                const Sizes& batches) {
  const std::vector<double> expected = WalkPlainly(forest, rows);
  const std::size_t n_features = forest.n_features(), n_outputs = forest.n_outputs();
  const std::size_t n_rows = rows.size() / n_features;
  for (const std::size_t n : batches) {
    const std::size_t first = 5 * n % (n_rows - n + 1);
    const auto margins =
        Margins(forest, layouts, std::span(rows).subspan(first * n_features, n * n_features));
    const auto right = std::span(expected).subspan(first * n_outputs, n * n_outputs);
    const std::size_t at = FirstDifference(margins, right);
    ASSERT_EQ(at, margins.size()) << "call of " << n << ", row " << at / n_outputs << ": "
                                  << Exactly(margins[at]) << ", not " << Exactly(right[at]);
  }
}

/// `spec` with every kind of sum that trees of `n_outputs` can have.
inline std::vector<ForestSpec> EverySum(ForestSpec spec, std::size_t n_outputs) {
  std::vector<ForestSpec> specs;
  spec.n_outputs = n_outputs;
  spec.vector_leaves = spec.pure_leaves = spec.linear_leaves = false;
  for (const Forest::Rules& rules :
       {Forest::Rules{}, Forest::Rules{.aggregation = Aggregation::kMin},
        Forest::Rules{.aggregation = Aggregation::kMax},
        Forest::Rules{.input = Precision::kFloat32, .accumulate = Precision::kFloat32}}) {
    spec.rules = rules;
    specs.push_back(spec);
  }
  spec.linear_leaves = true;
  specs.push_back(spec);
  spec.linear_leaves = false;
  spec.rules = {.aggregation = Aggregation::kMean};
  spec.vector_leaves = n_outputs > 1;
  specs.push_back(spec);
  spec.pure_leaves = spec.vector_leaves;
  specs.push_back(spec);
  spec.rules = {.allow_nonfinite = true};
  specs.push_back(spec);
  return specs;
}

}  // namespace copse::test
