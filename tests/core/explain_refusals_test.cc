#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "copse/explain.h"
#include "covered_forest.h"
#include "model_parts.h"

// What cannot be explained, and models without splits.
namespace copse {
namespace {

using Doubles = std::vector<double>;
constexpr double kInf = std::numeric_limits<double>::infinity();

const char* const kOneValue = R"([{"name":"y","kind":"value","columns":[0,1]}])";

ForestParts Covered() {
  ForestParts parts = test::TwoTrees();
  parts.n_features = 1;
  parts.leaf_cover = Doubles{3, 1, 4};
  return parts;
}

std::string RefusalOf(const Model& model, ExplainMethod method = ExplainMethod::kTreeShap) {
  const auto explainer = Explainer::Create(model, method);
  return explainer.ok() ? "(accepted)" : explainer.error().message;
}

void ExpectRefusal(const Model& model, const std::string& part) {
  for (const auto method : {ExplainMethod::kTreeShap, ExplainMethod::kSaabas}) {
    EXPECT_NE(RefusalOf(model, method).find(part), std::string::npos) << RefusalOf(model, method);
  }
  const auto checked = Explainer::Check(model);
  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(checked.error().code, ErrorCode::kInvalidInput);
}

Doubles Explain(const Model& model, const Doubles& row,
                ExplainMethod method = ExplainMethod::kTreeShap) {
  const auto explainer = Explainer::Create(model, method);
  EXPECT_TRUE(explainer.ok()) << explainer.error().message;
  Doubles out(explainer->columns());
  explainer->Explain(row, out);
  return out;
}

void ExpectNear(const Doubles& ours, const Doubles& right) {
  ASSERT_EQ(ours.size(), right.size());
  for (std::size_t i = 0; i < ours.size(); ++i) EXPECT_NEAR(ours[i], right[i], 1e-15) << i;
}

TEST(Explainer, RefusesWhatHasNoContributions) {
  ForestParts plain = test::TwoTrees();
  plain.n_features = 1;
  ExpectRefusal(test::MakeModel(test::ModelOf(std::move(plain), {})), "leaf.cover");
  for (const auto aggregation : {Aggregation::kMin, Aggregation::kMax}) {
    Forest::Rules rules;
    rules.aggregation = aggregation;
    ExpectRefusal(test::MakeModel(test::ModelOf(Covered(), rules)), "smallest or largest");
  }
  ForestParts linear = Covered();
  linear.linear_begin = {0, 1, 1, 1};
  linear.linear_feature = {0};
  linear.linear_coef = {2};
  linear.linear_const = {0, 0, 0};
  ExpectRefusal(test::MakeModel(test::ModelOf(std::move(linear), {})), "linear leaves");
  ForestParts infinite = Covered();
  infinite.leaf_value = Doubles{1, kInf, 3};
  ModelParts parts = test::ModelOf(std::move(infinite), {});
  parts.metadata["allow_nonfinite"] = "true";
  ExpectRefusal(test::MakeModel(std::move(parts)), "leaf or base of inf");
}

TEST(ExplainMethodFromName, KnowsTwo) {
  for (const auto method : {ExplainMethod::kTreeShap, ExplainMethod::kSaabas}) {
    const auto named = ExplainMethodFromName(ExplainMethodName(method));
    ASSERT_TRUE(named.ok());
    EXPECT_EQ(*named, method);
  }
  const auto unknown = ExplainMethodFromName("TreeSHAP");
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(unknown.error().message,
            "method \"TreeSHAP\" is not known; expected \"treeshap\" or \"saabas\"");
}

// A chain that tests another feature at each node.
Model Chain(std::size_t n) {
  ForestParts parts;
  parts.n_features = n;
  parts.tree_begin = {0, static_cast<std::uint32_t>(n)};
  parts.tree_root = {0};
  Doubles values, covers, thresholds;
  for (std::size_t i = 0; i < n; ++i) {
    const bool last = i + 1 == n;
    const auto leaf = static_cast<std::int32_t>(i);
    parts.left.push_back(~leaf);
    parts.right.push_back(last ? ~(leaf + 1) : leaf + 1);
    parts.feature.push_back(static_cast<std::uint32_t>(i));
    parts.flags.push_back(0);
    thresholds.push_back(0);
    values.push_back(static_cast<double>(i));
    covers.push_back(1);
  }
  values.push_back(static_cast<double>(n));
  covers.push_back(1);
  parts.threshold = std::move(thresholds);
  parts.leaf_value = std::move(values);
  parts.leaf_cover = std::move(covers);
  parts.base = Doubles{0};
  return test::MakeModel(test::ModelOf(std::move(parts), {}));
}

TEST(Explainer, TakesPathsOf512FeaturesAndNoMore) {
  const Model widest = Chain(512);
  const Doubles parts = Explain(widest, Doubles(512, 1));
  double sum = 0;
  for (const double part : parts) sum += part;
  EXPECT_NEAR(sum, 512, 1e-9);
  // The row goes right at every node, so that all features speak for more, and later ones for less.
  for (std::size_t f = 0; f + 1 < 512; ++f) {
    EXPECT_GT(parts[f], 0) << f;
    EXPECT_GE(parts[f], parts[f + 1]) << f;
  }
  const Model wider = Chain(513);
  const auto refused = Explainer::Create(wider);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kTooLarge);
  EXPECT_NE(refused.error().message.find("tree 0 tests 513 different features"), std::string::npos)
      << refused.error().message;
  EXPECT_EQ(Explain(wider, Doubles(513, 1), ExplainMethod::kSaabas).size(), 514u);
}

// 1023 features in one tree, of which a path tests 10.
TEST(Explainer, CountsTheFeaturesOfAPathNotOfATree) {
  constexpr std::size_t kNodes = 1023;
  ForestParts parts;
  parts.n_features = kNodes;
  parts.tree_begin = {0, kNodes};
  parts.tree_root = {0};
  Doubles leaves;
  const auto child = [&](std::size_t n) {
    if (n < kNodes) return static_cast<std::int32_t>(n);
    leaves.push_back(static_cast<double>(leaves.size() % 7));
    return ~static_cast<std::int32_t>(leaves.size() - 1);
  };
  for (std::size_t n = 0; n < kNodes; ++n) {
    parts.left.push_back(child(2 * n + 1));
    parts.right.push_back(child(2 * n + 2));
    parts.feature.push_back(static_cast<std::uint32_t>(n));
    parts.flags.push_back(0);
  }
  parts.threshold = Doubles(kNodes, 0);
  parts.leaf_cover = Doubles(leaves.size(), 1);
  parts.leaf_value = std::move(leaves);
  parts.base = Doubles{0};
  const Model model = test::MakeModel(test::ModelOf(std::move(parts), {}));
  const auto explainer = Explainer::Create(model);
  ASSERT_TRUE(explainer.ok()) << explainer.error().message;
  // 6 points, which are exact for 10 features; 7 multiplications for each at each node.
  EXPECT_EQ(explainer->cost(), kNodes * 6 * 7);
}

TEST(Explainer, OneSplitIsItsOwnGame) {
  const Model model = test::MakeModel(test::ModelOf(Covered(), {}));
  // Leaves 1 (weight 3) and 2 (weight 1), and a tree that always says 3.
  for (const auto method : {ExplainMethod::kTreeShap, ExplainMethod::kSaabas}) {
    ExpectNear(Explain(model, {2.5}, method), {-0.25, 4.25});
    ExpectNear(Explain(model, {2.75}, method), {0.75, 4.25});
  }
}

TEST(Explainer, WithoutWeightBothSidesCountHalf) {
  ForestParts parts = Covered();
  parts.leaf_cover = Doubles{0, 0, 0};
  const Model model = test::MakeModel(test::ModelOf(std::move(parts), {}));
  ExpectNear(Explain(model, {2.5}), {-0.5, 4.5});
}

TEST(Explainer, TreesOfOneLeafAreAllBase) {
  ForestParts parts;
  parts.n_features = 2;
  parts.tree_begin = {0, 0};
  parts.tree_root = {~0};
  parts.leaf_value = Doubles{7};
  parts.base = Doubles{0.5};
  // No split, so that nothing needs a weight.
  const Model model = test::MakeModel(test::ModelOf(std::move(parts), {}));
  for (const auto method : {ExplainMethod::kTreeShap, ExplainMethod::kSaabas}) {
    EXPECT_EQ(Explain(model, {1, 2}, method), (Doubles{0, 0, 7.5}));
  }
}

TEST(Explainer, OfALinearModelGivesCoefficientTimesValue) {
  ModelParts parts;
  parts.metadata = test::Metadata(2, "identity", kOneValue);
  parts.linear = LinearModel{.coef = {2, -3}, .intercept = {0.5}};
  const Model model = test::MakeModel(std::move(parts));
  for (const auto method : {ExplainMethod::kTreeShap, ExplainMethod::kSaabas}) {
    EXPECT_EQ(Explain(model, {4, 1}, method), (Doubles{8, -3, 0.5}));
  }
  const Doubles missing = Explain(model, {4, std::nan("")});
  EXPECT_EQ(missing[0], 8);
  EXPECT_TRUE(std::isnan(missing[1]) && !std::signbit(missing[1]));
  const Importances found = ImportancesOf(model);
  EXPECT_EQ(found.splits, (Doubles{0, 0}));
  EXPECT_TRUE(found.cover.empty());
}

}  // namespace
}  // namespace copse
