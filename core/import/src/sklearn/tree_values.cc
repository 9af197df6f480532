#include "sklearn/tree_values.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "copse/limits.h"
#include "text.h"

namespace copse::importer::sklearn {
namespace {

using pickle::Array;
using pickle::Kind;

// Fields of a node. Source: sklearn/tree/_tree.pxd, `Node` (`_utils.pxd` since 1.8).
constexpr std::array<std::string_view, 8> kFields = {"left_child",
                                                     "right_child",
                                                     "feature",
                                                     "threshold",
                                                     "impurity",
                                                     "n_node_samples",
                                                     "weighted_n_node_samples",
                                                     "missing_go_to_left"};

Status CheckFields(const Array& nodes, std::string_view called) {
  if (!nodes.is_record()) return text::Invalid({called, ": the nodes of a tree are no records"});
  for (const pickle::Field& field : nodes.fields()) {
    if (std::find(kFields.begin(), kFields.end(), field.name) == kFields.end()) {
      return text::Unsupported({called, " has tree nodes with the field ", text::Quote(field.name),
                                ", which is not known yet: a later version of scikit-learn "
                                "wrote it"});
    }
  }
  return Ok{};
}

// Reads one field of all nodes into memory that is kept.
Status ReadField(const Array& nodes, std::string_view name, std::string_view called,
                 std::vector<std::int64_t>* integers, std::vector<double>* doubles) {
  const pickle::Field* field = nodes.FindField(name);
  if (field == nullptr) {
    return text::Invalid({called, ": the nodes of a tree have no field ", name});
  }
  return integers != nullptr ? nodes.ReadIntegers(field, *integers)
                             : nodes.ReadDoubles(field, *doubles);
}

std::optional<std::size_t> SizeArgument(Value tree, std::size_t i) {
  if (tree.n_arguments() <= i) return std::nullopt;
  const auto number = tree.Argument(i).AsInteger();
  if (!number || *number < 1 || *number > std::numeric_limits<std::int32_t>::max()) {
    return std::nullopt;
  }
  return static_cast<std::size_t>(*number);
}

double SumOfEight(std::span<const double> numbers) {
  std::array<double, 8> sums{};
  std::copy_n(numbers.begin(), 8, sums.begin());
  std::size_t i = 8;
  for (; i + 8 <= numbers.size(); i += 8) {
    for (std::size_t j = 0; j < 8; ++j) sums[j] += numbers[i + j];
  }
  double sum =
      ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
  for (; i < numbers.size(); ++i) sum += numbers[i];
  return sum;
}

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> choices) {
  return std::find(choices.begin(), choices.end(), text) != choices.end();
}

}  // namespace

// NOLINTNEXTLINE(misc-no-recursion): halves, so as deep as the logarithm of the length
double NumpySum(std::span<const double> numbers) {
  constexpr std::size_t kBlock = 128;
  if (numbers.size() > kBlock) {
    const std::size_t half = numbers.size() / 2 / 8 * 8;
    return NumpySum(numbers.first(half)) + NumpySum(numbers.subspan(half));
  }
  if (numbers.size() >= 8) return SumOfEight(numbers);
  double sum = 0;
  for (const double number : numbers) sum += number;
  return sum;
}

Result<Array> TreeValues::ArrayOf(Value tree, std::string_view name, std::string_view called) {
  const auto value = NeedAttribute(called, tree, name, "what a tree is made of");
  if (!value.ok()) return value.error();
  auto array = Array::From(*value, name);
  if (!array.ok()) return text::Invalid({called, ": ", array.error().message});
  if (array->size() > 0 && !IsNew(*array)) {
    return text::Invalid({called, " holds two trees with the same ", name});
  }
  return array;
}

Status TreeValues::ReadNodes(const Array& nodes, std::string_view called) {
  if (auto status = CheckFields(nodes, called); !status.ok()) return status;
  for (const auto& [name, numbers] :
       {std::pair("left_child", &left), std::pair("right_child", &right),
        std::pair("feature", &feature), std::pair("n_node_samples", &samples)}) {
    if (auto status = ReadField(nodes, name, called, numbers, nullptr); !status.ok()) {
      return status;
    }
  }
  for (const auto& [name, numbers] :
       {std::pair("threshold", &threshold), std::pair("weighted_n_node_samples", &cover)}) {
    if (auto status = ReadField(nodes, name, called, nullptr, numbers); !status.ok()) {
      return status;
    }
  }
  impurity.clear();
  if (const pickle::Field* field = nodes.FindField("impurity")) {
    if (auto status = nodes.ReadDoubles(field, impurity); !status.ok()) return status;
  }
  missing_left.clear();
  const pickle::Field* field = nodes.FindField("missing_go_to_left");
  return field != nullptr ? nodes.ReadIntegers(field, missing_left) : Status(Ok{});
}

Status TreeValues::Read(Value tree, std::string_view called) {
  if (!tree.is(Kind::kObject) || tree.class_name() != "sklearn.tree._tree.Tree") {
    return BadAttribute(called, "tree_", tree, "a tree of scikit-learn");
  }
  const auto features = SizeArgument(tree, 0);
  const auto outputs = SizeArgument(tree, 2);
  if (!features || !outputs) {
    return text::Invalid({called, ": a tree has no number of features and outputs"});
  }
  n_features = *features;
  n_outputs = *outputs;
  const auto classes = Array::From(tree.Argument(1), "n_classes of a tree");
  if (!classes.ok()) return classes.error();
  if (auto status = classes->ReadIntegers(nullptr, n_classes); !status.ok()) return status;
  const auto nodes = ArrayOf(tree, "nodes", called);
  if (!nodes.ok()) return nodes.error();
  if (auto status = ReadNodes(*nodes, called); !status.ok()) return status;
  const auto rows = ArrayOf(tree, "values", called);
  if (!rows.ok()) return rows.error();
  if (auto status = CheckShape(rows->shape(), called); !status.ok()) return status;
  return rows->ReadDoubles(nullptr, values);
}

// Of `values`: [n, n_outputs, n_classes_max].
Status TreeValues::CheckShape(const std::vector<std::size_t>& shape, std::string_view called) {
  if (shape.size() != 3 || shape[0] != n_nodes() || shape[1] != n_outputs || shape[0] == 0) {
    return text::Invalid({called, ": the values of a tree with ", n_nodes(), " nodes and ",
                          n_outputs, " outputs have another shape"});
  }
  n_classes_max = shape[2];
  const auto is_wrong = [&](std::int64_t n) {
    return n < 1 || static_cast<std::uint64_t>(n) > n_classes_max;
  };
  if (n_classes.size() == n_outputs && std::none_of(n_classes.begin(), n_classes.end(), is_wrong)) {
    return Ok{};
  }
  return text::Invalid({called, ": a tree has numbers of classes that do not agree with its ",
                        n_outputs, " outputs and ", n_classes_max, " values each"});
}

TreeValues TreeValues::ShapeOnly() const {
  TreeValues shape;
  shape.n_features = n_features;
  shape.n_outputs = n_outputs;
  shape.n_classes_max = n_classes_max;
  shape.n_classes = n_classes;
  return shape;
}

bool TreeValues::HasShapeOf(const TreeValues& other) const {
  return n_features == other.n_features && n_outputs == other.n_outputs &&
         n_classes == other.n_classes;
}

Status TreeValues::FillNodes(std::size_t t, std::size_t leaf_width, SourceTree& source) const {
  constexpr std::int64_t kNodeMax = std::numeric_limits<std::int32_t>::max();
  constexpr std::int64_t kFeatureMax = std::numeric_limits<std::uint32_t>::max();
  source.Reset(n_nodes(), leaf_width, true);
  source.cover = cover;
  for (std::size_t node = 0; node < n_nodes(); ++node) {
    if (is_leaf(node)) continue;
    for (const std::int64_t child : {left[node], right[node]}) {
      if (child < 0 || child > kNodeMax) {
        return text::Invalid({"tree ", t, ": node ", node, " has the child ", child,
                              ", and there are ", n_nodes(), " nodes"});
      }
    }
    if (feature[node] < 0 || feature[node] > kFeatureMax) {
      return text::Invalid({"tree ", t, ": node ", node, " tests feature ", feature[node],
                            ", and there are ", n_features});
    }
    source.left[node] = static_cast<std::int32_t>(left[node]);
    source.right[node] = static_cast<std::int32_t>(right[node]);
    source.feature[node] = static_cast<std::uint32_t>(feature[node]);
    source.threshold[node] = RoundDownToFloat(threshold[node]);
    const bool goes_left = knows_missing() && missing_left[node] != 0;
    source.flags[node] = goes_left ? node_flags::kDefaultLeft : std::uint8_t{0};
  }
  return Ok{};
}

void TreeValues::FillGains(bool normalize, SourceTree& source) const {
  const std::size_t n = n_nodes();
  if (impurity.size() != n || !(cover[0] > 0)) return;
  const auto weighed = [&](std::size_t node) { return cover[node] * impurity[node]; };
  std::vector<double> gain(n);
  double sum = 0;
  for (std::size_t node = 0; node < n; ++node) {
    if (is_leaf(node)) continue;
    const auto on_left = static_cast<std::size_t>(left[node]);
    const auto on_right = static_cast<std::size_t>(right[node]);
    if (on_left >= n || on_right >= n) return;  // refused when the tree is added
    gain[node] = (weighed(node) - weighed(on_left) - weighed(on_right)) / cover[0];
    // Of splits that improve nothing, rounding may make less than that.
    if (gain[node] < 0) gain[node] = 0;
    sum += gain[node];
  }
  if (normalize && sum > 0) {
    for (double& x : gain) x /= sum;
  }
  source.gain = std::move(gain);
}

Result<std::vector<Value>> MembersOf(const Estimator& estimator) {
  const auto found = estimator.value.Attribute("estimators_");
  if (!found) return NotFitted(estimator);
  std::vector<Value> members;
  if (found->is(Kind::kList) || found->is(Kind::kTuple)) {
    for (std::size_t i = 0; i < found->size(); ++i) members.push_back(found->At(i));
  } else {
    const auto array = Array::From(*found, "estimators_");
    if (!array.ok()) return array.error();
    auto objects = array->Objects();
    if (!objects.ok()) return objects.error();
    members = *std::move(objects);
  }
  if (members.empty()) {
    return BadAttribute(estimator.Called(), "estimators_", found, "at least one tree");
  }
  return members;
}

Result<std::vector<Value>> TreesOf(const Estimator& estimator, const std::vector<Value>& members) {
  std::vector<Value> trees;
  for (const Value member : members) {
    if (!member.is(Kind::kObject)) {
      return BadAttribute(estimator.Called(), "estimators_", member, "trees only");
    }
    const auto tree = member.Attribute("tree_");
    if (!tree && member.id() == estimator.value.id()) return NotFitted(estimator);
    if (!tree) return BadAttribute(estimator.Called(), "tree_", tree, "one in every member");
    trees.push_back(*tree);
  }
  return trees;
}

// scikit-learn's own tags, version by version. Where a release is in doubt, the earlier one: who
// has rows with missing values had them accepted.
// Sources: sklearn/tree/_classes.py and sklearn/ensemble/_forest.py, `_more_tags`,
// `__sklearn_tags__`, `_support_missing_values`.
bool TakesMissing(const Estimator& estimator, Value member) {
  const Version& version = estimator.version;
  const std::string_view name = estimator.name;
  if (name.starts_with("GradientBoosting")) return false;
  if (name.starts_with("RandomForest") && !version.AtLeast(1, 4)) return false;
  if (name.starts_with("ExtraTree") && !version.AtLeast(1, 6)) return false;
  const auto constraints = member.Attribute("monotonic_cst");
  if (constraints && !constraints->is(Kind::kNone)) return false;
  const std::string splitter = TextOf(member, "splitter");
  if (splitter != "best" && !(splitter == "random" && version.AtLeast(1, 6))) return false;
  return version.AtLeast(1, 8) ||
         IsOneOf(TextOf(member, "criterion"),
                 {"gini", "log_loss", "entropy", "squared_error", "friedman_mse", "poisson"});
}

Result<ForestAssembler> StartForest(const Estimator& estimator, const TreeShape& shape,
                                    Imported& imported) {
  if (shape.n_features > kTreeFeaturesMax) {
    return text::TooLarge({estimator.Called(), " was fitted with ", shape.n_features,
                           " features; trees of more than ", kTreeFeaturesMax,
                           " are not imported"});
  }
  if (shape.n_outputs > limits::kOutputsMax) {
    return text::TooLarge({estimator.Called(), " has ", shape.n_outputs, " outputs, more than ",
                           limits::kOutputsMax});
  }
  if (estimator.map && estimator.map->features.size() != shape.n_features) {
    return text::Invalid({estimator.Called(), " was fitted with ", shape.n_features,
                          " features, and the steps in front of it give ",
                          estimator.map->features.size()});
  }
  auto features = FeaturesOf(estimator, shape.n_features, imported.warnings);
  if (!features.ok()) return features.error();
  imported.features = *std::move(features);
  imported.input = Precision::kFloat32;

  ForestAssembler::Shape assembled;
  assembled.n_features = shape.n_features;
  assembled.n_outputs = shape.n_outputs;
  assembled.leaf_width = shape.leaf_width;
  assembled.leaf_ids = estimator.options.leaf_ids;
  ForestAssembler assembler(assembled);
  if (estimator.map) {
    if (estimator.map->NeedsDouble()) {
      imported.input = Precision::kFloat64;
      imported.infinite_allowed = false;
    }
    assembler.SetInputMap(*estimator.map);
  }
  return assembler;
}

}  // namespace copse::importer::sklearn
