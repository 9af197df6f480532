#include <algorithm>
#include <array>
#include <cmath>

#include "catboost/catboost.h"
#include "json_fields.h"

// Sources: catboost/libs/model/model.cpp (class labels), python-package/catboost/core.py (what
// predict answers by default), private/libs/labels/external_label_helper.cpp.
namespace copse::importer::catboost {
namespace {

enum class Task : std::uint8_t {
  kBinary,      ///< two classes on one margin
  kMulti,       ///< a class on each margin
  kMultiLabel,  ///< two classes on each margin
  kValue,
};

struct Loss {
  std::string_view name;
  Task task;
  LinkKind link;
};

using enum LinkKind;
constexpr std::array<Loss, 37> kLosses = {{
    {"Logloss", Task::kBinary, kSigmoid},
    {"CrossEntropy", Task::kBinary, kSigmoid},
    {"Focal", Task::kBinary, kSigmoid},
    {"MultiClass", Task::kMulti, kSoftmaxArgmax},
    {"MultiClassOneVsAll", Task::kMulti, kSigmoid},
    {"MultiLogloss", Task::kMultiLabel, kSigmoid},
    {"MultiCrossEntropy", Task::kMultiLabel, kSigmoid},
    {"Poisson", Task::kValue, kExp},
    {"Tweedie", Task::kValue, kExp},
    {"RMSE", Task::kValue, kIdentity},
    {"MAE", Task::kValue, kIdentity},
    {"Quantile", Task::kValue, kIdentity},
    {"MultiQuantile", Task::kValue, kIdentity},
    {"LogLinQuantile", Task::kValue, kIdentity},
    {"MAPE", Task::kValue, kIdentity},
    {"Lq", Task::kValue, kIdentity},
    {"Huber", Task::kValue, kIdentity},
    {"Expectile", Task::kValue, kIdentity},
    {"LogCosh", Task::kValue, kIdentity},
    {"MultiRMSE", Task::kValue, kIdentity},
    {"MultiRMSEWithMissingValues", Task::kValue, kIdentity},
    {"GroupQuantile", Task::kValue, kIdentity},
    {"SurvivalAft", Task::kValue, kIdentity},
    {"Cox", Task::kValue, kIdentity},
    {"QueryRMSE", Task::kValue, kIdentity},
    {"GroupwiseRMSE", Task::kValue, kIdentity},
    {"QuerySoftMax", Task::kValue, kIdentity},
    {"QueryCrossEntropy", Task::kValue, kIdentity},
    {"PairLogit", Task::kValue, kIdentity},
    {"PairLogitPairwise", Task::kValue, kIdentity},
    {"YetiRank", Task::kValue, kIdentity},
    {"YetiRankPairwise", Task::kValue, kIdentity},
    {"LambdaMart", Task::kValue, kIdentity},
    {"StochasticFilter", Task::kValue, kIdentity},
    {"StochasticRank", Task::kValue, kIdentity},
    {"PythonUserDefinedPerObject", Task::kValue, kIdentity},
    {"PythonUserDefinedMultiTarget", Task::kValue, kIdentity},
}};

class LossReader {
 public:
  LossReader(const Document& document, std::size_t n_margins, Imported& imported)
      : document_(document), n_margins_(n_margins), imported_(imported) {}

  Flaw Read(Value info) {
    Value params, class_params, old_params, loss, threshold;
    if (info.found()) {
      if (auto flaw = document_.Members(info, "model_info",
                                        {{"params", &params},
                                         {"class_params", &class_params},
                                         {"multiclass_params", &old_params},
                                         {"loss_function", &loss},
                                         {"binclass_probability_threshold", &threshold}})) {
        return flaw;
      }
    }
    if (!class_params.found()) class_params = old_params;
    if (params.found()) {
      Value inner;
      if (auto flaw = document_.Members(
              params, "model_info.params",
              {{"loss_function", &inner}, {"data_processing_options", &processing_}})) {
        return flaw;
      }
      if (inner.found()) loss = inner;
    }
    if (auto flaw = ReadName(loss)) return flaw;
    const auto known = std::find_if(kLosses.begin(), kLosses.end(),
                                    [&](const Loss& each) { return each.name == name_; });
    if (known == kLosses.end()) {
      return text::Unsupported({"the loss function ", text::Quote(name_),
                                " cannot be imported, for what its margins mean is not known; "
                                "models of Logloss, CrossEntropy, MultiClass, MultiClassOneVsAll, "
                                "RMSE, MAE, Quantile, Poisson and others can"});
    }
    imported_.source.options.emplace_back("loss_function", "\"" + name_ + "\"");
    if (threshold.found() && known->task == Task::kBinary) {
      if (auto flaw = CheckThreshold(threshold)) return flaw;
    }
    return SetOutputs(*known, class_params);
  }

 private:
  // {"type": "Logloss", "params": {...}}, or that in a text, or "Logloss:key=value".
  Flaw ReadName(Value loss) {
    if (!loss.found()) {
      return text::Unsupported(
          {"the file does not say which loss the model was trained with "
           "(model_info.params.loss_function), and so not what its margins "
           "mean; save it with CatBoost again: model.save_model(\"model.json\""
           ", format=\"json\")"});
    }
    if (document_.KindOf(loss) == view::Kind::kObject) return ReadType(document_, loss);
    if (auto flaw = document_.Text(loss, kWhere, name_)) return flaw;
    if (!name_.starts_with('{')) {
      name_.resize(std::min(name_.size(), name_.find(':')));
      return {};
    }
    const std::string json = name_;
    const Bytes bytes(reinterpret_cast<const std::uint8_t*>(json.data()), json.size());
    const auto inner = Document::Open(bytes, view::Format::kJson);
    if (!inner.ok()) return text::Invalid({kWhere, " is ", text::Quote(json)});
    return ReadType(*inner, inner->root());
  }

  Flaw ReadType(const Document& document, Value loss) {
    Value type;
    if (auto flaw = document.Members(loss, kWhere, {{"type", &type}})) return flaw;
    return document.Text(type, kWhere, name_);
  }

  Flaw CheckThreshold(Value value) const {
    double threshold = 0.5;
    if (auto flaw = document_.Number(value, "binclass_probability_threshold", threshold)) {
      return flaw;
    }
    if (threshold == 0.5) return {};
    return text::Unsupported({"the model takes class 1 from a probability of ", threshold,
                              " on, and only 0.5 can be imported; save it after "
                              "set_probability_threshold(None)"});
  }

  Flaw SetOutputs(const Loss& loss, Value class_params) {
    imported_.link.kind = loss.link;
    if (loss.task == Task::kBinary || loss.task == Task::kMulti) {
      const std::size_t n_classes = loss.task == Task::kBinary ? 2 : n_margins_;
      if (loss.task == Task::kBinary && n_margins_ != 1) {
        return text::Invalid(
            {"the loss ", loss.name, " has one margin, and leaves have ", n_margins_, " numbers"});
      }
      if (loss.task == Task::kBinary) imported_.decision = Decision::kGreaterThanZero;
      imported_.outputs = {NumberedClasses("class", n_classes, 0, n_margins_)};
      return ReadLabels(class_params, imported_.outputs[0]);
    }
    const bool is_label = loss.task == Task::kMultiLabel;
    if (is_label) imported_.decision = Decision::kGreaterThanZero;
    for (std::size_t k = 0; k < n_margins_; ++k) {
      std::string name = is_label ? "class" : "value";
      if (n_margins_ > 1) name += std::to_string(k);
      imported_.outputs.push_back(is_label ? NumberedClasses(std::move(name), 2, k, k + 1)
                                           : ValueOutput(std::move(name), k, k + 1));
    }
    return {};
  }

  // class_names, else class_to_label; before class_params was written, the names of the training
  // parameters, else 0, 1, ...
  Flaw ReadLabels(Value class_params, Output& output) const {
    Value names, numbers, type_value;
    std::string type;
    if (class_params.found()) {
      if (auto flaw = document_.Members(class_params, "class_params",
                                        {{"class_names", &names},
                                         {"class_to_label", &numbers},
                                         {"class_label_type", &type_value}})) {
        return flaw;
      }
    } else if (processing_.found()) {
      if (auto flaw = document_.Members(processing_, "data_processing_options",
                                        {{"class_names", &names}})) {
        return flaw;
      }
    }
    if (type_value.found()) {
      if (auto flaw = document_.Text(type_value, "class_label_type", type)) return flaw;
    }
    std::vector<double> positions;
    if (numbers.found()) {
      if (auto flaw = document_.Numbers(numbers, "class_to_label", positions)) return flaw;
    }
    std::vector<std::string> labels;
    bool is_text = false;
    if (names.found()) {
      if (auto flaw = ReadNames(names, labels, is_text)) return flaw;
    }
    if (labels.empty()) {
      for (const double number : positions) labels.push_back(text::FromDouble(number));
    } else if (!IsCounting(positions)) {
      return text::Unsupported(
          {"some classes of the model were not in its training data, which "
           "cannot be imported; train it without naming them"});
    }
    if (labels.empty()) return {};
    if (labels.size() != output.labels.size()) {
      return text::Unsupported({"the model names ", labels.size(), " classes and has margins for ",
                                output.labels.size()});
    }
    output.labels = std::move(labels);
    SetLabelType(type, is_text, output);
    return {};
  }

  static bool IsCounting(const std::vector<double>& positions) {
    for (std::size_t i = 0; i < positions.size(); ++i) {
      if (positions[i] != static_cast<double>(i)) return false;
    }
    return true;
  }

  Flaw ReadNames(Value names, std::vector<std::string>& labels, bool& is_text) const {
    if (document_.KindOf(names) != view::Kind::kList) {
      return document_.Wrong(names, "class_names", "a list");
    }
    view::Cursor item(document_, names);
    while (item.Next()) {
      const view::Kind kind = document_.KindOf(item.value());
      if (kind == view::Kind::kString) {
        is_text = true;
        if (auto flaw = document_.Text(item.value(), "class_names", labels.emplace_back())) {
          return flaw;
        }
        continue;
      }
      double number = 0;
      if (auto flaw = document_.Number(item.value(), "class_names", number)) return flaw;
      labels.push_back(text::FromDouble(number));
    }
    if (!item.broken()) return {};
    return text::Invalid({"class_names: the file is damaged at byte ", item.at()});
  }

  // Whole numbers are written "1.0" by FromDouble; JSON itself has no types for labels.
  static void SetLabelType(std::string_view type, bool is_text, Output& output) {
    const bool is_whole =
        std::all_of(output.labels.begin(), output.labels.end(), [](const std::string& label) {
          return label.ends_with(".0") && label.find('e') == std::string::npos;
        });
    output.label_type = LabelType::kString;
    if (is_text) return;
    if (type == "Float" || !is_whole) {
      output.label_type = LabelType::kFloat;
      return;
    }
    output.label_type = type == "Boolean" ? LabelType::kBool : LabelType::kInteger;
    for (std::string& label : output.labels) {
      label.resize(label.size() - 2);
      if (type == "Boolean") label = label == "0" ? "False" : "True";
    }
  }

  static constexpr std::string_view kWhere = "loss_function";

  const Document& document_;
  std::size_t n_margins_;
  Imported& imported_;
  Value processing_;
  std::string name_;
};

}  // namespace

Flaw ReadLoss(const Document& document, Value model_info, std::size_t n_margins,
              Imported& imported) {
  return LossReader(document, n_margins, imported).Read(model_info);
}

}  // namespace copse::importer::catboost
