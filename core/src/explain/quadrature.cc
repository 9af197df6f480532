#include "explain/quadrature.h"

namespace copse::explain {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr int kNewtonSteps = 8;

// Near enough for Newton's method to start from; x in [0, pi / 2]. libm's has other bits elsewhere.
double Cosine(double x) {
  double sum = 1, term = 1;
  for (int i = 1; i <= 10; ++i) {
    term *= -x * x / ((2 * i - 1) * (2 * i));
    sum += term;
  }
  return sum;
}

// Legendre's polynomial of degree n at x, and its derivative, for |x| < 1.
struct Legendre {
  double value, slope;
};

Legendre At(std::size_t n, double x) {
  double before = 1, value = x;
  for (std::size_t i = 2; i <= n; ++i) {
    const auto k = static_cast<double>(i);
    const double next = ((2 * k - 1) * x * value - (k - 1) * before) / k;
    before = value;
    value = next;
  }
  return {value, static_cast<double>(n) * (before - x * value) / (1 - x * x)};
}

// Its i-th root from above, i < n / 2. The start is Tricomi's.
double Root(std::size_t n, std::size_t i) {
  double x = Cosine(kPi * (static_cast<double>(i) + 0.75) / (static_cast<double>(n) + 0.5));
  for (int step = 0; step < kNewtonSteps; ++step) {
    const Legendre p = At(n, x);
    x -= p.value / p.slope;
  }
  return x;
}

}  // namespace

// Each root x of [0, 1) and its mirror image -x make a pair of points on [0, 1].
Quadrature GaussLegendre(std::size_t n) {
  Quadrature rule;
  for (std::size_t i = 0; i < n / 2; ++i) {
    const double x = Root(n, i);
    const double slope = At(n, x).slope;
    const double weight = 1 / ((1 - x * x) * slope * slope);
    const double near = (1 - x) / 2, far = (1 + x) / 2;
    rule.t.push_back(Pair{near, far});
    rule.rest.push_back(Pair{far, near});
    rule.weight.push_back(Pair{weight, weight});
  }
  return rule;
}

}  // namespace copse::explain
