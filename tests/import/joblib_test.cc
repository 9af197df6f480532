// joblib files: arrays between the opcodes of a pickle.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "pickles/dump.h"

namespace copse::importer::pickle {
namespace {

using namespace std::literals;
using test::BytesOf;
using test::DumpOf;
using test::Text;

const std::string kBytesDtype = "cnumpy\ndtype\n" + Text("u1") + "K\0K\1\x87R(K\3"s + Text("|") +
                                "NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"s;

/// A wrapper of an array of bytes, without those.
std::string Wrapper(const std::string& shape, const std::string& more = "",
                    const std::string& dtype = kBytesDtype,
                    const std::string& module = "joblib.numpy_pickle") {
  return "c" + module + "\nNumpyArrayWrapper\n)\x81}(" + Text("subclass") + "cnumpy\nndarray\n" +
         Text("shape") + shape + Text("order") + Text("C") + Text("dtype") + dtype + more + "ub";
}

std::string Aligned() { return Text("numpy_array_alignment_bytes") + "K\x10"; }

TEST(Joblib, ReadsWhatJoblibWritesWithAndWithoutAlignment) {
  const std::string expected = test::ReadPickle("joblib.txt");
  ASSERT_FALSE(expected.empty());
  EXPECT_EQ(DumpOf(test::ReadPickle("joblib-aligned.joblib")), expected);
  EXPECT_EQ(DumpOf(test::ReadPickle("joblib-packed.joblib")), expected);
}

TEST(Joblib, BytesFollowTheWrapper) {
  EXPECT_EQ(DumpOf(Wrapper("K\3\x85") + "\1\2.."
                                        "."),
            "array[3](1, 2, 46)")
      << "bytes that look like opcodes are none";
  EXPECT_EQ(DumpOf(Wrapper("K\2\x85", Aligned()) + "\3\xff\xff\xff\1\2."), "array[2](1, 2)");
  EXPECT_EQ(DumpOf(Wrapper("K\2\x85", Aligned()) + "\0\1\2."s), "array[2](1, 2)");
  EXPECT_EQ(DumpOf(Wrapper("K\2\x85", Text("numpy_array_alignment_bytes") + "N") + "\1\2."),
            "array[2](1, 2)");
  EXPECT_EQ(DumpOf(Wrapper(")") + "\7."), "array[](7)");
  EXPECT_EQ(DumpOf(Wrapper("K\0\x85"s) + "."), "array[0]()");
}

TEST(Joblib, OfScikitLearnIsTheSame) {
  EXPECT_EQ(
      DumpOf(Wrapper("K\1\x85", "", kBytesDtype, "sklearn.externals.joblib.numpy_pickle") + "\7."),
      "array[1](7)");
}

TEST(Joblib, FortranOrderIsTurned) {
  std::string wrapper = Wrapper("K\2K\3\x86");
  wrapper.replace(wrapper.find(Text("C")), 3, Text("F"));
  EXPECT_EQ(DumpOf(wrapper + "\1\2\3\4\5\6."), "array[2,3](1, 3, 5, 2, 4, 6)");
}

TEST(Joblib, AnArrayIsSharedThroughTheMemo) {
  std::string wrapper = Wrapper("K\1\x85");
  wrapper.insert(wrapper.find('\x81') + 1, "q\1");
  EXPECT_EQ(DumpOf(wrapper + "\7h\1\x86."), "(array[1](7), array[1](7))");
}

TEST(Joblib, ObjectsAreAPickleOfTheirOwn) {
  std::string dtype = kBytesDtype;
  dtype.replace(dtype.find("u1"), 2, "O8");
  const std::string array =
      "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85"
      "C\1b\x87R(K\1K\2\x85"s +
      dtype + "\x89]q\1(K\5h\1etb.";
  const std::string outer = "]q\1" + Wrapper("K\2\x85", "", dtype);
  EXPECT_EQ(DumpOf(outer + "\x80\2" + array + "h\1\x86\x86."), "([], (array[2](5, [5, ...]), []))")
      << "each pickle has its own memo and stack";
  EXPECT_NE(DumpOf(outer + "\x80\2K\1..").find("are not an array"), std::string::npos);
  for (std::size_t n = 0; n < array.size(); ++n) {
    EXPECT_FALSE(Document::Parse(BytesOf(outer + array.substr(0, n))).ok()) << n;
  }
}

TEST(Joblib, RefusesArraysThatAreNotThere) {
  const auto refused = [](const std::string& bytes) {
    const auto document = Document::Parse(BytesOf(bytes));
    return document.ok() ? "" : document.error().message;
  };
  EXPECT_NE(refused(Wrapper("K\5\x85") + "\1.").find("announces 5 bytes, but 2 are left"),
            std::string::npos);
  const std::string huge = "\x8a\x08\0\0\0\0\0\0\0\x40"s;
  EXPECT_NE(refused(Wrapper(huge + huge + "\x86") + "\1."), "");
  EXPECT_NE(refused(Wrapper(huge + "\x85") + "\1."), "");
  EXPECT_NE(refused(Wrapper("J\xff\xff\xff\xff\x85") + "\1."), "");
  EXPECT_NE(refused(Wrapper("N") + "\1."), "");
  EXPECT_NE(refused(Wrapper("K\1\x85", "", "N") + "\1."), "");
  EXPECT_NE(refused("cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81K\1b."), "");
}

TEST(Joblib, ManyEmptyArraysOfOneBigRecordAreRefusedSoon) {
  // Nine bytes each, and each time a dtype of 64 fields would be read.
  std::string names = "(", fields = "}(";
  for (char c = '0'; c < '0' + 64; ++c) {
    names += Text(std::string(1, c));
    fields += Text(std::string(1, c)) + "h\1K\0\x86"s;
  }
  const std::string record = "cnumpy\ndtype\n" + Text("V8") + "K\0K\1\x87R(K\3"s + Text("|") + "N" +
                             names + "t" + fields + "uK\x08J\xff\xff\xff\xffK\0tb"s;
  std::string bytes = kBytesDtype +
                      "q\1"
                      "0cjoblib.numpy_pickle\nNumpyArrayWrapper\nq\2"
                      "0}(" +
                      Text("shape") + "K\0\x85"s + Text("dtype") + record +
                      "uq\3"
                      "0";
  const std::string one = "h\2)\x81h\3b0";
  EXPECT_EQ(DumpOf(bytes + one + "N."), "None");
  for (int i = 0; i < 100'000; ++i) bytes += one;
  const auto document = Document::Parse(BytesOf(bytes + "N."));
  ASSERT_FALSE(document.ok());
  EXPECT_EQ(document.error().code, ErrorCode::kTooLarge);
}

TEST(Joblib, OlderThan010IsRefusedWithTheRemedy) {
  const auto message = [](const std::string& bytes) {
    const auto document = Document::Parse(BytesOf(bytes));
    if (document.ok()) return "read: " + document->root().Describe();
    EXPECT_EQ(document.error().code, ErrorCode::kUnsupportedModel);
    return document.error().message;
  };
  const std::string remedy = "joblib.dump(model, 'model.joblib')";
  for (const std::string name : {"joblib.numpy_pickle\nNDArrayWrapper",
                                 "sklearn.externals.joblib.numpy_pickle\nZNDArrayWrapper"}) {
    EXPECT_NE(
        message("c" + name + "\n)\x81}" + Text("filename") + Text("a.npy") + "sb.").find(remedy),
        std::string::npos);
  }
  EXPECT_NE(message("ZF0x1a2b               xx").find(remedy), std::string::npos);
}

}  // namespace
}  // namespace copse::importer::pickle
