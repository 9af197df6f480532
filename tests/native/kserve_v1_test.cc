#include "kserve_v1.h"

#include <gtest/gtest.h>

#include <cmath>

#include "row_fixtures.h"

namespace copse {
namespace {

std::string Why(const Model& model, std::string_view body) {
  Blame blame;
  return test::MessageOf(RowsFromInstances(model, body, blame));
}

TEST(RowsFromInstances, AreListsOrObjects) {
  Blame blame;
  const auto rows = RowsFromInstances(test::Iris(),
                                      R"({"signature_name":"x","instances":[[1,2,3,4],
          {"p_width":8,"p_length":7,"s_width":6,"s_length":5}]})",
                                      blame);
  ASSERT_TRUE(rows.ok()) << rows.error().message;
  EXPECT_EQ(rows->n_rows, 2U);
  EXPECT_EQ(rows->values, (std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(RowsFromInstances, RefusesEverythingElse) {
  for (const char* const body :
       {"", "[]", "[[1,2,3,4]]", "{}", R"({"instances":1})", R"({"instances":[]})",
        R"({"instances":[1,2,3,4]})", R"({"instances":[[1,2,3]]})",
        R"({"instances":[[1,2,3,null]]})", R"({"instances":[[1,2,3,NaN]]})",
        R"({"instances":[[1,2,3,4]])",
        R"({"instances":{"s_length":1,"s_width":1,"p_length":1,"p_width":1}})"}) {
    EXPECT_NE(Why(test::Iris(), body), "(accepted)") << body;
  }
  EXPECT_NE(Why(test::Iris(), R"({"instances":[[1,2,"a",4]]})").find("p_length"),
            std::string::npos);
}

TEST(PredictionsJson, AreIndicesAndValues) {
  const std::vector<double> iris = {5.1, 3.5, 1.4, 0.2, 7.2, 3.6, 6.1, 2.5};
  EXPECT_EQ(PredictionsJson(test::Iris(), PredictEverything(test::Iris(), iris)),
            R"({"predictions":[0,2]})");
  const std::vector<double> shirts = {100000, -0.5, 1e300, 0, 1, 2, 0, std::nan(""), 0};
  EXPECT_EQ(PredictionsJson(test::Shirts(), PredictEverything(test::Shirts(), shirts)),
            R"({"predictions":[[100000,-0.5,1e+300],[0,1,2],[null,null,null]]})");
}

}  // namespace
}  // namespace copse
