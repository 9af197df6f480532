#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "copse/math.h"
#include "forest_assembler.h"
#include "sklearn/estimators.h"
#include "sklearn/tree_values.h"
#include "text.h"

// GradientBoosting*: a start value, then learning_rate * value of each stage, added in float64 in
// the order of stages. Multiplying here gives the same bits as multiplying at prediction.
// Source: sklearn/ensemble/_gradient_boosting.pyx, `out += scale * value`.
namespace copse::importer::sklearn {
namespace {

using pickle::Array;
using pickle::Kind;

// What a fitted DummyClassifier answers to every row. Source: sklearn/dummy.py, `predict_proba`.
Result<std::vector<double>> DummyProbabilities(std::string_view called, Value init) {
  auto prior = NeedNumbers(called, init, "class_prior_");
  if (!prior.ok()) return prior.error();
  if (prior->empty()) {
    return BadAttribute(called, "class_prior_", init.Attribute("class_prior_"), "probabilities");
  }
  const std::string strategy = TextOf(init, "strategy");
  if (strategy == "prior") return prior;
  const std::size_t n = prior->size();
  if (strategy == "uniform") return std::vector<double>(n, 1 / static_cast<double>(n));
  std::vector<double> answer(n, 0);
  if (strategy == "most_frequent") {
    const auto largest = std::max_element(prior->begin(), prior->end());
    answer[static_cast<std::size_t>(largest - prior->begin())] = 1;
    return answer;
  }
  // Boosting numbers its classes before it fits its start, so the constant is such a number.
  const auto constant = NeedNumbers(called, init, "constant");
  const auto classes = NeedNumbers(called, init, "classes_");
  if (strategy == "constant" && constant.ok() && constant->size() == 1 && classes.ok() &&
      classes->size() == n) {
    for (std::size_t i = 0; i < n; ++i) answer[i] = (*classes)[i] == (*constant)[0] ? 1 : 0;
    return answer;
  }
  return text::Unsupported({called, " starts from DummyClassifier(strategy=", text::Quote(strategy),
                            "), whose answer is not fixed: fit it with init=None or init='zero'"});
}

// The raw prediction that gives `prior`.
// Sources: sklearn/ensemble/_gb_losses.py, `get_init_raw_predictions` (until 1.3);
// sklearn/ensemble/_gb.py, `_init_raw_predictions` (1.4 on).
std::vector<double> RawOfPrior(std::vector<double> prior, bool exponential, std::size_t n_margins,
                               const Version& version) {
  const double eps = std::numeric_limits<float>::epsilon();
  for (double& p : prior) p = std::clamp(p, eps, 1 - eps);
  if (n_margins == 1) {
    const double odds = Log(prior.back() / (1 - prior.back()));
    return {exponential ? 0.5 * odds : odds};
  }
  std::vector<double> raw(prior.size());
  std::transform(prior.begin(), prior.end(), raw.begin(), Log);
  if (!version.AtLeast(1, 4)) return raw;
  const double mean = Exp(NumpySum(raw) / static_cast<double>(raw.size()));
  for (std::size_t k = 0; k < raw.size(); ++k) raw[k] = Log(prior[k] / mean);
  return raw;
}

// The attribute of the estimators of 0.20 that holds the raw value itself.
// Source: sklearn/ensemble/gradient_boosting.py.
std::string_view RawAttribute(std::string_view init) {
  if (init == "PriorProbabilityEstimator") return "priors";
  if (init == "LogOddsEstimator" || init == "ScaledLogOddsEstimator") return "prior";
  if (init == "MeanEstimator") return "mean";
  if (init == "QuantileEstimator") return "quantile";
  return {};
}

class BoostingReader {
 public:
  explicit BoostingReader(const Estimator& estimator)
      : estimator_(estimator),
        called_(estimator.Called()),
        is_classifier_(estimator.name == "GradientBoostingClassifier"),
        imported_(StartImported(estimator)) {}

  Result<Imported> Read() {
    auto members = Members();
    if (!members.ok()) return members.error();
    auto trees = TreesOf(estimator_, *members);
    if (!trees.ok()) return trees.error();
    if (auto status = SetOutputs(); !status.ok()) return status.error();
    auto start = StartValues();
    if (!start.ok()) return start.error();
    if (auto status = tree_.Read(trees->front(), called_); !status.ok()) return status.error();
    n_features_ = tree_.n_features;
    auto assembler = StartForest(estimator_, {n_features_, n_margins_, 1}, imported_);
    if (!assembler.ok()) return assembler.error();
    if (auto status = AddTrees(*trees, *assembler); !status.ok()) return status.error();
    imported_.forest = assembler->Take(*start);
    imported_.combine = "sum";
    imported_.missing_allowed = FillsMissing(estimator_);
    WarnOfStopping(trees->size() / n_margins_);
    return std::move(imported_);
  }

 private:
  // The trees, stages before outputs, from an array [stages, n_margins].
  Result<std::vector<Value>> Members() {
    const auto found = estimator_.value.Attribute("estimators_");
    if (!found) return NotFitted(estimator_);
    const auto array = Array::From(*found, "estimators_");
    if (!array.ok()) return array.error();
    if (array->shape().size() != 2 || array->size() == 0) {
      return BadAttribute(called_, "estimators_", found, "an array of stages and outputs");
    }
    n_margins_ = array->shape()[1];
    return array->Objects();
  }

  Status AddTrees(const std::vector<Value>& trees, ForestAssembler& assembler) {
    const auto rate = NeedNumber(called_, estimator_.value, "learning_rate");
    if (!rate.ok()) return rate.error();
    for (std::size_t t = 0; t < trees.size(); ++t) {
      if (t > 0) {
        if (auto status = tree_.Read(trees[t], called_); !status.ok()) return status;
      }
      if (tree_.n_features != n_features_ || tree_.width() != 1) {
        return text::Invalid({called_, ": tree ", t, " has ", tree_.n_features, " features and ",
                              tree_.width(), " values a node; expected ", n_features_, " and 1"});
      }
      if (auto status = tree_.FillNodes(t, 1, source_); !status.ok()) return status;
      tree_.FillGains(false, source_);
      source_.output = static_cast<std::uint32_t>(t % n_margins_);
      for (std::size_t node = 0; node < tree_.n_nodes(); ++node) {
        source_.leaf_value[node] = *rate * tree_.values[node];
      }
      if (auto status = assembler.Add(source_); !status.ok()) return status;
    }
    return Ok{};
  }

  Status SetOutputs() {
    const std::string loss = TextOf(estimator_.value, "loss");
    if (!is_classifier_) {
      constexpr std::string_view kLosses[] = {"squared_error", "ls",    "absolute_error",
                                              "lad",           "huber", "quantile"};
      if (std::find(std::begin(kLosses), std::end(kLosses), loss) == std::end(kLosses)) {
        return UnknownLoss(loss);
      }
      if (n_margins_ != 1) return BadStages(1);
      imported_.outputs.push_back(ValueOutput("value", 0, 1));
      return Ok{};
    }
    exponential_ = loss == "exponential";
    if (!exponential_ && loss != "log_loss" && loss != "deviance") return UnknownLoss(loss);
    const auto classes = NeedAttribute(called_, estimator_.value, "classes_", "the class labels");
    if (!classes.ok()) return classes.error();
    auto output = ClassOutput("class", *classes, called_);
    if (!output.ok()) return output.error();
    const std::size_t n_classes = output->labels.size();
    const std::size_t expected = n_classes == 2 ? 1 : n_classes;
    if (n_margins_ != expected) return BadStages(expected);
    output->end = n_margins_;
    imported_.outputs.push_back(*std::move(output));
    SetLink();
    return Ok{};
  }

  // 1.4 decides on the raw score; before, on the probabilities, where ties go to class 0.
  void SetLink() {
    const bool on_margins = estimator_.version.AtLeast(1, 4);
    if (n_margins_ > 1) {
      imported_.link.kind = on_margins ? LinkKind::kSoftmaxArgmax : LinkKind::kSoftmax;
      return;
    }
    imported_.link.kind = exponential_ ? LinkKind::kSigmoid2x : LinkKind::kSigmoid;
    if (on_margins) imported_.decision = Decision::kGreaterEqualZero;
  }

  Error UnknownLoss(std::string_view loss) const {
    return text::Unsupported(
        {called_, " was fitted with loss=", text::Quote(loss), ", which is not known"});
  }

  Error BadStages(std::size_t expected) const {
    return text::Invalid(
        {called_, " has ", n_margins_, " trees in each stage; expected ", expected});
  }

  // Raw prediction [n_margins] before the first tree.
  Result<std::vector<double>> StartValues() {
    const auto init =
        NeedAttribute(called_, estimator_.value, "init_", "what boosting starts from");
    if (!init.ok()) return init.error();
    auto raw = RawStart(*init);
    if (!raw.ok()) return raw.error();
    const bool finite =
        std::all_of(raw->begin(), raw->end(), [](double x) { return std::isfinite(x); });
    if (raw->size() == n_margins_ && finite) return raw;
    return text::Invalid({called_, " starts from ", raw->size(),
                          finite ? " numbers" : " numbers that are not finite", "; expected ",
                          n_margins_});
  }

  Result<std::vector<double>> RawStart(Value init) {
    const bool is_object = init.is(Kind::kObject);
    const std::string kind(is_object ? init.class_stem() : std::string_view());
    const bool is_ours = is_object && init.class_name().starts_with("sklearn.");
    if (init.AsString() == "zero" || (is_ours && kind == "ZeroEstimator")) {
      return std::vector<double>(n_margins_, 0);
    }
    const std::string_view attribute = RawAttribute(kind);
    if (is_ours && !attribute.empty()) return NeedNumbers(called_, init, attribute);
    if (is_ours && kind == "DummyRegressor" && !is_classifier_) {
      return NeedNumbers(called_, init, "constant_");
    }
    if (is_ours && kind == "DummyClassifier" && is_classifier_) {
      auto prior = DummyProbabilities(called_, init);
      if (!prior.ok()) return prior.error();
      if (prior->size() != imported_.outputs[0].labels.size()) {
        return BadAttribute(called_, "class_prior_", init.Attribute("class_prior_"),
                            "a probability for each class");
      }
      return RawOfPrior(*std::move(prior), exponential_, n_margins_, estimator_.version);
    }
    return text::Unsupported({called_,
                              " starts from init=", is_object ? text::Quote(kind) : init.Describe(),
                              ", another model, which cannot be imported: fit it with init=None "
                              "or init='zero'"});
  }

  void WarnOfStopping(std::size_t used) {
    const auto found = estimator_.value.Attribute("n_estimators");
    const auto asked = found ? found->AsInteger() : std::nullopt;
    if (!asked || *asked <= 0 || used >= static_cast<std::uint64_t>(*asked)) return;
    imported_.warnings.push_back(
        text::Concat({"Early stopping kept ", used, " of ", *asked, " boosting stages."}));
  }

  const Estimator& estimator_;
  std::string called_;
  bool is_classifier_;
  Imported imported_;
  TreeValues tree_;
  SourceTree source_;
  std::size_t n_margins_ = 1, n_features_ = 0;
  bool exponential_ = false;
};

}  // namespace

bool IsBoosting(std::string_view name) {
  return name == "GradientBoostingClassifier" || name == "GradientBoostingRegressor";
}

Result<Imported> ReadBoosting(const Estimator& estimator) {
  return BoostingReader(estimator).Read();
}

}  // namespace copse::importer::sklearn
