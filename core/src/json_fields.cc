#include "json_fields.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "copse/limits.h"
#include "number.h"
#include "text.h"

namespace copse::json {

/// Reads JSON as RFC 8259 has it and lays it down as tokens, in one pass without recursion.
/// Every function is true when its part was well formed, and has noted the error otherwise.
///
/// V8 optimizes a function of WebAssembly by the bytes of code that its loops have jumped over: the
/// loop over all parts is small because what it calls is not inlined.
class Parser {
 public:
  Parser(Document& document, std::string_view text, std::string_view name)
      : document_(document), text_(text), name_(name) {}

  bool Parse() {
    bool is_value_due = true;
    do {
      SkipSpace();
      if (!(is_value_due ? ReadValue(is_value_due) : ReadSeparator(is_value_due))) return false;
    } while (is_value_due || !open_.empty());
    SkipSpace();
    return at_ == text_.size() || FailHere();
  }

  Error TakeError() { return std::move(*error_); }

 private:
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void SkipSpace() {
    while (Peek() == ' ' || Peek() == '\t' || Peek() == '\n' || Peek() == '\r') ++at_;
  }

  bool Take(char c) {
    if (Peek() != c) return false;
    ++at_;
    return true;
  }

  /// A value where one is due. An opening bracket leaves the first thing inside due.
  [[gnu::noinline]] bool ReadValue(bool& is_value_due) {
    is_value_due = false;
    switch (Peek()) {
      case '{':
        if (!Open(Kind::kObject)) return false;
        SkipSpace();
        if (Peek() == '}') return true;
        is_value_due = true;
        return ReadKey();
      case '[':
        if (!Open(Kind::kArray)) return false;
        SkipSpace();
        is_value_due = Peek() != ']';
        return true;
      case '"':
        return ReadString();
      case 't':
        return ReadWord("true", Kind::kBool, 1);
      case 'f':
        return ReadWord("false", Kind::kBool, 0);
      case 'n':
        return ReadWord("null", Kind::kNull, 0);
      default:
        return ReadNumber();
    }
  }

  /// What follows a value: a comma and the next one, or the end of the list or object around it.
  [[gnu::noinline]] bool ReadSeparator(bool& is_value_due) {
    const std::uint32_t parent = open_.back();
    const bool is_object = document_.tokens_[parent].kind == Kind::kObject;
    if (Take(is_object ? '}' : ']')) {
      open_.pop_back();
      document_.tokens_[parent].size =
          static_cast<std::uint32_t>(document_.tokens_.size() - parent - 1);
      return !is_object || CheckKeys(parent);
    }
    if (!Take(',')) return FailHere();
    is_value_due = true;
    SkipSpace();
    return !is_object || ReadKey();
  }

  bool ReadKey() {
    if (Peek() != '"' || !ReadString()) return FailHere();
    document_.tokens_.back().is_key = true;
    SkipSpace();
    return Take(':') || FailHere();
  }

  bool ReadWord(std::string_view word, Kind kind, std::uint64_t bits) {
    if (text_.substr(at_, word.size()) != word) return FailHere();
    at_ += word.size();
    return Add(kind, bits);
  }

  bool SkipDigits() {
    const std::size_t from = at_;
    while (Peek() >= '0' && Peek() <= '9') ++at_;
    return at_ > from;
  }

  bool ReadNumber() {
    const std::size_t from = at_;
    const bool is_negative = Take('-');
    if (!Take('0') && !SkipDigits()) return FailHere();
    const std::string_view digits = text_.substr(from, at_ - from);
    bool is_whole = true;
    if (Take('.')) {
      is_whole = false;
      if (!SkipDigits()) return FailHere();
    }
    if (Take('e') || Take('E')) {
      is_whole = false;
      if (!Take('-')) Take('+');
      if (!SkipDigits()) return FailHere();
    }
    if (is_whole && AddInteger(digits, is_negative)) return true;
    return AddReal(text_.substr(from, at_ - from));
  }

  /// False where the number needs more than 64 bits.
  bool AddInteger(std::string_view digits, bool is_negative) {
    std::uint64_t unsigned_value = 0;
    std::int64_t signed_value = 0;
    const char* end = digits.data() + digits.size();
    const auto read = is_negative ? std::from_chars(digits.data(), end, signed_value)
                                  : std::from_chars(digits.data(), end, unsigned_value);
    if (read.ec != std::errc()) return false;
    Add(Kind::kInteger, is_negative ? static_cast<std::uint64_t>(signed_value) : unsigned_value);
    document_.tokens_.back().is_negative = is_negative;
    return true;
  }

  bool AddReal(std::string_view digits) {
    const double value = ParseDecimal(digits);
    if (!std::isfinite(value)) {
      return Fail(
          text::Invalid({name_, " has a number past the range of a double, ending at byte ", at_}));
    }
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    return Add(Kind::kFloat, bits);
  }

  bool ReadString() {
    std::string& pool = document_.pool_;
    const std::size_t from = pool.size();
    for (++at_; Peek() != '"'; ++at_) {
      // Peek is 0 at the end, too.
      if (static_cast<unsigned char>(Peek()) < 0x20) return FailHere();
      if (Peek() != '\\') {
        pool += Peek();
      } else if (!ReadEscape()) {
        return FailHere();
      }
    }
    ++at_;
    return Add(Kind::kString, from, pool.size() - from);
  }

  /// Leaves at_ on the last character of the escape.
  bool ReadEscape() {
    constexpr std::string_view kLetters = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    ++at_;
    if (Peek() == 'u') return ReadCodePoint();
    const std::size_t letter = kLetters.find(Peek());
    if (letter == std::string_view::npos) return false;
    document_.pool_ += kMeanings[letter];
    return true;
  }

  bool ReadHex(std::uint32_t& unit) {
    unit = 0;
    for (int i = 0; i < 4; ++i) {
      ++at_;
      const char c = Peek();
      const char lower = static_cast<char>(c | 0x20);
      const bool is_digit = c >= '0' && c <= '9';
      if (!is_digit && !(lower >= 'a' && lower <= 'f')) return false;
      unit = unit * 16 + static_cast<std::uint32_t>(is_digit ? c - '0' : lower - 'a' + 10);
    }
    return true;
  }

  /// \uHHHH, or two of them for a code point past U+FFFF.
  bool ReadCodePoint() {
    std::uint32_t code = 0;
    if (!ReadHex(code) || (code >= 0xdc00 && code < 0xe000)) return false;
    if (code >= 0xd800 && code < 0xdc00) {
      std::uint32_t low = 0;
      if (text_.substr(at_ + 1, 2) != "\\u") return false;
      at_ += 2;
      if (!ReadHex(low) || low < 0xdc00 || low >= 0xe000) return false;
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    text::AppendUtf8(code, document_.pool_);
    return true;
  }

  bool Add(Kind kind, std::uint64_t bits, std::size_t size = 0) {
    document_.tokens_.push_back(Document::Token{.kind = kind,
                                                .is_key = false,
                                                .is_negative = false,
                                                .size = static_cast<std::uint32_t>(size),
                                                .bits = bits});
    return true;
  }

  bool Open(Kind kind) {
    if (open_.size() == static_cast<std::size_t>(limits::kJsonDepthMax)) {
      return Fail(text::Invalid({name_, " nests deeper than ", limits::kJsonDepthMax, " levels"}));
    }
    ++at_;
    open_.push_back(static_cast<std::uint32_t>(document_.tokens_.size()));
    return Add(kind, 0);
  }

  bool CheckKeys(std::uint32_t object) {
    keys_.clear();
    for (auto member = Value(&document_, object, object + 1).First(); member;
         member = member->Next()) {
      keys_.push_back(member->key());
    }
    const auto twice = text::FindTwice(keys_);
    if (!twice) return true;
    return Fail(
        text::Invalid({name_, " has the key ", text::Quote(*twice), " twice in one object"}));
  }

  bool FailHere() {
    // The deepest function knows best; those that called it fail after it.
    return error_ ? false
                  : Fail(text::Invalid({name_, " is no JSON: it goes wrong at byte ", at_}));
  }

  bool Fail(Error error) {
    error_ = std::move(error);
    return false;
  }

  Document& document_;
  std::string_view text_;
  std::string_view name_;
  std::size_t at_ = 0;
  std::vector<std::uint32_t> open_;
  std::vector<std::string_view> keys_;
  std::optional<Error> error_;
};

namespace {

/// No fewer than the tokens of `text`: each but the first follows one of these characters, and
/// each is at least two characters long with its separator.
std::size_t TokensAtMost(std::string_view text) {
  const auto separators = std::count_if(text.begin(), text.end(), [](char c) {
    return c == ',' || c == ':' || c == '[' || c == '{';
  });
  return std::min(static_cast<std::size_t>(separators), text.size() / 2 + limits::kJsonDepthMax) +
         1;
}

}  // namespace

Result<Document> Document::Parse(std::string_view text, std::string_view name) {
  assert(text.size() <= std::numeric_limits<std::int32_t>::max());
  if (const std::size_t at = text::FindInvalidUtf8(text); at != std::string_view::npos) {
    return text::Invalid({name, " is not UTF-8 at byte ", at});
  }
  Document document;
  document.tokens_.reserve(TokensAtMost(text));
  document.pool_.reserve(text.size());
  Parser parser(document, text, name);
  if (!parser.Parse()) return parser.TakeError();
  return document;
}

Kind Value::kind() const { return document_->tokens_[token_].kind; }

std::optional<bool> Value::AsBool() const {
  if (!is(Kind::kBool)) return std::nullopt;
  return document_->tokens_[token_].bits != 0;
}

std::optional<std::uint64_t> Value::AsUnsigned() const {
  const Document::Token& token = document_->tokens_[token_];
  if (token.kind != Kind::kInteger || token.is_negative) return std::nullopt;
  return token.bits;
}

std::optional<std::string> Value::AsIntegerText() const {
  const Document::Token& token = document_->tokens_[token_];
  if (token.kind != Kind::kInteger) return std::nullopt;
  return token.is_negative ? std::to_string(static_cast<std::int64_t>(token.bits))
                           : std::to_string(token.bits);
}

std::optional<double> Value::AsNumber() const {
  const Document::Token& token = document_->tokens_[token_];
  if (token.kind == Kind::kInteger) {
    return token.is_negative ? static_cast<double>(static_cast<std::int64_t>(token.bits))
                             : static_cast<double>(token.bits);
  }
  if (token.kind != Kind::kFloat) return std::nullopt;
  double value = 0;
  std::memcpy(&value, &token.bits, sizeof value);
  return value;
}

std::optional<std::string_view> Value::AsString() const {
  if (!is(Kind::kString)) return std::nullopt;
  return document_->Text(document_->tokens_[token_]);
}

std::size_t Value::size() const {
  std::size_t count = 0;
  for (auto child = First(); child; child = child->Next()) ++count;
  return count;
}

std::optional<Value> Value::Find(std::string_view key) const {
  if (!is(Kind::kObject)) return std::nullopt;
  for (auto member = First(); member; member = member->Next()) {
    if (member->key() == key) return member;
  }
  return std::nullopt;
}

std::string Value::Describe() const {
  switch (kind()) {
    case Kind::kNull:
      return "null";
    case Kind::kBool:
      return *AsBool() ? "true" : "false";
    case Kind::kInteger:
      return *AsIntegerText();
    case Kind::kFloat:
      return text::FromDouble(*AsNumber());
    case Kind::kString:
      return text::Quote(*AsString());
    case Kind::kArray:
      return "a list";
    case Kind::kObject:
      return "an object";
  }
  return {};
}

std::optional<Value> Value::At(std::uint32_t token, std::uint32_t end) const {
  if (token >= end) return std::nullopt;
  return Value(document_, token + (document_->tokens_[token].is_key ? 1 : 0), end);
}

std::optional<Value> Value::First() const {
  if (!is(Kind::kArray) && !is(Kind::kObject)) return std::nullopt;
  return At(token_ + 1, token_ + 1 + document_->tokens_[token_].size);
}

std::optional<Value> Value::Next() const {
  const bool has_children = is(Kind::kArray) || is(Kind::kObject);
  return At(token_ + 1 + (has_children ? document_->tokens_[token_].size : 0), end_);
}

std::string_view Value::key() const {
  if (token_ == 0 || !document_->tokens_[token_ - 1].is_key) return {};
  return document_->Text(document_->tokens_[token_ - 1]);
}

void AppendString(std::string_view text, std::string& out) {
  constexpr std::string_view kPlain = "\"\\\b\f\n\r\t";
  constexpr std::string_view kLetters = "\"\\bfnrt";
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    if (const std::size_t at = kPlain.find(c); at != std::string_view::npos) {
      out += '\\';
      out += kLetters[at];
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += kDigits[static_cast<unsigned char>(c) >> 4];
      out += kDigits[static_cast<unsigned char>(c) & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

void AppendNumber(double value, std::string& out) {
  out += std::isfinite(value) ? text::FromDouble(value) : "null";
}

}  // namespace copse::json
