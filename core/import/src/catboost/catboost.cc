#include "catboost/catboost.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "copse/limits.h"
#include "sources.h"

namespace copse::importer::catboost {
namespace {

constexpr std::size_t kFeaturesOfSmallFiles = std::size_t{1} << 17;

class ModelReader {
 public:
  ModelReader(const Document& document, const ImportOptions& options, std::size_t n_bytes)
      : document_(document), options_(options), n_bytes_(n_bytes) {}

  Flaw Read() {
    imported_.input = Precision::kFloat32;
    imported_.missing_allowed = true;
    imported_.infinite_allowed = true;
    Value info, features, oblivious, nested, scale_and_bias;
    if (auto flaw = document_.Members(document_.root(), "the file",
                                      {{"model_info", &info},
                                       {"features_info", &features},
                                       {"oblivious_trees", &oblivious},
                                       {"trees", &nested},
                                       {"scale_and_bias", &scale_and_bias}})) {
      return flaw;
    }
    imported_.source.kind = "CatBoost";
    imported_.source.estimator = oblivious.found() ? "oblivious trees" : "trees";
    if (auto flaw = ReadFeatures(features)) return flaw;
    if (auto flaw = ReadScale(scale_and_bias)) return flaw;
    return ReadTrees(info, oblivious.found() ? oblivious : nested, oblivious.found());
  }

  Imported Take() { return std::move(imported_); }

 private:
  Flaw ReadFeatures(Value info) {
    Value floats, categories, texts, embeddings;
    if (auto flaw = document_.Members(info, "features_info",
                                      {{"float_features", &floats},
                                       {"categorical_features", &categories},
                                       {"text_features", &texts},
                                       {"embedding_features", &embeddings}})) {
      return flaw;
    }
    for (const auto& [value, name] :
         {std::pair(categories, "categorical"), std::pair(texts, "text"),
          std::pair(embeddings, "embedding")}) {
      if (!value.found() || !view::Cursor(document_, value).Next()) continue;
      return text::Unsupported({"a CatBoost model with ", name,
                                " features cannot be imported; train it on numeric features only, "
                                "or on categories that are encoded before"});
    }
    std::vector<std::string> names;
    if (floats.found()) {
      if (document_.KindOf(floats) != view::Kind::kList) {
        return document_.Wrong(floats, "float_features", "a list");
      }
      view::Cursor item(document_, floats);
      for (std::size_t i = 0; item.Next(); ++i) {
        if (auto flaw = ReadFeature(item.value(), i, names)) return flaw;
      }
      if (item.broken()) {
        return text::Invalid({"float_features: the file is damaged at byte ", item.at()});
      }
    }
    // CatBoost itself calls an unnamed feature by its number.
    for (std::size_t column = 0; column < names.size(); ++column) {
      if (names[column].empty()) names[column] = std::to_string(column);
    }
    imported_.features = NamedFeatures(names, "", imported_.warnings);
    return {};
  }

  Flaw ReadFeature(Value value, std::size_t i, std::vector<std::string>& names) {
    const std::string where = text::Concat({"float_features[", i, "]"});
    Value index_value, column_value, has_nans_value, treatment_value, id_value, name_value;
    if (auto flaw = document_.Members(value, where,
                                      {{"feature_index", &index_value},
                                       {"flat_feature_index", &column_value},
                                       {"has_nans", &has_nans_value},
                                       {"nan_value_treatment", &treatment_value},
                                       {"feature_id", &id_value},
                                       {"feature_name", &name_value}})) {
      return flaw;
    }
    std::size_t index = i, column = i;
    if (auto flaw = ReadIndex(index_value, where + ".feature_index", index)) return flaw;
    column = index;
    if (auto flaw = ReadIndex(column_value, where + ".flat_feature_index", column)) return flaw;
    if (features_.size() <= index) features_.resize(index + 1);
    if (names.size() <= column) names.resize(column + 1);
    FloatFeature& feature = features_[index];
    if (feature.is_known || !columns_.insert(column).second) {
      return text::Invalid({where, " is listed twice, as feature ", index, " and column ", column});
    }
    feature.is_known = true;
    feature.column = static_cast<std::uint32_t>(column);
    if (auto flaw = ReadMissing(has_nans_value, treatment_value, where, feature)) return flaw;
    std::string& name = names[column];
    for (const Value candidate : {name_value, id_value}) {
      if (!name.empty() || !candidate.found()) continue;
      if (auto flaw = document_.Text(candidate, where + ".feature_id", name)) return flaw;
    }
    return {};
  }

  // Only a feature that had missing values in training is looked after; the NaN of another is not
  // greater than any border.
  Flaw ReadMissing(Value has_nans_value, Value treatment_value, std::string_view where,
                   FloatFeature& feature) const {
    std::string treatment = "AsIs";
    double has_nans = 1;
    if (treatment_value.found()) {
      if (auto flaw = document_.Text(treatment_value, where, treatment)) return flaw;
    }
    if (has_nans_value.found()) {
      if (auto flaw = document_.Number(has_nans_value, where, has_nans)) return flaw;
    }
    if (treatment != "AsIs" && treatment != "AsFalse" && treatment != "AsTrue") {
      return text::Unsupported({where, " has the nan_value_treatment ", text::Quote(treatment),
                                ", expected AsIs, AsFalse or AsTrue"});
    }
    feature.nan_is_greater = treatment == "AsTrue" && has_nans != 0;
    return {};
  }

  Flaw ReadIndex(Value value, std::string_view where, std::size_t& index) const {
    double number = static_cast<double>(index);
    if (value.found()) {
      if (auto flaw = document_.Number(value, where, number)) return flaw;
    }
    const auto limit = static_cast<double>(std::max(kFeaturesOfSmallFiles, n_bytes_));
    if (!(number >= 0 && number < limit) || number != std::floor(number)) {
      return text::Invalid({where, " is ", number, ", expected a column number"});
    }
    index = static_cast<std::size_t>(number);
    return {};
  }

  // [scale, [bias, ...]], or [scale, bias] of older versions.
  Flaw ReadScale(Value value) {
    if (!value.found()) return {};
    if (document_.KindOf(value) != view::Kind::kList) {
      return document_.Wrong(value, kScale, "a list");
    }
    std::vector<Value> parts;
    view::Cursor item(document_, value);
    while (parts.size() < 3 && item.Next()) parts.push_back(item.value());
    if (parts.size() != 2) return text::Invalid({kScale, " has other than two entries"});
    if (auto flaw = document_.Number(parts[0], kScale, scale_)) return flaw;
    const view::Kind kind = document_.KindOf(parts[1]);
    if (kind == view::Kind::kNull) return {};
    if (kind == view::Kind::kList) return document_.Numbers(parts[1], kScale, bias_);
    bias_.assign(1, 0);
    return document_.Number(parts[1], kScale, bias_[0]);
  }

  Flaw ReadTrees(Value info, Value trees, bool is_oblivious) {
    if (document_.KindOf(trees) != view::Kind::kList) {
      return document_.Wrong(trees, "oblivious_trees", "a list");
    }
    TreeReader reader(document_, features_, scale_, n_bytes_);
    std::size_t width = std::max<std::size_t>(1, bias_.size());
    view::Cursor first(document_, trees);
    const bool has_trees = first.Next();
    if (has_trees) {
      if (auto flaw = reader.FindWidth(first.value(), is_oblivious, width)) return flaw;
    }
    if (width == 0 || width > limits::kOutputsMax) {
      return text::Invalid({"the leaves of the first tree have ", width, " numbers"});
    }
    if (bias_.size() > 1 && bias_.size() != width) {
      return text::Invalid({kScale, " has ", bias_.size(), " biases for ", width, " margins"});
    }
    bias_.resize(width, bias_.empty() ? 0 : bias_[0]);
    if (auto flaw = ReadLoss(document_, info, width, imported_)) return flaw;
    ForestAssembler::Shape shape;
    shape.n_features = imported_.features.size();
    shape.n_outputs = shape.leaf_width = width;
    shape.leaf_ids = options_.leaf_ids;
    ForestAssembler assembler(shape);
    view::Cursor tree(document_, trees);
    for (std::size_t t = 0; tree.Next(); ++t) {
      if (auto flaw = reader.Read(tree.value(), is_oblivious, t, width)) return flaw;
      if (auto status = assembler.Add(reader.tree()); !status.ok()) return status.error();
    }
    if (tree.broken()) return text::Invalid({"the file is damaged at byte ", tree.at()});
    WarnOfScale();
    return AddBias(assembler, has_trees, reader.tree());
  }

  void WarnOfScale() {
    int exponent = 0;
    if (std::abs(std::frexp(scale_, &exponent)) == 0.5) return;
    imported_.warnings.push_back(
        text::Concat({"The model's scale of ", scale_,
                      " was multiplied into its leaves; margins may differ "
                      "from CatBoost's in their last bits."}));
  }

  // CatBoost adds the bias to the sum of the trees, which is a tree of one leaf at the end: base
  // would be added first, and round otherwise.
  Flaw AddBias(ForestAssembler& assembler, bool has_trees, const SourceTree& last) {
    const bool is_zero = std::all_of(bias_.begin(), bias_.end(), [](double x) { return x == 0; });
    if (has_trees && !is_zero) {
      SourceTree constant;
      constant.Reset(1, bias_.size(), false);
      constant.leaf_value = bias_;
      if (!last.cover.empty()) constant.cover = {last.cover[last.root]};
      if (auto status = assembler.Add(constant); !status.ok()) return status.error();
      bias_.assign(bias_.size(), 0);
    }
    imported_.forest = assembler.Take(bias_);
    return {};
  }

  static constexpr std::string_view kScale = "scale_and_bias";

  const Document& document_;
  ImportOptions options_;
  std::size_t n_bytes_;
  Imported imported_;
  std::vector<FloatFeature> features_;
  std::set<std::size_t> columns_;
  double scale_ = 1;
  std::vector<double> bias_;
};

}  // namespace
}  // namespace copse::importer::catboost

namespace copse::importer {

Result<Imported> ImportCatboostJson(Bytes bytes, const ImportOptions& options) {
  const auto document = view::Document::Open(bytes, view::Format::kJson);
  if (!document.ok()) return document.error();
  catboost::ModelReader reader(*document, options, bytes.size());
  if (auto flaw = reader.Read()) return *flaw;
  return reader.Take();
}

}  // namespace copse::importer
