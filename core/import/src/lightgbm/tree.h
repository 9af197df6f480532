#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "forest_assembler.h"
#include "lightgbm/fields.h"

namespace copse::importer::lightgbm {

/// Reads blocks `Tree=...`, one after another into the same memory.
///
/// Inner nodes keep their numbers, leaf j of L becomes node L - 1 + j. Rows reach LightGBM's trees
/// through its C door, which reads |x| <= 1e-35f as 0: thresholds there are moved so that a row as
/// it is goes the same way. Source: src/io/tree.cpp, include/LightGBM/tree.h, src/c_api.cpp.
class TreeReader {
 public:
  explicit TreeReader(bool leaf_ids) : leaf_ids_(leaf_ids) {}

  /// Errors: kInvalidModel, naming the key.
  Flaw Read(std::string_view block);

  SourceTree& tree() { return tree_; }
  /// Whether any number of a leaf so far was infinite or NaN.
  bool has_nonfinite() const { return has_nonfinite_; }

 private:
  enum Key : std::uint8_t {
    kNumLeaves,
    kNumCat,
    kSplitFeature,
    kThreshold,
    kDecisionType,
    kLeftChild,
    kRightChild,
    kLeafValue,
    kLeafCount,
    kInternalCount,
    kCatBoundaries,
    kCatThreshold,
    kIsLinear,
    kLeafConst,
    kNumFeatures,
    kLeafFeatures,
    kLeafCoeff,
    kSplitGain,
    kNumKeys
  };

  void FindKeys(std::string_view block);
  bool Has(Key key) const { return value_[key].data() != nullptr; }
  Flaw Require(Key key) const;
  Flaw Doubles(Key key, std::size_t n, std::vector<double>& numbers);
  Flaw Integers(Key key, std::size_t n, std::int64_t min, std::int64_t max);
  Flaw ReadSizes();
  Flaw ReadLeaves();
  Flaw ReadCover();
  void ReadGain();
  Flaw ReadNodes();
  Flaw ReadChildren(Key key, std::vector<std::int32_t>& children);
  Flaw ReadDecisions();
  Flaw ReadSets();
  Flaw ReadSet(std::uint32_t node, const std::vector<std::int64_t>& words);
  Flaw ReadLinear();
  Flaw ReadTerms();

  bool leaf_ids_;
  bool has_nonfinite_ = false;
  std::size_t n_leaves_ = 0, n_inner_ = 0;
  std::int64_t n_sets_ = 0;
  std::array<std::string_view, kNumKeys> value_;
  SourceTree tree_;
  std::vector<double> doubles_;                      // scratch
  std::vector<std::int64_t> integers_, boundaries_;  // scratch
  std::vector<bool> set_is_used_;                    // scratch
};

}  // namespace copse::importer::lightgbm
