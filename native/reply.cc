#include "reply.h"

#include <array>
#include <nlohmann/json.hpp>

namespace copse {
namespace {

using Json = nlohmann::ordered_json;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

constexpr std::string_view kProblemType = "application/problem+json";

// The value of a refused field is repeated, but not all 16 MiB of it.
constexpr std::size_t kValueBytesMax = 200;

// Ends before a character that would be cut.
std::string_view Clipped(std::string_view value) {
  if (value.size() <= kValueBytesMax) return value;
  std::size_t end = kValueBytesMax;
  while (end > kValueBytesMax - 3 && (static_cast<unsigned char>(value[end]) & 0xc0) == 0x80) --end;
  return value.substr(0, end);
}

}  // namespace

int HttpStatus(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidModel:
    case ErrorCode::kUnsupportedModel:
    case ErrorCode::kInvalidInput:
      return 400;
    case ErrorCode::kTooLarge:
      return 413;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kMethodNotAllowed:
      return 405;
    case ErrorCode::kUnsupportedMediaType:
      return 415;
    case ErrorCode::kNotAcceptable:
      return 406;
    case ErrorCode::kUnavailable:
      return 503;
    case ErrorCode::kInternal:
      break;
  }
  return 500;
}

std::string_view ReasonPhrase(int status) {
  static constexpr std::array kPhrases = {
      std::pair{200, "OK"},
      std::pair{302, "Found"},
      std::pair{304, "Not Modified"},
      std::pair{308, "Permanent Redirect"},
      std::pair{400, "Bad Request"},
      std::pair{401, "Unauthorized"},
      std::pair{403, "Forbidden"},
      std::pair{404, "Not Found"},
      std::pair{405, "Method Not Allowed"},
      std::pair{406, "Not Acceptable"},
      std::pair{408, "Request Timeout"},
      std::pair{413, "Content Too Large"},
      std::pair{414, "URI Too Long"},
      std::pair{415, "Unsupported Media Type"},
      std::pair{417, "Expectation Failed"},
      std::pair{429, "Too Many Requests"},
      std::pair{431, "Request Header Fields Too Large"},
      std::pair{500, "Internal Server Error"},
      std::pair{501, "Not Implemented"},
      std::pair{503, "Service Unavailable"},
      std::pair{505, "HTTP Version Not Supported"},
  };
  for (const auto& [known, phrase] : kPhrases) {
    if (known == status) return phrase;
  }
  return {};
}

Reply Problem(int status, std::string_view detail, const ProblemDetails& details) {
  Json body = {{"type", "about:blank"},
               {"title", ReasonPhrase(status)},
               {"status", status},
               {"detail", detail}};
  if (!details.field.empty()) {
    body["field"] = details.field;
    if (details.value) body["value"] = Clipped(*details.value);
  }
  if (!details.request_id.empty()) body["request_id"] = details.request_id;
  Reply reply;
  reply.status = status;
  reply.content_type = kProblemType;
  reply.body = Dump(body);
  if (status == 503) reply.headers.emplace_back("Retry-After", "1");
  return reply;
}

Reply Problem(const Error& error, const ProblemDetails& details) {
  return Problem(HttpStatus(error.code), error.message, details);
}

void UseErrorMember(Reply& reply) {
  if (reply.content_type != kProblemType) return;
  const Json problem = Json::parse(reply.body, nullptr, false);
  Json body = {{"error", problem["detail"]}};
  body.update(problem);
  reply.content_type = "application/json";
  reply.body = Dump(body);
}

Reply HtmlReply(std::string body) {
  Reply reply;
  reply.content_type = "text/html; charset=utf-8";
  reply.body = std::move(body);
  return reply;
}

Reply JsonReply(std::string body) {
  Reply reply;
  reply.content_type = "application/json";
  reply.body = std::move(body);
  return reply;
}

Reply Redirect(int status, const std::string& location) {
  const std::string link = EscapeHtml(location);
  Reply reply =
      HtmlReply("<!doctype html>\n<html lang=en>\n<title>Redirecting...</title>\n<p><a href=\"" +
                link + "\">" + link + "</a></p>\n");
  reply.status = status;
  reply.headers.emplace_back("Location", location);
  return reply;
}

std::string ValidUtf8(std::string_view text) {
  const std::string quoted = Dump(Json(text));
  return Json::parse(quoted).get<std::string>();
}

std::string EscapeHtml(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped.push_back(c);
    }
  }
  return escaped;
}

}  // namespace copse
