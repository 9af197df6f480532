#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "copse/result.h"

/// JSON that somebody else made: parsed whole, asked field by field, never trusted.
///
/// Written for this format instead of a library: nothing here may throw, nesting and repeated keys
/// must be seen, memory must be bounded by the text, and a library's parser alone is as much
/// WebAssembly as all the rest of the reader.
///
/// A Document is a flat list of 16-byte tokens and one pool of text, sized from the input before
/// anything is stored, so hostile JSON costs at most about nine times its own length. Duplicate
/// keys, more than limits::kJsonDepthMax levels and numbers past a double's range are refused.
namespace copse::json {

class Document;

enum class Kind : std::uint8_t { kNull, kBool, kInteger, kFloat, kString, kArray, kObject };

/// One value of a Document, which must outlive it. Asking for another kind gives nothing.
class Value {
 public:
  Kind kind() const;
  bool is(Kind other) const { return kind() == other; }
  std::optional<bool> AsBool() const;
  /// A whole number >= 0 written without sign, point and exponent, below 2^64.
  std::optional<std::uint64_t> AsUnsigned() const;
  /// A whole number written without point and exponent, within 64 bits; as decimal text.
  std::optional<std::string> AsIntegerText() const;
  std::optional<double> AsNumber() const;
  std::optional<std::string_view> AsString() const;
  /// Values of an array or members of an object.
  std::size_t size() const;
  /// The member called `key` of an object.
  std::optional<Value> Find(std::string_view key) const;
  /// What it is, for a message: `"text"`, `-1`, `1.5`, `null`, `a list`, `an object`.
  std::string Describe() const;

  /// Walks through an array or object: `for (auto v = list.First(); v; v = v->Next())`.
  std::optional<Value> First() const;
  std::optional<Value> Next() const;
  /// Name of a value that is a member of an object; empty for others.
  std::string_view key() const;

 private:
  friend class Document;
  friend class Parser;
  Value(const Document* document, std::uint32_t token, std::uint32_t end)
      : document_(document), token_(token), end_(end) {}
  std::optional<Value> At(std::uint32_t token, std::uint32_t end) const;

  const Document* document_;
  std::uint32_t token_;
  std::uint32_t end_;  // first token behind the parent
};

class Document {
 public:
  /// Parses `text`, which must be below 2 GiB. `name` says in messages what it is, such as
  /// "the header". Errors: kInvalidModel.
  static Result<Document> Parse(std::string_view text, std::string_view name);
  Value root() const { return Value(this, 0, static_cast<std::uint32_t>(tokens_.size())); }

 private:
  friend class Value;
  friend class Parser;
  struct Token {
    Kind kind;
    bool is_key;         // text of the member whose value is the next token
    bool is_negative;    // of a kInteger: `bits` is an int64
    std::uint32_t size;  // bytes of a string; tokens within an array or object
    std::uint64_t bits;  // number, bool, place in pool_, or count of children
  };
  static_assert(sizeof(Token) == 16);
  std::string_view Text(const Token& token) const {
    return std::string_view(pool_).substr(static_cast<std::size_t>(token.bits), token.size);
  }

  std::vector<Token> tokens_;
  std::string pool_;
};

/// Appends `text` as a JSON string: escapes what RFC 8259 demands and no more, as Python's
/// json.dumps(ensure_ascii=False) does.
void AppendString(std::string_view text, std::string& out);
/// Appends a finite number so that it reads back as the same double; "null" for the others.
void AppendNumber(double value, std::string& out);

}  // namespace copse::json
