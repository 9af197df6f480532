#include "onnx/graph.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <unordered_map>
#include <utility>

#include "copse/math.h"
#include "onnx/graph_inputs.h"
#include "onnx/labels.h"
#include "onnx/rows.h"

namespace copse::importer::onnx {
namespace {

using text::Flaw;
using text::Invalid;
using text::Quote;
using text::Unsupported;

// Columns of all tensors together, and ensembles: what a small file can ask for is bounded.
constexpr std::size_t kEnsemblesMax = std::size_t{1} << 12;
constexpr std::size_t kColumnsOfAllMax = std::size_t{1} << 20;

constexpr std::string_view kBefore = "before its trees";
constexpr std::string_view kBehind = "behind its trees";

/// What a name of the graph stands for.
struct Value {
  enum class Kind : std::uint8_t {
    kRows,
    kConstant,
    kScores,
    kPart,  ///< some columns of scores, or a map of them: an end
    kLabels,
  };
  Kind kind = Kind::kRows;
  std::shared_ptr<const Rows> rows;
  const Tensor* constant = nullptr;
  Scores scores;
  std::size_t n_scores = 0;  ///< columns of kScores
  Labels labels;
};

std::string Describe(const Node& node) {
  const bool is_default = node.domain.empty() || node.domain == "ai.onnx";
  return is_default || node.domain == "ai.onnx.ml"
             ? Quote(node.op)
             : text::Concat({Quote(node.op), " of the domain ", Quote(node.domain)});
}

Error NoPlace(const Node& node, std::string_view where) {
  return Unsupported({"the ONNX graph has the node ", Describe(node), " ", where,
                      ", and that cannot be imported; supported are tree ensembles alone, ",
                      "behind scalers, imputers and casts of the rows, and in front of casts of ",
                      "the label and ZipMap"});
}

bool Is(const Node& node, std::initializer_list<std::string_view> ops) {
  return std::find(ops.begin(), ops.end(), node.op) != ops.end();
}

class Interpreter {
 public:
  explicit Interpreter(const ModelFile& file) : file_(file), graph_(file.graph) {}

  Result<GraphModel> Run() {
    if (auto flaw = CheckVersions()) return *flaw;
    if (auto flaw = DefineConstants()) return *flaw;
    if (auto flaw = DefineInputs()) return *flaw;
    const std::vector<std::uint8_t> is_needed = NeededNodes(graph_);
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (is_needed[i] == 0) continue;
      if (auto flaw = Evaluate(graph_.nodes[i])) return *flaw;
    }
    if (auto flaw = TakeOutputs()) return *flaw;
    if (auto flaw = TakeEnsembles()) return *flaw;
    return std::move(model_);
  }

 private:
  Flaw CheckVersions() const {
    if (file_.ml_opset > 5) {
      return Unsupported({"the model needs the operators ai.onnx.ml ", file_.ml_opset,
                          ", and 1 to 5 are known; convert it again with a lower target_opset"});
    }
    if (file_.ml_opset < 1) {
      return Invalid(
          {"the ONNX file does not say which version of ai.onnx.ml it needs; it was cut "
           "off, or it holds no trees"});
    }
    if (graph_.nodes.empty()) return Invalid({"the ONNX graph has no nodes"});
    if (graph_.outputs.empty()) return Invalid({"the ONNX graph has no outputs"});
    return {};
  }

  Flaw Define(std::string_view name, Value value) {
    if (name.empty()) return {};  // an output that nobody asked for
    if (values_.emplace(name, std::move(value)).second) return {};
    return Invalid({"the ONNX graph defines ", Quote(name), " twice"});
  }

  const Value* Find(std::string_view name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? nullptr : &found->second;
  }

  Flaw DefineConstants() {
    for (const Tensor& tensor : graph_.initializers) {
      Value value;
      value.kind = Value::Kind::kConstant;
      value.constant = &tensor;
      if (auto flaw = Define(tensor.name, std::move(value))) return flaw;
    }
    return {};
  }

  std::vector<const ValueInfo*> GraphInputs() const {
    std::vector<const ValueInfo*> inputs;
    for (const ValueInfo& input : graph_.inputs) {
      if (Find(input.name) == nullptr) inputs.push_back(&input);  // before IR 4 constants are too
    }
    return inputs;
  }

  Flaw DefineInputs() {
    std::vector<GraphInput> inputs;
    if (auto flaw = ReadInputs(GraphInputs(), graph_, model_, inputs)) return flaw;
    for (GraphInput& input : inputs) {
      if (auto flaw = DefineRows(input.name, std::move(input.rows))) return flaw;
    }
    return {};
  }

  Flaw DefineRows(std::string_view name, Rows rows) {
    n_columns_of_all_ += rows.columns.size();
    if (n_columns_of_all_ > kColumnsOfAllMax) {
      return text::TooLarge(
          {"the tensors of the ONNX graph have more than ", kColumnsOfAllMax, " columns together"});
    }
    Value value;
    value.rows = std::make_shared<const Rows>(std::move(rows));
    return Define(name, std::move(value));
  }

  Flaw Evaluate(const Node& node) {
    if (node.outputs.empty()) return Invalid({"the node ", Describe(node), " has no output"});
    const bool is_known =
        node.domain.empty() || node.domain == "ai.onnx" || node.domain == "ai.onnx.ml";
    if (!is_known) return NoPlace(node, "of an unknown domain");
    if (node.op == "Constant") return EvaluateConstant(node);
    if (node.inputs.empty()) return NoPlace(node, "without input");
    const Value* first = nullptr;  // the input that is not a constant
    for (const std::string_view name : node.inputs) {
      if (name.empty()) continue;
      const Value* value = Find(name);
      if (value == nullptr) {
        return Invalid({"the node ", Describe(node), " reads ", Quote(name),
                        ", which nothing before it defines"});
      }
      if (first == nullptr || first->kind == Value::Kind::kConstant) first = value;
    }
    if (first == nullptr) return NoPlace(node, "without input");
    switch (first->kind) {
      case Value::Kind::kRows:
        return IsEnsemble(node) ? EvaluateTrees(node, *first) : EvaluateRows(node, *first);
      case Value::Kind::kScores:
        return EvaluateScores(node, *first);
      case Value::Kind::kPart:
        if (!Is(node, {"Identity", "Cast", "Reshape", "Flatten", "Squeeze"})) break;
        return Define(node.outputs[0], *first);
      case Value::Kind::kLabels:
        return EvaluateLabels(node, *first);
      case Value::Kind::kConstant:
        if (node.op != "Identity") break;
        return Define(node.outputs[0], *first);
    }
    return NoPlace(node, kBehind);
  }

  Flaw EvaluateConstant(const Node& node) {
    auto tensor = TensorAttribute(node, "value");
    if (!tensor.ok()) return tensor.error();
    if (!*tensor) return NoPlace(node, "without a tensor");
    constants_.push_back(std::make_unique<Tensor>(std::move(**tensor)));
    Value value;
    value.kind = Value::Kind::kConstant;
    value.constant = constants_.back().get();
    return Define(node.outputs[0], std::move(value));
  }

  const Tensor* ConstantInput(const Node& node, std::size_t i) const {
    if (i >= node.inputs.size()) return nullptr;
    const Value* value = Find(node.inputs[i]);
    return value != nullptr ? value->constant : nullptr;
  }

  /// Shape of a Reshape: its second input, or before opset 5 an attribute.
  Flaw LastDim(const Node& node, std::int64_t& last) const {
    const Tensor* shape = ConstantInput(node, 1);
    auto dims =
        shape != nullptr ? IntsOf(*shape, "the shape of a Reshape") : IntsAttribute(node, "shape");
    if (!dims.ok()) return dims.error();
    last = dims->empty() ? 0 : dims->back();
    return {};
  }

  /// Whether the node leaves a tensor [N, width] what it is, but for its element type.
  Flaw CheckShape(const Node& node, std::size_t width, std::string_view where) const {
    const bool is_two_dims = width != 1;  // a column may become a list, and back
    if (node.op == "Identity" || !is_two_dims) return {};
    if (node.op == "Flatten" && IntAttribute(node, "axis", 1) == 1) return {};
    if (node.op == "Reshape") {
      std::int64_t last = 0;
      if (auto flaw = LastDim(node, last)) return flaw;
      if (last == static_cast<std::int64_t>(width)) return {};
    }
    return NoPlace(node, where);
  }

  Flaw EvaluateRows(const Node& node, const Value& first) {
    const RowOperators operators(model_.input);
    if (node.op == "Identity") return Define(node.outputs[0], first);
    if (Is(node, {"Concat", "FeatureVectorizer"})) return EvaluateConcat(node, operators);
    Rows rows = *first.rows;
    Flaw flaw;
    if (node.op == "Cast") {
      flaw = operators.Cast(CastTo(node), rows);
    } else if (node.op == "Scaler") {
      flaw = operators.Scale(node, rows);
    } else if (node.op == "Imputer") {
      flaw = operators.Impute(node, rows);
    } else if (Is(node, {"Reshape", "Flatten"})) {
      flaw = CheckShape(node, rows.columns.size(), kBefore);
    } else if (Is(node, {"ArrayFeatureExtractor", "Gather"})) {
      flaw = EvaluateSelect(node, operators, rows);
    } else if (node.op == "Clip") {
      flaw = EvaluateClip(node, operators, rows);
    } else if (Is(node, {"Add", "Sub", "Mul", "Div"})) {
      flaw = EvaluateMath(node, operators, rows);
    } else {
      return NoPlace(node, kBefore);
    }
    return flaw ? std::move(flaw) : DefineRows(node.outputs[0], std::move(rows));
  }

  Flaw EvaluateConcat(const Node& node, const RowOperators& operators) {
    const bool is_concat = node.op == "Concat";
    const std::int64_t axis = IntAttribute(node, "axis", 1);
    if (is_concat && axis != 1 && axis != -1) return NoPlace(node, "along the rows");
    Rows rows;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const Value* value = Find(node.inputs[i]);
      if (value == nullptr || value->kind != Value::Kind::kRows) {
        return NoPlace(node, "that joins other things than columns of rows");
      }
      Rows other = *value->rows;
      if (!is_concat) {
        if (auto flaw = operators.Cast(ElementType::kFloat, other)) return flaw;
      }
      if (i == 0) rows.type = other.type;
      if (auto flaw = operators.Append(node, other, rows)) return flaw;
    }
    return DefineRows(node.outputs[0], std::move(rows));
  }

  Flaw EvaluateSelect(const Node& node, const RowOperators& operators, Rows& rows) const {
    const std::int64_t axis = node.op == "Gather" ? IntAttribute(node, "axis", 0) : 1;
    const Tensor* constant = ConstantInput(node, 1);
    if (constant == nullptr || (axis != 1 && axis != -1)) {
      return NoPlace(node, "that selects something else than constant columns");
    }
    auto indices = IntsOf(*constant, "the list of selected columns");
    if (!indices.ok()) return indices.error();
    return operators.Select(node, *indices, rows);
  }

  /// Ends of a Clip: inputs since opset 11, attributes before; either may be absent.
  Flaw EvaluateClip(const Node& node, const RowOperators& operators, Rows& rows) const {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    double ends[2] = {FloatAttribute(node, "min", -kInfinity),
                      FloatAttribute(node, "max", kInfinity)};
    for (std::size_t i = 1; i < std::min<std::size_t>(node.inputs.size(), 3); ++i) {
      if (node.inputs[i].empty()) continue;
      const Tensor* constant = ConstantInput(node, i);
      if (constant == nullptr || constant->size != 1) return NoPlace(node, kBefore);
      auto numbers = NumbersOf(*constant, "a constant of the ONNX graph");
      if (!numbers.ok()) return numbers.error();
      ends[i - 1] = (*numbers)[0];
    }
    return operators.Clip(node, ends[0], ends[1], rows);
  }

  Flaw EvaluateMath(const Node& node, const RowOperators& operators, Rows& rows) const {
    const Tensor* constant = ConstantInput(node, 1);
    if (constant == nullptr && Is(node, {"Add", "Mul"})) constant = ConstantInput(node, 0);
    if (constant == nullptr || node.inputs.size() != 2) return NoPlace(node, kBefore);
    return operators.Compute(node, *constant, rows);
  }

  Flaw EvaluateTrees(const Node& node, const Value& first) {
    if (node.op == "TreeEnsemble" && file_.ml_opset < 5) {
      return Unsupported(
          {"the model has a TreeEnsemble, which came with ai.onnx.ml 5, and imports "
           "ai.onnx.ml ",
           file_.ml_opset});
    }
    auto ensemble = ReadEnsemble(node, first.rows->type);
    if (!ensemble.ok()) return ensemble.error();
    if (ensemble->n_features() > first.rows->columns.size()) {
      return Invalid({node.op, " tests feature ", ensemble->n_features() - 1, ", and rows have ",
                      first.rows->columns.size(), " columns there"});
    }
    Value scores;
    scores.kind = Value::Kind::kScores;
    scores.scores.ensembles = {ensembles_.size()};
    scores.n_scores = ensemble->n_targets;
    if (ensemble->is_classifier) {
      Value labels;
      labels.kind = Value::Kind::kLabels;
      labels.labels = {ensemble->labels, ensemble->label_type};
      labels.scores = scores.scores;
      if (auto flaw = Define(node.outputs[0], std::move(labels))) return flaw;
    }
    ensembles_.push_back(std::move(*ensemble));
    rows_of_ensembles_.push_back(first.rows);
    const std::size_t at = ensembles_.back().is_classifier ? 1 : 0;
    return at < node.outputs.size() ? Define(node.outputs[at], std::move(scores)) : Flaw();
  }

  bool IsClassifier(const Scores& scores) const {
    return ensembles_[scores.ensembles[0]].is_classifier;
  }

  Flaw EvaluateScores(const Node& node, const Value& first) {
    Value value = first;
    if (node.op == "Cast") {
      if (!IsFloating(CastTo(node))) return NoPlace(node, kBehind);
      value.scores.is_wide = value.scores.is_wide || CastTo(node) == ElementType::kDouble;
    } else if (Is(node, {"Identity", "Reshape", "Flatten", "Squeeze"})) {
      if (auto flaw = CheckShape(node, first.n_scores, kBehind)) return flaw;
    } else if (Is(node, {"ZipMap", "Slice", "Gather", "ArrayFeatureExtractor"})) {
      value.kind = Value::Kind::kPart;
    } else if (node.op == "Normalizer") {
      if (TextAttribute(node, "norm", "MAX") != "L1" || !IsClassifier(first.scores)) {
        return NoPlace(node, kBehind);
      }
      value.scores.is_normalized = true;
    } else if (Is(node, {"Sum", "Add"})) {
      if (auto flaw = EvaluateSum(node, value)) return flaw;
    } else if (Is(node, {"Exp", "Sigmoid", "Mul", "Div"})) {
      if (auto flaw = EvaluateLink(node, value.scores)) return flaw;
    } else {
      return NoPlace(node, kBehind);
    }
    return Define(node.outputs[0], std::move(value));
  }

  /// Sums of regressors over the same rows, and constants.
  Flaw EvaluateSum(const Node& node, Value& value) {
    Scores sum;
    for (const std::string_view name : node.inputs) {
      const Value* term = Find(name);
      if (term != nullptr && term->constant != nullptr && term->constant->size == 1) {
        auto numbers = NumbersOf(*term->constant, "a constant of the ONNX graph");
        if (!numbers.ok()) return numbers.error();
        sum.shift += (*numbers)[0];
        continue;
      }
      if (term == nullptr || term->kind != Value::Kind::kScores ||
          term->n_scores != value.n_scores || term->scores.link != LinkKind::kIdentity ||
          term->scores.divisor != 1 || IsClassifier(term->scores)) {
        return NoPlace(node, kBehind);
      }
      for (const std::size_t e : term->scores.ensembles) sum.ensembles.push_back(e);
      if (sum.ensembles.size() > kEnsemblesMax) return NoPlace(node, kBehind);
      sum.is_wide = sum.is_wide || term->scores.is_wide;
      sum.shift += term->scores.shift;
    }
    value.scores = std::move(sum);
    return {};
  }

  Flaw EvaluateLink(const Node& node, Scores& scores) const {
    double factor = 1;
    const Tensor* constant = ConstantInput(node, 1);
    if (Is(node, {"Mul", "Div"})) {
      if (constant == nullptr && node.op == "Mul") constant = ConstantInput(node, 0);
      if (constant == nullptr) return NoPlace(node, kBehind);
      auto numbers = NumbersOf(*constant, "a constant of the ONNX graph");
      if (!numbers.ok()) return numbers.error();
      const bool is_one = numbers->size() == 1;
      factor = is_one ? (*numbers)[0] : 0;
      if (is_one && factor == 1) return {};
      if (!(factor > 0) || !std::isfinite(factor)) return NoPlace(node, kBehind);
    }
    if (IsClassifier(scores)) return NoPlace(node, kBehind);
    if (scores.link == LinkKind::kIdentity && node.op == "Div" && scores.divisor == 1) {
      scores.divisor = factor;
    } else if (scores.link == LinkKind::kExp && node.op == "Mul" && scores.divisor == 1) {
      scores.shift += Log(factor);  // c exp(x) is exp(x + log(c))
    } else if (scores.link == LinkKind::kIdentity && node.op == "Exp") {
      scores.link = LinkKind::kExp;
    } else if (scores.link == LinkKind::kIdentity && node.op == "Sigmoid") {
      scores.link = LinkKind::kSigmoid;
    } else {
      return NoPlace(node, kBehind);
    }
    return {};
  }

  Flaw EvaluateLabels(const Node& node, const Value& first) {
    Value value = first;
    if (node.op == "Cast") {
      if (!CastLabels(CastTo(node), value.labels)) return NoPlace(node, "behind its labels");
    } else if (Is(node, {"ArrayFeatureExtractor", "Gather"})) {
      const Tensor* constant = ConstantInput(node, 0);
      if (constant == nullptr) return NoPlace(node, "behind its labels");
      if (auto flaw = SelectLabels(*constant, value.labels)) return flaw;
    } else if (node.op == "LabelEncoder") {
      if (auto flaw = EncodeLabels(node, value.labels)) return flaw;
    } else if (!Is(node, {"Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze"})) {
      return NoPlace(node, "behind its labels");
    }
    return Define(node.outputs[0], std::move(value));
  }

  Flaw TakeOutputs() {
    const Value* scores = nullptr;  // the fullest account that an output gives
    const Value* labels = nullptr;
    for (const ValueInfo& output : graph_.outputs) {
      const Value* value = Find(output.name);
      if (value == nullptr) {
        return Invalid({"the output ", Quote(output.name), " of the ONNX graph is never made"});
      }
      if (value->kind == Value::Kind::kConstant) continue;
      if (value->kind == Value::Kind::kRows) {
        return Unsupported(
            {"the output ", Quote(output.name), " of the ONNX graph does not come from trees"});
      }
      const Value*& taken = value->kind == Value::Kind::kLabels ? labels : scores;
      const bool is_other = taken != nullptr && (value->kind == Value::Kind::kLabels
                                                     ? taken->labels.texts != value->labels.texts
                                                     : taken->scores != value->scores);
      if (is_other) return Several();
      taken = value;
    }
    if (scores == nullptr && labels == nullptr) return Invalid({"the ONNX graph has no trees"});
    model_.scores = (scores != nullptr ? scores : labels)->scores;
    if (labels != nullptr) {
      if (labels->scores.ensembles != model_.scores.ensembles) return Several();
      model_.labels = labels->labels;
    } else {
      const Ensemble& ensemble = ensembles_[model_.scores.ensembles[0]];
      model_.labels = {ensemble.labels, ensemble.label_type};
    }
    return {};
  }

  static Error Several() {
    return Unsupported(
        {"the ONNX graph holds several models, or several answers of one, and one "
         "is needed; save each as a file"});
  }

  Flaw TakeEnsembles() {
    const std::vector<std::size_t> used = model_.scores.ensembles;
    const std::shared_ptr<const Rows> rows = rows_of_ensembles_[used[0]];
    for (std::size_t i = 0; i < used.size(); ++i) {
      const bool is_twice = std::count(used.begin(), used.end(), used[i]) > 1;
      if (rows_of_ensembles_[used[i]] != rows || is_twice) return Several();
    }
    model_.map.n_columns = model_.n_columns;
    model_.map.features = rows->columns;
    model_.map.input = ensembles_[used[0]].width;
    for (const std::size_t e : used) model_.ensembles.push_back(std::move(ensembles_[e]));
    return {};
  }

  const ModelFile& file_;
  const Graph& graph_;
  GraphModel model_;
  std::unordered_map<std::string_view, Value> values_;
  std::vector<std::unique_ptr<Tensor>> constants_;
  std::vector<Ensemble> ensembles_;
  std::vector<std::shared_ptr<const Rows>> rows_of_ensembles_;
  std::size_t n_columns_of_all_ = 0;
};

}  // namespace

Result<GraphModel> ReadGraph(const ModelFile& file) { return Interpreter(file).Run(); }

}  // namespace copse::importer::onnx
