#include "lightgbm/tree.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "copse/limits.h"

namespace copse::importer::lightgbm {
namespace {

using text::Invalid;

// LightGBM's kZeroThreshold: a float constant, compared with doubles.
constexpr double kAlmostZero = 1e-35f;

constexpr std::array<std::string_view, 18> kNames = {
    "num_leaves",     "num_cat",       "split_feature", "threshold",  "decision_type",
    "left_child",     "right_child",   "leaf_value",    "leaf_count", "internal_count",
    "cat_boundaries", "cat_threshold", "is_linear",     "leaf_const", "num_features",
    "leaf_features",  "leaf_coeff",    "split_gain"};

constexpr std::int64_t kIntMax = std::numeric_limits<std::int32_t>::max();

// Bits of decision_type.
constexpr std::uint8_t kCategoricalBit = 1, kDefaultLeftBit = 2;
constexpr int kMissingShift = 2;

std::uint8_t FlagsOf(std::uint8_t decision_type) {
  // NaN is in no set, and goes right.
  if ((decision_type & kCategoricalBit) != 0) return node_flags::kCategorical;
  constexpr std::array<std::uint8_t, 3> kRules = {node_flags::kNanIsZero, node_flags::kMissingZero,
                                                  node_flags::kMissingNan};
  const std::uint8_t rule = kRules[decision_type >> kMissingShift];
  return (decision_type & kDefaultLeftBit) != 0 ? rule | node_flags::kDefaultLeft : rule;
}

// The threshold on a row as it is that sends every x where `threshold` sends it after
// |x| <= 1e-35f has become 0.
double BeforeZeros(double threshold) {
  if (!(std::abs(threshold) <= kAlmostZero)) return threshold;
  return threshold >= 0 ? kAlmostZero : BelowDouble(-kAlmostZero);
}

}  // namespace

Flaw TreeReader::Read(std::string_view block) {
  static_assert(kNames.size() == kNumKeys);
  FindKeys(block);
  if (auto flaw = ReadSizes()) return flaw;
  const bool has_cover = n_inner_ == 0 || (Has(kLeafCount) && Has(kInternalCount));
  tree_.Reset(n_leaves_ + n_inner_, 1, has_cover);
  if (auto flaw = ReadLeaves()) return flaw;
  if (auto flaw = ReadNodes()) return flaw;
  if (auto flaw = ReadCover()) return flaw;
  ReadGain();
  return ReadLinear();
}

void TreeReader::FindKeys(std::string_view block) {
  value_.fill({});
  for (std::string_view line; NextLine(block, line);) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const auto name = std::find(kNames.begin(), kNames.end(), line.substr(0, equals));
    if (name == kNames.end()) continue;
    value_[static_cast<std::size_t>(name - kNames.begin())] = line.substr(equals + 1);
  }
}

Flaw TreeReader::Require(Key key) const {
  return Has(key) ? Flaw() : Invalid({"it has no ", kNames[key]});
}

Flaw TreeReader::Doubles(Key key, std::size_t n, std::vector<double>& numbers) {
  if (auto flaw = Require(key)) return flaw;
  return ReadDoubles(kNames[key], value_[key], n, numbers);
}

Flaw TreeReader::Integers(Key key, std::size_t n, std::int64_t min, std::int64_t max) {
  if (auto flaw = Require(key)) return flaw;
  return ReadIntegers(kNames[key], value_[key], n, min, max, integers_);
}

Flaw TreeReader::ReadSizes() {
  if (auto flaw = Integers(kNumLeaves, 1, 1, kIntMax)) return flaw;
  n_leaves_ = static_cast<std::size_t>(integers_[0]);
  n_inner_ = n_leaves_ - 1;
  if (auto flaw = Integers(kNumCat, 1, 0, kIntMax)) return flaw;
  n_sets_ = integers_[0];
  // Read before anything else is allocated: as many numbers as leaves are in the text.
  return Doubles(kLeafValue, n_leaves_, doubles_);
}

Flaw TreeReader::ReadLeaves() {
  std::copy(doubles_.begin(), doubles_.end(),
            tree_.leaf_value.begin() + static_cast<std::ptrdiff_t>(n_inner_));
  for (const double x : doubles_) has_nonfinite_ = has_nonfinite_ || !std::isfinite(x);
  if (!leaf_ids_) return {};
  tree_.leaf_id.assign(n_inner_ + n_leaves_, 0);
  for (std::uint32_t j = 0; j < n_leaves_; ++j) tree_.leaf_id[n_inner_ + j] = j;
  return {};
}

Flaw TreeReader::ReadCover() {
  // LightGBM may not count what falls into a constant.
  if (tree_.cover.empty() || n_inner_ == 0) return {};
  if (auto flaw = Integers(kInternalCount, n_inner_, 0, kIntMax)) return flaw;
  std::copy(integers_.begin(), integers_.end(), tree_.cover.begin());
  if (auto flaw = Integers(kLeafCount, n_leaves_, 0, kIntMax)) return flaw;
  std::copy(integers_.begin(), integers_.end(),
            tree_.cover.begin() + static_cast<std::ptrdiff_t>(n_inner_));
  return {};
}

// No prediction needs them: gains that cannot be read are none.
void TreeReader::ReadGain() {
  if (n_inner_ == 0 || !Has(kSplitGain) || Doubles(kSplitGain, n_inner_, doubles_)) return;
  tree_.gain = doubles_;
  tree_.gain.resize(n_inner_ + n_leaves_);
}

Flaw TreeReader::ReadNodes() {
  if (n_inner_ == 0) return {};
  if (auto flaw = ReadChildren(kLeftChild, tree_.left)) return flaw;
  if (auto flaw = ReadChildren(kRightChild, tree_.right)) return flaw;
  if (auto flaw = Integers(kSplitFeature, n_inner_, 0, kIntMax)) return flaw;
  std::copy(integers_.begin(), integers_.end(), tree_.feature.begin());
  if (auto flaw = Doubles(kThreshold, n_inner_, doubles_)) return flaw;
  return ReadDecisions();
}

Flaw TreeReader::ReadChildren(Key key, std::vector<std::int32_t>& children) {
  const auto n_inner = static_cast<std::int64_t>(n_inner_);
  if (auto flaw = Integers(key, n_inner_, -n_inner - 1, n_inner - 1)) return flaw;
  std::transform(integers_.begin(), integers_.end(), children.begin(), [&](std::int64_t child) {
    return static_cast<std::int32_t>(child >= 0 ? child : n_inner + ~child);
  });
  return {};
}

Flaw TreeReader::ReadDecisions() {
  // Bits 0 to 3, of which 2 and 3 are not both set.
  constexpr std::int64_t kDecisionMax = 11;
  integers_.assign(n_inner_, 0);
  if (Has(kDecisionType)) {
    if (auto flaw = Integers(kDecisionType, n_inner_, 0, kDecisionMax)) return flaw;
  }
  bool has_sets = false;
  for (std::size_t i = 0; i < n_inner_; ++i) {
    const std::uint8_t flags = FlagsOf(static_cast<std::uint8_t>(integers_[i]));
    tree_.flags[i] = flags;
    tree_.threshold[i] = doubles_[i];
    has_sets = has_sets || (flags & node_flags::kCategorical) != 0;
    const bool zeros_matter = (flags & node_flags::kMissingRule) != node_flags::kMissingZero;
    if (zeros_matter) tree_.threshold[i] = BeforeZeros(doubles_[i]);
  }
  return has_sets ? ReadSets() : Flaw();
}

// `threshold` of a categorical node is the number of its set.
Flaw TreeReader::ReadSets() {
  if (auto flaw = Integers(kCatBoundaries, static_cast<std::size_t>(n_sets_) + 1, 0, kIntMax)) {
    return flaw;
  }
  boundaries_ = integers_;
  if (boundaries_[0] != 0 || !std::is_sorted(boundaries_.begin(), boundaries_.end())) {
    return Invalid({"cat_boundaries must begin with 0 and never fall"});
  }
  constexpr std::int64_t kWordMax = std::numeric_limits<std::uint32_t>::max();
  if (auto flaw =
          Integers(kCatThreshold, static_cast<std::size_t>(boundaries_.back()), 0, kWordMax)) {
    return flaw;
  }
  set_is_used_.assign(static_cast<std::size_t>(n_sets_), false);
  for (std::uint32_t node = 0; node < n_inner_; ++node) {
    if ((tree_.flags[node] & node_flags::kCategorical) == 0) continue;
    if (auto flaw = ReadSet(node, integers_)) return flaw;
  }
  return {};
}

Flaw TreeReader::ReadSet(std::uint32_t node, const std::vector<std::int64_t>& words) {
  const double number = doubles_[node];
  const bool is_known = number >= 0 && number < static_cast<double>(n_sets_);
  const auto set = is_known ? static_cast<std::size_t>(number) : 0;
  // Each set belongs to one node: so the sets together are no more than the text.
  if (!is_known || set_is_used_[set]) {
    return Invalid({"node ", node, " asks for category set ", number, " of ", n_sets_,
                    is_known ? ", which another node has" : ""});
  }
  set_is_used_[set] = true;
  CategorySet& made = tree_.sets.emplace_back();
  made.node = node;
  const auto place = [&](std::size_t i) {
    return words.begin() + static_cast<std::ptrdiff_t>(boundaries_[i]);
  };
  made.words.assign(place(set), place(set + 1));
  tree_.threshold[node] = 0;
  return {};
}

Flaw TreeReader::ReadLinear() {
  if (!Has(kIsLinear)) return {};
  if (auto flaw = Integers(kIsLinear, 1, 0, 1)) return flaw;
  if (integers_[0] == 0) return {};
  doubles_.assign(n_leaves_, 0);
  if (Has(kLeafConst)) {
    if (auto flaw = Doubles(kLeafConst, n_leaves_, doubles_)) return flaw;
  }
  tree_.linear.resize(n_leaves_);
  for (std::size_t j = 0; j < n_leaves_; ++j) {
    tree_.linear[j].node = static_cast<std::uint32_t>(n_inner_ + j);
    tree_.linear[j].constant = doubles_[j];
    has_nonfinite_ = has_nonfinite_ || !std::isfinite(doubles_[j]);
  }
  return Has(kNumFeatures) ? ReadTerms() : Flaw();
}

Flaw TreeReader::ReadTerms() {
  if (auto flaw = Integers(kNumFeatures, n_leaves_, 0, kIntMax)) return flaw;
  boundaries_ = integers_;
  std::uint64_t n_terms = 0;
  for (const std::int64_t n : boundaries_) n_terms += static_cast<std::uint64_t>(n);
  if (n_terms == 0) return {};
  if (n_terms > limits::kCoefficientsMax) {
    return Invalid({"num_features adds up to ", n_terms, ", which is too much"});
  }
  const auto n = static_cast<std::size_t>(n_terms);
  if (auto flaw = Integers(kLeafFeatures, n, 0, kIntMax)) return flaw;
  if (auto flaw = Doubles(kLeafCoeff, n, doubles_)) return flaw;
  for (const double x : doubles_) has_nonfinite_ = has_nonfinite_ || !std::isfinite(x);
  auto feature = integers_.begin();
  auto coef = doubles_.begin();
  for (std::size_t j = 0; j < n_leaves_; ++j) {
    LinearTerms& terms = tree_.linear[j];
    const auto count = static_cast<std::ptrdiff_t>(boundaries_[j]);
    terms.features.assign(feature, feature + count);
    terms.coefs.assign(coef, coef + count);
    feature += count;
    coef += count;
  }
  return {};
}

}  // namespace copse::importer::lightgbm
