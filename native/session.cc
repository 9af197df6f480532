#include "session.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>

#include "request_id.h"
#include "trace_context.h"
#include "url.h"

namespace copse {
namespace {

using Clock = std::chrono::steady_clock;

// A method of a client goes to the log, but not at any length.
constexpr std::size_t kLoggedMethodBytesMax = 32;

std::string RequestIdFor(const RequestHead& head) {
  const auto sent = head.Field("x-request-id");
  return sent && IsRequestId(*sent) ? std::string(*sent) : NewUuid();
}

// Why a request cannot be taken, as far as its head shows.
std::optional<Refusal> RefuseHead(const RequestHead& head, const ServerLimits& limits) {
  Refusal refusal{
      .status = 413, .detail = {}, .close = true, .method = {}, .target = {}, .headers = {}};
  if (head.content_length.value_or(0) > limits.body_bytes_max) {
    refusal.detail = "The body has " + std::to_string(*head.content_length) + " bytes; at most " +
                     std::to_string(limits.body_bytes_max) + " are accepted.";
    return refusal;
  }
  return std::nullopt;
}

// Nothing if the body is compressed in a way that we do not undo.
std::optional<ContentCoding> CodingOf(const Request& request) {
  const std::string_view coding = request.Field("content-encoding");
  if (coding.empty() || EqualsIgnoringCase(coding, "identity")) return ContentCoding::kIdentity;
  if (EqualsIgnoringCase(coding, "gzip") || EqualsIgnoringCase(coding, "x-gzip")) {
    return ContentCoding::kGzip;
  }
  if (EqualsIgnoringCase(coding, "deflate")) return ContentCoding::kDeflate;
  return std::nullopt;
}

}  // namespace

std::string_view KnownMethod(std::string_view method) {
  static constexpr std::array<std::string_view, 9> kMethods = {
      "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"};
  const auto* const found = std::find(kMethods.begin(), kMethods.end(), method);
  return found == kMethods.end() ? "_OTHER" : *found;
}

Session::Next Session::ServeOne() {
  Connection::Head head = connection_.ReadHead();
  if (std::holds_alternative<Connection::Incomplete>(head)) return Next::kWait;
  if (std::holds_alternative<Connection::Gone>(head)) return Next::kClose;
  const auto start = Clock::now();
  Request request;
  Outcome outcome;
  if (const auto* const refusal = std::get_if<Refusal>(&head)) {
    request.method = refusal->method;
    request.target = refusal->target;
    request.request_id = NewUuid();
    outcome = Refuse(*refusal, request);
  } else {
    outcome = Serve(std::get<RequestHead>(std::move(head)), request);
  }
  Note(request, outcome, std::chrono::duration<double>(Clock::now() - start).count());
  return Finish(outcome);
}

void Session::Note(const Request& request, const Outcome& outcome, double seconds) {
  std::string_view route = context_.handlers.RouteName(request.path);
  if (route.empty()) route = "none";
  context_.metrics.CountRequest(route, KnownMethod(request.method), outcome.status, seconds);
  context_.access_log.Append({.time_unix_ms = UnixMs(),
                              .request_id = request.request_id,
                              .trace_id = request.trace_id,
                              .method = request.method.substr(0, kLoggedMethodBytesMax),
                              .route = std::string(route),
                              .path = request.path.empty() ? request.target : request.path,
                              .status = outcome.status,
                              .bytes = outcome.bytes,
                              .duration_ms = seconds * 1000,
                              .remote = connection_.remote()});
  context_.metrics.SetAccessLogDropped(context_.access_log.dropped());
}

Session::Next Session::Finish(const Outcome& outcome) {
  if (outcome.keep_alive) return connection_.SkipBody() ? Next::kRequest : Next::kClose;
  if (!connection_.CanSkipBody() || connection_.HasBufferedInput()) connection_.LingeringClose();
  return Next::kClose;
}

Reply Session::RefusalReply(const Refusal& refusal, const Request& request) const {
  Reply reply = Problem(refusal.status, refusal.detail,
                        {.request_id = request.request_id, .field = {}, .value = {}});
  reply.close = refusal.close;
  reply.headers.insert(reply.headers.end(), refusal.headers.begin(), refusal.headers.end());
  AddCommonHeaders(request, reply);
  AddHeaders(request, reply);
  return reply;
}

void Session::AddHeaders(const Request& request, Reply& reply) const {
  context_.gate.AddHeaders(request, reply);
  if (const auto trace = ParseTraceParent(request.Field("traceparent"))) {
    reply.headers.emplace_back("traceresponse", TraceResponse(*trace));
  }
}

Outcome Session::Refuse(const Refusal& refusal, const Request& request) {
  const auto refuse = [&](const Refusal& why) { return RefusalReply(why, request); };
  return transport_.Run(connection_, {.is_head = request.method == "HEAD",
                                      .reads_body = false,
                                      .coding = ContentCoding::kIdentity,
                                      .may_stay = context_.may_stay,
                                      .answer = [&](const std::string&) { return refuse(refusal); },
                                      .refuse = refuse});
}

Outcome Session::Serve(RequestHead head, Request& request) {
  request.method = std::move(head.method);
  request.target = std::move(head.target);
  request.host = std::move(head.host);
  request.request_id = RequestIdFor(head);
  std::optional<Refusal> refusal = RefuseHead(head, context_.limits);
  request.fields = std::move(head.fields);
  if (const auto trace = ParseTraceParent(request.Field("traceparent"))) {
    request.trace_id = trace->trace_id;
  }
  auto url = ParseTarget(request.target);
  if (!url && !refusal) {
    refusal = Refusal{.status = 400,
                      .detail =
                          "The path of the request holds a broken escape, a control "
                          "character, or text that is no UTF-8.",
                      .close = !head.keep_alive,
                      .method = {},
                      .target = {},
                      .headers = {}};
  }
  if (url) {
    request.path = std::move(url->path);
    request.query = std::move(url->query);
  }
  if (!refusal) {
    refusal =
        context_.gate.Refuse(request, context_.handlers.UseOf(request.path), connection_.remote());
    if (refusal) refusal->close = !head.keep_alive;
  }
  const bool reads_body = context_.handlers.ReadsBody(request.method, request.path);
  if (reads_body && !CodingOf(request) && !refusal) {
    refusal = Refusal{.status = 415,
                      .detail = "The Content-Encodings accepted are gzip and deflate.",
                      .close = !head.keep_alive,
                      .method = {},
                      .target = {},
                      .headers = {{"Accept-Encoding", "gzip, deflate"}}};
  }
  if (refusal) return Refuse(*refusal, request);
  const ContentCoding coding =
      reads_body ? CodingOf(request).value_or(ContentCoding::kIdentity) : ContentCoding::kIdentity;
  const bool keep_alive = head.keep_alive;
  return transport_.Run(connection_,
                        {.is_head = request.method == "HEAD",
                         .reads_body = reads_body,
                         .coding = coding,
                         .may_stay = [&] { return keep_alive && context_.may_stay(); },
                         .answer =
                             [&](std::string body) {
                               request.body = std::move(body);
                               Reply reply = context_.handlers.Handle(request);
                               AddHeaders(request, reply);
                               return reply;
                             },
                         .refuse = [&](const Refusal& why) { return RefusalReply(why, request); }});
}

}  // namespace copse
