#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "copse/model.h"
#include "copse/result.h"

namespace copse {

/// At most `n_rows_max` rows [n, model.n_features()] of a file, or of `-`, whose first bytes say
/// what it is: .npy, JSON lines, else CSV. Errors: those of reading, each starting with the path;
/// kInvalidInput without any row.
Result<std::vector<double>> ReadRowsOfFile(const Model& model, const std::string& path,
                                           std::size_t n_rows_max);

}  // namespace copse
