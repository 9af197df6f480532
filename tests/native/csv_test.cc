#include "csv.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace copse {
namespace {

using Cells = std::vector<std::string>;

// Every record, cell by cell, or the message of a refusal.
std::vector<Cells> Records(std::string_view text) {
  std::vector<Cells> records;
  CsvRecord record;
  while (!text.empty()) {
    const auto taken = record.Take(text, records.size() + 1);
    if (!taken.ok()) {
      records.push_back({taken.error().message});
      return records;
    }
    if (!record.blank()) records.emplace_back(record.cells().begin(), record.cells().end());
  }
  return records;
}

TEST(CsvRecord, EndsWithEveryLineEnd) {
  const std::vector<Cells> expected = {{"a", "b"}, {"c", ""}, {"d", "e"}};
  EXPECT_EQ(Records("a,b\nc,\nd,e\n"), expected);
  EXPECT_EQ(Records("a,b\r\nc,\r\nd,e"), expected);
  EXPECT_EQ(Records("\ra,b\r\r  \t\nc,\rd,e\r"), expected);
}

TEST(CsvRecord, UndoesTheQuotesThatOpenACell) {
  EXPECT_EQ(Records(R"("a,b", "c" ,"d""e")"), (std::vector<Cells>{{"a,b", " c ", "d\"e"}}));
  EXPECT_EQ(Records("\"a\nb\",c\n\"\",\n"), (std::vector<Cells>{{"a\nb", "c"}, {"", ""}}));
  EXPECT_EQ(Records(R"(a"b,5" "6,"a"b"c,d")"), (std::vector<Cells>{{"a\"b", "5\" \"6", "abc,d"}}));
}

TEST(CsvRecord, SaysInWhichRowItCannotBeRead) {
  EXPECT_EQ(Records("a\n\"b\n").back(), (Cells{"row 2: a quote is never closed"}));
  EXPECT_EQ(Records("a\n\xe9\n").back(),
            (Cells{"row 2: a byte that is not UTF-8; save the file as UTF-8"}));
  EXPECT_EQ(Records("a\n\"" + std::string(std::size_t{65} << 20, 'x')).back(),
            (Cells{"row 2: longer than 64 MiB; is a quote never closed?"}));
}

// The ends of all records by the one who reads them.
std::vector<std::size_t> Ends(const std::string& text) {
  std::vector<std::size_t> ends;
  CsvRecord record;
  std::string_view rest = text;
  while (!rest.empty() && record.Take(rest, 1).ok()) {
    const char last = text[text.size() - rest.size() - 1];
    if (last == '\n' || last == '\r') ends.push_back(text.size() - rest.size());
  }
  return ends;
}

TEST(CsvCutter, CutsBehindTheLastWholeRecord) {
  EXPECT_EQ(CsvCutter().Cut("a,b"), 0u);
  EXPECT_EQ(CsvCutter().Cut("a,b\nc"), 4u);
  EXPECT_EQ(CsvCutter().Cut("a\r\nb\rc"), 5u);
  EXPECT_EQ(CsvCutter().Cut("a\n\"b\nc"), 2u);
  EXPECT_EQ(CsvCutter().Cut("a\n\"b\nc\"\n"), 8u);
  EXPECT_EQ(CsvCutter().Cut("5\"\n\"6"), 3u);
  EXPECT_EQ(CsvCutter().Cut(" \"5\n"), 0u);
}

// Random texts of what matters, cut at every length: reader and cutter agree about where records
// end, also when the text comes in two pieces.
TEST(CsvCutter, AgreesWithTheReader) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (int i = 0; i < 12; ++i) text += "\"\",\n\r a"[random() % 7];
    const auto ends = Ends(text);
    for (std::size_t n = 1; n <= text.size(); ++n) {
      std::size_t last = 0;
      for (const std::size_t end : ends) last = end <= n ? end : last;
      ASSERT_EQ(CsvCutter().Cut(text.substr(0, n)), last) << testing::PrintToString(text) << n;
      CsvCutter twice;
      if (twice.Cut(text.substr(0, n / 2)) > 0) continue;
      ASSERT_EQ(twice.Cut(text.substr(0, n)), last) << testing::PrintToString(text) << n;
    }
  }
}

}  // namespace
}  // namespace copse
