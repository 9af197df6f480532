#include <algorithm>
#include <cmath>

#include "copse/limits.h"
#include "json_fields.h"
#include "sources.h"
#include "xgboost/learner.h"

// Source of the structure: doc/model.schema and src/learner.cc, gbm/gbtree.cc, gbm/gblinear.cc.
namespace copse::importer::xgboost {
namespace {

constexpr Version kNewestChecked = {3, 4, 0};

/// Reads one document into an Imported.
class BoosterReader {
 public:
  BoosterReader(const Document& document, const ImportOptions& options, std::size_t n_bytes)
      : document_(document), options_(options), n_bytes_(n_bytes) {}

  Flaw Read() {
    imported_.input = Precision::kFloat32;
    imported_.accumulate = Precision::kFloat32;
    imported_.missing_allowed = true;
    Value version, learner, attributes, booster, param, objective, names, types;
    if (auto flaw = FindLearner(version, learner)) return flaw;
    if (auto flaw = document_.Members(learner, "learner",
                                      {{"attributes", &attributes},
                                       {"gradient_booster", &booster},
                                       {"learner_model_param", &param},
                                       {"objective", &objective},
                                       {"feature_names", &names},
                                       {"feature_types", &types}})) {
      return flaw;
    }
    if (auto flaw = ReadVersion(version)) return flaw;
    if (auto flaw = ReadParam(param)) return flaw;
    if (auto flaw = ReadObjective(objective)) return flaw;
    if (auto flaw = ReadBaseScore(param)) return flaw;
    if (auto flaw = ReadFeatures(names, types)) return flaw;
    if (auto flaw = ReadAttributes(attributes)) return flaw;
    return ReadBooster(booster);
  }

  Imported Take() { return std::move(imported_); }

 private:
  // A pickled Booster holds {"Config": ..., "Model": ...}.
  Flaw FindLearner(Value& version, Value& learner) const {
    Value model;
    if (auto flaw =
            document_.Members(document_.root(), "the file",
                              {{"learner", &learner}, {"version", &version}, {"Model", &model}})) {
      return flaw;
    }
    if (learner.found() || !model.found()) return {};
    version = {};
    return document_.Members(model, "Model", {{"learner", &learner}, {"version", &version}});
  }

  Flaw ReadVersion(Value value) {
    std::vector<std::int32_t> numbers;
    if (value.found()) {
      if (auto flaw = document_.Numbers(value, "version", numbers)) return flaw;
    }
    const bool is_known = numbers.size() == 3 && numbers[0] >= 0;
    const std::string newest = text::Concat({kNewestChecked.major, ".", kNewestChecked.minor});
    if (!is_known) {
      imported_.warnings.push_back(text::Concat(
          {"The file does not say which XGBoost wrote it; it was read as one of ", newest, "."}));
      return {};
    }
    learner_.version = {numbers[0], numbers[1], numbers[2]};
    if (!kNewestChecked.AtLeast(numbers[0], numbers[1])) {
      imported_.warnings.push_back(
          text::Concat({"The file was written by XGBoost ", learner_.version.Text(),
                        "; files of up to ", newest, " have been checked."}));
    }
    return {};
  }

  Flaw ReadCount(Value value, std::string_view name, std::size_t& out) const {
    double number = static_cast<double>(out);
    if (value.found()) {
      if (auto flaw = document_.Number(value, name, number)) return flaw;
    }
    if (!(number >= 0 && number <= 0x1p31) || number != std::floor(number)) {
      return text::Invalid({name, " is ", number, ", expected a count"});
    }
    out = static_cast<std::size_t>(number);
    return {};
  }

  Flaw ReadParam(Value param) {
    Value n_classes, n_targets, n_features;
    if (auto flaw = document_.Members(param, kParam,
                                      {{"num_class", &n_classes},
                                       {"num_target", &n_targets},
                                       {"num_feature", &n_features}})) {
      return flaw;
    }
    std::size_t classes = 0, targets = 0;
    if (auto flaw = ReadCount(n_classes, "num_class", classes)) return flaw;
    if (auto flaw = ReadCount(n_targets, "num_target", targets)) return flaw;
    if (auto flaw = ReadCount(n_features, "num_feature", learner_.n_features)) return flaw;
    if (classes > 1 && targets > 1) {
      return text::Unsupported({"a model of ", classes, " classes and ", targets,
                                " targets at once cannot be imported; train one for each target"});
    }
    learner_.n_outputs = std::max<std::size_t>({1, classes, targets});
    if (learner_.n_outputs > limits::kOutputsMax) {
      return text::TooLarge({"the model has ", learner_.n_outputs, " outputs"});
    }
    if (learner_.n_features > std::max(kFeaturesOfSmallFiles, n_bytes_)) {
      return text::TooLarge({"num_feature is ", learner_.n_features, " in a file of ", n_bytes_,
                             " bytes; drop the features that are not used"});
    }
    return {};
  }

  Flaw ReadObjective(Value value) {
    Value name_value;
    std::string name;
    if (auto flaw = document_.Members(value, "objective", {{"name", &name_value}})) return flaw;
    if (auto flaw = document_.Text(name_value, "objective.name", name)) return flaw;
    const auto objective = FindObjective(name);
    const std::string by =
        learner_.version.is_known() ? " of XGBoost " + learner_.version.Text() : std::string();
    if (!objective) {
      return text::Unsupported({"the objective ", text::Quote(name), by,
                                " is not known, and so not what its margins mean; models of reg:, "
                                "count:, survival:, binary:, multi: and rank: objectives of "
                                "XGBoost 1.0 to 3.4 can be imported"});
    }
    learner_.objective = *objective;
    imported_.source.options.emplace_back("objective", Quoted(name));
    if (learner_.n_outputs > 1 && name == "reg:expectileerror") {
      return RefuseSeveral(name, by, "chains its outputs by a softplus");
    }
    if (learner_.n_outputs > 1 && name == "reg:quantileerror" && learner_.version.AtLeast(3, 4)) {
      return RefuseSeveral(name, by, "sorts its outputs in every row");
    }
    SetOutputs(*objective, learner_.n_outputs, imported_);
    return {};
  }

  Flaw RefuseSeveral(std::string_view name, std::string_view by, std::string_view how) const {
    return text::Unsupported({name, by, " with ", learner_.n_outputs, " levels ", how,
                              ", which cannot be imported; train one model for each level"});
  }

  static std::string Quoted(std::string_view text) {
    std::string json;
    json::AppendString(text, json);
    return json;
  }

  // "5E-1", or since 3.1 "[5E-1,2.5E-1]".
  Flaw ReadBaseScore(Value param) {
    Value value;
    std::string text;
    std::vector<double>& base = learner_.base;
    if (auto flaw = document_.Members(param, kParam, {{"base_score", &value}})) return flaw;
    base.assign(1, 0.5);
    if (document_.KindOf(value) == view::Kind::kList) {
      if (auto flaw = document_.Numbers(value, kBaseScore, base)) return flaw;
    } else if (document_.KindOf(value) == view::Kind::kString) {
      if (auto flaw = document_.Text(value, kBaseScore, text)) return flaw;
      if (auto flaw = ReadBaseText(text)) return flaw;
    } else if (value.found()) {
      if (auto flaw = document_.Number(value, kBaseScore, base[0])) return flaw;
    }
    if (base.size() != 1 && base.size() != learner_.n_outputs) {
      return text::Invalid(
          {kBaseScore, " has ", base.size(), " numbers for ", learner_.n_outputs, " outputs"});
    }
    WarnOfOldLogits(base[0]);
    if (auto flaw = StartMargins(learner_.objective, learner_.version, base)) return flaw;
    base.resize(learner_.n_outputs, base[0]);
    return {};
  }

  Flaw ReadBaseText(const std::string& text) {
    // The text is JSON itself, and an object is what a Document opens.
    const std::string json =
        text.starts_with('[') ? "{\"v\":" + text + "}" : "{\"v\":[" + text + "]}";
    const Bytes bytes(reinterpret_cast<const std::uint8_t*>(json.data()), json.size());
    const auto document = Document::Open(bytes, view::Format::kJson);
    Value list;
    if (document.ok() && !document->Members(document->root(), kBaseScore, {{"v", &list}}) &&
        !document->Numbers(list, kBaseScore, learner_.base) && !learner_.base.empty()) {
      return {};
    }
    return text::Invalid({kBaseScore, " is ", text::Quote(text), ", expected a number or a list"});
  }

  // XGBoost before 1.4 took the logit for logitraw too; newer ones read the same file otherwise.
  void WarnOfOldLogits(double score) {
    const bool is_raw = learner_.objective.name == "binary:logitraw";
    if (!is_raw || learner_.version.AtLeast(1, 4)) return;
    imported_.warnings.push_back(text::Concat(
        {"The file was written by XGBoost ", learner_.version.Text(),
         ", which started binary:logitraw from the logit of base_score ", score,
         "; its margins here start from base_score itself, as in XGBoost 1.4 and newer."}));
  }

  Flaw ReadFeatures(Value names_value, Value types_value) {
    std::vector<std::string> names, types;
    const std::size_t n = learner_.n_features;
    if (names_value.found()) {
      if (auto flaw = document_.Texts(names_value, "feature_names", names)) return flaw;
    }
    if (types_value.found()) {
      if (auto flaw = document_.Texts(types_value, "feature_types", types)) return flaw;
    }
    if ((!names.empty() && names.size() != n) || (!types.empty() && types.size() != n)) {
      return text::Invalid({"feature_names has ", names.size(), " and feature_types ", types.size(),
                            " entries, and num_feature is ", n});
    }
    imported_.features =
        names.empty() ? NumberedFeatures(n, "f") : NamedFeatures(names, "f", imported_.warnings);
    for (std::size_t f = 0; f < types.size(); ++f) {
      imported_.features[f].categorical = types[f] == "c";
    }
    return {};
  }

  Flaw ReadAttributes(Value attributes) {
    Value iteration, limit;
    if (!attributes.found()) return {};
    if (auto flaw =
            document_.Members(attributes, "attributes",
                              {{"best_iteration", &iteration}, {"best_ntree_limit", &limit}})) {
      return flaw;
    }
    learner_.best_iteration = CountOf(iteration);
    learner_.best_tree_limit = CountOf(limit);
    return {};
  }

  // Attributes are anybody's: what is no count there is ignored.
  std::optional<std::size_t> CountOf(Value value) const {
    double number = -1;
    if (!value.found() || document_.Number(value, "attributes", number)) return std::nullopt;
    if (!(number >= 0 && number < 0x1p31)) return std::nullopt;
    return static_cast<std::size_t>(number);
  }

  Flaw ReadBooster(Value booster) {
    Value name_value, model, inner, weight_drop;
    std::string name;
    if (auto flaw = document_.Members(booster, "gradient_booster",
                                      {{"name", &name_value},
                                       {"model", &model},
                                       {"gbtree", &inner},
                                       {"weight_drop", &weight_drop}})) {
      return flaw;
    }
    if (auto flaw = document_.Text(name_value, "gradient_booster.name", name)) return flaw;
    imported_.source.kind = "XGBoost";
    imported_.source.version = learner_.version.Text();
    imported_.source.estimator = name;
    if (name == "gblinear") return ReadLinear(model);
    if (name != "gbtree" && name != "dart") {
      return text::Unsupported({"the booster ", text::Quote(name),
                                " cannot be imported; gbtree, dart and gblinear can"});
    }
    if (!model.found() && inner.found()) {
      if (auto flaw = document_.Members(inner, "gradient_booster.gbtree", {{"model", &model}})) {
        return flaw;
      }
    }
    return ReadTreeBooster(model, weight_drop, name == "dart");
  }

  // The weights of dart's trees stand beside `gbtree` up to 3.2, beside `model` in 3.3, and in
  // `model` since 3.4.
  Flaw ReadTreeBooster(Value model, Value outer_weights, bool is_dart) {
    Value param, n_trees, n_parallel, inner_weights;
    TreeBooster trees;
    if (auto flaw = document_.Members(model, "gradient_booster.model",
                                      {{"gbtree_model_param", &param},
                                       {"trees", &trees.trees},
                                       {"tree_info", &trees.tree_info},
                                       {"iteration_indptr", &trees.iteration_indptr},
                                       {"weight_drop", &inner_weights},
                                       {"cats", &trees.cats}})) {
      return flaw;
    }
    trees.weight_drop = inner_weights.found() ? inner_weights : outer_weights;
    if (inner_weights.found() && outer_weights.found()) {
      return text::Invalid({"weight_drop stands in model and beside it"});
    }
    if (!IsDart(trees.weight_drop)) trees.weight_drop = {};
    if (is_dart && !trees.weight_drop.found()) {
      // No trees, no weights.
      if (!trees.tree_info.found() || IsDart(trees.tree_info)) {
        return text::Invalid({"weight_drop is missing, and the booster is dart"});
      }
    }
    if (trees.weight_drop.found()) imported_.source.estimator = "dart";
    if (auto flaw =
            document_.Members(param, "gbtree_model_param",
                              {{"num_trees", &n_trees}, {"num_parallel_tree", &n_parallel}})) {
      return flaw;
    }
    if (auto flaw = ReadCount(n_trees, "num_trees", trees.n_trees)) return flaw;
    if (auto flaw = ReadCount(n_parallel, "num_parallel_tree", trees.n_parallel_trees)) return flaw;
    if (auto flaw = ReadTrees(document_, trees, learner_, options_, n_bytes_, imported_)) {
      return flaw;
    }
    return ReadCategories(document_, trees.cats, imported_);
  }

  // Whether there is a list with anything in it.
  bool IsDart(Value list) const { return list.found() && view::Cursor(document_, list).Next(); }

  // weights [n_features + 1, n_outputs], the bias last. The margin is bias + base, then features in
  // order; what is missing adds nothing.
  Flaw ReadLinear(Value model) {
    Value weights_value;
    std::vector<float> weights;
    const std::size_t n = learner_.n_features, n_outputs = learner_.n_outputs;
    if (auto flaw =
            document_.Members(model, "gradient_booster.model", {{"weights", &weights_value}})) {
      return flaw;
    }
    if (auto flaw = document_.Numbers(weights_value, "weights", weights)) return flaw;
    if (weights.size() != (n + 1) * n_outputs) {
      return text::Invalid({"weights has ", weights.size(), " numbers, expected ",
                            (n + 1) * n_outputs, " for ", n, " features and a bias, ", n_outputs,
                            " outputs"});
    }
    LinearModel linear;
    for (std::size_t k = 0; k < n_outputs; ++k) {
      for (std::size_t f = 0; f < n; ++f) linear.coef.push_back(weights[f * n_outputs + k]);
      const float bias = weights[n * n_outputs + k] + static_cast<float>(learner_.base[k]);
      linear.intercept.push_back(bias);
    }
    linear.fill.assign(n, 0);
    imported_.linear = std::move(linear);
    if (options_.iterations == Iterations::kBest && learner_.best_iteration) {
      imported_.warnings.push_back(
          "A linear booster holds one set of weights, that of its last round; it is used.");
    }
    return {};
  }

  static constexpr std::string_view kParam = "learner_model_param";
  static constexpr std::string_view kBaseScore = "learner_model_param.base_score";

  const Document& document_;
  ImportOptions options_;
  std::size_t n_bytes_;
  Learner learner_;
  Imported imported_;
};

Result<Imported> Import(Bytes bytes, view::Format format, const ImportOptions& options) {
  const auto document = Document::Open(bytes, format);
  if (!document.ok()) return document.error();
  BoosterReader reader(*document, options, bytes.size());
  if (auto flaw = reader.Read()) return *flaw;
  return reader.Take();
}

}  // namespace

}  // namespace copse::importer::xgboost

namespace copse::importer {

Result<Imported> ImportXgboostJson(Bytes bytes, const ImportOptions& options) {
  return xgboost::Import(bytes, view::Format::kJson, options);
}

Result<Imported> ImportXgboostUbjson(Bytes bytes, const ImportOptions& options) {
  return xgboost::Import(bytes, view::Format::kUbjson, options);
}

}  // namespace copse::importer
