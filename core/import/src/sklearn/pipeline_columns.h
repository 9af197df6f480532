#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pickle/pickle.h"
#include "sklearn/estimators.h"

/// What a pipeline's steps say of columns: how many there are, their names, which are chosen.
namespace copse::importer::sklearn {

/// None, or "passthrough".
bool IsNoStep(Value step);
/// A class of imbalanced-learn that changes the rows of training only.
bool IsSampler(std::string_view class_name);
/// A class of sklearn.feature_selection whose choice its file tells.
bool IsSelector(std::string_view class_stem);

/// Columns that a fitted transformer takes. Errors: kInvalidModel.
Result<std::size_t> CountColumns(Value transformer);
/// feature_names_in_, or nothing.
std::vector<std::string> NamesIn(Value estimator);
/// A list or array of positions below `n`. Errors: kInvalidModel.
Result<std::vector<std::size_t>> ReadPositions(Value list, std::size_t n);
/// Which of `n` columns a selector keeps. Errors: kInvalidModel.
Result<std::vector<bool>> ReadSelection(Value selector, std::size_t n);

}  // namespace copse::importer::sklearn
