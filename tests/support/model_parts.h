#pragma once

#include <cstdlib>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "copse/model.h"

/// Small models for tests, made without a file.
namespace copse::test {

/// Metadata of a model that reads doubles, with features x0, x1, ... and the JSON of its outputs.
inline std::map<std::string, std::string> Metadata(std::size_t n_features, std::string link,
                                                   std::string outputs) {
  std::string features;
  for (std::size_t f = 0; f < n_features; ++f) {
    features += (f == 0 ? "" : ",") + std::string(R"({"name":"x)") + std::to_string(f) +
                R"(","kind":"num","categories":null})";
  }
  return {{"format", "copse.forest"},
          {"format_version", "1"},
          {"input", "f64"},
          {"accumulate", "f64"},
          {"combine", "sum"},
          {"link", std::move(link)},
          {"link_math", "f64"},
          {"decision", "argmax"},
          {"missing", "allowed"},
          {"features", "[" + features + "]"},
          {"outputs", std::move(outputs)}};
}

/// A linear model whose margins are the row itself: what comes after the margins, alone.
inline ModelParts Passing(std::size_t n, std::string link, std::string outputs) {
  LinearModel linear{.coef = std::vector<double>(n * n), .intercept = std::vector<double>(n)};
  for (std::size_t k = 0; k < n; ++k) linear.coef[k * n + k] = 1;
  ModelParts parts;
  parts.metadata = Metadata(n, std::move(link), std::move(outputs));
  parts.linear = std::move(linear);
  return parts;
}

/// Two trees over one column: x0 <= 2.5 with the first two leaves, and the third leaf alone.
inline ForestParts TwoTrees(std::vector<double> leaf_value = {1, 2, 3}, double base = 0) {
  ForestParts forest;
  forest.tree_begin = {0, 1, 1};
  forest.tree_root = {0, ~2};
  forest.left = {~0};
  forest.right = {~1};
  forest.feature = {0};
  forest.threshold = std::vector<double>{2.5};
  forest.flags = {0};
  forest.leaf_value = std::move(leaf_value);
  forest.base = std::vector<double>{base};
  return forest;
}

/// The model of parts that a test made itself; ends the program where they are refused.
inline Model MakeModel(ModelParts parts) {
  auto model = Model::Create(std::move(parts));
  if (!model.ok()) {
    std::cerr << model.error().message << "\n";
    std::abort();
  }
  return std::move(model).value();
}

}  // namespace copse::test
