#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "copse/model.h"

/// Contributions as text: JSON with the names of features and classes, and names for a table.
namespace copse {

/// What a margin column is about: "setosa", "y", "y.1".
std::vector<std::string> MarginNames(const Model& model);

/// Names of the numbers of a row, [n_margins() * (n_features() + 1)]: features and `base`, each
/// behind the name of its margin where there are several: "setosa:p_length".
std::vector<std::string> ContributionNames(const Model& model);

/// Writes explained rows as JSON. Safe to share between threads; `model` must outlive it.
class ExplanationText {
 public:
  explicit ExplanationText(const Model& model);

  /// Appends the members of one row, without braces: `"margins":[{"output":"species",
  /// "class":"setosa","margin":0.98,"base":0.33,"contributions":{"s_length":0.05,...}},...]`, one
  /// object for each margin. `class` is that which a larger margin speaks for, and absent where
  /// the output has no classes; a number that is not finite is null.
  ///   margins  [n_margins()] before the link
  ///   parts    [n_margins(), n_features() + 1] see Explainer
  void AppendMembers(std::span<const double> margins, std::span<const double> parts,
                     std::string& text) const;

 private:
  std::vector<std::string> heads_;     // of each margin
  std::vector<std::string> features_;  // "name": of each feature
};

}  // namespace copse
