#include "route_template.h"

#include <gtest/gtest.h>

#include <string>

namespace copse {
namespace {

using Places = std::vector<std::string_view>;

TEST(MatchTemplate, APatternWithoutPlacesIsThePath) {
  EXPECT_EQ(MatchTemplate("/v2", "/v2"), Places());
  EXPECT_EQ(MatchTemplate("/v2/", "/v2/"), Places());
  for (const char* const path : {"/v2/", "/v", "/v22", "", "/", "v2", "//v2"}) {
    EXPECT_FALSE(MatchTemplate("/v2", path)) << path;
  }
}

TEST(MatchTemplate, APlaceIsOneSegment) {
  EXPECT_EQ(MatchTemplate("/m/{a}/ready", "/m/iris/ready"), Places({"iris"}));
  EXPECT_EQ(MatchTemplate("/m/{a}/v/{b}", "/m/x y/v/1.2"), Places({"x y", "1.2"}));
  for (const char* const path : {"/m//ready", "/m/a/b/ready", "/m/a/ready/", "/m/a/read", "/m/a"}) {
    EXPECT_FALSE(MatchTemplate("/m/{a}/ready", path)) << path;
  }
}

TEST(MatchTemplate, TextStandsAroundAPlace) {
  EXPECT_EQ(MatchTemplate("/m/{n}.safetensors", "/m/a.b.safetensors"), Places({"a.b"}));
  EXPECT_EQ(MatchTemplate("/m/{n}:predict", "/m/a:predict:predict"), Places({"a:predict"}));
  EXPECT_FALSE(MatchTemplate("/m/{n}:predict", "/m/:predict"));
  EXPECT_FALSE(MatchTemplate("/m/{n}.safetensors", "/m/.safetensors"));
  EXPECT_FALSE(MatchTemplate("/m/v{n}", "/m/w1"));
}

}  // namespace
}  // namespace copse
