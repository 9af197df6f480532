#include "answer_writer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "row_fixtures.h"

namespace copse {
namespace {

using test::Iris;
using test::MakeModel;
using test::MessageOf;
using test::Passing;

const Rows kFlowers = {.n_rows = 2, .values = {5.1, 3.5, 1.4, 0.2, 6.0, 2.9, 4.5, 1.5}};

std::string Appended(const AnswerWriter& writer, const Rows& rows) {
  std::string bytes;
  writer.Append(rows, bytes);
  return bytes;
}

std::string Written(const Model& model, std::optional<Answer> answer, AnswerFormat format,
                    const Rows& rows = kFlowers) {
  const auto writer = AnswerWriter::Create(model, answer, format);
  if (!writer.ok()) return writer.error().message;
  return writer->Head(rows.n_rows) + Appended(*writer, rows);
}

// The dictionary of a .npy head, without its padding.
std::string Dictionary(const std::string& bytes) {
  return bytes.substr(10, bytes.find('}') + 1 - 10);
}

TEST(AnswerWriter, WritesALineARowAsCsv) {
  EXPECT_EQ(Written(Iris(), Answer::kPredict, AnswerFormat::kCsv), "setosa\nversicolor\n");
  EXPECT_EQ(Written(Iris(), Answer::kIndex, AnswerFormat::kCsv), "0\n1\n");
  EXPECT_EQ(Written(Iris(), Answer::kProba, AnswerFormat::kCsv).substr(0, 6), "1,0,0\n");
}

TEST(AnswerWriter, WritesAValueALineAsNdjson) {
  EXPECT_EQ(Written(Iris(), Answer::kPredict, AnswerFormat::kNdjson),
            "\"setosa\"\n\"versicolor\"\n");
  EXPECT_EQ(Written(Iris(), Answer::kIndex, AnswerFormat::kNdjson), "0\n1\n");
  EXPECT_EQ(Written(Iris(), Answer::kProba, AnswerFormat::kNdjson).substr(0, 8), "[1,0,0]\n");
  const std::string json = Written(Iris(), std::nullopt, AnswerFormat::kNdjson);
  EXPECT_EQ(json.find("{\"label\":\"setosa\",\"index\":0,"), 0u) << json;
}

TEST(AnswerWriter, ChoosesTheTypeOfAnArray) {
  const auto head = [](const Model& model, Answer answer, const Rows& rows = kFlowers) {
    return Dictionary(Written(model, answer, AnswerFormat::kNpy, rows));
  };
  EXPECT_EQ(head(Iris(), Answer::kPredict),
            "{'descr': '<U10', 'fortran_order': False, 'shape': (2,), }");
  EXPECT_EQ(head(Iris(), Answer::kIndex),
            "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }");
  EXPECT_EQ(head(Iris(), Answer::kProba),
            "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }");
  EXPECT_EQ(head(Iris(), Answer::kLeaf),
            "{'descr': '<i8', 'fortran_order': False, 'shape': (2, 100), }");
  const auto labels = [&](const std::string& list, const std::string& type) {
    const Model model =
        MakeModel(Passing(1, "sigmoid",
                          R"([{"name":"y","kind":"class","labels":)" + list + R"(,"label_type":")" +
                              type + R"(","columns":[0,1]}])"));
    const std::string bytes =
        Written(model, Answer::kPredict, AnswerFormat::kNpy, {.n_rows = 1, .values = {3}});
    return Dictionary(bytes).substr(11, 3) + "/" + std::to_string(bytes.size() - 128) + "/" +
           std::to_string(static_cast<int>(bytes[128]));
  };
  EXPECT_EQ(labels("[-1,7]", "int"), "<i8/8/7");
  EXPECT_EQ(labels("[false,true]", "bool"), "|b1/1/1");
  EXPECT_EQ(labels("[0.5,1.5]", "float"), "<f8/8/0");
  EXPECT_EQ(labels(R"(["no","yes"])", "str"), "<U3/12/" + std::to_string('y'));
}

TEST(AnswerWriter, WritesWholeNumbersPastWhatADoubleHolds) {
  const Model model = MakeModel(
      Passing(1, "sigmoid",
              R"([{"name":"y","kind":"class","labels":[1,9007199254740993],"label_type":"int",)"
              R"("columns":[0,1]}])"));
  const Rows rows{.n_rows = 1, .values = {3}};
  EXPECT_EQ(Written(model, Answer::kPredict, AnswerFormat::kCsv, rows), "9007199254740993\n");
  const std::string bytes = Written(model, Answer::kPredict, AnswerFormat::kNpy, rows);
  EXPECT_EQ(bytes[128], 1);
}

TEST(AnswerWriter, RefusesAnAnswerThatTheModelDoesNotHave) {
  EXPECT_NE(Written(Iris(), Answer::kScore, AnswerFormat::kCsv).find("\"score\""),
            std::string::npos);
}

TEST(CsvCell, IsQuotedOnlyWhereItMustBe) {
  EXPECT_EQ(CsvCell("setosa"), "setosa");
  EXPECT_EQ(CsvCell("a b"), "a b");
  EXPECT_EQ(CsvCell("a,b"), "\"a,b\"");
  EXPECT_EQ(CsvCell("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(CsvCell("a\nb"), "\"a\nb\"");
  EXPECT_EQ(CsvCell(" a"), "\" a\"");
  EXPECT_EQ(CsvCell(""), "");
}

}  // namespace
}  // namespace copse
