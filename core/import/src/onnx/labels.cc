#include "onnx/labels.h"

#include <algorithm>

namespace copse::importer::onnx {
namespace {

using text::Flaw;
using text::Invalid;
using text::Unsupported;

// Comparisons of labels with keys: bounds the time that a file can cost.
constexpr std::size_t kPairsMax = std::size_t{1} << 22;

std::vector<std::string> ToTexts(const std::vector<std::int64_t>& numbers) {
  std::vector<std::string> texts;
  texts.reserve(numbers.size());
  for (const std::int64_t number : numbers) texts.push_back(text::Concat({number}));
  return texts;
}

std::vector<std::string> ToTexts(const std::vector<std::string_view>& views) {
  return {views.begin(), views.end()};
}

// The lists `<name>_int64s` or `<name>_strings` of a node, as labels; other types are left empty.
Flaw ReadTable(const Node& node, std::string_view name, Labels& table) {
  auto ints = IntsAttribute(node, text::Concat({name, "_int64s"}));
  if (!ints.ok()) return ints.error();
  auto texts = TextsAttribute(node, text::Concat({name, "_strings"}));
  if (!texts.ok()) return texts.error();
  table.type = ints->empty() ? LabelType::kString : LabelType::kInteger;
  table.texts = ints->empty() ? ToTexts(*texts) : ToTexts(*ints);
  return {};
}

}  // namespace

bool CastLabels(ElementType to, Labels& labels) {
  if (labels.type == LabelType::kString) return to == ElementType::kString;
  switch (to) {
    case ElementType::kInt64:
    case ElementType::kInt32:
      return labels.type == LabelType::kInteger;
    case ElementType::kString:
      labels.type = LabelType::kString;
      return true;
    case ElementType::kBool:
      for (std::string& label : labels.texts) label = label == "0" ? "False" : "True";
      labels.type = LabelType::kBool;
      return true;
    default:
      return false;
  }
}

Flaw SelectLabels(const Tensor& constant, Labels& labels) {
  const bool is_text = constant.type == ElementType::kString;
  Labels table;
  table.type = is_text ? LabelType::kString : LabelType::kInteger;
  if (is_text) {
    auto texts = TextsOf(constant, "the list of class labels");
    if (!texts.ok()) return texts.error();
    table.texts = ToTexts(*texts);
  } else {
    auto ints = IntsOf(constant, "the list of class labels");
    if (!ints.ok()) return ints.error();
    table.texts = ToTexts(*ints);
  }
  for (std::size_t i = 0; i < labels.texts.size(); ++i) {
    const bool is_position = labels.type == LabelType::kInteger && i < table.texts.size() &&
                             labels.texts[i] == text::Concat({i});
    if (is_position) continue;
    return Unsupported({"the ONNX graph looks labels up that are not 0, 1, 2, ..."});
  }
  table.texts.resize(labels.texts.size());
  labels = std::move(table);
  return {};
}

Flaw EncodeLabels(const Node& node, Labels& labels) {
  Labels keys;
  Labels values;
  if (auto flaw = ReadTable(node, "keys", keys)) return flaw;
  if (auto flaw = ReadTable(node, "values", values)) return flaw;
  if (keys.texts.size() != values.texts.size()) {
    return Invalid(
        {"the LabelEncoder has ", keys.texts.size(), " keys and ", values.texts.size(), " values"});
  }
  if (keys.texts.size() > kPairsMax / (labels.texts.size() + 1)) {
    return text::TooLarge({"the LabelEncoder has ", keys.texts.size(), " keys"});
  }
  for (std::string& label : labels.texts) {
    const auto found = std::find(keys.texts.begin(), keys.texts.end(), label);
    if (keys.type != labels.type || found == keys.texts.end()) {
      return Unsupported({"the LabelEncoder does not know the class ", text::Quote(label)});
    }
    label = values.texts[static_cast<std::size_t>(found - keys.texts.begin())];
  }
  labels.type = values.type;
  return {};
}

}  // namespace copse::importer::onnx
