#include "v2_rows.h"

#include <gtest/gtest.h>

#include <cmath>

#include "row_fixtures.h"

namespace copse {
namespace {

std::string Input(const std::string& name, const std::string& shape, const std::string& data,
                  const std::string& datatype = "FP64") {
  return R"({"name":")" + name + R"(","shape":)" + shape + R"(,"datatype":")" + datatype +
         R"(","data":)" + data + "}";
}

Result<Rows> Read(const Model& model, const std::string& inputs, Blame* blame = nullptr) {
  Blame unread;
  Blame& learned = blame != nullptr ? *blame : unread;
  const std::string body = R"({"inputs":[)" + inputs + "]}";
  const auto request = ParseInferRequest(body, std::nullopt, learned);
  if (!request.ok()) return request.error();
  return RowsFromInputs(model, *request, learned);
}

std::string Why(const Model& model, const std::string& inputs) {
  return test::MessageOf(Read(model, inputs));
}

::testing::AssertionResult Says(const std::string& why, const std::string& part) {
  if (why.find(part) != std::string::npos) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << why;
}

TEST(RowsFromInputs, TakesOneMatrix) {
  const auto rows = Read(test::Iris(), Input("input-0", "[2,4]", "[1,2,3,4,5,6,7,8]"));
  ASSERT_TRUE(rows.ok()) << rows.error().message;
  EXPECT_EQ(rows->n_rows, 2U);
  EXPECT_TRUE(rows->is_list);
  EXPECT_EQ(rows->values, (std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(Read(test::Iris(), Input("input__0", "[4]", "[1,2,3,4]", "INT8"))->n_rows, 1U);
  EXPECT_EQ(Read(test::Iris(), Input("input-0", "[0,4]", "[]"))->n_rows, 0U);
}

TEST(RowsFromInputs, TakesOneInputForEachFeature) {
  const auto rows = Read(test::Iris(), Input("p_width", "[2]", "[4,8]", "UINT8") + "," +
                                           Input("s_length", "[2,1]", "[[1],[5]]") + "," +
                                           Input("s_width", "[2]", "[2,6]", "FP32") + "," +
                                           Input("p_length", "[2,1]", "[3,7]", "INT64"));
  ASSERT_TRUE(rows.ok()) << rows.error().message;
  EXPECT_EQ(rows->values, (std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(RowsFromInputs, RefusesOtherShapesAndNames) {
  const Model& iris = test::Iris();
  EXPECT_TRUE(Says(Why(iris, Input("input-0", "[1,3]", "[1,2,3]")), "[n,4] was expected"));
  EXPECT_TRUE(Says(Why(iris, Input("input-0", "[4,1]", "[1,2,3,4]")), "[n,4] was expected"));
  EXPECT_TRUE(Says(Why(iris, Input("input-0", "[1,1,4]", "[1,2,3,4]")), "[n,4] was expected"));
  EXPECT_TRUE(Says(Why(iris, Input("input-0", "[]", "[1]")), "[n,4] was expected"));
  EXPECT_TRUE(Says(Why(iris, Input("input-0", "[8]", "[1,2,3,4,5,6,7,8]")), "[n,4] was expected"));
  EXPECT_TRUE(Says(Why(iris, Input("X", "[1,4]", "[1,2,3,4]")), "\"X\" is not known"));
  EXPECT_TRUE(Says(Why(iris, Input("s_length", "[1]", "[1]")), "no input \"s_width\""));
  EXPECT_TRUE(Says(
      Why(iris, Input("input-0", "[1,4]", "[1,2,3,4]") + "," + Input("s_length", "[1]", "[1]")),
      "\"input-0\" is not known"));
  const std::string rest = "," + Input("s_width", "[1]", "[1]") + "," +
                           Input("p_length", "[1]", "[1]") + "," + Input("p_width", "[1]", "[1]");
  EXPECT_TRUE(Says(Why(iris, Input("s_length", "[2]", "[1,2]") + rest), "as many were expected"));
  EXPECT_TRUE(Says(Why(iris, Input("s_length", "[1,2]", "[1,2]") + rest), "[n] or [n,1]"));
}

TEST(RowsFromInputs, RefusalsNameRowFeatureAndValue) {
  Blame blame;
  const auto rows =
      Read(test::Iris(), Input("input-0", "[2,4]", "[1,2,3,4,5,300,7,8]", "UINT8"), &blame);
  EXPECT_EQ(test::MessageOf(rows),
            "row 2: \"s_width\" is 300; UINT8 takes whole numbers from 0 to 255");
  EXPECT_EQ(blame.field, "s_width");
  EXPECT_EQ(blame.value, "300");
  EXPECT_TRUE(Says(Why(test::Iris(), Input("input-0", "[1,4]", "[1,2,null,4]")),
                   "row 1: \"p_length\" is null, and this model takes no missing values"));
  EXPECT_TRUE(Says(Why(test::Iris(), Input("input-0", "[1,4]", "[1,2,1e39,4]")), "p_length"));
}

TEST(RowsFromInputs, NullIsMissingWhereTheModelAllowsIt) {
  const auto rows = Read(test::Shirts(), Input("input-0", "[1,3]", "[null,1,2]"));
  ASSERT_TRUE(rows.ok()) << rows.error().message;
  EXPECT_TRUE(std::isnan(rows->values[0]));
  EXPECT_TRUE(Says(Why(test::Shirts(), Input("input-0", "[1,3]", "[null,1,2]", "INT32")),
                   "\"size\" is null; INT32 takes"));
}

TEST(RowsFromInputs, CategoriesAreCodesOrTexts) {
  const std::string rest =
      "," + Input("size", "[2]", "[1,2]") + "," + Input("code", "[2]", "[0,1]");
  const auto texts =
      Read(test::Shirts(), Input("color", "[2]", R"(["green","4"])", "BYTES") + rest);
  ASSERT_TRUE(texts.ok()) << texts.error().message;
  EXPECT_EQ(texts->values[1], 1);
  EXPECT_EQ(texts->values[4], 2);
  const auto codes = Read(test::Shirts(), Input("color", "[2]", "[3,0]", "INT32") + rest);
  EXPECT_EQ(codes->values[1], 3);
  EXPECT_TRUE(
      Says(Why(test::Shirts(), Input("color", "[2]", R"(["green","blue"])", "BYTES") + rest),
           "row 2: \"color\" is the text \"blue\""));
  EXPECT_TRUE(Says(Why(test::Shirts(), Input("color", "[2]", R"(["green",4])", "BYTES") + rest),
                   "row 2: \"color\" is 4; BYTES takes texts"));
  const auto missing =
      Read(test::Shirts(), Input("color", "[2]", R"([null,"red"])", "BYTES") + rest);
  EXPECT_TRUE(std::isnan(missing->values[1]));
}

TEST(RowsFromRawTensor, IsTheMatrixAsFp64) {
  Blame blame;
  std::string body;
  for (const double x : {1.0, 2.0, 3.0, 4.0}) AppendBytes(body, x);
  const auto rows = RowsFromRawTensor(test::Iris(), body + body, blame);
  ASSERT_TRUE(rows.ok());
  EXPECT_EQ(rows->n_rows, 2U);
  EXPECT_EQ(rows->values, (std::vector<double>{1, 2, 3, 4, 1, 2, 3, 4}));
  EXPECT_EQ(RowsFromRawTensor(test::Iris(), "", blame)->n_rows, 0U);
  EXPECT_FALSE(RowsFromRawTensor(test::Iris(), body + "x", blame).ok());
  std::string nan;
  AppendBytes(nan, std::nan(""));
  EXPECT_FALSE(RowsFromRawTensor(test::Iris(), nan + nan + nan + nan, blame).ok());
  EXPECT_EQ(blame.field, test::Iris().features()[0].name);
  EXPECT_EQ(blame.value, "nan");
}

}  // namespace
}  // namespace copse
