// The opcodes, one by one, and everything that a hostile file can say with them.
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

/// `n` as `size` bytes, the lowest first.
std::string Little(std::uint64_t n, int size) {
  std::string bytes;
  for (int i = 0; i < size; ++i) bytes += static_cast<char>(n >> 8 * i & 255);
  return bytes;
}

std::string Name(std::string_view module, std::string_view name) {
  return "c" + std::string(module) + "\n" + std::string(name) + "\n";
}

void ExpectRefused(std::string_view bytes, std::string_view words, ErrorCode code) {
  const auto document = Document::Parse(BytesOf(bytes));
  ASSERT_FALSE(document.ok()) << DumpOf(bytes, 100);
  EXPECT_EQ(document.error().code, code) << document.error().message;
  EXPECT_NE(document.error().message.find(words), std::string::npos) << document.error().message;
  EXPECT_LE(document.error().message.size(), 600u);
}

void ExpectInvalid(std::string_view bytes, std::string_view words) {
  ExpectRefused(bytes, words, ErrorCode::kInvalidModel);
}

void ExpectUnsupported(std::string_view bytes, std::string_view words) {
  ExpectRefused(bytes, words, ErrorCode::kUnsupportedModel);
}

TEST(Pickle, ReadsWhatEveryProtocolOfPythonWrites) {
  const std::string expected = test::ReadPickle("plain.txt");
  ASSERT_FALSE(expected.empty());
  for (const char protocol : "012345"sv) {
    EXPECT_EQ(DumpOf(test::ReadPickle("plain-p"s + protocol + ".pkl")), expected)
        << "protocol " << protocol;
  }
}

TEST(Pickle, ReadsWhatBothPicklersOfPython2Write) {
  const std::string expected = test::ReadPickle("python2.txt");
  ASSERT_FALSE(expected.empty());
  for (const std::string name : {"c0", "c1", "c2", "p0", "p1", "p2"}) {
    EXPECT_EQ(DumpOf(test::ReadPickle("python2-" + name + ".pkl")), expected) << name;
  }
}

TEST(Pickle, LiteralsOfTheBinaryProtocols) {
  EXPECT_EQ(DumpOf("N."), "None");
  EXPECT_EQ(DumpOf("\x88."), "True");
  EXPECT_EQ(DumpOf("\x89."), "False");
  EXPECT_EQ(DumpOf("K\xff."), "255");
  EXPECT_EQ(DumpOf("M\x01\x02."), "513");
  EXPECT_EQ(DumpOf("J\xfe\xff\xff\xff."), "-2");
  EXPECT_EQ(DumpOf("\x8a\x00."sv), "0");
  EXPECT_EQ(DumpOf("\x8a\x01\x80."), "-128");
  EXPECT_EQ(DumpOf("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f."), "9223372036854775807");
  EXPECT_EQ(DumpOf("\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00."sv),
            "a whole number past 64 bits");
  EXPECT_EQ(DumpOf("\x8b\x02\x00\x00\x00\x00\x01."sv), "256");
  EXPECT_EQ(DumpOf("G\x3f\xf8\x00\x00\x00\x00\x00\x00."sv), "0x3ff8000000000000");
  EXPECT_EQ(DumpOf("U\x02\xe9y."), "'\u00e9y'");
  EXPECT_EQ(DumpOf("T\x01\x00\x00\x00x."sv), "'x'");
  EXPECT_EQ(DumpOf("\x8c\x02hi."), "'hi'");
  EXPECT_EQ(DumpOf("X\x02\x00\x00\x00hi."sv), "'hi'");
  EXPECT_EQ(DumpOf("\x8d\x02\x00\x00\x00\x00\x00\x00\x00hi."sv), "'hi'");
  EXPECT_EQ(DumpOf("C\x02\x00\xff."sv), "b'00ff'");
  EXPECT_EQ(DumpOf("B\x01\x00\x00\x00\x07."sv), "b'07'");
  EXPECT_EQ(DumpOf("\x8e\x01\x00\x00\x00\x00\x00\x00\x00\x07."sv), "b'07'");
  EXPECT_EQ(DumpOf("\x96\x01\x00\x00\x00\x00\x00\x00\x00\x07."sv), "b'07'");
}

TEST(Pickle, LiteralsOfTheTextProtocols) {
  EXPECT_EQ(DumpOf("I00\n."), "False");
  EXPECT_EQ(DumpOf("I01\n."), "True");
  EXPECT_EQ(DumpOf("I-12\n."), "-12");
  EXPECT_EQ(DumpOf("L12L\n."), "12");
  EXPECT_EQ(DumpOf("L-9223372036854775808L\n."), "-9223372036854775808");
  EXPECT_EQ(DumpOf("L9223372036854775807\n."), "9223372036854775807");
  EXPECT_EQ(DumpOf("L9223372036854775808L\n."), "a whole number past 64 bits");
  EXPECT_EQ(DumpOf("L-9223372036854775809L\n."), "a whole number past 64 bits");
  EXPECT_EQ(DumpOf("F1.5\n."), "0x3ff8000000000000");
  EXPECT_EQ(DumpOf("F1\n."), "0x3ff0000000000000");
  EXPECT_EQ(DumpOf("F-1e-05\n."), "0xbee4f8b588e368f1");
  EXPECT_EQ(DumpOf("Finf\n."), "0x7ff0000000000000");
  EXPECT_EQ(DumpOf("F-inf\n."), "0xfff0000000000000");
  EXPECT_EQ(DumpOf("Fnan\n."), "nan");
  EXPECT_EQ(DumpOf("S'it\\'s \\x41\\101\\n\\\\'\n."), "'it's AA\n\\'");
  EXPECT_EQ(DumpOf("S\"it's\"\n."), "'it's'");
  EXPECT_EQ(DumpOf("S''\n."), "''");
  EXPECT_EQ(DumpOf("S'\\q'\n."), "'\\q'");
  EXPECT_EQ(DumpOf("V\\u00e9\\U0001f600 \xe9\n."), "'\u00e9\U0001f600 \u00e9'");
  EXPECT_EQ(DumpOf("V\\ud83d\\ude00\n."), "'\U0001f600'") << "a pair of surrogates";
  EXPECT_EQ(DumpOf("V\\ud83d\n."), "'not UTF-8'") << "half of a pair";
  EXPECT_EQ(DumpOf("V\\\\u0041\\n\n."), "'\\\\u0041\\n'") << "only the first backslash counts";
}

TEST(Pickle, StackAndContainers) {
  EXPECT_EQ(DumpOf("(K\x01K\x02t."), "(1, 2)");
  EXPECT_EQ(DumpOf("K\x01\x85."), "(1)");
  EXPECT_EQ(DumpOf("K\x01K\x02\x86."), "(1, 2)");
  EXPECT_EQ(DumpOf("K\x01K\x02K\x03\x87."), "(1, 2, 3)");
  EXPECT_EQ(DumpOf(")."), "()");
  EXPECT_EQ(DumpOf("(t."), "()");
  EXPECT_EQ(DumpOf("(K\x01l."), "[1]");
  EXPECT_EQ(DumpOf("]K\x01"
                   "a(K\x02K\x03"
                   "e."),
            "[1, 2, 3]");
  EXPECT_EQ(DumpOf("(K\x01K\x02"
                   "d."),
            "{1: 2}");
  EXPECT_EQ(DumpOf("}K\x01K\x02s(K\x03K\x04u."), "{1: 2, 3: 4}");
  EXPECT_EQ(DumpOf("\x8f(K\x01\x90."), "set(1)");
  EXPECT_EQ(DumpOf("(K\x01\x91."), "set(1)");
  EXPECT_EQ(DumpOf("K\x01K\x02"
                   "0."),
            "1")
      << "POP";
  EXPECT_EQ(DumpOf("K\x01(0."), "1") << "POP of a mark";
  EXPECT_EQ(DumpOf("K\x01(K\x02K\x03"
                   "1."),
            "1")
      << "POP_MARK";
  EXPECT_EQ(DumpOf("K\x01"
                   "2\x86."),
            "(1, 1)")
      << "DUP";
  EXPECT_EQ(DumpOf("K\x07."
                   "this is not read any more"),
            "7");
}

TEST(Pickle, MemoNumbersOfEveryWidth) {
  EXPECT_EQ(DumpOf("]p0\n0g0\n."), "[]");
  EXPECT_EQ(DumpOf("]q\x05"
                   "0h\x05."),
            "[]");
  EXPECT_EQ(DumpOf("]r\x01\x00\x00\x00"
                   "0j\x01\x00\x00\x00."sv),
            "[]");
  EXPECT_EQ(DumpOf("]\x94K\x01\x94h\x00h\x01\x86\x94h\x02."sv), "([], 1)") << "MEMOIZE counts";
  EXPECT_EQ(DumpOf("]r\xff\xff\xff\xff"
                   "0j\xff\xff\xff\xff."),
            "[]")
      << "far beyond the file";
}

TEST(Pickle, ASharedListIsOneValue) {
  const auto document =
      Document::Parse(BytesOf("(]q\x01h\x01h\x01K\x05"
                              "at."));
  ASSERT_TRUE(document.ok()) << document.error().message;
  const Value root = document->root();
  ASSERT_EQ(root.size(), 3u);
  EXPECT_EQ(root.At(0).id(), root.At(2).id());
  ASSERT_EQ(root.At(0).size(), 1u) << "what is added later is seen everywhere";
  EXPECT_EQ(root.At(0).At(0).AsInteger(), 5);
}

TEST(Pickle, NamesAndObjects) {
  EXPECT_EQ(DumpOf(Name("a.b", "C") + "."), "<a.b.C>");
  EXPECT_EQ(DumpOf(Text("a.b") + Text("C") + "\x93."), "<a.b.C>");
  EXPECT_EQ(DumpOf(Name("os", "system") + Text("echo") + "\x85R."), "os.system('echo')")
      << "nothing is called";
  EXPECT_EQ(DumpOf(Name("a", "C") + ")\x81."), "a.C()");
  EXPECT_EQ(DumpOf(Name("a", "C") + "K\x01\x85}" + Text("k") + "K\x02s\x92."), "a.C(1, {'k': 2})");
  EXPECT_EQ(DumpOf(Name("a", "C") + "K\x01\x85}\x92."), "a.C(1)");
  EXPECT_EQ(DumpOf(Name("a", "C") + ")\x81}" + Text("x") + "K\x01sb."), "a.C(){{'x': 1}}");
  EXPECT_EQ(DumpOf("(K\x01ia\nC\n."), "a.C(1)") << "INST";
  EXPECT_EQ(DumpOf("(" + Name("a", "C") + "K\x01o."), "a.C(1)") << "OBJ";
  EXPECT_EQ(DumpOf(Name("copy_reg", "_reconstructor") + "(" + Name("a", "C") +
                   Name("__builtin__", "object") + "NtR."),
            "a.C()");
  EXPECT_EQ(DumpOf(Name("copyreg", "__newobj__") + "(" + Name("a", "C") + "K\x01tR."), "a.C(1)");
  EXPECT_EQ(DumpOf(Name("a", "f") + ")R)R."), "()") << "a class that the file makes has no name";
}

TEST(Pickle, WhatMakesPlainDataIsData) {
  EXPECT_EQ(DumpOf(Name("_codecs", "encode") + Text("\u00e9\u00ff") + Text("latin1") + "\x86R."),
            "b'e9ff'");
  EXPECT_EQ(DumpOf(Name("__builtin__", "bytes") + ")R."), "b''");
  EXPECT_EQ(DumpOf(Name("builtins", "bytearray") + "C\x01x\x85R."), "b'78'");
  EXPECT_EQ(DumpOf(Name("__builtin__", "bytearray") + Text("\u00e9") + Text("latin-1") + "\x86R."),
            "b'e9'");
  EXPECT_EQ(DumpOf(Name("__builtin__", "set") + "]K\x01"
                                                "a\x85R."),
            "set(1)");
  EXPECT_EQ(DumpOf(Name("__builtin__", "frozenset") + ")R."), "set()");
  EXPECT_EQ(DumpOf(Name("collections", "OrderedDict") + ")RK\x01K\x02s."), "{1: 2}");
  EXPECT_EQ(DumpOf(Name("collections", "OrderedDict") + "(((K\x01K\x02lltR."), "{1: 2}");
  EXPECT_EQ(DumpOf(Name("collections", "defaultdict") + Name("__builtin__", "list") +
                   "\x85RK\x01K\x02s."),
            "{1: 2}");
}

TEST(Pickle, ASetMadeFromAListIsItsOwn) {
  EXPECT_EQ(DumpOf("]q\x01K\x01"
                   "a0" +
                   Name("builtins", "set") +
                   "h\x01\x85R(K\x03\x90h\x01K\x02"
                   "a\x86."),
            "(set(1, 3), [1, 2])");
}

TEST(Pickle, ObjectsOfClassesDerivedFromListAndDictKeepTheirItems) {
  const std::string object = Name("a", "Bunch") + ")\x81";
  EXPECT_EQ(DumpOf(object + "(" + Text("x") + "K\x01u."), "a.Bunch(){'x': 1}");
  EXPECT_EQ(DumpOf(object + "(K\x01K\x02"
                            "e."),
            "a.Bunch()[1, 2]");
  EXPECT_EQ(DumpOf(Name("copy_reg", "_reconstructor") + "(" + Name("a", "Bunch") +
                   Name("__builtin__", "dict") + "}K\x01K\x02stR."),
            "a.Bunch({1: 2}){1: 2}");
  const std::string bytes = object + "(" + Text("x") + "K\x01u.";
  const auto document = Document::Parse(BytesOf(bytes));
  ASSERT_TRUE(document.ok());
  ASSERT_TRUE(document->root().Find("x"));
  EXPECT_EQ(document->root().Find("x")->AsInteger(), 1);
  ExpectInvalid(object +
                    "K\x01"
                    "aK\x01K\x02s.",
                "not of its kind");
}

TEST(Pickle, AttributesComeFromTheStateAndFromSlots) {
  const std::string plain =
      Name("a", "C") + ")\x81}" + Text("x") + "K\x01s" + Text("x") + "K\x02sb.";
  auto document = Document::Parse(BytesOf(plain));
  ASSERT_TRUE(document.ok());
  EXPECT_EQ(document->root().Attribute("x")->AsInteger(), 2) << "the last of equals";
  EXPECT_FALSE(document->root().Attribute("y"));
  EXPECT_EQ(document->root().class_stem(), "C");

  const std::string slots = Name("a", "C") + ")\x81N}" + Text("x") +
                            "K\x03s\x86"
                            "b.";
  document = Document::Parse(BytesOf(slots));
  ASSERT_TRUE(document.ok());
  EXPECT_EQ(document->root().Attribute("x")->AsInteger(), 3);
}

TEST(Pickle, AnObjectOfTooManyAttributesHasNone) {
  // A search is linear, and a million objects may share one state of a million attributes.
  std::string bytes = Name("a", "C") + ")\x81}(" + Text("x") + "K\x01";
  for (int i = 0; i < 999; ++i) bytes += Text("y") + "K\x02";
  const std::string most = bytes + "ub.", too_many = bytes + Text("y") + "K\x02ub.";
  auto document = Document::Parse(BytesOf(most));
  ASSERT_TRUE(document.ok()) << document.error().message;
  EXPECT_TRUE(document->root().Attribute("x"));
  document = Document::Parse(BytesOf(too_many));
  ASSERT_TRUE(document.ok());
  EXPECT_FALSE(document->root().Attribute("x"));
}

TEST(Pickle, DescribesAValueForAMessage) {
  const auto describe = [](const std::string& bytes) {
    const auto document = Document::Parse(BytesOf(bytes));
    return document.ok() ? document->root().Describe() : document.error().message;
  };
  EXPECT_EQ(describe("(K\x01l."), "a list of 1");
  EXPECT_EQ(describe(Text("hi") + "."), "\"hi\"");
  EXPECT_EQ(describe(Name("a.b", "C") + ")\x81."), "an object of class \"a.b.C\"");
  const std::string module(80, 'm');
  EXPECT_EQ(describe(Name(module, "Long") + ")\x81."),
            "an object of class \"Long\" of module \"" + module.substr(0, 60) + "...\"");
}

TEST(Pickle, AsksOfAValueWhatItIsNotGiveNothing) {
  const auto document =
      Document::Parse(BytesOf("(\x88K\x01G\x3f\xf8\0\0\0\0\0\0\x8c\x01xC\x01xt."sv));
  ASSERT_TRUE(document.ok()) << document.error().message;
  const Value root = document->root();
  EXPECT_FALSE(root.At(0).AsInteger()) << "a bool is no number";
  EXPECT_FALSE(root.At(0).AsNumber());
  EXPECT_FALSE(root.At(1).AsBool());
  EXPECT_EQ(root.At(1).AsNumber(), 1.0);
  EXPECT_FALSE(root.At(2).AsInteger());
  EXPECT_FALSE(root.At(3).AsBytes()) << "a text of Python 3 is no bytes";
  EXPECT_FALSE(root.At(4).AsString());
  EXPECT_EQ(root.At(4).AsBytes(), "x");
  EXPECT_EQ(root.At(1).size(), 0u);
  EXPECT_FALSE(root.At(1).Find("x"));
  EXPECT_FALSE(root.At(1).state());
  EXPECT_EQ(root.At(1).n_arguments(), 0u);
  EXPECT_EQ(root.At(1).class_name(), "");
}

TEST(Pickle, RefusesWhatLiesOutsideOfTheFileByNameAndPlace) {
  ExpectUnsupported("\x80\x02Pid\n.", "byte 2, opcode PERSID");
  ExpectUnsupported("\x80\x02NQ.", "byte 3, opcode BINPERSID");
  ExpectUnsupported("\x82\x01.", "opcode EXT1");
  ExpectUnsupported("\x83\x01\x01.", "opcode EXT2");
  ExpectUnsupported("\x84\x01\x01\x01\x01.", "opcode EXT4");
  ExpectUnsupported("\x97.", "opcode NEXT_BUFFER");
  ExpectUnsupported("\x98.", "opcode READONLY_BUFFER");
  ExpectUnsupported("\x80\x06N.", "protocol 6");
}

TEST(Pickle, RefusesDamage) {
  ExpectInvalid("", "byte 0: the file ends here");
  ExpectInvalid("N", "byte 1: the file ends here");
  ExpectInvalid(".", "opcode STOP: needs a value");
  ExpectInvalid("N\xff.", "this byte (255) is no opcode");
  ExpectInvalid("(.", "needs a value");
  ExpectInvalid("t.", "opcode TUPLE: needs a mark");
  ExpectInvalid("K\x01\x86.", "opcode TUPLE2: needs a value");
  ExpectInvalid("K\x01(a.", "opcode APPEND: needs a value");
  ExpectInvalid(
      "}K\x01"
      "a.",
      "not of its kind");
  ExpectInvalid("](K\x01u.", "a key without a value");
  ExpectInvalid(
      "K\x01(K\x01"
      "e.",
      "not of its kind");
  ExpectInvalid("h\x07.", "names value 7");
  ExpectInvalid("g12x\n.", "where a number must be");
  ExpectInvalid("I1x\n.", "where a whole number must be");
  ExpectInvalid("I\n.", "where a whole number must be");
  ExpectInvalid("F1.\n.", "where a number must be");
  ExpectInvalid("F0x1\n.", "where a number must be");
  ExpectInvalid("F" + std::string(500, '1') + "\n.", "where a number must be");
  ExpectInvalid("S'x\n.", "text in quotes");
  ExpectInvalid("S'\\x4'\n.", "cut off");
  ExpectInvalid("S'\\'\n.", "cut off");
  ExpectInvalid("V\\u12\n.", "escape that is none");
  ExpectInvalid("V\\U00110000\n.", "escape that is none");
  ExpectInvalid("I1", "before the end of its line");
  ExpectInvalid("K\x01)R.", "calls a value that is no name");
  ExpectInvalid(Name("a", "C") + "K\x01R.", "no tuple");
  ExpectInvalid("K\x01}b.", "has none");
  ExpectInvalid(Name("a", "C") + ")\x81}b}b.", "an object that has one");
  ExpectInvalid("K\x01K\x02\x93.", "name that is no text");
  ExpectInvalid(Name("a", std::string(600, 'x')) + ".", "more than 512 bytes");
  ExpectInvalid(Name("a", "Rob\x04tScaler") + ".", R"(has the name "Rob\x04tScaler")");
  ExpectInvalid(Name("b\x1b[2J", "c") + ".", R"(has the name "b\x1b[2J")");
  ExpectInvalid(Name("a", "b\x80") + ".", R"(has the name "b\x80")");
  ExpectInvalid(Name("_codecs", "encode") + Text("\u0100") + Text("latin1") + "\x86R.",
                "not latin1");
}

TEST(Pickle, RefusesLengthsThatTheFileDoesNotHave) {
  for (const std::string opcode : {"\x8d", "\x8e", "\x96"}) {
    for (const std::uint64_t n : {std::uint64_t{1} << 63, ~std::uint64_t{0}, std::uint64_t{5}}) {
      ExpectInvalid(opcode + Little(n, 8) + "abc.", "announces " + std::to_string(n) + " bytes");
    }
  }
  ExpectInvalid("X\xff\xff\xff\xff.", "announces 4294967295 bytes");
  ExpectInvalid("B\xff\xff\xff\x7f.", "announces 2147483647 bytes");
  ExpectInvalid("T\xff\xff\xff\xff.", "bytes, but 1 are left");
  ExpectInvalid("\x8b\xff\xff\xff\xff.", "bytes, but 1 are left");
  ExpectInvalid("U\x09x.", "announces 9 bytes, but 2 are left");
  ExpectInvalid("\x95\x01.", "announces 8 bytes");
}

TEST(Pickle, EveryPrefixIsRefused) {
  for (const std::string name : {"numpy-p2.pkl", "numpy-p5.pkl", "python2-c0.pkl",
                                 "joblib-aligned.joblib", "joblib-packed.joblib"}) {
    const std::string whole = test::ReadPickle(name);
    ASSERT_FALSE(whole.empty()) << name;
    ASSERT_TRUE(Document::Parse(BytesOf(whole)).ok()) << name;
    for (std::size_t n = 0; n < whole.size(); ++n) {
      const auto document = Document::Parse(BytesOf(whole).first(n));
      ASSERT_FALSE(document.ok()) << name << ", " << n << " bytes";
      ASSERT_NE(document.error().code, ErrorCode::kInternal);
    }
  }
}

TEST(Pickle, EveryChangedByteIsReadOrRefused) {
  for (const std::string name : {"numpy-p3.pkl", "joblib-aligned.joblib", "python2-c0.pkl"}) {
    std::string bytes = test::ReadPickle(name);
    ASSERT_FALSE(bytes.empty()) << name;
    for (char& byte : bytes) {
      const char kept = byte;
      for (const int flip : {1, 128}) {
        byte = static_cast<char>(kept ^ flip);
        ASSERT_FALSE(DumpOf(bytes, 300).empty());
      }
      byte = kept;
    }
  }
}

TEST(Pickle, WhatTheFuzzerKeptIsReadOrRefused) {
  for (int i = 0; i < 64; ++i) {
    const std::string name =
        std::string(1, static_cast<char>('0' + i / 10)) + static_cast<char>('0' + i % 10) + ".pkl";
    const std::string bytes =
        test::ReadWhole(COPSE_SOURCE_DIR "/tests/import/corpus/pickle/" + name);
    ASSERT_FALSE(bytes.empty()) << name;
    EXPECT_FALSE(DumpOf(bytes, 300).empty()) << name;
  }
}

TEST(Pickle, DeepNestingIsRead) {
  const std::size_t depth = 120'000;
  const std::string opened = std::string(depth, ']');
  const auto lists = Document::Parse(BytesOf(opened + std::string(depth - 1, 'a') + "."));
  ASSERT_TRUE(lists.ok()) << lists.error().message;
  std::size_t n = 1;
  for (Value list = lists->root(); list.size() == 1; list = list.At(0)) ++n;
  EXPECT_EQ(n, depth);
  std::string tuples = "N";
  for (std::size_t i = 0; i < depth; ++i) tuples += '\x85';
  EXPECT_TRUE(Document::Parse(BytesOf(tuples + ".")).ok());
  std::string calls = Name("a", "f");
  for (std::size_t i = 0; i < depth / 2; ++i) calls += ")R";
  EXPECT_TRUE(Document::Parse(BytesOf(calls + ".")).ok());
}

TEST(Pickle, CyclesAreRead) {
  EXPECT_EQ(DumpOf("]q\x01h\x01"
                   "a."),
            "[...]");
  EXPECT_EQ(DumpOf("}q\x01K\x01h\x01s."), "{1: ...}");
  EXPECT_EQ(DumpOf(Name("a", "C") + ")\x81q\x01}K\x01h\x01sb."), "a.C(){{1: ...}}");
  EXPECT_EQ(DumpOf("]q\x01h\x01\x85h\x01\x85"
                   "0a."),
            "[(...)]");
}

TEST(Pickle, ABillionLaughsAreAFewValues) {
  std::string bytes = "]q\x01";
  for (int level = 0; level < 40; ++level) {
    bytes += "]q\x01(";
    for (int i = 0; i < 10; ++i) bytes += "h\x01";
    bytes += "e";
  }
  EXPECT_TRUE(Document::Parse(BytesOf(bytes + ".")).ok());
}

TEST(Pickle, CopiesOfOneBigListAreCounted) {
  // A few bytes each time, and each time all of the list would be copied.
  std::string list = "]q\x01(";
  for (int i = 0; i < 100'000; ++i) list += "K\x01";
  list += "e0";
  std::string bytes =
      "(K\x01K\x02lq\x02"
      "0]q\x01(";
  for (int i = 0; i < 100'000; ++i) bytes += "h\x02";
  bytes += "e0";
  for (int i = 0; i < 2'000; ++i) bytes += Name("collections", "OrderedDict") + "h\x01\x85R0";
  ExpectRefused(bytes + "N.", "more values", ErrorCode::kTooLarge);

  bytes = list;
  for (int i = 0; i < 2'000; ++i)
    bytes += Name("builtins", "set") +
             "h\x01\x85R(K\x02\x90"
             "0";
  ExpectRefused(bytes + "N.", "more values", ErrorCode::kTooLarge);

  bytes = "(";
  for (int i = 0; i < 100'000; ++i) bytes += "K\x01";
  bytes +=
      "tq\x01"
      "0";
  for (int i = 0; i < 2'000; ++i)
    bytes += Name("a", "C") +
             "h\x01}K\x01K\x02s\x92"
             "0";
  ExpectRefused(bytes + "N.", "more values", ErrorCode::kTooLarge);
}

TEST(Pickle, MoreValuesThanTheFileExplainsAreRefused) {
  const std::string bytes = std::string(1'000'000, ']') + ".";
  ExpectRefused(bytes, "more values", ErrorCode::kTooLarge);
}

TEST(Pickle, AMillionFarMemoNumbersAreRefused) {
  std::string bytes = "N";
  for (std::uint64_t i = 0; i < 100'000; ++i) bytes += "r" + Little(0xffffffff - i, 4);
  ExpectRefused(bytes + ".", "more memo numbers", ErrorCode::kTooLarge);
}

TEST(LooksLikePickle, KnowsEveryProtocol) {
  for (const std::string name :
       {"plain-p0", "plain-p1", "plain-p2", "plain-p5", "python2-c0", "python2-p1"}) {
    EXPECT_TRUE(LooksLikePickle(BytesOf(test::ReadPickle(name + ".pkl")))) << name;
  }
  EXPECT_TRUE(LooksLikePickle(BytesOf(Name("copy_reg", "_reconstructor") + "and so on")));
  EXPECT_TRUE(LooksLikePickle(BytesOf("}q\x01.")));
  EXPECT_TRUE(LooksLikePickle(BytesOf("\x80\x04]")));
  EXPECT_TRUE(LooksLikePickle(BytesOf("ZF0x1234")));
}

TEST(LooksLikePickle, LeavesOtherFilesAlone) {
  for (const std::string_view text :
       {""sv, "."sv, "{\"learner\": 1.}"sv, "[1, 2]."sv, "tree\nversion=v4\n"sv,
        "\x08\x07\x12\x08skl2onnx"sv, "{L\x00\x00\x00\x00\x00\x00\x00\x07learner"sv,
        "I am no pickle."sv, "Nor am I."sv, "Valid prose ends\nin a stop."sv, "(see above)."sv,
        "comment\nand more\n\n"sv.substr(0, 8), "\x80\x01N."sv, "\x1f\x8b\x08"sv, "x\x9c."sv}) {
    EXPECT_FALSE(LooksLikePickle(BytesOf(text))) << text;
  }
}

}  // namespace
}  // namespace copse::importer::pickle
