#pragma once

#include <gtest/gtest.h>

#include <cctype>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "layouts.h"
#include "vectors.h"

/// What every suite of cases does with one: name it, predict its rows, compare with its engine.
namespace copse::test {

/// The case's name, as far as GoogleTest allows.
inline std::string TestName(const ::testing::TestParamInfo<std::string>& param) {
  std::string name = param.param;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

/// `answer` for all rows, [n_rows, columns]. A model that does not have it fails the test, and
/// nothing is returned.
inline std::vector<double> Predict(const Model& model, Answer answer, const Array& rows) {
  const auto columns = model.Columns(answer);
  EXPECT_TRUE(columns.ok()) << (columns.ok() ? "" : columns.error().message);
  if (!columns.ok()) return {};
  std::vector<double> out(rows.n_rows() * *columns);
  model.Predict(answer, rows.numbers, out);
  return out;
}

/// Fails the test at the first number that is not as near to the engine's as the case demands.
inline void ExpectAgreement(const ExpectedAnswer& expected, const std::vector<double>& ours,
                            std::size_t n_rows) {
  ASSERT_EQ(ours.size(), expected.numbers.numbers.size()) << "of " << n_rows << " rows";
  const std::size_t n_columns = ours.size() / n_rows;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const double theirs = expected.numbers.numbers[i];
    ASSERT_TRUE(Agrees(ours[i], theirs, expected.tolerance))
        << "row " << i / n_columns << ", column " << i % n_columns << ": "
        << ::testing::PrintToString(ours[i]) << ", and the engine has "
        << ::testing::PrintToString(theirs) << "; difference " << ours[i] - theirs;
  }
}

/// The model compiled as the rules choose, and once for each layout that its trees fit.
inline std::vector<Model> CompiledModels(const Model& plain) {
  std::vector<Model> models = {plain};
  models.back().Compile();
  if (plain.forest() == nullptr) return models;
  for (const LayoutKind kind : kLayouts) {
    Model model = plain;
    model.Compile({.only = {kind}});
    if (model.plan()->choices()[0].layout == kind) models.push_back(std::move(model));
  }
  return models;
}

/// Fails the test where a compiled model answers other bits than `plain`, for all rows in one call
/// or for a row alone.
inline void ExpectSameBits(const std::vector<Model>& compiled, Answer answer, const Array& rows,
                           const std::vector<double>& plain) {
  const std::size_t n_features = rows.n_columns(), n_columns = plain.size() / rows.n_rows();
  for (const Model& model : compiled) {
    SCOPED_TRACE(model.plan() ? LayoutName(model.plan()->choices()[0].layout) : "no trees");
    const std::vector<double> together = Predict(model, answer, rows);
    ASSERT_EQ(together.size(), plain.size());
    ASSERT_EQ(FirstDifference(together, plain), plain.size()) << "in one call";
    std::vector<double> alone(n_columns);
    for (std::size_t r = 0; r < rows.n_rows(); ++r) {
      model.Predict(answer, std::span(rows.numbers).subspan(r * n_features, n_features), alone);
      const auto expected = std::span(plain).subspan(r * n_columns, n_columns);
      ASSERT_EQ(FirstDifference(alone, expected), n_columns) << "row " << r << " alone";
    }
  }
}

/// The case is one of this model: it has rows, and they are accepted.
inline void ExpectRowsOf(const Model& model, const Case& found) {
  ASSERT_EQ(found.rows.n_columns(), model.n_features());
  ASSERT_GT(found.rows.n_rows(), 0u);
  const Status status = model.CheckRows(found.rows.numbers);
  ASSERT_TRUE(status.ok()) << status.error().message;
}

}  // namespace copse::test
