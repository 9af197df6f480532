#include "url.h"

#include <gtest/gtest.h>

namespace copse {
namespace {

using Query = std::vector<std::pair<std::string, std::string>>;

Query QueryOf(const std::string& query) { return ParseTarget("/?" + query)->query; }

TEST(ParseTarget, SplitsAndDecodes) {
  const auto url = ParseTarget("/a%20b?x=%201+2&y=a=b?c");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->path, "/a b");
  EXPECT_EQ(url->query, (Query{{"x", " 1 2"}, {"y", "a=b?c"}}));
}

TEST(ParseTarget, KeepsOrderDuplicatesAndEmptyValues) {
  EXPECT_EQ(QueryOf("a=1&a=2&&b&c="), (Query{{"a", "1"}, {"a", "2"}, {"b", ""}, {"c", ""}}));
  EXPECT_EQ(QueryOf(""), Query());
}

TEST(ParseTarget, LeavesBrokenEscapesOfAQueryAndRepairsItsText) {
  EXPECT_EQ(QueryOf("a=%"), (Query{{"a", "%"}}));
  EXPECT_EQ(QueryOf("a=%zz%4"), (Query{{"a", "%zz%4"}}));
  EXPECT_EQ(QueryOf("a=%ff"), (Query{{"a", "\xef\xbf\xbd"}}));
  EXPECT_EQ(QueryOf("a=%EF%BC%95"), (Query{{"a", "\xef\xbc\x95"}}));
}

TEST(ParseTarget, KeepsEscapedSlashesOfAPath) {
  EXPECT_EQ(ParseTarget("/a%2fb%2Fc")->path, "/a%2Fb%2Fc");
  EXPECT_EQ(ParseTarget("/%70redict")->path, "/predict");
}

TEST(ParseTarget, RefusesPathsThatAreNoText) {
  for (const char* const target : {"/%", "/%4", "/%zz", "/%00", "/%0d%0a", "/%ff", "/%7f"}) {
    EXPECT_FALSE(ParseTarget(target)) << target;
  }
}

}  // namespace
}  // namespace copse
