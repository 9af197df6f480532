#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "copse/import.h"
#include "imported.h"
#include "input_map.h"
#include "pickle/pickle.h"

/// From the inert values of a pickled scikit-learn estimator to an Imported.
namespace copse::importer::sklearn {

using pickle::Value;

/// "1.4.1.post1" as numbers; compares. An unknown version counts as the newest.
struct Version {
  std::string text;  ///< "of unknown version" where the estimator does not say
  int major = 9999, minor = 0, patch = 0;
  bool AtLeast(int a, int b, int c = 0) const;
};
Version VersionOf(Value estimator);

/// An estimator on its way: what all readers need to know.
struct Estimator {
  Value value;
  std::string name;  ///< class stem, such as "RandomForestClassifier"
  Version version;
  ImportOptions options;
  /// What a pipeline puts in front (identity: unset). Its features are the estimator's columns.
  std::optional<InputMap> map;
  /// For messages: "RandomForestClassifier (scikit-learn 1.4.2)".
  std::string Called() const;
};

/// "CALLED: attribute NAME is FOUND; expected EXPECTED", or that it is missing (kInvalidModel).
Error BadAttribute(std::string_view called, std::string_view name,
                   const std::optional<Value>& found, std::string_view expected);
/// Attributes of `object`, or BadAttribute. Numbers: of a number or of an array of any shape.
Result<Value> NeedAttribute(std::string_view called, Value object, std::string_view name,
                            std::string_view expected);
Result<double> NeedNumber(std::string_view called, Value object, std::string_view name);
Result<std::vector<double>> NeedNumbers(std::string_view called, Value object,
                                        std::string_view name);
/// Text of an attribute; empty where it is missing or something else.
std::string TextOf(Value object, std::string_view name);
/// The refusal of an estimator that was saved before `fit`.
Error NotFitted(const Estimator& estimator);

/// What all scikit-learn models have in common: their source and options.
Imported StartImported(const Estimator& estimator);
/// Whether everything that is missing in a row is filled in before the estimator sees it.
bool FillsMissing(const Estimator& estimator);

/// Each reads the estimators of its file; the names are class stems of modules below sklearn.
/// Errors: kInvalidModel naming the attribute, kUnsupportedModel saying what to do instead.
bool IsForest(std::string_view name);    ///< DecisionTree*, ExtraTree*, RandomForest*, ExtraTrees*
bool IsBoosting(std::string_view name);  ///< GradientBoosting*
bool IsHist(std::string_view name);      ///< HistGradientBoosting*
bool IsLinear(std::string_view name);    ///< LogisticRegression, LinearRegression, Ridge, ...
Result<Imported> ReadForest(const Estimator& estimator);
Result<Imported> ReadBoosting(const Estimator& estimator);
Result<Imported> ReadHist(const Estimator& estimator);
Result<Imported> ReadIsolationForest(const Estimator& estimator);
Result<Imported> ReadLinear(const Estimator& estimator);

/// The estimator behind Pipelines, searches and wrappers, read by one of the above; boosters of
/// XGBoost and LightGBM that such objects hold are read by their own importers.
Result<Imported> ReadEstimator(Value value, const ImportOptions& options);

/// Labels of `classes_` (numbers, texts or bools, as arrays or lists) for an output; its columns
/// are the caller's to set. Errors: kUnsupportedModel for labels of several types.
Result<Output> ClassOutput(std::string name, Value classes, std::string_view called);
/// feature_names_in_, else x0, x1, ...; with a map, the names of the rows' columns are the
/// pipeline's own.
Result<std::vector<Feature>> FeaturesOf(const Estimator& estimator, std::size_t n_features,
                                        std::vector<std::string>& warnings);
/// The constructor's parameters that are plain values, as JSON.
std::vector<std::pair<std::string, std::string>> OptionsOf(const Estimator& estimator);

}  // namespace copse::importer::sklearn
