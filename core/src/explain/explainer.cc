#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "copse/explain.h"
#include "explain/covers.h"
#include "explain/tree_shap.h"
#include "text.h"

namespace copse {
namespace {

constexpr std::array<std::string_view, 2> kMethods = {"treeshap", "saabas"};
/// Expectations of all nodes together: 1 GB.
constexpr std::size_t kExpectationsMax = std::size_t{1} << 27;

Error Refuse(std::initializer_list<text::Piece> pieces) {
  return text::MakeError(ErrorCode::kInvalidInput, pieces);
}

// The first number that is not finite, or nothing.
std::optional<double> FindNonfinite(const Reals& reals) {
  for (std::size_t i = 0; i < Count(reals); ++i) {
    if (!std::isfinite(At(reals, i))) return At(reals, i);
  }
  return std::nullopt;
}

// Why contributions are not defined for these trees, or nothing.
Status CheckForest(const Forest& forest) {
  const ForestParts& parts = forest.parts();
  if (forest.rules().aggregation > Aggregation::kMean) {
    return Refuse(
        {"this model takes the smallest or largest of its trees, which has no contributions that "
         "add up; expected trees that are added or averaged"});
  }
  if (!parts.linear_begin.empty()) {
    return Refuse(
        {"this model has linear leaves, whose values depend on the row, so its contributions are "
         "not defined by covers; expected leaves with constant values"});
  }
  if (Count(parts.leaf_cover) == 0 && forest.n_nodes() > 0) {
    return Refuse(
        {"this model's file does not say how much training weight came to each leaf (leaf.cover), "
         "which contributions are averaged with; import it with its covers from scikit-learn, "
         "XGBoost, LightGBM or CatBoost (ONNX has none)"});
  }
  if (!forest.rules().allow_nonfinite) return Ok{};
  for (const Reals* reals : {&parts.leaf_value, &parts.base}) {
    if (const auto found = FindNonfinite(*reals)) {
      return Refuse({"this model has a leaf or base of ", *found,
                     ", and contributions are defined for finite ones only"});
    }
  }
  return Ok{};
}

double AsAccumulated(double x, const Forest& forest) {
  return forest.rules().accumulate == Precision::kFloat32 ? static_cast<float>(x) : x;
}

}  // namespace

Result<ExplainMethod> ExplainMethodFromName(std::string_view name) {
  for (std::size_t i = 0; i < kMethods.size(); ++i) {
    if (kMethods[i] == name) return static_cast<ExplainMethod>(i);
  }
  return Refuse(
      {"method ", text::Quote(name), " is not known; expected \"treeshap\" or \"saabas\""});
}

std::string_view ExplainMethodName(ExplainMethod method) {
  return kMethods[static_cast<std::size_t>(method)];
}

Explainer::Explainer(const Model& model, ExplainMethod method)
    : model_(&model), method_(method), base_(model.n_margins()) {}
Explainer::Explainer(Explainer&&) noexcept = default;
Explainer& Explainer::operator=(Explainer&&) noexcept = default;
Explainer::~Explainer() = default;

Status Explainer::Check(const Model& model) {
  return model.forest() == nullptr ? Ok{} : CheckForest(*model.forest());
}

Result<Explainer> Explainer::Create(const Model& model, ExplainMethod method) {
  Explainer explainer(model, method);
  if (model.forest() == nullptr) {
    explainer.base_ = model.linear()->intercept;
    explainer.cost_ = model.n_margins() * model.n_features();
    return explainer;
  }
  if (auto status = Check(model); !status.ok()) return status.error();
  if (auto status = explainer.Compile(); !status.ok()) return status.error();
  return explainer;
}

Status Explainer::Compile() {
  const Forest& forest = *model_->forest();
  const ForestParts& parts = forest.parts();
  const std::size_t width = parts.leaf_width;
  const bool keeps = method_ == ExplainMethod::kSaabas;
  if (keeps && forest.n_nodes() > kExpectationsMax / width) {
    return text::TooLarge({"the expectations of ", forest.n_nodes(), " nodes with ", width,
                           " values each are more than ", kExpectationsMax, " numbers"});
  }
  const std::vector<double> covers = explain::NodeCovers(forest);
  std::vector<double> shares = explain::LeftShares(forest, covers);
  std::vector<double> of_tree, kept;
  if (keeps) kept.resize(forest.n_nodes() * width);
  for (std::size_t t = 0; t < forest.n_trees(); ++t) {
    const std::size_t begin = parts.tree_begin[t], n = parts.tree_begin[t + 1] - begin;
    if (!keeps) of_tree.resize(n * width);
    const std::span<double> of_node =
        keeps ? std::span(kept).subspan(begin * width, n * width) : std::span(of_tree);
    explain::ExpectTree(forest, t, shares, of_node);
    const std::int32_t root = parts.tree_root[t];
    const std::size_t output = parts.tree_output.empty() ? 0 : parts.tree_output[t];
    for (std::size_t k = 0; k < width; ++k) {
      base_[output + k] +=
          root >= 0 ? of_node[k]
                    : At(parts.leaf_value,
                         explain::FirstValue(parts, ~static_cast<std::uint32_t>(root)) + k);
    }
  }
  const bool is_mean = forest.rules().aggregation == Aggregation::kMean;
  for (std::size_t k = 0; k < base_.size(); ++k) {
    if (is_mean) base_[k] /= forest.trees_per_output()[k];
    base_[k] += AsAccumulated(At(parts.base, k), forest);
  }
  if (keeps) {
    expectations_ = std::make_unique<explain::Expectations>();
    expectations_->of_node = std::move(kept);
    cost_ = forest.n_trees() * forest.max_depth() * width;
    return Ok{};
  }
  auto shap = explain::TreeShap::Create(forest, std::move(shares));
  if (!shap.ok()) return shap.error();
  tree_shap_ = std::make_unique<explain::TreeShap>(std::move(*shap));
  cost_ = tree_shap_->cost();
  return Ok{};
}

std::size_t Explainer::columns() const { return model_->n_margins() * (model_->n_features() + 1); }

void Explainer::Finish(const double* row, std::span<double> out) const {
  const Forest& forest = *model_->forest();
  const std::size_t stride = model_->n_features() + 1;
  if (forest.rules().aggregation == Aggregation::kMean) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] /= forest.trees_per_output()[i / stride];
  }
  for (std::size_t k = 0; k < base_.size(); ++k) out[k * stride + stride - 1] = base_[k];
  if (forest.rules().accumulate == Precision::kFloat32) CloseFloatSums(row, out);
}

// The margin as the engine rounds it, less what the contributions add up to, goes to the largest.
void Explainer::CloseFloatSums(const double* row, std::span<double> out) const {
  const std::size_t stride = model_->n_features() + 1;
  std::vector<double> margins(model_->n_margins());
  model_->PredictMargins(std::span(row, model_->n_features()), margins);
  for (std::size_t k = 0; k < margins.size(); ++k) {
    const std::span<double> parts = out.subspan(k * stride, stride);
    double sum = 0;
    std::size_t largest = stride - 1;  // the base, where no feature contributes
    for (std::size_t f = 0; f < stride; ++f) {
      sum += parts[f];
      const double least = largest == stride - 1 ? 0 : std::abs(parts[largest]);
      if (f < stride - 1 && std::abs(parts[f]) > least) largest = f;
    }
    const double rest = margins[k] - sum;
    if (std::isfinite(rest)) parts[largest] += rest;
  }
}

void Explainer::ExplainLinear(const double* row, std::span<double> out) const {
  const LinearModel& linear = *model_->linear();
  const std::size_t n_features = model_->n_features();
  const bool is_float = model_->input() == Precision::kFloat32;
  for (std::size_t k = 0; k < base_.size(); ++k) {
    const std::span<double> parts = out.subspan(k * (n_features + 1), n_features + 1);
    for (std::size_t f = 0; f < n_features; ++f) {
      const bool fills = row[f] != row[f] && !linear.fill.empty();
      const double x = fills ? linear.fill[f] : row[f];
      parts[f] = linear.coef[k * n_features + f] * (is_float ? static_cast<float>(x) : x);
      // What sign a computed NaN has depends on the processor; ours has none.
      if (parts[f] != parts[f]) parts[f] = std::numeric_limits<double>::quiet_NaN();
    }
    parts[n_features] = base_[k];
  }
  if (model_->accumulate() == Precision::kFloat32) CloseFloatSums(row, out);
}

void Explainer::Explain(std::span<const double> rows, std::span<double> out) const {
  const std::size_t n_features = model_->n_features();
  const std::size_t n_rows = rows.size() / n_features;
  assert(out.size() == n_rows * columns());
  auto scratch = tree_shap_ ? tree_shap_->MakeScratch() : explain::TreeShap::Scratch();
  for (std::size_t i = 0; i < n_rows; ++i) {
    const double* const row = rows.data() + i * n_features;
    const std::span<double> parts = out.subspan(i * columns(), columns());
    if (model_->forest() == nullptr) {
      ExplainLinear(row, parts);
      continue;
    }
    std::fill(parts.begin(), parts.end(), 0);
    if (tree_shap_) {
      tree_shap_->AddRow(row, parts, scratch);
    } else {
      explain::AddSaabas(*model_->forest(), *expectations_, row, parts);
    }
    Finish(row, parts);
  }
}

}  // namespace copse
