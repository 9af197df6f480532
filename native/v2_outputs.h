#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "blame.h"
#include "copse/model.h"
#include "copse/result.h"
#include "prediction_text.h"
#include "v2_request.h"
#include "v2_tensor.h"

/// The outputs that a model has for the Open Inference Protocol, and those that a request wants.
/// Pure functions; thread-safe.
namespace copse {

enum class V2Output : std::uint8_t { kPredict, kLabel, kProba, kMargin, kLeaf, kScore, kExplain };

/// One output of a model: a tensor [n_rows, n_columns]; with `n_inner` [n_rows, n_columns /
/// n_inner, n_inner].
struct OutputSpec {
  V2Output kind = V2Output::kPredict;
  /// "predict" "predict_label" "predict_proba" "margin" "leaf" "score" "explain"
  std::string_view name;
  Datatype datatype = Datatype::kFp64;  ///< kInt64, kFp64 or kBytes
  std::size_t n_columns = 0;
  std::size_t n_inner = 0;
};

/// What the model has, in this order:
/// - predict: the class index (INT64) of each class output, the value of any other (FP64; INT64
///   for an isolation forest, which says 1 or -1)
/// - predict_label: the classes' labels as text (BYTES), predict_proba: of all classes
/// - margin: before the link; of an isolation forest its decision_function
/// - leaf: the leaf in each tree (INT64); score: score_samples of an isolation forest
/// - explain: contributions [n_rows, n_margins(), n_features() + 1], where they are defined
///   (see Explainer); OutputValues does not know them
std::vector<OutputSpec> OutputsOf(const Model& model);

/// An output that a request wants, and how.
struct WantedOutput {
  OutputSpec spec;
  bool is_binary = false;
  std::size_t n_classes = 0;  ///< 0: the tensor itself; else its best classes, as BYTES
};

/// The outputs of a request, in the order it asks for them. Without any: predict, and
/// predict_proba where there are classes.
/// Errors: kInvalidInput for a name that this model does not have, and for a classification of
/// what has no classes, or several outputs of them.
Result<std::vector<WantedOutput>> WantedOutputs(const Model& model, const InferRequest& request,
                                                Blame& blame);

/// Numbers that the wanted outputs have in a row, beside those of a Prediction.
std::size_t ValuesOfRow(std::span<const WantedOutput> wanted);

/// The numbers of an output, [n_rows, n_columns], row-major. Of kLabel the class indices. `rows`
/// is what `prediction` is of; leaves are looked up in it, with the help of `pool`.
std::vector<double> OutputValues(const Model& model, const OutputSpec& spec,
                                 const Prediction& prediction, std::span<const double> rows,
                                 RowPool& pool);

/// The label of a class index in a column of predict_label.
std::string_view LabelOf(const Model& model, std::size_t column, double index);

/// The `n_classes` best classes of one row, best first, as `value:index:label`: by the numbers of
/// the output, [number of classes]; `decided` goes before its equals.
std::vector<std::string> BestClasses(const Output& output, std::span<const double> values,
                                     double decided, std::size_t n_classes);

}  // namespace copse
