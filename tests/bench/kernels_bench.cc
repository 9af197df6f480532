// Google Benchmark of every layout that a model fits, at each instruction set and batch size, and
// of what layouts are made of:
//
//   kernels_bench [MODEL]... [--benchmark_filter=...]
//
//   MODEL/LAYOUT/TARGET/N             rows to margins, N a call
//   MODEL/rank_rows_BITS/TARGET/N     rows to ranks, row by row
//   MODEL/rank_lanes_BITS/TARGET/N    the same to a lane a row, N a group
//   MODEL/select_BITS/TARGET/N        such ranks to leaves, all trees, N rows a call
//
// MODEL is a file or a shape of bench_models.h; without one, the iris model of the repository.
// Prints nanoseconds of a call, and rows per second. `copse bench --tune` says the same of layouts
// in a table.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "bench.h"
#include "bench_models.h"
#include "bench_rows.h"
#include "copse/plan.h"
#include "kernels/lane_kernels.h"
#include "plan/columns.h"
#include "plan/lane_trees.h"
#include "plan/ranker.h"

namespace copse {
namespace {

using plan::Columns;
using plan::RowBlock;

constexpr std::size_t kRows = 10'000;
constexpr std::size_t kTableBytesMax = std::size_t{1} << 24;

// A model and rows for it; shared by all that is timed of it.
struct Subject {
  explicit Subject(BenchModel loaded)
      : name(std::move(loaded.name)),
        model(std::move(loaded.model)),
        rows(*model, SyntheticRows(*model, kRows)) {}

  const Forest& forest() const { return *model->forest(); }

  RowBlock Block(std::size_t first, std::size_t n) const {
    RowBlock block{nullptr, nullptr, rows.n_features(), n};
    rows.With(first, n, [&](auto cells) {
      if constexpr (std::is_same_v<decltype(cells), std::span<const float>>) {
        block.floats = cells.data();
      } else {
        block.doubles = cells.data();
      }
    });
    return block;
  }

  std::string name;
  std::shared_ptr<const Model> model;
  BenchRows rows;
};
using SharedSubject = std::shared_ptr<const Subject>;

// Calls `use` with the first of `batch` rows, again and again: other rows each time.
template <class Use>
void EachBatch(benchmark::State& state, std::size_t batch, Use use) {
  std::size_t at = 0;
  for ([[maybe_unused]] auto step : state) {
    if (at + batch > kRows) at = 0;
    use(at);
    at += batch;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * batch));
}

template <class Run>
benchmark::internal::Benchmark* Register(const Subject& subject, const std::string& what, Run run) {
  const std::string name = subject.name + "/" + what + "/" + std::string(Plan::Target());
  return benchmark::RegisterBenchmark(name.c_str(), std::move(run));
}

void RegisterLayouts(const SharedSubject& subject) {
  for (const LayoutKind layout :
       {LayoutKind::kNode8, LayoutKind::kSlot4, LayoutKind::kLaneSelect, LayoutKind::kBitWalk,
        LayoutKind::kLeafMatch, LayoutKind::kGroups}) {
    const auto plan = std::make_shared<Plan>(
        subject->forest(), Plan::Options{.only = {layout}, .bytes_max = std::size_t{1} << 30});
    if (plan->choices().front().layout != layout) continue;
    const auto score = [subject, plan](benchmark::State& state) {
      const auto batch = static_cast<std::size_t>(state.range(0));
      const std::size_t n_margins = subject->model->n_margins();
      const Evaluate evaluate = EvaluateWith(*plan, subject->rows, n_margins);
      std::vector<double> margins(batch * n_margins);
      EachBatch(state, batch, [&](std::size_t first) {
        evaluate(first, batch, margins);
        benchmark::DoNotOptimize(margins.data());
      });
    };
    Register(*subject, std::string(LayoutName(layout)), score)
        ->Arg(1)
        ->Arg(16)
        ->Arg(256)
        ->Arg(static_cast<int>(kRows));
  }
}

// Numbers that vectors are loaded from.
template <class T>
class Aligned {
 public:
  explicit Aligned(std::size_t n)
      : data_(static_cast<T*>(::operator new(n * sizeof(T), kAlignment))) {
    std::uninitialized_value_construct_n(data_.get(), n);
  }
  T* data() const { return data_.get(); }

 private:
  static constexpr std::align_val_t kAlignment{plan::kLaneAlignment};
  struct Delete {
    void operator()(T* data) const { ::operator delete(data, kAlignment); }
  };
  std::unique_ptr<T, Delete> data_;
};

template <class R>
std::string Bits() {
  return std::to_string(8 * sizeof(R));
}

template <class R>
std::shared_ptr<const plan::Ranker<R>> MakeRanker(const Subject& subject, Columns columns) {
  const Forest& forest = subject.forest();
  return std::make_shared<const plan::Ranker<R>>(std::move(columns), forest.rules().input,
                                                 forest.rules().category_cast, forest);
}

template <class R>
void RegisterRanks(const SharedSubject& subject, const Columns& columns) {
  const auto ranker = MakeRanker<R>(*subject, columns);
  const std::size_t n_columns = ranker->n_columns();
  const auto rows = [=](benchmark::State& state) {
    const auto batch = static_cast<std::size_t>(state.range(0));
    const Aligned<R> ranks(batch * n_columns);
    EachBatch(state, batch, [&](std::size_t first) {
      ranker->RankRows(subject->Block(first, batch), ranks.data(), n_columns);
      benchmark::DoNotOptimize(ranks.data());
    });
  };
  const auto lanes = [=](benchmark::State& state) {
    const auto batch = static_cast<std::size_t>(state.range(0));
    const Aligned<std::make_signed_t<R>> ranks(batch * n_columns);
    EachBatch(state, batch, [&](std::size_t first) {
      ranker->RankLanes(subject->Block(first, batch), ranks.data(), batch);
      benchmark::DoNotOptimize(ranks.data());
    });
  };
  Register(*subject, "rank_rows_" + Bits<R>(), rows)->Arg(1)->Arg(256);
  Register(*subject, "rank_lanes_" + Bits<R>(), lanes)->Arg(64)->Arg(256);
}

const auto& LaneKernelsFor(std::uint8_t /*rank*/) { return plan::ChosenLaneKernels().of8; }
const auto& LaneKernelsFor(std::uint16_t /*rank*/) { return plan::ChosenLaneKernels().of16; }

// Lane select without its ranks and sums: all trees for one wide group of rows, and for one narrow.
template <class R>
void RegisterSelect(const SharedSubject& subject, const Columns& columns, std::size_t leaves_max) {
  const auto& kernels = LaneKernelsFor(R{});
  auto compiled = plan::LaneTrees::Compile(subject->forest(), {0, subject->forest().n_trees()},
                                           columns, leaves_max, sizeof(R), kernels.complete_depths);
  if (!compiled) return;
  const auto trees = std::make_shared<const plan::LaneTrees>(std::move(*compiled));
  const auto ranker = MakeRanker<R>(*subject, columns);
  const std::size_t n_columns = ranker->n_columns();
  const auto select = [=, &kernels](benchmark::State& state) {
    const auto group = static_cast<std::size_t>(state.range(0));
    const auto run = group == kernels.wide ? kernels.select_wide : kernels.select_narrow;
    const std::size_t n_groups = kRows / group;
    const Aligned<std::make_signed_t<R>> ranks(n_groups * group * n_columns);
    for (std::size_t g = 0; g < n_groups; ++g) {
      ranker->RankLanes(subject->Block(g * group, group), ranks.data() + g * group * n_columns,
                        group);
    }
    const Aligned<R> leaves(group);
    EachBatch(state, group, [&](std::size_t first) {
      for (std::size_t t = 0; t < trees->trees.size(); ++t) {
        run(trees->tree(t), ranks.data() + first * n_columns, n_columns, 1, leaves.data());
        benchmark::DoNotOptimize(leaves.data());
      }
    });
  };
  Register(*subject, "select_" + Bits<R>(), select)
      ->Arg(static_cast<int>(kernels.narrow))
      ->Arg(static_cast<int>(kernels.wide));
}

void RegisterParts(const SharedSubject& subject) {
  const Forest& forest = subject->forest();
  const auto columns = Columns::Compile(forest, {0, forest.n_trees()}, kTableBytesMax);
  if (!columns || columns->n_columns == 0) return;
  if (columns->rank_max <= 255) {
    RegisterRanks<std::uint8_t>(subject, *columns);
    RegisterSelect<std::uint8_t>(subject, *columns, 256);
  } else if (columns->rank_max <= 65535) {
    RegisterRanks<std::uint16_t>(subject, *columns);
    RegisterSelect<std::uint16_t>(subject, *columns, 1024);
  } else {
    RegisterRanks<std::uint32_t>(subject, *columns);
  }
}

// All of the model. Says why not, where it cannot be loaded.
bool RegisterAll(const std::string& spec) {
  auto loaded = LoadBenchModel(spec);
  if (!loaded.ok()) {
    std::fprintf(stderr, "%s\n", loaded.error().message.c_str());
    return false;
  }
  const auto subject = std::make_shared<const Subject>(std::move(*loaded));
  const auto targets = Plan::Targets();
  for (const std::string_view target : targets) {
    // Counts when something is compiled, and not later.
    Plan::LimitTarget(target);
    RegisterLayouts(subject);
    RegisterParts(subject);
  }
  Plan::LimitTarget(targets.front());
  return true;
}

}  // namespace
}  // namespace copse

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  std::vector<std::string> models(argv + 1, argv + argc);
  if (models.empty()) models.emplace_back(COPSE_SOURCE_DIR "/models/iris.safetensors");
  std::string targets;
  for (const std::string_view target : copse::Plan::Targets()) targets.append(target) += ' ';
  benchmark::AddCustomContext("instruction_sets", targets);
  for (const std::string& model : models) {
    if (!copse::RegisterAll(model)) return 3;
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
