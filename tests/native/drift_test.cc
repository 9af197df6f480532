// What live rows are compared with, and what comes out.
#include "drift.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "model_parts.h"
#include "row_fixtures.h"

namespace copse {
namespace {

using std::nan;

Model IrisWith(const std::string& histograms) {
  const Model& iris = test::Iris();
  ModelParts parts;
  parts.metadata = iris.metadata();
  parts.metadata["training_histograms"] = histograms;
  parts.forest = iris.forest()->parts();
  parts.feature_min.assign(iris.feature_min().begin(), iris.feature_min().end());
  parts.feature_max.assign(iris.feature_max().begin(), iris.feature_max().end());
  return test::MakeModel(std::move(parts));
}

// Rows whose first feature has these values.
std::vector<double> Rows(const std::vector<double>& values) {
  std::vector<double> rows;
  for (const double value : values) rows.insert(rows.end(), {value, 3.0, 1.4, 0.2});
  return rows;
}

constexpr const char* kHalves =
    R"([{"edges":[5.5],"counts":[60,60],"missing":0},null,{"edges":[2,5],"counts":[1,1,2]},null])";

TEST(DriftBaseline, HistogramsOfTheFileGoFirst) {
  const Model model = IrisWith(kHalves);
  const DriftBaseline baseline = DriftBaseline::Of(model);
  EXPECT_EQ(baseline.source, BaselineSource::kHistograms);
  ASSERT_EQ(baseline.features.size(), 4u);
  EXPECT_EQ(baseline.features[0].edges, std::vector<double>{5.5});
  EXPECT_EQ(baseline.features[0].shares, (std::vector<double>{0.5, 0.5}));
  EXPECT_EQ(baseline.features[0].missing_share, 0);
  EXPECT_TRUE(baseline.features[1].shares.empty());
  EXPECT_EQ(baseline.features[2].shares, (std::vector<double>{0.25, 0.25, 0.5}));
  EXPECT_TRUE(std::isnan(baseline.features[2].missing_share));
  EXPECT_EQ(baseline.features[0].min, 4.3);
  EXPECT_EQ(baseline.features[0].max, 7.7);
}

TEST(DriftBaseline, HistogramsThatCannotBeAreLeftOut) {
  for (const char* text :
       {"", "{", "null", "[]", "[null,null,null]", R"([{"edges":[1],"counts":[1]},null,null,null])",
        R"([{"edges":[2,1],"counts":[1,1,1]},null,null,null])",
        R"([{"edges":[1],"counts":[0,0]},null,null,null])",
        R"([{"edges":[1],"counts":[-1,2]},null,null,null])",
        R"([{"edges":["1"],"counts":[1,2]},null,null,null])",
        R"([{"edges":[1,1],"counts":[1,2,3]},null,null,null])"}) {
    EXPECT_EQ(DriftBaseline::Of(IrisWith(text)).source, BaselineSource::kTrees) << text;
  }
}

TEST(DriftBaseline, RootsOfTreesTellHowTheTrainingDataWasSpread) {
  const DriftBaseline baseline = DriftBaseline::Of(IrisWith(""));
  EXPECT_EQ(baseline.source, BaselineSource::kTrees);
  std::size_t n_known = 0;
  for (const FeatureBaseline& feature : baseline.features) {
    if (feature.shares.empty()) continue;
    ++n_known;
    ASSERT_EQ(feature.shares.size(), feature.edges.size() + 1);
    double total = 0;
    for (const double share : feature.shares) {
      EXPECT_GE(share, 0.08 - 1e-12);
      total += share;
    }
    EXPECT_NEAR(total, 1, 1e-12);
    for (std::size_t i = 1; i < feature.edges.size(); ++i) {
      EXPECT_LT(feature.edges[i - 1], feature.edges[i]);
    }
  }
  EXPECT_GE(n_known, 3u) << "a forest looks at every feature first in some tree";
}

TEST(Drift, CountsWhatIsOutsideAndWhatIsMissing) {
  const Model model = IrisWith(kHalves);
  Drift drift(model);
  drift.Note(Rows({4.2, 4.3, 7.7, 7.8, 9, nan("")}));
  const auto state = drift.Now();
  EXPECT_EQ(state.rows, 6u);
  EXPECT_EQ(state.window_rows, 6u);
  EXPECT_EQ(state.features[0].below, 1u);
  EXPECT_EQ(state.features[0].above, 2u);
  EXPECT_EQ(state.features[0].missing, 1u);
  EXPECT_EQ(state.features[1].missing, 0u);
}

TEST(Drift, TheIndexIsThatOfTheFormula) {
  const Model model = IrisWith(kHalves);
  Drift drift(model);
  EXPECT_TRUE(std::isnan(drift.Now().features[0].psi)) << "no rows yet";
  drift.Note(Rows({5, 5.5, 6, 7}));  // an edge belongs to the bin below
  EXPECT_NEAR(drift.Now().features[0].psi, 0, 1e-12);
  EXPECT_TRUE(std::isnan(drift.Now().features[1].psi)) << "nothing to compare with";
  drift.Note(Rows({6, 6, 6, 6}));
  EXPECT_NEAR(drift.Now().features[0].psi,
              (0.25 - 0.5) * std::log(0.25 / 0.5) + (0.75 - 0.5) * std::log(0.75 / 0.5), 1e-12);
  drift.Note(Rows(std::vector<double>(8, nan(""))));  // training had none missing
  EXPECT_NEAR(drift.Now().features[0].psi,
              (0.125 - 0.5) * std::log(0.125 / 0.5) + (0.375 - 0.5) * std::log(0.375 / 0.5) +
                  (0.5 - 1e-4) * std::log(0.5 / 1e-4),
              1e-12);
}

TEST(Drift, ValuesAreSortedAsTheModelReadsThem) {
  const Model model = IrisWith(R"([{"edges":[5.5],"counts":[1,1]},null,null,null])");
  ASSERT_EQ(model.input(), Precision::kFloat32);
  Drift drift(model);
  drift.Note(Rows({5.5 + 1e-9, 6}));
  EXPECT_NEAR(drift.Now().features[0].psi, 0, 1e-12) << "as float32 the first one is 5.5";
  // No float32 is 3.4: the nearest one is larger.
  const Model other = IrisWith(R"([{"edges":[3.4],"counts":[1,1]},null,null,null])");
  Drift of_other(other);
  of_other.Note(Rows({3.4, 3.5}));
  EXPECT_NEAR(of_other.Now().features[0].psi, 0, 1e-12);
}

TEST(Drift, TheWindowForgets) {
  const Model model = IrisWith(kHalves);
  Drift drift(model);
  const auto one_value = [](double value) { return Rows(std::vector<double>(1000, value)); };
  for (int i = 0; i < 10; ++i) drift.Note(one_value(5));
  EXPECT_GT(drift.Now().features[0].psi, 1);
  for (int i = 0; i < 9; ++i) drift.Note(one_value(7));
  EXPECT_LT(drift.Now().features[0].psi, 0.01) << "both halves of the window";
  EXPECT_EQ(drift.Now().window_rows, 19'000u);
  drift.Note(one_value(7));
  const auto state = drift.Now();
  EXPECT_GT(state.features[0].psi, 1) << "what was long ago is out of it";
  EXPECT_EQ(state.rows, 20'000u);
  EXPECT_EQ(state.window_rows, 10'000u);
}

TEST(Drift, AModelWithoutTreesHasOnlyRanges) {
  Drift drift(test::Shirts());
  drift.Note(std::vector<double>{1, -1, 0, 2, 3, 1, 3, 4, nan("")});
  const auto state = drift.Now();
  EXPECT_EQ(state.source, BaselineSource::kNone);
  EXPECT_EQ(state.rows, 3u);
  EXPECT_TRUE(std::isnan(state.features[0].psi));
  EXPECT_EQ(state.features[1].below, 1u) << "codes of a feature with four categories";
  EXPECT_EQ(state.features[1].above, 1u);
  EXPECT_EQ(state.features[2].missing, 1u);
}

}  // namespace
}  // namespace copse
