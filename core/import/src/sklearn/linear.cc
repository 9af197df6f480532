#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "copse/limits.h"
#include "input_map.h"
#include "sklearn/estimators.h"
#include "text.h"

// Linear models: intercept + coef x, and for classifiers a link.
// Sources: sklearn/linear_model/_base.py, `LinearModel._decision_function`,
// `LinearClassifierMixin`; _logistic.py and _stochastic_gradient.py, `predict_proba`; _glm.
namespace copse::importer::sklearn {
namespace {

using pickle::Array;
using pickle::Kind;

constexpr std::array<std::string_view, 3> kClassifiers = {"LogisticRegression",
                                                          "LogisticRegressionCV", "SGDClassifier"};
/// Regressors whose `predict` is the plain sum, whatever they were fitted by.
constexpr std::array<std::string_view, 26> kRegressors = {"ARDRegression",
                                                          "BayesianRidge",
                                                          "ElasticNet",
                                                          "ElasticNetCV",
                                                          "HuberRegressor",
                                                          "Lars",
                                                          "LarsCV",
                                                          "Lasso",
                                                          "LassoCV",
                                                          "LassoLars",
                                                          "LassoLarsCV",
                                                          "LassoLarsIC",
                                                          "LinearRegression",
                                                          "LinearSVR",
                                                          "MultiTaskElasticNet",
                                                          "MultiTaskElasticNetCV",
                                                          "MultiTaskLasso",
                                                          "MultiTaskLassoCV",
                                                          "OrthogonalMatchingPursuit",
                                                          "OrthogonalMatchingPursuitCV",
                                                          "PassiveAggressiveRegressor",
                                                          "QuantileRegressor",
                                                          "Ridge",
                                                          "RidgeCV",
                                                          "SGDRegressor",
                                                          "TheilSenRegressor"};
/// Regressors that predict the exponential of the sum.
constexpr std::array<std::string_view, 2> kLogRegressors = {"GammaRegressor", "PoissonRegressor"};

template <std::size_t N>
bool IsOneOf(std::string_view name, const std::array<std::string_view, N>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// What the steps in front of one feature come to: scale x + shift, and what a missing x reads as.
struct Affine {
  double scale = 1, shift = 0;
  std::optional<double> fill;
};

// Nothing for a step that no line is.
std::optional<Affine> AffineOf(const std::vector<ColumnStep>& steps) {
  Affine line;
  for (const ColumnStep& step : steps) {
    switch (step.kind) {
      case ColumnStep::Kind::kSubtractDivide:
        line.scale /= step.b;
        line.shift = (line.shift - step.a) / step.b;
        break;
      case ColumnStep::Kind::kMultiplyAdd:
        line.scale *= step.a;
        line.shift = line.shift * step.a + step.b;
        break;
      case ColumnStep::Kind::kSubtractMultiply:
        line.scale *= step.b;
        line.shift = (line.shift - step.a) * step.b;
        break;
      case ColumnStep::Kind::kDivide:
        line.scale /= step.a;
        line.shift /= step.a;
        break;
      case ColumnStep::Kind::kFill:
        if (!line.fill) line.fill = (step.a - line.shift) / line.scale;
        break;
      case ColumnStep::Kind::kClip:
      case ColumnStep::Kind::kRoundToFloat:
        return std::nullopt;
    }
  }
  return line;
}

class LinearReader {
 public:
  explicit LinearReader(const Estimator& estimator)
      : estimator_(estimator), called_(estimator.Called()), imported_(StartImported(estimator)) {}

  Result<Imported> Read() {
    if (!estimator_.value.Attribute("coef_")) return NotFitted(estimator_);
    if (auto status = ReadCoefficients(); !status.ok()) return status.error();
    auto status = IsOneOf(estimator_.name, kClassifiers) ? SetClasses() : SetValues();
    if (!status.ok()) return status.error();
    if (estimator_.map) {
      if (auto folded = FoldMap(*estimator_.map); !folded.ok()) return folded.error();
    }
    auto features = FeaturesOf(estimator_, n_features_, imported_.warnings);
    if (!features.ok()) return features.error();
    imported_.features = *std::move(features);
    imported_.missing_allowed = !linear_.fill.empty();
    imported_.infinite_allowed = false;
    imported_.linear = std::move(linear_);
    return std::move(imported_);
  }

 private:
  // coef_ is [n_features] or [outputs, n_features]; intercept_ a number or one for each output.
  Status ReadCoefficients() {
    const auto found = estimator_.value.Attribute("coef_");
    if (!found->is(Kind::kArray)) {
      return BadAttribute(called_, "coef_", found, "an array of numbers");
    }
    const auto array = Array::From(*found, "coef_");
    if (!array.ok()) return array.error();
    const auto& shape = array->shape();
    if (shape.empty() || shape.size() > 2 || array->size() == 0) {
      return BadAttribute(called_, "coef_", found, "one or more rows of numbers");
    }
    n_features_ = shape.back();
    n_margins_ = array->size() / n_features_;
    if (n_margins_ > limits::kOutputsMax) {
      return text::TooLarge(
          {called_, " has ", n_margins_, " outputs, more than ", limits::kOutputsMax});
    }
    auto coef = array->Doubles();
    if (!coef.ok()) return coef.error();
    linear_.coef = *std::move(coef);
    auto intercept = NeedNumbers(called_, estimator_.value, "intercept_");
    if (!intercept.ok()) return intercept.error();
    if (intercept->size() == 1) intercept->resize(n_margins_, intercept->front());
    if (intercept->size() != n_margins_) {
      return BadAttribute(called_, "intercept_", estimator_.value.Attribute("intercept_"),
                          text::Concat({n_margins_, " numbers"}));
    }
    linear_.intercept = *std::move(intercept);
    return Ok{};
  }

  Status SetValues() {
    if (IsOneOf(estimator_.name, kLogRegressors)) imported_.link.kind = LinkKind::kExp;
    for (std::size_t k = 0; k < n_margins_; ++k) {
      std::string name = n_margins_ == 1 ? "value" : text::Concat({"value", k});
      imported_.outputs.push_back(ValueOutput(std::move(name), k, k + 1));
    }
    return Ok{};
  }

  Status SetClasses() {
    const auto classes = NeedAttribute(called_, estimator_.value, "classes_", "the class labels");
    if (!classes.ok()) return classes.error();
    auto output = ClassOutput("class", *classes, called_);
    if (!output.ok()) return output.error();
    const std::size_t n_classes = output->labels.size();
    if (n_margins_ != (n_classes == 2 ? 1 : n_classes)) {
      return text::Invalid(
          {called_, " has ", n_classes, " classes and coefficients for ", n_margins_, " of them"});
    }
    const auto is_ovr = IsOneVersusRest(n_classes);
    if (!is_ovr.ok()) return is_ovr.error();
    // The class is told by the sign or by the largest margin, whatever the probabilities are.
    imported_.link.kind = !*is_ovr          ? LinkKind::kSoftmaxArgmax
                          : n_margins_ == 1 ? LinkKind::kSigmoid
                                            : LinkKind::kNormalizeOvr;
    if (n_margins_ == 1) imported_.decision = Decision::kGreaterThanZero;
    output->end = n_margins_;
    imported_.outputs.push_back(*std::move(output));
    return Ok{};
  }

  // Whether probabilities are those of one-versus-rest, as predict_proba of the version decides.
  Result<bool> IsOneVersusRest(std::size_t n_classes) const {
    const Version& version = estimator_.version;
    if (estimator_.name == "SGDClassifier") return CheckLogLoss();
    const std::string multi_class = TextOf(estimator_.value, "multi_class");
    if (!version.AtLeast(0, 20)) return n_margins_ == 1 || multi_class == "ovr";
    const bool is_unknown = version.major == Version().major;
    if (version.AtLeast(1, 8) && !(is_unknown && !multi_class.empty())) return n_classes <= 2;
    if (multi_class == "ovr" || multi_class == "warn") return true;
    if (multi_class == "multinomial") return false;
    if (multi_class != "auto" && multi_class != "deprecated") {
      return BadAttribute(called_, "multi_class", estimator_.value.Attribute("multi_class"),
                          "\"auto\", \"ovr\" or \"multinomial\"");
    }
    const std::string solver = TextOf(estimator_.value, "solver");
    return n_classes <= 2 || solver == "liblinear" ||
           (solver == "newton-cholesky" && !version.AtLeast(1, 6));
  }

  Result<bool> CheckLogLoss() const {
    const std::string loss = TextOf(estimator_.value, "loss");
    if (loss == "log" || loss == "log_loss") return true;
    return text::Unsupported({called_, " was fitted with loss=", text::Quote(loss),
                              ", which gives no probabilities that can be imported: fit it with "
                              "loss='log_loss'"});
  }

  // Steps in front become part of the coefficients: exact but for rounding.
  Status FoldMap(const InputMap& map) {
    if (map.features.size() != n_features_) {
      return text::Invalid({called_, " was fitted with ", n_features_,
                            " features, and the steps in front of it give ", map.features.size()});
    }
    LinearModel folded;
    folded.coef.assign(n_margins_ * map.n_columns, 0);
    folded.intercept = linear_.intercept;
    std::vector<std::optional<double>> fill(map.n_columns);
    std::vector<bool> used(map.n_columns, false);
    bool is_filled = false;
    for (std::size_t f = 0; f < n_features_; ++f) {
      const MappedColumn& feature = map.features[f];
      const auto line = AffineOf(feature.steps);
      if (!line || feature.column >= map.n_columns) {
        return text::Unsupported({called_, " stands behind a step that clips or rounds column ",
                                  feature.column, ", which no linear model can hold"});
      }
      for (std::size_t k = 0; k < n_margins_; ++k) {
        const double coef = linear_.coef[k * n_features_ + f];
        folded.coef[k * map.n_columns + feature.column] += coef * line->scale;
        folded.intercept[k] += coef * line->shift;
      }
      if (used[feature.column] && fill[feature.column] != line->fill) return MixedFills();
      used[feature.column] = true;
      fill[feature.column] = line->fill;
      is_filled = is_filled || line->fill;
    }
    if (is_filled) {
      for (std::size_t c = 0; c < map.n_columns; ++c) {
        if (used[c] && !fill[c]) return MixedFills();
        // A column that was dropped may be missing, too: its coefficient is 0.
        folded.fill.push_back(fill[c].value_or(0));
      }
    }
    n_features_ = map.n_columns;
    linear_ = std::move(folded);
    return Ok{};
  }

  Error MixedFills() const {
    return text::Unsupported({called_,
                              " stands behind steps that fill in some of its missing "
                              "values only, which cannot be imported"});
  }

  const Estimator& estimator_;
  std::string called_;
  Imported imported_;
  LinearModel linear_;
  std::size_t n_features_ = 0, n_margins_ = 1;
};

}  // namespace

bool IsLinear(std::string_view name) {
  return IsOneOf(name, kClassifiers) || IsOneOf(name, kRegressors) || IsOneOf(name, kLogRegressors);
}

Result<Imported> ReadLinear(const Estimator& estimator) { return LinearReader(estimator).Read(); }

}  // namespace copse::importer::sklearn
