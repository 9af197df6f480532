#include <algorithm>

#include "xgboost/learner.h"

// Which boosting rounds are used: Booster.predict takes all of the file, XGBClassifier.predict
// those up to the best iteration (python-package/xgboost/sklearn.py, `_get_iteration_range`).
namespace copse::importer::xgboost {
namespace {

/// Where each round's trees end: [rounds], rising to the number of trees; empty where unknown.
Flaw ReadRounds(const Document& document, const TreeBooster& booster, const Learner& learner,
                std::vector<std::size_t>& ends) {
  std::vector<std::int32_t> bounds;
  const std::size_t n_trees = booster.n_trees;
  if (booster.iteration_indptr.found()) {
    if (auto flaw = document.Numbers(booster.iteration_indptr, "iteration_indptr", bounds)) {
      return flaw;
    }
    const bool is_rising = std::is_sorted(bounds.begin(), bounds.end());
    if (bounds.empty() || bounds[0] != 0 || !is_rising ||
        static_cast<std::size_t>(bounds.back()) != n_trees) {
      return text::Invalid({"iteration_indptr does not rise from 0 to the ", n_trees, " trees"});
    }
    ends.assign(bounds.begin() + 1, bounds.end());
    return {};
  }
  // Before 1.4 only the attributes tell how many trees stand beside each other: best_ntree_limit
  // counts them, best_iteration counts rounds.
  std::size_t n_parallel = booster.n_parallel_trees;
  if (n_parallel == 0 && learner.best_iteration && learner.best_tree_limit) {
    n_parallel = *learner.best_tree_limit / (*learner.best_iteration + 1);
  }
  const std::size_t per_round = std::max<std::size_t>(1, n_parallel) * learner.n_outputs;
  if (n_trees % per_round != 0) return {};
  for (std::size_t end = per_round; end <= n_trees; end += per_round) ends.push_back(end);
  return {};
}

std::optional<std::size_t> BestRounds(const TreeBooster& booster, const Learner& learner) {
  if (learner.best_iteration) return *learner.best_iteration + 1;
  if (!learner.best_tree_limit) return std::nullopt;
  return *learner.best_tree_limit / std::max<std::size_t>(1, booster.n_parallel_trees);
}

}  // namespace

Flaw ChooseTrees(const Document& document, const TreeBooster& booster, const Learner& learner,
                 Iterations iterations, std::size_t& n_trees, std::vector<std::string>& warnings) {
  n_trees = booster.n_trees;
  std::vector<std::size_t> ends;
  if (auto flaw = ReadRounds(document, booster, learner, ends)) return flaw;
  const auto best = BestRounds(booster, learner);
  const bool wants_best = iterations == Iterations::kBest;
  if (!best || *best == 0) return {};
  if (*best > ends.size()) {
    if (wants_best) {
      warnings.push_back(text::Concat(
          {"The file names round ", *best, " best and holds ", ends.size(), "; all are used."}));
    }
    return {};
  }
  if (*best == ends.size()) return {};
  std::string warning =
      text::Concat({"Early stopping found round ", *best, " of ", ends.size(), " best; "});
  if (wants_best) {
    warning += text::Concat({"the first ", *best, " are used (--iterations all keeps all)."});
  } else {
    warning += text::Concat(
        {"all ", ends.size(), " are used (--iterations best keeps the first ", *best, ")."});
  }
  warnings.push_back(std::move(warning));
  if (wants_best) n_trees = ends[*best - 1];
  return {};
}

}  // namespace copse::importer::xgboost
