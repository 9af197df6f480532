#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "copse/result.h"

namespace copse {

/// How wide numbers are where an engine compares, adds or applies its link.
enum class Precision : std::uint8_t { kFloat32, kFloat64 };

/// The function from margins to values, by its name in the model file. Sources: scikit-learn's
/// losses, XGBoost's objectives, LightGBM's objectives (docs/ARCHITECTURE.md names each).
enum class LinkKind : std::uint8_t {
  kIdentity,
  kSigmoid,        ///< 1 / (1 + exp(-scale x)); one margin of a two-class output gives [1 - p, p]
  kSigmoid2x,      ///< 1 / (1 + exp(-2 x)): exponential loss
  kSoftmax,        ///< over the columns of each class output; one margin m stands for (-m, m)
  kSoftmaxArgmax,  ///< as softmax; the decision is taken on the margins
  kSoftmaxZero,    ///< softmax where zeros stay zero (ONNX); the decision is taken on the margins
  kExp,
  kLog1pExp,      ///< log(1 + exp(x))
  kSqrtSigned,    ///< sign(x) x^2
  kHinge,         ///< 1 where x > 0, else 0
  kNormalizeOvr,  ///< sigmoids over their sum; the decision is taken on the margins
  kIsolation,     ///< "iforest": -2^(-x / denominator) - offset
  /// p = 1 / (1 + exp(-|x|)), or 1 - p where x < 0 (ONNX); one margin m of a two-class output
  /// stands for (-m, m). The decision is taken on the margins.
  kLogistic,
};

/// A link with its parameters (`link`, `link_math`, `link_params` of the file).
struct Link {
  LinkKind kind = LinkKind::kIdentity;
  Precision math = Precision::kFloat64;
  double scale = 1;        ///< `scale`: LightGBM's sigmoid parameter
  double guard = 0;        ///< `guard`: added to the sigmoid's denominator (XGBoost: 1e-16)
  double denominator = 1;  ///< `denominator`: isolation forest, n_trees * c(max_samples)
  double offset = 0;       ///< `offset`: isolation forest
  double divisor = 1;      ///< `divisor`: every margin is divided by it first (LightGBM's averages)
};

/// The kind of that name ("identity" ... "logistic"), or kUnsupportedModel.
Result<LinkKind> LinkKindFromName(std::string_view name);
std::string_view LinkName(LinkKind kind);
/// Whether classes are told by the largest margin, not by the largest value.
bool DecidesOnMargins(LinkKind kind);

/// Values of one output from its margins, for one row.
///
///   margins  [n_margins]  the output's own columns
///   values   [n_values]   n_margins, or 2 where one margin stands for two classes
///
/// Evaluates in `link.math`: kFloat32 rounds after every operation as XGBoost does. Uses only
/// copse/math.h, so every target gives the same bits.
void ApplyLink(const Link& link, std::span<const double> margins, std::span<double> values);

}  // namespace copse
