#include "http_head.h"

#include <algorithm>

namespace copse {
namespace {

// Longer than any form of ours needs, and short enough for every reader behind us.
constexpr std::size_t kTargetBytesMax = 8192;

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool IsTokenCharacter(char c) {
  if ((c >= '0' && c <= '9') || (Lower(c) >= 'a' && Lower(c) <= 'z')) return true;
  return std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool IsVisible(char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7f; }

// Text of a field: visible, space, tab, or a byte beyond ASCII.
bool IsFieldText(char c) { return IsVisible(c) || c == ' ' || c == '\t'; }

// A host, a bracketed IPv6 address, and a port.
bool IsHostCharacter(char c) {
  if ((c >= '0' && c <= '9') || (Lower(c) >= 'a' && Lower(c) <= 'z')) return true;
  return std::string_view("-._~:[]%").find(c) != std::string_view::npos;
}

Refusal Refuse(std::string detail, int status = 400, bool close = true) {
  return {.status = status,
          .detail = std::move(detail),
          .close = close,
          .method = {},
          .target = {},
          .headers = {}};
}

// Takes the next line off `text`, without its CR LF.
std::string_view TakeLine(std::string_view& text) {
  const std::size_t end = text.find("\r\n");
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
  return line;
}

// "http://host/path?query" becomes "/path?query".
std::string OriginForm(std::string_view target) {
  const std::size_t scheme_end = target.find("://");
  if (target.front() == '/' || scheme_end == std::string_view::npos) return std::string(target);
  const std::size_t path = target.find_first_of("/?", scheme_end + 3);
  if (path == std::string_view::npos) return "/";
  std::string origin(target.substr(path));
  return origin.front() == '?' ? "/" + origin : origin;
}

std::optional<Refusal> ReadTarget(std::string_view target, RequestHead& head) {
  if (target.size() > kTargetBytesMax) {
    return Refuse("The request target has " + std::to_string(target.size()) +
                      " bytes; at most 8192 are accepted.",
                  414);
  }
  if (target.empty() || !std::all_of(target.begin(), target.end(), IsVisible) ||
      target.find('#') != std::string_view::npos) {
    return Refuse("The request target holds characters that a URL cannot have.");
  }
  head.target = OriginForm(target);
  if (head.target.front() != '/' && !(head.target == "*" && head.method == "OPTIONS")) {
    return Refuse("The request target must start with /.");
  }
  return std::nullopt;
}

std::optional<Refusal> ReadRequestLine(std::string_view line, RequestHead& head) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || last == first) {
    return Refuse("The first line of a request must be METHOD TARGET HTTP/1.1.");
  }
  head.method = std::string(line.substr(0, first));
  const std::string_view version = line.substr(last + 1);
  if (!IsToken(head.method) || !version.starts_with("HTTP/")) {
    return Refuse("The first line of a request must be METHOD TARGET HTTP/1.1.");
  }
  if (auto refusal = ReadTarget(line.substr(first + 1, last - first - 1), head)) return refusal;
  head.http_1_0 = version == "HTTP/1.0";
  if (version != "HTTP/1.1" && !head.http_1_0) {
    return Refuse("Only HTTP/1.1 and HTTP/1.0 are spoken here.", 505);
  }
  return std::nullopt;
}

std::optional<Refusal> ReadField(std::string_view line, RequestHead& head) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !IsToken(line.substr(0, colon))) {
    return Refuse("A header field is not of the form NAME: VALUE.");
  }
  const std::string_view value = Trim(line.substr(colon + 1));
  if (!std::all_of(value.begin(), value.end(), IsFieldText)) {
    return Refuse("A header field holds a control character.");
  }
  head.fields.emplace_back(LowerCase(line.substr(0, colon)), std::string(value));
  return std::nullopt;
}

std::size_t CountOf(const RequestHead& head, std::string_view name) {
  return static_cast<std::size_t>(
      std::count_if(head.fields.begin(), head.fields.end(),
                    [&](const auto& field) { return field.first == name; }));
}

std::optional<Refusal> ReadLength(RequestHead& head) {
  const auto text = head.Field("content-length");
  if (!text) return std::nullopt;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (CountOf(head, "content-length") > 1) {
    return Refuse("The request has two Content-Length fields.");
  }
  if (text->empty() || text->size() > 18 || !std::all_of(text->begin(), text->end(), is_digit)) {
    return Refuse("Content-Length must be a number of bytes.");
  }
  std::uint64_t length = 0;
  for (const char digit : *text) length = length * 10 + static_cast<std::uint64_t>(digit - '0');
  head.content_length = length;
  return std::nullopt;
}

// Where the body ends. Two answers to that are none.
std::optional<Refusal> ReadFraming(RequestHead& head) {
  if (auto refusal = ReadLength(head)) return refusal;
  const auto encoding = head.Field("transfer-encoding");
  if (!encoding) return std::nullopt;
  if (head.content_length) {
    return Refuse("The request has both Content-Length and Transfer-Encoding.");
  }
  if (head.http_1_0) return Refuse("HTTP/1.0 has no Transfer-Encoding.");
  if (CountOf(head, "transfer-encoding") > 1 || !EqualsIgnoringCase(*encoding, "chunked")) {
    return Refuse("The only Transfer-Encoding accepted is chunked.", 501);
  }
  head.chunked = true;
  return std::nullopt;
}

// HTTP/1.0 connections end with their answer, whatever they ask for.
void ReadConnection(RequestHead& head) {
  head.keep_alive = !head.http_1_0;
  for (const auto& [name, value] : head.fields) {
    if (name != "connection") continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      if (EqualsIgnoringCase(Trim(rest.substr(0, comma)), "close")) head.keep_alive = false;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
}

std::optional<Refusal> ReadExpectation(RequestHead& head) {
  const auto expectation = head.Field("expect");
  if (!expectation || head.http_1_0) return std::nullopt;
  if (!EqualsIgnoringCase(*expectation, "100-continue")) {
    return Refuse("The only Expect accepted is 100-continue.", 417);
  }
  head.expects_continue = true;
  return std::nullopt;
}

// Last, because where the request ends is known by now: its connection can live on.
std::optional<Refusal> ReadHost(RequestHead& head) {
  const std::size_t count = CountOf(head, "host");
  if (count == 0 && head.http_1_0) return std::nullopt;
  if (count != 1) {
    return Refuse(
        count == 0 ? "The request has no Host field." : "The request has more than one Host field.",
        400, head.HasBody());
  }
  const std::string_view host = *head.Field("host");
  if (!std::all_of(host.begin(), host.end(), IsHostCharacter)) {
    return Refuse("The Host field is not a host name.", 400, head.HasBody());
  }
  head.host = std::string(host);
  return std::nullopt;
}

std::optional<Refusal> ReadFields(std::string_view text, std::size_t fields_max,
                                  RequestHead& head) {
  while (!text.empty()) {
    const std::string_view line = TakeLine(text);
    if (line.empty()) break;
    if (head.fields.size() == fields_max) {
      return Refuse("The request has more than " + std::to_string(fields_max) + " header fields.",
                    431);
    }
    if (auto refusal = ReadField(line, head)) return refusal;
  }
  return std::nullopt;
}

std::optional<Refusal> Read(std::string_view text, std::size_t fields_max, RequestHead& head) {
  if (auto refusal = ReadRequestLine(TakeLine(text), head)) return refusal;
  if (auto refusal = ReadFields(text, fields_max, head)) return refusal;
  if (auto refusal = ReadFraming(head)) return refusal;
  ReadConnection(head);
  if (auto refusal = ReadExpectation(head)) return refusal;
  return ReadHost(head);
}

}  // namespace

std::variant<RequestHead, Refusal> ParseHead(std::string_view text, std::size_t fields_max) {
  RequestHead head;
  if (auto refusal = Read(text, fields_max, head)) {
    refusal->close = refusal->close || !head.keep_alive;
    refusal->method = IsToken(head.method) ? head.method : std::string();
    refusal->target = head.target;
    return *std::move(refusal);
  }
  return head;
}

std::optional<std::string_view> RequestHead::Field(std::string_view name) const {
  for (const auto& field : fields) {
    if (field.first == name) return field.second;
  }
  return std::nullopt;
}

bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsTokenCharacter);
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), Lower);
  return lower;
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return Lower(x) == Lower(y); });
}

std::string_view Trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

}  // namespace copse
