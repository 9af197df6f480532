#include <algorithm>
#include <cmath>
#include <cstdint>

#include "bits.h"
#include "random_forest.h"

namespace copse::test {
namespace {

// Values that are categories, or nearly.
double AnyCategory(Dice& dice) {
  static const std::vector<double> kEdges = {
      -1,         -0.5,   0,          0.5,  0.999999999, 31,          32,
      33,         63.75,  127.5,      128,  -0.99999999, -1.00000001, 0x1p31,
      0x1p31 - 1, 0x1p32, 0x1p32 + 5, 1e18, -1e18,       3.7,         -3.7};
  if (dice.Chance(30)) return dice.OneOf(kEdges);
  const double fraction = dice.Chance(20) ? 0.75 : 0;
  return static_cast<double>(dice.Below(140)) + fraction;
}

// `x` or one of its neighbours, among doubles or among floats.
double Near(double x, Dice& dice) {
  const auto narrow = static_cast<float>(x);
  switch (dice.Below(6)) {
    case 0:
      return std::nextafter(x, kInfinity);
    case 1:
      return std::nextafter(x, -kInfinity);
    case 2:
      return std::nextafter(narrow, static_cast<float>(kInfinity));
    case 3:
      return std::nextafter(narrow, -static_cast<float>(kInfinity));
    default:
      return x;
  }
}

class RowMaker {
 public:
  RowMaker(const Forest& forest, Dice& dice)
      : forest_(forest), dice_(dice), thresholds_(forest.n_features()) {
    const ForestParts& parts = forest.parts();
    for (std::size_t node = 0; node < forest.n_nodes(); ++node) {
      thresholds_[parts.feature[node]].push_back(At(parts.threshold, node));
    }
  }

  void Fill(double* row) {
    const std::size_t style = dice_.Below(12);
    const double same = AnyValue(0);
    for (std::size_t f = 0; f < forest_.n_features(); ++f) {
      switch (style) {
        case 0:
          row[f] = kNan;
          break;
        case 1:
          row[f] = same;
          break;
        case 2:
          row[f] = Threshold(f);
          break;
        default:
          row[f] = AnyValue(f);
      }
    }
  }

 private:
  double Threshold(std::size_t feature) {
    return thresholds_[feature].empty() ? Quarters(dice_) : dice_.OneOf(thresholds_[feature]);
  }

  double TableValue(std::size_t feature) {
    const ForestParts& parts = forest_.parts();
    if (parts.category_begin.empty()) return AnyCategory(dice_);
    const std::size_t begin = parts.category_begin[feature],
                      end = parts.category_begin[feature + 1];
    return begin == end ? -1.5 : parts.category_value[dice_.Between(begin, end - 1)];
  }

  double AnyValue(std::size_t feature) {
    switch (dice_.Below(10)) {
      case 0:
        return dice_.Chance(50) ? kNan : -kNan;
      case 1:
        return dice_.OneOf(OddNumbers());
      case 2:
        return AnyCategory(dice_);
      case 3:
        return TableValue(feature);
      case 4:
        return AnyNumber(dice_);
      case 5:
        return Quarters(dice_);
      default:
        return Near(Threshold(feature), dice_);
    }
  }

  const Forest& forest_;
  Dice& dice_;
  std::vector<std::vector<double>> thresholds_;  // [n_features] of the nodes that test it
};

}  // namespace

std::vector<double> MakeRows(const Forest& forest, std::size_t n_rows, Dice& dice) {
  std::vector<double> rows(n_rows * forest.n_features());
  RowMaker maker(forest, dice);
  for (std::size_t r = 0; r < n_rows; ++r) maker.Fill(rows.data() + r * forest.n_features());
  return rows;
}

}  // namespace copse::test
