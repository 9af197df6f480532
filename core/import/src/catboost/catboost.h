#pragma once

#include <string>
#include <vector>

#include "forest_assembler.h"
#include "imported.h"
#include "xgboost/json_view.h"

/// The parts of a CatBoost model saved as JSON, as its importer goes through them.
namespace copse::importer::catboost {

using text::Flaw;
using view::Document;
using view::Value;

/// A numeric feature of the trees; its number is that of the splits.
struct FloatFeature {
  bool is_known = false;
  std::uint32_t column = 0;
  bool nan_is_greater = false;  ///< a missing value is above every border; else below
};

/// Outputs, link and decision from `model_info`, for margins [n_margins].
/// Errors: kUnsupportedModel naming a loss that cannot be honoured.
Flaw ReadLoss(const Document& document, Value model_info, std::size_t n_margins,
              Imported& imported);

/// Trees one after another into a SourceTree, rows of leaves multiplied by `scale`.
class TreeReader {
 public:
  TreeReader(const Document& document, const std::vector<FloatFeature>& features, double scale,
             std::size_t n_bytes)
      : document_(document), features_(features), scale_(scale), n_bytes_(n_bytes) {}

  /// Numbers in each leaf of a tree: the model's margins.
  Flaw FindWidth(Value tree, bool is_oblivious, std::size_t& width) const;
  Flaw Read(Value tree, bool is_oblivious, std::size_t number, std::size_t width);
  const SourceTree& tree() const { return tree_; }

 private:
  struct Split {
    std::uint32_t feature = 0;
    float border = 0;
    std::uint8_t flags = 0;
  };

  Flaw ReadSplit(Value value, Split& split) const;
  Flaw ReadOblivious(Value tree, std::size_t width);
  Flaw ReadSplits(Value list, std::vector<Split>& splits) const;
  void Expand(const std::vector<Split>& splits, const std::vector<double>& values,
              const std::vector<double>& weights, std::size_t width);
  Flaw ReadNested(Value tree, std::size_t width);
  Flaw ReadLeaf(Value value, Value weight, std::size_t width);
  std::int32_t AppendNode(std::size_t width);

  const Document& document_;
  const std::vector<FloatFeature>& features_;
  double scale_;
  std::size_t n_bytes_;
  SourceTree tree_;
  std::string where_;
  std::uint32_t n_leaves_ = 0;
  bool has_weights_ = false;
  std::vector<double> numbers_;
};

}  // namespace copse::importer::catboost
