#include "decompress.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "compressed.h"

namespace copse {
namespace {

using test::Compress;

constexpr Compression kAll[] = {Compression::kZlib, Compression::kGzip, Compression::kBzip2,
                                Compression::kXz,   Compression::kLzma, Compression::kLz4};

std::span<const std::uint8_t> BytesOf(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

Status Fine(std::span<const std::uint8_t>) { return Ok{}; }

// What comes out as text, or the refusal behind a word that no test expects to come out.
std::string Out(Compression compression, const std::string& bytes) {
  const auto result = Decompress(compression, BytesOf(bytes), Fine);
  if (!result.ok()) return "refused: " + result.error().message;
  return {result->begin(), result->end()};
}

Error ErrorOf(Compression compression, const std::string& bytes) {
  const auto result = Decompress(compression, BytesOf(bytes), Fine);
  return result.ok() ? Error{ErrorCode::kInternal, "(accepted)"} : result.error();
}

// Text that does not shrink much, of a length that no block ends at.
std::string Noise(std::size_t n_bytes) {
  std::mt19937 random(7);
  std::string text(n_bytes, '\0');
  for (char& c : text) c = static_cast<char>('a' + random() % 16);
  return text;
}

std::string NameOf(const testing::TestParamInfo<Compression>& info) {
  return std::string(CompressionName(info.param));
}

class Decompressing : public testing::TestWithParam<Compression> {};
INSTANTIATE_TEST_SUITE_P(Every, Decompressing, testing::ValuesIn(kAll), NameOf);

TEST_P(Decompressing, GivesBackWhatWentIn) {
  for (const std::size_t n : {0, 1, 65535, 65536, 65537, 1'300'001}) {
    const std::string text = Noise(n);
    EXPECT_EQ(Out(GetParam(), Compress(GetParam(), text)), text) << n;
  }
}

TEST_P(Decompressing, IsFoundByItsFirstBytes) {
  EXPECT_EQ(CompressionOf(BytesOf(Compress(GetParam(), Noise(5000)))), GetParam());
}

TEST_P(Decompressing, ReadsStreamsOneBehindTheOther) {
  const std::string text = Noise(200'000);
  std::string bytes, expected;
  for (const std::size_t n : {0, 200'000, 3}) {
    bytes += Compress(GetParam(), text.substr(0, n));
    expected += text.substr(0, n);
  }
  EXPECT_EQ(Out(GetParam(), bytes), expected);
  EXPECT_EQ(Out(GetParam(), bytes + std::string(512, '\0')), expected) << "zeros, as of a tape";
}

TEST_P(Decompressing, SaysWhatIsBehindTheLastStream) {
  const std::string bytes = Compress(GetParam(), Noise(5000));
  const Error error = ErrorOf(GetParam(), bytes + "and now for something completely different");
  EXPECT_EQ(error.code, ErrorCode::kInvalidModel);
  EXPECT_EQ(error.message,
            "this " + std::string(CompressionName(GetParam())) +
                " file is damaged: its data ends at byte " + std::to_string(bytes.size()) + " of " +
                std::to_string(bytes.size() + 42) + ", and what follows is no more of it");
}

TEST_P(Decompressing, RefusesEveryBeginning) {
  const std::string bytes = Compress(GetParam(), Noise(5000));
  for (std::size_t n = 0; n < bytes.size(); n += n < 50 ? 1 : 97) {
    const Error error = ErrorOf(GetParam(), bytes.substr(0, n));
    EXPECT_EQ(error.code, ErrorCode::kInvalidModel) << n;
    EXPECT_NE(error.message.find("cut off: it ends after " + std::to_string(n)), std::string::npos)
        << error.message;
  }
}

// Those with a checksum; lzma alone has none.
class DecompressingChecked : public testing::TestWithParam<Compression> {};
INSTANTIATE_TEST_SUITE_P(Every, DecompressingChecked,
                         testing::Values(Compression::kZlib, Compression::kGzip,
                                         Compression::kBzip2, Compression::kXz, Compression::kLz4),
                         NameOf);

TEST_P(DecompressingChecked, SeesDamage) {
  const std::string text = Noise(50'000), bytes = Compress(GetParam(), text);
  for (const std::size_t at : {bytes.size() / 3, bytes.size() / 2, bytes.size() - 3}) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    const Error error = ErrorOf(GetParam(), damaged);
    EXPECT_EQ(error.code, ErrorCode::kInvalidModel) << at;
    EXPECT_LE(error.message.size(), 200u);
  }
}

TEST_P(Decompressing, RefusesNoise) {
  const std::string noise = Noise(1000);
  EXPECT_EQ(ErrorOf(GetParam(), noise).code, ErrorCode::kInvalidModel);
}

// The importers allow 200 times its size, or 16 MiB for a small file.
TEST_P(Decompressing, RefusesWhatBecomesTooLarge) {
  const std::string zeros(17 << 20, '\0');
  const std::string bytes = Compress(GetParam(), zeros);
  const std::string limit = std::to_string(DecompressedBytesMax(bytes.size()));
  const auto result = Decompress(GetParam(), BytesOf(bytes), Fine);
  if (DecompressedBytesMax(bytes.size()) >= zeros.size()) {
    EXPECT_TRUE(result.ok());  // lz4 cannot shrink so much
    return;
  }
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kTooLarge);
  EXPECT_NE(result.error().message.find("the limit for them, " + limit + " bytes"),
            std::string::npos)
      << result.error().message;
}

// Those that can shrink so much.
class DecompressingBombs : public testing::TestWithParam<Compression> {};
INSTANTIATE_TEST_SUITE_P(Some, DecompressingBombs,
                         testing::Values(Compression::kZlib, Compression::kGzip), NameOf);

TEST_P(DecompressingBombs, RefusesAFirstPartThatGrowsTooFast) {
  const std::string zeros(140 << 20, '\0'), noise = Noise(1'500'000);
  // As a whole it would pass: 200 times the noise are more than the zeros.
  const std::string bytes = Compress(GetParam(), zeros) + Compress(GetParam(), noise);
  ASSERT_GT(DecompressedBytesMax(bytes.size()), zeros.size() + noise.size());
  const Error error = ErrorOf(GetParam(), bytes);
  EXPECT_EQ(error.code, ErrorCode::kTooLarge) << error.message;
}

TEST_P(Decompressing, AsksOnceWhetherItIsWorthIt) {
  for (const std::size_t n : {0, 100, 65536, 200'000}) {
    const std::string text = Noise(n);
    std::vector<std::string> heads;
    const auto result = Decompress(GetParam(), BytesOf(Compress(GetParam(), text)),
                                   [&](std::span<const std::uint8_t> head) -> Status {
                                     heads.emplace_back(head.begin(), head.end());
                                     return Ok{};
                                   });
    ASSERT_TRUE(result.ok()) << result.error().message;
    ASSERT_EQ(heads.size(), 1u);
    EXPECT_EQ(heads[0], text.substr(0, kHeadBytes));
  }
}

TEST_P(Decompressing, EndsWhereItIsNotWorthIt) {
  // Far more than the limit: only who stops at the first bytes does not see that.
  const std::string bytes = Compress(GetParam(), std::string(20 << 20, '\0'));
  const auto result =
      Decompress(GetParam(), BytesOf(bytes), [](std::span<const std::uint8_t>) -> Status {
        return Error{ErrorCode::kUnsupportedModel, "nothing but zeros"};
      });
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().message, "nothing but zeros");
}

TEST(DecompressLzma, RefusesADictionaryThatNeedsTooMuchMemory) {
  std::string bytes = Compress(Compression::kLzma, Noise(5000));
  for (std::size_t i = 1; i < 5; ++i) bytes[i] = i == 4 ? '\x40' : '\0';  // 1 GiB
  const Error error = ErrorOf(Compression::kLzma, bytes);
  EXPECT_EQ(error.code, ErrorCode::kTooLarge);
  EXPECT_EQ(error.message,
            "this lzma file cannot be decompressed here, for its dictionary needs more than 96 MiB "
            "of memory; decompress it first, and give the result");
}

TEST(DecompressGzip, RefusesEndlessEmptyStreams) {
  const std::string empty = Compress(Compression::kGzip, "");
  std::string bytes;
  for (int i = 0; i < (1 << 16) + 2; ++i) bytes += empty;
  const Error error = ErrorOf(Compression::kGzip, bytes);
  EXPECT_EQ(error.code, ErrorCode::kTooLarge);
  EXPECT_NE(error.message.find("more than 65536 streams"), std::string::npos) << error.message;
}

TEST(DecompressZlib, SaysThatADictionaryIsMissing) {
  // RFC 1950: FDICT is bit 5 of the second byte; its four bytes follow.
  const std::string bytes("\x78\xbb\x01\x02\x03\x04\x05\x06\x07", 9);
  EXPECT_NE(ErrorOf(Compression::kZlib, bytes).message.find("dictionary that is not in it"),
            std::string::npos);
}

}  // namespace
}  // namespace copse
