// Google Benchmark of every layout that a model fits, at each instruction set and batch size:
//
//   kernels_bench [MODEL.safetensors]... [--benchmark_filter=...]
//
// Without a model, the iris model of the repository. Prints nanoseconds of a call, and rows per
// second. `copse bench --tune` says the same of one model in a table.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench.h"
#include "bench_rows.h"
#include "copse/plan.h"
#include "loaded_model.h"

namespace copse {
namespace {

constexpr std::size_t kRows = 10'000;

// What one benchmark needs; shared by its batch sizes.
struct Subject {
  Subject(std::shared_ptr<const LoadedModel> loaded, std::string_view target, LayoutKind layout)
      : model(std::move(loaded)),
        plan(MakePlan(*model->model.forest(), target, layout)),
        rows(model->model, SyntheticRows(model->model, kRows)) {}

  // Targets count when a plan is made, and not later.
  static Plan MakePlan(const Forest& forest, std::string_view target, LayoutKind layout) {
    Plan::LimitTarget(target);
    return Plan(forest, {.only = {layout}});
  }

  std::shared_ptr<const LoadedModel> model;
  Plan plan;
  BenchRows rows;
};

void Score(benchmark::State& state, const Subject& subject) {
  const auto batch = static_cast<std::size_t>(state.range(0));
  const std::size_t n_margins = subject.model->model.n_margins();
  const Evaluate evaluate = EvaluateWith(subject.plan, subject.rows, n_margins);
  std::vector<double> margins(batch * n_margins);
  std::size_t at = 0;
  for ([[maybe_unused]] auto step : state) {
    if (at + batch > kRows) at = 0;
    evaluate(at, batch, margins);
    at += batch;
    benchmark::DoNotOptimize(margins.data());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * batch));
}

// Registers every layout that the model at `path` fits. Says why not, where it cannot be loaded.
bool Register(const std::string& path) {
  auto loaded = LoadModel(path);
  if (!loaded.ok() || (*loaded)->model.forest() == nullptr) {
    std::fprintf(stderr, "%s: not a forest that can be loaded\n", path.c_str());
    return false;
  }
  for (const std::string_view target : Plan::Targets()) {
    for (const LayoutKind layout :
         {LayoutKind::kNode8, LayoutKind::kSlot4, LayoutKind::kLaneSelect, LayoutKind::kBitWalk,
          LayoutKind::kLeafMatch, LayoutKind::kGroups}) {
      const auto subject = std::make_shared<Subject>(*loaded, target, layout);
      if (subject->plan.choices().front().layout != layout) continue;
      const std::string name =
          (*loaded)->name + "/" + std::string(LayoutName(layout)) + "/" + std::string(target);
      benchmark::RegisterBenchmark(name.c_str(),
                                   [subject](benchmark::State& state) { Score(state, *subject); })
          ->Arg(1)
          ->Arg(16)
          ->Arg(256)
          ->Arg(static_cast<int>(kRows));
    }
  }
  return true;
}

}  // namespace
}  // namespace copse

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  std::vector<std::string> models(argv + 1, argv + argc);
  if (models.empty()) models.emplace_back(COPSE_SOURCE_DIR "/models/iris.safetensors");
  for (const std::string& model : models) {
    if (!copse::Register(model)) return 3;
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
