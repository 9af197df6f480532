// Numbers of a tensor, wherever in memory a file lies.
#include "tensor_data.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <vector>

namespace copse {
namespace {

template <class T>
class TensorData : public ::testing::Test {};

using Types =
    ::testing::Types<std::uint8_t, std::uint16_t, std::uint32_t, std::int32_t, float, double>;
TYPED_TEST_SUITE(TensorData, Types);

TYPED_TEST(TensorData, IsReadAtAnyPlace) {
  const std::vector<TypeParam> numbers = {1, 2, 3, 200, 0, 7, 100};
  for (std::size_t offset = 0; offset < 16; ++offset) {
    std::vector<std::uint8_t> file(offset + numbers.size() * sizeof(TypeParam), 255);
    std::memcpy(file.data() + offset, numbers.data(), numbers.size() * sizeof(TypeParam));
    EXPECT_EQ(LoadNumbers<TypeParam>(std::span(file).subspan(offset)), numbers) << offset;
  }
}

TYPED_TEST(TensorData, OfNothingIsEmpty) {
  EXPECT_TRUE(LoadNumbers<TypeParam>({}).empty());
  const std::vector<std::uint8_t> bytes(3);
  EXPECT_TRUE(LoadNumbers<TypeParam>(std::span(bytes).subspan(1, 0)).empty());
}

TYPED_TEST(TensorData, IsWrittenAsItIsRead) {
  const std::vector<TypeParam> numbers = {1, 2, 3};
  std::vector<std::uint8_t> bytes(1);
  AppendNumbers(std::span<const TypeParam>(numbers), bytes);
  EXPECT_EQ(LoadNumbers<TypeParam>(std::span<const std::uint8_t>(bytes).subspan(1)), numbers);
}

}  // namespace
}  // namespace copse
