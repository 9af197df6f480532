#include "input_map.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace copse::importer {
namespace {

double Rounded(double x, Precision precision) {
  return precision == Precision::kFloat32 ? static_cast<float>(x) : x;
}

double Apply(const ColumnStep& step, double x) {
  const double a = step.a;
  const double b = step.b;
  const auto rounded = [&](double y) { return Rounded(y, step.math); };
  switch (step.kind) {
    case ColumnStep::Kind::kSubtractDivide:
      return rounded(rounded(x - a) / b);
    case ColumnStep::Kind::kMultiplyAdd:
      return rounded(rounded(x * a) + b);
    case ColumnStep::Kind::kSubtractMultiply:
      return rounded(rounded(x - a) * b);
    case ColumnStep::Kind::kDivide:
      return rounded(x / a);
    case ColumnStep::Kind::kClip:
      return x < a ? a : x > b ? b : x;
    case ColumnStep::Kind::kFill:
      return x != x ? a : x;
    case ColumnStep::Kind::kRoundToFloat:
      return static_cast<float>(x);
  }
  return x;
}

// Doubles in their order as whole numbers, -0 and 0 as neighbours.
std::int64_t OrderOf(double x) {
  std::int64_t bits = 0;
  std::memcpy(&bits, &x, sizeof bits);
  return bits < 0 ? std::numeric_limits<std::int64_t>::min() - bits - 1 : bits;
}

double DoubleAt(std::int64_t order) {
  const std::int64_t bits =
      order < 0 ? std::numeric_limits<std::int64_t>::min() - order - 1 : order;
  double x = 0;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

// Half of the way from `low` to `high`, without overflow.
std::int64_t Middle(std::int64_t low, std::int64_t high) {
  return (low & high) + ((low ^ high) >> 1);
}

}  // namespace

bool InputMap::NeedsDouble() const {
  return std::any_of(features.begin(), features.end(),
                     [](const MappedColumn& feature) { return !feature.steps.empty(); });
}

double InputMap::Map(std::size_t f, double x) const {
  for (const ColumnStep& step : features[f].steps) x = Apply(step, x);
  return Rounded(x, input);
}

double InputMap::Unmap(std::size_t f, double threshold) const {
  constexpr double kMax = std::numeric_limits<double>::max();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (!(Map(f, -kMax) <= threshold)) return -kInfinity;
  if (Map(f, kMax) <= threshold) return kInfinity;
  // Left of `low`, itself included, all go left; right of `high`, itself included, none does.
  std::int64_t low = OrderOf(-kMax);
  std::int64_t high = OrderOf(kMax);
  while (high - 1 > low) {
    const std::int64_t middle = Middle(low, high);
    (Map(f, DoubleAt(middle)) <= threshold ? low : high) = middle;
  }
  return DoubleAt(low);
}

std::optional<double> InputMap::Filled(std::size_t f) const {
  const double filled = Map(f, std::numeric_limits<double>::quiet_NaN());
  return filled == filled ? std::optional(filled) : std::nullopt;
}

}  // namespace copse::importer
