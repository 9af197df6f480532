#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "forest_assembler.h"
#include "sklearn/estimators.h"
#include "sklearn/hist_columns.h"
#include "text.h"

// HistGradientBoostingClassifier and -Regressor, scikit-learn 0.21 to 1.9. Source:
// sklearn/ensemble/_hist_gradient_boosting: gradient_boosting.py, _predictor.pyx, common.pyx.
namespace copse::importer::sklearn {
namespace {

using pickle::Array;
using pickle::Field;
using text::Invalid;
using text::Unsupported;

constexpr std::size_t kSetWords = 8;  // of a bitset: codes are below 256

// The columns of one TreePredictor's records, in memory that is kept from tree to tree.
struct Records {
  std::vector<double> value, threshold, count;
  std::vector<double> gain;  // or empty
  std::vector<std::int64_t> feature, left, right, is_leaf, missing_left, is_categorical, set;
};

// A model on its way.
struct Reading {
  const Estimator& estimator;
  HistColumns columns;
  std::size_t n_outputs = 1;
  Records records;
  SourceTree tree;
  bool knows_missing = true;
  std::set<std::uint32_t> seen;  // arrays of nodes by their identity
};

Status ReadNumbers(const Array& nodes, std::string_view name, std::vector<double>& out) {
  const Field* field = nodes.FindField(name);
  if (field == nullptr) return Invalid({"_predictors: the nodes of a tree lack the field ", name});
  return nodes.ReadDoubles(field, out);
}

Status ReadWholes(const Array& nodes, std::string_view name, std::vector<std::int64_t>& out) {
  const Field* field = nodes.FindField(name);
  if (field == nullptr) return Invalid({"_predictors: the nodes of a tree lack the field ", name});
  return nodes.ReadIntegers(field, out);
}

// Fields that versions do not have are zero everywhere.
Status ReadOptional(const Array& nodes, std::string_view name, std::vector<std::int64_t>& out) {
  if (nodes.FindField(name) != nullptr) return ReadWholes(nodes, name, out);
  out.assign(nodes.size(), 0);
  return Ok{};
}

// `threshold` until 0.23, `num_threshold` since; missing values since 0.22, categories since 0.24.
Status ReadRecords(const Array& nodes, Records& records) {
  if (!nodes.is_record()) return Invalid({"_predictors: the nodes of a tree are no records"});
  const bool is_old = nodes.FindField("num_threshold") == nullptr;
  for (auto& [name, out] : {std::pair{"value", &records.value},
                            std::pair{is_old ? "threshold" : "num_threshold", &records.threshold},
                            std::pair{"count", &records.count}}) {
    if (auto status = ReadNumbers(nodes, name, *out); !status.ok()) return status;
  }
  for (auto& [name, out] :
       {std::pair{"feature_idx", &records.feature}, std::pair{"left", &records.left},
        std::pair{"right", &records.right}, std::pair{"is_leaf", &records.is_leaf}}) {
    if (auto status = ReadWholes(nodes, name, *out); !status.ok()) return status;
  }
  for (auto& [name, out] : {std::pair{"missing_go_to_left", &records.missing_left},
                            std::pair{"is_categorical", &records.is_categorical},
                            std::pair{"bitset_idx", &records.set}}) {
    if (auto status = ReadOptional(nodes, name, *out); !status.ok()) return status;
  }
  records.gain.clear();
  const bool has_gain = nodes.FindField("gain") != nullptr;
  return has_gain ? ReadNumbers(nodes, "gain", records.gain) : Status(Ok{});
}

// Words `first` to `first + 7` of `sets`, without the empty ones at their end.
std::vector<std::uint32_t> WordsOf(const std::vector<std::int64_t>& sets, std::size_t first) {
  std::vector<std::uint32_t> words(kSetWords);
  for (std::size_t w = 0; w < kSetWords; ++w) {
    words[w] = static_cast<std::uint32_t>(sets[first + w]);
  }
  while (!words.empty() && words.back() == 0) words.pop_back();
  return words;
}

Status AddSet(Reading& reading, std::size_t node, const std::vector<std::int64_t>& sets) {
  const std::int64_t set = reading.records.set[node];
  const std::uint32_t column = reading.tree.feature[node];
  if (set < 0 || static_cast<std::uint64_t>(set) >= sets.size() / kSetWords) {
    return Invalid({"_predictors: node ", node, " has the category set ", set, ", and there are ",
                    sets.size() / kSetWords});
  }
  if (!reading.columns.is_categorical[column]) {
    return Invalid({"_predictors: node ", node, " tests categories of feature ", column,
                    ", which is numeric"});
  }
  reading.tree.sets.push_back({static_cast<std::uint32_t>(node),
                               WordsOf(sets, static_cast<std::size_t>(set) * kSetWords),
                               reading.columns.known[column]});
  reading.tree.flags[node] |= node_flags::kCategorical;
  reading.tree.threshold[node] = 0;
  return Ok{};
}

Status AddSplit(Reading& reading, std::size_t node, const std::vector<std::int64_t>& sets) {
  const Records& records = reading.records;
  SourceTree& tree = reading.tree;
  const auto n = static_cast<std::int64_t>(tree.left.size());
  const std::int64_t left = records.left[node];
  const std::int64_t right = records.right[node];
  if (std::min(left, right) < 0 || std::max(left, right) >= n) {
    return Invalid({"_predictors: node ", node, " has the children ", left, " and ", right,
                    ", and there are ", n, " nodes"});
  }
  const std::int64_t feature = records.feature[node];
  const auto n_features = static_cast<std::int64_t>(reading.columns.column.size());
  if (feature < 0 || feature >= n_features) {
    return Invalid(
        {"_predictors: node ", node, " tests feature ", feature, ", and there are ", n_features});
  }
  tree.left[node] = static_cast<std::int32_t>(left);
  tree.right[node] = static_cast<std::int32_t>(right);
  tree.feature[node] = reading.columns.column[static_cast<std::size_t>(feature)];
  tree.threshold[node] = records.threshold[node];
  tree.flags[node] = records.missing_left[node] != 0 ? node_flags::kDefaultLeft : 0;
  return records.is_categorical[node] != 0 ? AddSet(reading, node, sets) : Status(Ok{});
}

// Sets of a tree, [n, 8]; nothing where the version has none.
Result<std::vector<std::int64_t>> SetsOf(Value predictor) {
  const auto value = predictor.Attribute("raw_left_cat_bitsets");
  if (!value) return std::vector<std::int64_t>();
  auto array = Array::From(*value, "raw_left_cat_bitsets");
  if (!array.ok()) return array.error();
  if (array->size() == 0) return std::vector<std::int64_t>();
  if (array->shape().size() != 2 || array->shape()[1] != kSetWords) {
    return Invalid({"raw_left_cat_bitsets must have rows of ", kSetWords, " words"});
  }
  return array->Integers();
}

Status ReadTree(Reading& reading, Value predictor, std::size_t output, ForestAssembler& forest) {
  const auto value = predictor.Attribute("nodes");
  if (!value) return Invalid({"_predictors holds ", predictor.Describe(), ": expected a tree"});
  // A pickle can name one array a million times in a few bytes each; training makes one a tree.
  if (!reading.seen.insert(value->id()).second) {
    return Invalid({"_predictors: tree ", forest.n_trees(), " is the same as one before it"});
  }
  auto nodes = Array::From(*value, "nodes of a TreePredictor");
  if (!nodes.ok()) return nodes.error();
  if (auto status = ReadRecords(*nodes, reading.records); !status.ok()) return status;
  auto sets = SetsOf(predictor);
  if (!sets.ok()) return sets.error();
  reading.knows_missing =
      reading.knows_missing && nodes->FindField("missing_go_to_left") != nullptr;
  SourceTree& tree = reading.tree;
  tree.Reset(nodes->size(), 1, true);
  tree.output = static_cast<std::uint32_t>(output);
  tree.gain = reading.records.gain;
  for (std::size_t node = 0; node < nodes->size(); ++node) {
    tree.cover[node] = reading.records.count[node];
    tree.leaf_value[node] = reading.records.value[node];
    if (reading.records.is_leaf[node] != 0) continue;
    if (auto status = AddSplit(reading, node, *sets); !status.ok()) return status;
  }
  return forest.Add(tree);
}

// A scalar, or an array [K], [1, K] or [K, 1]: it starts the sums.
Result<std::vector<double>> BaselineOf(const Estimator& estimator) {
  const auto value = estimator.value.Attribute("_baseline_prediction");
  if (!value) return Invalid({estimator.Called(), " has no _baseline_prediction: is it fitted?"});
  if (const auto number = value->AsNumber()) return std::vector<double>{*number};
  auto array = Array::From(*value, "_baseline_prediction");
  if (!array.ok()) return array.error();
  if (array->type() == 'f' && array->fields()[0].bytes < sizeof(double)) {
    return Unsupported({estimator.Called(), " sums in single precision, which is not supported; ",
                        "fit it on a y of dtype float64"});
  }
  return array->Doubles();
}

Result<ForestParts> ReadTrees(Reading& reading, const std::vector<double>& baseline) {
  const Estimator& estimator = reading.estimator;
  const auto iterations = estimator.value.Attribute("_predictors");
  if (!iterations || !iterations->is(pickle::Kind::kList)) {
    return Invalid({estimator.Called(), " has no list _predictors: is it fitted?"});
  }
  ForestAssembler forest({.n_features = reading.columns.column.size(),
                          .n_outputs = reading.n_outputs,
                          .leaf_width = 1,
                          .threshold = Precision::kFloat64,
                          .leaf = Precision::kFloat64,
                          .leaf_ids = estimator.options.leaf_ids});
  if (estimator.map) {
    InputMap map = *estimator.map;
    map.input = Precision::kFloat64;
    forest.SetInputMap(std::move(map));
  }
  for (std::size_t i = 0; i < iterations->size(); ++i) {
    const Value stage = iterations->At(i);
    if (stage.size() != reading.n_outputs) {
      return Invalid({"_predictors[", i, "] has ", stage.size(), " trees: expected ",
                      reading.n_outputs, ", one for each output"});
    }
    for (std::size_t k = 0; k < stage.size(); ++k) {
      auto status = ReadTree(reading, stage.At(k), k, forest);
      if (!status.ok()) return status.error();
    }
  }
  return forest.Take(baseline);
}

bool IsOneOf(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The loss by its name, or by the class of a loss object.
std::string LossOf(const Estimator& estimator) {
  const auto loss = estimator.value.Attribute("loss");
  if (!loss) return "";
  const auto name = loss->AsString();
  return name ? *name : std::string(loss->class_stem());
}

Error RefuseLoss(const Estimator& estimator, const std::string& loss) {
  return Unsupported({estimator.Called(), " was fitted with the loss ", text::Quote(loss),
                      ", which cannot be imported; fit it with one of scikit-learn's own"});
}

// One margin of two classes, or one for each class.
Status SetClasses(const Reading& reading, Imported& imported) {
  const Estimator& estimator = reading.estimator;
  const std::string loss = LossOf(estimator);
  if (!IsOneOf(loss, {"log_loss", "auto", "binary_crossentropy", "categorical_crossentropy",
                      "HalfBinomialLoss", "HalfMultinomialLoss"})) {
    return RefuseLoss(estimator, loss);
  }
  const auto classes = estimator.value.Attribute("classes_");
  if (!classes) return Invalid({estimator.Called(), " has no classes_"});
  auto output = ClassOutput("class", *classes, estimator.Called());
  if (!output.ok()) return output.error();
  const std::size_t n_classes = output->labels.size();
  if (n_classes < 2) {
    return Unsupported({estimator.Called(), " was fitted on a single class; it needs two"});
  }
  if (reading.n_outputs != (n_classes == 2 ? 1 : n_classes)) {
    return Invalid({estimator.Called(), " has ", n_classes, " classes and ", reading.n_outputs,
                    " trees an iteration"});
  }
  output->end = reading.n_outputs;
  imported.outputs.push_back(*std::move(output));
  // Labels come from the raw scores since 1.4, from the probabilities before.
  const bool decides_raw = estimator.version.AtLeast(1, 4);
  if (reading.n_outputs == 1) {
    imported.link.kind = LinkKind::kSigmoid;
    if (decides_raw) imported.decision = Decision::kGreaterThanZero;
  } else {
    imported.link.kind = decides_raw ? LinkKind::kSoftmaxArgmax : LinkKind::kSoftmax;
  }
  return Ok{};
}

Status SetValue(const Reading& reading, Imported& imported) {
  const std::string loss = LossOf(reading.estimator);
  if (IsOneOf(loss, {"poisson", "gamma", "HalfPoissonLoss", "HalfGammaLoss", "HalfTweedieLoss"})) {
    imported.link.kind = LinkKind::kExp;
  } else if (!IsOneOf(loss, {"squared_error", "least_squares", "absolute_error",
                             "least_absolute_deviation", "quantile", "HalfSquaredError",
                             "AbsoluteError", "PinballLoss", "HuberLoss"})) {
    return RefuseLoss(reading.estimator, loss);
  }
  if (reading.n_outputs != 1) {
    return Invalid({reading.estimator.Called(), " has ", reading.n_outputs,
                    " trees an iteration: expected 1"});
  }
  imported.outputs.push_back(ValueOutput("value", 0, 1));
  return Ok{};
}

void WarnOfStopping(const Reading& reading, Imported& imported) {
  const auto asked = reading.estimator.value.Attribute("max_iter");
  const std::int64_t n_asked = asked ? asked->AsInteger().value_or(0) : 0;
  const std::size_t n_used = imported.forest->tree_root.size() / reading.n_outputs;
  if (n_asked <= 0 || n_used >= static_cast<std::uint64_t>(n_asked)) return;
  imported.warnings.push_back(
      text::Concat({"Early stopping ended the training after ", n_used, " of ", n_asked,
                    " iterations; all ", n_used, " are used, as scikit-learn does."}));
}

// Which columns of the rows hold categories, and their texts or values.
void SetCategories(const Reading& reading, Imported& imported) {
  const HistColumns& columns = reading.columns;
  const auto& map = reading.estimator.map;
  std::vector<std::vector<double>> values(imported.features.size());
  bool any = false;
  for (std::size_t c = 0; c < columns.is_categorical.size(); ++c) {
    if (!columns.is_categorical[c]) continue;
    const std::size_t row_column = map ? map->features[c].column : c;
    imported.features[row_column].categorical = true;
    imported.features[row_column].categories = columns.texts[c];
    values[row_column] = columns.values[c];
    any = true;
  }
  if (!any) return;
  imported.category_cast = columns.encodes ? "table" : "nonnegative";
  if (!columns.encodes) return;
  ForestParts& parts = *imported.forest;
  parts.category_begin.assign(1, 0);
  for (const auto& of_column : values) {
    parts.category_value.insert(parts.category_value.end(), of_column.begin(), of_column.end());
    parts.category_begin.push_back(static_cast<std::uint32_t>(parts.category_value.size()));
  }
}

}  // namespace

bool IsHist(std::string_view name) {
  return name == "HistGradientBoostingClassifier" || name == "HistGradientBoostingRegressor";
}

Result<Imported> ReadHist(const Estimator& estimator) {
  auto columns = ReadHistColumns(estimator);
  if (!columns.ok()) return columns.error();
  if (estimator.map && estimator.map->features.size() != columns->column.size()) {
    return Invalid({estimator.Called(), " has ", columns->column.size(),
                    " features, and the pipeline gives it ", estimator.map->features.size()});
  }
  auto baseline = BaselineOf(estimator);
  if (!baseline.ok()) return baseline.error();
  if (baseline->empty()) return Invalid({"_baseline_prediction is empty"});
  Reading reading{estimator, *std::move(columns), baseline->size(), {}, {}, true, {}};
  auto forest = ReadTrees(reading, *baseline);
  if (!forest.ok()) return forest.error();

  Imported imported = StartImported(estimator);
  imported.forest = *std::move(forest);
  const bool is_classifier = estimator.name == "HistGradientBoostingClassifier";
  auto status = is_classifier ? SetClasses(reading, imported) : SetValue(reading, imported);
  if (!status.ok()) return status.error();
  auto features = FeaturesOf(estimator, reading.columns.column.size(), imported.warnings);
  if (!features.ok()) return features.error();
  imported.features = *std::move(features);
  SetCategories(reading, imported);
  // 0.21 refused what is not finite; later versions take NaN and infinities.
  imported.missing_allowed = reading.knows_missing;
  imported.infinite_allowed = reading.knows_missing;
  WarnOfStopping(reading, imported);
  return imported;
}

}  // namespace copse::importer::sklearn
