#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// The head of an HTTP/1.1 request: request line and header fields, read strictly. What two
/// readers could understand differently is refused here, so that no proxy in front of us and no
/// library behind us can disagree about where a request ends (RFC 9112, section 6.3).
namespace copse {

struct RequestHead {
  std::string method;
  std::string target;  ///< path and query, as sent; the authority of an absolute form is dropped
  bool http_1_0 = false;
  std::vector<std::pair<std::string, std::string>> fields;  ///< names in lower case

  std::string host;  ///< empty if there is none
  bool keep_alive = true;
  bool chunked = false;
  std::optional<std::uint64_t> content_length;
  bool expects_continue = false;

  /// The first field of that lower-case name, or nothing.
  std::optional<std::string_view> Field(std::string_view name) const;
  bool HasBody() const { return chunked || content_length.value_or(0) > 0; }
};

/// Why the transport refused a request: an HTTP status, and one sentence.
struct Refusal {
  int status = 400;
  std::string detail;
  bool close = true;  ///< where the request ends is not known
  /// What could be read, so that a refused request is logged by its name, if it has one.
  std::string method, target;
  std::vector<std::pair<std::string, std::string>> headers = {};  ///< that the answer gets, too
};

/// Reads a head that ends with its empty line, at most `fields_max` fields.
std::variant<RequestHead, Refusal> ParseHead(std::string_view text, std::size_t fields_max);

/// Whether `text` is one of the characters that RFC 9110 allows in names (a "token").
bool IsToken(std::string_view text);

/// ASCII only, whatever the locale.
std::string LowerCase(std::string_view text);
bool EqualsIgnoringCase(std::string_view a, std::string_view b);
/// Without spaces and tabs at both ends.
std::string_view Trim(std::string_view text);

}  // namespace copse
