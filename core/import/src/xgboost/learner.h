#pragma once

#include <optional>
#include <string>
#include <vector>

#include "imported.h"
#include "xgboost/json_view.h"
#include "xgboost/objective.h"

/// The parts of a saved booster, as its importer goes through them.
namespace copse::importer::xgboost {

using text::Flaw;
using view::Document;
using view::Value;

/// Bounded by what files need; more would be a hostile one.
inline constexpr std::size_t kFeaturesOfSmallFiles = std::size_t{1} << 17;

/// What `learner` says besides its trees.
struct Learner {
  Version version;
  Objective objective{};
  std::size_t n_features = 0, n_outputs = 1;
  std::vector<double> base;  ///< [n_outputs] margins
  std::optional<std::size_t> best_iteration, best_tree_limit;
};

/// A booster of trees: where its parts are.
struct TreeBooster {
  Value trees, tree_info, iteration_indptr, weight_drop, cats;
  std::size_t n_trees = 0, n_parallel_trees = 0;  ///< the last 0 where the file does not say
};

/// How many of the trees are used: all, or those of the rounds up to the best. Says a choice that
/// matters in `warnings`.
Flaw ChooseTrees(const Document& document, const TreeBooster& booster, const Learner& learner,
                 Iterations iterations, std::size_t& n_trees, std::vector<std::string>& warnings);

/// The trees, into imported.forest; marks features that trees split by category.
Flaw ReadTrees(const Document& document, const TreeBooster& booster, const Learner& learner,
               const ImportOptions& options, std::size_t n_bytes, Imported& imported);

/// Texts of categories (`cats`, since XGBoost 3.1), into imported.features.
Flaw ReadCategories(const Document& document, Value cats, Imported& imported);

}  // namespace copse::importer::xgboost
