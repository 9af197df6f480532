#include "lightgbm/lightgbm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "lightgbm/fields.h"
#include "npy.h"

// LightGBM's text, key by key: what is refused, in which words, and what the metadata become. What
// trees answer is in the fixtures lgb_*.
namespace copse::importer::lightgbm {
namespace {

using Lines = std::map<std::string, std::string>;

// The stump `x1 <= 0.5 ? 10 : 20`, with lines changed, added, or (by "") left out.
std::string Tree(const Lines& changes = {}) {
  Lines lines = {{"num_leaves", "2"},   {"num_cat", "0"},        {"split_feature", "1"},
                 {"threshold", "0.5"},  {"decision_type", "2"},  {"left_child", "-1"},
                 {"right_child", "-2"}, {"leaf_value", "10 20"}, {"shrinkage", "1"}};
  for (const auto& [key, value] : changes) lines[key] = value;
  std::string text;
  for (const auto& [key, value] : lines) {
    if (!value.empty()) text += key + "=" + value + "\n";
  }
  return text;
}

// Two sets of categories, {0, 33} and {1}, of two nodes.
std::string CategoryTree(const Lines& changes = {}) {
  Lines lines = {{"num_leaves", "3"},       {"num_cat", "2"},         {"split_feature", "1 0"},
                 {"threshold", "0 1"},      {"decision_type", "1 1"}, {"left_child", "-1 -2"},
                 {"right_child", "1 -3"},   {"leaf_value", "1 2 3"},  {"cat_boundaries", "0 2 3"},
                 {"cat_threshold", "1 2 2"}};
  for (const auto& [key, value] : changes) lines[key] = value;
  return Tree(lines);
}

struct File {
  Lines header = {{"version", "v4"},
                  {"num_class", "1"},
                  {"max_feature_idx", "1"},
                  {"num_tree_per_iteration", "1"},
                  {"objective", "regression"},
                  {"feature_names", "a b"},
                  {"feature_infos", "[0:1] none"}};
  std::vector<std::string> trees = {Tree()};
  std::string end = "end of trees\n\npandas_categorical:null\n";

  std::string Text() const {
    std::string head = "tree\n", body, sizes;
    for (std::size_t i = 0; i < trees.size(); ++i) {
      const std::string block = "Tree=" + std::to_string(i) + "\n" + trees[i] + "\n\n";
      sizes += (i == 0 ? "" : " ") + std::to_string(block.size());
      body += block;
    }
    Lines lines = header;
    lines.emplace("tree_sizes", sizes);
    for (const auto& [key, value] : lines) {
      if (value != "-") head += key + "=" + value + "\n";
    }
    return head + "\n" + body + end;
  }
};

Result<Model> Import(const std::string& text) {
  auto imported = ImportText(text, {});
  if (!imported.ok()) return imported.error();
  return Finish(*std::move(imported), std::string(64, '0'));
}

Model Made(const File& file) {
  auto model = Import(file.Text());
  EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().message);
  return *std::move(model);
}

Imported Found(const File& file) {
  const std::string text = file.Text();
  auto imported = ImportText(text, {});
  EXPECT_TRUE(imported.ok()) << (imported.ok() ? "" : imported.error().message);
  return *std::move(imported);
}

std::string Refused(const std::string& text, ErrorCode code = ErrorCode::kInvalidModel) {
  const auto model = Import(text);
  if (model.ok()) return "no refusal";
  EXPECT_EQ(model.error().code, code) << model.error().message;
  return model.error().message;
}

std::string RefusedHeader(const std::string& key, const std::string& value,
                          ErrorCode code = ErrorCode::kInvalidModel) {
  File file;
  file.header[key] = value;
  return Refused(file.Text(), code);
}

std::string RefusedTree(const std::string& tree) {
  File file;
  file.trees = {Tree(), tree};
  return Refused(file.Text());
}

double MarginOf(const Model& model, std::vector<double> row) {
  std::vector<double> margin(model.n_margins());
  model.Predict(Answer::kMargin, row, margin);
  return margin[0];
}

// Words

TEST(ToDouble, ReadsWhatCppAndPythonWrite) {
  EXPECT_EQ(ToDouble("-1.5e-35"), -1.5e-35);
  EXPECT_EQ(ToDouble("1E+2"), 100);
  EXPECT_EQ(ToDouble(".5"), 0.5);
  EXPECT_EQ(ToDouble("7."), 7);
  EXPECT_EQ(ToDouble("-inf"), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(ToDouble("inf"), std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(*ToDouble("nan")));
  EXPECT_TRUE(std::isnan(*ToDouble("-nan")));
}

TEST(ToDouble, RefusesOtherWords) {
  for (const char* word : {"", "-", ".", "e5", "1e", "1e+", "--1", "+1", "1.2.3", "1x", "0x10",
                           "1.#INF", "infinity", "1,5", "1e5.0"}) {
    EXPECT_FALSE(ToDouble(word)) << word;
  }
}

TEST(ToInteger, ReadsWholeNumbersOnly) {
  EXPECT_EQ(ToInteger("-12"), -12);
  EXPECT_EQ(ToInteger("000000000000000007"), 7);
  for (const char* word : {"", "-", "1.0", "1e3", "+1", "9999999999999999999", "١"}) {
    EXPECT_FALSE(ToInteger(word)) << word;
  }
}

// Header

TEST(Header, KnowsVersions2To4) {
  for (const char* version : {"v2", "v3", "v4"}) {
    File file;
    file.header["version"] = version;
    EXPECT_EQ(Found(file).source.version, version);
  }
  constexpr auto kUnsupported = ErrorCode::kUnsupportedModel;
  EXPECT_EQ(RefusedHeader("version", "v5", kUnsupported),
            "LightGBM text version \"v5\" is not known; v2, v3 and v4 can be imported");
  EXPECT_EQ(RefusedHeader("version", "-", kUnsupported),
            "the LightGBM model names no version, as before LightGBM 2.1; load it with LightGBM "
            "2.1 or newer and save it again with booster.save_model(\"model.txt\")");
}

TEST(Header, NeedsItsSizesAndNames) {
  EXPECT_EQ(RefusedHeader("num_class", "-"), "the LightGBM model has no num_class");
  EXPECT_EQ(RefusedHeader("num_class", "0"), "num_class has 0, and 1 to 2147483647 was expected");
  EXPECT_EQ(RefusedHeader("num_class", "one"), "num_class has \"one\" where a number was expected");
  EXPECT_EQ(RefusedHeader("max_feature_idx", "-1"),
            "max_feature_idx has -1, and 0 to 2147483646 was expected");
  EXPECT_EQ(RefusedHeader("max_feature_idx", "2"),
            "feature_names has 2 entries, and max_feature_idx says 3");
  EXPECT_EQ(RefusedHeader("feature_infos", "none"),
            "feature_infos has 1 entries, and max_feature_idx says 2");
  EXPECT_EQ(RefusedHeader("feature_names", "-"), "the LightGBM model has no feature_names");
  EXPECT_EQ(RefusedHeader("num_tree_per_iteration", "70000", ErrorCode::kTooLarge),
            "num_tree_per_iteration is 70000, more than 65536");
}

TEST(Header, TakesNamesAndRanges) {
  File file;
  file.header["feature_names"] = "größe größe";
  file.header["feature_infos"] = "[-1.5:1e300] [nan:2]";
  const Imported imported = Found(file);
  EXPECT_EQ(imported.features[0].name, "größe");
  EXPECT_EQ(imported.features[1].name, "größe_2");
  EXPECT_EQ(imported.features[0].min, -1.5);
  EXPECT_EQ(imported.features[0].max, 1e300);
  EXPECT_TRUE(std::isnan(imported.features[1].max));
  EXPECT_EQ(imported.warnings.size(), 1u);
}

TEST(Header, KeepsNoTextOfTheParameters) {
  File file;
  file.end = "end of trees\n\nparameters:\n[data: /home/somebody/train.csv]\nend of parameters\n";
  const Model model = Made(file);
  for (const auto& [key, value] : model.metadata()) {
    EXPECT_EQ(value.find("somebody"), std::string::npos) << key;
  }
}

// Objectives

TEST(Objective, IsNamedWhereItIsNotKnown) {
  EXPECT_EQ(RefusedHeader("objective", "survival alpha:1", ErrorCode::kUnsupportedModel),
            "LightGBM objective \"survival\" is not known");
}

TEST(Objective, WithoutOneGivesRawScoresAndSaysSo) {
  File file;
  file.header["objective"] = "-";
  const Imported imported = Found(file);
  EXPECT_EQ(imported.link.kind, LinkKind::kIdentity);
  ASSERT_EQ(imported.warnings.size(), 1u);
  EXPECT_NE(imported.warnings[0].find("raw scores"), std::string::npos);
}

TEST(Objective, GivesLinkAndOutputs) {
  const std::map<std::string, LinkKind> links = {
      {"regression", LinkKind::kIdentity},
      {"regression sqrt", LinkKind::kSqrtSigned},
      {"mse", LinkKind::kIdentity},
      {"regression_l1", LinkKind::kIdentity},
      {"huber", LinkKind::kIdentity},
      {"fair", LinkKind::kIdentity},
      {"quantile", LinkKind::kIdentity},
      {"mape", LinkKind::kIdentity},
      {"poisson", LinkKind::kExp},
      {"gamma", LinkKind::kExp},
      {"tweedie", LinkKind::kExp},
      {"cross_entropy", LinkKind::kSigmoid},
      {"xentropy", LinkKind::kSigmoid},
      {"cross_entropy_lambda", LinkKind::kLog1pExp},
      {"lambdarank", LinkKind::kIdentity},
      {"rank_xendcg", LinkKind::kIdentity},
      {"binary sigmoid:2.5", LinkKind::kSigmoid},
      {"custom", LinkKind::kIdentity},
  };
  for (const auto& [objective, link] : links) {
    File file;
    file.header["objective"] = objective;
    const Model model = Made(file);
    EXPECT_EQ(model.link().kind, link) << objective;
    EXPECT_EQ(model.is_classifier(), objective.starts_with("binary")) << objective;
    EXPECT_EQ(model.link().scale, objective.starts_with("binary") ? 2.5 : 1) << objective;
  }
}

TEST(Objective, NeedsItsParameters) {
  EXPECT_EQ(RefusedHeader("objective", "binary"),
            "objective has the sigmoid \"\", and a number above 0 was expected");
  EXPECT_EQ(RefusedHeader("objective", "binary sigmoid:-1"),
            "objective has the sigmoid \"-1\", and a number above 0 was expected");
  EXPECT_EQ(RefusedHeader("objective", "multiclass num_class:3"),
            "num_class is 1 and num_tree_per_iteration 1, and the objective has 3");
  EXPECT_EQ(RefusedHeader("objective", "multiclass"),
            "num_class of the objective has 0 numbers, and 1 were expected");
}

TEST(Objective, AveragesInTheLinkAndNotInTheMargin) {
  File file;
  file.trees = {Tree(), Tree(), Tree(), Tree()};
  file.header["objective"] = "binary sigmoid:1\naverage_output";
  const Model model = Made(file);
  EXPECT_EQ(model.link().divisor, 4);
  EXPECT_EQ(MarginOf(model, {0, 0}), 40);
}

TEST(Objective, OfAVersion2ForestIsAmbiguous) {
  File file;
  file.header["version"] = "v2";
  file.header["objective"] = "binary sigmoid:1\naverage_output";
  EXPECT_EQ(Refused(file.Text(), ErrorCode::kUnsupportedModel),
            "a LightGBM v2 random forest with objective \"binary sigmoid:1\" was averaged "
            "differently by different versions; train it with LightGBM 3 or newer");
  file.header["objective"] = "regression\naverage_output";
  EXPECT_EQ(Made(file).link().divisor, 1);
}

// Trees in the file

TEST(Trees, BeginWhereTheirSizesSay) {
  EXPECT_EQ(RefusedHeader("tree_sizes", "136 136"),
            "where tree 1 should begin is \"end of trees\"");
  EXPECT_EQ(RefusedHeader("tree_sizes", "x"), "tree_sizes has \"x\" where a size was expected");
  EXPECT_EQ(RefusedHeader("tree_sizes", ""), "the file has more trees than the 0 of tree_sizes");
  File file;
  file.trees = {Tree(), Tree()};
  file.header["tree_sizes"] = "100 100";
  EXPECT_EQ(Refused(file.Text()),
            "tree 1 begins at byte 136 of the trees, and tree_sizes says at 100");
}

TEST(Trees, AreCountedInIterations) {
  File file;
  file.header["num_class"] = file.header["num_tree_per_iteration"] = "2";
  file.header["objective"] = "multiclass num_class:2";
  file.trees = {Tree(), Tree(), Tree()};
  EXPECT_EQ(Refused(file.Text()),
            "the file has 3 trees, not a multiple of the 2 of num_tree_per_iteration");
}

TEST(Trees, MayBeTheFirstFewOnly) {
  File file;
  file.trees = {Tree(), Tree({{"leaf_value", "1 2"}}), Tree({{"leaf_value", "3 4"}})};
  const std::string text = file.Text();
  const auto imported = ImportText(text, {}, 2);
  ASSERT_TRUE(imported.ok()) << imported.error().message;
  const auto model = Finish(*imported, std::string(64, '0'));
  ASSERT_TRUE(model.ok());
  EXPECT_EQ(model->forest()->n_trees(), 2u);
  EXPECT_EQ(MarginOf(*model, {0, 0}), 11);
}

TEST(Trees, WithoutSizesNeedAnEnd) {
  File file;
  file.header["tree_sizes"] = "-";
  EXPECT_EQ(MarginOf(Made(file), {0, 0}), 10);
  file.end = "";
  EXPECT_EQ(Refused(file.Text()),
            "the file ends after tree 1, and does not say that it is the "
            "last");
}

TEST(ZeroBytes, AreDamageWhereverTheyStand) {
  const std::string text = File().Text();
  for (std::size_t i = 5; i < text.size(); ++i) {
    const std::string message = "the file is damaged at byte " + std::to_string(i) + ": it is zero";
    std::string changed = text;
    changed[i] = '\0';
    if (i + 1 < text.size()) {
      EXPECT_EQ(Refused(changed), message);
    }
    ASSERT_EQ(Refused(text.substr(0, i) + std::string(1000, '\0')), message);
  }
  EXPECT_TRUE(Import(text + '\0').ok()) << "the end of a C string";
}

TEST(Trees, ThatAreCutAreRefusedAtEveryByte) {
  File file;
  file.trees = {Tree(), CategoryTree()};
  const std::string text = file.Text();
  const std::size_t end = text.find("end of trees");
  for (std::size_t size = 0; size + 1 < end; ++size) {
    const auto model = Import(text.substr(0, size));
    // Behind the empty line that ends the last tree, only another empty one is missing.
    EXPECT_FALSE(model.ok()) << size << " of " << end;
  }
}

TEST(Tree, NeedsItsKeys) {
  for (const char* key : {"num_leaves", "num_cat", "split_feature", "threshold", "left_child",
                          "right_child", "leaf_value"}) {
    EXPECT_EQ(RefusedTree(Tree({{key, ""}})), std::string("tree 1: it has no ") + key);
  }
  File file;
  file.trees = {Tree({{"decision_type", ""}, {"shrinkage", ""}})};
  EXPECT_EQ(MarginOf(Made(file), {0, 0}), 10);
}

TEST(Tree, HasAsManyNumbersAsItSays) {
  EXPECT_EQ(RefusedTree(Tree({{"leaf_value", "1"}})),
            "tree 1: leaf_value has 1 numbers, and 2 were expected");
  EXPECT_EQ(RefusedTree(Tree({{"num_leaves", "2147483647"}})),
            "tree 1: leaf_value has 2 numbers, and 2147483647 were expected");
  EXPECT_EQ(RefusedTree(Tree({{"num_leaves", "0"}})),
            "tree 1: num_leaves has 0, and 1 to 2147483647 was expected");
  EXPECT_EQ(RefusedTree(Tree({{"threshold", "0.5 1"}})),
            "tree 1: threshold has 2 numbers, and 1 were expected");
  EXPECT_EQ(RefusedTree(Tree({{"leaf_count", "1"}, {"internal_count", "2"}})),
            "tree 1: leaf_count has 1 numbers, and 2 were expected");
}

TEST(Tree, HasNumbersThatMeanSomething) {
  EXPECT_EQ(RefusedTree(Tree({{"leaf_value", "1 x"}})),
            "tree 1: leaf_value has \"x\" where a number was expected");
  EXPECT_EQ(RefusedTree(Tree({{"threshold", "nan"}})), "tree 1: node 0 has the threshold NaN");
  EXPECT_EQ(RefusedTree(Tree({{"split_feature", "2"}})),
            "tree 1: node 0 tests feature 2, and there are 2");
  EXPECT_EQ(RefusedTree(Tree({{"decision_type", "12"}})),
            "tree 1: decision_type has 12, and 0 to 11 was expected");
  EXPECT_EQ(RefusedTree(Tree({{"left_child", "-3"}})),
            "tree 1: left_child has -3, and -2 to 0 was expected");
  EXPECT_EQ(RefusedTree(Tree({{"left_child", "0"}})),
            "tree 1: node 0 is reached twice, the second time from node 0");
  EXPECT_EQ(RefusedTree(Tree({{"right_child", "-1"}})),
            "tree 1: node 1 is reached twice, the second time from node 0");
}

// LightGBM reads |x| <= 1e-35f as 0 before it compares.
TEST(Tree, ThresholdsNearZeroTakeAllThatIsAlmostZero) {
  const double tiny = 1e-35f;
  for (const char* threshold : {"0", "1e-36", "1.0000000180025095e-35"}) {
    File file;
    file.trees = {Tree({{"threshold", threshold}})};
    const Model model = Made(file);
    EXPECT_EQ(MarginOf(model, {0, tiny}), 10) << threshold;
    EXPECT_EQ(MarginOf(model, {0, std::nextafter(tiny, 1.0)}), 20) << threshold;
  }
  for (const char* threshold : {"-1e-36", "-1.0000000180025095e-35"}) {
    File file;
    file.trees = {Tree({{"threshold", threshold}})};
    const Model model = Made(file);
    EXPECT_EQ(MarginOf(model, {0, -tiny}), 20) << threshold;
    EXPECT_EQ(MarginOf(model, {0, std::nextafter(-tiny, -1.0)}), 10) << threshold;
  }
}

TEST(Tree, CountsBecomeCovers) {
  File file;
  file.trees = {Tree({{"leaf_count", "3 4"}, {"internal_count", "7"}}),
                Tree({{"num_leaves", "1"}, {"leaf_value", "5"}})};
  const Model model = Made(file);
  EXPECT_EQ(Count(model.forest()->parts().leaf_cover), 3u);
  EXPECT_EQ(At(model.forest()->parts().leaf_cover, 1), 4);
  file.trees.push_back(Tree());
  EXPECT_EQ(Count(Made(file).forest()->parts().leaf_cover), 0u);
}

// Categories

TEST(Categories, BecomeSets) {
  File file;
  file.trees = {CategoryTree()};
  const Model model = Made(file);
  EXPECT_TRUE(model.features()[0].categorical && model.features()[1].categorical);
  EXPECT_EQ(MarginOf(model, {0, 33.7}), 1);
  EXPECT_EQ(MarginOf(model, {1, 34}), 2);
  EXPECT_EQ(MarginOf(model, {0, -1}), 3);
}

TEST(Categories, HaveSetsOfTheirOwn) {
  EXPECT_EQ(RefusedTree(CategoryTree({{"threshold", "0 0"}})),
            "tree 1: node 1 asks for category set 0.0 of 2, which another node has");
  EXPECT_EQ(RefusedTree(CategoryTree({{"threshold", "0 2"}})),
            "tree 1: node 1 asks for category set 2.0 of 2");
  EXPECT_EQ(RefusedTree(CategoryTree({{"threshold", "nan 1"}})),
            "tree 1: node 0 asks for category set NaN of 2");
  EXPECT_EQ(RefusedTree(CategoryTree({{"cat_boundaries", "0 3 2"}})),
            "tree 1: cat_boundaries must begin with 0 and never fall");
  EXPECT_EQ(RefusedTree(CategoryTree({{"cat_boundaries", "0 2147483647 2147483647"}})),
            "tree 1: cat_threshold has 3 numbers, and 2147483647 were expected");
  EXPECT_EQ(RefusedTree(CategoryTree({{"cat_threshold", "1 2 4294967296"}})),
            "tree 1: cat_threshold has 4294967296, and 0 to 4294967295 was expected");
  EXPECT_EQ(RefusedTree(CategoryTree({{"num_cat", "0"}})),
            "tree 1: cat_boundaries has 3 numbers, and 1 were expected");
}

File WithCategories(const std::string& texts) {
  File file;
  file.header["feature_infos"] = "1:0:-1 [0:1]";
  file.end = "end of trees\n\npandas_categorical:" + texts;
  return file;
}

TEST(PandasCategories, AreTheTextsOfTheCodes) {
  const Imported imported = Found(WithCategories(R"([["red","blue"]])"));
  EXPECT_EQ(imported.features[0].categories, (std::vector<std::string>{"red", "blue"}));
  EXPECT_TRUE(imported.features[0].categorical);
  EXPECT_TRUE(imported.warnings.empty());
}

TEST(PandasCategories, ThatAreNumbersComeWithAWarning) {
  const Imported imported = Found(WithCategories("[[10,2.5,true]]\n"));
  EXPECT_EQ(imported.features[0].categories, (std::vector<std::string>{"10", "2.5", "True"}));
  EXPECT_EQ(imported.warnings.size(), 1u);
}

TEST(PandasCategories, AreLeftOutWhereTheyDoNotFit) {
  for (const char* texts : {R"([["red"]])", R"([["a","b"],["c"]])", R"([["a","a"]])", R"([["a",)",
                            R"([["a",null]])", R"({"a":["b"]})", R"([{"a":1}])", R"(["ab"])"}) {
    const Imported imported = Found(WithCategories(texts));
    EXPECT_TRUE(imported.features[0].categories.empty()) << texts;
    EXPECT_TRUE(imported.features[0].categorical) << texts;
    EXPECT_EQ(imported.warnings.size(), 1u) << texts;
  }
}

TEST(PandasCategories, MayBeNone) {
  for (const char* texts : {"null", "[]", "null\r\n"}) {
    EXPECT_TRUE(Found(WithCategories(texts)).warnings.empty()) << texts;
  }
}

// Linear trees

std::string LinearTree(const Lines& changes = {}) {
  Lines lines = {{"is_linear", "1"},
                 {"leaf_const", "1 2"},
                 {"num_features", "2 0"},
                 {"leaf_features", "0 1"},
                 {"leaf_coeff", "3 4"}};
  for (const auto& [key, value] : changes) lines[key] = value;
  return Tree(lines);
}

TEST(LinearTree, AddsTermsToItsConstants) {
  File file;
  file.trees = {LinearTree(), Tree()};
  const Model model = Made(file);
  EXPECT_EQ(MarginOf(model, {10, 0.25}), 1 + 30 + 1 + 10);
  EXPECT_EQ(MarginOf(model, {10, 1}), 2 + 20);
  EXPECT_EQ(MarginOf(model, {std::nan(""), 0}), 10 + 10) << "leaf_value where a term is missing";
}

TEST(LinearTree, IsRefusedWhereItsTermsAreNot) {
  EXPECT_EQ(RefusedTree(LinearTree({{"leaf_coeff", "3"}})),
            "tree 1: leaf_coeff has 1 numbers, and 2 were expected");
  EXPECT_EQ(RefusedTree(LinearTree({{"leaf_features", ""}})), "tree 1: it has no leaf_features");
  EXPECT_EQ(RefusedTree(LinearTree({{"num_features", "2147483647 2147483647"}})),
            "tree 1: num_features adds up to 4294967294, which is too much");
  EXPECT_EQ(RefusedTree(LinearTree({{"num_features", "2147483 0"}})),
            "tree 1: leaf_features has 2 numbers, and 2147483 were expected");
  EXPECT_EQ(RefusedTree(LinearTree({{"leaf_features", "0 2"}})),
            "tree 1: leaf 1 has a term of feature 2, and there are 2 that terms may use");
  EXPECT_EQ(RefusedTree(LinearTree({{"is_linear", "2"}})),
            "tree 1: is_linear has 2, and 0 to 1 was expected");
}

// Files of tests/import/corpus/lightgbm, which fixtures_lightgbm.py makes.
std::string Corpus(const std::string& name) {
  const auto file = test::ReadFile(COPSE_SOURCE_DIR "/tests/import/corpus/lightgbm/" + name);
  EXPECT_TRUE(file.ok()) << name;
  return file.ok() ? std::string(file->begin(), file->end()) : std::string();
}

TEST(Corpus, IsReadOrRefused) {
  EXPECT_TRUE(Import(Corpus("everything.txt")).ok());
  EXPECT_TRUE(Import(Corpus("forest_without_sizes.txt")).ok());
  EXPECT_EQ(Refused(Corpus("cycle.txt")),
            "tree 0: node 0 is reached twice, the second time from node 1");
}

TEST(Corpus, WithOneByteChangedIsReadOrRefused) {
  for (const char* name : {"everything.txt", "forest_without_sizes.txt"}) {
    const std::string text = Corpus(name);
    for (std::size_t i = 0; i < text.size(); ++i) {
      for (const char c : {'9', '-', ' ', '\n', '=', '\xff'}) {
        std::string changed = text;
        changed[i] = c;
        const auto model = Import(changed);
        if (model.ok()) continue;
        ASSERT_FALSE(model.error().message.empty()) << name << " at " << i;
        ASSERT_LE(model.error().message.size(), 600u) << name << " at " << i;
      }
    }
  }
}

TEST(LightGbm, GainsAreAddedUpByFeature) {
  const auto gain_of = [](std::vector<std::string> trees) {
    File file;
    file.trees = std::move(trees);
    return Made(file).forest()->parts().feature_gain;
  };
  const std::string stump = Tree({{"split_gain", "2.5"}});
  const std::string sets = CategoryTree({{"split_gain", "8 0.25"}});
  const std::string leaf = Tree({{"num_leaves", "1"},
                                 {"split_feature", ""},
                                 {"threshold", ""},
                                 {"decision_type", ""},
                                 {"left_child", ""},
                                 {"right_child", ""},
                                 {"leaf_value", "3"}});
  using Doubles = std::vector<double>;
  EXPECT_EQ(gain_of({stump, sets, leaf, stump}), (Doubles{0.25, 13}));
  // None at all where one tree has none, or what cannot be.
  for (const char* const other : {"", "-3", "inf", "nan", "1 2", "x"}) {
    EXPECT_EQ(gain_of({stump, Tree({{"split_gain", other}})}), Doubles()) << other;
  }
  EXPECT_EQ(gain_of({leaf}), Doubles());
}

}  // namespace
}  // namespace copse::importer::lightgbm
