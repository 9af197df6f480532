#include <optional>

#include "json_fields.h"
#include "lightgbm/header.h"

// The category values that LightGBM's Python package keeps at the end of a file.
namespace copse::importer::lightgbm {
namespace {

constexpr std::string_view kKey = "\npandas_categorical:";
// JSON costs about nine times its length while it is read.
constexpr std::size_t kBytesMax = std::size_t{8} << 20;

// The text of a category as Python prints it; nothing for what is no plain value.
std::optional<std::string> TextOf(json::Value value, bool& is_number) {
  if (const auto string = value.AsString()) return std::string(*string);
  if (const auto truth = value.AsBool()) return *truth ? "True" : "False";
  is_number = true;
  if (auto integer = value.AsIntegerText()) return integer;
  if (const auto number = value.AsNumber()) return text::FromDouble(*number);
  return std::nullopt;
}

struct Texts {
  std::vector<std::string> texts;
  bool has_numbers = false;
};

// One list of a column; nothing where a value is none or stands twice.
std::optional<Texts> ReadTexts(json::Value list) {
  if (!list.is(json::Kind::kArray)) return std::nullopt;
  Texts read;
  read.texts.reserve(list.size());
  for (auto item = list.First(); item; item = item->Next()) {
    auto text = TextOf(*item, read.has_numbers);
    if (!text) return std::nullopt;
    read.texts.push_back(std::move(*text));
  }
  if (text::FindTwice({read.texts.begin(), read.texts.end()})) return std::nullopt;
  return read;
}

// Whether there is one list for each feature with codes, and it has all of them. Then the lists,
// in the order of the features.
std::optional<std::vector<Texts>> ReadLists(std::string_view json,
                                            const std::vector<double>& codes) {
  if (json.size() > kBytesMax) return std::nullopt;
  const auto document = json::Document::Parse(json, "pandas_categorical");
  if (!document.ok() || !document->root().is(json::Kind::kArray)) return std::nullopt;
  std::vector<Texts> lists;
  auto list = document->root().First();
  for (const double n_codes : codes) {
    if (n_codes == 0) continue;
    if (!list) return std::nullopt;
    auto texts = ReadTexts(*list);
    if (!texts || n_codes > static_cast<double>(texts->texts.size())) return std::nullopt;
    lists.push_back(std::move(*texts));
    list = list->Next();
  }
  return list ? std::nullopt : std::optional(std::move(lists));
}

}  // namespace

void ReadPandasCategories(std::string_view file, const std::vector<double>& codes,
                          Imported& imported) {
  const std::size_t at = file.rfind(kKey);
  if (at == std::string_view::npos) return;
  std::string_view rest = file.substr(at + kKey.size()), line;
  if (!NextLine(rest, line) || line == "null" || line == "[]") return;
  auto lists = ReadLists(line, codes);
  if (!lists) {
    imported.warnings.emplace_back(
        "The file holds texts of categories (pandas_categorical), and it is not certain whose they "
        "are: categories have their codes only.");
    return;
  }
  bool has_numbers = false;
  auto next = lists->begin();
  for (std::size_t f = 0; f < codes.size(); ++f) {
    if (codes[f] == 0) continue;
    has_numbers = has_numbers || next->has_numbers;
    imported.features[f].categories = std::move(next->texts);
    ++next;
  }
  if (!has_numbers) return;
  imported.warnings.emplace_back(
      "Some categories are numbers: a number in a row is the position of a category in its list, "
      "and a text is the category itself.");
}

}  // namespace copse::importer::lightgbm
