#include "row_blocks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "../../native/npy.h"
#include "row_fixtures.h"

namespace copse {
namespace {

using test::Iris;
using test::MessageOf;
using test::Shirts;

// A source that gives its text in pieces of `n` bytes, as a pipe may.
ByteSource Slowly(std::string text, std::size_t n) {
  return [text = std::move(text), n,
          at = std::size_t{0}](std::span<char> buffer) mutable -> Result<std::size_t> {
    const std::size_t n_bytes = std::min({n, buffer.size(), text.size() - at});
    std::copy_n(text.begin() + static_cast<std::ptrdiff_t>(at), n_bytes, buffer.begin());
    at += n_bytes;
    return n_bytes;
  };
}

struct Parsed {
  std::vector<double> values;
  std::string message = {};
  std::size_t n_blocks = 0;
  std::uint64_t n_read = 0;
};

// Everything in `blocks`, two rows at a time.
Parsed Drain(RowBlocks& blocks) {
  Parsed parsed;
  RowBlock block;
  Rows rows;
  Blame blame;
  for (RowNumber row = 1;;) {
    const auto more = blocks.Read(block);
    if (!more.ok()) parsed.message = more.error().message;
    if (!more.ok() || !*more) return parsed;
    ++parsed.n_blocks;
    parsed.n_read = block.n_read;
    std::string_view text = block.text();
    do {
      const auto status = blocks.Parse(text, row, 2, rows, blame);
      EXPECT_LE(rows.n_rows, 2u);
      parsed.values.insert(parsed.values.end(), rows.values.begin(), rows.values.end());
      row += rows.n_rows;
      if (!status.ok()) {
        parsed.message = status.error().message;
        return parsed;
      }
    } while (rows.n_rows > 0);
  }
}

void ExpectTheSameWhateverTheBlocks(const std::string& csv, const Parsed& expected) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{5}, csv.size() + 1}) {
    for (std::size_t block = 1; block <= csv.size() + 1; ++block) {
      const Parsed parsed = Drain(*NewCsvBlocks(Shirts(), Slowly(csv, piece), block));
      ASSERT_EQ(parsed.message, expected.message) << csv << " " << piece << " " << block;
      ASSERT_EQ(parsed.values, expected.values) << csv << " " << piece << " " << block;
      if (expected.message.empty()) {
        ASSERT_EQ(parsed.n_read, csv.size()) << csv << " " << piece << " " << block;
      }
    }
  }
}

// Whatever stands at the border of two blocks.
TEST(CsvBlocks, GiveTheSameRowsWhateverTheirSize) {
  const std::vector<double> rows = {1, 3, 2, 3, 0, 4, 5, 1, 6};
  for (const std::string csv : {
           "1,\"a,b\",2\n3,red,4\n5,green,6\n",
           "1,\"a,b\",2\r\n3,\"red\",4\r\n\"5\",green,6",
           "\n\n1,\"a,b\",2\r3,red,4\r\r\r5,green,6\r  \n\n",
           "\"1\",\"a,b\",\"2\"\n\n \t \n3, \"red\" ,4 \n5,1,\uff16\n",
           "\ufeff1,\"a,b\",2\n3,red,4\n5,green,6\n",
           "code,size,color\n2,1,\"a,b\"\n4,3,red\n6,5,green\n",
           "\ufeff\"size\",\"color\",\"two\nlines, "
           "\"\"\u00e9\"\"\",code\r\n1,\"a,b\",\"\n\r\n\",2\r\n"
           "3,0,\u00e9,4\r\n5,green,\"\u00e9\n\",6",
       }) {
    ExpectTheSameWhateverTheBlocks(csv, {.values = rows});
  }
}

TEST(CsvBlocks, RefuseTheSameRowWhateverTheirSize) {
  const std::string good = "1,\"a,b\",2\r\n3,red,4\n\n";
  const std::vector<double> rows = {1, 3, 2, 3, 0, 4};
  const std::string expected = "; a number was expected";
  for (const auto& [bad, message] : std::vector<std::pair<std::string, std::string>>{
           {"x,red,1\n5,5,5\n", "row 3: \"size\" is \"x\"" + expected},
           {"x\u00e9,red,1", "row 3: \"size\" is \"x\u00e9\"" + expected},
           {"1,red\n", "row 3: 2 columns; 3 were expected: size, color, code"},
           {"1,red,1,1\n", "row 3: 4 columns; 3 were expected: size, color, code"},
           {"1,\"red,1\n1,1,1\n", "row 3: a quote is never closed"},
           {"1,re\xe9,1\n", "row 3: a byte that is not UTF-8; save the file as UTF-8"}}) {
    ExpectTheSameWhateverTheBlocks(good + bad, {.values = rows, .message = message});
  }
  ExpectTheSameWhateverTheBlocks("size,color\n1,2\n",
                                 {.values = {},
                                  .message = "the header does not name \"code\"; the features are "
                                             "size, color, code"});
}

// Most rows take a way of their own through the parser, which a line end is needed for.
TEST(CsvBlocks, ReadPlainRowsAsTheyReadTheLast) {
  const std::string missing = ", and this model takes no missing values";
  const std::string number = "; a number was expected";
  for (const auto& [cell, message] : std::vector<std::pair<std::string, std::string>>{
           {"-nan", "row 2: \"s_width\" is \"-nan\"" + missing},
           {"nan", "row 2: \"s_width\" is \"nan\"" + missing},
           {"NA", "row 2: \"s_width\" is \"NA\"" + missing},
           {" ", "row 2: \"s_width\" is empty" + missing},
           {"", "row 2: \"s_width\" is empty" + missing},
           {"-", "row 2: \"s_width\" is \"-\"" + number},
           {".", "row 2: \"s_width\" is \".\"" + number},
           {"1e", "row 2: \"s_width\" is \"1e\"" + number},
           {"1x", "row 2: \"s_width\" is \"1x\"" + number},
           {"0x1", "row 2: \"s_width\" is \"0x1\"" + number},
           {"1 1", "row 2: \"s_width\" is \"1 1\"" + number},
           {"-inf", ""},
           {"1e400", ""},
           {"1e39", ""}}) {
    const std::string row = "1," + cell + ",3,4";
    for (const char* const end : {"\n", "\r\n", "\r", "\n5,6,7,8\n", ""}) {
      const Parsed parsed = Drain(*NewCsvBlocks(Iris(), Slowly("1,2,3,4\n" + row + end, 1000)));
      EXPECT_EQ(parsed.values, (std::vector<double>{1, 2, 3, 4})) << cell;
      if (!message.empty()) {
        EXPECT_EQ(parsed.message, message);
      } else {
        EXPECT_EQ(parsed.message.find("row 2: \"s_width\" is "), 0u) << parsed.message;
      }
    }
  }
  const double tiny = std::numeric_limits<double>::denorm_min();
  for (const char* const end : {"\n", "\r\n", ""}) {
    const std::string text = std::string("1,2,3,4\n-0,5.,.5,4.9e-324") + end;
    const Parsed parsed = Drain(*NewCsvBlocks(Iris(), Slowly(text, 1000)));
    EXPECT_EQ(parsed.values, (std::vector<double>{1, 2, 3, 4, 0, 5, 0.5, tiny}));
    EXPECT_TRUE(std::signbit(parsed.values.at(4)));
    EXPECT_EQ(Drain(*NewCsvBlocks(Iris(), Slowly(std::string("1, 2 ,\t3,1_0,") + end, 1000)))
                  .message.find("row 1: 5 columns"),
              0u);
  }
}

TEST(CsvBlocks, ReadMissingValuesAndIgnoredColumnsOfPlainRows) {
  const Parsed parsed = Drain(*NewCsvBlocks(
      Shirts(), Slowly("code,id,color,size\n,a b,red,NA\n2,,green, 1\n3,7,4,inf\n", 1000)));
  ASSERT_EQ(parsed.message, "");
  ASSERT_EQ(parsed.values.size(), 9u);
  EXPECT_TRUE(std::isnan(parsed.values[0]));
  EXPECT_TRUE(std::isnan(parsed.values[2]));
  EXPECT_EQ(std::vector(parsed.values.begin() + 3, parsed.values.end()),
            (std::vector<double>{1, 1, 2, std::numeric_limits<double>::infinity(), 2, 3}));
}

TEST(CsvBlocks, HoldARowThatIsLongerThanABlockAndForgetItAgain) {
  const std::string spaces(10'000, ' ');
  std::string text = "1,2,3," + spaces + "4\n";
  for (int i = 0; i < 100; ++i) text += "5,6,7,8\n";
  auto blocks = NewCsvBlocks(Iris(), Slowly(text, 64), 64);
  RowBlock block;
  ASSERT_TRUE(*blocks->Read(block));
  EXPECT_GT(block.bytes.size(), spaces.size());
  ASSERT_TRUE(*blocks->Read(block));
  EXPECT_LE(block.bytes.size(), 8 * 64u);
}

TEST(NdjsonBlocks, GiveTheSameRowsWhateverTheirSize) {
  const std::string text =
      "[1,\"a,b\",2]\r\n\n  \n{\"code\":4,\"color\":\"red\",\"size\":3}\n[5,\"green\",6]";
  for (std::size_t block = 1; block <= text.size() + 1; ++block) {
    for (const std::size_t piece : {std::size_t{3}, text.size()}) {
      const Parsed parsed = Drain(*NewNdjsonBlocks(Shirts(), Slowly(text, piece), block));
      ASSERT_EQ(parsed.message, "");
      ASSERT_EQ(parsed.values, (std::vector<double>{1, 3, 2, 3, 0, 4, 5, 1, 6}));
      ASSERT_EQ(Drain(*NewNdjsonBlocks(Shirts(), Slowly(text + "\n[1,2]\n", piece), block)).message,
                "row 4: 2 values; 3 were expected: size, color, code");
    }
  }
}

TEST(NpyBlocks, GiveTheSameRowsWhateverTheirSize) {
  std::vector<double> values;
  for (int i = 0; i < 21; ++i) values.push_back(i);
  for (const bool fortran : {false, true}) {
    std::string bytes = NpyHead({.type = NpyType::kFloat64, .text_width = 1, .n_columns = 3}, 7);
    if (fortran) bytes.replace(bytes.find("False"), 5, "True ");
    for (int i = 0; i < 21; ++i) {
      AppendNpyNumber(bytes, NpyType::kFloat64, fortran ? i % 7 * 3 + i / 7 : i);
    }
    for (std::size_t block = 1; block < 200; ++block) {
      for (const std::size_t piece : {std::size_t{7}, bytes.size()}) {
        const Parsed parsed = Drain(*NewNpyBlocks(Shirts(), Slowly(bytes, piece), block));
        ASSERT_EQ(parsed.message, "") << block << " " << piece;
        ASSERT_EQ(parsed.values, values) << block << " " << piece;
        ASSERT_GE(parsed.n_blocks, 168 / std::max<std::size_t>(block, 24)) << block;
        const std::string cut = bytes.substr(0, bytes.size() - 1);
        ASSERT_EQ(Drain(*NewNpyBlocks(Shirts(), Slowly(cut, piece), block)).message,
                  "the .npy array ends before the 7 rows that its head names");
        ASSERT_EQ(Drain(*NewNpyBlocks(Shirts(), Slowly(bytes + "x", piece), block)).message,
                  "the .npy array is followed by more bytes than its head names");
      }
    }
  }
}

}  // namespace
}  // namespace copse
