#include "bench.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include "bench_report.h"
#include "bench_rows.h"
#include "loaded_model.h"

namespace copse {
namespace {

std::shared_ptr<const LoadedModel> Iris() {
  auto loaded = LoadModel(COPSE_SOURCE_DIR "/models/iris.safetensors");
  EXPECT_TRUE(loaded.ok());
  return *loaded;
}

TEST(SyntheticRows, AreTheSameOnEveryRun) {
  const auto iris = Iris();
  EXPECT_EQ(SyntheticRows(iris->model, 50), SyntheticRows(iris->model, 50));
}

TEST(SyntheticRows, CanBeUsedAndDiffer) {
  const auto iris = Iris();
  const std::vector<double> values = SyntheticRows(iris->model, 1000);
  ASSERT_EQ(values.size(), 4000U);
  EXPECT_TRUE(iris->model.CheckRows(values).ok());
  std::set<std::vector<double>> rows;
  for (std::size_t i = 0; i < values.size(); i += 4) {
    rows.emplace(values.begin() + i, values.begin() + i + 4);
  }
  EXPECT_EQ(rows.size(), 1000U);
}

TEST(SyntheticRows, TakeBothWaysOfEverySplit) {
  const auto iris = Iris();
  const ForestParts& parts = iris->model.forest()->parts();
  const std::vector<double> values = SyntheticRows(iris->model, 2000);
  for (std::size_t node = 0; node < parts.left.size(); ++node) {
    std::size_t n_left = 0;
    for (std::size_t at = parts.feature[node]; at < values.size(); at += 4) {
      n_left += values[at] <= At(parts.threshold, node) ? 1 : 0;
    }
    EXPECT_GT(n_left, 0U) << "node " << node;
    EXPECT_LT(n_left, 2000U) << "node " << node;
  }
}

TEST(MarginsInBatches, AreThoseOfAllRowsAtOnce) {
  const auto iris = Iris();
  const BenchRows rows(iris->model, SyntheticRows(iris->model, 101));
  const Evaluate walk = EvaluateWith(*iris->model.forest(), rows, 3);
  const auto all = MarginsInBatches(walk, rows.size(), rows.size(), 3);
  EXPECT_TRUE(SameBits(MarginsInBatches(walk, rows.size(), 7, 3), all));
}

TEST(SplitByRows, AnswersWhatOneThreadAnswers) {
  const auto iris = Iris();
  const BenchRows rows(iris->model, SyntheticRows(iris->model, 1500));
  const Evaluate walk = EvaluateWith(*iris->model.forest(), rows, 3);
  RowPool pool(3);
  const Evaluate split = SplitByRows(walk, pool, 4, 3);
  EXPECT_TRUE(SameBits(MarginsInBatches(split, rows.size(), 1000, 3),
                       MarginsInBatches(walk, rows.size(), 1000, 3)));
}

TEST(SameBits, TellsZerosApartButNotNans) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(SameBits(std::vector{1.0, nan}, std::vector{1.0, -nan}));
  EXPECT_FALSE(SameBits(std::vector{0.0}, std::vector{-0.0}));
  EXPECT_FALSE(SameBits(std::vector{1.0}, std::vector{std::nextafter(1.0, 2.0)}));
  EXPECT_FALSE(SameBits(std::vector{1.0}, std::vector{1.0, 2.0}));
}

TEST(TimeInTurns, CallsEverySubjectWithRowsThatExist) {
  constexpr std::size_t kRows = 10, kBatch = 4;
  std::size_t n_calls = 0;
  const Evaluate subject = [&](std::size_t first, std::size_t n, std::span<double> margins) {
    EXPECT_LE(first + n, kRows);
    EXPECT_EQ(n, kBatch);
    EXPECT_EQ(margins.size(), kBatch * 2);
    ++n_calls;
  };
  const auto timings = TimeInTurns({&subject, 1}, kRows, kBatch, 2);
  ASSERT_EQ(timings.size(), 1U);
  EXPECT_GE(timings[0].n_runs, 3U);
  EXPECT_GT(n_calls, timings[0].n_runs);
  EXPECT_GT(timings[0].ns_per_row, 0);
  EXPECT_LE(timings[0].ns_per_row_fastest, timings[0].ns_per_row);
}

TEST(BenchReport, IsExactOnlyIfEveryPartIs) {
  BenchReport report;
  report.cells = {
      {.batch = 1, .layout = "slot4", .timing = {}, .plain_walk = {}, .is_exact = true}};
  EXPECT_TRUE(report.is_exact());
  report.tuned = {{.layout = "node8", .timings = {}, .is_exact = false}};
  EXPECT_FALSE(report.is_exact());
}

}  // namespace
}  // namespace copse
