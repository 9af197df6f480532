#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <string>

#include "copse/import.h"
#include "imported.h"
#include "sources.h"
#include "text.h"
#include "vectors.h"

// What the fixtures cannot say: refusals, warnings, metadata. Files are small JSON made here.
namespace copse::importer {
namespace {

/// A booster of two stumps on feature 0, whose parts can be replaced.
struct File {
  std::string version = "[1,7,4]";
  std::string objective = "binary:logistic";
  std::string param = R"("base_score":"5E-1","num_class":"0","num_feature":"2","num_target":"1")";
  std::string booster = "gbtree";
  std::string more_booster;  ///< beside "model", with a comma in front
  std::string more_model;    ///< in "model"
  std::string attributes = "{}";
  std::string names = "[]", types = "[]";
  std::string tree_info = "[0,0]";
  std::map<std::string, std::string> tree = {
      {"left_children", "[1,-1,-1]"}, {"right_children", "[2,-1,-1]"},
      {"split_indices", "[0,0,0]"},   {"split_conditions", "[0.5,-1,2]"},
      {"default_left", "[1,0,0]"},    {"split_type", "[0,0,0]"},
      {"sum_hessian", "[3,1,2]"},     {"tree_param", R"({"num_nodes":"3","size_leaf_vector":"0"})"},
  };

  std::string Tree(int id) const {
    std::string json = "{";
    if (tree.count("id") == 0) json += "\"id\":" + std::to_string(id);
    for (const auto& [key, value] : tree) {
      if (json.size() > 1) json += ",";
      json += "\"" + key + "\":" + value;
    }
    return json + "}";
  }

  std::string Json() const {
    return R"({"learner":{"attributes":)" + attributes + R"(,"feature_names":)" + names +
           R"(,"feature_types":)" + types + R"(,"gradient_booster":{"name":")" + booster +
           R"(","model":{"gbtree_model_param":{"num_trees":"2","num_parallel_tree":"1"},"trees":[)" +
           Tree(0) + "," + Tree(1) + R"(],"tree_info":)" + tree_info + more_model + "}" +
           more_booster + R"(},"learner_model_param":{)" + param + R"(},"objective":{"name":")" +
           objective + R"("}},"version":)" + version + "}";
  }
};

Result<Imported> Import(const std::string& json, Iterations iterations = Iterations::kDefault) {
  ImportOptions options;
  options.iterations = iterations;
  return ImportXgboostJson({reinterpret_cast<const std::uint8_t*>(json.data()), json.size()},
                           options);
}

// The refusal of a file that was damaged by `change`.
template <class Change>
Error Refusal(Change change) {
  File file;
  change(file);
  const auto imported = Import(file.Json());
  if (!imported.ok()) return imported.error();
  const auto model = Finish(*imported, "");
  EXPECT_FALSE(model.ok());
  return model.ok() ? Error{} : model.error();
}

template <class Change>
void ExpectInvalid(const std::string& part_of_message, Change change) {
  const Error error = Refusal(change);
  EXPECT_EQ(error.code, ErrorCode::kInvalidModel) << error.message;
  EXPECT_NE(error.message.find(part_of_message), std::string::npos) << error.message;
}

template <class Change>
void ExpectUnsupported(const std::string& part_of_message, Change change) {
  const Error error = Refusal(change);
  EXPECT_EQ(error.code, ErrorCode::kUnsupportedModel) << error.message;
  EXPECT_NE(error.message.find(part_of_message), std::string::npos) << error.message;
}

template <class Change>
Imported Changed(Change change, Iterations iterations = Iterations::kDefault) {
  File file;
  change(file);
  auto imported = Import(file.Json(), iterations);
  EXPECT_TRUE(imported.ok()) << imported.error().message;
  return imported.ok() ? *std::move(imported) : Imported();
}

Imported Plain() {
  return Changed([](File&) {});
}

TEST(Xgboost, SaysWhereAModelComesFrom) {
  const Imported imported = Plain();
  EXPECT_EQ(imported.source.kind, "XGBoost");
  EXPECT_EQ(imported.source.version, "1.7.4");
  EXPECT_EQ(imported.source.estimator, "gbtree");
  EXPECT_TRUE(imported.warnings.empty());
  EXPECT_EQ(imported.input, Precision::kFloat32);
  EXPECT_EQ(imported.accumulate, Precision::kFloat32);
  EXPECT_EQ(imported.link.math, Precision::kFloat32);
  EXPECT_EQ(imported.link.guard, 1e-16);
  EXPECT_TRUE(imported.missing_allowed);
  ASSERT_EQ(imported.outputs.size(), 1u);
  EXPECT_EQ(imported.outputs[0].labels, (std::vector<std::string>{"0", "1"}));
  EXPECT_EQ(imported.features[1].name, "f1");
}

TEST(Xgboost, ReadsAnyOrderOfKeys) {
  const std::string json = File().Json();
  const std::string moved =
      R"({"version":[1,7,4],)" + json.substr(1, json.find(R"(,"version")") - 1) + "}";
  ASSERT_TRUE(Import(moved).ok());
  EXPECT_EQ(Finish(*Import(moved), "")->metadata(), Finish(Plain(), "")->metadata());
}

TEST(XgboostObjectives, AreRefusedByNameWhereUnknown) {
  ExpectUnsupported("\"reg:normal\" of XGBoost 1.7.4", [](File& f) { f.objective = "reg:normal"; });
  ExpectUnsupported("softplus", [](File& f) {
    f.objective = "reg:expectileerror";
    f.param = R"("base_score":"[0,1]","num_class":"0","num_feature":"2","num_target":"2")";
    f.version = "[3,3,0]";
  });
}

// Version 3.4 sorts the outputs of several quantiles in each row; before, and alone, they are as
// they are.
TEST(XgboostObjectives, QuantilesAreSortedSince34) {
  const auto two = [](File& f) {
    f.objective = "reg:quantileerror";
    f.param = R"("base_score":"[0,1]","num_class":"0","num_feature":"2","num_target":"2")";
    f.version = "[3,3,1]";
  };
  EXPECT_EQ(Changed(two).outputs.size(), 2u);
  ExpectUnsupported("sorts its outputs", [&](File& f) {
    two(f);
    f.version = "[3,4,0]";
  });
}

TEST(XgboostVersions, NewerThanCheckedAreSaid) {
  const auto warnings = Changed([](File& f) { f.version = "[9,1,0]"; }).warnings;
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("9.1.0"), std::string::npos);
}

TEST(XgboostVersions, MayBeMissing) {
  const Imported imported = Changed([](File& f) { f.version = "null"; });
  EXPECT_EQ(imported.warnings.size(), 1u);
  EXPECT_EQ(imported.source.version, "");
}

TEST(XgboostVersions, Before14LogitrawStartedFromALogit) {
  const Imported imported = Changed([](File& f) {
    f.version = "[1,2,1]";
    f.objective = "binary:logitraw";
  });
  ASSERT_EQ(imported.warnings.size(), 1u);
  EXPECT_NE(imported.warnings[0].find("0.5"), std::string::npos);
  EXPECT_EQ(At(imported.forest->base, 0), 0.5);
}

double BaseOf(const std::string& score, const std::string& objective, const std::string& version) {
  const Imported imported = Changed([&](File& f) {
    f.param = "\"base_score\":" + score + R"(,"num_feature":"2")";
    f.objective = objective;
    f.version = version;
  });
  return imported.forest ? At(imported.forest->base, 0) : -99;
}

TEST(XgboostBase, IsInTheSpaceOfPredictions) {
  EXPECT_EQ(BaseOf("\"5E-1\"", "binary:logistic", "[1,7,4]"), 0);
  EXPECT_EQ(BaseOf("\"0.500000\"", "reg:squarederror", "[1,0,0]"), 0.5);
  EXPECT_EQ(BaseOf("\"[2.5E-1]\"", "binary:hinge", "[3,1,0]"), 0.25);
  EXPECT_EQ(BaseOf("0.25", "rank:ndcg", "[3,1,0]"), 0.25);
  EXPECT_EQ(BaseOf("[0.25]", "rank:map", "[3,1,0]"), 0.25);
  EXPECT_EQ(BaseOf("\"1E0\"", "count:poisson", "[2,0,0]"), 0);
}

// Where the correctly rounded logarithm is not glibc's: found by a search, answered by
// XGBoost 1.7.4.
TEST(XgboostBase, IsTheLogarithmOfGlibc) {
  EXPECT_EQ(BaseOf("\"1.0599E-2\"", "binary:logistic", "[1,7,4]"), -4.5363402366638184);
  EXPECT_EQ(BaseOf("\"8.24E-1\"", "count:poisson", "[1,7,4]"), -0.19358474016189575);
}

TEST(XgboostBase, IsHeldWithinItsRange) {
  for (const char* score : {"\"0\"", "\"1\"", "\"-0.1\"", "\"2\"", "\"NaN\""}) {
    ExpectInvalid("a probability between 0 and 1", [&](File& f) {
      f.param = "\"num_feature\":\"2\",\"base_score\":" + std::string(score);
    });
  }
  EXPECT_NEAR(BaseOf("\"[0E0]\"", "binary:logistic", "[3,1,0]"), -13.8, 0.1);
  ExpectInvalid("a number above 0", [](File& f) {
    f.objective = "reg:gamma";
    f.param = R"("num_feature":"2","base_score":"0")";
  });
  ExpectInvalid("2 numbers for 1 outputs",
                [](File& f) { f.param = R"("num_feature":"2","base_score":"[1,2]")"; });
  ExpectInvalid("expected a number or a list",
                [](File& f) { f.param = R"("num_feature":"2","base_score":"half")"; });
}

TEST(XgboostRounds, AllAreUsedAndTheBestIsNamed) {
  const auto stopped = [](File& f) { f.attributes = R"({"best_iteration":"0"})"; };
  EXPECT_EQ(Changed(stopped).forest->tree_root.size(), 2u);
  EXPECT_EQ(Changed(stopped).warnings[0],
            "Early stopping found round 1 of 2 best; all 2 are used (--iterations best keeps the "
            "first 1).");
  EXPECT_EQ(Changed(stopped, Iterations::kBest).forest->tree_root.size(), 1u);
  EXPECT_EQ(Changed(stopped, Iterations::kBest).warnings.size(), 1u);
}

TEST(XgboostRounds, AttributesOfOthersAreIgnored) {
  for (const char* value : {"\"x\"", "\"1\"", "{}", "\"-3\"", "null"}) {
    const Imported imported =
        Changed([&](File& f) { f.attributes = "{\"best_iteration\":" + std::string(value) + "}"; });
    EXPECT_TRUE(imported.warnings.empty()) << value;
  }
}

TEST(XgboostRounds, ABestThatIsNotThereIsSaid) {
  const auto sliced = [](File& f) { f.attributes = R"({"best_iteration":"7"})"; };
  EXPECT_EQ(Changed(sliced, Iterations::kBest).forest->tree_root.size(), 2u);
  EXPECT_EQ(Changed(sliced, Iterations::kBest).warnings[0],
            "The file names round 8 best and holds 2; all are used.");
}

TEST(XgboostRounds, BoundsMustRise) {
  ExpectInvalid("iteration_indptr", [](File& f) { f.more_model = R"(,"iteration_indptr":[0,3])"; });
  ExpectInvalid("iteration_indptr", [](File& f) { f.more_model = R"(,"iteration_indptr":[])"; });
  ExpectInvalid("iteration_indptr",
                [](File& f) { f.more_model = R"(,"iteration_indptr":[0,2,1,2])"; });
}

TEST(XgboostDart, WeightsAreLookedForEverywhere) {
  const auto leaf = [](const Imported& imported) { return At(imported.forest->leaf_value, 0); };
  EXPECT_EQ(leaf(Changed([](File& f) { f.more_booster = R"(,"weight_drop":[0.5,1])"; })), -0.5);
  EXPECT_EQ(leaf(Changed([](File& f) { f.more_model = R"(,"weight_drop":[0.5,1])"; })), -0.5);
  EXPECT_EQ(leaf(Changed([](File& f) { f.more_model = R"(,"weight_drop":[])"; })), -1);
  ExpectInvalid("model and beside it", [](File& f) {
    f.more_model = R"(,"weight_drop":[0.5,1])";
    f.more_booster = R"(,"weight_drop":[0.5,1])";
  });
  ExpectInvalid("weight_drop is missing", [](File& f) { f.booster = "dart"; });
  ExpectInvalid("1 numbers for 2 trees",
                [](File& f) { f.more_booster = R"(,"weight_drop":[0.5])"; });
}

TEST(XgboostTrees, DamagedOnesAreRefused) {
  const auto tree = [](const char* key, const char* value) {
    return [key, value](File& f) { f.tree[key] = value; };
  };
  ExpectInvalid("trees[0].right_children has 2 entries", tree("right_children", "[2,-1]"));
  ExpectInvalid("trees[0].split_conditions has 4 entries", tree("split_conditions", "[0,0,0,0]"));
  ExpectInvalid("tree_param.num_nodes is 4", tree("tree_param", R"({"num_nodes":"4"})"));
  ExpectInvalid("reached twice", tree("left_children", "[0,-1,-1]"));
  ExpectInvalid("child 3", tree("right_children", "[3,-1,-1]"));
  ExpectInvalid("child -1", tree("right_children", "[-1,-1,-1]"));
  ExpectInvalid("child -2", tree("right_children", "[-2,-1,-1]"));
  ExpectInvalid("feature 2", tree("split_indices", "[2,0,0]"));
  ExpectInvalid("feature", tree("split_indices", "[-1,0,0]"));
  ExpectInvalid("threshold NaN", tree("split_conditions", "[NaN,1,1]"));
  ExpectInvalid("leaf", tree("split_conditions", "[1,NaN,1]"));
  ExpectInvalid("", tree("left_children", "[]"));
  ExpectInvalid("not a list", tree("left_children", "7"));
  ExpectInvalid("trees[0].id is 5", tree("id", "5"));
  ExpectInvalid("tree_info is 1", [](File& f) { f.tree_info = "[1,0]"; });
  ExpectInvalid("tree_info has 3", [](File& f) { f.tree_info = "[0,0,0]"; });
  ExpectInvalid("size_leaf_vector is 3",
                tree("tree_param", R"({"num_nodes":"3","size_leaf_vector":"3"})"));
}

TEST(XgboostTrees, ThatAreNotTwoAreRefused) {
  std::string json = File().Json();
  json.replace(json.find(R"("num_trees":"2")"), 15, R"("num_trees":"3")");
  const auto imported = Import(json);
  ASSERT_FALSE(imported.ok());
  EXPECT_EQ(imported.error().code, ErrorCode::kInvalidModel);
}

TEST(XgboostCategories, DamagedOnesAreRefused) {
  const auto sets = [](const char* nodes, const char* segments, const char* sizes,
                       const char* categories) {
    return [=](File& f) {
      f.tree["split_type"] = "[1,0,0]";
      f.tree["categories_nodes"] = nodes;
      f.tree["categories_segments"] = segments;
      f.tree["categories_sizes"] = sizes;
      f.tree["categories"] = categories;
    };
  };
  EXPECT_TRUE(Changed(sets("[0]", "[0]", "[2]", "[1,33]")).features[0].categorical);
  ExpectInvalid("none are listed", sets("[]", "[]", "[]", "[]"));
  ExpectInvalid("none are listed", sets("[1]", "[0]", "[1]", "[1]"));
  ExpectInvalid("different lengths", sets("[0]", "[0,1]", "[1]", "[1]"));
  ExpectInvalid("categories_nodes[0]", sets("[0]", "[0]", "[3]", "[1,2]"));
  ExpectInvalid("categories_nodes[0]", sets("[0]", "[2147483647]", "[2147483647]", "[1,2]"));
  ExpectInvalid("categories_nodes[0]", sets("[0]", "[-1]", "[1]", "[1,2]"));
  ExpectInvalid("categories_nodes[1]", sets("[0,1]", "[0,0]", "[1,1]", "[1,2]"));
  ExpectInvalid("categories_nodes[1]", sets("[0,0]", "[0,1]", "[1,1]", "[1,2]"));
  ExpectInvalid("below 0", sets("[0]", "[0]", "[1]", "[-1]"));
}

// XGBoost sends x >= 2^24 left, whatever a node lists.
TEST(XgboostCategories, EndBefore2To24) {
  const Imported imported = Changed([](File& f) {
    f.tree["split_type"] = "[1,0,0]";
    f.tree["categories_nodes"] = "[0]";
    f.tree["categories_segments"] = "[0]";
    f.tree["categories_sizes"] = "[2]";
    f.tree["categories"] = "[16777216,3]";
  });
  EXPECT_EQ(imported.forest->cat_words, (std::vector<std::uint32_t>{8, 8}));
}

TEST(XgboostCategories, OfManyTreesAreHeldToALimit) {
  File file;
  std::string list = "[0", zeros = "[0", ones = "[1", nodes = "[0";
  // Nodes that nobody reaches list the last category each: 2 MB of bits a piece.
  file.tree["split_type"] = "[1,0,0]";
  for (int i = 1; i < 60; ++i) {
    list += ",16777215";
    zeros += "," + std::to_string(i);
    ones += ",1";
    nodes += "," + std::to_string(i);
  }
  file.tree["categories"] = list + "]";
  file.tree["categories_segments"] = zeros + "]";
  file.tree["categories_sizes"] = ones + "]";
  file.tree["categories_nodes"] = nodes + "]";
  const auto imported = Import(file.Json());
  ASSERT_FALSE(imported.ok());
  EXPECT_EQ(imported.error().code, ErrorCode::kTooLarge);
}

TEST(XgboostFeatures, AreBoundedByTheFile) {
  const Error error =
      Refusal([](File& f) { f.param = R"("base_score":"5E-1","num_feature":"16777216")"; });
  EXPECT_EQ(error.code, ErrorCode::kTooLarge);
  EXPECT_EQ(Refusal([](File& f) { f.param = R"("num_class":"99999","num_feature":"2")"; }).code,
            ErrorCode::kTooLarge);
  ExpectInvalid("num_feature", [](File& f) { f.param = R"("num_feature":"two")"; });
  ExpectInvalid("num_feature", [](File& f) { f.param = R"("num_feature":"-1")"; });
  ExpectInvalid("num_feature is 2", [](File& f) { f.names = R"(["a"])"; });
  ExpectInvalid("num_feature is 2", [](File& f) { f.types = R"(["c","q","q"])"; });
  ExpectInvalid("not a string", [](File& f) { f.names = R"(["a",7])"; });
}

TEST(XgboostLinear, NeedsAWeightForEachFeatureAndOutput) {
  const auto linear = [](const char* weights) {
    return [weights](File& f) {
      f.booster = "gblinear";
      f.more_model = std::string(",\"weights\":") + weights;
    };
  };
  const Imported imported = Changed(linear("[1,2,0.25]"));
  ASSERT_TRUE(imported.linear.has_value());
  EXPECT_EQ(imported.linear->coef, (std::vector<double>{1, 2}));
  EXPECT_EQ(imported.linear->intercept, std::vector<double>{0.25});
  EXPECT_EQ(imported.linear->fill, (std::vector<double>{0, 0}));
  ExpectInvalid("2 numbers", linear("[1,2]"));
}

TEST(Xgboost, RefusesOtherBoosters) {
  ExpectUnsupported("\"gbforest\"", [](File& f) { f.booster = "gbforest"; });
}

TEST(Xgboost, RefusesClassesAndTargetsAtOnce) {
  ExpectUnsupported("2 targets", [](File& f) {
    f.param = R"("num_class":"3","num_target":"2","num_feature":"2")";
  });
}

// Whatever byte is lost or changed: a sentence, or a model.
TEST(Xgboost, AnyDamageEndsInASentence) {
  const std::string json = File().Json();
  for (std::size_t at = 0; at < json.size(); ++at) {
    for (const char c : {'"', '[', '}', '9', '-', '\0'}) {
      std::string damaged = json;
      damaged[at] = c;
      const auto imported = Import(damaged);
      if (imported.ok()) {
        const auto model = Finish(*imported, "");
        EXPECT_TRUE(model.ok() || !model.error().message.empty());
      } else {
        EXPECT_FALSE(imported.error().message.empty());
        EXPECT_LE(imported.error().message.size(), text::kMessageBytesMax);
      }
    }
    EXPECT_FALSE(Import(json.substr(0, at)).ok()) << "cut after " << at;
  }
}

// Where the fuzzer starts from, and what it finds.
TEST(XgboostCorpus, IsReplayed) {
  for (const char* name : {"vectors.json", "vectors_counted.ubj", "vectors_open.ubj"}) {
    const auto file =
        test::ReadFile(std::string(COPSE_SOURCE_DIR "/tests/import/corpus/xgboost/") + name);
    ASSERT_TRUE(file.ok()) << name;
    const auto model = ImportModel(*file);
    EXPECT_TRUE(model.ok()) << name << ": " << model.error().message;
  }
}

}  // namespace
}  // namespace copse::importer
