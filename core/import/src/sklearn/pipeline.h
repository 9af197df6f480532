#pragma once

#include <optional>
#include <string>
#include <vector>

#include "imported.h"
#include "input_map.h"
#include "pickle/pickle.h"
#include "sklearn/estimators.h"

namespace copse::importer::sklearn {

/// What the steps in front of a pipeline's estimator do to the columns of a row.
///
/// Only steps that treat each column for itself and never fall where the column rises, and those
/// that choose columns: they can be folded into the trees. All others are refused by name.
class Front {
 public:
  /// Takes a fitted transformer over. Errors: kUnsupportedModel naming it and what to do instead,
  /// kInvalidModel naming its attribute.
  Status Add(Value transformer);

  bool empty() const { return names_.empty(); }
  /// The columns of the rows that reach the estimator; unset without steps.
  std::optional<InputMap> Map(Precision input) const;

  /// Folds the steps into trees whose reader did not know them: a booster's.
  Status FoldInto(Imported& imported) const;
  /// Names the features as the pipeline's rows do, and says what may be missing in them.
  void Describe(Imported& imported) const;

 private:
  using Columns = std::vector<MappedColumn>;
  using Numbers = std::vector<double>;

  Status Begin(Value transformer);
  Status Apply(Value transformer, Columns& columns, int depth);
  Status ApplyPipeline(Value pipeline, Columns& columns, int depth);
  Status ApplyColumns(Value transformer, Columns& columns, int depth);
  Status ApplyScaler(Value scaler, Columns& columns);
  Status ApplyRange(Value scaler, Columns& columns);
  Status ApplyImputer(Value imputer, Columns& columns);
  Status ApplySelector(Value selector, Columns& columns);

  Columns columns_;  // that reach the next step
  std::size_t n_columns_ = 0;
  std::vector<std::string> column_names_;  // of the rows, or empty
  std::vector<std::string> names_;         // of the steps
  bool refuses_missing_ = false;           // a step that refuses NaN may be given one
  std::size_t budget_ = 1 << 21;           // steps on columns that are still allowed
};

}  // namespace copse::importer::sklearn
