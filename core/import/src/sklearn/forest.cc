#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "forest_assembler.h"
#include "sklearn/estimators.h"
#include "sklearn/tree_values.h"
#include "text.h"

// Trees and forests: the average of leaf rows, a float64 sum in tree order and then one division.
// Source: sklearn/ensemble/_forest.py, `_accumulate_prediction` and `all_proba /= n_estimators`.
namespace copse::importer::sklearn {
namespace {

using pickle::Kind;

bool IsTree(std::string_view name) {
  return name.starts_with("DecisionTree") || name.starts_with("ExtraTreeC") ||
         name.starts_with("ExtraTreeR");
}

// Whether `values` are fractions (since 1.4.1): the root's row sums to 1, and not to its weight.
//
// The content decides because an estimator keeps the version it was loaded from when it is saved
// again. Where the root's weight is 1 both readings agree there, and the version decides.
bool HoldsFractions(const TreeValues& tree, const Version& version) {
  const auto is_one = [](double x) { return x >= 1 - 1e-9 && x <= 1 + 1e-9; };
  if (is_one(tree.cover[0])) return version.AtLeast(1, 4, 1);
  return is_one(NumpySum(std::span(tree.values).first(tree.n_classes_max)));
}

// Weighted counts become probabilities as `predict_proba` does it: each row is divided by its sum,
// a sum of 0 by 1. Source: sklearn/tree/_classes.py, `DecisionTreeClassifier.predict_proba`.
void CopyClassRow(std::span<const double> counts, bool fractions, double* out) {
  const double sum = fractions ? 1 : NumpySum(counts);
  const bool divide = !fractions && sum != 0;
  for (std::size_t i = 0; i < counts.size(); ++i) out[i] = divide ? counts[i] / sum : counts[i];
}

class ForestReader {
 public:
  explicit ForestReader(const Estimator& estimator)
      : estimator_(estimator),
        called_(estimator.Called()),
        is_classifier_(estimator.name.ends_with("Classifier")),
        imported_(StartImported(estimator)) {}

  Result<Imported> Read() {
    auto members = IsTree(estimator_.name)
                       ? Result<std::vector<Value>>(std::vector{estimator_.value})
                       : MembersOf(estimator_);
    if (!members.ok()) return members.error();
    auto trees = TreesOf(estimator_, *members);
    if (!trees.ok()) return trees.error();
    if (auto status = tree_.Read(trees->front(), called_); !status.ok()) return status.error();
    first_ = tree_.ShapeOnly();
    if (auto status = SetOutputs(); !status.ok()) return status.error();
    auto assembler = StartForest(estimator_, {first_.n_features, width_, width_}, imported_);
    if (!assembler.ok()) return assembler.error();
    if (auto status = AddTrees(*trees, *assembler); !status.ok()) return status.error();
    imported_.forest = assembler->Take(std::vector<double>(width_, 0));
    imported_.combine = "mean";
    imported_.missing_allowed =
        (knows_missing_ && TakesMissing(estimator_, members->front())) || FillsMissing(estimator_);
    return std::move(imported_);
  }

 private:
  Status AddTrees(const std::vector<Value>& trees, ForestAssembler& assembler) {
    for (std::size_t t = 0; t < trees.size(); ++t) {
      if (t > 0) {
        if (auto status = tree_.Read(trees[t], called_); !status.ok()) return status;
      }
      if (!tree_.HasShapeOf(first_)) {
        return text::Invalid(
            {called_, ": tree ", t, " has other features, outputs or classes than tree 0"});
      }
      knows_missing_ = knows_missing_ && tree_.knows_missing();
      if (auto status = tree_.FillNodes(t, width_, source_); !status.ok()) return status;
      tree_.FillGains(true, source_);
      FillLeaves();
      if (auto status = assembler.Add(source_); !status.ok()) return status;
    }
    return Ok{};
  }

  void FillLeaves() {
    const bool fractions = is_classifier_ && HoldsFractions(tree_, estimator_.version);
    for (std::size_t node = 0; node < tree_.n_nodes(); ++node) {
      if (!tree_.is_leaf(node)) continue;
      std::size_t at = node * width_;
      for (std::size_t k = 0; k < tree_.n_outputs; ++k) {
        const std::size_t begin = node * tree_.width() + k * tree_.n_classes_max;
        if (!is_classifier_) {
          source_.leaf_value[at++] = tree_.values[begin];
          continue;
        }
        const auto n = static_cast<std::size_t>(tree_.n_classes[k]);
        CopyClassRow(std::span(tree_.values).subspan(begin, n), fractions,
                     source_.leaf_value.data() + at);
        at += n;
      }
    }
  }

  Status SetOutputs() {
    if (is_classifier_) return SetClasses();
    width_ = first_.n_outputs;
    for (std::size_t k = 0; k < width_; ++k) {
      imported_.outputs.push_back(ValueOutput(OutputName("value", k), k, k + 1));
    }
    return Ok{};
  }

  // `classes_` is one array, or a list of one for each output.
  Status SetClasses() {
    const auto classes = NeedAttribute(called_, estimator_.value, "classes_", "the class labels");
    if (!classes.ok()) return classes.error();
    const bool several = first_.n_outputs > 1;
    if (several && (!classes->is(Kind::kList) || classes->size() != first_.n_outputs)) {
      return BadAttribute(called_, "classes_", *classes,
                          text::Concat({"a list of the labels of ", first_.n_outputs, " outputs"}));
    }
    for (std::size_t k = 0; k < first_.n_outputs; ++k) {
      auto output =
          ClassOutput(OutputName("class", k), several ? classes->At(k) : *classes, called_);
      if (!output.ok()) return output.error();
      const auto n = static_cast<std::size_t>(first_.n_classes[k]);
      if (output->labels.size() != n) {
        return text::Invalid({called_, " has ", output->labels.size(), " class labels, and its ",
                              "trees have ", n, " classes"});
      }
      output->begin = width_;
      width_ += n;
      output->end = width_;
      imported_.outputs.push_back(*std::move(output));
    }
    return Ok{};
  }

  std::string OutputName(std::string_view name, std::size_t k) const {
    return first_.n_outputs == 1 ? std::string(name) : text::Concat({name, k});
  }

  const Estimator& estimator_;
  std::string called_;
  bool is_classifier_;
  Imported imported_;
  TreeValues tree_, first_;  // the tree at hand; shape of the first
  SourceTree source_;
  std::size_t width_ = 0;
  bool knows_missing_ = true;
};

}  // namespace

bool IsForest(std::string_view name) {
  constexpr std::string_view kKinds[] = {"DecisionTree", "ExtraTree", "RandomForest", "ExtraTrees"};
  return std::any_of(std::begin(kKinds), std::end(kKinds), [&](std::string_view kind) {
    if (!name.starts_with(kind)) return false;
    const std::string_view rest = name.substr(kind.size());
    return rest == "Classifier" || rest == "Regressor";
  });
}

Result<Imported> ReadForest(const Estimator& estimator) { return ForestReader(estimator).Read(); }

}  // namespace copse::importer::sklearn
