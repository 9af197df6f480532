#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench.h"
#include "bench_report.h"
#include "bench_rows.h"
#include "commands.h"
#include "cores.h"
#include "import_flags.h"
#include "loaded_model.h"
#include "row_files.h"
#include "row_pool.h"

namespace copse {
namespace {

// Different rows, so that none is learnt by heart, in memory that any machine has.
constexpr std::size_t kRows = 10'000;
constexpr std::size_t kValuesMax = std::size_t{1} << 25;
constexpr std::size_t kBatchMax = 1'000'000;

struct BenchOptions {
  std::string model, input, target;
  std::vector<std::size_t> batches;
  bool json = false, tune = false;
  ImportOptions import;
};

// The values again from the start until there are `n`.
void Repeat(std::vector<double>& values, std::size_t n) {
  const std::size_t period = values.size();
  values.reserve(n);
  while (values.size() < n) values.push_back(values[values.size() - period]);
}

// Rows to measure with; `report` learns how many and where from.
Result<BenchRows> PrepareRows(const Model& model, const BenchOptions& options,
                              std::size_t batch_max, BenchReport& report) {
  const std::size_t n_rows_max =
      std::max<std::size_t>(kValuesMax / std::max(model.n_features(), model.n_margins()), 1);
  report.n_rows = std::min(n_rows_max, std::max(kRows, batch_max));
  report.n_rows_read = report.n_rows;
  report.rows_from = options.input.empty() ? "synthetic" : options.input;
  if (options.input.empty()) return BenchRows(model, SyntheticRows(model, report.n_rows));
  auto values = ReadRowsOfFile(model, options.input, report.n_rows);
  if (!values.ok()) return values.error();
  report.n_rows_read = values->size() / model.n_features();
  Repeat(*values, report.n_rows * model.n_features());
  return BenchRows(model, *values);
}

std::string LayoutFor(const Plan& plan, std::size_t batch) {
  LayoutKind kind = LayoutKind::kPlainWalk;
  for (const Plan::Choice& choice : plan.choices()) {
    if (choice.rows_min <= batch) kind = choice.layout;
  }
  return std::string(LayoutName(kind));
}

double MsSince(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
      .count();
}

// The plan that everybody gets, and how long it took to make.
Plan Compile(const Forest& forest, BenchReport& report) {
  const auto begin = std::chrono::steady_clock::now();
  Plan plan(forest);
  report.compile_ms = MsSince(begin);
  report.plan_bytes = plan.bytes();
  report.target = Plan::Target();
  for (std::size_t i = 0; i < plan.choices().size(); ++i) {
    const Plan::Choice& choice = plan.choices()[i];
    report.choices.push_back({choice.rows_min, choice.rows_step,
                              std::string(LayoutName(choice.layout)), plan.Reason(i)});
  }
  return plan;
}

// One layout alone, at every batch size.
TunedLayout Tune(const Model& model, const BenchRows& rows, std::span<const std::size_t> batches,
                 std::span<const double> expected, LayoutKind kind) {
  const Plan plan(*model.forest(), {.only = {kind}});
  TunedLayout tuned{std::string(LayoutName(kind)), {}, true};
  if (plan.choices().front().layout != kind) return tuned;
  const Evaluate subject = EvaluateWith(plan, rows, model.n_margins());
  for (const std::size_t batch : batches) {
    const auto margins = MarginsInBatches(subject, rows.size(), batch, model.n_margins());
    tuned.is_exact = tuned.is_exact && SameBits(margins, expected);
    const auto timings = TimeInTurns({&subject, 1}, rows.size(), batch, model.n_margins());
    tuned.timings.push_back(timings.front());
  }
  return tuned;
}

// The largest batch once more, on every core that this process may use.
void MeasureThreads(const Plan& plan, const BenchRows& rows, std::size_t batch,
                    std::size_t n_margins, BenchReport& report) {
  const std::size_t n_threads = CoresAllowed();
  if (n_threads < 2 || batch <= kPieceRowsMin) return;  // so few are never split
  RowPool pool(n_threads - 1);
  const Evaluate one = EvaluateWith(plan, rows, n_margins);
  const Evaluate many = SplitByRows(one, pool, n_threads, n_margins);
  const bool is_exact = SameBits(MarginsInBatches(many, rows.size(), batch, n_margins),
                                 MarginsInBatches(one, rows.size(), batch, n_margins));
  const auto timings = TimeInTurns({&many, 1}, rows.size(), batch, n_margins, TimeOf::kWall);
  report.all_cores = {batch,           n_threads,    LayoutFor(plan, batch),
                      timings.front(), std::nullopt, is_exact};
}

void MeasureForest(const Model& model, const BenchRows& rows, std::span<const std::size_t> batches,
                   bool tune, BenchReport& report) {
  const std::size_t n_margins = model.n_margins();
  const Plan plan = Compile(*model.forest(), report);
  const Evaluate subjects[] = {EvaluateWith(plan, rows, n_margins),
                               EvaluateWith(*model.forest(), rows, n_margins)};
  const std::vector<double> expected =
      MarginsInBatches(subjects[1], rows.size(), rows.size(), n_margins);
  for (const std::size_t batch : batches) {
    const auto margins = MarginsInBatches(subjects[0], rows.size(), batch, n_margins);
    const auto timings = TimeInTurns(subjects, rows.size(), batch, n_margins);
    report.cells.push_back(
        {batch, 1, LayoutFor(plan, batch), timings[0], timings[1], SameBits(margins, expected)});
  }
  MeasureThreads(plan, rows, batches.back(), n_margins, report);
  if (!tune) return;
  for (const LayoutKind kind :
       {LayoutKind::kPlainWalk, LayoutKind::kNode8, LayoutKind::kSlot4, LayoutKind::kLaneSelect,
        LayoutKind::kBitWalk, LayoutKind::kLeafMatch, LayoutKind::kGroups}) {
    report.tuned.push_back(Tune(model, rows, batches, expected, kind));
  }
}

// A linear model has no trees to lay out: its one way is measured.
void MeasureLinear(const Model& model, const BenchRows& rows, std::span<const std::size_t> batches,
                   BenchReport& report) {
  report.target = Plan::Target();
  const Evaluate subject = EvaluateWith(model, rows, model.n_margins());
  for (const std::size_t batch : batches) {
    const auto timings = TimeInTurns({&subject, 1}, rows.size(), batch, model.n_margins());
    report.cells.push_back({batch, 1, "linear", timings.front(), std::nullopt, true});
  }
}

// Those of `asked` for which there are rows, rising; the usual four where nothing is asked.
std::vector<std::size_t> BatchesOf(std::vector<std::size_t> asked, std::size_t n_rows) {
  if (asked.empty()) asked = {1, 16, 256, kRows};
  for (std::size_t& batch : asked) batch = std::min(batch, n_rows);
  std::sort(asked.begin(), asked.end());
  asked.erase(std::unique(asked.begin(), asked.end()), asked.end());
  return asked;
}

std::vector<std::string> TargetNames() {
  const auto names = Plan::Targets();
  return {names.begin(), names.end()};
}

Status Bench(const BenchOptions& options) {
  if (!options.target.empty()) Plan::LimitTarget(options.target);
  BenchReport report;
  const auto begin = std::chrono::steady_clock::now();
  auto loaded = LoadModel(options.model, options.import);
  if (!loaded.ok()) return loaded.error();
  report.read_ms = MsSince(begin);
  const Model& model = (*loaded)->model;
  const std::size_t batch_max =
      options.batches.empty() ? 0
                              : *std::max_element(options.batches.begin(), options.batches.end());
  auto rows = PrepareRows(model, options, batch_max, report);
  if (!rows.ok()) return rows.error();
  const std::vector<std::size_t> batches = BatchesOf(options.batches, rows->size());
  if (model.forest() != nullptr) {
    MeasureForest(model, *rows, batches, options.tune, report);
  } else {
    MeasureLinear(model, *rows, batches, report);
  }
  const std::string text = options.json ? BenchJson(**loaded, report) : BenchText(**loaded, report);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
  if (report.is_exact()) return Ok{};
  return Error{ErrorCode::kInternal, "a layout answered other bits than the plain walk"};
}

}  // namespace

Command AddBenchCommand(CLI::App& app) {
  auto options = std::make_shared<BenchOptions>();
  app.add_option("-m,--model", options->model,
                 "Model file of any format that can be imported, or NAME=FILE")
      ->required();
  app.add_option("-i,--input", options->input,
                 "Rows: a .csv, .ndjson or .npy file; default: synthetic rows");
  app.add_option("-b,--batch", options->batches,
                 "Rows a call, may be given again; default: 1 16 256 10000")
      ->check(CLI::Range(std::size_t{1}, kBatchMax));
  app.add_flag("--tune", options->tune, "Also time every layout that the trees fit");
  app.add_option("--target", options->target,
                 "Instruction set of the kernels; default: the first, which is the best")
      ->check(CLI::IsMember(TargetNames()));
  app.add_flag("--json", options->json, "As one JSON object");
  AddIterationsOption(app, options->import);
  app.footer(
      "Times are of margins in memory from rows in memory: of the processor with one thread, of "
      "the\n"
      "clock with more. Ends with 1 if a layout answers other bits than the plain walk.\n"
      "Pin it to compare: taskset -c 1 copse bench --model ...");
  return [options] { return Bench(*options); };
}

}  // namespace copse
