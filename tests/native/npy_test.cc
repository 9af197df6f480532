// Not "npy.h": the test support has a header of that name too.
#include "../../native/npy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "row_fixtures.h"

namespace copse {
namespace {

using test::Iris;
using test::MessageOf;
using test::Shirts;

template <class T>
std::string BytesOf(const std::vector<T>& numbers) {
  std::string bytes(numbers.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return bytes;
}

std::string Array(const std::string& dictionary, const std::string& data, int version = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(version);
  bytes += '\0';
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) {
    bytes += static_cast<char>(dictionary.size() >> (8 * i));
  }
  return bytes + dictionary + data;
}

std::string Head(const std::string& type, const std::string& shape, bool fortran = false) {
  return "{'descr': '" + type + "', 'fortran_order': " + (fortran ? "True" : "False") +
         ", 'shape': " + shape + ", }\n";
}

Result<Rows> Read(const Model& model, const std::string& bytes) {
  return ReadAll(*NewNpyReader(model, SourceOf(bytes)));
}

template <class T>
Result<Rows> ReadType(const std::string& type, const std::vector<T>& numbers) {
  return Read(Shirts(), Array(Head(type, "(2, 3)"), BytesOf(numbers)));
}

TEST(NpyReader, ReadsEveryType) {
  const std::vector<double> expected = {1, 0, 2, 3, 1, 5};
  EXPECT_EQ(ReadType<double>("<f8", {1, 0, 2, 3, 1, 5})->values, expected);
  EXPECT_EQ(ReadType<float>("<f4", {1, 0, 2, 3, 1, 5})->values, expected);
  EXPECT_EQ(ReadType<std::int64_t>("<i8", {1, 0, 2, 3, 1, 5})->values, expected);
  EXPECT_EQ(ReadType<std::int32_t>("<i4", {1, 0, 2, 3, 1, 5})->values, expected);
  EXPECT_EQ(ReadType<std::int8_t>("|i1", {1, 0, 2, 3, 1, 5})->values, expected);
  EXPECT_EQ(ReadType<std::uint8_t>("|u1", {1, 0, 2, 3, 1, 5})->values, expected);
  EXPECT_EQ(ReadType<std::uint8_t>("|b1", {1, 0, 1, 1, 1, 0})->values,
            (std::vector<double>{1, 0, 1, 1, 1, 0}));
  EXPECT_EQ(ReadType<std::int32_t>("<i4", {-1, 0, 2, 3, 1, 5})->values[0], -1);
}

TEST(NpyReader, ReadsEveryVersionAndOrder) {
  const std::string data = BytesOf<double>({1, 3, 0, 1, 2, 5});
  for (const int version : {1, 2, 3}) {
    EXPECT_EQ(Read(Shirts(), Array(Head("<f8", "(2, 3)", true), data, version))->values,
              (std::vector<double>{1, 0, 2, 3, 1, 5}));
  }
  EXPECT_EQ(Read(Shirts(), Array("{'shape':(2L,3L),'fortran_order':False,\"descr\":'<f8'}", data))
                ->values,
            (std::vector<double>{1, 3, 0, 1, 2, 5}));
}

TEST(NpyReader, ReadsOneRowWithoutABracket) {
  const auto rows = Read(Iris(), Array(Head("<f8", "(4,)"), BytesOf<double>({1, 2, 3, 4})));
  ASSERT_TRUE(rows.ok()) << rows.error().message;
  EXPECT_EQ(rows->n_rows, 1u);
}

TEST(NpyReader, ReadsPieceByPiece) {
  for (const bool fortran : {false, true}) {
    const std::string bytes =
        Array(Head("<f8", "(3, 3)", fortran), BytesOf<double>({1, 2, 3, 4, 5, 6, 7, 8, 9}));
    auto reader = NewNpyReader(Shirts(), SourceOf(bytes));
    EXPECT_EQ(reader->Next(2)->n_rows, 2u);
    EXPECT_EQ(reader->Next(2)->values,
              fortran ? (std::vector<double>{3, 6, 9}) : (std::vector<double>{7, 8, 9}));
    EXPECT_EQ(reader->Next(2)->n_rows, 0u);
  }
}

TEST(NpyReader, ChecksTheRows) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::string bytes =
      Array(Head("<f8", "(2, 4)"), BytesOf<double>({1, 2, 3, 4, 1, 2, nan, 4}));
  EXPECT_EQ(MessageOf(Read(Iris(), bytes)).find("row 2: \"p_length\""), 0u);
  EXPECT_TRUE(std::isnan(ReadType<double>("<f8", {nan, 0, 2, 3, 1, 5})->values[0]));
}

TEST(NpyReader, RefusesWhatItCannotRead) {
  const std::string data = BytesOf<double>({1, 2, 3, 4});
  const auto message = [&](const std::string& head) {
    return MessageOf(Read(Iris(), Array(head, data)));
  };
  EXPECT_EQ(message(Head(">f8", "(1, 4)")),
            "the .npy array is of type \">f8\"; one of <f8 <f4 <i8 <i4 |i1 |u1 |b1 was expected");
  EXPECT_EQ(message(Head("|O", "(1, 4)")).find("the .npy array is of type \"|O\""), 0u);
  EXPECT_EQ(message(Head("<f8", "(1, 5)")),
            "the .npy array has the shape (1, 5); (n, 4) was expected");
  EXPECT_EQ(message(Head("<f8", "(3,)")), "the .npy array has the shape (3,); (n, 4) was expected");
  EXPECT_EQ(message(Head("<f8", "()")), "the .npy array has the shape (); (n, 4) was expected");
  EXPECT_EQ(message(Head("<f8", "(1, 1, 4)")),
            "the .npy array has the shape (1, 1, 4); (n, 4) was expected");
  EXPECT_EQ(message("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1, 4)}"),
            "the .npy array has a structured type; rows of plain numbers were expected");
  EXPECT_EQ(message(Head("<f8", "(2, 4)")),
            "the .npy array ends before the 2 rows that its head names");
  EXPECT_EQ(message(Head("<f8", "(0, 4)")),
            "the .npy array is followed by more bytes than its head names");
  // Believed only as far as bytes come, and not at all past any memory.
  EXPECT_EQ(message(Head("<f8", "(1000000000000, 4)")),
            "the .npy array ends before the 1000000000000 rows that its head names");
  EXPECT_EQ(message(Head("<f8", "(1000000000000, 4)", true)),
            "the .npy array ends before the 1000000000000 rows that its head names");
  EXPECT_EQ(message(Head("<f8", "(9223372036854775808, 4)")),
            "the .npy array has the shape (9223372036854775808, 4), more than any memory holds");
}

TEST(NpyReader, RefusesEveryHeadThatNumpyDoesNotWrite) {
  const std::string data = BytesOf<double>({1, 2, 3, 4});
  for (const char* head :
       {"", "{", "{}", "{'descr': '<f8'}", "{'descr': '<f8', 'fortran_order': False}",
        "{'descr': '<f8', 'fortran_order': 0, 'shape': (1, 4)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 4)",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1, -4)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1 4)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': [1, 4]}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999, 4)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 4), 'more': 1}",
        "{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (1, 4)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 4)} + x",
        "__import__('os').system('true')"}) {
    EXPECT_EQ(MessageOf(Read(Iris(), Array(head, data))),
              "the .npy array has a head that numpy did not write")
        << head;
  }
  const std::string good = Array(Head("<f8", "(1, 4)"), data);
  ASSERT_TRUE(Read(Iris(), good).ok());
  for (std::size_t n = 0; n < good.size(); ++n) {
    EXPECT_FALSE(Read(Iris(), good.substr(0, n)).ok()) << n;
  }
  EXPECT_EQ(MessageOf(Read(Iris(), good + "x")),
            "the .npy array is followed by more bytes than its head names");
  EXPECT_EQ(MessageOf(Read(Iris(), Array(Head("<f8", "(1, 4)"), data, 4))),
            "the .npy array is of a format version past 3");
  EXPECT_EQ(MessageOf(Read(Iris(), Array(std::string(70'000, ' '), data, 2))),
            "the .npy array has a head of more than 64 KiB");
}

TEST(NpyHead, ReadsBackAndHasOneLength) {
  const NpyFormat format{.type = NpyType::kFloat64, .text_width = 1, .n_columns = 4, .flat = false};
  std::string bytes = NpyHead(format, 1);
  EXPECT_EQ(bytes.size() % 64, 0u);
  EXPECT_EQ(bytes.size(), NpyHead(format, 1'000'000'000'000).size());
  for (const double x : {1.0, 2.0, 3.0, 4.5}) AppendNpyNumber(bytes, NpyType::kFloat64, x);
  const auto rows = Read(Iris(), bytes);
  ASSERT_TRUE(rows.ok()) << rows.error().message;
  EXPECT_EQ(rows->values, (std::vector<double>{1, 2, 3, 4.5}));
}

TEST(AppendNpyText, PadsToItsWidth) {
  std::string bytes;
  AppendNpyText(bytes, "a\u00e9\U0001f338", 4);
  ASSERT_EQ(bytes.size(), 16u);
  std::uint32_t characters[4];
  std::memcpy(characters, bytes.data(), sizeof characters);
  EXPECT_EQ(characters[0], 'a');
  EXPECT_EQ(characters[1], 0xe9u);
  EXPECT_EQ(characters[2], 0x1f338u);
  EXPECT_EQ(characters[3], 0u);
  EXPECT_EQ(CountCharacters("a\u00e9\U0001f338"), 3u);
}

}  // namespace
}  // namespace copse
