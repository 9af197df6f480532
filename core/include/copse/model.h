#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "copse/forest.h"
#include "copse/link.h"
#include "copse/plan.h"
#include "copse/result.h"

namespace copse {

/// One column of the input.
struct Feature {
  std::string name;
  std::string description;              ///< long name, or empty
  std::string unit;                     ///< such as "cm", or empty
  bool categorical = false;             ///< rows hold codes: positions in `categories` if any
  std::vector<std::string> categories;  ///< text of each code; empty when unknown
  /// Training range; NaN when the file does not say.
  double min = std::numeric_limits<double>::quiet_NaN();
  double max = std::numeric_limits<double>::quiet_NaN();
};

enum class OutputKind : std::uint8_t { kClass, kValue, kScore };
enum class LabelType : std::uint8_t { kString, kInteger, kFloat, kBool };

/// One thing that the model predicts. A multi-output model has several.
struct Output {
  std::string name;
  OutputKind kind = OutputKind::kValue;
  std::vector<std::string> labels;  ///< of the classes, as text ("0", "True", "setosa")
  LabelType label_type = LabelType::kString;
  std::size_t begin = 0, end = 0;  ///< its margin columns
};

/// From values to a class (`decision` in the file).
enum class Decision : std::uint8_t {
  kArgmax,            ///< the largest value; the first of equals
  kGreaterEqualZero,  ///< "ge0": class 1 where the margin >= 0
  kGreaterThanZero,   ///< "gt0": class 1 where the margin > 0
};

/// What can be asked of a model; the numbers are those of the C door.
enum class Answer : std::int32_t {
  kPredict = 0,  ///< class index of each class output, value of each other column
  kIndex = 1,    ///< class index of each class output
  kProba = 2,    ///< probabilities of all classes; blocks of outputs side by side
  kMargin = 3,   ///< raw score; decision_function of an isolation forest
  kLeaf = 4,     ///< leaf number in every tree
  kScore = 5,    ///< score_samples of an isolation forest
};
/// "predict" "index" "proba" "margin" "leaf" "score", or kInvalidInput naming them all.
Result<Answer> AnswerFromName(std::string_view name);
std::string_view AnswerName(Answer answer);

/// A linear model instead of trees: margins = intercept + coef x.
struct LinearModel {
  std::vector<double> coef;       ///< [K, n_features]
  std::vector<double> intercept;  ///< [K]
  std::vector<double> fill = {};  ///< [n_features] what a missing value is read as, or empty
};

/// What a file says, unchecked: the border between importing and evaluating.
struct ModelParts {
  /// `__metadata__` as text; structured values are JSON. Unknown keys are kept.
  std::map<std::string, std::string> metadata;
  std::optional<ForestParts> forest;             ///< either this
  std::optional<LinearModel> linear;             ///< or this
  std::vector<double> feature_min, feature_max;  ///< [n_features], each or empty
};

/// A Forest (or linear model) with feature names, class labels and link. Immutable but for Compile;
/// safe to share between threads. Evaluation cannot fail; creation can. Copies share the forest.
class Model {
 public:
  /// Checks everything that rules 2 to 7 of the format demand.
  /// Errors: kInvalidModel, kUnsupportedModel (version, link, decision, ... unknown), kTooLarge.
  static Result<Model> Create(ModelParts parts);

  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const std::vector<Feature>& features() const { return features_; }
  const std::vector<Output>& outputs() const { return outputs_; }
  const Link& link() const { return link_; }
  Decision decision() const { return decision_; }
  const Forest* forest() const { return forest_.get(); }
  const LinearModel* linear() const { return linear_ ? &*linear_ : nullptr; }
  /// Makes every prediction from now on fast; the answers stay as they are, bit for bit. A model
  /// that is only looked at or written does without. Takes about a tenth
  /// of a microsecond for each node; not to be called while other threads predict.
  void Compile(const Plan::Options& options = {});
  const Plan* plan() const { return plan_.get(); }  ///< null before Compile, and without a forest

  /// Training ranges as the file holds them, each [n_features()] or empty.
  std::span<const double> feature_min() const { return feature_min_; }
  std::span<const double> feature_max() const { return feature_max_; }

  std::size_t n_features() const { return features_.size(); }
  std::size_t n_margins() const { return n_margins_; }      ///< K
  std::size_t n_values() const { return n_values_; }        ///< after the link
  std::size_t n_decisions() const { return n_decisions_; }  ///< of Answer::kPredict
  bool is_classifier() const;                               ///< every output is a class
  Precision input() const { return input_; }
  Precision accumulate() const { return accumulate_; }
  bool missing_allowed() const { return missing_allowed_; }
  /// Infinite inputs: refused by models that read float32 unless the file says `infinite`:
  /// "allowed"; accepted by models that read float64 unless it says "error".
  bool infinite_allowed() const { return infinite_allowed_; }
  /// Width in which `answer` is exact: kFloat32 where the engine's own answer is float32.
  Precision precision(Answer answer) const;

  /// Columns of `answer`, or kInvalidInput when this model has no such answer.
  Result<std::size_t> Columns(Answer answer) const;

  /// Whether every value can be used: NaN only if missing values are allowed, infinities as
  /// above, and for a float32 model nothing finite that rounds to infinity.
  ///
  ///   rows       [n_rows, n_features()]
  ///   first_row  number of the first row in messages, counted from 1
  /// Errors: kInvalidInput naming row, feature and value.
  Status CheckRows(std::span<const double> rows, std::size_t first_row = 1) const;

  /// The place in `rows` of the first value that CheckRows refuses, or rows.size().
  std::size_t FirstRefused(std::span<const double> rows) const;

  /// `answer` for `rows` [n_rows, n_features()] into `out` [n_rows, Columns(answer)].
  ///
  /// Indices and leaves are whole numbers in a double. The rows must have passed CheckRows, and
  /// the model must have that answer (both asserted only where cheap).
  void Predict(Answer answer, std::span<const double> rows, std::span<double> out) const;
  void Predict(Answer answer, std::span<const float> rows, std::span<double> out) const;

  /// The three steps of Predict, for callers that want more than one answer of the same rows:
  /// margins [n_rows, n_margins()], values [n_rows, n_values()], decisions [n_rows, n_decisions()].
  void PredictMargins(std::span<const double> rows, std::span<double> margins) const;
  void PredictMargins(std::span<const float> rows, std::span<double> margins) const;
  void ApplyLink(std::span<const double> margins, std::span<double> values) const;
  void Decide(std::span<const double> margins, std::span<const double> values,
              std::span<double> decisions) const;
  /// Answer::kScore of margins: `scores` [n_rows, Columns(kScore)], of a model that has it.
  void Scores(std::span<const double> margins, std::span<double> scores) const;

 private:
  Model() = default;

  std::map<std::string, std::string> metadata_;
  std::vector<Feature> features_;
  std::vector<Output> outputs_;
  Link link_;
  Decision decision_ = Decision::kArgmax;
  std::shared_ptr<const Forest> forest_;
  std::shared_ptr<const Plan> plan_;
  std::optional<LinearModel> linear_;
  std::vector<double> feature_min_, feature_max_;
  std::size_t n_margins_ = 0, n_values_ = 0, n_decisions_ = 0;
  Precision input_ = Precision::kFloat64;
  Precision accumulate_ = Precision::kFloat64;
  bool missing_allowed_ = false;
  bool infinite_allowed_ = true;

  friend class ModelBuilder;  ///< src/model_builder.cc: fills a Model from checked metadata
};

/// Values of one output: 2 where one margin column stands for two classes, else its columns.
std::size_t ValueColumns(const Output& output);

}  // namespace copse
