#include "model_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "utf8.h"

namespace copse {
namespace {

constexpr std::size_t kListedMax = 12;
constexpr std::size_t kTextMax = 400;
constexpr std::size_t kOutputsMax = 3;

// "scikit-learn 1.2.1 RandomForestClassifier", as far as the file says so.
std::string SourceText(const LoadedModel& loaded) {
  std::string text;
  const auto found = loaded.model.metadata().find("source");
  if (found != loaded.model.metadata().end()) {
    const auto source = nlohmann::json::parse(found->second, nullptr, false);
    for (const char* key : {"kind", "version", "estimator"}) {
      if (!source.is_object() || !source.contains(key) || !source[key].is_string()) continue;
      const auto& part = source[key].get_ref<const std::string&>();
      if (!part.empty()) text += (text.empty() ? "" : " ") + Plain(part);
    }
  }
  return text.empty() ? "model" : text;
}

}  // namespace

std::string Plain(const std::string& text) {
  const std::string shown = Shown(text, kTextMax);
  return shown.substr(1, shown.size() - 2);
}

std::string Counted(std::uint64_t n, const std::string& noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

std::string Listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kListedMax); ++i) {
    text += (i == 0 ? "" : ", ") + Plain(names[i]);
  }
  if (names.size() > kListedMax)
    text += ", and " + std::to_string(names.size() - kListedMax) + " more";
  return text;
}

std::string OutputText(const Output& output) {
  switch (output.kind) {
    case OutputKind::kClass:
      return "one of " + std::to_string(output.labels.size()) +
             (output.labels.size() == 1 ? " class: " : " classes: ") + Listed(output.labels);
    case OutputKind::kValue:
      return output.end - output.begin == 1 ? "a number"
                                            : Counted(output.end - output.begin, "number");
    case OutputKind::kScore:
      return "a score";
  }
  return "";
}

std::string ShapeText(const Model& model) {
  const Forest* forest = model.forest();
  if (forest == nullptr) {
    return "linear, " + Counted(model.linear()->coef.size(), "coefficient");
  }
  return Counted(forest->n_trees(), "tree") + ", " + Counted(forest->n_nodes(), "node") + ", " +
         std::to_string(forest->n_leaves()) + (forest->n_leaves() == 1 ? " leaf" : " leaves") +
         ", depth " + std::to_string(forest->max_depth());
}

std::string SummaryText(const LoadedModel& loaded) {
  const Model& model = loaded.model;
  std::string text = SourceText(loaded) + " (" + FileKindText(loaded) + "): " + ShapeText(model) +
                     ", " + Counted(model.n_features(), "feature");
  const std::size_t n_outputs = model.outputs().size();
  for (std::size_t i = 0; i < std::min(n_outputs, kOutputsMax); ++i) {
    text += (i == 0 ? ", predicts " : "; ") + OutputText(model.outputs()[i]);
  }
  if (n_outputs > kOutputsMax) text += "; and " + std::to_string(n_outputs - kOutputsMax) + " more";
  return text;
}

}  // namespace copse
