#include "http_head.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <charconv>
#include <limits>
#include <system_error>

#include "utf8.h"

namespace copse {
namespace {

namespace http = boost::beast::http;

// Longer than any form of ours needs, and short enough for every reader behind us.
constexpr std::size_t kTargetBytesMax = 8192;

// Sums of such lengths are lengths, too.
constexpr std::uint64_t kLengthMax = 999'999'999'999'999'999;

constexpr const char* kRequestLine = "The first line of a request must be METHOD TARGET HTTP/1.1.";
constexpr const char* kTargetCharacters =
    "The request target holds characters that a URL cannot have.";
constexpr const char* kNoLength = "Content-Length must be a number of bytes.";
constexpr const char* kTwoLengths = "The request has two Content-Length fields.";
constexpr const char* kTwoFramings = "The request has both Content-Length and Transfer-Encoding.";
constexpr const char* kNotChunked = "The only Transfer-Encoding accepted is chunked.";

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool IsTokenCharacter(char c) {
  if ((c >= '0' && c <= '9') || (Lower(c) >= 'a' && Lower(c) <= 'z')) return true;
  return std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

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
  if (target.find('#') != std::string_view::npos) return Refuse(kTargetCharacters);
  head.target = OriginForm(target);
  if (head.target.front() != '/' && !(head.target == "*" && head.method == "OPTIONS")) {
    return Refuse("The request target must start with /.");
  }
  return std::nullopt;
}

std::size_t CountOf(const RequestHead& head, std::string_view name) {
  return static_cast<std::size_t>(
      std::count_if(head.fields.begin(), head.fields.end(),
                    [&](const auto& field) { return field.first == name; }));
}

// Where the body ends. Two answers to that are none, even if they are the same.
std::optional<Refusal> ReadFraming(RequestHead& head) {
  if (CountOf(head, "content-length") > 1) return Refuse(kTwoLengths);
  const auto length = head.Field("content-length");
  const auto encoding = head.Field("transfer-encoding");
  if (length && encoding) return Refuse(kTwoFramings);
  if (length) {
    std::uint64_t n_bytes = 0;
    const auto read = std::from_chars(length->data(), length->data() + length->size(), n_bytes);
    if (read.ec != std::errc() || read.ptr != length->data() + length->size() ||
        n_bytes > kLengthMax) {
      return Refuse(kNoLength);
    }
    head.content_length = n_bytes;
  }
  if (!encoding) return std::nullopt;
  if (head.http_1_0) return Refuse("HTTP/1.0 has no Transfer-Encoding.");
  if (CountOf(head, "transfer-encoding") > 1 || !EqualsIgnoringCase(*encoding, "chunked")) {
    return Refuse(kNotChunked, 501);
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

// The syntax of a head is Boost.Beast's to know. What it reads becomes a RequestHead; of a body it
// never hears.
class HeadParser final : public http::basic_parser<true> {
 public:
  HeadParser(RequestHead& head, std::size_t fields_max) : head_(head), fields_max_(fields_max) {
    header_limit(std::numeric_limits<std::uint32_t>::max());  // Connection has its own
    body_limit(std::numeric_limits<std::uint64_t>::max());
  }

  // Why `text` is no such head, or nothing.
  std::optional<Refusal> Read(std::string_view text) {
    // Beast joins folded lines, which others read as two fields.
    if (text.find("\r\n ") != std::string_view::npos ||
        text.find("\r\n\t") != std::string_view::npos) {
      return Refuse("A header field goes on in the next line.");
    }
    boost::system::error_code error;
    put(boost::asio::const_buffer(text.data(), text.size()), error);
    if (error && !refusal_) refusal_ = Explain(error, text);
    return std::move(refusal_);
  }

 private:
  using Text = boost::beast::string_view;
  using ErrorCode = boost::system::error_code;

  void on_request_impl(http::verb, Text method, Text target, int version,
                       ErrorCode& error) override {
    head_.method.assign(method.data(), method.size());
    head_.http_1_0 = version == 10;
    has_request_line_ = true;
    refusal_ = ReadTarget({target.data(), target.size()}, head_);
    if (refusal_) error = http::error::bad_target;
  }

  void on_field_impl(http::field, Text name, Text value, ErrorCode& error) override {
    if (head_.fields.size() == fields_max_) {
      refusal_ = Refuse(
          "The request has more than " + std::to_string(fields_max_) + " header fields.", 431);
      error = http::error::header_limit;
      return;
    }
    head_.fields.emplace_back(LowerCase({name.data(), name.size()}),
                              std::string(value.data(), value.size()));
  }

  // Codes differ between the versions of Beast: where it stopped says more.
  Refusal Explain(const ErrorCode& error, std::string_view text) const {
    if (!has_request_line_) return ExplainRequestLine(error, text.substr(0, text.find("\r\n")));
    std::string_view line = text;  // behind the request line and the fields that were read
    for (std::size_t i = 0; i <= head_.fields.size(); ++i) {
      line.remove_prefix(line.find("\r\n") + 2);
    }
    line = line.substr(0, line.find("\r\n"));
    const std::string name = LowerCase(line.substr(0, line.find(':')));
    const bool has_length = CountOf(head_, "content-length") > 0;
    const bool has_encoding = CountOf(head_, "transfer-encoding") > 0;
    if (name == "content-length") {
      if (has_encoding) return Refuse(kTwoFramings);
      return Refuse(has_length ? kTwoLengths : kNoLength);
    }
    if (name == "transfer-encoding") {
      return has_length ? Refuse(kTwoFramings) : Refuse(kNotChunked, 501);
    }
    if (!IsToken(name) || line.find(':') == line.npos) {
      return Refuse("A header field is not of the form NAME: VALUE, but " + Shown(line) + ".");
    }
    return Refuse("The header field " + Shown(name) + " is " +
                  Shown(Trim(line.substr(name.size() + 1))) +
                  ", which is no text or, where a list was expected, no list.");
  }

  static Refusal ExplainRequestLine(const ErrorCode& error, std::string_view line) {
    if (error == http::error::bad_target) return Refuse(kTargetCharacters);
    const std::string_view version = line.substr(line.rfind(' ') + 1);
    const bool is_other = version.starts_with("HTTP/") && version != "HTTP/1.1";
    return error == http::error::bad_version && is_other
               ? Refuse("Only HTTP/1.1 and HTTP/1.0 are spoken here.", 505)
               : Refuse(kRequestLine);
  }

  // Nothing more is asked of it.
  void on_response_impl(int, Text, int, ErrorCode&) override {}
  void on_header_impl(ErrorCode&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
  std::size_t on_body_impl(Text, ErrorCode&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, Text, ErrorCode&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, Text, ErrorCode&) override { return 0; }
  void on_finish_impl(ErrorCode&) override {}

  RequestHead& head_;
  std::size_t fields_max_;
  bool has_request_line_ = false;
  std::optional<Refusal> refusal_;
};

std::optional<Refusal> Read(std::string_view text, std::size_t fields_max, RequestHead& head) {
  if (auto refusal = HeadParser(head, fields_max).Read(text)) return refusal;
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
