#include "json_syntax.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "utf8.h"

namespace copse {
namespace {

using nlohmann::json;

// Takes every token and keeps none.
class SyntaxChecker : public nlohmann::json_sax<json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(std::int64_t) override { return true; }
  bool number_unsigned(std::uint64_t) override { return true; }
  bool number_float(double, const std::string&) override { return true; }
  bool string(std::string&) override { return true; }
  bool binary(json::binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(std::string&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t byte, const std::string& token, const json::exception&) override {
    error_ = JsonSyntaxError(byte, token);
    return false;
  }

  Status Take() && {
    if (error_) return *std::move(error_);
    return Ok{};
  }

 private:
  std::optional<Error> error_;
};

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

void SkipSpace(std::string_view& text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
}

// Takes a string with its quotes off `text`.
std::string_view TakeString(std::string_view& text) {
  std::size_t end = 1;
  while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
  const std::string_view taken = text.substr(0, end + 1);
  text.remove_prefix(std::min(end + 1, text.size()));
  return taken;
}

// Takes a value off `text`: up to the comma or bracket that is not its own.
std::string_view TakeValue(std::string_view& text) {
  const std::string_view all = text;
  for (std::size_t depth = 0; !text.empty();) {
    const char c = text.front();
    if (c == '"') {
      TakeString(text);
      continue;
    }
    const bool closes = c == ']' || c == '}';
    if (depth == 0 && (closes || c == ',')) break;
    if (c == '[' || c == '{') ++depth;
    if (closes) --depth;
    text.remove_prefix(1);
  }
  return all.substr(0, all.size() - text.size());
}

}  // namespace

Error JsonSyntaxError(std::size_t byte, std::string_view token) {
  const bool is_word = token.find_first_of("NI") != std::string_view::npos;
  return Error{ErrorCode::kInvalidInput,
               "not JSON at byte " + std::to_string(byte) + ", near " + Shown(token) +
                   (is_word ? "; JSON writes a missing value as null" : "")};
}

Status CheckJson(std::string_view text) {
  SyntaxChecker checker;
  json::sax_parse(text.begin(), text.end(), &checker);
  return std::move(checker).Take();
}

std::optional<std::string_view> JsonMember(std::string_view text, std::string_view name) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";  // the parser skips it too
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  SkipSpace(text);
  if (!text.starts_with('{')) return std::nullopt;
  do {
    text.remove_prefix(1);  // the brace, or the comma
    SkipSpace(text);
    if (!text.starts_with('"')) return std::nullopt;
    std::string_view key = TakeString(text);
    key.remove_prefix(1);
    key.remove_suffix(1);
    SkipSpace(text);
    text.remove_prefix(std::min<std::size_t>(1, text.size()));  // the colon
    SkipSpace(text);
    const std::string_view value = TakeValue(text);
    if (key == name) return value;
  } while (text.starts_with(','));
  return std::nullopt;
}

}  // namespace copse
