#include "random_forest.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <iostream>
#include <limits>
#include <utility>

#include "bits.h"

namespace copse::test {
namespace {

constexpr double kFloatMax = std::numeric_limits<float>::max();
constexpr double kDoubleMax = std::numeric_limits<double>::max();
constexpr double kAlmostZero = 1e-35f;  // LightGBM's kZeroThreshold

double Fraction(Dice& dice) { return static_cast<double>(dice.Bits() >> 11) * 0x1p-53 * 20 - 10; }

}  // namespace

const std::vector<double>& OddNumbers() {
  static const std::vector<double> kNumbers = {
      0.0,
      -0.0,
      kInfinity,
      -kInfinity,
      1e-36,
      -1e-36,
      kAlmostZero,
      -kAlmostZero,
      std::nextafter(kAlmostZero, 1.0),
      std::nextafter(-kAlmostZero, -1.0),
      std::numeric_limits<float>::denorm_min(),
      -std::numeric_limits<float>::denorm_min(),
      std::numeric_limits<double>::denorm_min(),
      -std::numeric_limits<double>::denorm_min(),
      std::numeric_limits<float>::min(),
      kFloatMax,
      -kFloatMax,
      0x1p128 - 0x1p103,  // the smallest that rounds to an infinite float
      std::nextafter(0x1p128 - 0x1p103, 0.0),
      1e300,
      -1e300,
      kDoubleMax,
      -kDoubleMax};
  return kNumbers;
}

double Quarters(Dice& dice) { return (static_cast<double>(dice.Below(81)) - 40) / 4; }

double AnyNumber(Dice& dice) {
  const std::uint64_t bits = dice.Bits();
  double x = 0;
  std::memcpy(&x, &bits, sizeof x);
  return x == x ? x : Quarters(dice);
}

namespace {

// Rising or not, distinct or not: candidates for the thresholds of one feature.
std::vector<double> ThresholdsOfFeature(const ForestSpec& spec, Dice& dice) {
  std::vector<double> thresholds(spec.n_thresholds);
  const std::size_t kind = spec.all_thresholds ? 5 : dice.Below(6);
  double next = Fraction(dice);
  for (double& threshold : thresholds) {
    switch (kind) {
      case 0:  // few, and so equal
        threshold = static_cast<double>(dice.Below(5)) - 2;
        break;
      case 1:  // neighbours among floats
        threshold = next = std::nextafter(static_cast<float>(next), 100.0f);
        break;
      case 2:  // neighbours among doubles: most are one float
        threshold = next = std::nextafter(next, 100.0);
        break;
      case 3:
        threshold = dice.OneOf(OddNumbers());
        break;
      case 4:
        threshold = AnyNumber(dice);
        break;
      default:  // evenly spaced
        threshold = next += 0.25;
    }
  }
  return thresholds;
}

// Fills ForestParts tensor by tensor.
class ForestMaker {
 public:
  ForestMaker(const ForestSpec& spec, Dice& dice) : spec_(spec), dice_(dice) {
    parts_.n_features = spec.n_features;
    parts_.leaf_width = spec.vector_leaves && spec.n_outputs > 1 ? spec.n_outputs : 1;
    thresholds_.resize(spec.n_features);
    missing_ = AnyMissing();
  }

  ForestParts Make() {
    MakeTables();
    parts_.tree_begin = {0};
    const std::size_t n_trees = spec_.n_trees;
    for (std::size_t t = 0; t < n_trees; ++t) GrowTree();
    MakeThresholds();
    MakeSets();
    MakeLeaves();
    MakeOutputs();
    return std::move(parts_);
  }

 private:
  // A place of the tree that is being grown at which there is nothing yet.
  struct End {
    std::size_t node;  // of which it is the child; the root's is none
    bool right;
    std::size_t depth;
  };

  std::uint8_t AnyMissing() {
    using namespace node_flags;
    static const std::vector<std::uint8_t> kRules = {kMissingNan, kNanIsZero, kMissingZero};
    const auto way = static_cast<std::uint8_t>(dice_.Below(2));
    return dice_.OneOf(kRules) | way;
  }

  std::uint8_t MissingOfNode() {
    if (spec_.missing == MissingMix::kOne) return missing_;
    if (spec_.missing == MissingMix::kAnything) return AnyMissing();
    const auto way = static_cast<std::uint8_t>(dice_.Below(2));
    return static_cast<std::uint8_t>((missing_ & ~node_flags::kDefaultLeft) | way);
  }

  // What category_cast table knows of each feature: rising numbers, whole or not.
  void MakeTables() {
    if (spec_.rules.category_cast != CategoryCast::kTable) return;
    parts_.category_begin = {0};
    for (std::size_t f = 0; f < spec_.n_features; ++f) {
      std::vector<double> values;
      for (std::size_t n = dice_.Below(6); n > 0; --n) values.push_back(Quarters(dice_));
      if (dice_.Chance(20)) values.push_back(dice_.OneOf(OddNumbers()));
      if (dice_.Chance(20)) values.push_back(0);
      std::sort(values.begin(), values.end());
      values.erase(std::unique(values.begin(), values.end()), values.end());
      auto& all = parts_.category_value;
      all.insert(all.end(), values.begin(), values.end());
      parts_.category_begin.push_back(static_cast<std::uint32_t>(all.size()));
    }
  }

  std::size_t TakeEnd(std::size_t n_ends) {
    if (spec_.growth == Growth::kLevels) return 0;
    return spec_.growth == Growth::kBranches ? n_ends - 1 : dice_.Below(n_ends);
  }

  // Ends of the tree become nodes, each with two new ends, until there are enough; what is open
  // then becomes leaves. So children have larger numbers than their parent.
  void GrowTree() {
    const std::size_t n_nodes = spec_.full ? spec_.nodes_max : dice_.Between(0, spec_.nodes_max);
    const std::size_t begin = parts_.left.size();
    std::deque<End> open = {{0, false, 0}};
    std::vector<End> closed;
    while (!open.empty()) {
      const std::size_t at = TakeEnd(open.size());
      const End end = open[at];
      open.erase(open.begin() + static_cast<std::ptrdiff_t>(at));
      if (parts_.left.size() - begin == n_nodes || end.depth == spec_.depth_max) {
        closed.push_back(end);
        continue;
      }
      const std::size_t node = AddNode();
      Hang(end, static_cast<std::int32_t>(node));
      const bool right_first = dice_.Chance(50);
      open.push_back({node, right_first, end.depth + 1});
      open.push_back({node, !right_first, end.depth + 1});
    }
    for (const End& end : closed) Hang(end, ~static_cast<std::int32_t>(AnyLeaf()));
    parts_.tree_begin.push_back(static_cast<std::uint32_t>(parts_.left.size()));
  }

  std::size_t AddNode() {
    const bool categorical = dice_.Chance(spec_.categorical_percent);
    std::uint8_t flags = MissingOfNode();
    if (categorical) {
      flags |= node_flags::kCategorical;
      if (dice_.Chance(50)) flags |= node_flags::kListedRight;
      parts_.cat_node.push_back(static_cast<std::uint32_t>(parts_.left.size()));
    }
    parts_.left.push_back(0);
    parts_.right.push_back(0);
    parts_.feature.push_back(static_cast<std::uint32_t>(dice_.Below(spec_.n_features)));
    parts_.flags.push_back(flags);
    return parts_.left.size() - 1;
  }

  void Hang(const End& end, std::int32_t item) {
    if (end.depth == 0) {
      parts_.tree_root.push_back(item);
    } else {
      (end.right ? parts_.right : parts_.left)[end.node] = item;
    }
  }

  std::uint32_t AnyLeaf() {
    if (spec_.shared_leaves && n_leaves_ > 0 && dice_.Chance(60)) {
      return static_cast<std::uint32_t>(dice_.Below(n_leaves_));
    }
    if (dice_.Chance(2)) ++n_leaves_;  // a leaf that nothing ends in
    return n_leaves_++;
  }

  double ThresholdOf(std::size_t node) {
    if ((parts_.flags[node] & node_flags::kCategorical) != 0) return 0;
    std::vector<double>& of_feature = thresholds_[parts_.feature[node]];
    if (of_feature.empty()) of_feature = ThresholdsOfFeature(spec_, dice_);
    if (spec_.all_thresholds) return of_feature[node % of_feature.size()];
    return dice_.OneOf(of_feature);
  }

  void MakeThresholds() {
    std::vector<double> thresholds;
    thresholds.reserve(parts_.left.size());
    for (std::size_t node = 0; node < parts_.left.size(); ++node) {
      thresholds.push_back(ThresholdOf(node));
    }
    parts_.threshold = Stored(std::move(thresholds), spec_.float_thresholds);
  }

  static Reals Stored(std::vector<double> numbers, bool as_floats) {
    if (!as_floats) return numbers;
    return Narrowed(numbers);
  }

  // A set of categories: none, or some words, whose last ones may be 0.
  std::vector<std::uint32_t> AnySet() {
    std::vector<std::uint32_t> words(dice_.Chance(5) ? 0 : dice_.Between(1, 4));
    const bool sparse = dice_.Chance(50);
    for (std::uint32_t& word : words) {
      word = static_cast<std::uint32_t>(dice_.Bits());
      if (sparse) word &= static_cast<std::uint32_t>(dice_.Bits() & dice_.Bits());
    }
    return words;
  }

  void MakeSets() {
    if (parts_.cat_node.empty()) return;
    std::vector<std::vector<std::uint32_t>> sets(dice_.Between(1, 6));  // asked again and again
    for (auto& set : sets) set = AnySet();
    const auto make = [&](std::vector<std::uint32_t>& begin, std::vector<std::uint32_t>& words) {
      begin = {0};
      for (std::size_t c = 0; c < parts_.cat_node.size(); ++c) {
        const std::vector<std::uint32_t> set = dice_.Chance(70) ? dice_.OneOf(sets) : AnySet();
        words.insert(words.end(), set.begin(), set.end());
        begin.push_back(static_cast<std::uint32_t>(words.size()));
      }
    };
    make(parts_.cat_begin, parts_.cat_words);
    if (spec_.known_categories) make(parts_.known_begin, parts_.known_words);
  }

  // What a leaf or the base may hold.
  double AnyValue() {
    switch (dice_.Below(8)) {
      case 0:
        return dice_.OneOf(OddNumbers());
      case 1:
        return spec_.rules.allow_nonfinite && dice_.Chance(10) ? kNan : AnyNumber(dice_);
      case 2:
        return Quarters(dice_);
      default:
        return Fraction(dice_);
    }
  }

  // Finite also as a float, unless it need not be.
  double Allowed(double x) const {
    if (spec_.rules.allow_nonfinite) return x;
    const bool finite =
        spec_.float_leaves ? std::isfinite(static_cast<float>(x)) : std::isfinite(x);
    return finite ? x : 1.5;
  }

  void AddPureRow(std::vector<double>& values) {
    const std::size_t begin = values.size();
    values.resize(begin + parts_.leaf_width, dice_.Chance(10) ? -0.0 : 0.0);
    values[begin + dice_.Below(parts_.leaf_width)] = 1;
    if (dice_.Chance(10)) values[begin + dice_.Below(parts_.leaf_width)] = -0.0;
  }

  void MakeLeaves() {
    std::size_t n_rows = n_leaves_;
    if (n_leaves_ > 0 && dice_.Chance(40)) {
      n_rows = dice_.Between(1, n_leaves_);
      for (std::size_t n = 0; n < n_leaves_; ++n) {
        parts_.leaf_row.push_back(static_cast<std::uint32_t>(dice_.Below(n_rows)));
      }
    }
    std::vector<double> values;
    for (std::size_t row = 0; row < n_rows; ++row) {
      if (spec_.pure_leaves && dice_.Chance(80)) {
        AddPureRow(values);
        continue;
      }
      for (std::size_t k = 0; k < parts_.leaf_width; ++k) values.push_back(Allowed(AnyValue()));
    }
    parts_.leaf_value = Stored(std::move(values), spec_.float_leaves);
    if (spec_.linear_leaves && parts_.leaf_width == 1) MakeLinear(n_rows);
  }

  void MakeLinear(std::size_t n_rows) {
    parts_.linear_begin = {0};
    for (std::size_t row = 0; row < n_rows; ++row) {
      for (std::size_t n = dice_.Below(3); n > 0; --n) {
        parts_.linear_feature.push_back(static_cast<std::uint32_t>(dice_.Below(spec_.n_features)));
        parts_.linear_coef.push_back(Allowed(AnyValue()));
      }
      parts_.linear_begin.push_back(static_cast<std::uint32_t>(parts_.linear_feature.size()));
      parts_.linear_const.push_back(Allowed(AnyValue()));
    }
  }

  // Every output has a tree where there are enough of them.
  void MakeOutputs() {
    std::vector<double> base;
    const bool negative_zero = dice_.Chance(30);
    for (std::size_t k = 0; k < spec_.n_outputs; ++k) {
      base.push_back(negative_zero ? -0.0 : Allowed(AnyValue()));
    }
    parts_.base = Stored(std::move(base), spec_.float_leaves);
    if (parts_.leaf_width > 1 || spec_.n_outputs == 1) return;
    for (std::size_t t = 0; t < parts_.tree_root.size(); ++t) {
      const std::size_t output = t < spec_.n_outputs ? t : dice_.Below(spec_.n_outputs);
      parts_.tree_output.push_back(static_cast<std::uint16_t>(output));
    }
  }

  const ForestSpec& spec_;
  Dice& dice_;
  ForestParts parts_;
  std::vector<std::vector<double>> thresholds_;  // [n_features] candidates
  std::uint8_t missing_ = 0;                     // flags where all nodes have the same
  std::uint32_t n_leaves_ = 0;
};

// Shapes near the limits of each layout; beyond them now and then.
void ChooseShape(ForestSpec& spec, Dice& dice) {
  static const std::vector<Growth> kGrowths = {Growth::kLevels, Growth::kBranches,
                                               Growth::kAnywhere};
  spec.growth = dice.OneOf(kGrowths);
  spec.full = dice.Chance(30);
  spec.n_trees = dice.Between(1, 40);
  spec.n_features = dice.Between(1, 20);
  spec.depth_max = 300;
  switch (dice.Below(6)) {
    case 0:  // at most 16 leaves
      spec.nodes_max = dice.Between(1, 15);
      break;
    case 1:  // at most six levels
      spec.nodes_max = dice.Between(7, 63);
      spec.depth_max = dice.Between(3, 6);
      break;
    case 2:  // at most 256 leaves
      spec.nodes_max = dice.Between(16, 255);
      break;
    case 3:  // deep, more than a page
      spec.nodes_max = dice.Between(256, 3000);
      spec.n_trees = dice.Between(1, 3);
      spec.depth_max = dice.Chance(50) ? 300 : dice.Between(12, 30);
      break;
    case 4:  // wide
      spec.nodes_max = dice.Between(20, 200);
      spec.n_features = dice.Between(55, 200);
      break;
    default:  // small, and often nothing at all
      spec.nodes_max = dice.Below(4);
      spec.n_trees = dice.Below(12);
  }
}

void ChooseThresholds(ForestSpec& spec, Dice& dice) {
  static const std::vector<std::size_t> kCounts = {1, 3, 8, 20, 60, 250, 400};
  static const std::vector<MissingMix> kMixes = {MissingMix::kOne, MissingMix::kAnyWay,
                                                 MissingMix::kAnything};
  spec.n_thresholds = dice.OneOf(kCounts);
  spec.missing = dice.OneOf(kMixes);
  spec.float_thresholds = dice.Chance(50);
  if (!dice.Chance(35)) return;
  static const std::vector<CategoryCast> kCasts = {CategoryCast::kNonNegative,
                                                   CategoryCast::kTruncate, CategoryCast::kTable};
  spec.categorical_percent = dice.Between(1, 100);
  spec.known_categories = dice.Chance(40);
  spec.rules.category_cast = dice.OneOf(kCasts);
}

void ChooseLeaves(ForestSpec& spec, Dice& dice) {
  if (dice.Chance(50)) spec.n_outputs = dice.Chance(90) ? dice.Between(2, 12) : dice.Below(70) + 1;
  spec.vector_leaves = dice.Chance(60);
  spec.pure_leaves = dice.Chance(60);
  spec.shared_leaves = dice.Chance(40);
  spec.linear_leaves = dice.Chance(10);
  spec.float_leaves = dice.Chance(50);
}

void ChooseRules(ForestSpec& spec, Dice& dice) {
  static const std::vector<Aggregation> kAll = {Aggregation::kMean, Aggregation::kMin,
                                                Aggregation::kMax};
  const auto any = [&] { return dice.Chance(50) ? Precision::kFloat32 : Precision::kFloat64; };
  spec.rules.input = any();
  spec.rules.accumulate = any();
  spec.rules.allow_nonfinite = dice.Chance(25);
  // All but sums need a tree for every output.
  const bool scalars = !spec.vector_leaves && spec.n_outputs > 1;
  const std::size_t trees_min = scalars ? spec.n_outputs : 1;
  if (spec.n_trees >= trees_min && dice.Chance(50)) spec.rules.aggregation = dice.OneOf(kAll);
}

}  // namespace

ForestSpec RandomSpec(Dice& dice) {
  ForestSpec spec;
  ChooseShape(spec, dice);
  ChooseThresholds(spec, dice);
  ChooseLeaves(spec, dice);
  ChooseRules(spec, dice);
  return spec;
}

std::vector<float> Narrowed(const std::vector<double>& rows) {
  std::vector<float> narrow(rows.size());
  std::transform(rows.begin(), rows.end(), narrow.begin(),
                 [](double x) { return static_cast<float>(x); });
  return narrow;
}

Forest MakeForest(const ForestSpec& spec, Dice& dice) {
  auto forest = Forest::Create(ForestMaker(spec, dice).Make(), spec.rules);
  if (!forest.ok()) {
    std::cerr << "a random forest is refused: " << forest.error().message << "\n";
    std::abort();
  }
  return std::move(forest).value();
}

}  // namespace copse::test
