#include "rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "prediction_text.h"
#include "row_fixtures.h"

namespace copse {
namespace {

using test::Iris;
using test::MessageOf;
using test::Shirts;
using namespace std::string_literals;

using Query = std::vector<QueryParameter>;

// The tutorial's query with one parameter replaced.
Query With(const std::string& name, const std::string& value) {
  Query query = {{"s_length", "5.1"}, {"s_width", "3.5"}, {"p_length", "1.4"}, {"p_width", "0.2"}};
  for (auto& parameter : query) {
    if (parameter.first == name) parameter.second = value;
  }
  return query;
}

std::string Answer(const Result<Rows>& rows) {
  if (!rows.ok()) return rows.error().message;
  const Prediction prediction = PredictEverything(Iris(), rows->values);
  return TutorialText(Iris(), prediction);
}

// What the tutorial's /predict answered with 200 (its bytes were recorded).
TEST(RowsFromQuery, AnswersWhatTheTutorialAnswered) {
  const auto answer = [](const Query& query) { return Answer(RowsFromQuery(Iris(), query)); };
  EXPECT_EQ(answer(With("", "")), "[0]");
  EXPECT_EQ(
      answer({{"s_length", "6.0"}, {"s_width", "2.9"}, {"p_length", "4.5"}, {"p_width", "1.5"}}),
      "[1]");
  EXPECT_EQ(
      answer({{"s_length", "1.2"}, {"s_width", "2.7"}, {"p_length", "3.4"}, {"p_width", "5.6"}}),
      "[2]");
  EXPECT_EQ(answer({{"s_length", "5"}, {"s_width", "3"}, {"p_length", "1"}, {"p_width", "0"}}),
            "[0]");
  EXPECT_EQ(
      answer({{"s_length", "51e-1"}, {"s_width", "3.5"}, {"p_length", "1.4"}, {"p_width", "2E-1"}}),
      "[0]");
  EXPECT_EQ(answer({{"p_width", "0.2"},
                    {"foo", "bar"},
                    {"p_length", "1.4"},
                    {"s_width", "3.5"},
                    {"s_length", "5.1"}}),
            "[0]");
  EXPECT_EQ(answer({{"s_length", "5.1"},
                    {"s_length", "abc"},
                    {"s_width", "3.5"},
                    {"p_length", "1.4"},
                    {"p_width", "0.2"}}),
            "[0]");
  EXPECT_EQ(
      answer(
          {{"s_length", " 5.1 "}, {"s_width", "3.5\n"}, {"p_length", "1.4"}, {"p_width", "0.2"}}),
      "[0]");
  EXPECT_EQ(answer(With("s_length", "+5.1")), "[0]");
  EXPECT_EQ(
      answer({{"s_length", "5."}, {"s_width", "3.5"}, {"p_length", "1.4"}, {"p_width", ".2"}}),
      "[0]");
  EXPECT_EQ(answer(With("s_length", "5_1e-1")), "[0]");
  EXPECT_EQ(answer(With("s_length", "\uff15.1")), "[0]");
  EXPECT_EQ(
      answer({{"s_length", "-5.1"}, {"s_width", "-3.5"}, {"p_length", "-1.4"}, {"p_width", "-0"}}),
      "[0]");
}

// What the tutorial's /predict answered with 500.
TEST(RowsFromQuery, NamesFeatureAndValueOfWhatTheTutorialRefused) {
  const auto message = [](const Query& query) { return MessageOf(RowsFromQuery(Iris(), query)); };
  EXPECT_EQ(message({{"s_length", "5.1"}, {"s_width", "3.5"}, {"p_length", "1.4"}}),
            "\"p_width\" is not given; a number was expected");
  EXPECT_EQ(message({}), "\"s_length\" is not given; a number was expected");
  EXPECT_EQ(message(With("s_length", "")), "\"s_length\" is empty; a number was expected");
  for (const char* text : {"abc", "5,1", "0x5"}) {
    EXPECT_EQ(message(With("s_length", text)),
              "\"s_length\" is \""s + text + "\"; a number was expected");
  }
  EXPECT_EQ(message(With("s_length", "nan")),
            "\"s_length\" is \"nan\", and this model takes no missing values");
  for (const char* text : {"inf", "1e400"}) {
    EXPECT_EQ(message(With("s_length", text)).find("\"s_length\" is inf"), 0u) << text;
  }
  EXPECT_EQ(message(With("s_length", "1e39")).find("\"s_length\" is 1e+39"), 0u)
      << message(With("s_length", "1e39"));
  Query wrong_case = With("", "");
  wrong_case[0].first = "S_length";
  EXPECT_EQ(message(wrong_case), "\"s_length\" is not given; a number was expected");
}

TEST(RowsFromQuery, EscapesAndShortensWhatItRepeats) {
  const auto message = [](const std::string& text) {
    return MessageOf(RowsFromQuery(Iris(), With("s_length", text)));
  };
  EXPECT_EQ(message("a\n\x1b[2J\"\xe9"),
            "\"s_length\" is \"a\\x0a\\x1b[2J\\x22\\xe9\"; a number was expected");
  EXPECT_EQ(message(std::string(1000, 'x')),
            "\"s_length\" is \"" + std::string(40, 'x') + "...\"; a number was expected");
}

TEST(RowsFromQuery, TakesCategoriesAndMissingValuesWhereTheModelDoes) {
  const auto rows =
      RowsFromQuery(Shirts(), Query{{"size", "nan"}, {"color", "green"}, {"code", "7"}});
  ASSERT_TRUE(rows.ok()) << rows.error().message;
  EXPECT_TRUE(std::isnan(rows->values[0]));
  EXPECT_EQ(rows->values[1], 1);
  EXPECT_EQ(rows->values[2], 7);
  EXPECT_FALSE(rows->is_list);
  EXPECT_EQ(
      MessageOf(RowsFromQuery(Shirts(), Query{{"size", "1"}, {"color", "blue"}, {"code", "7"}})),
      "\"color\" is \"blue\"; a category (red, green, 4, a,b) or its code was expected");
}

struct CsvCase {
  std::string text, answer;
};

// What the tutorial's /predict_file answered with 200.
TEST(RowsFromCsv, AnswersWhatTheTutorialAnswered) {
  const CsvCase cases[] = {
      {"5.1,3.5,1.4,0.2\n6.0,2.9,4.5,1.5\n7.2,3.6,6.1,2.5\n", "[0, 1, 2]"},
      {"5.1,3.5,1.4,0.2", "[0]"},
      {"5.1,3.5,1.4,0.2\r\n6.0,2.9,4.5,1.5\r\n7.2,3.6,6.1,2.5\r\n", "[0, 1, 2]"},
      {"5.1,3.5,1.4,0.2\n\n\n6.0,2.9,4.5,1.5\n", "[0, 1]"},
      {"\"5.1\",\"3.5\",\"1.4\",\"0.2\"\n", "[0]"},
      {"5.1, 3.5, 1.4, 0.2\n6.0 ,2.9 ,4.5 ,1.5\n", "[0, 1]"},
      {"\ufeff5.1,3.5,1.4,0.2\n", "[0]"},
      {"5,3,1,0\n7,3,6,2\n", "[0, 2]"},
      {"5.1e0,35e-1,1.4,2E-1\n", "[0]"},
      {"+5.1,3.5,1.4,0.2\n", "[0]"},
      {"5.1,3.5,1.4,0.2\r6.0,2.9,4.5,1.5\r", "[0, 1]"},
      {"5.1,\t3.5,1.4,0.2\n", "[0]"},
      {"True,3.5,1.4,0.2\n", "[0]"},
      {"5_1,3.5,1.4,0.2\n", "[0]"},
      {"5.1,3.5,1.4,0.2\n   \n6.0,2.9,4.5,1.5\n", "[0, 1]"},
      {"5.1,3.5,1.4,0.2\0\n"s, "[0]"},
      {"99999999999999999999,3.5,1.4,0.2\n", "[0]"},
  };
  for (const auto& [text, answer] : cases) {
    const auto rows = RowsFromCsv(Iris(), text);
    EXPECT_EQ(Answer(rows), answer) << text;
    if (rows.ok()) {
      EXPECT_TRUE(rows->is_list);
    }
  }
}

// What the tutorial's /predict_file answered with 500, but for the header row.
TEST(RowsFromCsv, NamesRowFeatureAndValueOfWhatTheTutorialRefused) {
  const std::string number = "; a number was expected";
  const std::string missing = ", and this model takes no missing values";
  const std::string four = "; 4 were expected: s_length, s_width, p_length, p_width";
  const CsvCase cases[] = {
      {"5.1,3.5,1.4\n", "row 1: 3 columns" + four},
      {"5.1,3.5,1.4,0.2,0\n", "row 1: 5 columns" + four},
      {"5.1,3.5,1.4,0.2,\n", "row 1: 5 columns" + four},
      {"5.1,,1.4,0.2\n", "row 1: \"s_width\" is empty" + missing},
      {"5.1,NA,1.4,0.2\n", "row 1: \"s_width\" is \"NA\"" + missing},
      {"5.1,x,1.4,0.2\n", "row 1: \"s_width\" is \"x\"" + number},
      {"5.1,3.5,1.4,0.2\n5.1,3.5,1.4,0.2,9\n", "row 2: 5 columns" + four},
      {"5.1,3.5,1.4,0.2\n5.1,3.5,1.4\n", "row 2: 3 columns" + four},
      {"5.1;3.5;1.4;0.2\n",
       "row 1: 1 column" + four + "; the line is \"5.1;3.5;1.4;0.2\", and commas separate columns"},
      {"", "there are no rows; one or more were expected"},
      {"\n", "there are no rows; one or more were expected"},
      {"0x5,3.5,1.4,0.2\n", "row 1: \"s_length\" is \"0x5\"" + number},
      {"# c\n5.1,3.5,1.4,0.2\n",
       "row 1: 1 column" + four + "; the line is \"# c\", and commas separate columns"},
      {",5.1,3.5,1.4,0.2\n", "row 1: 5 columns" + four},
      {"5.1,3.5,1.4,0.2,\n6.0,2.9,4.5,1.5,\n", "row 1: 5 columns" + four},
      {"'5.1',3.5,1.4,0.2\n", "row 1: \"s_length\" is \"'5.1'\"" + number},
      {"\"1,000\",3.5,1.4,0.2\n", "row 1: \"s_length\" is \"1,000\"" + number},
      {"None,3.5,1.4,0.2\n", "row 1: \"s_length\" is \"None\"" + number},
      {"5.1,3.5,1.4,0.2\xe9\n", "row 1: a byte that is not UTF-8; save the file as UTF-8"},
      {"\"5.1,3.5,1.4,0.2\n", "row 1: a quote is never closed"},
      {"2020-01-01,3.5,1.4,0.2\n", "row 1: \"s_length\" is \"2020-01-01\"" + number},
      {"5.1,3.5,1.4,0.2\0001\n"s, "row 1: \"p_width\" is \"0.2\\x001\"" + number},
      {"\xff\xfe"
       "5\0"s,
       "the CSV text is UTF-16; UTF-8 was expected"},
  };
  for (const auto& [text, message] : cases) {
    EXPECT_EQ(MessageOf(RowsFromCsv(Iris(), text)), message) << text;
  }
  for (const char* text : {"inf", "1e400", "Infinity"}) {
    const auto message = MessageOf(RowsFromCsv(Iris(), text + ",3.5,1.4,0.2\n"s));
    EXPECT_EQ(message.find("row 1: \"s_length\" is inf"), 0u) << message;
  }
}

TEST(RowsFromCsv, RefusesEveryWordThatPandasTakesForMissing) {
  for (const char* word :
       {"#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
        "<NA>", "N/A", "NA", "NULL", "NaN", "n/a", "nan", "null"}) {
    EXPECT_EQ(MessageOf(RowsFromCsv(Iris(), "5.1,"s + word + ",1.4,0.2")),
              "row 1: \"s_width\" is \""s + word + "\", and this model takes no missing values");
    const auto allowed = RowsFromCsv(Shirts(), "1,red,"s + word);
    ASSERT_TRUE(allowed.ok()) << word;
    EXPECT_TRUE(std::isnan(allowed->values[2])) << word;
  }
  EXPECT_TRUE(std::isnan(RowsFromCsv(Shirts(), ",red,1")->values[0]));
  EXPECT_TRUE(std::isnan(RowsFromCsv(Shirts(), "\"\",red,1")->values[0]));
}

TEST(RowsFromCsv, TakesAHeaderThatNamesEveryFeature) {
  EXPECT_EQ(Answer(RowsFromCsv(Iris(),
                               "s_length,s_width,p_length,p_width\n5.1,3.5,1.4,0.2\n"
                               "6.0,2.9,4.5,1.5\n7.2,3.6,6.1,2.5\n")),
            "[0, 1, 2]");
  EXPECT_EQ(Answer(RowsFromCsv(Iris(),
                               "p_width,species, \"s_width\",p_length,s_length\r\n"
                               "1.5,anything,2.9,4.5,6.0\r\n")),
            "[1]");
  EXPECT_EQ(RowsFromCsv(Iris(), ",p_width,s_width,p_length,s_length\n0,1.5,2.9,4.5,6.0")->values,
            (std::vector<double>{6.0, 2.9, 4.5, 1.5}));
}

TEST(RowsFromCsv, RefusesAHeaderThatNamesSomeFeatures) {
  const std::string features = "; the features are s_length, s_width, p_length, p_width";
  EXPECT_EQ(MessageOf(RowsFromCsv(Iris(), "s_length,s_width,p_length,petal\n1,2,3,4\n")),
            "the header does not name \"p_width\"" + features);
  EXPECT_EQ(MessageOf(RowsFromCsv(Iris(), "s_length,s_width,p_length,p_width,s_width\n1,2,3,4,5")),
            "the header names \"s_width\" twice" + features);
  EXPECT_EQ(MessageOf(RowsFromCsv(Iris(), "id,s_length,s_width,p_length,p_width\n1,2,3,4\n")),
            "row 1: 4 columns; the header has 5");
  EXPECT_EQ(MessageOf(RowsFromCsv(Iris(), "s_length,s_width,p_length,p_width\n")),
            "there are no rows; one or more were expected");
  EXPECT_EQ(MessageOf(RowsFromCsv(Iris(), "s_length,s_width,p_length,p_width\n1,2,3,x\n")),
            "row 1: \"p_width\" is \"x\"; a number was expected");
}

TEST(RowsFromCsv, RefusesAHeaderThatNamesOtherThings) {
  const std::string features = "; the features are s_length, s_width, p_length, p_width";
  for (const char* const header : {"S_Length,S_Width,P_Length,P_Width", "a, b,c", "a,b,c,d,e",
                                   ",S_Length,S_Width,P_Length,P_Width"}) {
    EXPECT_EQ(MessageOf(RowsFromCsv(Iris(), header + "\n1,2,3,4\n"s)),
              "the header does not name the features: it is \""s + header + "\"" + features);
  }
  EXPECT_EQ(MessageOf(RowsFromCsv(Iris(), "a,b,c,4\n")),
            "row 1: \"s_length\" is \"a\"; a number was expected");
  EXPECT_EQ(MessageOf(RowsFromCsv(Iris(), "NA,NA,NA,NA\n")),
            "row 1: \"s_length\" is \"NA\", and this model takes no missing values");
  EXPECT_EQ(MessageOf(RowsFromCsv(Iris(), "1,2,3,4\na,b,c,d\n")),
            "row 2: \"s_length\" is \"a\"; a number was expected");
  EXPECT_TRUE(RowsFromCsv(Shirts(), "NA,red,true\n").ok());
}

struct BlameCase {
  std::string text;
  std::string field;
  std::optional<std::string> value;
};

TEST(RowsFromCsv, BlamesTheCellAsItWasSent) {
  const std::string good = "1,2,3,4\n";
  const BlameCase cases[] = {
      {good + "1,x,3,4", "s_width", "x"},
      {good + "1, ,3,4", "s_width", ""},
      {good + "1,NA,3,4", "s_width", "NA"},
      {good + "1,2,3, 1e400 ", "p_width", "1e400"},
      {good + "1,2,-1e39,4", "p_length", "-1e39"},
      {good + "1,2,3", "p_width", std::nullopt},
      {good + "1,2,3,4,5", "", std::nullopt},
      {"1;2;3;4", "", std::nullopt},
      {"p_width,s_width,p_length,s_length\n1,2,3,y", "s_length", "y"},
      {"s_length,p_length,p_width\n", "s_width", std::nullopt},
      {"s_length,s_length,s_width,p_length,p_width\n", "s_length", std::nullopt},
      {"S_Length,S_Width,P_Length,P_Width\n", "s_length", std::nullopt},
      {"1,\"2", "", std::nullopt},
  };
  for (const BlameCase& c : cases) {
    Blame blame;
    EXPECT_FALSE(RowsFromCsv(Iris(), c.text, &blame).ok()) << c.text;
    EXPECT_EQ(blame.field, c.field) << c.text;
    EXPECT_EQ(blame.value, c.value) << c.text;
  }
}

TEST(RowsFromJson, BlamesTheValueAsItWasSent) {
  const BlameCase cases[] = {
      {R"({"s_length":5.1,"s_width":"x"})", "s_width", "x"},
      {R"({"s_length":""})", "s_length", ""},
      {"[1,null,3,4]", "s_width", "null"},
      {"[[1,2,3,4],[1,2,NaN,4]]", "p_length", "NaN"},
      {R"({"p_width": -Infinity})", "p_width", "-Infinity"},
      {R"({"p_width":1, NaN})", "", std::nullopt},
      {"[1,2,3,1e400]", "p_width", "1e400"},
      {R"({"s_length":1e999,"s_width":1})", "s_length", "1e999"},
      {"[1,2,-10.0e38,4]", "p_length", "-10.0e38"},
      {R"({"s_length":1,"s_width":1,"p_length":1})", "p_width", std::nullopt},
      {R"({"S_length":1})", "S_length", std::nullopt},
      {R"({"s_length":1,"s_length":1})", "s_length", std::nullopt},
      {"[1,[2],3,4]", "s_width", std::nullopt},
      {"[1,2,3]", "p_width", std::nullopt},
      {"[1,2,3,4,5]", "", std::nullopt},
      {"[]", "", std::nullopt},
      {"[1,2,3,4", "", std::nullopt},
  };
  for (const BlameCase& c : cases) {
    Blame blame;
    EXPECT_FALSE(RowsFromJson(Iris(), c.text, &blame).ok()) << c.text;
    EXPECT_EQ(blame.field, c.field) << c.text;
    EXPECT_EQ(blame.value, c.value) << c.text;
  }
}

TEST(RowsFromCsv, CountsRowsNotLines) {
  EXPECT_EQ(MessageOf(RowsFromCsv(Iris(), "\n1,2,3,4\n\n  \n1,2,x,4\n")),
            "row 2: \"p_length\" is \"x\"; a number was expected");
  EXPECT_EQ(MessageOf(RowsFromCsv(Iris(), "1,2,3,4\n1,2,inf,4\n")).find("row 2: \"p_length\""), 0u);
}

TEST(RowsFromCsv, UndoesQuotesInsideCells) {
  const auto rows = RowsFromCsv(Shirts(), "\"1\",\"a,b\",\"\"\n2,\"red\",\"3\"\n");
  ASSERT_TRUE(rows.ok()) << rows.error().message;
  EXPECT_EQ(rows->values[1], 3);
  EXPECT_EQ(rows->values[3], 2);
  EXPECT_EQ(rows->values[5], 3);
  EXPECT_EQ(MessageOf(RowsFromCsv(Shirts(), "1,\"x\"\"y\",2")),
            "row 1: \"color\" is \"x\\x22y\"; a category (red, green, 4, a,b) or its code was "
            "expected");
}

TEST(RowsFromCsv, PrefersTheTextOfACategoryToItsCode) {
  EXPECT_EQ(RowsFromCsv(Shirts(), "1,4,4")->values, (std::vector<double>{1, 2, 4}));
  EXPECT_EQ(RowsFromCsv(Shirts(), "1,1,1")->values, (std::vector<double>{1, 1, 1}));
}

TEST(RowsFromJson, ReadsAnObjectInAnyOrderAndAList) {
  const std::vector<double> setosa = {5.1, 3.5, 1.4, 0.2};
  const auto object =
      RowsFromJson(Iris(), R"({"p_width":0.2,"s_length":5.1,"s_width":3.5,"p_length":14e-1})");
  ASSERT_TRUE(object.ok()) << object.error().message;
  EXPECT_EQ(object->values, setosa);
  EXPECT_FALSE(object->is_list);
  const auto list = RowsFromJson(Iris(), " [5.1, 3.5, 1.4, 0.2] ");
  ASSERT_TRUE(list.ok()) << list.error().message;
  EXPECT_EQ(list->values, setosa);
  EXPECT_FALSE(list->is_list);
}

TEST(RowsFromJson, ReadsAListOfRows) {
  const auto rows = RowsFromJson(
      Iris(), R"([[5.1,3.5,1.4,0.2],{"s_length":6,"s_width":2.9,"p_length":4.5,"p_width":1.5}])");
  ASSERT_TRUE(rows.ok()) << rows.error().message;
  EXPECT_EQ(rows->n_rows, 2u);
  EXPECT_EQ(rows->values, (std::vector<double>{5.1, 3.5, 1.4, 0.2, 6, 2.9, 4.5, 1.5}));
  EXPECT_TRUE(rows->is_list);
  EXPECT_TRUE(RowsFromJson(Iris(), "[[5.1,3.5,1.4,0.2]]")->is_list);
}

TEST(RowsFromJson, ReadsTextTruthAndNull) {
  const auto rows = RowsFromJson(Shirts(), R"([null,"a,b",3])");
  ASSERT_TRUE(rows.ok()) << rows.error().message;
  EXPECT_TRUE(std::isnan(rows->values[0]));
  EXPECT_EQ(rows->values[1], 3);
  EXPECT_EQ(RowsFromJson(Shirts(), R"([true,1,false])")->values, (std::vector<double>{1, 1, 0}));
  EXPECT_EQ(RowsFromJson(Shirts(), "[-0.0,1,18446744073709551615]")->values[2],
            18446744073709551616.0);
}

TEST(RowsFromJson, NamesRowFeatureAndValueOfARefusal) {
  const std::string four = "; 4 were expected: s_length, s_width, p_length, p_width";
  const std::string has =
      " is no feature of this model; it has s_length, s_width, p_length, "
      "p_width";
  const CsvCase cases[] = {
      {R"({"s_length":5.1,"s_width":3.5,"p_length":1.4})",
       "\"p_width\" is not given; a number was expected"},
      {"{}", "\"s_length\" is not given; a number was expected"},
      {R"({"S_length":5.1})", "\"S_length\"" + has},
      {R"({"s_length":5.1,"s_length":5.1})", "\"s_length\" is given twice"},
      {R"([5.1,"3.5",1.4,0.2])", "\"s_width\" is the text \"3.5\"; a number was expected"},
      {"[5.1,null,1.4,0.2]", "\"s_width\" is null, and this model takes no missing values"},
      {"[[1,2,3,4],[1,2,3,null]]",
       "row 2: \"p_width\" is null, and this model takes no missing values"},
      {"[1,2,3]", "3 values" + four},
      {"[1,2,3,4,5]", "more than 4 values" + four},
      {"[[1,2,3,4],[1]]", "row 2: 1 value" + four},
      {"[[1,2,3,4],[]]", "row 2: 0 values" + four},
      {"[[1,2,3,4],5]", "row 2: a number stands where a row was expected: a list or an object"},
      {"[[1,2,3,4],\"x\"]", "row 2: \"x\" stands where a row was expected: a list or an object"},
      {"[1,[2],3,4]", "\"s_width\" is a list; a number was expected"},
      {"[1,2,{},4]", "\"p_length\" is an object; a number was expected"},
      {R"({"s_length":[5.1]})", "\"s_length\" is a list; a number was expected"},
      {R"({"s_length":{"a":1}})", "\"s_length\" is an object; a number was expected"},
      {"[[[1,2,3,4]]]", "row 1: \"s_length\" is a list; a number was expected"},
      {"[]", "the list is empty; a row or a list of rows was expected"},
      {"5.1", "a number stands where a row was expected: a list or an object"},
      {"null", "null stands where a row was expected: a list or an object"},
      {"[1e400,3.5,1.4,0.2]", "\"s_length\" is \"1e400\", which is too large for a number"},
      {R"({"s_length":1e999})", "\"s_length\" is \"1e999\", which is too large for a number"},
      {"[[1,2,3,4],[1,-1e400,3,4]]",
       "row 2: \"s_width\" is \"-1e400\", which is too large for a number"},
  };
  for (const auto& [text, message] : cases) {
    const auto rows = RowsFromJson(Iris(), text);
    EXPECT_EQ(MessageOf(rows), message) << text;
    if (!rows.ok()) {
      EXPECT_EQ(rows.error().code, ErrorCode::kInvalidInput);
    }
  }
}

TEST(RowsFromJson, SaysWhereTheTextIsNoJson) {
  for (const char* text : {"", "[5.1", "[5.1,]", "{s_length:1}", "[1,2,3,4] x", "[05,1,1,1]",
                           "\"\xe9\"", "[.5,1,1,1]", "[1,2,3,4][1,2,3,4]", "[0x5,1,1,1]"}) {
    const auto message = MessageOf(RowsFromJson(Iris(), text));
    EXPECT_EQ(message.find("not JSON at byte "), 0u) << text << ": " << message;
    EXPECT_LT(message.size(), 300u);
  }
  for (const char* text : {"[NaN,1,1,1]", "[1,Infinity,1,1]", "[1,1,-Infinity,1]"}) {
    const auto message = MessageOf(RowsFromJson(Shirts(), text));
    EXPECT_NE(message.find("JSON writes a missing value as null"), std::string::npos) << message;
  }
}

TEST(RowsFromJson, IsNotImpressedByNesting) {
  const std::string deep(1 << 20, '[');
  EXPECT_EQ(MessageOf(RowsFromJson(Iris(), deep)),
            "row 1: \"s_length\" is a list; a number was expected");
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"s_length\":";
  EXPECT_EQ(MessageOf(RowsFromJson(Iris(), objects)),
            "\"s_length\" is an object; a number was expected");
}

TEST(RowsFromNdjson, ReadsARowALine) {
  const auto rows = RowsFromNdjson(Iris(),
                                   "[5.1,3.5,1.4,0.2]\r\n\n  \n"
                                   R"({"s_length":6,"s_width":2.9,"p_length":4.5,"p_width":1.5})");
  ASSERT_TRUE(rows.ok()) << rows.error().message;
  EXPECT_EQ(rows->values, (std::vector<double>{5.1, 3.5, 1.4, 0.2, 6, 2.9, 4.5, 1.5}));
  EXPECT_EQ(MessageOf(RowsFromNdjson(Iris(), "[1,2,3,4]\n[1,2,3]\n")),
            "row 2: 3 values; 4 were expected: s_length, s_width, p_length, p_width");
  EXPECT_EQ(MessageOf(RowsFromNdjson(Iris(), "[1,2,3,4]\n[[1,2,3,4]]\n")),
            "row 2: \"s_length\" is a list; a number was expected");
  EXPECT_EQ(MessageOf(RowsFromNdjson(Iris(), "[1,2,3,4]\n[1,2,1e39,4]\n")).find("row 2: "), 0u);
  EXPECT_EQ(MessageOf(RowsFromNdjson(Iris(), "\n")),
            "there are no rows; one or more were expected");
}

// A source that gives its text in pieces of `n` bytes, so that every border is hit.
ByteSource Slowly(std::string text, std::size_t n) {
  return [text = std::move(text), n,
          at = std::size_t{0}](std::span<char> buffer) mutable -> Result<std::size_t> {
    const std::size_t n_bytes = std::min({n, buffer.size(), text.size() - at});
    std::copy_n(text.begin() + static_cast<std::ptrdiff_t>(at), n_bytes, buffer.begin());
    at += n_bytes;
    return n_bytes;
  };
}

// All values, asked for by two rows.
std::vector<double> Drain(RowReader& reader) {
  std::vector<double> values;
  for (;;) {
    const auto rows = reader.Next(2);
    EXPECT_TRUE(rows.ok()) << MessageOf(rows);
    if (!rows.ok() || rows->n_rows == 0) return values;
    EXPECT_LE(rows->n_rows, 2u);
    values.insert(values.end(), rows->values.begin(), rows->values.end());
  }
}

TEST(RowReader, GivesTheSameRowsWhateverThePieces) {
  const std::string csv = "\ufeffcode,size,color\r\n1,\"2\",\"a,b\"\r\n\r\n3,4,red\n5,0,\"green\"";
  const std::string ndjson =
      "[2,\"a,b\",1]\n\n[4,\"red\",3]\r\n{\"code\":5,\"color\":1,\"size\":0}";
  const std::vector<double> expected = {2, 3, 1, 4, 0, 3, 0, 1, 5};
  for (std::size_t n = 1; n < 70; ++n) {
    EXPECT_EQ(Drain(*NewCsvReader(Shirts(), Slowly(csv, n))), expected) << n;
    EXPECT_EQ(Drain(*NewNdjsonReader(Shirts(), Slowly(ndjson, n))), expected) << n;
  }
}

// Somebody writes a line and waits for its answer before the next.
TEST(RowReader, GivesARowAsSoonAsItIsThere) {
  for (const bool csv : {true, false}) {
    const std::string line = csv ? "1,2,3,4\n" : "[1,2,3,4]\n";
    std::size_t n_reads = 0;
    const ByteSource source = [&](std::span<char> buffer) -> Result<std::size_t> {
      ++n_reads;
      return line.copy(buffer.data(), buffer.size());
    };
    auto reader = csv ? NewCsvReader(Iris(), source) : NewNdjsonReader(Iris(), source);
    for (std::size_t i = 1; i <= 3; ++i) {
      const auto rows = reader->Next(4096);
      ASSERT_TRUE(rows.ok()) << MessageOf(rows);
      EXPECT_EQ(rows->n_rows, 1u);
      EXPECT_EQ(n_reads, i);
    }
  }
}

TEST(RowReader, CountsRowsOverAllPieces) {
  const std::string good = "1,2,3,4\n";
  std::string text;
  for (int i = 0; i < 10; ++i) text += good;
  auto reader = NewCsvReader(Iris(), Slowly(text + "1,2,x,4\n", 7));
  Result<Rows> rows = reader->Next(4);
  for (int i = 0; i < 10 && rows.ok(); ++i) rows = reader->Next(4);
  EXPECT_EQ(MessageOf(rows), "row 11: \"p_length\" is \"x\"; a number was expected");
}

TEST(RowReader, PassesOnThatItsSourceFails) {
  const ByteSource broken = [](std::span<char>) -> Result<std::size_t> {
    return Error{ErrorCode::kNotFound, "rows.csv: cannot be read"};
  };
  for (auto reader : {NewCsvReader, NewNdjsonReader}) {
    const auto rows = reader(Iris(), broken)->Next(1);
    EXPECT_EQ(MessageOf(rows), "rows.csv: cannot be read");
  }
}

// A quote that never closes must not take all the memory there is.
TEST(RowReader, StopsAtARecordThatIsTooLong) {
  const ByteSource endless = [first = true](std::span<char> buffer) mutable -> Result<std::size_t> {
    std::fill(buffer.begin(), buffer.end(), '1');
    if (first) buffer[0] = '"';
    first = false;
    return buffer.size();
  };
  for (auto reader : {NewCsvReader, NewNdjsonReader}) {
    const auto rows = reader(Iris(), endless)->Next(1);
    ASSERT_FALSE(rows.ok());
    EXPECT_EQ(rows.error().code, ErrorCode::kTooLarge) << rows.error().message;
  }
}

}  // namespace
}  // namespace copse
