// Scores synthetic rows, the same on every run, and ends: for counting its instructions.
//
//   score_rows MODEL TARGET BATCH CALLS
//
// MODEL is a file or a shape of bench_models.h. Prints the instruction set and the layout that were
// used.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "bench.h"
#include "bench_models.h"
#include "bench_rows.h"
#include "copse/plan.h"

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: score_rows MODEL TARGET BATCH CALLS\n");
    return 2;
  }
  const auto loaded = copse::LoadBenchModel(argv[1]);
  if (!loaded.ok()) {
    std::fprintf(stderr, "%s\n", loaded.error().message.c_str());
    return 3;
  }
  const copse::Model& model = *loaded->model;
  const auto batch = static_cast<std::size_t>(std::atoi(argv[3]));
  const auto n_calls = static_cast<std::size_t>(std::atoi(argv[4]));
  if (batch == 0 || n_calls == 0) {
    std::fprintf(stderr, "BATCH and CALLS must be at least 1\n");
    return 2;
  }
  copse::Plan::LimitTarget(argv[2]);
  const copse::Plan plan(*model.forest());
  const copse::BenchRows rows(model, copse::SyntheticRows(model, batch * n_calls));
  const copse::Evaluate evaluate = copse::EvaluateWith(plan, rows, model.n_margins());
  std::vector<double> margins(batch * model.n_margins());
  for (std::size_t i = 0; i < n_calls; ++i) evaluate(i * batch, batch, margins);

  std::string_view layout;
  for (const auto& choice : plan.choices()) {
    if (choice.rows_min <= batch) layout = copse::LayoutName(choice.layout);
  }
  std::printf("%s %.*s\n", std::string(copse::Plan::Target()).c_str(),
              static_cast<int>(layout.size()), layout.data());
  return 0;
}
