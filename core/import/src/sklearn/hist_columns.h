#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sklearn/estimators.h"

namespace copse::importer::sklearn {

/// How the features of a HistGradientBoosting's trees come from the columns it was fitted on.
///
/// Since scikit-learn 1.4 categorical columns stand first in the trees and hold ranks among the
/// categories that an OrdinalEncoder saw; before, they keep their place and hold what rows hold.
struct HistColumns {
  std::vector<std::uint32_t> column;  ///< [features of the trees] their column
  std::vector<bool> is_categorical;   ///< [columns]
  // Of categorical columns; empty where no column is.
  std::vector<std::vector<std::uint32_t>> known;  ///< [columns] words: codes seen in training
  bool encodes = false;                           ///< since 1.4: codes are positions in `values`
  std::vector<std::vector<double>> values;        ///< [columns] what rows hold, rising
  std::vector<std::vector<std::string>> texts;    ///< [columns] of `values`, where they are texts
};

/// Errors: kInvalidModel, kUnsupportedModel (categories that are neither texts nor numbers).
Result<HistColumns> ReadHistColumns(const Estimator& estimator);

}  // namespace copse::importer::sklearn
