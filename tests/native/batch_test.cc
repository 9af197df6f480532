#include "batch.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "answer_writer.h"
#include "row_fixtures.h"

namespace copse {
namespace {

using test::Iris;
using test::MessageOf;

// Rows of all three flowers, each another.
std::string Flowers(std::size_t n_rows) {
  const char* const ends[] = {"5,1.5", "1.4,0.2", "6.1,2.5"};
  std::string text;
  for (std::size_t i = 0; i < n_rows; ++i) {
    text += std::to_string(4 + static_cast<double>(i % 37) / 10) + ",3." + std::to_string(i % 10) +
            "," + ends[i % 3] + (i % 5 == 0 ? "\r\n\n" : "\n");
  }
  return text;
}

struct Answered {
  std::string bytes = {};
  std::string message = {};
  std::size_t n_rows = 0;
  std::size_t n_progress = 0;
  std::uint64_t n_bytes = 0;  // that progress was told last
};

Answered AnswerText(const std::string& text, std::size_t n_threads, std::size_t block_bytes,
                    std::optional<Answer> answer = Answer::kProba,
                    AnswerFormat format = AnswerFormat::kCsv) {
  const auto blocks = NewCsvBlocks(Iris(), SourceOf(text), block_bytes);
  const auto writer = AnswerWriter::Create(Iris(), answer, format);
  Answered answered;
  const auto n_rows = AnswerAll(Iris(), *blocks, *writer,
                                {.n_threads = n_threads,
                                 .write = [&](std::string_view bytes) -> Result<bool> {
                                   answered.bytes += bytes;
                                   return true;
                                 },
                                 .interrupt = [] {},
                                 .progress =
                                     [&](std::uint64_t n_bytes, std::size_t n) {
                                       answered.n_bytes = n_bytes;
                                       answered.n_rows = n;
                                       ++answered.n_progress;
                                     }});
  if (!n_rows.ok()) answered.message = n_rows.error().message;
  if (n_rows.ok()) {
    EXPECT_EQ(*n_rows, answered.n_rows);
  }
  return answered;
}

std::string AnswerAtOnce(const std::string& text, std::optional<Answer> answer,
                         AnswerFormat format) {
  const auto rows = RowsFromCsv(Iris(), text);
  std::string bytes;
  AnswerWriter::Create(Iris(), answer, format)->Append(*rows, bytes);
  return bytes;
}

TEST(AnswerAll, GivesTheSameBytesWithAnyThreadsAndBlocks) {
  const std::string text = Flowers(500);
  const std::pair<std::optional<Answer>, AnswerFormat> kinds[] = {
      {Answer::kProba, AnswerFormat::kCsv},
      {Answer::kPredict, AnswerFormat::kNpy},
      {Answer::kLeaf, AnswerFormat::kNdjson},
      {std::nullopt, AnswerFormat::kNdjson}};
  for (const auto& [answer, format] : kinds) {
    const std::string expected = AnswerAtOnce(text, answer, format);
    for (const std::size_t n_threads : {1, 2, 5}) {
      for (const std::size_t block_bytes : {1, 30, 1000, 1 << 20}) {
        const Answered answered = AnswerText(text, n_threads, block_bytes, answer, format);
        EXPECT_EQ(answered.message, "");
        EXPECT_TRUE(answered.bytes == expected) << n_threads << " " << block_bytes;
        EXPECT_EQ(answered.n_rows, 500u);
        EXPECT_EQ(answered.n_bytes, text.size());
      }
    }
  }
}

TEST(AnswerAll, NamesTheRowThatIsRefusedAndAnswersThoseBefore) {
  const std::string good = Flowers(300);
  const std::string expected = AnswerAtOnce(good, Answer::kProba, AnswerFormat::kCsv);
  const std::pair<std::string, std::string> refusals[] = {
      {"1,x,3,4\n1,y,3,4\n", "row 301: \"s_width\" is \"x\"; a number was expected"},
      {"1,2,3\n", "row 301: 3 columns; 4 were expected: s_length, s_width, p_length, p_width"},
      {"1,2,\"3,4\n", "row 301: a quote is never closed"}};
  for (const auto& [bad, message] : refusals) {
    for (const std::size_t n_threads : {1, 4}) {
      for (const std::size_t block_bytes : {1, 100, 1 << 20}) {
        // Behind the first refusal, others may be found before it.
        const std::string text = good + bad + Flowers(200) + "1,z,3,4\n";
        const Answered answered = AnswerText(text, n_threads, block_bytes);
        EXPECT_EQ(answered.message, message) << n_threads << " " << block_bytes;
        EXPECT_TRUE(answered.bytes == expected) << n_threads << " " << block_bytes;
      }
    }
  }
}

TEST(AnswerAll, RefusesAHeaderThatDoesNotFit) {
  EXPECT_EQ(AnswerText("s_length,s_width\n1,2\n", 2, 4).message,
            "the header does not name \"p_length\"; the features are s_length, s_width, p_length, "
            "p_width");
}

TEST(AnswerAll, HasNothingToSayOfNoRows) {
  for (const char* const text : {"", "\n \n", "s_length,s_width,p_length,p_width\n"}) {
    const Answered answered = AnswerText(text, 2, 4);
    EXPECT_EQ(answered.message + answered.bytes, "");
    EXPECT_EQ(answered.n_rows, 0u);
  }
}

TEST(AnswerAll, EndsWhenNobodyReadsOnOrNothingCanBeWritten) {
  for (const bool full : {false, true}) {
    // Without an end.
    const ByteSource source = [](std::span<char> buffer) -> Result<std::size_t> {
      return std::string_view("1,2,3,4\n").copy(buffer.data(), buffer.size());
    };
    const auto blocks = NewCsvBlocks(Iris(), source);
    const auto writer = AnswerWriter::Create(Iris(), Answer::kIndex, AnswerFormat::kCsv);
    int n_writes = 0;
    const auto n_rows = AnswerAll(Iris(), *blocks, *writer,
                                  {.n_threads = 2,
                                   .write = [&](std::string_view) -> Result<bool> {
                                     if (++n_writes < 10) return true;
                                     if (full)
                                       return Error{ErrorCode::kInvalidInput, "the disk is full"};
                                     return false;
                                   },
                                   .interrupt = [] {},
                                   .progress = [](std::uint64_t, std::size_t) {}});
    EXPECT_EQ(n_rows.ok(), !full);
    if (full) {
      EXPECT_EQ(MessageOf(n_rows), "the disk is full");
    }
    EXPECT_EQ(n_writes, 10);
  }
}

// Answers that are much longer than their rows make the blocks smaller, long rows larger.
TEST(BlockBytes, SuitRowsAndAnswers) {
  EXPECT_EQ(BlockBytes(Iris(), 3), kBlockBytes);
  EXPECT_EQ(BlockBytes(Iris(), 32), kBlockBytes / 8);
  EXPECT_EQ(BlockBytes(Iris(), 1'000'000), kBlockBytes / 16);
}

}  // namespace
}  // namespace copse
