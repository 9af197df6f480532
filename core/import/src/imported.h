#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "copse/model.h"

/// What an importer has found, in core's types: the last step before a Model.
namespace copse::importer {

/// Where the model comes from (`source` of the file).
struct Source {
  std::string kind;       ///< "scikit-learn", "XGBoost", "LightGBM", "ONNX", "CatBoost"
  std::string version;    ///< of the library, or empty
  std::string estimator;  ///< class, booster or node: "RandomForestClassifier", "gbtree"
  /// Parameters that a reader may want to know, as (name, JSON value), in the order of writing.
  std::vector<std::pair<std::string, std::string>> options;
};

/// A model, typed; Finish writes it as metadata and lets Model::Create check it.
struct Imported {
  Precision input = Precision::kFloat64;
  Precision accumulate = Precision::kFloat64;
  std::string combine = "sum";  ///< "sum" "mean" "min" "max"
  Link link;
  Decision decision = Decision::kArgmax;
  bool missing_allowed = false;
  std::optional<bool> infinite_allowed;  ///< unset: the format's default for `input`
  std::string category_cast;             ///< "", "nonnegative", "truncate" or "table"
  bool allow_nonfinite = false;
  std::vector<Feature> features;  ///< min and max too, NaN where unknown
  std::vector<Output> outputs;    ///< labels as text, as Model has them
  Source source;
  std::vector<std::string> warnings;
  std::optional<ForestParts> forest;
  std::optional<LinearModel> linear;
};

/// Names x0, x1, ... (or another prefix) for `n` numeric features.
std::vector<Feature> NumberedFeatures(std::size_t n, std::string_view prefix);

/// Takes over `names`, repaired where a model file could not hold them: empty ones become the
/// numbered name, repeated ones get a number behind. Says so in `warnings`.
std::vector<Feature> NamedFeatures(const std::vector<std::string>& names, std::string_view prefix,
                                   std::vector<std::string>& warnings);

/// The label of class `i` when the file names none: "0", "1", ...
Output NumberedClasses(std::string name, std::size_t n_classes, std::size_t begin, std::size_t end);
Output ValueOutput(std::string name, std::size_t begin, std::size_t end);

/// The Model. `file_sha256` is written into the source. Errors: those of Model::Create.
Result<Model> Finish(Imported imported, const std::string& file_sha256);

}  // namespace copse::importer
