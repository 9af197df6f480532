#include "trace_context.h"

#include <algorithm>

#include "request_id.h"

namespace copse {
namespace {

constexpr std::size_t kTraceDigits = 32, kSpanDigits = 16;
constexpr std::size_t kFieldBytes = 2 + 1 + kTraceDigits + 1 + kSpanDigits + 1 + 2;

bool IsHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// All zeros stand for none.
bool IsId(std::string_view text) {
  return IsHex(text) && text.find_first_not_of('0') != std::string_view::npos;
}

}  // namespace

std::optional<TraceContext> ParseTraceParent(std::string_view field) {
  if (field.size() < kFieldBytes) return std::nullopt;
  const std::string_view version = field.substr(0, 2);
  const std::string_view trace = field.substr(3, kTraceDigits);
  const std::string_view span = field.substr(4 + kTraceDigits, kSpanDigits);
  const std::string_view flags = field.substr(5 + kTraceDigits + kSpanDigits, 2);
  const bool dashes =
      field[2] == '-' && field[3 + kTraceDigits] == '-' && field[kFieldBytes - 3] == '-';
  if (!dashes || !IsHex(version) || version == "ff" || !IsHex(flags)) return std::nullopt;
  // A later version may have more behind another dash; this one has not.
  if (field.size() > kFieldBytes && (version == "00" || field[kFieldBytes] != '-')) {
    return std::nullopt;
  }
  if (!IsId(trace) || !IsId(span)) return std::nullopt;
  const char last = flags[1];
  const int bits = last <= '9' ? last - '0' : last - 'a' + 10;
  return TraceContext{std::string(trace), std::string(span), (bits & 1) != 0};
}

std::string TraceResponse(const TraceContext& context) {
  // The last digits of a UUID are random.
  std::string digits = NewUuid();
  std::erase(digits, '-');
  return "00-" + context.trace_id + "-" + digits.substr(digits.size() - kSpanDigits) +
         (context.sampled ? "-01" : "-00");
}

}  // namespace copse
