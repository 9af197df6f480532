#include "copse/eigen.h"

#include <gtest/gtest.h>

#include <utility>

#include "bits.h"
#include "model_parts.h"

namespace copse {
namespace {

using test::kNan;

constexpr const char* kTwoClasses =
    R"([{"name":"y","kind":"class","labels":["no","yes"],"label_type":"str","columns":[0,2]}])";

// Two features that are the margins, and by the identity the values, of two classes.
Model TwoClasses(const char* missing = "allowed") {
  ModelParts parts = test::Passing(2, "identity", kTwoClasses);
  parts.metadata["missing"] = missing;
  return test::MakeModel(std::move(parts));
}

// [[0.25, 0.75], [3, 2], [1, 1]]: classes 1, 0, 0.
Matrix Rows() {
  Matrix rows(3, 2);
  rows << 0.25, 0.75, 3, 2, 1, 1;
  return rows;
}

Matrix Indices() {
  Matrix indices(3, 1);
  indices << 1, 0, 0;
  return indices;
}

TEST(Eigen, GivesEachAnswerAsAMatrix) {
  const Model model = TwoClasses();
  const auto predicted = Predict(model, Rows());
  ASSERT_TRUE(predicted.ok());
  EXPECT_EQ(*predicted, Indices());
  EXPECT_EQ(*PredictProba(model, Rows()), Rows());
  EXPECT_EQ(*PredictMargins(model, Rows()), Rows());
  EXPECT_EQ(*PredictAnswer(model, Answer::kIndex, Rows()), Indices());
}

TEST(Eigen, TakesRowsOfAnyLayout) {
  const Model model = TwoClasses();
  const Eigen::MatrixXd column_major = Rows();
  EXPECT_EQ(*PredictProba(model, column_major), Rows());
  Matrix wide(3, 4);
  wide << Rows(), Rows() * 10;
  EXPECT_EQ(*PredictProba(model, wide.leftCols(2)), Rows()) << "a block with gaps";
  EXPECT_EQ(*PredictProba(model, wide.middleRows(1, 2).leftCols(2)), Rows().bottomRows(2));
  EXPECT_EQ(*PredictProba(model, Rows() + Rows()), Rows() * 2) << "an expression";
  const double numbers[] = {0.25, 0.75, 3, 2, 1, 1};
  EXPECT_EQ(*PredictProba(model, Eigen::Map<const Matrix>(numbers, 3, 2)), Rows());
}

TEST(Eigen, TakesFloats) {
  const Model model = TwoClasses();
  const MatrixF rows = Rows().cast<float>();
  EXPECT_EQ(*Predict(model, rows), Indices());
  EXPECT_EQ(*PredictProba(model, rows), Rows());
  EXPECT_EQ(*PredictMargins(model, Eigen::MatrixXf(rows)), Rows());
}

TEST(Eigen, TakesNoRows) {
  const auto margins = PredictMargins(TwoClasses(), Matrix(0, 2));
  ASSERT_TRUE(margins.ok());
  EXPECT_EQ(margins->rows(), 0);
  EXPECT_EQ(margins->cols(), 2);
}

TEST(Eigen, RefusesAWrongWidth) {
  const auto margins = PredictMargins(TwoClasses(), Matrix(1, 3));
  ASSERT_FALSE(margins.ok());
  EXPECT_EQ(margins.error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(margins.error().message, "the matrix has 3 columns, and the model has 2 features");
}

TEST(Eigen, RefusesWhatTheModelDoesNotTake) {
  const Model model = TwoClasses("error");
  Matrix rows = Rows();
  rows(1, 1) = kNan;
  EXPECT_EQ(Predict(model, rows).error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(Predict(model, MatrixF(rows.cast<float>())).error().code, ErrorCode::kInvalidInput);
}

TEST(Eigen, RefusesAnAnswerThatTheModelDoesNotHave) {
  const auto leaves = PredictAnswer(TwoClasses(), Answer::kLeaf, Rows());
  ASSERT_FALSE(leaves.ok());
  EXPECT_EQ(leaves.error().code, ErrorCode::kInvalidInput);
}

}  // namespace
}  // namespace copse
