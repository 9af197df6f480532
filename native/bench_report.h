#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "bench.h"
#include "loaded_model.h"

/// What `copse bench` found, for people and for programs.
namespace copse {

/// One batch size: the plan as it chose, and the plain walk in the same minute.
struct BenchCell {
  std::size_t batch = 0;
  std::size_t n_threads = 1;
  std::string layout;  ///< what the plan evaluates it with
  Timing timing;
  std::optional<Timing> plain_walk;  ///< nothing for a linear model, or of many threads
  bool is_exact = false;             ///< all rows in batches of this size: the plain walk's bits
};

/// A layout that the plan could be made of (--tune).
struct TunedLayout {
  std::string layout;
  std::vector<Timing> timings;  ///< one for each batch size; empty where the trees do not fit
  bool is_exact = false;
};

/// What the plan takes from so many rows on.
struct BenchChoice {
  std::size_t rows_min = 1;
  std::size_t rows_step = 0;  ///< as Plan::Choice
  std::string layout, reason;
};

struct BenchReport {
  std::string target;     ///< instruction set of the kernels
  double read_ms = 0;     ///< reading, hashing, checking; of another library's file, importing
  double compile_ms = 0;  ///< making the plan, after which the model is ready
  std::size_t plan_bytes = 0;
  std::vector<BenchChoice> choices;
  std::size_t n_rows = 0;
  std::size_t n_rows_read = 0;         ///< of the input; fewer than n_rows where they are repeated
  std::string rows_from;               ///< "synthetic", or the input's path
  std::vector<BenchCell> cells;        ///< one for each batch size, one thread
  std::optional<BenchCell> all_cores;  ///< the largest batch again, where there are several
  std::vector<TunedLayout> tuned;      ///< empty without --tune

  bool is_exact() const;
};

std::string BenchText(const LoadedModel& loaded, const BenchReport& report);
/// One JSON object in one line.
std::string BenchJson(const LoadedModel& loaded, const BenchReport& report);

}  // namespace copse
