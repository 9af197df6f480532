#include "json_fields.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

#include "copse/limits.h"
#include "text.h"

namespace copse::json {

/// Receives nlohmann's events and lays them down as tokens. A false answer stops the parser.
class Builder {
 public:
  Builder(Document& document, std::string_view name) : document_(document), name_(name) {}

  bool null() { return Add(Kind::kNull, 0); }
  bool boolean(bool value) { return Add(Kind::kBool, value ? 1 : 0); }
  bool number_integer(std::int64_t value) {
    Add(Kind::kInteger, static_cast<std::uint64_t>(value));
    document_.tokens_.back().is_negative = true;
    return true;
  }
  bool number_unsigned(std::uint64_t value) { return Add(Kind::kInteger, value); }
  bool number_float(double value, const std::string&) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    return Add(Kind::kFloat, bits);
  }
  bool string(std::string& text) { return AddText(text); }
  bool key(std::string& text) {
    AddText(text);
    document_.tokens_.back().is_key = true;
    return true;
  }
  bool binary(std::vector<std::uint8_t>&) { return false; }  // never asked for by JSON

  bool start_object(std::size_t) { return Open(Kind::kObject); }
  bool start_array(std::size_t) { return Open(Kind::kArray); }
  bool end_array() { return Close(); }
  bool end_object() {
    const std::uint32_t object = open_.back();
    Close();
    return CheckKeys(object);
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& exception) {
    constexpr int kNumberOverflow = 406;  // nlohmann's documented number of that error
    return Fail(exception.id == kNumberOverflow
                    ? text::Invalid(name_,
                                    " has a number past the range of a double, ending at byte ",
                                    position)
                    : text::Invalid(name_, " is no JSON: it goes wrong at byte ", position));
  }

  const std::optional<Error>& error() const { return error_; }

 private:
  bool Add(Kind kind, std::uint64_t bits, std::size_t size = 0) {
    document_.tokens_.push_back(Document::Token{.kind = kind,
                                                .is_key = false,
                                                .is_negative = false,
                                                .size = static_cast<std::uint32_t>(size),
                                                .bits = bits});
    return true;
  }

  bool AddText(const std::string& text) {
    Add(Kind::kString, document_.pool_.size(), text.size());
    document_.pool_ += text;
    return true;
  }

  bool Open(Kind kind) {
    if (open_.size() == static_cast<std::size_t>(limits::kJsonDepthMax)) {
      return Fail(text::Invalid(name_, " nests deeper than ", limits::kJsonDepthMax, " levels"));
    }
    open_.push_back(static_cast<std::uint32_t>(document_.tokens_.size()));
    return Add(kind, 0);
  }

  bool Close() {
    const std::uint32_t at = open_.back();
    open_.pop_back();
    document_.tokens_[at].size = static_cast<std::uint32_t>(document_.tokens_.size() - at - 1);
    return true;
  }

  bool CheckKeys(std::uint32_t object) {
    keys_.clear();
    for (auto member = Value(&document_, object, object + 1).First(); member;
         member = member->Next()) {
      keys_.push_back(member->key());
    }
    std::sort(keys_.begin(), keys_.end());
    const auto twice = std::adjacent_find(keys_.begin(), keys_.end());
    if (twice == keys_.end()) return true;
    return Fail(text::Invalid(name_, " has the key ", text::Quote(*twice), " twice in one object"));
  }

  bool Fail(Error error) {
    error_ = std::move(error);
    return false;
  }

  Document& document_;
  std::string_view name_;
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
    return text::Invalid(name, " is not UTF-8 at byte ", at);
  }
  // nlohmann's lexer takes a NUL for the end of the text.
  if (const std::size_t at = text.find('\0'); at != std::string_view::npos) {
    return text::Invalid(name, " is no JSON: it has a NUL at byte ", at);
  }
  Document document;
  document.tokens_.reserve(TokensAtMost(text));
  document.pool_.reserve(text.size());
  Builder builder(document, name);
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) {
    return *builder.error();
  }
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
