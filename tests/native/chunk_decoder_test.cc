#include "chunk_decoder.h"

#include <gtest/gtest.h>

#include <string>

namespace copse {
namespace {

// What a decoder makes of `text` when it comes in parts of so many bytes.
struct Decoded {
  std::string body, rest;
  bool ended = false;
  int status = 0;  // of the refusal, or 0
};

Decoded Decode(std::string_view text, std::size_t part, std::uint64_t bytes_max = 1000,
               std::size_t room = 64) {
  ChunkDecoder decoder(bytes_max);
  Decoded decoded;
  while (!text.empty() && !decoder.ended() && !decoder.refusal()) {
    std::string out(room, '?');
    const auto step = decoder.Next(text.substr(0, part), out.data(), out.size());
    decoded.body += out.substr(0, step.n_written);
    text.remove_prefix(step.n_read);
    if (step.n_read == 0 && step.n_written == 0) break;
  }
  decoded.rest = text;
  decoded.ended = decoder.ended();
  if (decoder.refusal()) decoded.status = decoder.refusal()->status;
  return decoded;
}

TEST(ChunkDecoder, BodyIsTheSameHoweverItComes) {
  const std::string text = "3\r\nabc\r\nA;name=\"x\"\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\nGET /";
  for (std::size_t part = 1; part <= text.size(); ++part) {
    for (const std::size_t room : {std::size_t{1}, std::size_t{5}, std::size_t{64}}) {
      const Decoded decoded = Decode(text, part, 13, room);
      EXPECT_TRUE(decoded.ended) << part;
      EXPECT_EQ(decoded.body, "abc0123456789") << part;
      EXPECT_EQ(decoded.rest, "GET /") << part;
    }
  }
}

TEST(ChunkDecoder, WhatIsNoChunkIsRefused) {
  for (const char* const text :
       {"x\r\n", "\r\n", "-1\r\n", "+1\r\n", " 1\r\n", "0x1\r\n", "1 x\r\na\r\n", "1\na", "1\r\ra",
        "1\r\nab\r\n", "1\r\na\n", "1\r\na\r\r", "1000000000000000\r\n", "1;\x01\r\n", "1;\x7f\r\n",
        "0\r\ntrailer\r\n", "0\r\n: a\r\n", "0\r\na : b\r\n", "0\r\n a: b\r\n"}) {
    const Decoded decoded = Decode(text, 1);
    EXPECT_EQ(decoded.status, 400) << text;
    EXPECT_FALSE(decoded.ended);
  }
}

TEST(ChunkDecoder, NulIsNoPartOfALine) {
  EXPECT_EQ(Decode(std::string_view("1;a\0\r\n", 7), 1).status, 400);
  EXPECT_EQ(Decode("1;\ta=\"\xc3\xa4\"\r\na\r\n0\r\na:\r\n\r\n", 1).body, "a");
}

TEST(ChunkDecoder, MoreThanTheLimitIsRefusedAsSoonAsItIsSaid) {
  EXPECT_EQ(Decode("5\r\nabcde\r\n0\r\n\r\n", 64, 5).body, "abcde");
  const Decoded second = Decode("5\r\nabcde\r\n1\r\n", 64, 5);
  EXPECT_EQ(second.status, 413);
  EXPECT_EQ(second.body, "abcde");
  EXPECT_EQ(Decode("fffffffffffffff\r\n", 64, 5).status, 413);
}

TEST(ChunkDecoder, LinesAndTrailersAreLimited) {
  EXPECT_EQ(Decode("1;" + std::string(300, 'x'), 64).status, 400);
  std::string trailers = "0\r\n";
  for (int i = 0; i < 101; ++i) trailers += "a: b\r\n";
  EXPECT_EQ(Decode(trailers, 64).status, 431);
}

}  // namespace
}  // namespace copse
