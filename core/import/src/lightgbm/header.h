#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "imported.h"
#include "lightgbm/fields.h"

namespace copse::importer::lightgbm {

/// What stands before the first tree.
struct Header {
  std::string_view version;    ///< "v2" "v3" "v4"
  std::string_view objective;  ///< name and parameters; empty: none
  std::int64_t n_classes = 1;
  std::int64_t n_columns = 1;  ///< trees of one iteration, each with its own margin column
  bool is_average = false;     ///< average_output: a random forest
  bool has_tree_sizes = false;
  std::string_view feature_names, feature_infos, tree_sizes;
  std::int64_t n_features = 0;
};

/// Takes the header off `rest`, which then begins with the first tree or what follows the trees.
/// Errors: kInvalidModel, and kUnsupportedModel for a version that is not known.
Flaw ReadHeader(std::string_view& rest, Header& header);

/// Features with their names, training ranges and kinds. A categorical feature's codes are kept
/// in `codes` [n_features]: one more than the largest that training saw, or 0.
Flaw ReadFeatures(const Header& header, Imported& imported, std::vector<double>& codes);

/// Link and outputs of the objective, for a sum of `n_iterations` trees a column.
/// Errors: kUnsupportedModel for an objective that is not known, or averaged in two ways.
Flaw ReadObjective(const Header& header, std::size_t n_iterations, Imported& imported);

/// The texts of `pandas_categorical`, which stands at the end of the file, for the features that
/// have codes. Where it is not sure which list is whose, none are taken and a warning says so.
void ReadPandasCategories(std::string_view file, const std::vector<double>& codes,
                          Imported& imported);

}  // namespace copse::importer::lightgbm
