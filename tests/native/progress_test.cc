#include "progress.h"

#include <gtest/gtest.h>

namespace copse {
namespace {

TEST(ProgressLine, SaysHowFarHowFastAndHowLongStill) {
  EXPECT_EQ(ProgressLine({.n_bytes = 50'000'000,
                          .n_bytes_in_all = 200'000'000,
                          .n_rows = 1'234'567,
                          .seconds = 2.5}),
            "[####            ] 25 %  1234567 rows  494 k rows/s  20 MB/s  0:08 left");
}

TEST(ProgressLine, SaysLessOfAPipe) {
  EXPECT_EQ(ProgressLine({.n_bytes = 500'000, .n_rows = 2000, .seconds = 2}),
            "2000 rows  1.0 k rows/s  0.2 MB/s");
}

TEST(ProgressLine, ChoosesItsUnits) {
  const auto rate = [](std::size_t n_rows) {
    const std::string line = ProgressLine({.n_rows = n_rows, .seconds = 1});
    const std::size_t begin = line.find("rows  ") + 6;
    return line.substr(begin, line.find(" rows/s") - begin);
  };
  EXPECT_EQ(rate(0), "0");
  EXPECT_EQ(rate(7), "7");
  EXPECT_EQ(rate(999), "999");
  EXPECT_EQ(rate(1000), "1.0 k");
  EXPECT_EQ(rate(99'960), "100 k");
  EXPECT_EQ(rate(999'600), "1.0 M");
  EXPECT_EQ(rate(12'345'678), "12 M");
  EXPECT_EQ(rate(5'400'000'000), "5.4 G");
}

TEST(ProgressLine, CountsHours) {
  const auto left = [](double seconds) {
    const std::string line =
        ProgressLine({.n_bytes = 1, .n_bytes_in_all = 2, .n_rows = 1, .seconds = seconds});
    return line.substr(line.rfind("  ") + 2);
  };
  EXPECT_EQ(left(0.5), "0:01 left");
  EXPECT_EQ(left(59), "0:59 left");
  EXPECT_EQ(left(3723), "1:02:03 left");
  EXPECT_EQ(left(1e12), "99:59:59 left");
}

// Wider than a terminal, it would leave its lines behind.
TEST(ProgressLine, FitsATerminal) {
  EXPECT_LT(ProgressLine({.n_bytes = 10'000'000'000'000,
                          .n_bytes_in_all = 20'000'000'000'000,
                          .n_rows = 99'999'999'999,
                          .seconds = 300'000})
                .size(),
            80u);
}

TEST(ProgressLine, IsNotSurprisedByAFileThatGrows) {
  const std::string line =
      ProgressLine({.n_bytes = 30, .n_bytes_in_all = 20, .n_rows = 1, .seconds = 1});
  EXPECT_EQ(line.find("[################] 100 %"), 0u) << line;
  EXPECT_NE(line.find("0:00 left"), std::string::npos) << line;
  EXPECT_EQ(ProgressLine({.n_bytes = 30, .n_bytes_in_all = 0}).find('['), std::string::npos);
}

}  // namespace
}  // namespace copse
