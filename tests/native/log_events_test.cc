#include "log_events.h"

#include <gtest/gtest.h>

namespace copse {
namespace {

TEST(LogEventLine, IsOneLineOfJsonWhateverTheReasonIs) {
  const std::string line = LogEventLine({.event = "prediction_log_down",
                                         .sink = "redis",
                                         .target = "localhost:6379",
                                         .reason = "a\"\n\xff",
                                         .numbers = {{"waiting", 3}}});
  EXPECT_EQ(line.find(R"({"time":")"), 0u) << line;
  EXPECT_EQ(line.substr(line.find(R"("level")")),
            R"("level":"warning","event":"prediction_log_down","sink":"redis",)"
            R"("target":"localhost:6379","reason":"a\"\n)"
            "\xef\xbf\xbd"
            R"(","waiting":3})");
}

TEST(Rfc3339, GoesThereAndBack) {
  for (const std::int64_t ms : {std::int64_t{0}, std::int64_t{784'111'777'042},
                                std::int64_t{1'769'851'800'125}, std::int64_t{-1}}) {
    EXPECT_EQ(UnixMsOf(Rfc3339(ms)), ms) << Rfc3339(ms);
  }
  EXPECT_EQ(Rfc3339(784'111'777'042), "1994-11-06T08:49:37.042Z");
}

TEST(UnixMsOf, OfWhatIsNoTimeIsZero) {
  EXPECT_EQ(UnixMsOf(""), 0);
  EXPECT_EQ(UnixMsOf("yesterday"), 0);
  EXPECT_EQ(UnixMsOf("2026-01-31"), 0);
}

}  // namespace
}  // namespace copse
