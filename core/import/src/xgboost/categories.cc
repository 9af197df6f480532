#include <algorithm>

#include "xgboost/learner.h"

// Source: src/data/cat_container.cc. The code of a category is its place in the list.
namespace copse::importer::xgboost {
namespace {

/// Texts as Arrow stores them: bytes of all, and where each begins and ends.
Flaw ReadStrings(const Document& document, Value offsets_value, Value bytes_value,
                 std::string_view where, std::vector<std::string>& out) {
  std::vector<std::int32_t> offsets, bytes;
  if (auto flaw = document.Numbers(offsets_value, where, offsets)) return flaw;
  if (auto flaw = document.Numbers(bytes_value, where, bytes)) return flaw;
  std::string text(bytes.size(), '\0');
  std::transform(bytes.begin(), bytes.end(), text.begin(),
                 [](std::int32_t byte) { return static_cast<char>(byte); });
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    const std::int64_t begin = offsets[i], end = offsets[i + 1];
    if (begin < 0 || end < begin || end > static_cast<std::int64_t>(text.size())) {
      return text::Invalid({where, ".offsets does not rise within the ", text.size(), " values"});
    }
    out.push_back(
        text.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)));
  }
  return {};
}

Flaw ReadColumn(const Document& document, Value column, std::size_t f,
                std::vector<std::string>& out) {
  const std::string where = text::Concat({"cats.enc[", f, "]"});
  Value offsets, values;
  if (auto flaw = document.Members(column, where, {{"offsets", &offsets}, {"values", &values}})) {
    return flaw;
  }
  if (offsets.found()) return ReadStrings(document, offsets, values, where, out);
  std::vector<double> numbers;
  if (auto flaw = document.Numbers(values, where, numbers)) return flaw;
  for (const double number : numbers) {
    std::string text = text::FromDouble(number);
    // Only integers are categories there; FromDouble writes them as 5.0.
    if (text.ends_with(".0")) text.resize(text.size() - 2);
    out.push_back(std::move(text));
  }
  return {};
}

}  // namespace

Flaw ReadCategories(const Document& document, Value cats, Imported& imported) {
  Value columns;
  if (!cats.found()) return {};
  if (auto flaw = document.Members(cats, "cats", {{"enc", &columns}})) return flaw;
  if (!columns.found()) return {};
  if (document.KindOf(columns) != view::Kind::kList) {
    return document.Wrong(columns, "cats.enc", "a list");
  }
  view::Cursor column(document, columns);
  for (std::size_t f = 0; column.Next() && f < imported.features.size(); ++f) {
    Feature& feature = imported.features[f];
    if (!feature.categorical) continue;
    if (auto flaw = ReadColumn(document, column.value(), f, feature.categories)) return flaw;
    for (const std::string& text : feature.categories) {
      if (text::FindInvalidUtf8(text) != std::string::npos) {
        return text::Invalid(
            {"cats.enc[", f, "] names the category ", text::Quote(text), ", which is not UTF-8"});
      }
    }
  }
  if (!column.broken()) return {};
  return text::Invalid({"cats.enc: the file is damaged at byte ", column.at()});
}

}  // namespace copse::importer::xgboost
