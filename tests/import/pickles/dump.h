#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pickle/pickle.h"

/// What a pickle holds, as one line of text, so that a test compares all of it at once.
///
///   None True 3 0x3ff8000000000000 'text' b'00ff' (1, 2) [1] {1: 2} set(1, 2) <name>
///   class(argument){state}    with [..] or {..} behind, of a class derived from list or dict
///   array[2,3](items)         records as array[2]name:(items)name:(items)
/// fixtures_pickle.py writes the same of Python's own objects.
namespace copse::importer::pickle::test {

inline std::string Hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

inline std::string DumpDouble(double number) {
  if (number != number) return "nan";
  std::uint64_t bits = 0;
  std::memcpy(&bits, &number, sizeof bits);
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(bits >> shift & 255);
  return "0x" + Hex(bytes);
}

class Dumper {
 public:
  explicit Dumper(std::size_t values_max) : values_left_(values_max) {}

  // Recursive: for values that a test knows to be shallow.
  std::string Dump(Value value) {
    if (values_left_ == 0) return "...";
    --values_left_;
    switch (value.kind()) {
      case Kind::kNone:
      case Kind::kBool:
      case Kind::kInteger:
        return value.Describe();
      case Kind::kFloat:
        return DumpDouble(*value.AsNumber());
      case Kind::kString:
        return "'" + value.AsString().value_or("not UTF-8") + "'";
      case Kind::kBytes:
        return "b'" + Hex(*value.AsBytes()) + "'";
      case Kind::kGlobal:
        return "<" + std::string(value.class_name()) + ">";
      case Kind::kDtype:
        return "dtype";
      default:
        return DumpContainer(value);
    }
  }

 private:
  std::string DumpContainer(Value value) {
    if (std::find(path_.begin(), path_.end(), value.id()) != path_.end()) return "...";
    path_.push_back(value.id());
    std::string out;
    if (value.is(Kind::kArray)) {
      out = DumpArray(value);
    } else if (value.is(Kind::kObject)) {
      out = DumpObject(value);
    } else if (value.is(Kind::kDict)) {
      out = DumpPairs(value);
    } else {
      const bool is_list = value.is(Kind::kList), is_set = value.is(Kind::kSet);
      out = (is_list ? "[" : is_set ? "set(" : "(") + DumpItems(value) + (is_list ? "]" : ")");
    }
    path_.pop_back();
    return out;
  }

  std::string DumpItems(Value value) {
    std::string out;
    for (std::size_t i = 0; i < value.size(); ++i) out += (i ? ", " : "") + Dump(value.At(i));
    return out;
  }

  std::string DumpPairs(Value value) {
    std::string out = "{";
    for (std::size_t i = 0; i < value.size(); ++i) {
      out += (i ? ", " : "") + Dump(value.Key(i)) + ": " + Dump(value.Item(i));
    }
    return out + "}";
  }

  std::string DumpObject(Value value) {
    std::string out = std::string(value.class_name()) + "(";
    for (std::size_t i = 0; i < value.n_arguments(); ++i) {
      out += (i ? ", " : "") + Dump(value.Argument(i));
    }
    out += ")";
    if (value.state()) out += "{" + Dump(*value.state()) + "}";
    if (value.holds_pairs()) return out + DumpPairs(value);
    return value.size() > 0 ? out + "[" + DumpItems(value) + "]" : out;
  }

  std::string DumpArray(Value value) {
    const auto array = Array::From(value, "it");
    if (!array.ok()) return "refused: " + array.error().message;
    std::string out = "array[";
    for (std::size_t i = 0; i < array->shape().size(); ++i) {
      out += (i ? "," : "") + std::to_string(array->shape()[i]);
    }
    out += "]";
    if (!array->is_record()) return out + "(" + DumpArrayItems(*array, nullptr) + ")";
    for (const Field& field : array->fields()) {
      out += field.name + ":(" + DumpArrayItems(*array, &field) + ")";
    }
    return out;
  }

  std::string DumpArrayItems(const Array& array, const Field* field) {
    std::string out;
    const auto add = [&](const std::string& item) { out += (out.empty() ? "" : ", ") + item; };
    if (array.holds_objects()) {
      const auto objects = array.Objects();
      for (const Value object : *objects) add(Dump(object));
      return out;
    }
    const char type = field ? field->type : array.type();
    if (type == 'U' || type == 'S') {
      const auto texts = array.Texts();
      if (!texts.ok()) return "refused: " + texts.error().message;
      for (const std::string& text : *texts) add("'" + text + "'");
    } else if (type == 'f') {
      const auto numbers = array.Doubles(field);
      for (const double number : *numbers) add(DumpDouble(number));
    } else {
      const auto numbers = array.Integers(field);
      if (!numbers.ok()) return "refused: " + numbers.error().message;
      for (const std::int64_t number : *numbers) add(std::to_string(number));
    }
    return out;
  }

  std::vector<std::uint32_t> path_;
  std::size_t values_left_;
};

inline std::span<const std::uint8_t> BytesOf(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Dump of the pickle `text`, or "ERROR code: message".
inline std::string DumpOf(std::string_view text, std::size_t values_max = 10'000) {
  const auto document = Document::Parse(BytesOf(text));
  if (document.ok()) return Dumper(values_max).Dump(document->root());
  return "ERROR " + std::to_string(static_cast<int>(document.error().code)) + ": " +
         document.error().message;
}

inline std::string ReadWhole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The file `name` beside this header.
inline std::string ReadPickle(const std::string& name) {
  return ReadWhole(COPSE_SOURCE_DIR "/tests/import/pickles/" + name);
}

/// The opcode of a str, of at most 255 bytes of UTF-8.
inline std::string Text(std::string_view text) {
  return "\x8c" + std::string(1, static_cast<char>(text.size())) + std::string(text);
}

}  // namespace copse::importer::pickle::test
