#include "list_shape.h"

#include <gtest/gtest.h>

#include <string_view>

namespace copse {
namespace {

using Lengths = std::vector<std::uint64_t>;

// The shape of lists such as "[[..][..]]", a point for each element.
ListShape ShapeOf(std::string_view text) {
  ListShape lists;
  std::size_t depth = 0;
  for (const char c : text) {
    if (c == '[') lists.Begin(++depth);
    if (c == '.') lists.Element(depth);
    if (c == ']') lists.End(depth--);
  }
  return lists;
}

TEST(ListShape, RegularListsHaveOneLengthADepth) {
  EXPECT_EQ(ShapeOf("[...]").Lengths(), (Lengths{3}));
  EXPECT_EQ(ShapeOf("[[...][...]]").Lengths(), (Lengths{2, 3}));
  EXPECT_EQ(ShapeOf("[[[.]][[.]]]").Lengths(), (Lengths{2, 1, 1}));
  EXPECT_EQ(ShapeOf("[]").Lengths(), (Lengths{0}));
  EXPECT_EQ(ShapeOf("[[][]]").Lengths(), (Lengths{2, 0}));
  for (const char* const text : {"[...]", "[[...][...]]", "[[[.]][[.]]]", "[]", "[[][]]"}) {
    EXPECT_TRUE(ShapeOf(text).is_regular()) << text;
  }
}

TEST(ListShape, OthersAreNotRegular) {
  for (const char* const text :
       {"[[..][.]]", "[[.].]", "[.[.]]", "[[.][]]", "[[[.]][.]]", "[[.][[.]]]", "[.[]]"}) {
    EXPECT_FALSE(ShapeOf(text).is_regular()) << text;
  }
}

}  // namespace
}  // namespace copse
