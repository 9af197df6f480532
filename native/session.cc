#include "session.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <span>
#include <utility>
#include <variant>

#include "request_id.h"
#include "streamed_answer.h"
#include "trace_context.h"
#include "url.h"

namespace copse {
namespace {

// What is read and answered in less time than waking a thread takes.
constexpr std::uint64_t kShortBodyMax = 16'384;
// A method of a client goes to the log, but not at any length.
constexpr std::size_t kLoggedMethodBytesMax = 32;

std::string RequestIdFor(const RequestHead& head) {
  const auto sent = head.Field("x-request-id");
  return sent && IsRequestId(*sent) ? std::string(*sent) : NewUuid();
}

// Why a body of that length is not taken.
std::optional<Refusal> RefuseLength(std::uint64_t length, const ServerLimits& limits) {
  if (length <= limits.body_bytes_max) return std::nullopt;
  return Refusal{.status = 413,
                 .detail = "The body has " + std::to_string(length) + " bytes; at most " +
                           std::to_string(limits.body_bytes_max) + " are accepted.",
                 .close = true,
                 .method = {},
                 .target = {},
                 .headers = {}};
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

// One of the streams that are going on.
class StreamCount {
 public:
  explicit StreamCount(std::atomic<std::size_t>& streams) : streams_(streams), n_(++streams) {}
  ~StreamCount() { --streams_; }
  StreamCount(const StreamCount&) = delete;
  StreamCount& operator=(const StreamCount&) = delete;

  std::size_t n() const { return n_; }  ///< with this one

 private:
  std::atomic<std::size_t>& streams_;
  const std::size_t n_;
};

// What is not answered in a moment: bodies that are long, or may be; files, models, explanations,
// what is told of every feature of every model, and loading.
bool TakesLong(const RequestHead& head) {
  if (head.chunked || head.expects_continue || head.content_length.value_or(0) > kShortBodyMax ||
      head.Field("content-encoding")) {
    return true;
  }
  const std::string_view target = std::string_view(head.target).substr(0, head.target.find('?'));
  if (target.find('%') != std::string_view::npos) return true;  // one of those below, perhaps
  for (const std::string_view prefix :
       {"/predict_file", "/predictions", "/explain", "/models/", "/metrics", "/v2/repository/"}) {
    if (target.starts_with(prefix)) return true;
  }
  return target.find("/stats") != std::string_view::npos;
}

}  // namespace

std::string_view KnownMethod(std::string_view method) {
  static constexpr std::array<std::string_view, 9> kMethods = {
      "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"};
  const auto* const found = std::find(kMethods.begin(), kMethods.end(), method);
  return found == kMethods.end() ? "_OTHER" : *found;
}

Session::Step Session::Begin() {
  Connection::Head head = connection_.ReadHead();
  if (std::holds_alternative<Connection::Incomplete>(head)) return Step::kWait;
  if (std::holds_alternative<Connection::Gone>(head)) return Step::kClose;
  began_ = Clock::now();
  flushes_ = false;
  connection_.HoldOutput(true);
  if (const auto* const refusal = std::get_if<Refusal>(&head)) {
    request_.method = refusal->method;
    request_.target = refusal->target;
    request_.request_id = NewUuid();
    outcome_ = Refuse(*refusal, request_);
    return Step::kAnswered;
  }
  auto& request = std::get<RequestHead>(head);
  if (TakesLong(request)) {
    long_ = std::move(request);
    return Step::kLong;
  }
  outcome_ = Serve(std::move(request), request_);
  return Step::kAnswered;
}

void Session::Go() {
  flushes_ = true;
  connection_.HoldOutput(false);
  outcome_ = Serve(*std::exchange(long_, std::nullopt), request_);
}

bool Session::TrySend() {
  const auto sent = connection_.TryFlush();
  if (sent == Connection::Sent::kGone) outcome_.keep_alive = false;
  return sent != Connection::Sent::kPart;
}

bool Session::EndsAtOnce() const {
  if (outcome_.keep_alive) return connection_.HasWholeBody();
  return connection_.CanSkipBody() && !connection_.HasBufferedInput();
}

bool Session::End() {
  if (!connection_.Flush()) outcome_.keep_alive = false;
  connection_.HoldOutput(false);
  Note(request_, outcome_, std::chrono::duration<double>(Clock::now() - began_).count());
  return Finish(outcome_);
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

bool Session::Finish(const Outcome& outcome) {
  if (outcome.keep_alive) return connection_.SkipBody();
  if (!connection_.CanSkipBody() || connection_.HasBufferedInput()) connection_.LingeringClose();
  return false;
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
  return Answer(request, [&] { return RefusalReply(refusal, request); });
}

// What can be answered without the body.
Outcome Session::Answer(const Request& request, const std::function<Reply()>& answer) {
  return transport_.Run(connection_,
                        {.is_head = request.method == "HEAD",
                         .reads_body = false,
                         .flushes = flushes_,
                         .coding = ContentCoding::kIdentity,
                         .may_stay = context_.may_stay,
                         .answer = [&](const std::string&) { return answer(); },
                         .refuse = [&](const Refusal& why) { return RefusalReply(why, request); }});
}

// Answers rows while they come. The first refusal, if it comes before any answer, is a reply like
// any other; after that it can only be a last line, and an end that no client takes for a whole
// answer.
Outcome Session::Stream(const RequestHead& head, const Request& request) {
  const StreamCount count(context_.streams);
  if (count.n() > context_.streams_max) {
    return Refuse({.status = 503,
                   .detail = "Too many requests stream rows at this moment; try again.",
                   .close = true,
                   .method = {},
                   .target = {},
                   .headers = {}},
                  request);
  }
  connection_.StreamBody();
  StreamedAnswer answer(connection_, !head.http_1_0);
  std::size_t n_unused = 0;  // bytes since rows were read last
  const auto source = [&](std::span<char> out) -> Result<std::size_t> {
    if (n_unused > context_.limits.body_bytes_max) {
      return Error{
          ErrorCode::kTooLarge,
          "a row has more than " + std::to_string(context_.limits.body_bytes_max) + " bytes"};
    }
    if (!answer.AwaitInput()) return Error{ErrorCode::kInvalidInput, "the client is gone"};
    const ssize_t n = connection_.ReadBody(out.data(), out.size());
    if (n >= 0) n_unused += static_cast<std::size_t>(n);
    if (n >= 0) return static_cast<std::size_t>(n);
    const auto& why = connection_.body_refusal();
    return Error{ErrorCode::kInvalidInput, why ? why->detail : "The body ended early."};
  };
  auto opened = context_.handlers.OpenStream(request, source);
  if (auto* const refused = std::get_if<Reply>(&opened)) {
    return Answer(request, [&] {
      AddCommonHeaders(request, *refused);
      AddHeaders(request, *refused);
      return std::move(*refused);
    });
  }
  PredictionStream& stream = *std::get<std::unique_ptr<PredictionStream>>(opened);
  for (bool begun = false;; begun = true) {
    auto part = stream.Next();
    n_unused = 0;
    if (!begun && !part.ok()) {
      return Answer(request, [&] {
        if (connection_.body_refusal()) return RefusalReply(*connection_.body_refusal(), request);
        Reply reply = Problem(part.error(), {.request_id = request.request_id,
                                             .field = stream.blame().field,
                                             .value = stream.blame().value});
        AddCommonHeaders(request, reply);
        AddHeaders(request, reply);
        return reply;
      });
    }
    Outcome outcome{.status = 200, .bytes = answer.bytes(), .keep_alive = false};
    if (!part.ok()) {
      answer.Break(Problem(part.error(), {.request_id = request.request_id,
                                          .field = stream.blame().field,
                                          .value = stream.blame().value})
                       .body);
      outcome.bytes = answer.bytes();
      return outcome;
    }
    const bool may_stay = head.keep_alive && !head.http_1_0 && context_.may_stay();
    if (!begun) {
      Reply reply;
      reply.content_type = "application/x-ndjson";
      reply.headers = {{"Cache-Control", "no-store"}};
      AddCommonHeaders(request, reply);
      AddHeaders(request, reply);
      answer.Begin(reply, may_stay);
    }
    if (part->empty()) {
      outcome.keep_alive = answer.End() && may_stay && connection_.CanSkipBody();
      return outcome;
    }
    if (!answer.Write(*part)) return outcome;
  }
}

Outcome Session::Serve(RequestHead head, Request& request) {
  request.method = std::move(head.method);
  request.target = std::move(head.target);
  request.host = std::move(head.host);
  request.request_id = RequestIdFor(head);
  const std::uint64_t length = head.content_length.value_or(0);
  request.fields = std::move(head.fields);
  if (const auto trace = ParseTraceParent(request.Field("traceparent"))) {
    request.trace_id = trace->trace_id;
  }
  std::optional<Refusal> refusal;
  auto url = ParseTarget(request.target);
  if (!url) {
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
  // What streams is sent before it is whole, so it must not wait for others' answers.
  const bool is_stream = flushes_ && Handlers::IsStream(request);
  if (!refusal && !is_stream) refusal = RefuseLength(length, context_.limits);
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
  if (reads_body && !refusal && is_stream) {
    if (CodingOf(request) == ContentCoding::kIdentity) return Stream(head, request);
    refusal = Refusal{.status = 415,
                      .detail =
                          "Rows that are answered as they come are taken as they are, without "
                          "a Content-Encoding.",
                      .close = !head.keep_alive,
                      .method = {},
                      .target = {},
                      .headers = {}};
  }
  if (refusal) return Refuse(*refusal, request);
  const ContentCoding coding =
      reads_body ? CodingOf(request).value_or(ContentCoding::kIdentity) : ContentCoding::kIdentity;
  const bool keep_alive = head.keep_alive;
  return transport_.Run(connection_,
                        {.is_head = request.method == "HEAD",
                         .reads_body = reads_body,
                         .flushes = flushes_,
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
