#include "compress.h"

#include <gtest/gtest.h>

#include "decompress.h"

namespace copse {
namespace {

std::string Undone(Compression compression, const std::string& bytes) {
  const auto begin = reinterpret_cast<const std::uint8_t*>(bytes.data());
  const auto undone = Decompress(compression, {begin, bytes.size()},
                                 [](std::span<const std::uint8_t>) -> Status { return Ok{}; });
  return undone.ok() ? std::string(undone->begin(), undone->end()) : undone.error().message;
}

TEST(Compress, IsUndoneByDecompress) {
  std::string text;
  for (int i = 0; i < 100000; ++i) text += std::to_string(i * 7919 % 1000003) + ",";
  for (const std::string& bytes : {std::string(), std::string("x"), text}) {
    const std::string gzip = Compress(ContentCoding::kGzip, bytes);
    const std::string zlib = Compress(ContentCoding::kDeflate, bytes);
    EXPECT_EQ(Undone(Compression::kGzip, gzip), bytes);
    EXPECT_EQ(Undone(Compression::kZlib, zlib), bytes);
    EXPECT_EQ(Compress(ContentCoding::kIdentity, bytes), bytes);
  }
  EXPECT_LT(Compress(ContentCoding::kGzip, text).size(), text.size() * 2 / 3);
}

TEST(Compress, ZlibEndsWithAdler32) {
  EXPECT_EQ(Adler32(""), 1U);
  EXPECT_EQ(Adler32("Wikipedia"), 0x11e60398U);
  const std::string zlib = Compress(ContentCoding::kDeflate, "Wikipedia");
  EXPECT_EQ(zlib.substr(zlib.size() - 4), "\x11\xe6\x03\x98");
}

TEST(ContentCodingName, IsThatOfHttp) {
  EXPECT_EQ(ContentCodingName(ContentCoding::kGzip), "gzip");
  EXPECT_EQ(ContentCodingName(ContentCoding::kDeflate), "deflate");
  EXPECT_EQ(ContentCodingName(ContentCoding::kIdentity), "");
}

}  // namespace
}  // namespace copse
