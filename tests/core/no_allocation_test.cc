// Predicting one row takes no memory: counted, because replacing the global allocation functions is
// the one way that sees everything. A program of its own for that reason.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdlib>
#include <map>
#include <new>
#include <span>
#include <string>
#include <vector>

#include "copse/model_file.h"
#include "covered_forest.h"
#include "layouts.h"
#include "model_parts.h"
#include "random_forest.h"
#include "vectors.h"

namespace {

std::size_t g_allocations = 0;

void* Allocate(std::size_t size) {
  ++g_allocations;
  void* block = std::malloc(size);
  if (block == nullptr) std::abort();
  return block;
}

void* AllocateAligned(std::size_t size, std::align_val_t alignment) {
  ++g_allocations;
  const auto n = static_cast<std::size_t>(alignment);
  void* block = std::aligned_alloc(n, (size + n - 1) / n * n);
  if (block == nullptr) std::abort();
  return block;
}

}  // namespace

void* operator new(std::size_t size) { return Allocate(size); }
void* operator new[](std::size_t size) { return Allocate(size); }
void* operator new(std::size_t size, std::align_val_t n) { return AllocateAligned(size, n); }
void* operator new[](std::size_t size, std::align_val_t n) { return AllocateAligned(size, n); }
void operator delete(void* pointer) noexcept { std::free(pointer); }
void operator delete[](void* pointer) noexcept { std::free(pointer); }
void operator delete(void* pointer, std::size_t) noexcept { std::free(pointer); }
void operator delete[](void* pointer, std::size_t) noexcept { std::free(pointer); }
void operator delete(void* pointer, std::align_val_t) noexcept { std::free(pointer); }
void operator delete[](void* pointer, std::align_val_t) noexcept { std::free(pointer); }
void operator delete(void* pointer, std::size_t, std::align_val_t) noexcept { std::free(pointer); }
void operator delete[](void* pointer, std::size_t, std::align_val_t) noexcept {
  std::free(pointer);
}

namespace copse {
namespace {

using test::Dice;
using test::ForestSpec;

constexpr std::size_t kRows = 10;

/// Allocations while each of some rows is predicted alone.
template <class Number>
std::size_t CountFor(const Forest& forest, const Plan& plan, const std::vector<Number>& rows) {
  std::vector<double> margins(forest.n_outputs());
  const std::size_t before = g_allocations;
  for (std::size_t r = 0; r < kRows; ++r) {
    plan.PredictMargins(std::span(rows).subspan(r * forest.n_features(), forest.n_features()),
                        margins);
  }
  return g_allocations - before;
}

/// A case of the test vectors, and its model, compiled.
struct CompiledCase {
  test::Case vectors;
  Model model;
};

Result<CompiledCase> ReadCompiled(const std::string& name) {
  auto found = test::ReadCase(name);
  if (!found.ok()) return found.error();
  auto model = ReadModel(found->model);
  if (!model.ok()) return model.error();
  model->Compile();
  return CompiledCase{*std::move(found), *std::move(model)};
}

/// A forest that each layout can hold, and is the likeliest to allocate for: as many columns and
/// outputs as one row may have without.
ForestSpec SpecFor(LayoutKind kind, std::size_t n_outputs, bool vector_leaves) {
  ForestSpec spec{.n_features = 64,
                  .n_trees = 100,
                  .nodes_max = 63,
                  .full = true,
                  .n_outputs = n_outputs,
                  .vector_leaves = vector_leaves};
  if (kind == LayoutKind::kLeafMatch) spec.nodes_max = 15;
  if (kind == LayoutKind::kNode8) spec.n_features = 1024;
  return spec;
}

class OneRow : public ::testing::TestWithParam<LayoutKind> {};

TEST_P(OneRow, AllocatesNothing) {
  for (const std::size_t n_outputs : {1, 2, 10, 64}) {
    for (const bool vector_leaves : {false, true}) {
      SCOPED_TRACE(std::to_string(n_outputs) + (vector_leaves ? " of a leaf" : " of trees"));
      Dice dice(n_outputs);
      ForestSpec spec = SpecFor(GetParam(), n_outputs, vector_leaves);
      const Forest forest = test::MakeForest(spec, dice);
      const Plan plan(forest, {.only = {GetParam()}});
      ASSERT_EQ(plan.choices()[0].layout, GetParam());
      const auto rows = test::MakeRows(forest, kRows, dice);
      EXPECT_EQ(CountFor(forest, plan, rows), 0u);
      EXPECT_EQ(CountFor(forest, plan, test::Narrowed(rows)), 0u) << "floats";
    }
  }
}

// Missing ways, zeros and categories are worked out beside the kernels.
TEST_P(OneRow, AllocatesNothingForOddColumns) {
  Dice dice(3);
  ForestSpec spec = SpecFor(GetParam(), 3, false);
  spec.n_features = 4;
  spec.n_trees = 10;  // fewer columns than the smallest table has
  spec.categorical_percent = 3;
  spec.known_categories = true;
  spec.missing = test::MissingMix::kAnything;
  spec.rules.aggregation = Aggregation::kMax;
  const Forest forest = test::MakeForest(spec, dice);
  ASSERT_FALSE(forest.parts().cat_node.empty());
  const Plan plan(forest, {.only = {GetParam()}});
  ASSERT_EQ(plan.choices()[0].layout, GetParam());
  const auto rows = test::MakeRows(forest, kRows, dice);
  EXPECT_EQ(CountFor(forest, plan, rows), 0u);
  EXPECT_EQ(CountFor(forest, plan, test::Narrowed(rows)), 0u) << "floats";
}

INSTANTIATE_TEST_SUITE_P(, OneRow, ::testing::ValuesIn(test::kLayouts),
                         [](const auto& param) { return std::string(LayoutName(param.param)); });

// The whole way of a row: ranks, trees, link and decision.
TEST(OneRowOfAModel, AllocatesNothing) {
  for (const char* name : {"iris", "rf_digits_balanced", "xgb_iris_softprob", "gb_wine_init_zero",
                           "logreg_wine_multinomial"}) {
    SCOPED_TRACE(name);
    const auto found = ReadCompiled(name);
    ASSERT_TRUE(found.ok()) << found.error().message;
    const auto& [vectors, model] = *found;
    if (model.forest() != nullptr) {
      ASSERT_NE(model.plan()->choices()[0].layout, LayoutKind::kPlainWalk);
    }
    const std::vector<float> narrow = test::Narrowed(vectors.rows.numbers);
    for (const Answer answer :
         {Answer::kPredict, Answer::kIndex, Answer::kProba, Answer::kMargin}) {
      std::vector<double> out(*model.Columns(answer));
      const std::size_t before = g_allocations;
      model.Predict(answer, std::span(vectors.rows.numbers).first(model.n_features()), out);
      model.Predict(answer, std::span(narrow).first(model.n_features()), out);
      EXPECT_EQ(g_allocations, before) << AnswerName(answer);
    }
  }
}

/// Memory that the way of a row through the service takes beside what holds its answers.
std::size_t CountServed(const Model& model, std::span<const double> row) {
  std::vector<double> margins(model.n_margins()), values(model.n_values());
  std::vector<double> decisions(model.n_decisions());
  const auto n_scores = model.Columns(Answer::kScore);
  std::vector<double> scores(n_scores.ok() ? *n_scores : 0);
  const std::size_t before = g_allocations;
  const bool fits = model.CheckRows(row).ok();
  model.PredictMargins(row, margins);
  model.ApplyLink(margins, values);
  model.Decide(margins, values, decisions);
  if (!scores.empty()) model.Scores(margins, scores);
  const std::size_t n = g_allocations - before;
  EXPECT_TRUE(fits);
  return n;
}

// Checked, then margins, values and decisions, each asked for: what the service does with a row.
TEST(OneRowOfTheService, AllocatesNothing) {
  std::map<LayoutKind, int> uses;
  for (const char* name : {"iris", "rf_digits_balanced", "xgb_iris_softprob", "gb_wine_init_zero",
                           "logreg_wine_multinomial", "iforest_wine", "iforest_cancer_subset",
                           "dt_digits_bestfirst", "xgb_diabetes_categorical"}) {
    SCOPED_TRACE(name);
    const auto found = ReadCompiled(name);
    ASSERT_TRUE(found.ok()) << found.error().message;
    const auto& [vectors, model] = *found;
    if (model.plan() != nullptr) ++uses[model.plan()->choices()[0].layout];
    const std::size_t n = model.n_features();
    for (std::size_t r = 0; r < vectors.rows.n_rows(); ++r) {
      EXPECT_EQ(CountServed(model, std::span(vectors.rows.numbers).subspan(r * n, n)), 0u);
    }
  }
  EXPECT_GT(uses[LayoutKind::kPlainWalk], 0) << "else no model is left to the plain walk";
  EXPECT_GT(uses.size(), 1u);
}

TEST(OneRowOfTheService, AllocatesNothingForManyOutputs) {
  constexpr std::size_t kOutputs = 64;
  std::string labels = "0";
  for (std::size_t k = 1; k < kOutputs; ++k) labels += "," + std::to_string(k);
  for (const char* link : {"identity", "softmax", "softmax_argmax", "sigmoid"}) {
    for (const bool vector_leaves : {false, true}) {
      SCOPED_TRACE(std::string(link) + (vector_leaves ? " of vectors" : ""));
      Dice dice(5);
      const Forest forest = test::MakeForest(
          {.n_trees = 200, .n_outputs = kOutputs, .vector_leaves = vector_leaves}, dice);
      ModelParts parts = test::ModelOf(forest.parts(), forest.rules());
      parts.metadata["link"] = link;
      parts.metadata["outputs"] = R"([{"name":"c","kind":"class","labels":[)" + labels +
                                  R"(],"label_type":"int","columns":[0,)" +
                                  std::to_string(kOutputs) + "]}]";
      Model model = test::MakeModel(std::move(parts));
      ASSERT_EQ(model.n_values(), kOutputs);
      const auto rows = test::MakeRows(*model.forest(), kRows, dice);
      for (const bool compiled : {false, true}) {
        if (compiled) model.Compile();
        const std::size_t n = model.n_features();
        for (std::size_t r = 0; r < kRows; ++r) {
          EXPECT_EQ(CountServed(model, std::span(rows).subspan(r * n, n)), 0u);
        }
      }
    }
  }
}

TEST(Allocations, AreCounted) {
  const std::size_t before = g_allocations;
  { const std::vector<double> numbers(100); }
  EXPECT_GT(g_allocations, before);
}

}  // namespace
}  // namespace copse
