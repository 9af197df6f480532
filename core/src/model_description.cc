#include <algorithm>
#include <string>

#include "copse/model_file.h"
#include "json_fields.h"

namespace copse {
namespace {

/// Writes one JSON object or list, member after member.
class Json {
 public:
  explicit Json(char open) { text_ += open; }

  Json& Key(std::string_view key) {
    Separate();
    json::AppendString(key, text_);
    text_ += ':';
    return *this;
  }
  Json& Raw(std::string_view json) {
    Separate();
    text_ += json;
    return *this;
  }
  Json& Text(std::string_view text) {
    Separate();
    json::AppendString(text, text_);
    return *this;
  }
  Json& Number(double number) {
    Separate();
    json::AppendNumber(number, text_);
    return *this;
  }
  Json& Count(std::size_t count) { return Raw(std::to_string(count)); }
  std::string Close() { return text_ + (text_.front() == '{' ? '}' : ']'); }

 private:
  void Separate() {
    const char last = text_.back();
    if (text_.size() > 1 && last != ':') text_ += ',';
  }

  std::string text_;
};

std::string_view TaskOf(const Model& model) {
  const auto all = [&](OutputKind kind) {
    return std::all_of(model.outputs().begin(), model.outputs().end(),
                       [&](const Output& output) { return output.kind == kind; });
  };
  if (all(OutputKind::kClass)) return "classification";
  if (all(OutputKind::kValue)) return "regression";
  if (all(OutputKind::kScore)) return "anomaly detection";
  return "mixed";
}

std::string DescribeFeature(const Feature& feature) {
  Json json('{');
  json.Key("name").Text(feature.name);
  json.Key("kind").Text(feature.categorical ? "cat" : "num");
  json.Key("categories");
  if (feature.categories.empty()) {
    json.Raw("null");
  } else {
    Json categories('[');
    for (const std::string& category : feature.categories) categories.Text(category);
    json.Raw(categories.Close());
  }
  json.Key("description").Text(feature.description);
  json.Key("unit").Text(feature.unit);
  json.Key("min").Number(feature.min);
  json.Key("max").Number(feature.max);
  return json.Close();
}

/// A label as a JSON value of its own type.
void AppendLabel(const std::string& label, LabelType type, Json& list) {
  switch (type) {
    case LabelType::kString:
      list.Text(label);
      return;
    case LabelType::kBool:
      list.Raw(label == "True" ? "true" : "false");
      return;
    case LabelType::kInteger:
    case LabelType::kFloat:
      break;
  }
  list.Raw(label);  // numbers are kept in JSON's own form
}

std::string_view LabelTypeName(LabelType type) {
  switch (type) {
    case LabelType::kString:
      return "str";
    case LabelType::kInteger:
      return "int";
    case LabelType::kFloat:
      return "float";
    case LabelType::kBool:
      break;
  }
  return "bool";
}

std::string DescribeOutput(const Output& output) {
  Json json('{');
  json.Key("name").Text(output.name);
  const bool is_class = output.kind == OutputKind::kClass;
  const bool is_value = output.kind == OutputKind::kValue;
  json.Key("kind").Text(is_class ? "class" : is_value ? "value" : "score");
  Json labels('[');
  for (const std::string& label : output.labels) AppendLabel(label, output.label_type, labels);
  json.Key("labels").Raw(labels.Close());
  if (is_class) json.Key("label_type").Text(LabelTypeName(output.label_type));
  json.Key("columns").Raw(Json('[').Count(output.begin).Count(output.end).Close());
  return json.Close();
}

std::string Features(const Model& model) {
  Json list('[');
  for (const Feature& feature : model.features()) list.Raw(DescribeFeature(feature));
  return list.Close();
}

std::string Outputs(const Model& model) {
  Json list('[');
  for (const Output& output : model.outputs()) list.Raw(DescribeOutput(output));
  return list.Close();
}

std::string Answers(const Model& model) {
  using enum Answer;
  Json list('[');
  for (const Answer answer : {kPredict, kIndex, kProba, kMargin, kLeaf, kScore}) {
    if (model.Columns(answer).ok()) list.Text(AnswerName(answer));
  }
  return list.Close();
}

void AddSizes(const Forest* forest, Json& json) {
  json.Key("n_trees").Count(forest != nullptr ? forest->n_trees() : 0);
  json.Key("n_nodes").Count(forest != nullptr ? forest->n_nodes() : 0);
  json.Key("n_leaves").Count(forest != nullptr ? forest->n_leaves() : 0);
  json.Key("max_depth").Count(forest != nullptr ? forest->max_depth() : 0);
}

}  // namespace

std::string DescribeModel(const Model& model) {
  const auto metadata = [&](const char* key, std::string_view absent) -> std::string_view {
    const auto entry = model.metadata().find(key);
    const bool is_given = entry != model.metadata().end() && !entry->second.empty();
    return is_given ? std::string_view(entry->second) : absent;
  };
  Json json('{');
  json.Key("format_version").Count(1);
  json.Key("task").Text(TaskOf(model));
  json.Key("n_features").Count(model.n_features());
  json.Key("features").Raw(Features(model));
  json.Key("outputs").Raw(Outputs(model));
  AddSizes(model.forest(), json);
  for (const char* key : {"input", "accumulate", "combine", "link", "decision", "missing"}) {
    json.Key(key).Text(metadata(key, ""));
  }
  json.Key("infinite").Text(model.infinite_allowed() ? "allowed" : "error");
  json.Key("answers").Raw(Answers(model));
  // These three are JSON already, and checked to be.
  json.Key("source").Raw(metadata("source", "{}"));
  json.Key("provenance").Raw(metadata("provenance", "{}"));
  json.Key("warnings").Raw(metadata("warnings", "[]"));
  return json.Close();
}

}  // namespace copse
