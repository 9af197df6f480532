#include "bench_report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "model_text.h"

namespace copse {
namespace {

using Json = nlohmann::ordered_json;

std::size_t TreesOf(const Model& model) {
  return model.forest() == nullptr ? 0 : model.forest()->n_trees();
}

// "1,234,568"
std::string GroupedCount(std::uint64_t n) {
  std::string grouped = std::to_string(n);
  for (std::size_t at = grouped.size(); at > 3;) grouped.insert(at -= 3, ",");
  return grouped;
}

// 1234567.8 as "1,234,568", and numbers below 100 with a tenth or two.
std::string Grouped(double number) {
  if (number >= 100) return GroupedCount(static_cast<std::uint64_t>(std::llround(number)));
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", number < 10 ? 2 : 1, number);
  return text;
}

std::string Ratio(double slow, double fast) { return Grouped(slow / fast) + "x"; }

void AppendLine(std::string& text, const std::string& name, const std::string& value) {
  text += name + std::string(name.size() < 12 ? 12 - name.size() : 1, ' ') + value + "\n";
}

// Columns as wide as they have to be; the first to the left, numbers to the right.
std::string Table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - row[i].size(), ' ');
      text += (i == 0 ? row[i] + padding : "  " + padding + row[i]);
    }
    text += "\n";
  }
  return text;
}

std::string RowsText(const BenchReport& report) {
  const std::string counted = GroupedCount(report.n_rows) + " rows";
  if (report.rows_from == "synthetic") {
    return counted + ", synthetic: each gap between a feature's thresholds as often as the next";
  }
  if (report.n_rows_read == report.n_rows) return counted + " of " + Plain(report.rows_from);
  return counted + ": the " + Counted(report.n_rows_read, "row") + " of " +
         Plain(report.rows_from) + " again and again, which looks faster than different rows";
}

std::vector<BenchCell> AllCells(const BenchReport& report) {
  std::vector<BenchCell> cells = report.cells;
  if (report.all_cores) cells.push_back(*report.all_cores);
  return cells;
}

std::string CellTable(const BenchReport& report, std::size_t n_trees) {
  std::vector<std::vector<std::string>> rows = {
      {"rows a call", "threads", "layout", "ns/row", "ns/tree", "plain walk", "faster"}};
  for (const BenchCell& cell : AllCells(report)) {
    const double ns = cell.timing.ns_per_row;
    const double plain = cell.plain_walk ? cell.plain_walk->ns_per_row : 0;
    rows.push_back({GroupedCount(cell.batch), std::to_string(cell.n_threads), cell.layout,
                    Grouped(ns), n_trees == 0 ? "-" : Grouped(ns / static_cast<double>(n_trees)),
                    cell.plain_walk ? Grouped(plain) : "-",
                    cell.plain_walk ? Ratio(plain, ns) : "-"});
  }
  return Table(rows);
}

// The fastest layout at batch size `i`, or nothing where none fits.
const TunedLayout* Fastest(const BenchReport& report, std::size_t i) {
  const TunedLayout* best = nullptr;
  for (const TunedLayout& tuned : report.tuned) {
    if (tuned.timings.empty()) continue;
    if (best == nullptr || tuned.timings[i].ns_per_row < best->timings[i].ns_per_row) best = &tuned;
  }
  return best;
}

std::string TunedTable(const BenchReport& report) {
  std::vector<std::vector<std::string>> rows = {{"ns/row"}};
  for (const BenchCell& cell : report.cells) rows[0].push_back(std::to_string(cell.batch));
  for (const TunedLayout& tuned : report.tuned) {
    std::vector<std::string> row = {tuned.layout};
    for (std::size_t i = 0; i < report.cells.size(); ++i) {
      row.push_back(tuned.timings.empty() ? "does not fit" : Grouped(tuned.timings[i].ns_per_row));
    }
    rows.push_back(std::move(row));
  }
  std::vector<std::string> fastest = {"fastest"}, chosen = {"rules choose"};
  for (std::size_t i = 0; i < report.cells.size(); ++i) {
    const TunedLayout* best = Fastest(report, i);
    fastest.push_back(best == nullptr ? "-" : best->layout);
    chosen.push_back(report.cells[i].layout);
  }
  rows.push_back(std::move(fastest));
  rows.push_back(std::move(chosen));
  return Table(rows);
}

std::string ExactText(const BenchReport& report) {
  if (report.cells.front().plain_walk == std::nullopt) return "a linear model has one evaluation";
  return report.is_exact() ? "every answer has the bits of the plain walk"
                           : "NO: answers differ from the plain walk";
}

Json TimingJson(const Timing& timing, std::size_t batch, std::size_t n_trees) {
  Json json = {{"batch", batch},
               {"ns_per_row", timing.ns_per_row},
               {"ns_per_row_fastest", timing.ns_per_row_fastest},
               {"runs", timing.n_runs}};
  json["ns_per_tree"] =
      n_trees == 0 ? Json() : Json(timing.ns_per_row / static_cast<double>(n_trees));
  return json;
}

Json CellsJson(const BenchReport& report, std::size_t n_trees) {
  Json cells = Json::array();
  for (const BenchCell& cell : AllCells(report)) {
    Json json = TimingJson(cell.timing, cell.batch, n_trees);
    json["threads"] = cell.n_threads;
    json["layout"] = cell.layout;
    json["plain_walk_ns_per_row"] = cell.plain_walk ? Json(cell.plain_walk->ns_per_row) : Json();
    json["exact"] = cell.is_exact;
    cells.push_back(std::move(json));
  }
  return cells;
}

Json TunedJson(const BenchReport& report, std::size_t n_trees) {
  Json layouts = Json::array();
  for (const TunedLayout& tuned : report.tuned) {
    Json timings = Json::array();
    for (std::size_t i = 0; i < tuned.timings.size(); ++i) {
      timings.push_back(TimingJson(tuned.timings[i], report.cells[i].batch, n_trees));
    }
    layouts.push_back({{"layout", tuned.layout},
                       {"fits", !tuned.timings.empty()},
                       {"exact", tuned.is_exact},
                       {"batches", std::move(timings)}});
  }
  return layouts;
}

// What becomes of the rows behind the last whole group.
std::string StepText(const BenchChoice& choice) {
  if (choice.rows_step == 0) return {};
  return "; in groups of " + std::to_string(choice.rows_step) + ", fewer than " +
         std::to_string(choice.rows_min) + " left over as above";
}

}  // namespace

bool BenchReport::is_exact() const {
  const auto exact = [](const auto& part) { return part.is_exact; };
  return std::all_of(cells.begin(), cells.end(), exact) && (!all_cores || all_cores->is_exact) &&
         std::all_of(tuned.begin(), tuned.end(), exact);
}

std::string BenchText(const LoadedModel& loaded, const BenchReport& report) {
  const Model& model = loaded.model;
  std::string text;
  AppendLine(text, "model", loaded.name + ", " + ShapeText(model));
  char compiled[96];
  std::snprintf(compiled, sizeof compiled, "read in %.2f ms, compiled in %.2f ms, ", report.read_ms,
                report.compile_ms);
  AppendLine(text, "plan",
             compiled + Counted(report.plan_bytes, "byte") + " beside " +
                 Counted(loaded.bytes.size(), "byte") + " of model, kernels for " + report.target);
  for (const BenchChoice& choice : report.choices) {
    const std::string from = choice.rows_min <= 1 ? "" : std::to_string(choice.rows_min) + "+ rows";
    AppendLine(text, from, choice.layout + ": " + choice.reason + StepText(choice));
  }
  AppendLine(text, "rows",
             RowsText(report) + (model.input() == Precision::kFloat32 ? ", float32" : ", float64"));
  AppendLine(text, "exact", ExactText(report));
  text += "\nMedians:\n" + CellTable(report, TreesOf(model));
  if (!report.tuned.empty()) text += "\nEvery layout in turn:\n" + TunedTable(report);
  return text;
}

std::string BenchJson(const LoadedModel& loaded, const BenchReport& report) {
  const Model& model = loaded.model;
  const std::size_t n_trees = TreesOf(model);
  Json choices = Json::array();
  for (const BenchChoice& choice : report.choices) {
    choices.push_back({{"rows_min", choice.rows_min},
                       {"rows_step", choice.rows_step},
                       {"layout", choice.layout},
                       {"reason", choice.reason}});
  }
  Json json = {{"name", loaded.name},
               {"sha256", loaded.sha256},
               {"trees", n_trees},
               {"features", model.n_features()},
               {"margins", model.n_margins()},
               {"model_bytes", loaded.bytes.size()},
               {"input", model.input() == Precision::kFloat32 ? "float32" : "float64"},
               {"target", report.target},
               {"plan_bytes", report.plan_bytes},
               {"read_ms", report.read_ms},
               {"compile_ms", report.compile_ms},
               {"choices", std::move(choices)},
               {"rows", report.n_rows},
               {"rows_read", report.n_rows_read},
               {"rows_from", report.rows_from},
               {"exact", report.is_exact()},
               {"batches", CellsJson(report, n_trees)}};
  if (!report.tuned.empty()) json["tuned"] = TunedJson(report, n_trees);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace copse
