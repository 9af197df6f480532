// The field traceparent, as W3C Trace Context has it.
#include "trace_context.h"

#include <gtest/gtest.h>

#include <string>

namespace copse {
namespace {

const std::string kTrace = "4bf92f3577b34da6a3ce929d0e0e4736", kSpan = "00f067aa0ba902b7";

TEST(TraceContext, IsRead) {
  const auto context = ParseTraceParent("00-" + kTrace + "-" + kSpan + "-01");
  ASSERT_TRUE(context);
  EXPECT_EQ(context->trace_id, kTrace);
  EXPECT_EQ(context->parent_id, kSpan);
  EXPECT_TRUE(context->sampled);
  EXPECT_FALSE(ParseTraceParent("00-" + kTrace + "-" + kSpan + "-02")->sampled);
  EXPECT_TRUE(ParseTraceParent("cc-" + kTrace + "-" + kSpan + "-0b-what-comes-later")->sampled);
}

TEST(TraceContext, WhatIsNoneIsIgnored) {
  const std::string zeros(32, '0');
  for (const std::string& field :
       {std::string(), "00-" + kTrace + "-" + kSpan, "00-" + kTrace + "-" + kSpan + "-1",
        "00-" + kTrace + "-" + kSpan + "-01-", "00-" + kTrace + "-" + kSpan + "-0g",
        "ff-" + kTrace + "-" + kSpan + "-01", "0x-" + kTrace + "-" + kSpan + "-01",
        "00-" + zeros + "-" + kSpan + "-01", "00-" + kTrace + "-" + zeros.substr(0, 16) + "-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" + kSpan + "-01",
        "00 " + kTrace + "-" + kSpan + "-01", "01-" + kTrace + "-" + kSpan + "-01x"}) {
    EXPECT_FALSE(ParseTraceParent(field)) << field;
  }
}

TEST(TraceContext, AnswersWithASpanOfItsOwn) {
  const std::string answer = TraceResponse({kTrace, kSpan, true});
  const auto context = ParseTraceParent(answer);
  ASSERT_TRUE(context) << answer;
  EXPECT_EQ(context->trace_id, kTrace);
  EXPECT_NE(context->parent_id, kSpan);
  EXPECT_NE(TraceResponse({kTrace, kSpan, true}), answer);
}

}  // namespace
}  // namespace copse
