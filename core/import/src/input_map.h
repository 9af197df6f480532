#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "copse/link.h"

/// What stands between the rows and the trees: scalers and imputers of a pipeline.
///
/// Every step is monotone in its one column, in floating point too, so a test on the mapped value
/// is a test on the raw one: for each threshold t there is a largest double x with
/// Map(x) <= t, found by bisection over the doubles. So a model file needs no steps, and the
/// answers keep their bits.
namespace copse::importer {

/// One step on one column, in the order in which the library computes.
struct ColumnStep {
  enum class Kind : std::uint8_t {
    kSubtractDivide,    ///< (x - a) / b, b > 0          (StandardScaler; RobustScaler)
    kMultiplyAdd,       ///< x * a + b, a > 0            (MinMaxScaler)
    kSubtractMultiply,  ///< (x - a) * b, b > 0          (ONNX Scaler)
    kDivide,            ///< x / a, a > 0                (MaxAbsScaler)
    kClip,              ///< a <= x <= b                 (MinMaxScaler(clip=True))
    kFill,              ///< NaN becomes a               (SimpleImputer)
    kRoundToFloat,      ///< nearest float               (a cast to float32 on the way)
  };
  Kind kind = Kind::kFill;
  double a = 0, b = 0;
  Precision math = Precision::kFloat64;  ///< every operation rounds to this
};

/// How one feature of the trees comes from a column of the rows.
struct MappedColumn {
  std::size_t column = 0;
  std::vector<ColumnStep> steps;
};

struct InputMap {
  std::size_t n_columns = 0;              ///< of the rows
  std::vector<MappedColumn> features;     ///< [features of the trees]
  Precision input = Precision::kFloat32;  ///< to what the trees round their mapped input

  /// Whether any column has a step: then the trees need thresholds and rows in double.
  bool NeedsDouble() const;
  /// Value that feature `f` of the trees has for raw value `x` of its column.
  double Map(std::size_t f, double x) const;
  /// Largest double x with Map(f, x) <= threshold; -infinity when there is none, +infinity when
  /// all finite numbers are. Steps of kind kFill act on NaN only here.
  double Unmap(std::size_t f, double threshold) const;
  /// What a missing value of feature `f` becomes; nothing where it stays missing.
  std::optional<double> Filled(std::size_t f) const;
};

}  // namespace copse::importer
