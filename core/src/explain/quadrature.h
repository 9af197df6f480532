#pragma once

#include <cstddef>
#include <vector>

namespace copse::explain {

/// Two numbers at once: what a vector register of any target holds. Each is rounded by itself.
using Pair = double __attribute__((vector_size(16)));

/// The Gauss-Legendre rule on [0, 1]: with n points exact for polynomials up to degree 2n - 1.
struct Quadrature {
  std::vector<Pair> t, rest;  ///< [n / 2] points, and 1 - t
  std::vector<Pair> weight;   ///< [n / 2]; all together 1
};

/// `n` even, at least 2. Plain arithmetic only, so every target has the same bits.
Quadrature GaussLegendre(std::size_t n);

}  // namespace copse::explain
