#include "recent_predictions.h"

#include <charconv>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "http_head.h"
#include "prediction_text.h"

namespace copse {
namespace {

constexpr std::size_t kLimitDefault = 100;
constexpr std::size_t kLimitMax = 1'000;
constexpr std::string_view kNdjson = "application/x-ndjson";

Reply Refused(const Request& request, ErrorCode code, const std::string& sentence,
              const std::string& field, const std::string& value) {
  return Problem(Error{code, sentence},
                 {.request_id = request.request_id, .field = field, .value = value});
}

std::optional<std::size_t> LimitOf(std::string_view text) {
  std::size_t limit = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), limit);
  const bool whole = code == std::errc() && end == text.data() + text.size();
  if (!whole || limit < 1 || limit > kLimitMax) return std::nullopt;
  return limit;
}

// Values as the row had them. The file may have been written to by others: what is no JSON there
// is shown as text.
std::string JsonOrString(const std::string& text) {
  return nlohmann::json::accept(text) ? text : JsonString(text);
}

std::string RowJson(const RecordedRow& row) {
  return "{\"seq\":" + std::to_string(row.seq) + ",\"id\":" + JsonString(row.id) +
         ",\"time\":" + JsonString(row.time) + ",\"model\":" + JsonString(row.model) +
         ",\"version\":" + JsonString(row.version) +
         ",\"request_id\":" + JsonString(row.request_id) + ",\"input\":" + JsonOrString(row.input) +
         ",\"output\":" + JsonString(row.output) + ",\"label\":" + JsonString(row.label) + "}";
}

}  // namespace

Reply RecentPredictionsReply(const Request& request, const PredictionLog& log) {
  std::size_t limit = kLimitDefault;
  bool has_limit = false;
  for (const auto& [name, value] : request.query) {
    if (name != "limit") {
      return Refused(request, ErrorCode::kInvalidInput,
                     "There is no parameter " + JsonString(name) + "; limit was expected.", name,
                     value);
    }
    const auto asked = LimitOf(value);
    if (has_limit || !asked) {
      return Refused(request, ErrorCode::kInvalidInput,
                     has_limit ? "limit is given twice; one was expected."
                               : "limit is " + JsonString(value) + "; a whole number from 1 to " +
                                     std::to_string(kLimitMax) + " was expected.",
                     name, value);
    }
    limit = *asked;
    has_limit = true;
  }
  const auto rows = log.Recent(limit);
  if (!rows.ok()) {
    return Problem(Error{ErrorCode::kUnavailable, "The prediction log cannot be read now."},
                   {.request_id = request.request_id, .field = {}, .value = {}});
  }
  const bool lines = request.Field("accept").find(kNdjson) != std::string_view::npos;
  std::string text = lines ? "" : "{\"predictions\":[";
  for (const RecordedRow& row : *rows) {
    if (!lines && &row != &rows->front()) text += ",";
    text += RowJson(row);
    if (lines) text += "\n";
  }
  Reply reply = JsonReply(lines ? std::move(text) : text + "]}\n");
  if (lines) reply.content_type = kNdjson;
  reply.headers = {{"Vary", "Accept"}, {"Cache-Control", "no-store"}};
  return reply;
}

}  // namespace copse
