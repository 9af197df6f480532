#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "copse/result.h"

namespace copse {

/// An answer, before it is written to anyone. Its length is known from the body; only a 304 says
/// the length of what it does not send.
struct Reply {
  int status = 200;
  std::string content_type;  ///< empty: the answer has no body
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  bool close = false;  ///< the connection ends with this answer
};

/// The one table from error codes to HTTP statuses.
int HttpStatus(ErrorCode code);
/// "Bad Request": the reason phrase of RFC 9110, empty for a status that we never send.
std::string_view ReasonPhrase(int status);

/// What is known about a refusal besides its sentence.
struct ProblemDetails {
  std::string request_id;
  std::string field;                 ///< the field, parameter or header that is to blame, or empty
  std::optional<std::string> value;  ///< its value as sent; nothing if it was not
};

/// A refusal as application/problem+json (RFC 9457): type, title, status, detail, and what
/// `details` knows. Text that is no UTF-8 is repaired.
Reply Problem(int status, std::string_view detail, const ProblemDetails& details = {});
Reply Problem(const Error& error, const ProblemDetails& details = {});

/// Makes a refusal of Problem one that clients of the inference protocols read: application/json,
/// with the sentence as the member `error` before all others. Other replies stay as they are.
void UseErrorMember(Reply& reply);

/// 200 with that body.
Reply HtmlReply(std::string body);
Reply JsonReply(std::string body);

/// 30x to `location`, with a line of HTML for those who do not follow by themselves.
Reply Redirect(int status, const std::string& location);

/// `text` with every byte that is no UTF-8 replaced by U+FFFD.
std::string ValidUtf8(std::string_view text);

/// `text` for use inside HTML text and attributes.
std::string EscapeHtml(std::string_view text);

}  // namespace copse
