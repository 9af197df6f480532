#include <array>
#include <string_view>

#include "sklearn/wrappers.h"
#include "text.h"

// What to do instead, by class.
namespace copse::importer::sklearn {
namespace {

using pickle::Kind;
using text::Quote;
using text::Unsupported;

struct Advice {
  std::string_view part;  // of the class name
  std::string_view what, instead;
};

// The first whose part is in the class name counts.
constexpr std::array<Advice, 24> kAdvice = {{
    {"catboost.", "a CatBoost model",
     "save it with model.save_model(\"model.json\", format=\"json\")"},
    {"xgboost.", "an XGBoost object that is not a plain Booster or XGB... estimator",
     "save its booster with get_booster().save_model(\"model.json\")"},
    {"lightgbm.", "a LightGBM object that is not a plain Booster or LGBM... estimator",
     "save its booster with booster_.save_model(\"model.txt\")"},
    {"Bagging", "a bag of models", "a RandomForest of the same depth does the same and is read"},
    {"AdaBoost", "a weighted vote of models", "fit a GradientBoosting or RandomForest instead"},
    {"Voting", "a vote of several models", "import each of its estimators_ as a model of its own"},
    {"Stacking", "a model of models", "import each of its estimators_ as a model of its own"},
    {"CalibratedClassifierCV", "a calibrated classifier",
     "import the classifier in it without its calibration"},
    {"TunedThresholdClassifierCV", "a classifier with a threshold of its own",
     "import its estimator_ and apply best_threshold_ to the probabilities"},
    {"FixedThresholdClassifier", "a classifier with a threshold of its own",
     "import its estimator_ and apply the threshold to the probabilities"},
    {"TransformedTargetRegressor", "a regressor of a transformed target",
     "import its regressor_ and transform the answers back"},
    {"MultiOutput", "a model for each output", "import each of its estimators_"},
    {"ClassifierChain", "a chain of models", "import each of its estimators_"},
    {"RegressorChain", "a chain of models", "import each of its estimators_"},
    {"OneVs", "a model for each class", "fit a classifier that knows several classes itself"},
    {"OutputCode", "a model for each class", "fit a classifier that knows several classes itself"},
    {"sklearn.svm.", "a support vector machine", "only trees, forests and linear models are read"},
    {"sklearn.neural_network.", "a neural network",
     "only trees, forests and linear models are read"},
    {"sklearn.neighbors.", "a model of neighbours",
     "only trees, forests and linear models are read"},
    {"sklearn.cluster.", "a clustering", "only trees, forests and linear models are read"},
    {"sklearn.preprocessing.", "a transformer", "save it as a Pipeline together with its model"},
    {"sklearn.compose.", "a transformer", "save it as a Pipeline together with its model"},
    {"sklearn.tree._tree.Tree", "the inside of a tree",
     "save the DecisionTree estimator around it"},
    {"__main__.", "a class of the program that wrote the file",
     "save the scikit-learn model inside it"},
}};

// Modules whose functions no model needs: a file that calls one does so to run something.
constexpr std::array<std::string_view, 9> kRunning = {"posix.",      "nt.",       "os.",
                                                      "subprocess.", "builtins.", "__builtin__.",
                                                      "sys.",        "runpy.",    "socket."};

// ", scikit-learn 1.2.1": only scikit-learn's objects carry its version.
std::string VersionSuffix(Value value) {
  const auto version = value.Attribute("_sklearn_version");
  const auto text = version ? version->AsString() : std::nullopt;
  return text ? text::Concat({", scikit-learn ", VersionOf(value).text}) : std::string();
}

}  // namespace

Error RefuseClass(Value value) {
  if (!value.is(Kind::kObject)) {
    return Unsupported({"this pickle holds ", value.Describe(),
                        ", which is no model; save the fitted model itself"});
  }
  const std::string_view name = value.class_name();
  for (const std::string_view module : kRunning) {
    if (!name.starts_with(module)) continue;
    return Unsupported({"this pickle calls ", Quote(name),
                        ": it is no model, and it runs code when "
                        "Python loads it"});
  }
  for (const Advice& advice : kAdvice) {
    if (name.find(advice.part) == std::string_view::npos) continue;
    return Unsupported({"this pickle holds an object of class ", Quote(name), " (", advice.what,
                        VersionSuffix(value), "), which is no model that can be imported; ",
                        advice.instead});
  }
  return Unsupported({"this pickle holds an object of class ", Quote(name), VersionSuffix(value),
                      ", which is no model that can be imported; trees, forests, gradient boosting "
                      "and linear models of scikit-learn, XGBoost and LightGBM are read"});
}

}  // namespace copse::importer::sklearn
