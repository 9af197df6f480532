// The C door of core for WebAssembly: pointers and sizes in, numbers out, no logic. The binding in
// js/ is its only caller and keeps the rules stated here. With COPSE_FAST models are compiled when
// they are loaded: a module of more than twice the size that answers many times as fast.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "copse/explain.h"
#include "copse/model.h"
#include "copse/model_file.h"
#include "copse/result.h"

namespace {

using copse::Answer;
using copse::Explainer;
using copse::ExplainMethod;

/// A loaded model, and by method what explains it, made when it is first asked.
struct Held {
  explicit Held(copse::Model read) : model(std::move(read)) {}
  copse::Model model;
  std::array<std::optional<Explainer>, 2> explainers;
};

/// What the last call had to say: a refusal's sentence, or a description. One instance has one
/// thread.
std::string last_text;
std::int32_t last_code = 0;
std::size_t last_place = 0;

std::int32_t Refuse(const copse::Error& error) {
  last_text = error.message;
  last_code = static_cast<std::int32_t>(error.code);
  return last_code;
}

std::span<const double> Rows(const Held& held, const double* rows, std::size_t n_rows) {
  return {rows, n_rows * held.model.n_features()};
}

/// Numbers one behind the other: counts them where there is no room, else writes them too.
class Numbers {
 public:
  explicit Numbers(double* out) : out_(out) {}
  void Put(double x) {
    if (out_ != nullptr) out_[n_] = x;
    ++n_;
  }
  template <class List>
  void PutAll(const List& list) {
    for (const auto x : list) Put(x);
  }
  std::size_t size() const { return n_; }

 private:
  double* out_;
  std::size_t n_ = 0;
};

}  // namespace

extern "C" {

/// The model in `bytes`, or null: see the code and the text. Give it back to copse_free. Takes over
/// `bytes`, which malloc gave: what is compiled finds its place where they were.
Held* copse_load(std::uint8_t* bytes, std::size_t size) {
  auto model = copse::ReadModel({bytes, size});
  std::free(bytes);
  if (!model.ok()) {
    Refuse(model.error());
    return nullptr;
  }
#ifdef COPSE_FAST
  model->Compile();
#endif
  return new Held(std::move(model).value());
}

void copse_free(Held* held) { delete held; }

/// Leaves DescribeModel's JSON in the text.
void copse_describe(const Held* held) { last_text = copse::DescribeModel(held->model); }

/// Numbers a row of `answer` has, or -1: see the code and the text.
std::int32_t copse_columns(const Held* held, std::int32_t answer) {
  const auto columns = held->model.Columns(static_cast<Answer>(answer));
  if (columns.ok()) return static_cast<std::int32_t>(*columns);
  Refuse(columns.error());
  return -1;
}

/// 0 where all of `rows` [n_rows, n_features] can be used, else a code, with its text and place.
std::int32_t copse_check_rows(const Held* held, const double* rows, std::size_t n_rows,
                              std::size_t first_row) {
  const auto checked = held->model.CheckRows(Rows(*held, rows, n_rows), first_row);
  if (checked.ok()) return 0;
  last_place = held->model.FirstRefused(Rows(*held, rows, n_rows));
  return Refuse(checked.error());
}

/// Where in its rows copse_check_rows or copse_predict found what it refused last.
std::size_t copse_error_place() { return last_place; }

/// copse_check_rows, and where it finds nothing writes `answer` to `out` [n_rows, copse_columns].
/// The model has that answer. One call for both: small models notice what each call costs.
std::int32_t copse_predict(const Held* held, std::int32_t answer, const double* rows,
                           std::size_t n_rows, std::size_t first_row, double* out) {
  const auto kind = static_cast<Answer>(answer);
  const auto columns = held->model.Columns(kind);
  last_place = 0;
  if (!columns.ok()) return Refuse(columns.error());
  if (const auto code = copse_check_rows(held, rows, n_rows, first_row)) return code;
  held->model.Predict(kind, Rows(*held, rows, n_rows), std::span<double>(out, n_rows * *columns));
  return 0;
}

/// 0 where the model can be explained by `method`, an ExplainMethod, else a code, with its text.
/// The first time takes as long as all nodes need.
std::int32_t copse_prepare(Held* held, std::int32_t method) {
  auto& explainer = held->explainers[static_cast<std::size_t>(method)];
  if (explainer.has_value()) return 0;
  auto made = Explainer::Create(held->model, static_cast<ExplainMethod>(method));
  if (!made.ok()) return Refuse(made.error());
  explainer = std::move(made).value();
  return 0;
}

/// Writes contributions to `out` [n_rows, margins, n_features + 1]. The rows have passed
/// copse_check_rows, and the method copse_prepare.
void copse_explain(const Held* held, std::int32_t method, const double* rows, std::size_t n_rows,
                   double* out) {
  const auto& explainer = held->explainers[static_cast<std::size_t>(method)];
  if (!explainer.has_value()) return;
  explainer->Explain(Rows(*held, rows, n_rows), {out, n_rows * explainer->columns()});
}

/// The way of `row`, which has passed copse_check_rows, through `tree`, and how many numbers that
/// is; with an `out` of null nothing is written. n steps, place of the leaf, margin column (-1:
/// all), n values, the values, and of each step node, feature, left, missing.
std::size_t copse_path(const Held* held, std::size_t tree, const double* row, double* out) {
  const copse::Forest& forest = *held->model.forest();
  const copse::TreePath path = copse::DecisionPath(forest, tree, Rows(*held, row, 1));
  const auto& output = forest.parts().tree_output;
  Numbers numbers(out);
  numbers.Put(static_cast<double>(path.steps.size()));
  numbers.Put(path.place);
  numbers.Put(output.empty() ? -1 : output[tree]);
  numbers.Put(static_cast<double>(path.values.size()));
  numbers.PutAll(path.values);
  for (const copse::PathStep& step : path.steps) {
    numbers.Put(step.node);
    numbers.Put(step.feature);
    numbers.Put(step.left ? 1 : 0);
    numbers.Put(step.missing ? 1 : 0);
  }
  return numbers.size();
}

/// `tree` as a drawing needs it, as copse_path: n nodes, n leaves, leaf width, whether there are
/// covers, margin column (-1: all); feature, threshold, left, right and flags of all nodes; their
/// covers and those of the leaves; leaf values; and of each node how many categories, and these.
std::size_t copse_tree(const Held* held, std::size_t tree, double* out) {
  const copse::Forest& forest = *held->model.forest();
  const copse::TreeView view = copse::ViewTree(forest, tree);
  const std::size_t width = forest.parts().leaf_width;
  Numbers numbers(out);
  numbers.Put(static_cast<double>(view.left.size()));
  numbers.Put(static_cast<double>(view.left.size() + 1));
  numbers.Put(static_cast<double>(width));
  numbers.Put(view.leaf_cover.empty() ? 0 : 1);
  numbers.Put(view.output.has_value() ? *view.output : -1.0);
  numbers.PutAll(view.feature);
  numbers.PutAll(view.threshold);
  numbers.PutAll(view.left);
  numbers.PutAll(view.right);
  numbers.PutAll(view.flags);
  numbers.PutAll(view.cover);
  numbers.PutAll(view.leaf_cover);
  numbers.PutAll(view.leaf_values);
  for (const auto& listed : view.listed) {
    numbers.Put(static_cast<double>(listed.size()));
    numbers.PutAll(listed);
  }
  return numbers.size();
}

/// Writes splits, covers and gains by feature, those that there are, to `out` [up to 3,
/// n_features]; bit 0 says that there are covers, bit 1 that there are gains.
std::int32_t copse_importances(const Held* held, double* out) {
  const copse::Importances found = copse::ImportancesOf(held->model);
  Numbers numbers(out);
  numbers.PutAll(found.splits);
  numbers.PutAll(found.cover);
  numbers.PutAll(found.gain);
  return (found.cover.empty() ? 0 : 1) + (found.gain.empty() ? 0 : 2);
}

/// UTF-8, not terminated; until the next call.
const char* copse_text() { return last_text.data(); }
std::size_t copse_text_size() { return last_text.size(); }

/// ErrorCode of the last refusal.
std::int32_t copse_error_code() { return last_code; }

}  // extern "C"
