#include "copse/sha256.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "kernels/sha_blocks.h"

namespace copse {
namespace {

std::span<const std::uint8_t> BytesOf(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// FIPS 180-4 examples, as NIST publishes them.
TEST(Sha256, AgreesWithThePublishedExamples) {
  EXPECT_EQ(Sha256Hex(BytesOf("")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex(BytesOf("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex(BytesOf("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  const std::vector<std::uint8_t> million(1'000'000, 'a');
  EXPECT_EQ(Sha256Hex(million), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// Each length around the ends of a block and of its padding, from Python's hashlib.
TEST(Sha256, PadsEveryLengthRight) {
  const std::vector<std::uint8_t> bytes(64, 0x5a);
  const auto digest = [&](std::size_t n) { return Sha256Hex(std::span(bytes).first(n)); };
  EXPECT_EQ(digest(55), "5f25f149aa92e3e13093aed8216072fae623f35e26ca605b6cce17e04b7ccf44");
  EXPECT_EQ(digest(56), "301c69927f1603720c9f847b7e5e3bef77a7b9f75344490fe9039f13c36b842a");
  EXPECT_EQ(digest(63), "939765b120205cbedae2ed31256b1967c38b6bdd9b0220535224cbc0b906d333");
  EXPECT_EQ(digest(64), "cc7321cce5e4409bd8077d58422e1214969059bbd40b4eeb0de0a642f40f7282");
}

TEST(Sha256, PiecesGiveTheDigestOfTheWhole) {
  std::vector<std::uint8_t> bytes(300);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 7);
  const std::string whole = Sha256Hex(bytes);
  for (std::size_t piece = 1; piece < 130; ++piece) {
    Sha256 sha;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      sha.Update(std::span(bytes).subspan(at, std::min(piece, bytes.size() - at)));
    }
    ASSERT_EQ(sha.HexDigest(), whole) << "pieces of " << piece;
  }
}

TEST(Sha256, TheProcessorsInstructionsGiveWhatArithmeticGives) {
  const ShaBlocks fast = FastShaBlocks();
  if (fast == nullptr) return;  // all tests above were of arithmetic
  std::vector<std::uint8_t> bytes(64 * 9);
  std::uint32_t next = 1;
  for (std::uint8_t& byte : bytes)
    byte = static_cast<std::uint8_t>((next = next * 69069 + 1) >> 24);
  for (std::size_t n = 0; n <= 9; ++n) {
    std::array<std::uint32_t, 8> plain = {1, 2, 3, 4, 5, 6, 7, ~0U}, quick = plain;
    PlainShaBlocks(plain, bytes.data(), n);
    fast(quick, bytes.data(), n);
    EXPECT_EQ(plain, quick) << n << " blocks";
  }
}

}  // namespace
}  // namespace copse
