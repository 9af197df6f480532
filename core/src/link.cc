#include "copse/link.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>
#include <string>

#include "copse/math.h"
#include "text.h"

namespace copse {
namespace {

struct NamedLink {
  std::string_view name;
  LinkKind kind;
};
constexpr std::array kLinks = {
    NamedLink{"identity", LinkKind::kIdentity},
    NamedLink{"sigmoid", LinkKind::kSigmoid},
    NamedLink{"sigmoid2x", LinkKind::kSigmoid2x},
    NamedLink{"softmax", LinkKind::kSoftmax},
    NamedLink{"softmax_argmax", LinkKind::kSoftmaxArgmax},
    NamedLink{"softmax_zero", LinkKind::kSoftmaxZero},
    NamedLink{"exp", LinkKind::kExp},
    NamedLink{"log1pexp", LinkKind::kLog1pExp},
    NamedLink{"sqrt_signed", LinkKind::kSqrtSigned},
    NamedLink{"hinge", LinkKind::kHinge},
    NamedLink{"normalize_ovr", LinkKind::kNormalizeOvr},
    NamedLink{"iforest", LinkKind::kIsolation},
    NamedLink{"logistic", LinkKind::kLogistic},
};

float ExpOf(float x) { return ExpF(x); }
double ExpOf(double x) { return Exp(x); }

float Sigmoid(float scale, float guard, float x) {
  // XGBoost, src/common/math.h: the limit keeps expf finite.
  const float power = std::min(-(scale * x), 88.7f);
  return 1.0f / ((ExpF(power) + 1.0f) + guard);
}

double Sigmoid(double scale, double guard, double x) {
  return 1.0 / ((1.0 + Exp(-(scale * x))) + guard);
}

// onnxruntime, ComputeLogistic. Below 0 the difference rounds away what a small probability has
// behind the last place of 1.
template <class Real>
Real Logistic(Real x) {
  const Real p = Real{1} / (Real{1} + ExpOf(-std::abs(x)));
  return x < 0 ? Real{1} - p : p;
}

float Log1pExp(float x) { return static_cast<float>(Log1p(Exp(x))); }
double Log1pExp(double x) { return Log1p(Exp(x)); }

float Exp2Of(float x) { return static_cast<float>(Exp2(x)); }
double Exp2Of(double x) { return Exp2(x); }

// The link of one column, in Real arithmetic.
template <class Real>
Real Column(const Link& link, Real x) {
  const auto scale = static_cast<Real>(link.scale);
  const auto guard = static_cast<Real>(link.guard);
  switch (link.kind) {
    case LinkKind::kSigmoid:
    case LinkKind::kNormalizeOvr:
      return Sigmoid(scale, guard, x);
    case LinkKind::kSigmoid2x:
      return Sigmoid(Real{2}, Real{0}, x);
    case LinkKind::kLogistic:
      return Logistic(x);
    case LinkKind::kExp:
      return ExpOf(x);
    case LinkKind::kLog1pExp:
      return Log1pExp(x);
    case LinkKind::kSqrtSigned:
      return x < 0 ? -(x * x) : x * x;
    case LinkKind::kHinge:
      return x > 0 ? Real{1} : Real{0};
    case LinkKind::kIsolation:
      return -Exp2Of(-x / static_cast<Real>(link.denominator)) - static_cast<Real>(link.offset);
    case LinkKind::kIdentity:
    case LinkKind::kSoftmax:  // these are no function of one column: see SoftmaxColumns
    case LinkKind::kSoftmaxArgmax:
    case LinkKind::kSoftmaxZero:
      break;
  }
  return x;
}

// values[k] = exp(x_k - largest), divided by their sum. XGBoost (common::Softmax) adds its floats
// in double and divides by the sum rounded to float; the others do everything in double.
template <class Real>
void SoftmaxColumns(std::span<double> values) {
  auto largest = static_cast<Real>(values[0]);
  for (const double x : values) largest = std::max(largest, static_cast<Real>(x));
  double sum = 0;
  for (double& x : values) {
    x = ExpOf(static_cast<Real>(static_cast<Real>(x) - largest));
    sum += x;
  }
  for (double& x : values) x = static_cast<Real>(static_cast<Real>(x) / static_cast<Real>(sum));
}

// onnxruntime, ComputeSoftmaxZero: what is no further than 1e-7f from zero only shrinks, and is no
// part of the sum. It starts from the lowest number, as there: NaN is never the largest.
template <class Real>
void SoftmaxZeroColumns(std::span<double> values) {
  constexpr Real kZeroEnd = 0.0000001f;
  Real largest = std::numeric_limits<Real>::lowest();
  for (const double x : values) largest = std::max(largest, static_cast<Real>(x));
  const Real of_zero = ExpOf(-largest);
  Real sum = 0;
  for (double& value : values) {
    const auto x = static_cast<Real>(value);
    if (x > kZeroEnd || x < -kZeroEnd) {
      value = ExpOf(static_cast<Real>(x - largest));
      sum = static_cast<Real>(sum + static_cast<Real>(value));
    } else {
      value = static_cast<Real>(x * of_zero);
    }
  }
  for (double& x : values) x = static_cast<Real>(static_cast<Real>(x) / sum);
}

// One-vs-rest: every column over the sum of them, added in order.
template <class Real>
void DivideBySum(std::span<double> values) {
  Real sum = 0;
  for (const double x : values) sum = static_cast<Real>(sum + static_cast<Real>(x));
  for (double& x : values) x = static_cast<Real>(static_cast<Real>(x) / sum);
}

bool IsSoftmax(LinkKind kind) {
  return kind == LinkKind::kSoftmax || kind == LinkKind::kSoftmaxArgmax ||
         kind == LinkKind::kSoftmaxZero;
}

// What the columns of an output have to do with one another.
template <class Real>
void Together(LinkKind kind, std::span<double> values) {
  if (kind == LinkKind::kSoftmaxZero) return SoftmaxZeroColumns<Real>(values);
  if (IsSoftmax(kind)) return SoftmaxColumns<Real>(values);
  if (kind == LinkKind::kNormalizeOvr) DivideBySum<Real>(values);
}

template <class Real>
void Apply(const Link& link, std::span<const double> margins, std::span<double> values) {
  Real margin = 0;
  for (std::size_t k = 0; k < margins.size(); ++k) {
    margin = static_cast<Real>(margins[k]) / static_cast<Real>(link.divisor);
    values[k] = Column(link, margin);
  }
  if (values.size() == margins.size()) return Together<Real>(link.kind, values);
  // One margin that stands for two classes. Softmax of one margin m is that of (-m, m):
  // scikit-learn, LogisticRegression.predict_proba.
  values[1] = values[0];
  if (IsSoftmax(link.kind)) {
    values[0] = -values[1];
    return Together<Real>(link.kind, values);
  }
  const auto p = static_cast<Real>(values[1]);
  values[0] = link.kind == LinkKind::kLogistic ? Logistic(-margin) : Real{1} - p;
}

}  // namespace

Result<LinkKind> LinkKindFromName(std::string_view name) {
  std::string known;
  for (const NamedLink& link : kLinks) {
    if (link.name == name) return link.kind;
    known += (known.empty() ? "" : ", ") + std::string(link.name);
  }
  return text::Unsupported({"link: ", text::Quote(name), " is not known; expected one of ", known});
}

std::string_view LinkName(LinkKind kind) {
  for (const NamedLink& link : kLinks) {
    if (link.kind == kind) return link.name;
  }
  return "identity";
}

bool DecidesOnMargins(LinkKind kind) {
  return kind == LinkKind::kSoftmaxArgmax || kind == LinkKind::kSoftmaxZero ||
         kind == LinkKind::kNormalizeOvr || kind == LinkKind::kLogistic;
}

void ApplyLink(const Link& link, std::span<const double> margins, std::span<double> values) {
  assert(!margins.empty());
  assert(values.size() == margins.size() || (margins.size() == 1 && values.size() == 2));
  if (link.math == Precision::kFloat32) {
    Apply<float>(link, margins, values);
  } else {
    Apply<double>(link, margins, values);
  }
  for (double& x : values) {
    // What sign a computed NaN has depends on the processor; ours has none.
    if (x != x) x = std::numeric_limits<double>::quiet_NaN();
  }
}

}  // namespace copse
