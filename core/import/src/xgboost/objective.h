#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imported.h"
#include "text.h"

/// What an objective of XGBoost makes of margins, and of its base score (src/objective/).
namespace copse::importer::xgboost {

/// XGBoost's own version, as the file names it; an unknown one counts as the newest.
struct Version {
  int major = 9999, minor = 0, patch = 0;
  bool is_known() const { return major < 9999; }
  bool AtLeast(int a, int b) const { return major > a || (major == a && minor >= b); }
  std::string Text() const;
};

/// What the outputs are.
enum class Task : std::uint8_t {
  kValue,   ///< numbers
  kBinary,  ///< two classes on each margin
  kMulti,   ///< a class on each margin
};

/// How a base score, which is in the space of predictions, becomes a margin.
enum class Start : std::uint8_t { kIdentity, kLogit, kLog };

struct Objective {
  std::string_view name;
  Task task;
  LinkKind link;
  Start start;
};

/// The objective of that name, or nothing.
std::optional<Objective> FindObjective(std::string_view name);

/// Link, decision and outputs of `n_margins` margins.
void SetOutputs(const Objective& objective, std::size_t n_margins, Imported& imported);

/// The margins that `scores` stand for, in place, rounded to float as XGBoost rounds.
/// Errors: kInvalidModel where a score is out of the objective's range.
text::Flaw StartMargins(const Objective& objective, const Version& version,
                        std::vector<double>& scores);

}  // namespace copse::importer::xgboost
