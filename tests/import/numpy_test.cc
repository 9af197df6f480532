// Arrays, dtypes and scalars of NumPy in a pickle.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "pickles/dump.h"

namespace copse::importer::pickle {
namespace {

using namespace std::literals;
using test::BytesOf;
using test::DumpOf;
using test::Text;

/// `n` as LONG1.
std::string Whole(std::uint64_t n) {
  std::string bytes = "\x8a\x09";
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(n >> 8 * i & 255);
  // A ninth byte keeps the number positive; it is past 64 bits only where it must be.
  if (n >> 63 == 0) bytes[1] = '\x08';
  return n >> 63 == 0 ? bytes : bytes + '\0';
}

std::string Bytes(std::string_view bytes) {
  return "C" + std::string(1, static_cast<char>(bytes.size())) + std::string(bytes);
}

/// numpy.dtype(code, 0, 1) with byte order and record parts.
std::string Dtype(std::string_view code, std::string_view order = "<",
                  const std::string& names_and_fields = "NN", int size = -1) {
  std::string bytes = "cnumpy\ndtype\n" + Text(code) + "K\0K\1\x87R(K\x03"s + Text(order) + "N" +
                      names_and_fields + "J";
  for (int i = 0; i < 4; ++i) bytes += static_cast<char>(size >> 8 * i & 255);
  return bytes + "J\xff\xff\xff\xffK\0tb"s;
}

std::string Shape(const std::vector<std::uint64_t>& shape) {
  std::string bytes = "(";
  for (const std::uint64_t length : shape) bytes += Whole(length);
  return bytes + "t";
}

/// An array as protocols 2 to 4 have it; all of `data` as the data's opcodes.
std::string ArrayOf(const std::string& dtype, const std::vector<std::uint64_t>& shape,
                    const std::string& data, bool is_fortran = false) {
  return "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85"s + Bytes("b") +
         "\x87R(K\x01" + Shape(shape) + dtype + (is_fortran ? "\x88" : "\x89") + data + "tb";
}

std::string MessageOf(const std::string& pickle) {
  const auto document = Document::Parse(BytesOf(pickle));
  if (!document.ok()) return document.error().message;
  const auto array = Array::From(document->root(), "it");
  return array.ok() ? "" : array.error().message;
}

TEST(NumpyArray, ReadsWhatEveryProtocolOfPythonWrites) {
  const std::string expected = test::ReadPickle("numpy.txt");
  ASSERT_FALSE(expected.empty());
  for (const char protocol : "012345"sv) {
    EXPECT_EQ(DumpOf(test::ReadPickle("numpy-p"s + protocol + ".pkl")), expected)
        << "protocol " << protocol;
  }
}

TEST(NumpyArray, HandMadeArrayIsRead) {
  const std::string array = ArrayOf(Dtype("i2"), {3}, Bytes("\1\0\2\0\xff\xff"sv));
  EXPECT_EQ(DumpOf(array + "."), "array[3](1, 2, -1)");
}

TEST(NumpyArray, FortranOrderIsTurned) {
  const std::string items = Bytes("\1\2\3\4\5\6");
  EXPECT_EQ(DumpOf(ArrayOf(Dtype("u1", "|"), {2, 3}, items, true) + "."),
            "array[2,3](1, 3, 5, 2, 4, 6)");
  EXPECT_EQ(DumpOf(ArrayOf(Dtype("u1", "|"), {2, 3}, items) + "."), "array[2,3](1, 2, 3, 4, 5, 6)");
}

TEST(NumpyArray, AxesInAnyOrder) {
  // numpy._core.numeric._frombuffer(bytes, dtype, shape, 'K', axes), since NumPy 2.3:
  // frombuffer(...).reshape(shape).transpose(axes).
  const auto buffer = [](const std::string& axes) {
    return "cnumpy._core.numeric\n_frombuffer\n(" + Bytes("\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c") +
           Dtype("u1", "|") + Shape({2, 3, 2}) + Text("K") + axes + "tR.";
  };
  EXPECT_EQ(DumpOf(buffer("K\1K\0K\2\x87"s)),
            "array[3,2,2](1, 2, 7, 8, 3, 4, 9, 10, 5, 6, 11, 12)");
  EXPECT_EQ(DumpOf(buffer("K\2K\1K\0\x87"s)),
            "array[2,3,2](1, 7, 3, 9, 5, 11, 2, 8, 4, 10, 6, 12)");
  EXPECT_NE(MessageOf(buffer("K\1K\1K\0\x87"s)), "") << "an axis twice";
  EXPECT_NE(MessageOf(buffer("K\1K\3K\0\x87"s)), "") << "an axis that is none";
  EXPECT_NE(MessageOf(buffer("K\1K\0\x86"s)), "") << "too few axes";
}

TEST(NumpyArray, SafeSubclassesAreArraysAndOthersAreObjects) {
  for (const std::string name : {"numpy.matrixlib.defmatrix\nmatrix", "numpy\nmemmap",
                                 "numpy.core.memmap\nmemmap", "numpy.rec\nrecarray"}) {
    std::string bytes = ArrayOf(Dtype("u1", "|"), {1, 1}, Bytes("\7"));
    bytes.replace(bytes.find("numpy\nndarray"), 13, name);
    EXPECT_EQ(DumpOf(bytes + "."), "array[1,1](7)") << name;
  }
  std::string bytes = ArrayOf(Dtype("u1", "|"), {1}, Bytes("\7"));
  bytes.replace(bytes.find("numpy\nndarray"), 13, "numpy.ma.core\nMaskedArray");
  const auto document = Document::Parse(BytesOf(bytes + "."));
  ASSERT_TRUE(document.ok()) << document.error().message;
  EXPECT_EQ(document->root().class_name(), "numpy.ma.core.MaskedArray");
}

TEST(NumpyArray, ADtypeIsSharedThroughTheMemo) {
  // The dtype is stored in the memo before BUILD gives it its byte order.
  std::string dtype = Dtype("i2", ">");
  dtype.insert(dtype.find('R') + 1, "q\x01");
  const std::string second = ArrayOf("h\x01", {1}, Bytes("\0\2"sv));
  EXPECT_EQ(DumpOf(ArrayOf(dtype, {1}, Bytes("\0\1"sv)) + second + "\x86."),
            "(array[1](1), array[1](2))");
}

TEST(NumpyArray, TextAsDataIsLatin1) {
  EXPECT_EQ(DumpOf(ArrayOf(Dtype("u1", "|"), {2}, Text("\u00e9\u00ff")) + "."),
            "array[2](233, 255)");
  EXPECT_EQ(DumpOf(ArrayOf(Dtype("u1", "|"), {2}, "U\2\xe9\xff") + "."), "array[2](233, 255)");
}

TEST(NumpyArray, RecordsAreReadFieldByField) {
  const auto field = [](std::string_view name, const std::string& dtype, int offset) {
    return Text(name) + dtype + "K" + std::string(1, static_cast<char>(offset)) + "\x86";
  };
  const auto record = [&](const std::string& names, const std::string& fields, int size) {
    return Dtype("V" + std::to_string(size), "|", names + "}(" + fields + "u", size);
  };
  const std::string names = Text("b") + Text("a") + "\x86";
  const std::string fields = field("a", Dtype("u1", "|"), 4) + field("b", Dtype("i4"), 0);
  EXPECT_EQ(
      DumpOf(ArrayOf(record(names, fields, 5), {2}, Bytes("\1\0\0\0\7\xfe\xff\xff\xff\x08"sv)) +
             "."),
      "array[2]b:(1, -2)a:(7, 8)");

  const auto refused = [&](const std::string& some_names, const std::string& some_fields) {
    return MessageOf(ArrayOf(record(some_names, some_fields, 5), {0}, Bytes("")) + ".");
  };
  EXPECT_NE(refused(names, field("a", Dtype("u1", "|"), 5) + field("b", Dtype("i4"), 0)), "")
      << "a field behind the record";
  EXPECT_NE(refused(names, field("a", Dtype("u1", "|"), 0)), "") << "a name without a place";
  EXPECT_NE(refused(names, field("a", record(names, fields, 5), 0) + field("b", Dtype("i4"), 0)),
            "")
      << "a record in a record";
  EXPECT_EQ(refused(names, fields), "");
}

TEST(NumpyArray, SubArraysAndUnknownDtypesAreRefused) {
  std::string dtype = Dtype("V8", "|", "NN", 8);
  const std::size_t at = dtype.find("NNN");
  ASSERT_NE(at, std::string::npos);
  dtype.replace(at, 1, Dtype("f4") + "K\2\x85\x86");
  EXPECT_NE(MessageOf(ArrayOf(dtype, {1}, Bytes("12345678")) + ".").find("sub-array"),
            std::string::npos);
  EXPECT_NE(MessageOf(ArrayOf(Dtype("f3"), {1}, Bytes("123")) + "."), "");
  EXPECT_NE(MessageOf(ArrayOf(Dtype(""), {1}, Bytes("1")) + "."), "");
  EXPECT_NE(MessageOf(ArrayOf("N", {1}, Bytes("1")) + "."), "");
  EXPECT_NE(MessageOf(ArrayOf(Dtype("U", "<", "NN", 0), {1000000}, Bytes("")) + "."), "")
      << "a million texts of no bytes";
}

TEST(NumpyArray, ShapeAndBytesMustAgree) {
  EXPECT_NE(MessageOf(ArrayOf(Dtype("f8"), {2}, Bytes("12345678")) + ".").find("has 8 bytes"),
            std::string::npos);
  EXPECT_NE(MessageOf(ArrayOf(Dtype("u1", "|"), {}, Bytes("12")) + "."), "");
  EXPECT_NE(MessageOf(ArrayOf(Dtype("u1", "|"), {1}, "N") + "."), "");
  EXPECT_NE(MessageOf(ArrayOf(Dtype("O8", "|"), {2}, "(K\1l") + "."), "");
  EXPECT_EQ(MessageOf(ArrayOf(Dtype("O8", "|"), {1}, "(K\1l") + "."), "");
}

TEST(NumpyArray, ShapesThatOverflowAreRefused) {
  const std::uint64_t half = std::uint64_t{1} << 32, big = std::uint64_t{1} << 61;
  const std::vector<std::vector<std::uint64_t>> shapes = {
      {half, half}, {half, half, 0}, {0, half, half}, {big, 8}, {big}, {std::uint64_t{1} << 63}};
  for (const auto& shape : shapes) {
    EXPECT_NE(MessageOf(ArrayOf(Dtype("f8"), shape, Bytes("")) + "."), "");
  }
  EXPECT_NE(
      MessageOf(ArrayOf(Dtype("f8"), std::vector<std::uint64_t>(65, 1), Bytes("12345678")) + "."),
      "")
      << "more axes than NumPy has";
  std::string negative = ArrayOf(Dtype("u1", "|"), {1}, Bytes("1"));
  negative.replace(negative.find("(\x8a\x08\x01"), 11, "(J\xff\xff\xff\xff");
  EXPECT_NE(MessageOf(negative + "."), "");
}

TEST(NumpyArray, NumbersAreReadExactlyOrRefused) {
  const auto array = [](const std::string& pickle, auto read) {
    const auto document = Document::Parse(BytesOf(pickle));
    ASSERT_TRUE(document.ok()) << document.error().message;
    const auto found = Array::From(document->root(), "it");
    ASSERT_TRUE(found.ok()) << found.error().message;
    read(*found);
  };
  array(ArrayOf(Dtype("u8"), {1}, Bytes("\xff\xff\xff\xff\xff\xff\xff\xff")) + ".",
        [](const Array& found) {
          EXPECT_EQ(found.Doubles()->at(0), 0x1p64);
          EXPECT_FALSE(found.Integers().ok());
        });
  array(ArrayOf(Dtype("f8"), {2}, Bytes("\0\0\0\0\0\0\x08\x40\0\0\0\0\0\0\x00\x40"sv)) + ".",
        [](const Array& found) {
          EXPECT_EQ(*found.Integers(), (std::vector<std::int64_t>{3, 2}));
        });
  array(ArrayOf(Dtype("f8"), {1}, Bytes("\0\0\0\0\0\0\xf8\x3f"sv)) + ".",
        [](const Array& found) { EXPECT_FALSE(found.Integers().ok()) << "1.5"; });
  array(ArrayOf(Dtype("f8"), {1}, Bytes("\0\0\0\0\0\0\xf8\x7f"sv)) + ".",
        [](const Array& found) { EXPECT_FALSE(found.Integers().ok()) << "NaN"; });
  array(ArrayOf(Dtype("U1", "<", "NN", 4), {1}, Bytes("a\0\0\0"sv)) + ".", [](const Array& found) {
    EXPECT_FALSE(found.Integers().ok());
    EXPECT_FALSE(found.Doubles().ok());
    EXPECT_FALSE(found.Objects().ok());
    EXPECT_EQ(found.Texts()->at(0), "a");
  });
  array(ArrayOf(Dtype("U1", "<", "NN", 4), {1}, Bytes("\0\0\x11\0"sv)) + ".",
        [](const Array& found) { EXPECT_FALSE(found.Texts().ok()) << "past Unicode"; });
  array(ArrayOf(Dtype("M8"), {1}, Bytes("12345678")) + ".",
        [](const Array& found) { EXPECT_FALSE(found.Doubles().ok()) << "a date is no number"; });
  array(ArrayOf(Dtype("c16"), {1}, Bytes("1234567812345678")) + ".",
        [](const Array& found) { EXPECT_FALSE(found.Doubles().ok()); });
}

TEST(NumpyArray, MemoryIsKeptBetweenReads) {
  const std::string pickle = ArrayOf(Dtype("i4"), {2}, Bytes("\1\0\0\0\2\0\0\0"sv)) + ".";
  const auto document = Document::Parse(BytesOf(pickle));
  ASSERT_TRUE(document.ok());
  const auto array = Array::From(document->root(), "it");
  ASSERT_TRUE(array.ok());
  std::vector<double> numbers(100, -1);
  const double* before = numbers.data();
  ASSERT_TRUE(array->ReadDoubles(nullptr, numbers).ok());
  EXPECT_EQ(numbers, (std::vector<double>{1, 2}));
  EXPECT_EQ(numbers.data(), before);
}

TEST(NumpyScalar, IsTheNumberOrTextThatItHolds) {
  const auto scalar = [](const std::string& dtype, std::string_view data, auto check) {
    const std::string pickle = "cnumpy._core.multiarray\nscalar\n" + dtype + Bytes(data) + "\x86R.";
    const auto document = Document::Parse(BytesOf(pickle));
    ASSERT_TRUE(document.ok()) << document.error().message;
    check(document->root());
  };
  scalar(Dtype("f8"), "\0\0\0\0\0\0\xf8\x3f"sv, [](Value value) {
    EXPECT_EQ(value.AsNumber(), 1.5);
    EXPECT_FALSE(value.AsInteger());
    EXPECT_FALSE(value.AsString());
  });
  scalar(Dtype("i4"), "\xff\xff\xff\xff", [](Value value) {
    EXPECT_EQ(value.AsInteger(), -1);
    EXPECT_EQ(value.AsNumber(), -1.0);
    EXPECT_FALSE(value.AsBool());
  });
  scalar(Dtype("b1", "|"), "\1", [](Value value) {
    EXPECT_EQ(value.AsBool(), true);
    EXPECT_FALSE(value.AsInteger());
    EXPECT_FALSE(value.AsNumber());
  });
  scalar(Dtype("U2", "<", "NN", 8), "h\0\0\0i\0\0\0"sv,
         [](Value value) { EXPECT_EQ(value.AsString(), "hi"); });
  scalar(Dtype("f8"), "short", [](Value value) { EXPECT_FALSE(value.AsNumber()); });
}

}  // namespace
}  // namespace copse::importer::pickle
