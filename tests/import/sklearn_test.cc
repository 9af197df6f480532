#include "sklearn/estimators.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "copse/import.h"
#include "pickle/pickle.h"
#include "sklearn/tree_values.h"
#include "sources.h"
#include "vectors.h"

// What the readers of scikit-learn say of files that no fixture can be: refused ones, broken ones,
// and metadata. Most are fixtures with some bytes changed.
namespace copse::importer::sklearn {
namespace {

using File = std::vector<std::uint8_t>;
using Strings = std::vector<std::string>;

File Fixture(const std::string& name) {
  const auto found = test::ReadCase(COPSE_SOURCE_DIR "/tests/import/fixtures/", name);
  EXPECT_TRUE(found.ok()) << (found.ok() ? "" : found.error().message);
  return found.ok() ? found->model : File();
}

// `file` with every `old` as `next`. In binary protocols lengths stand beside texts, so both must
// be as long.
File With(File file, std::string_view old, std::string_view next) {
  std::string bytes(file.begin(), file.end());
  std::size_t n = 0;
  for (auto at = bytes.find(old); at != std::string::npos; at = bytes.find(old, at + next.size())) {
    bytes.replace(at, old.size(), next);
    ++n;
  }
  EXPECT_GT(n, 0u) << old;
  return {bytes.begin(), bytes.end()};
}

std::string Refusal(const File& file, ErrorCode code) {
  const auto model = ImportModel(file);
  if (model.ok()) return "no refusal";
  EXPECT_EQ(model.error().code, code) << model.error().message;
  return model.error().message;
}

std::string Unsupported(const File& file) { return Refusal(file, ErrorCode::kUnsupportedModel); }
std::string Invalid(const File& file) { return Refusal(file, ErrorCode::kInvalidModel); }

Model Imported(const File& file) {
  auto model = ImportModel(file);
  EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().message);
  return *std::move(model);
}

std::string Metadata(const File& file, const std::string& key) {
  const Model model = Imported(file);
  const auto found = model.metadata().find(key);
  return found == model.metadata().end() ? "" : found->second;
}

pickle::Document Parsed(std::string_view text) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  auto document = pickle::Document::Parse({bytes, text.size()});
  EXPECT_TRUE(document.ok()) << (document.ok() ? "" : document.error().message);
  return *std::move(document);
}

// Versions

TEST(Version, ComparesByNumbers) {
  Version version{"1.4.1", 1, 4, 1};
  EXPECT_TRUE(version.AtLeast(1, 4, 1));
  EXPECT_TRUE(version.AtLeast(0, 24));
  EXPECT_FALSE(version.AtLeast(1, 4, 2));
  EXPECT_FALSE(version.AtLeast(1, 10));
  EXPECT_TRUE(Version().AtLeast(99, 0));
}

TEST(Version, IsTheFilesOwn) {
  EXPECT_NE(Metadata(Fixture("skl_rf_1_4_1"), "source").find("\"version\":\"1.4.1.post1\""),
            std::string::npos);
}

TEST(Version, ThatIsNoVersionCountsAsUnknown) {
  const File file = With(Fixture("skl_dt_strings_p0"), "V1.2.1\n", "V1.2 <script>\n");
  EXPECT_NE(Metadata(file, "source").find("\"version\":\"\""), std::string::npos);
}

// Labels

Result<Output> Labels(std::string_view pickled) {
  const auto document = Parsed(pickled);
  return ClassOutput("class", document.root(), "Tree (scikit-learn 1.2.1)");
}

TEST(ClassOutput, KeepsTheLabelsType) {
  EXPECT_EQ(Labels("(lI7\naI-1\na.")->label_type, LabelType::kInteger);
  EXPECT_EQ(Labels("(lI7\naI-1\na.")->labels, (Strings{"7", "-1"}));
  EXPECT_EQ(Labels("(lI00\naI01\na.")->labels, (Strings{"False", "True"}));
  EXPECT_EQ(Labels("(lI00\naI01\na.")->label_type, LabelType::kBool);
  EXPECT_EQ(Labels("(lF1.0\naF2.5\na.")->labels, (Strings{"1.0", "2.5"}));
  EXPECT_EQ(Labels("(lF1.0\naF2.5\na.")->label_type, LabelType::kFloat);
  EXPECT_EQ(Labels("(lVa\naVb\na.")->labels, (Strings{"a", "b"}));
  EXPECT_EQ(Labels("(lVa\naVb\na.")->label_type, LabelType::kString);
}

TEST(ClassOutput, RefusesSeveralTypes) {
  const auto output = Labels("(lI1\naVone\na.");
  ASSERT_FALSE(output.ok());
  EXPECT_EQ(output.error().code, ErrorCode::kUnsupportedModel);
  EXPECT_EQ(output.error().message,
            "Tree (scikit-learn 1.2.1) has class labels of several types, \"1\" and \"one\"; "
            "expected all of one type");
  EXPECT_FALSE(Labels("(lI1\naF2.0\na.").ok());
  EXPECT_FALSE(Labels("(lI1\naI01\na.").ok());
}

TEST(ClassOutput, RefusesWhatIsNoLabel) {
  for (const char* pickled : {"(lVa\naNa.", "(l(la.", "(lFnan\na.", "(lFinf\na.", "(l.", "N."}) {
    EXPECT_FALSE(Labels(pickled).ok()) << pickled;
  }
}

TEST(ClassOutput, OfFilesIsAsTrained) {
  const auto outputs = [](const char* name) { return Imported(Fixture(name)).outputs(); };
  EXPECT_EQ(outputs("skl_dt_float_p5")[0].labels, (Strings{"-1.0", "1.0", "3.0"}));
  EXPECT_EQ(outputs("skl_dt_float_p5")[0].label_type, LabelType::kFloat);
  EXPECT_EQ(outputs("skl_dt_bool_p3")[0].labels, (Strings{"False", "True"}));
  EXPECT_EQ(outputs("skl_dt_int8")[0].labels, (Strings{"-7", "0", "7"}));
  EXPECT_EQ(outputs("skl_dt_objects_p2")[0].labels, (Strings{"barbera", "barolo", "grignolino"}));
  const auto several = outputs("skl_dt_multioutput");
  ASSERT_EQ(several.size(), 2u);
  EXPECT_EQ(several[0].name, "class0");
  EXPECT_EQ(several[1].labels, (Strings{"no", "yes"}));
  EXPECT_EQ(several[1].begin, 3u);
  EXPECT_EQ(several[1].end, 5u);
}

// Names, options, warnings

TEST(FeaturesOf, TakesNamesOrNumbersThem) {
  const Model named = Imported(Fixture("skl_rf_named"));
  EXPECT_EQ(named.features()[0].name, "sepal length (cm)");
  EXPECT_EQ(named.features()[3].name, "petal width (cm)");
  EXPECT_EQ(Imported(Fixture("skl_dt_strings_p0")).features()[12].name, "x12");
}

TEST(FeaturesOf, RefusesWhatAreNoNames) {
  // The text 'liblinear' as feature_names_in_.
  const File file = Fixture("skl_logreg_auto_liblinear");
  const File named = With(file, "Vsolver\n", "Vfeature_names_in_\n");
  EXPECT_NE(Invalid(With(named, "Vauto\n", "Vovr\n")).find("feature_names_in_"), std::string::npos);
  // Four names for thirteen features.
  const File names = Fixture("skl_rf_named");
  const auto document = pickle::Document::Parse(names);
  ASSERT_TRUE(document.ok());
  const Value value = document->root();
  Strings warnings;
  const auto features =
      FeaturesOf({value, "RandomForestClassifier", VersionOf(value), {}, {}}, 13, warnings);
  ASSERT_FALSE(features.ok());
  EXPECT_EQ(features.error().message,
            "RandomForestClassifier (scikit-learn 1.2.1) has 4 feature_names_in_ for 13 features");
}

TEST(OptionsOf, HoldsPlainParameters) {
  const std::string source = Metadata(Fixture("skl_dt_int8"), "source");
  for (const char* part :
       {"\"kind\":\"scikit-learn\"", "\"version\":\"1.2.1\"",
        "\"estimator\":\"DecisionTreeClassifier\"", "\"max_depth\":4", "\"max_features\":null",
        "\"class_weight\":{\"-7\":0.3,\"0\":1.1,\"7\":2.7}", "\"criterion\":\"gini\""}) {
    EXPECT_NE(source.find(part), std::string::npos) << part << " in " << source;
  }
  EXPECT_EQ(source.find("tree_"), std::string::npos);
  const std::string boosted = Metadata(Fixture("skl_gb_init_prior"), "source");
  EXPECT_NE(boosted.find("\"init\":\"DummyClassifier\""), std::string::npos) << boosted;
}

TEST(Warnings, SayThatBoostingStoppedEarly) {
  const std::string warnings = Metadata(Fixture("skl_gb_stopped"), "warnings");
  EXPECT_NE(warnings.find("Early stopping kept "), std::string::npos) << warnings;
  EXPECT_NE(warnings.find(" of 60 boosting stages."), std::string::npos) << warnings;
  EXPECT_EQ(Metadata(Fixture("skl_gb_iris_p2"), "warnings"), "[]");
}

// Missing values

TEST(TakesMissing, FollowsVersionsAndNodes) {
  // Nodes that know missing values, of a forest: since 1.4.
  const File knows = Fixture("skl_rf_1_4_1");
  EXPECT_TRUE(Imported(knows).missing_allowed());
  EXPECT_FALSE(Imported(With(knows, "V1.4.1.post1\n", "V1.3.2\n")).missing_allowed());
  EXPECT_FALSE(Imported(With(knows, "Vbest\n", "Vother\n")).missing_allowed());
  // A criterion without support, until 1.7.
  const File other = With(knows, "Vgini\n", "Vabsolute_error\n");
  EXPECT_FALSE(Imported(other).missing_allowed());
  EXPECT_TRUE(Imported(With(other, "V1.4.1.post1\n", "V1.8.0\n")).missing_allowed());
  // Nodes that do not, whatever the version says.
  EXPECT_FALSE(Imported(Fixture("skl_rf_saved_again")).missing_allowed());
  EXPECT_FALSE(Imported(Fixture("skl_if_wine")).missing_allowed());
}

// Links and decisions, version by version

std::string LinkOf(const File& file) {
  const Model model = Imported(file);
  const std::string decision = model.metadata().at("decision");
  return std::string(LinkName(model.link().kind)) + " " + decision;
}

TEST(Boosting, DecidesAsItsVersion) {
  const File several = Fixture("skl_gb_iris_p2");
  EXPECT_EQ(LinkOf(several), "softmax argmax");
  EXPECT_EQ(LinkOf(With(several, "1.2.1", "1.3.9")), "softmax argmax");
  EXPECT_EQ(LinkOf(With(several, "1.2.1", "1.4.0")), "softmax_argmax argmax");
  const File two = Fixture("skl_gb_cancer_joblib");
  EXPECT_EQ(LinkOf(two), "sigmoid argmax");
  EXPECT_EQ(LinkOf(With(two, "1.2.1", "1.9.0")), "sigmoid ge0");
  EXPECT_EQ(LinkOf(With(Fixture("skl_gb_exponential_p3"), "1.2.1", "1.5.2")), "sigmoid2x ge0");
}

TEST(Boosting, OfNewVersionsStartsFromTheGeometricMean) {
  const File old = Fixture("skl_gb_iris_p2");
  const Model before = Imported(old);
  const Model after = Imported(With(old, "1.2.1", "1.6.0"));
  // Three equal classes: log(1/3) each, or 0 each.
  const Reals& base_before = before.forest()->parts().base;
  const Reals& base_after = after.forest()->parts().base;
  for (std::size_t k = 0; k < 3; ++k) {
    EXPECT_NEAR(At(base_before, k), std::log(1.0 / 3), 1e-15);
    EXPECT_NEAR(At(base_after, k), 0, 1e-15);
  }
}

TEST(Boosting, RefusesOtherStartsAndLosses) {
  EXPECT_EQ(Unsupported(With(Fixture("skl_gb_iris_p2"), "DummyClassifier", "BummyClassifier")),
            "GradientBoostingClassifier (scikit-learn 1.2.1) starts from init=\"BummyClassifier\", "
            "another model, which cannot be imported: fit it with init=None or init='zero'");
  EXPECT_NE(
      Unsupported(With(Fixture("skl_gb_init_most_frequent"), "most_frequent", "most_fortunat"))
          .find("DummyClassifier(strategy=\"most_fortunat\"), whose answer is not fixed"),
      std::string::npos);
  EXPECT_NE(Unsupported(With(Fixture("skl_gb_iris_p2"), "log_loss", "log_lost"))
                .find("loss=\"log_lost\", which is not known"),
            std::string::npos);
  EXPECT_NE(Unsupported(With(Fixture("skl_gb_huber"), "huber", "hubel")).find("loss=\"hubel\""),
            std::string::npos);
}

TEST(Logistic, GivesProbabilitiesAsItsVersion) {
  // Three classes, multi_class 'auto', solver 'liblinear', protocol 0.
  const File file = Fixture("skl_logreg_auto_liblinear");
  EXPECT_EQ(LinkOf(file), "normalize_ovr argmax");
  EXPECT_EQ(LinkOf(With(file, "Vliblinear\n", "Vlbfgs\n")), "softmax_argmax argmax");
  EXPECT_EQ(LinkOf(With(file, "Vliblinear\n", "Vnewton-cholesky\n")), "normalize_ovr argmax");
  const File newton = With(file, "Vliblinear\n", "Vnewton-cholesky\n");
  EXPECT_EQ(LinkOf(With(newton, "V1.2.1\n", "V1.5.2\n")), "normalize_ovr argmax");
  EXPECT_EQ(LinkOf(With(newton, "V1.2.1\n", "V1.6.0\n")), "softmax_argmax argmax");
  EXPECT_EQ(LinkOf(With(file, "Vauto\n", "Vwarn\n")), "normalize_ovr argmax");
  EXPECT_EQ(LinkOf(With(file, "Vauto\n", "Vovr\n")), "normalize_ovr argmax");
  EXPECT_EQ(LinkOf(With(file, "Vauto\n", "Vdeprecated\n")), "normalize_ovr argmax");
  EXPECT_EQ(LinkOf(With(file, "Vauto\n", "Vmultinomial\n")), "softmax_argmax argmax");
  // Since 1.8 there is softmax only, and multi_class means nothing.
  EXPECT_EQ(LinkOf(With(file, "V1.2.1\n", "V1.8.0\n")), "softmax_argmax argmax");
  // Until 0.19 there was no 'auto'.
  const File oldest = With(file, "V1.2.1\n", "V0.19.1\n");
  EXPECT_EQ(LinkOf(With(oldest, "Vauto\n", "Vovr\n")), "normalize_ovr argmax");
  EXPECT_EQ(LinkOf(With(oldest, "Vauto\n", "Vmultinomial\n")), "softmax_argmax argmax");
  EXPECT_NE(Invalid(With(file, "Vauto\n", "Vother\n")).find("attribute multi_class is \"other\""),
            std::string::npos);
}

TEST(Logistic, OfTwoClassesFollowsItsVersion) {
  EXPECT_EQ(LinkOf(Fixture("skl_logreg_binary")), "sigmoid gt0");
  const File multinomial = Fixture("skl_logreg_binary_softmax");
  EXPECT_EQ(LinkOf(multinomial), "softmax_argmax gt0");
  EXPECT_EQ(LinkOf(With(multinomial, "1.2.1", "1.9.0")), "sigmoid gt0");
  EXPECT_EQ(LinkOf(With(multinomial, "1.2.1", "0.1.9")), "sigmoid gt0");
}

TEST(Linear, RefusesWhatHasNoProbabilities) {
  EXPECT_NE(Unsupported(With(Fixture("skl_sgd_log"), "log_loss", "log_hill"))
                .find("loss=\"log_hill\", which gives no probabilities that can be imported"),
            std::string::npos);
}

TEST(Isolation, RefusesThresholdsBesideTheScore) {
  EXPECT_EQ(Unsupported(With(Fixture("skl_if_wine"), "1.2.1", "0.9.0")),
            "IsolationForest (scikit-learn 0.9.0) decides as before 0.22, with a threshold beside "
            "its score, which cannot be imported: fit it with scikit-learn 0.22 or newer");
}

// Broken files

TEST(Broken, EstimatorsThatWereNotFitted) {
  EXPECT_EQ(Unsupported(With(Fixture("skl_rf_diabetes"), "estimators_", "estimatorz_")),
            "RandomForestRegressor (scikit-learn 1.2.1) is not fitted: call fit, then save it");
  EXPECT_EQ(Unsupported(With(Fixture("skl_dt_int8"), "tree_", "treh_")),
            "DecisionTreeClassifier (scikit-learn 1.2.1) is not fitted: call fit, then save it");
  EXPECT_EQ(Unsupported(With(Fixture("skl_lasso"), "coef_", "koef_")),
            "Lasso (scikit-learn 1.2.1) is not fitted: call fit, then save it");
  EXPECT_EQ(Unsupported(With(Fixture("skl_gb_huber"), "estimators_", "estimatorz_")),
            "GradientBoostingRegressor (scikit-learn 1.2.1) is not fitted: call fit, then save it");
}

TEST(Broken, AttributesAreNamed) {
  const auto expect = [](const char* fixture, const char* old, const char* next,
                         const char* message) {
    const std::string refusal = Invalid(With(Fixture(fixture), old, next));
    EXPECT_NE(refusal.find(message), std::string::npos) << refusal;
  };
  expect("skl_gb_huber", "learning_rate", "learning_race", "has no attribute learning_rate");
  expect("skl_gb_huber", "constant_", "konstant_", "has no attribute constant_");
  expect("skl_gb_iris_p2", "class_prior_", "class_prios_", "has no attribute class_prior_");
  expect("skl_gb_iris_p2", "init_", "inid_", "has no attribute init_");
  expect("skl_if_wine", "offset_", "offzet_", "has no attribute offset_");
  expect("skl_if_wine", "max_samples", "max_zamples", "has no attribute max_samples_");
  expect("skl_if_columns_p2", "estimators_features_", "estimators_featurez_",
         "has no attribute estimators_features_");
  expect("skl_lasso", "intercept_", "interzept_", "has no attribute intercept_");
  expect("skl_gb_iris_p2", "classes_", "classez_", "has no attribute classes_");
  expect("skl_rf_diabetes", "values", "valuez", "has no attribute values");
  expect("skl_rf_diabetes", "nodes", "modes", "has no attribute nodes");
}

TEST(Broken, NodesOfLaterVersionsAreNamed) {
  EXPECT_NE(Unsupported(With(Fixture("skl_dt_int8"), "impurity", "impunity"))
                .find("has tree nodes with the field \"impunity\", which is not known yet"),
            std::string::npos);
}

// Files of tests/import/corpus/sklearn, which fixtures_sklearn.py makes.
TEST(Broken, TreesAreRefused) {
  const std::pair<const char*, const char*> files[] = {
      {"child_cycle", "tree 0: node 0 is reached twice, the second time from node 0"},
      {"child_huge", "tree 0: node 0 has the child 1099511627776, and there are 5 nodes"},
      {"child_negative", "tree 0: node 0 has the child -2, and there are 5 nodes"},
      {"child_shared", "tree 0: node 1 is reached twice, the second time from node 0"},
      {"classes_lists", "numbers of classes that do not agree with its 1 outputs and 3 values"},
      {"classes_more", "numbers of classes that do not agree with its 1 outputs and 3 values"},
      {"classes_none", "numbers of classes that do not agree with its 1 outputs and 3 values"},
      {"feature_negative", "tree 0: node 0 tests feature -2, and there are 4"},
      {"feature_range", "tree 0: node 0 tests feature 4, and there are 4"},
      {"learning_rate_nan", "attribute learning_rate is NaN; expected a finite number"},
      {"no_nodes", "the values of a tree with 0 nodes and 1 outputs have another shape"},
      {"nodes_plain", "the nodes of a tree are no records"},
      {"other_features", "tree 1 has other features, outputs or classes than tree 0"},
      {"same_tree", "holds two trees with the same nodes"},
      {"shared_nodes", "holds two trees with the same nodes"},
      {"threshold_nan", "tree 0: node 0 has the threshold NaN"},
      {"values_flat", "the values of a tree with 5 nodes and 1 outputs have another shape"},
      {"values_nan", "leaf.value[0] is NaN"},
      {"values_outputs", "the values of a tree with 5 nodes and 1 outputs have another shape"},
      {"values_short", "the values of a tree with 5 nodes and 1 outputs have another shape"},
  };
  for (const auto& [name, message] : files) {
    SCOPED_TRACE(name);
    const auto file = test::ReadFile(std::string(COPSE_SOURCE_DIR "/tests/import/corpus/sklearn/") +
                                     name + ".pkl");
    ASSERT_TRUE(file.ok()) << file.error().message;
    const std::string refusal = Invalid(*file);
    EXPECT_NE(refusal.find(message), std::string::npos) << refusal;
  }
}

// NumPy's sum

std::vector<double> Reciprocals(std::size_t n) {
  std::vector<double> numbers;
  for (std::size_t i = 0; i < n; ++i) numbers.push_back(1.0 / static_cast<double>(i + 3));
  return numbers;
}

TEST(NumpySum, HasTheBitsOfNumpy) {
  // numpy.sum(1.0 / numpy.arange(3, 3 + n)) of NumPy 1.24; at 8, 9, 17, ... the plain sum differs.
  const std::pair<std::size_t, double> expected[] = {
      {3, 0x1.9111111111110p-1},   {7, 0x1.5437437437437p+0},   {8, 0x1.6dd0dd0dd0dd0p+0},
      {9, 0x1.8516ae822df44p+0},   {17, 0x1.061c554513c25p+1},  {128, 0x1.f96b70e38f84dp+1},
      {129, 0x1.fa65941081d6fp+1}, {300, 0x1.3283d93b7feebp+2},
  };
  for (const auto& [n, sum] : expected) EXPECT_EQ(NumpySum(Reciprocals(n)), sum) << n;
  EXPECT_EQ(NumpySum({}), 0);
}

// Linear models behind the steps of a pipeline

using Kind = ColumnStep::Kind;

Result<importer::Imported> ReadBehind(const File& file, InputMap map) {
  const auto document = pickle::Document::Parse(file);
  EXPECT_TRUE(document.ok());
  const Value value = document->root();
  return ReadLinear({value, std::string(value.class_stem()), VersionOf(value), {}, std::move(map)});
}

InputMap MapOf(std::size_t n, const std::vector<ColumnStep>& steps) {
  InputMap map;
  map.n_columns = n;
  map.input = Precision::kFloat64;
  for (std::size_t f = 0; f < n; ++f) map.features.push_back({f, steps});
  return map;
}

TEST(LinearBehindSteps, AnswersWhatTheStepsAndTheModelWould) {
  const File file = Fixture("skl_linreg_p2");
  const auto found = test::ReadCase(COPSE_SOURCE_DIR "/tests/import/fixtures/", "skl_linreg_p2");
  ASSERT_TRUE(found.ok());
  const std::size_t n = found->rows.n_columns();
  const InputMap map = MapOf(n, {{Kind::kSubtractDivide, 0.25, 3},
                                 {Kind::kMultiplyAdd, 2, -0.5},
                                 {Kind::kFill, 0.125, 0},
                                 {Kind::kSubtractMultiply, 1, 4},
                                 {Kind::kDivide, 7, 0}});
  auto imported = ReadBehind(file, map);
  ASSERT_TRUE(imported.ok()) << imported.error().message;
  EXPECT_TRUE(imported->missing_allowed);
  const auto folded = Finish(*std::move(imported), "0");
  ASSERT_TRUE(folded.ok()) << folded.error().message;
  const Model plain = Imported(file);
  std::vector<double> rows = found->rows.numbers;
  rows[0] = rows[n + 3] = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> mapped(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) mapped[i] = map.Map(i % n, rows[i]);
  const std::size_t n_rows = found->rows.n_rows();
  std::vector<double> expected(n_rows), got(n_rows);
  plain.Predict(Answer::kPredict, mapped, expected);
  folded->Predict(Answer::kPredict, rows, got);
  for (std::size_t i = 0; i < n_rows; ++i) {
    EXPECT_NEAR(got[i], expected[i], 1e-12 * std::fabs(expected[i])) << i;
  }
}

TEST(LinearBehindSteps, RefusesWhatIsNoLine) {
  const File file = Fixture("skl_linreg_p2");
  for (const ColumnStep& step : {ColumnStep{Kind::kClip, 0, 1}, ColumnStep{Kind::kRoundToFloat}}) {
    const auto imported = ReadBehind(file, MapOf(10, {step}));
    ASSERT_FALSE(imported.ok());
    EXPECT_EQ(imported.error().code, ErrorCode::kUnsupportedModel);
    EXPECT_NE(imported.error().message.find("which no linear model can hold"), std::string::npos);
  }
  InputMap some = MapOf(10, {{Kind::kFill, 1, 0}});
  some.features[4].steps.clear();
  EXPECT_FALSE(ReadBehind(file, some).ok());
  EXPECT_FALSE(ReadBehind(file, MapOf(9, {})).ok());
}

TEST(LinearBehindSteps, ReadsColumnsThatWereDropped) {
  InputMap map = MapOf(10, {{Kind::kFill, 1, 0}});
  map.n_columns = 11;  // the last was dropped
  const auto imported = ReadBehind(Fixture("skl_linreg_p2"), map);
  ASSERT_TRUE(imported.ok()) << imported.error().message;
  EXPECT_EQ(imported->features.size(), 11u);
  EXPECT_EQ(imported->linear->fill, (std::vector<double>{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0}));
}

}  // namespace
}  // namespace copse::importer::sklearn
