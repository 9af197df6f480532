#pragma once

#include <cstddef>
#include <vector>

#include "copse/model.h"

namespace copse {

/// Rows [n_rows, model.n_features()] to time a model with when nobody has any. The same on every
/// run and machine.
///
/// A feature takes each of the gaps between its thresholds equally often, so that both ways of
/// every split are taken and no branch is learnt by heart; a feature that only categories are asked
/// of, each listed code and one more; a feature that nothing asks of, 0. Where the model allows
/// missing values, one value in 64 is missing.
std::vector<double> SyntheticRows(const Model& model, std::size_t n_rows);

}  // namespace copse
