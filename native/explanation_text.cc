#include "explanation_text.h"

#include "prediction_text.h"

namespace copse {
namespace {

// The class that a larger margin `column` of the output speaks for, or null.
const std::string* ClassOf(const Output& output, std::size_t column) {
  if (output.kind != OutputKind::kClass) return nullptr;
  const bool is_binary = output.end - output.begin == 1 && output.labels.size() == 2;
  return &output.labels.at(is_binary ? 1 : column);
}

// Calls `use` with the output of each margin, and its place there.
template <class Use>
void ForEachMargin(const Model& model, Use use) {
  for (const Output& output : model.outputs()) {
    for (std::size_t k = output.begin; k < output.end; ++k) use(output, k - output.begin);
  }
}

}  // namespace

std::vector<std::string> MarginNames(const Model& model) {
  std::vector<std::string> names;
  const bool several = model.outputs().size() > 1;
  ForEachMargin(model, [&](const Output& output, std::size_t column) {
    const std::string* const label = ClassOf(output, column);
    std::string name = label == nullptr || several ? output.name : "";
    if (label != nullptr) {
      name += (name.empty() ? "" : ".") + *label;
    } else if (output.end - output.begin > 1) {
      name += "." + std::to_string(column);
    }
    names.push_back(std::move(name));
  });
  return names;
}

std::vector<std::string> ContributionNames(const Model& model) {
  std::vector<std::string> names;
  const std::vector<std::string> margins = MarginNames(model);
  for (const std::string& margin : margins) {
    const std::string prefix = margins.size() > 1 ? margin + ":" : "";
    for (const Feature& feature : model.features()) names.push_back(prefix + feature.name);
    names.push_back(prefix + "base");
  }
  return names;
}

ExplanationText::ExplanationText(const Model& model) {
  for (const Feature& feature : model.features()) {
    features_.push_back(JsonString(feature.name) + ":");
  }
  ForEachMargin(model, [&](const Output& output, std::size_t column) {
    std::string head = "{\"output\":" + JsonString(output.name);
    if (const std::string* const label = ClassOf(output, column)) {
      head += ",\"class\":" + LabelJson(output, *label);
    } else if (output.end - output.begin > 1) {
      head += ",\"column\":" + std::to_string(column);
    }
    heads_.push_back(head + ",\"margin\":");
  });
}

void ExplanationText::AppendMembers(std::span<const double> margins, std::span<const double> parts,
                                    std::string& text) const {
  text += "\"margins\":[";
  for (std::size_t k = 0; k < heads_.size(); ++k) {
    const auto own = parts.subspan(k * (features_.size() + 1), features_.size() + 1);
    if (k > 0) text += ',';
    text += heads_[k];
    AppendNumberJson(text, margins[k]);
    text += ",\"base\":";
    AppendNumberJson(text, own.back());
    text += ",\"contributions\":{";
    for (std::size_t f = 0; f < features_.size(); ++f) {
      if (f > 0) text += ',';
      text += features_[f];
      AppendNumberJson(text, own[f]);
    }
    text += "}}";
  }
  text += ']';
}

}  // namespace copse
