#include "lightgbm/header.h"

#include <algorithm>
#include <array>
#include <limits>

namespace copse::importer::lightgbm {
namespace {

using text::Invalid;

constexpr std::int64_t kIntMax = std::numeric_limits<std::int32_t>::max();

struct Field {
  std::string_view key;
  std::string_view value;
  bool is_found = false;
};
enum Key : std::uint8_t {
  kVersion,
  kNumClass,
  kTreesPerIteration,
  kMaxFeature,
  kObjective,
  kAverage,
  kFeatureNames,
  kFeatureInfos,
  kTreeSizes,
  kNumKeys
};
using Fields = std::array<Field, kNumKeys>;

// The lines up to the first tree, or to the end of none.
void FindFields(std::string_view& rest, Fields& fields) {
  for (std::string_view after = rest, line; NextLine(after, line); rest = after) {
    if (line.starts_with("Tree=") || line == "end of trees") return;
    const std::size_t equals = line.find('=');
    const auto field = std::find_if(fields.begin(), fields.end(), [&](const Field& candidate) {
      return candidate.key == line.substr(0, equals);
    });
    if (field == fields.end()) continue;
    field->is_found = true;
    if (equals != std::string_view::npos) field->value = line.substr(equals + 1);
  }
}

Flaw CheckVersion(const Field& version) {
  constexpr std::string_view kAdvice =
      "load it with LightGBM 2.1 or newer and save it again with booster.save_model(\"model.txt\")";
  if (!version.is_found) {
    return text::Unsupported(
        {"the LightGBM model names no version, as before LightGBM 2.1; ", kAdvice});
  }
  for (const std::string_view known : {"v2", "v3", "v4"}) {
    if (version.value == known) return {};
  }
  return text::Unsupported({"LightGBM text version ", text::Quote(version.value),
                            " is not known; v2, v3 and v4 can be imported"});
}

Flaw Require(const Field& field) {
  return field.is_found ? Flaw() : Invalid({"the LightGBM model has no ", field.key});
}

Flaw ReadInteger(const Field& field, std::int64_t min, std::int64_t max, std::int64_t& number) {
  if (auto flaw = Require(field)) return flaw;
  return lightgbm::ReadInteger(field.key, field.value, min, max, number);
}

std::vector<std::string_view> Words(std::string_view value) {
  std::vector<std::string_view> words;
  for (std::string_view word; NextWord(value, word);) words.push_back(word);
  return words;
}

Flaw CheckWords(std::string_view key, std::size_t n, std::int64_t n_features) {
  if (n == static_cast<std::size_t>(n_features)) return {};
  return Invalid({key, " has ", n, " entries, and max_feature_idx says ", n_features});
}

// `[min:max]`. Other than numbers are no range.
void ReadRange(std::string_view info, Feature& feature) {
  info = info.substr(1, info.size() - 2);
  const std::size_t colon = info.find(':');
  if (colon == std::string_view::npos) return;
  const auto min = ToDouble(info.substr(0, colon)), max = ToDouble(info.substr(colon + 1));
  if (!min || !max || !(*min <= *max)) return;
  feature.min = *min;
  feature.max = *max;
}

// `1:0:3`: the codes that training saw, of which -1 stands for missing. One more than the
// largest; 0 where a word is no code.
double ReadCodes(std::string_view info) {
  double end = 0;
  while (!info.empty()) {
    const std::string_view word = info.substr(0, info.find(':'));
    info.remove_prefix(std::min(info.size(), word.size() + 1));
    const auto code = ToInteger(word);
    if (!code) return 0;
    end = std::max(end, static_cast<double>(*code) + 1);
  }
  return end;
}

}  // namespace

Flaw ReadHeader(std::string_view& rest, Header& header) {
  Fields fields = {{{"version", {}},
                    {"num_class", {}},
                    {"num_tree_per_iteration", {}},
                    {"max_feature_idx", {}},
                    {"objective", {}},
                    {"average_output", {}},
                    {"feature_names", {}},
                    {"feature_infos", {}},
                    {"tree_sizes", {}}}};
  FindFields(rest, fields);
  if (auto flaw = CheckVersion(fields[kVersion])) return flaw;
  if (auto flaw = ReadInteger(fields[kNumClass], 1, kIntMax, header.n_classes)) return flaw;
  header.n_columns = header.n_classes;
  if (fields[kTreesPerIteration].is_found) {
    if (auto flaw = ReadInteger(fields[kTreesPerIteration], 1, kIntMax, header.n_columns)) {
      return flaw;
    }
  }
  if (auto flaw = ReadInteger(fields[kMaxFeature], 0, kIntMax - 1, header.n_features)) return flaw;
  ++header.n_features;
  if (auto flaw = Require(fields[kFeatureNames])) return flaw;
  if (auto flaw = Require(fields[kFeatureInfos])) return flaw;
  header.version = fields[kVersion].value;
  header.objective = fields[kObjective].value;
  header.is_average = fields[kAverage].is_found;
  header.feature_names = fields[kFeatureNames].value;
  header.feature_infos = fields[kFeatureInfos].value;
  header.has_tree_sizes = fields[kTreeSizes].is_found;
  header.tree_sizes = fields[kTreeSizes].value;
  return {};
}

Flaw ReadFeatures(const Header& header, Imported& imported, std::vector<double>& codes) {
  const std::vector<std::string_view> names = Words(header.feature_names);
  if (auto flaw = CheckWords("feature_names", names.size(), header.n_features)) return flaw;
  const std::vector<std::string_view> infos = Words(header.feature_infos);
  if (auto flaw = CheckWords("feature_infos", infos.size(), header.n_features)) return flaw;
  imported.features = NamedFeatures(std::vector<std::string>(names.begin(), names.end()), "Column_",
                                    imported.warnings);
  codes.assign(names.size(), 0);
  for (std::size_t f = 0; f < infos.size(); ++f) {
    Feature& feature = imported.features[f];
    if (infos[f].starts_with('[') && infos[f].ends_with(']')) {
      ReadRange(infos[f], feature);
    } else if (infos[f] != "none") {
      codes[f] = ReadCodes(infos[f]);
      feature.categorical = codes[f] > 0;
    }
  }
  return {};
}

}  // namespace copse::importer::lightgbm
