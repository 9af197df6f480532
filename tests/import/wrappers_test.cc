#include "sklearn/wrappers.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "copse/import.h"
#include "copse/sha256.h"
#include "sklearn/wrappers_lightgbm.h"
#include "sources.h"
#include "vectors.h"

// What stands around and in front of estimators: what is refused, with which advice, and what the
// metadata says. The numbers are in the fixtures wrap_*.
namespace copse::importer::sklearn {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// Values of a pickle in protocol 0, which is text.
std::string Text(const std::string& text) { return "V" + text + "\n"; }
std::string Integer(int number) { return "I" + std::to_string(number) + "\n"; }
std::string Number(const std::string& number) { return "F" + number + "\n"; }
std::string Flag(bool flag) { return flag ? "I01\n" : "I00\n"; }
const std::string kNone = "N";
const std::string kNan = "Fnan\n";

std::string List(const std::vector<std::string>& items) {
  std::string list = "(l";
  for (const std::string& item : items) list += item + "a";
  return list;
}

std::string Tuple(const std::vector<std::string>& items) {
  std::string tuple = "(";
  for (const std::string& item : items) tuple += item;
  return tuple + "t";
}

std::string Dict(const Pairs& pairs) {
  std::string dict = "(d";
  for (const auto& [key, value] : pairs) dict += Text(key) + value + "s";
  return dict;
}

std::string Object(const std::string& module, const std::string& name, const Pairs& state) {
  return "ccopy_reg\n_reconstructor\n(c" + module + "\n" + name + "\nc__builtin__\nobject\nNtR" +
         Dict(state) + "b";
}

// A numpy array of objects, which are read as the numbers they are.
std::string Array(const std::vector<std::string>& items) {
  const std::string dtype = "cnumpy\ndtype\n(VO8\nI0\nI1\ntR(I3\nV|\nNNNI-1\nI-1\nI63\ntb";
  return "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntVb\ntR(I1\n" +
         Tuple({Integer(static_cast<int>(items.size()))}) + dtype + "I00\n" + List(items) + "tb";
}

std::string Sklearn(const std::string& module, const std::string& name, Pairs state) {
  state.emplace_back("_sklearn_version", Text("1.2.1"));
  return Object("sklearn." + module, name, state);
}

std::string Pipeline(const std::vector<std::string>& steps) {
  std::vector<std::string> named;
  for (const std::string& step : steps) named.push_back(Tuple({Text("step"), step}));
  return Sklearn("pipeline", "Pipeline", {{"steps", List(named)}});
}

std::string Forest() { return Sklearn("ensemble._forest", "RandomForestClassifier", {}); }

std::string Scaler(Pairs state) {
  state.emplace_back("with_mean", Flag(false));
  state.emplace_back("with_std", Flag(true));
  return Sklearn("preprocessing._data", "StandardScaler", std::move(state));
}

std::string Imputer(Pairs state) {
  state.emplace_back("statistics_", Array({Number("1.5"), Number("2.5")}));
  return Sklearn("impute._base", "SimpleImputer", std::move(state));
}

Error ErrorOf(const std::string& pickled) {
  const std::string file = pickled + ".";
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(file.data());
  const auto imported = ImportPickle({bytes, file.size()}, {});
  if (imported.ok()) return {ErrorCode::kInternal, "no refusal"};
  EXPECT_LE(imported.error().message.size(), 600u);
  return imported.error();
}

void ExpectRefusal(const std::string& pickled, ErrorCode code, std::string_view part) {
  const Error error = ErrorOf(pickled);
  EXPECT_EQ(error.code, code) << error.message;
  EXPECT_NE(error.message.find(part), std::string::npos) << error.message << "\nlacks " << part;
}

void ExpectUnsupported(const std::string& pickled, std::string_view part) {
  ExpectRefusal(pickled, ErrorCode::kUnsupportedModel, part);
}

Model Imported(const std::string& name) {
  const auto found = test::ReadCase(COPSE_SOURCE_DIR "/tests/import/fixtures/", name);
  EXPECT_TRUE(found.ok()) << name;
  auto model = ImportModel(found->model);
  EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().message);
  return *std::move(model);
}

std::string Metadata(const std::string& name, const std::string& key) {
  const Model model = Imported(name);
  const auto found = model.metadata().find(key);
  return found == model.metadata().end() ? "" : found->second;
}

// Other classes

TEST(Refusals, NameTheClassItsVersionAndWhatToDo) {
  EXPECT_EQ(ErrorOf(Sklearn("svm._classes", "SVC", {})).message,
            "this pickle holds an object of class \"sklearn.svm._classes.SVC\" (a support vector "
            "machine, scikit-learn 1.2.1), which is no model that can be imported; only trees, "
            "forests and linear models are read");
  ExpectUnsupported(Sklearn("ensemble._stacking", "StackingClassifier", {}), "estimators_");
  ExpectUnsupported(Sklearn("calibration", "CalibratedClassifierCV", {}), "a calibrated");
  ExpectUnsupported(Sklearn("multiclass", "OneVsRestClassifier", {}), "a model for each class");
  ExpectUnsupported(Object("catboost.core", "CatBoostClassifier", {}), "format=\"json\"");
  ExpectUnsupported(Object("__main__", "Predictor", {}), "the scikit-learn model inside it");
  ExpectUnsupported(Object("some.place", "Thing", {}), "\"some.place.Thing\"");
}

TEST(Refusals, OfACallSayWhatItWouldHaveDone) {
  ExpectUnsupported("cposix\nsystem\n(Vecho\ntR", "runs code when Python loads it");
  ExpectUnsupported("c__builtin__\neval\n(V1\ntR", "runs code when Python loads it");
}

TEST(Refusals, OfOtherModulesWithTheSameClassName) {
  ExpectUnsupported(Object("mine.forest", "RandomForestClassifier", {}), "mine.forest");
  ExpectUnsupported(Object("sklearn_like", "Pipeline", {{"steps", List({})}}), "sklearn_like");
}

TEST(Refusals, OfWhatIsNoObject) {
  ExpectUnsupported(Integer(3), "this pickle holds 3, which is no model");
  ExpectUnsupported(Text("model"), "\"model\"");
  ExpectUnsupported(kNone, "which is no model");
}

TEST(Refusals, CutAClassNameWithoutEnd) {
  ExpectUnsupported(Object("a", std::string(500, 'x'), {}), "xxx");
}

// Searches

TEST(Search, WithoutABestEstimatorIsRefused) {
  ExpectUnsupported(Sklearn("model_selection._search", "GridSearchCV", {}), "refit=True");
}

TEST(Search, ThatHoldsItselfIsRefused) {
  const std::string search =
      "ccopy_reg\n_reconstructor\n(csklearn.model_selection._search\nGridSearchCV\n"
      "c__builtin__\nobject\nNtRp1\n(dVbest_estimator_\ng1\nsb";
  ExpectRefusal(search, ErrorCode::kTooLarge, "too many steps");
}

// Pipelines

TEST(PipelineOf, OtherTransformersIsRefusedByName) {
  const std::string pca = Sklearn("decomposition._pca", "PCA", {{"n_features_in_", Integer(2)}});
  ExpectUnsupported(Pipeline({pca, Forest()}), "PCA (scikit-learn 1.2.1) stands in front");
  const std::string own = Object("__main__", "Mine", {{"n_features_in_", Integer(2)}});
  ExpectUnsupported(Pipeline({own, Forest()}), "Mine");
  const std::string function =
      Sklearn("preprocessing._function_transformer", "FunctionTransformer",
              {{"n_features_in_", Integer(2)}, {"func", "cnumpy\nlog1p\n"}});
  ExpectUnsupported(Pipeline({function, Forest()}), "FunctionTransformer");
}

TEST(PipelineOf, NoEstimatorIsRefused) {
  ExpectUnsupported(Pipeline({Scaler({{"scale_", Array({Number("1")})}})}), "a transformer");
  ExpectUnsupported(Pipeline({kNone}), "which is no model");
  ExpectRefusal(Pipeline({}), ErrorCode::kInvalidModel, "no steps");
  ExpectRefusal(Sklearn("pipeline", "Pipeline", {}), ErrorCode::kInvalidModel, "no steps");
  ExpectRefusal(Sklearn("pipeline", "Pipeline", {{"steps", List({Integer(1)})}}),
                ErrorCode::kInvalidModel, "steps[0]");
}

TEST(PipelineOf, ItselfIsRefused) {
  const std::string endless =
      "ccopy_reg\n_reconstructor\n(csklearn.pipeline\nPipeline\nc__builtin__\nobject\nNtRp1\n"
      "(dVsteps\n(l(Va\ng1\ntasb";
  ExpectRefusal(endless, ErrorCode::kTooLarge, "too many steps");
  const std::string behind =
      "ccopy_reg\n_reconstructor\n(csklearn.compose\nColumnTransformer\nc__builtin__\nobject\n"
      "NtRp1\n(dVn_features_in_\nI2\nsVtransformers_\n(l(Va\ng1\n(lI0\naI1\natasV"
      "_transformer_to_input_indices\n(dVa\n(lI0\naI1\nassb";
  ExpectRefusal(Pipeline({behind, Forest()}), ErrorCode::kTooLarge, "too many steps");
}

TEST(PipelineOf, ScalersWithoutNumbersIsRefused) {
  ExpectRefusal(Pipeline({Scaler({}), Forest()}), ErrorCode::kInvalidModel, "how many columns");
  ExpectRefusal(Pipeline({Scaler({{"n_features_in_", Integer(3)}}), Forest()}),
                ErrorCode::kInvalidModel, "has no scale_");
  ExpectRefusal(Pipeline({Scaler({{"n_features_in_", Integer(2'000'000'000)}}), Forest()}),
                ErrorCode::kInvalidModel, "how many columns");
  ExpectRefusal(Pipeline({Imputer({{"missing_values", kNan}}),
                          Scaler({{"scale_", Array({Number("1")})}}), Forest()}),
                ErrorCode::kInvalidModel, "given 2 columns");
}

TEST(PipelineOf, ScalersThatDoNotRiseIsRefused) {
  for (const char* bad : {"0.0", "-1.0", "nan", "inf"}) {
    ExpectUnsupported(Pipeline({Scaler({{"scale_", Array({Number(bad)})}}), Forest()}),
                      "scales column 0");
  }
}

TEST(PipelineOf, OtherImputersIsRefused) {
  ExpectUnsupported(Pipeline({Imputer({{"missing_values", Integer(-999)}}), Forest()}),
                    "takes -999 for missing");
  ExpectUnsupported(
      Pipeline({Imputer({{"missing_values", kNan}, {"add_indicator", Flag(true)}}), Forest()}),
      "add_indicator=True");
  const std::string texts =
      Sklearn("impute._base", "SimpleImputer",
              {{"missing_values", kNan}, {"statistics_", Array({Text("a")})}});
  ExpectUnsupported(Pipeline({texts, Forest()}), "works on texts");
  const std::string constant = Sklearn(
      "impute._base", "SimpleImputer",
      {{"missing_values", kNan}, {"strategy", Text("constant")}, {"statistics_", Array({kNan})}});
  ExpectUnsupported(Pipeline({constant, Forest()}), "column 0");
}

TEST(PipelineOf, SamplersAndPassthroughIsTheEstimatorAlone) {
  const std::string sampler =
      Object("imblearn.over_sampling._smote.base", "SMOTE", {{"n_features_in_", Integer(2)}});
  const std::string steps =
      List({Tuple({Text("a"), sampler}), Tuple({Text("b"), Text("passthrough")}),
            Tuple({Text("c"), Sklearn("svm._classes", "SVC", {})})});
  // The last step is reached: nothing before it was in the way.
  ExpectUnsupported(Object("imblearn.pipeline", "Pipeline", {{"steps", steps}}), "SVC");
}

TEST(PipelineMetadata, NamesTheRowsColumnsAndTheSteps) {
  const Model model = Imported("wrap_pipe_named");
  ASSERT_EQ(model.n_features(), 13u);
  EXPECT_EQ(model.features()[4].name, "column 4");
  EXPECT_NE(model.metadata().at("source").find("\"pipeline\":[\"ColumnTransformer\"]"),
            std::string::npos);
  EXPECT_NE(model.metadata().at("source").find("\"estimator\":\"RandomForestClassifier\""),
            std::string::npos);
}

TEST(PipelineMetadata, AllowsMissingValuesWhereTheyAreFilledIn) {
  EXPECT_TRUE(Imported("wrap_pipe_imputer").missing_allowed());
  EXPECT_TRUE(Imported("wrap_pipe_scaler_hgb").missing_allowed());
  EXPECT_FALSE(Imported("wrap_pipe_standard").missing_allowed());
  EXPECT_FALSE(Imported("wrap_pipe_columns").missing_allowed());
  EXPECT_FALSE(Imported("wrap_pipe_scaler_hgb").infinite_allowed());
}

// Containers

TEST(Container, WithOneModelIsThatModel) {
  const std::string warnings = Metadata("wrap_dict", "warnings");
  EXPECT_NE(warnings.find("only its RandomForestClassifier is imported"), std::string::npos);
}

TEST(Container, WithSeveralOrNoneIsRefusedWithAList) {
  ExpectUnsupported(Dict({{"a", Forest()}, {"b", Forest()}}),
                    "RandomForestClassifier, RandomForestClassifier");
  ExpectUnsupported(List({Integer(1), List({})}), "without a model in it");
  ExpectUnsupported(Tuple({Sklearn("svm._classes", "SVC", {})}), "SVC");
}

TEST(Container, WithATransformerIsRefused) {
  ExpectUnsupported(Dict({{"model", Forest()}, {"scaler", Scaler({})}}), "one sklearn Pipeline");
}

TEST(Container, WithoutEndIsRefused) { ExpectUnsupported("(lp1\ng1\na", "without a model"); }

// Histogram gradient boosting

TEST(HistMetadata, KeepsTheTextsOfCategories) {
  const Model model = Imported("wrap_hgb_encoded_texts");
  EXPECT_TRUE(model.features()[3].categorical);
  ASSERT_EQ(model.features()[3].categories.size(), 8u);
  EXPECT_EQ(model.features()[3].categories[0], "1");
  EXPECT_FALSE(model.features()[0].categorical);
  EXPECT_EQ(model.metadata().at("category_cast"), "table");
}

TEST(HistMetadata, SaysWhereTrainingStopped) {
  EXPECT_NE(Metadata("wrap_hgb_stopped", "warnings").find("Early stopping ended the training"),
            std::string::npos);
  EXPECT_EQ(Metadata("wrap_hgb_binary", "warnings"), "[]");
}

TEST(HistMetadata, OldVersionsTakeNoMissingValues) {
  EXPECT_FALSE(Imported("wrap_hgb_0_21").missing_allowed());
  EXPECT_FALSE(Imported("wrap_hgb_0_21").infinite_allowed());
  EXPECT_TRUE(Imported("wrap_hgb_squared").missing_allowed());
}

// Boosters

TEST(XgboostObject, ReadsAnOldBinaryAsAdvice) {
  const std::string booster = Object("xgboost.core", "Booster", {{"handle", Text("binf")}});
  ExpectRefusal(booster, ErrorCode::kInvalidModel, "holds no model");
  const std::string bytes = "c_codecs\nencode\n(Vbinf...\nVlatin1\ntR";
  ExpectUnsupported(Object("xgboost.core", "Booster", {{"handle", bytes}}), "old binary format");
  ExpectUnsupported(Object("xgboost.sklearn", "XGBRegressor", {{"_Booster", bytes}}),
                    "old binary format");
}

TEST(XgboostObject, ThatCannotBeHonouredIsRefused) {
  ExpectUnsupported(Object("xgboost.sklearn", "XGBClassifier", {{"missing", Integer(-999)}}),
                    "reads -999.0 as a missing value");
  ExpectUnsupported(Object("xgboost.sklearn", "XGBClassifier", {{"objective", "cmine\nloss\n"}}),
                    "objective of its own");
  ExpectRefusal(Object("xgboost.sklearn", "XGBClassifier", {{"missing", kNan}}),
                ErrorCode::kInvalidModel, "is it fitted?");
  ExpectUnsupported(Object("xgboost.dask", "DaskXGBClassifier", {}), "not a plain Booster");
}

// A fixture's object under another class name.
std::string Renamed(const std::string& fixture, const std::string& from, const std::string& to) {
  const auto found = test::ReadCase(COPSE_SOURCE_DIR "/tests/import/fixtures/", fixture);
  EXPECT_TRUE(found.ok()) << fixture;
  std::string file(found->model.begin(), found->model.end());
  const auto at = file.find(static_cast<char>(from.size()) + from);
  EXPECT_NE(at, std::string::npos) << fixture << " names no " << from;
  file.replace(at, 1 + from.size(), static_cast<char>(to.size()) + to);
  file.pop_back();  // ErrorOf adds the full stop
  return file;
}

TEST(XgboostObject, OfAnotherTaskThanItsObjectiveIsRefused) {
  ExpectUnsupported(Renamed("wrap_xgb_regressor", "XGBRegressor", "XGBClassifier"),
                    "gives no probabilities");
  ExpectUnsupported(Renamed("wrap_xgb_labels", "XGBClassifier", "XGBRegressor"),
                    "objective of several classes");
}

TEST(XgboostObject, RegressorsGiveTheProbabilityAsTheirNumber) {
  const Model model = Imported("wrap_xgb_regressor_logistic");
  EXPECT_EQ(model.outputs()[0].kind, OutputKind::kValue);
  EXPECT_FALSE(model.is_classifier());
}

TEST(XgboostObject, KeepsTheLabels) {
  const Model model = Imported("wrap_xgb_labels");
  EXPECT_EQ(model.outputs()[0].labels,
            (std::vector<std::string>{"barbera", "barolo", "grignolino"}));
  EXPECT_EQ(model.outputs()[0].label_type, LabelType::kString);
  EXPECT_EQ(Imported("wrap_xgb_booster").features()[2].name, "c d");
}

TEST(LightgbmObject, KeepsTheLabelsAndTheBestIterations) {
  const Model model = Imported("wrap_lgb_classifier");
  EXPECT_EQ(model.outputs()[0].labels, (std::vector<std::string>{"no", "yes"}));
  EXPECT_EQ(model.forest()->n_trees(), 3u);
  EXPECT_NE(model.metadata().at("warnings").find("--iterations all"), std::string::npos);
}

TEST(LightgbmObject, WithoutATextIsRefused) {
  ExpectRefusal(Object("lightgbm.basic", "Booster", {}), ErrorCode::kInvalidModel, "no model text");
  ExpectRefusal(Object("lightgbm.sklearn", "LGBMClassifier", {}), ErrorCode::kInvalidModel,
                "is it fitted?");
}

TEST(KeepIterations, LeavesTheFirstTreesAndTheirSizes) {
  const std::string head = "tree\nnum_class=2\nnum_tree_per_iteration=2\n";
  const auto shortened = KeepIterations(
      head +
          "tree_sizes=9 9 9 9\n\nTree=0\na\nTree=1\nb\nTree=2\nc\nTree=3\nd\nend of trees\nx=1\n",
      1);
  ASSERT_TRUE(shortened.has_value());
  EXPECT_EQ(shortened->text, head + "tree_sizes=9 9\n\nTree=0\na\nTree=1\nb\nend of trees\nx=1\n");
  EXPECT_EQ(shortened->n_before, 2u);
}

TEST(KeepIterations, LeavesOtherTextsAlone) {
  EXPECT_FALSE(KeepIterations("", 1));
  EXPECT_FALSE(KeepIterations("tree\n\nTree=0\n\nend of trees", 1));
  EXPECT_FALSE(KeepIterations("tree\n\nTree=0\n\nTree=1\n", 1));
  EXPECT_FALSE(KeepIterations("tree\n\nTree=1\n\nTree=0\n\nend of trees", 1));
}

}  // namespace
}  // namespace copse::importer::sklearn
