#pragma once

#include <cstddef>
#include <string>

#include "copse/explain.h"
#include "copse/model.h"
#include "explanation_text.h"
#include "npy.h"
#include "row_writer.h"

namespace copse {

/// Writes contributions down, [n_rows, n_margins(), n_features() + 1] (see Explainer).
///
/// A .npy array has this shape, as <f8. CSV has the numbers of a row in a line, and with `header` a
/// first line that names them. NDJSON has an object a line, as ExplanationText writes it.
class ExplanationWriter : public RowWriter {
 public:
  /// Both must outlive the writer.
  ExplanationWriter(const Model& model, const Explainer& explainer, AnswerFormat format,
                    bool header);

  std::string Head(std::size_t n_rows) const override;
  void Append(const Rows& rows, std::string& bytes) const override;
  std::size_t n_columns() const override { return explainer_->columns(); }

 private:
  const Model* model_;
  const Explainer* explainer_;
  AnswerFormat format_;
  bool header_;
  ExplanationText text_;
};

}  // namespace copse
