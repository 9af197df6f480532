#include "sklearn/hist_columns.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "copse/limits.h"
#include "text.h"

// Source: sklearn/ensemble/_hist_gradient_boosting/gradient_boosting.py, `_preprocess_X` (since
// 1.4) and `_check_categories` (before), and binning.py, `make_known_categories_bitsets`.
namespace copse::importer::sklearn {
namespace {

using pickle::Array;
using text::Invalid;
using text::Unsupported;

constexpr std::size_t kCategoriesMax = 256;  // bits of a set

std::optional<Value> Present(Value holder, std::string_view name) {
  const auto value = holder.Attribute(name);
  return value && !value->is(pickle::Kind::kNone) ? value : std::nullopt;
}

Result<std::size_t> CountFeatures(const Estimator& estimator) {
  for (const char* name : {"_n_features", "n_features_", "n_features_in_"}) {
    const auto value = estimator.value.Attribute(name);
    const auto n = value ? value->AsInteger() : std::nullopt;
    if (!n) continue;
    if (*n < 1 || static_cast<std::uint64_t>(*n) > limits::kFeaturesMax) {
      return Invalid({name, " of ", estimator.Called(), " is ", *n});
    }
    return static_cast<std::size_t>(*n);
  }
  return Invalid({estimator.Called(), " does not say how many features it has: is it fitted?"});
}

Status ReadMask(const Estimator& estimator, HistColumns& columns) {
  const auto value = Present(estimator.value, "is_categorical_");
  if (!value) return Ok{};
  auto array = Array::From(*value, "is_categorical_");
  if (!array.ok()) return array.error();
  auto mask = array->Integers();
  if (!mask.ok()) return mask.error();
  if (mask->size() != columns.is_categorical.size()) {
    return Invalid({"is_categorical_ has ", mask->size(), " entries: expected ",
                    columns.is_categorical.size(), ", one for each feature"});
  }
  for (std::size_t c = 0; c < mask->size(); ++c) columns.is_categorical[c] = (*mask)[c] != 0;
  return Ok{};
}

// Before the list is read: many columns may share one. The last place is for NaN.
Status CheckCount(const Array& categories, std::size_t column) {
  if (categories.size() <= kCategoriesMax) return Ok{};
  return Invalid({"column ", column, " has ", categories.size(), " categories: at most ",
                  kCategoriesMax, " are possible"});
}

// Words in which the first `n` bits are set.
std::vector<std::uint32_t> FirstBits(std::size_t n) {
  std::vector<std::uint32_t> words((n + 31) / 32, 0xffffffffU);
  if (n % 32 != 0) words.back() = (1U << (n % 32)) - 1;
  return words;
}

// What the bin mapper knows of each feature: thresholds, or before 1.4 categories.
Result<Value> FindBins(const Estimator& estimator, std::size_t n_features) {
  auto mapper = Present(estimator.value, "_bin_mapper");
  if (!mapper) mapper = Present(estimator.value, "bin_mapper_");
  const auto bins = mapper ? mapper->Attribute("bin_thresholds_") : std::nullopt;
  if (!bins || bins->size() != n_features) {
    return Invalid({"bin_thresholds_ of ", estimator.Called(), " has ", bins ? bins->size() : 0,
                    " entries: expected ", n_features, ", one for each feature"});
  }
  return *bins;
}

// Before 1.4 the codes are those in the rows.
Status ReadKnownCodes(const Estimator& estimator, Value bins, HistColumns& columns) {
  for (std::size_t c = 0; c < columns.is_categorical.size(); ++c) {
    if (!columns.is_categorical[c]) continue;
    auto array = Array::From(bins.At(c), "bin_thresholds_");
    if (!array.ok()) return array.error();
    if (auto status = CheckCount(*array, c); !status.ok()) return status;
    auto codes = array->Doubles();
    if (!codes.ok()) return codes.error();
    columns.known[c].assign(kCategoriesMax / 32, 0);
    for (const double code : *codes) {
      if (!(code > -1 && code < kCategoriesMax)) {
        return Unsupported({estimator.Called(), " has the category ", code, " in column ", c,
                            ", for which it cannot predict itself; use codes from 0 to 254"});
      }
      const auto bit = static_cast<std::uint32_t>(code);
      columns.known[c][bit / 32] |= 1U << (bit % 32);
    }
    while (!columns.known[c].empty() && columns.known[c].back() == 0) columns.known[c].pop_back();
  }
  return Ok{};
}

Error RefuseCategories(const Estimator& estimator, std::size_t column, Value odd) {
  return Unsupported({estimator.Called(), " has the category ", odd.Describe(), " in column ",
                      column, ": categories must be all texts or all numbers (and NaN)"});
}

// Categories of an object array, without the NaN that may stand last.
Status ReadObjects(const Estimator& estimator, const Array& array, std::size_t column,
                   HistColumns& columns) {
  auto objects = array.Objects();
  if (!objects.ok()) return objects.error();
  if (!objects->empty()) {
    const auto last = objects->back().AsNumber();
    if (last && std::isnan(*last)) objects->pop_back();
  }
  for (const Value& object : *objects) {
    const auto is_true = object.AsBool();
    const auto number = is_true ? std::optional<double>(*is_true) : object.AsNumber();
    const auto text = number ? std::nullopt : object.AsString();
    const bool fits = number ? columns.texts[column].empty() : columns.values[column].empty();
    if (!fits || !(number || text)) return RefuseCategories(estimator, column, object);
    if (number) columns.values[column].push_back(*number);
    if (text) columns.texts[column].push_back(*text);
  }
  return Ok{};
}

Status ReadCategories(const Estimator& estimator, Value categories, std::size_t column,
                      HistColumns& columns) {
  auto array = Array::From(categories, "categories_");
  if (!array.ok()) return array.error();
  if (auto status = CheckCount(*array, column); !status.ok()) return status;
  if (array->holds_objects()) {
    if (auto status = ReadObjects(estimator, *array, column, columns); !status.ok()) return status;
  } else if (array->type() == 'U' || array->type() == 'S') {
    auto texts = array->Texts();
    if (!texts.ok()) return texts.error();
    columns.texts[column] = *std::move(texts);
  } else {
    auto numbers = array->Doubles();
    if (!numbers.ok()) return numbers.error();
    if (!numbers->empty() && std::isnan(numbers->back())) numbers->pop_back();
    columns.values[column] = *std::move(numbers);
  }
  // Rows hold positions of texts.
  for (std::size_t i = 0; i < columns.texts[column].size(); ++i) {
    columns.values[column].push_back(static_cast<double>(i));
  }
  columns.known[column] = FirstBits(columns.values[column].size());
  return Ok{};
}

Error RefusePreprocessor(const Estimator& estimator, Value odd) {
  return Unsupported({estimator.Called(), " holds ", odd.Describe(), " in its _preprocessor, ",
                      "which is not as scikit-learn makes it and cannot be imported"});
}

// The OrdinalEncoder of a ColumnTransformer [("encoder", ...), ("numerical", ...)], which may end
// in ("remainder", "drop", []).
Result<Value> FindEncoder(const Estimator& estimator, Value preprocessor) {
  const auto transformers = preprocessor.Attribute("transformers_");
  std::optional<Value> encoder;
  for (std::size_t i = 0; transformers && i < transformers->size(); ++i) {
    const Value entry = transformers->At(i);
    if (entry.size() != 3) return RefusePreprocessor(estimator, entry);
    const std::string name = entry.At(0).AsString().value_or("");
    if (name == "encoder" && i == 0 && entry.At(1).class_stem() == "OrdinalEncoder") {
      encoder = entry.At(1);
    } else if ((name != "numerical" || i != 1) && entry.At(1).AsString() != "drop") {
      return RefusePreprocessor(estimator, entry);
    }
  }
  if (!encoder) return RefusePreprocessor(estimator, preprocessor);
  return *encoder;
}

// Since 1.4: the trees see [categorical columns] + [the others], each in their order.
Status ReadPreprocessor(const Estimator& estimator, Value preprocessor, HistColumns& columns) {
  auto encoder = FindEncoder(estimator, preprocessor);
  if (!encoder.ok()) return encoder.error();
  const auto categories = encoder->Attribute("categories_");
  columns.encodes = true;
  columns.column.clear();
  for (std::size_t c = 0; c < columns.is_categorical.size(); ++c) {
    if (!columns.is_categorical[c]) continue;
    const std::size_t rank = columns.column.size();
    if (!categories || rank >= categories->size()) {
      return Invalid({"categories_ of the encoder lacks column ", c});
    }
    auto status = ReadCategories(estimator, categories->At(rank), c, columns);
    if (!status.ok()) return status;
    columns.column.push_back(static_cast<std::uint32_t>(c));
  }
  if (categories && categories->size() != columns.column.size()) {
    return Invalid({"the encoder has ", categories->size(), " columns, and is_categorical_ names ",
                    columns.column.size()});
  }
  for (std::size_t c = 0; c < columns.is_categorical.size(); ++c) {
    if (!columns.is_categorical[c]) columns.column.push_back(static_cast<std::uint32_t>(c));
  }
  return Ok{};
}

}  // namespace

Result<HistColumns> ReadHistColumns(const Estimator& estimator) {
  auto n = CountFeatures(estimator);
  if (!n.ok()) return n.error();
  // The list is as long as the file is; the number alone would cost nothing to write.
  auto bins = FindBins(estimator, *n);
  if (!bins.ok()) return bins.error();
  HistColumns columns;
  columns.is_categorical.assign(*n, false);
  for (std::size_t c = 0; c < *n; ++c) columns.column.push_back(static_cast<std::uint32_t>(c));
  if (auto status = ReadMask(estimator, columns); !status.ok()) return status.error();
  const auto& mask = columns.is_categorical;
  if (std::find(mask.begin(), mask.end(), true) == mask.end()) return columns;
  columns.known.resize(*n);
  columns.values.resize(*n);
  columns.texts.resize(*n);
  const auto preprocessor = Present(estimator.value, "_preprocessor");
  auto status = preprocessor ? ReadPreprocessor(estimator, *preprocessor, columns)
                             : ReadKnownCodes(estimator, *bins, columns);
  if (!status.ok()) return status.error();
  return columns;
}

}  // namespace copse::importer::sklearn
