#include "v2_outputs.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include "copse/explain.h"
#include "utf8.h"

namespace copse {
namespace {

constexpr std::size_t kLeafBlockRows = 512;

Error Refuse(std::string message) { return {ErrorCode::kInvalidInput, std::move(message)}; }

bool IsClass(const Output& output) { return output.kind == OutputKind::kClass; }

bool IsIsolation(const Model& model) { return model.link().kind == LinkKind::kIsolation; }

std::string NamesOf(const std::vector<OutputSpec>& specs) {
  std::string names;
  for (const OutputSpec& spec : specs) {
    names += (names.empty() ? "" : ", ") + std::string(spec.name);
  }
  return names;
}

// The one output with classes, if there is no other output at all.
const Output* OnlyClasses(const Model& model) {
  const auto& outputs = model.outputs();
  return outputs.size() == 1 && IsClass(outputs.front()) ? &outputs.front() : nullptr;
}

// Whether a classification of that output has one number for each class.
bool HasClasses(const Model& model, const OutputSpec& spec) {
  const Output* const classes = OnlyClasses(model);
  if (classes == nullptr) return false;
  switch (spec.kind) {
    case V2Output::kPredict:
    case V2Output::kLabel:
    case V2Output::kProba:
      return true;
    case V2Output::kMargin:
      return spec.n_columns == classes->labels.size();
    case V2Output::kLeaf:
    case V2Output::kScore:
    case V2Output::kExplain:
      break;
  }
  return false;
}

Result<WantedOutput> Wanted(const Model& model, const std::vector<OutputSpec>& specs,
                            const InferRequest& request, const InferOutput& asked) {
  const auto spec = std::find_if(specs.begin(), specs.end(),
                                 [&](const OutputSpec& known) { return known.name == asked.name; });
  if (spec == specs.end()) {
    const auto status = Explainer::Check(model);  // says more than that there is none
    if (asked.name == "explain" && !status.ok()) return status.error();
    return Refuse("this model has no output " + Shown(asked.name) + "; it has " + NamesOf(specs));
  }
  WantedOutput wanted{*spec, asked.is_binary.value_or(request.binary_outputs), 0};
  if (!asked.n_classes) return wanted;
  if (!HasClasses(model, *spec)) {
    return Refuse("output " + Shown(asked.name) +
                  " of this model has no number for each class; a classification was asked for");
  }
  const std::uint64_t n_labels = OnlyClasses(model)->labels.size();
  wanted.n_classes = static_cast<std::size_t>(std::min(*asked.n_classes, n_labels));
  return wanted;
}

// The columns of `from`, [n_rows, sum of widths], that belong to class outputs.
template <class WidthOf>
std::vector<double> ClassColumns(const Model& model, std::span<const double> from,
                                 std::size_t n_rows, WidthOf width_of) {
  std::vector<double> values;
  std::size_t at = 0;
  for (std::size_t r = 0; r < n_rows; ++r) {
    for (const Output& output : model.outputs()) {
      const auto part = from.subspan(at, width_of(output));
      if (IsClass(output)) values.insert(values.end(), part.begin(), part.end());
      at += part.size();
    }
  }
  return values;
}

std::vector<double> Leaves(const Model& model, std::span<const double> rows, std::size_t n_columns,
                           RowPool& pool) {
  const std::size_t width = model.n_features();
  std::vector<double> leaves(rows.size() / width * n_columns);
  pool.ForBlocks(rows.size() / width, kLeafBlockRows, [&](std::size_t first, std::size_t n) {
    model.Predict(Answer::kLeaf, rows.subspan(first * width, n * width),
                  std::span(leaves).subspan(first * n_columns, n * n_columns));
  });
  return leaves;
}

}  // namespace

std::vector<OutputSpec> OutputsOf(const Model& model) {
  struct Known {
    V2Output kind;
    std::string_view name;
    Answer answer;
    Datatype datatype;
  };
  const bool whole = model.is_classifier() || IsIsolation(model);
  const std::array known = {
      Known{V2Output::kPredict, "predict", Answer::kPredict,
            whole ? Datatype::kInt64 : Datatype::kFp64},
      Known{V2Output::kLabel, "predict_label", Answer::kIndex, Datatype::kBytes},
      Known{V2Output::kProba, "predict_proba", Answer::kProba, Datatype::kFp64},
      Known{V2Output::kMargin, "margin", Answer::kMargin, Datatype::kFp64},
      Known{V2Output::kLeaf, "leaf", Answer::kLeaf, Datatype::kInt64},
      Known{V2Output::kScore, "score", Answer::kScore, Datatype::kFp64}};
  std::vector<OutputSpec> specs;
  for (const Known& output : known) {
    const auto columns = model.Columns(output.answer);
    if (columns.ok()) specs.push_back({output.kind, output.name, output.datatype, *columns});
  }
  if (Explainer::Check(model).ok()) {
    const std::size_t n_inner = model.n_features() + 1;
    specs.push_back(
        {V2Output::kExplain, "explain", Datatype::kFp64, model.n_margins() * n_inner, n_inner});
  }
  return specs;
}

Result<std::vector<WantedOutput>> WantedOutputs(const Model& model, const InferRequest& request,
                                                Blame& blame) {
  const std::vector<OutputSpec> specs = OutputsOf(model);
  std::vector<WantedOutput> all;
  if (request.outputs.empty()) {
    for (const OutputSpec& spec : specs) {
      const bool is_default = spec.kind == V2Output::kPredict || spec.kind == V2Output::kProba;
      if (is_default) all.push_back({spec, request.binary_outputs, 0});
    }
  }
  for (const InferOutput& asked : request.outputs) {
    const auto wanted = Wanted(model, specs, request, asked);
    if (!wanted.ok()) {
      blame = BlameOn(asked.name);
      return wanted.error();
    }
    all.push_back(*wanted);
  }
  return all;
}

std::size_t ValuesOfRow(std::span<const WantedOutput> wanted) {
  return std::accumulate(
      wanted.begin(), wanted.end(), std::size_t{0},
      [](std::size_t sum, const WantedOutput& output) { return sum + output.spec.n_columns; });
}

std::vector<double> OutputValues(const Model& model, const OutputSpec& spec,
                                 const Prediction& prediction, std::span<const double> rows,
                                 RowPool& pool) {
  switch (spec.kind) {
    case V2Output::kPredict:
      return prediction.decisions;
    case V2Output::kLabel:
      return ClassColumns(model, prediction.decisions, prediction.n_rows, [](const Output& output) {
        return IsClass(output) ? 1 : ValueColumns(output);
      });
    case V2Output::kProba:
      return ClassColumns(model, prediction.values, prediction.n_rows, ValueColumns);
    case V2Output::kMargin:
      return IsIsolation(model) ? prediction.values : prediction.margins;
    case V2Output::kLeaf:
      return Leaves(model, rows, spec.n_columns, pool);
    case V2Output::kScore:
    case V2Output::kExplain:
      break;
  }
  return prediction.scores;
}

std::string_view LabelOf(const Model& model, std::size_t column, double index) {
  for (const Output& output : model.outputs()) {
    if (IsClass(output) && column-- == 0) {
      return output.labels.at(static_cast<std::size_t>(index));
    }
  }
  return {};
}

std::vector<std::string> BestClasses(const Output& output, std::span<const double> values,
                                     double decided, std::size_t n_classes) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0U);
  const auto rank = [&](std::size_t k) {
    return std::isnan(values[k]) ? -std::numeric_limits<double>::infinity() : values[k];
  };
  const auto first = static_cast<std::size_t>(decided);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return rank(a) != rank(b) ? rank(a) > rank(b) : a == first && b != first;
  });
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < std::min(n_classes, order.size()); ++i) {
    const std::size_t k = order[i];
    texts.push_back(NumberText(values[k]) + ":" + std::to_string(k) + ":" + output.labels[k]);
  }
  return texts;
}

}  // namespace copse
