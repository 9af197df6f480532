#include "onnx/plan.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "imported.h"

namespace copse::importer::onnx {
namespace {

using text::Flaw;
using text::Invalid;
using text::Unsupported;

// Rows of probabilities are taken for normalized when they add to one within this.
constexpr double kSumTolerance = 1e-6;

void RouteAll(std::size_t n_targets, Layout& layout) {
  layout.n_columns = n_targets;
  layout.routes.resize(n_targets);
  for (std::size_t k = 0; k < n_targets; ++k)
    layout.routes[k].column = static_cast<std::int32_t>(k);
}

// Only weights of `target` count, in one column.
void RouteOne(const Ensemble& ensemble, std::size_t target, Layout& layout) {
  layout.n_columns = layout.leaf_width = 1;
  layout.routes.resize(ensemble.n_targets);
  layout.routes[target].column = 0;
}

// Sums s of `target` become the columns (-s, s).
void RouteMirrored(const Ensemble& ensemble, std::size_t target, Layout& layout) {
  layout.n_columns = layout.leaf_width = 2;
  layout.routes.resize(ensemble.n_targets);
  layout.routes[target].column = 1;
  layout.routes[target].is_mirrored = true;
}

// Calls `holds` with every leaf, until one does not.
template <class Holds>
bool OfEveryLeaf(const Ensemble& ensemble, Holds holds) {
  for (std::size_t i = 0; i < ensemble.n_nodes(); ++i) {
    if (ensemble.mode[i] == Mode::kLeaf && !holds(i)) return false;
  }
  return true;
}

/// Whether all rows of scores add to one, as far as the leaves show it: the leaves of each tree
/// have one sum, and no weight is negative.
bool AddsToOne(const Ensemble& ensemble) {
  if (ensemble.has_negative_weight || ensemble.post != Post::kNone) return false;
  double total = 0;
  for (const double base : ensemble.base) total += base;
  for (std::size_t t = 0; t < ensemble.n_trees(); ++t) {
    double of_tree = -1;
    for (std::size_t i = ensemble.tree_begin[t]; i < ensemble.tree_begin[t + 1]; ++i) {
      if (ensemble.mode[i] != Mode::kLeaf) continue;
      double sum = 0;
      for (std::size_t w = ensemble.weight_begin[i]; w < ensemble.weight_begin[i + 1]; ++w) {
        sum += ensemble.weight[w];
      }
      if (of_tree >= 0 && !(std::abs(sum - of_tree) <= kSumTolerance * of_tree)) return false;
      of_tree = sum;
    }
    total += of_tree;
  }
  return std::abs(total - 1) <= kSumTolerance;
}

/// Of one score s of two classes: whether it lies in [0, 1], as the classes' [1 - s, s] must to be
/// what a Normalizer leaves alone.
bool IsShare(const Ensemble& ensemble) {
  double most = ensemble.base.empty() ? 0 : ensemble.base[0];
  if (ensemble.has_negative_weight || most < 0) return false;
  for (std::size_t t = 0; t < ensemble.n_trees(); ++t) {
    double of_tree = 0;
    for (std::size_t i = ensemble.tree_begin[t]; i < ensemble.tree_begin[t + 1]; ++i) {
      double sum = 0;
      for (std::size_t w = ensemble.weight_begin[i]; w < ensemble.weight_begin[i + 1]; ++w) {
        sum += ensemble.weight[w];
      }
      of_tree = std::max(of_tree, sum);
    }
    most += of_tree;
  }
  return most <= 1 + kSumTolerance;
}

class Planner {
 public:
  explicit Planner(const GraphModel& model)
      : model_(model), ensemble_(model.ensembles[0]), coverage_(CoverageOf(ensemble_)) {
    plan_.link.math = Precision::kFloat32;
    const bool is_wide = ensemble_.width == Precision::kFloat64 || model.scores.is_wide;
    plan_.layout.accumulate = is_wide ? Precision::kFloat64 : Precision::kFloat32;
  }

  Result<Plan> Make() {
    if (ensemble_.post == Post::kProbit) {
      return Unsupported({ensemble_.name(),
                          " has the post_transform PROBIT, which cannot be "
                          "imported"});
    }
    const bool is_class = ensemble_.is_classifier;
    if (auto flaw = is_class ? PlanClasses() : PlanTargets()) return *flaw;
    if (model_.scores.is_normalized && !IsNormalized()) {
      return Unsupported({"the ONNX graph has a Normalizer behind scores that do not add to one"});
    }
    return std::move(plan_);
  }

 private:
  // ---- classes

  void AddClassOutput() {
    Output output;
    output.name = "label";
    output.kind = OutputKind::kClass;
    output.labels = model_.labels.texts;
    output.label_type = model_.labels.type;
    output.end = plan_.layout.n_columns;
    plan_.outputs.push_back(std::move(output));
  }

  /// The link of the transform where each class has its own column; decided on the sums.
  void SetClassLink() {
    switch (ensemble_.post) {
      case Post::kSoftmax:
        plan_.link.kind = LinkKind::kSoftmaxArgmax;
        break;
      case Post::kSoftmaxZero:
        plan_.link.kind = LinkKind::kSoftmaxZero;
        break;
      case Post::kLogistic:
        plan_.link.kind = LinkKind::kLogistic;
        break;
      case Post::kNone:
      case Post::kProbit:
        break;
    }
  }

  Flaw PlanClasses() {
    if (model_.ensembles.size() != 1 || model_.scores.link != LinkKind::kIdentity ||
        model_.scores.divisor != 1 || model_.scores.shift != 0) {
      return Unsupported({"the ONNX graph computes with the scores of a classifier"});
    }
    const std::size_t n = ensemble_.n_targets;
    if (n == 1) {
      return Unsupported(
          {"the TreeEnsembleClassifier has one class label, and onnxruntime answers "
           "0 or 1 instead of it"});
    }
    const std::size_t n_base = ensemble_.base.size();
    if (n_base != 0 && n_base != n && !(n == 2 && n_base == 1)) {
      return Invalid(
          {"the TreeEnsembleClassifier has ", n_base, " base values for ", n, " classes"});
    }
    Flaw flaw = n == 2 ? PlanTwoClasses() : PlanManyClasses();
    if (!flaw) AddClassOutput();
    return flaw;
  }

  Flaw PlanManyClasses() {
    const std::size_t n = ensemble_.n_targets;
    plan_.base = ensemble_.base;
    if (plan_.base.empty()) {
      plan_.base.assign(n, 0);
      const bool is_complete = std::all_of(coverage_.always.begin(), coverage_.always.end(),
                                           [](std::uint8_t a) { return a != 0; });
      // A class without weights on a row's way has the score 0, and onnxruntime never names it.
      if (!is_complete && ensemble_.has_negative_weight) {
        return Unsupported(
            {"the TreeEnsembleClassifier has negative weights, and leaves without a "
             "weight of some class; onnxruntime and the specification label its "
             "rows differently"});
      }
    }
    RouteAll(n, plan_.layout);
    plan_.layout.leaf_width = coverage_.is_scalar ? 1 : n;
    SetClassLink();
    return {};
  }

  Flaw PlanTwoClasses() {
    const bool weighs_0 = ensemble_.weighs_class[0];
    const bool weighs_1 = ensemble_.weighs_class[1];
    if (!weighs_0 && !weighs_1) return Invalid({"the TreeEnsembleClassifier has no weights"});
    if (weighs_0 && weighs_1) return PlanBothClasses();
    if (weighs_1) return PlanSecondClass();
    if (ensemble_.base.size() == 2) {
      return Unsupported(
          {"the TreeEnsembleClassifier has weights of one of two classes and two "
           "base values; onnxruntime and the specification score it differently"});
    }
    return PlanOneScore();
  }

  /// Weights of class 0 alone, which stand for class 1: what scikit-learn's and all boosters'
  /// converters write. Weights without a negative one are probabilities of class 1.
  Flaw PlanOneScore() {
    const double base = ensemble_.base.empty() ? 0 : ensemble_.base[0];
    const bool is_logistic = ensemble_.post == Post::kLogistic;
    if (!ensemble_.has_negative_weight) {
      RouteOne(ensemble_, 0, plan_.layout);
      plan_.base = {base};
      plan_.link.math = ensemble_.width;  // of 1 - s
      if (is_logistic) {
        plan_.warnings.emplace_back(
            "The two classes have weights of one, none of them negative: onnxruntime to version "
            "1.23 does not apply the post_transform LOGISTIC to them, and neither does this model; "
            "newer versions do.");
      }
    } else if (is_logistic) {
      RouteOne(ensemble_, 0, plan_.layout);
      plan_.base = {base};
      plan_.link.kind = LinkKind::kLogistic;
      plan_.decision = Decision::kGreaterThanZero;
    } else {
      RouteMirrored(ensemble_, 0, plan_.layout);
      plan_.base = {-base, base};
    }
    return {};
  }

  /// Weights of class 1 alone: class 0 has the score 0.
  Flaw PlanSecondClass() {
    if (!ensemble_.has_negative_weight || !ensemble_.base.empty() || coverage_.always[1] == 0) {
      return Unsupported(
          {"the TreeEnsembleClassifier has weights of its second class alone; "
           "onnxruntime and the specification label its rows differently"});
    }
    RouteAll(2, plan_.layout);
    plan_.base = {0, 0};
    SetClassLink();
    return {};
  }

  /// onnxruntime names class 1 where its sum is above 0, whatever that of class 0 is. That is one
  /// answer with the larger of the two where they are each other's negative (CatBoost).
  Flaw PlanBothClasses() {
    // Of other whole numbers it answers 0 and 1 instead of the labels.
    const bool has_labels = ensemble_.label_type == LabelType::kString ||
                            (ensemble_.labels[0] == "0" && ensemble_.labels[1] == "1");
    const bool is_usable = has_labels && ensemble_.base.empty() && coverage_.always[1] != 0;
    const bool is_mirrored = is_usable && OfEveryLeaf(ensemble_, [&](std::size_t i) {
                               return WeightOf(ensemble_, i, 0) == -WeightOf(ensemble_, i, 1);
                             });
    plan_.base = {0};
    if (is_mirrored && ensemble_.post == Post::kNone) {
      RouteMirrored(ensemble_, 1, plan_.layout);
      plan_.base = {0, 0};
      return {};
    }
    if (is_mirrored) {
      RouteOne(ensemble_, 1, plan_.layout);
      SetClassLink();
      if (ensemble_.post == Post::kLogistic) plan_.decision = Decision::kGreaterThanZero;
      return {};
    }
    // One tree of probabilities: [1 - s, s] are its leaves' own two numbers.
    const bool is_share = is_usable && ensemble_.n_trees() == 1 && ensemble_.post == Post::kNone &&
                          OfEveryLeaf(ensemble_, [&](std::size_t i) {
                            const auto s = static_cast<float>(WeightOf(ensemble_, i, 1));
                            const double rest = WeightOf(ensemble_, i, 0);
                            return std::abs((1.0F - s) - rest) <= kSumTolerance * std::abs(rest);
                          });
    if (!is_share) {
      return Unsupported(
          {"the TreeEnsembleClassifier has weights of both of two classes; "
           "onnxruntime and the specification label its rows differently"});
    }
    RouteOne(ensemble_, 1, plan_.layout);
    plan_.decision = Decision::kGreaterThanZero;
    plan_.warnings.emplace_back(
        "As onnxruntime does, this model names the second class wherever its score is above 0, "
        "not where it is the larger one.");
    return {};
  }

  bool IsNormalized() const {
    const bool is_softmax = ensemble_.post == Post::kSoftmax && plan_.layout.n_columns > 1 &&
                            plan_.link.kind == LinkKind::kSoftmaxArgmax;
    if (is_softmax || (plan_.layout.n_columns == 1 && plan_.link.kind == LinkKind::kLogistic)) {
      return true;
    }
    return plan_.layout.n_columns == 1 ? IsShare(ensemble_) : AddsToOne(ensemble_);
  }

  // ---- targets

  void AddValueOutputs() {
    const std::size_t n = plan_.layout.n_columns;
    for (std::size_t k = 0; k < n; ++k) {
      plan_.outputs.push_back(
          ValueOutput(n == 1 ? "prediction" : text::Concat({"prediction_", k}), k, k + 1));
    }
  }

  Flaw PlanTargets() {
    const std::size_t n = ensemble_.n_targets;
    for (const Ensemble& other : model_.ensembles) {
      const bool is_same = other.n_targets == n && other.aggregate == ensemble_.aggregate &&
                           other.post == ensemble_.post && other.width == ensemble_.width;
      if (is_same && (model_.ensembles.size() == 1 || other.aggregate == Aggregate::kSum)) continue;
      return Unsupported({"the ONNX graph adds ensembles of different kinds"});
    }
    if (ensemble_.has_odd_root) {
      plan_.warnings.emplace_back(
          "A tree starts with a node whose branches lead to a node and to a leaf of one number: "
          "onnxruntime to version 1.23 takes it for a leaf, and this model, as newer versions and "
          "the specification, does not.");
    }
    RouteAll(n, plan_.layout);
    if (auto flaw = PlanTransform()) return flaw;
    if (auto flaw = PlanBase()) return flaw;
    if (auto flaw = PlanCombine()) return flaw;
    AddValueOutputs();
    return {};
  }

  Flaw PlanTransform() {
    plan_.link.kind = model_.scores.link;
    plan_.link.divisor = model_.scores.divisor;
    if (ensemble_.post == Post::kNone) return {};
    if (ensemble_.is_v5 &&
        (ensemble_.post == Post::kSoftmax || ensemble_.post == Post::kLogistic)) {
      return Unsupported(
          {"the TreeEnsemble has the post_transform SOFTMAX or LOGISTIC, whose "
           "numbers onnxruntime and the specification read the other way round"});
    }
    if (ensemble_.n_targets == 1) {
      plan_.warnings.emplace_back(
          "onnxruntime does not apply the post_transform of an ensemble with one target, and "
          "neither does this model.");
      return {};
    }
    const bool is_plain = plan_.link.kind == LinkKind::kIdentity && plan_.link.divisor == 1 &&
                          model_.ensembles.size() == 1 && model_.scores.shift == 0;
    if (ensemble_.post != Post::kLogistic || !is_plain) {
      return Unsupported({ensemble_.name(),
                          " has several targets and a post_transform over all of "
                          "them, which cannot be imported"});
    }
    plan_.link.kind = LinkKind::kLogistic;
    return {};
  }

  Flaw PlanBase() {
    const std::size_t n = ensemble_.n_targets;
    plan_.base.assign(n, model_.scores.shift);
    for (const Ensemble& ensemble : model_.ensembles) {
      if (ensemble.base.empty()) continue;
      if (ensemble.base.size() != n) {
        return Invalid(
            {ensemble.name(), " has ", ensemble.base.size(), " base values for ", n, " targets"});
      }
      const Coverage coverage = CoverageOf(ensemble);
      for (std::size_t k = 0; k < n; ++k) {
        const double base = ensemble.base[k];
        // onnxruntime answers 0, not the base value, where no leaf of the row has the target.
        if (n > 1 && base != 0 && coverage.ever[k] == 0) continue;
        if (n > 1 && base != 0 && coverage.always[k] == 0) {
          return Unsupported({ensemble.name(), ": some rows reach no weight of target ", k,
                              ", which has a base value; onnxruntime and the specification score "
                              "them differently"});
        }
        plan_.base[k] += base;
      }
    }
    return CheckEmptyLeaves();
  }

  /// A leaf without a weight adds the node's own value where there is one target (onnxruntime).
  Flaw CheckEmptyLeaves() const {
    for (const Ensemble& ensemble : model_.ensembles) {
      const bool is_plain = OfEveryLeaf(ensemble, [&](std::size_t i) {
        const bool has_weight = ensemble.weight_begin[i] != ensemble.weight_begin[i + 1];
        return has_weight || ensemble.n_targets > 1 || ensemble.value[i] == 0;
      });
      if (is_plain) continue;
      return Unsupported({ensemble.name(), " has leaves without a weight and with a node value"});
    }
    return {};
  }

  Flaw PlanCombine() {
    const std::size_t n = ensemble_.n_targets;
    bool is_scalar = true;
    for (const Ensemble& ensemble : model_.ensembles) {
      is_scalar = is_scalar && (n == 1 || CoverageOf(ensemble).is_scalar);
    }
    plan_.layout.leaf_width = is_scalar ? 1 : n;
    plan_.layout.is_sum = ensemble_.aggregate == Aggregate::kSum;
    switch (ensemble_.aggregate) {
      case Aggregate::kSum:
        return {};
      case Aggregate::kAverage:
        plan_.combine = "mean";
        // The divisor is the number of all trees, whatever targets they have.
        plan_.layout.leaf_width = n;
        return {};
      case Aggregate::kMin:
      case Aggregate::kMax:
        break;
    }
    plan_.combine = ensemble_.aggregate == Aggregate::kMin ? "min" : "max";
    const auto& full = is_scalar ? coverage_.always : coverage_.everywhere;
    const bool is_complete =
        n == 1 || (std::all_of(full.begin(), full.end(), [](std::uint8_t a) { return a != 0; }) &&
                   (!is_scalar || HasNoEmptyLeaf()));
    if (is_complete) return {};
    return Unsupported({ensemble_.name(), " takes the ", plan_.combine,
                        " over leaves that do not have all targets, which cannot be imported"});
  }

  bool HasNoEmptyLeaf() const {
    return OfEveryLeaf(ensemble_, [&](std::size_t i) {
      return ensemble_.weight_begin[i] != ensemble_.weight_begin[i + 1];
    });
  }

  const GraphModel& model_;
  const Ensemble& ensemble_;
  Coverage coverage_;
  Plan plan_;
};

}  // namespace

Result<Plan> MakePlan(const GraphModel& model) { return Planner(model).Make(); }

}  // namespace copse::importer::onnx
