#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace copse {

/// Where a request belongs in somebody's trace (W3C Trace Context).
struct TraceContext {
  std::string trace_id;   ///< 32 hex digits
  std::string parent_id;  ///< 16 hex digits: the caller's span
  bool sampled = false;
};

/// Of a `traceparent` field; nothing where the standard says that it is to be ignored.
std::optional<TraceContext> ParseTraceParent(std::string_view field);

/// What goes back as `traceresponse`: the trace, with a span of ours.
std::string TraceResponse(const TraceContext& context);

}  // namespace copse
