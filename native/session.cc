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
#include "v2_request.h"

namespace copse {
namespace {

// What is answered in not much more time than waking a thread takes.
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

std::string_view RouteOf(const Request& request, const Handlers& handlers) {
  const std::string_view route = handlers.RouteName(request.path);
  return route.empty() ? "none" : route;
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

bool IsStream(const RequestHead& head) {
  Request request;
  request.method = head.method;
  request.fields = head.fields;
  if (auto url = ParseTarget(head.target)) request.path = std::move(url->path);
  return Handlers::IsStream(request);
}

// Whether inference may be asked for explanations. With escapes the word may look otherwise.
bool MayExplain(const RequestHead& head, std::string_view target, std::string_view body) {
  if (!target.starts_with("/v2/models/")) return false;
  if (const auto field = head.Field("inference-header-content-length")) {
    const auto n_json = ParseHeaderLength(*field, body.size());
    body = body.substr(0, n_json.ok() ? *n_json : 0);  // tensors follow, or it is refused
  }
  return body.find("explain") != body.npos || body.find('\\') != body.npos;
}

// What is not answered in a moment: bodies that are long, or may be; files, models, explanations,
// what is told of every feature of every model, and loading.
bool TakesLong(const RequestHead& head, std::string_view body) {
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
  return target.find("/stats") != std::string_view::npos || MayExplain(head, target, body);
}

}  // namespace

std::string_view KnownMethod(std::string_view method) {
  static constexpr std::array<std::string_view, 9> kMethods = {
      "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"};
  const auto* const found = std::find(kMethods.begin(), kMethods.end(), method);
  return found == kMethods.end() ? "_OTHER" : *found;
}

Session::Step Session::Begin() {
  Connection::Head head = connection_.ReadHead(IsStream);
  if (std::holds_alternative<Connection::Incomplete>(head)) return Step::kWait;
  if (std::holds_alternative<Connection::Gone>(head)) return Step::kClose;
  began_ = Clock::now();
  if (auto* const refusal = std::get_if<Refusal>(&head)) {
    head_ = std::move(*refusal);
    return Step::kShort;
  }
  auto& request = std::get<RequestHead>(head);
  const bool takes_long = TakesLong(request, connection_.PeekBody());
  head_ = std::move(request);
  return takes_long ? Step::kLong : Step::kShort;
}

bool Session::HasBody() const {
  const auto* const head = std::get_if<RequestHead>(&head_);
  return head != nullptr && head->HasBody();
}

bool Session::Answer(Transport& transport) {
  is_answered_ = true;
  if (const auto* const refusal = std::get_if<Refusal>(&head_)) {
    request_.method = refusal->method;
    request_.target = refusal->target;
    request_.request_id = NewUuid();
    Refuse(*refusal, transport);
  } else {
    Serve(std::get<RequestHead>(std::move(head_)), transport);
  }
  std::string().swap(request_.body);
  connection_.EndBody();
  return is_answered_;
}

Session::Sent Session::Send() {
  if (is_lingering_) return connection_.Linger() ? Sent::kWait : Sent::kClose;
  const auto sent = connection_.TrySend();
  if (sent == Connection::Sent::kPart) return Sent::kWait;
  const bool is_gone = sent == Connection::Sent::kGone;
  if (is_gone) outcome_.keep_alive = false;
  Note();
  if (outcome_.keep_alive) {
    connection_.EndRequest();
    return Sent::kNext;
  }
  if (is_gone || (connection_.HasWholeBody() && !connection_.HasBufferedInput())) {
    return Sent::kClose;
  }
  connection_.BeginToLinger();
  is_lingering_ = true;
  return Sent::kWait;
}

void Session::Note() {
  const double seconds = std::chrono::duration<double>(Clock::now() - began_).count();
  const std::string_view route = RouteOf(request_, context_.handlers);
  context_.metrics.CountRequest(route, KnownMethod(request_.method), outcome_.status, seconds);
  Log(route, seconds);
}

void Session::NoteCut(Connection& connection, const SessionContext& context) {
  if (const auto kept = connection.TakeUnfinished()) return static_cast<Session&>(*kept).NoteCut();
  const RequestHead* const head = connection.held_head();
  if (head == nullptr) return;
  Session session(connection, context);
  session.head_ = *head;
  session.began_ =
      connection.wait_deadline() - std::chrono::milliseconds(context.limits.body_timeout_ms);
  session.NoteCut();
}

void Session::NoteCut() {
  if (is_lingering_) return;  // it has been noted
  auto* const head = std::get_if<RequestHead>(&head_);
  if (head != nullptr && request_.method.empty()) Take(*head);
  outcome_.bytes -= std::min(outcome_.bytes, connection_.n_unsent());
  outcome_.status = 0;
  Log(RouteOf(request_, context_.handlers),
      std::chrono::duration<double>(Clock::now() - began_).count());
}

void Session::Log(std::string_view route, double seconds) {
  context_.access_log.Append(
      {.time_unix_ms = UnixMs(),
       .request_id = request_.request_id,
       .trace_id = request_.trace_id,
       .method = std::string_view(request_.method).substr(0, kLoggedMethodBytesMax),
       .route = route,
       .path = request_.path.empty() ? request_.target : request_.path,
       .status = outcome_.status,
       .bytes = outcome_.bytes,
       .duration_ms = seconds * 1000,
       .remote = connection_.remote()});
  context_.metrics.SetAccessLogDropped(context_.access_log.dropped());
}

Reply Session::RefusalReply(const Refusal& refusal) const {
  Reply reply = Problem(refusal.status, refusal.detail,
                        {.request_id = request_.request_id, .field = {}, .value = {}});
  reply.close = refusal.close;
  reply.headers.insert(reply.headers.end(), refusal.headers.begin(), refusal.headers.end());
  AddCommonHeaders(request_, reply);
  AddHeaders(reply);
  return reply;
}

void Session::AddHeaders(Reply& reply) const {
  context_.gate.AddHeaders(request_, reply);
  if (const auto trace = ParseTraceParent(request_.Field("traceparent"))) {
    reply.headers.emplace_back("traceresponse", TraceResponse(*trace));
  }
}

void Session::Refuse(const Refusal& refusal, Transport& transport) {
  AnswerWith([&] { return RefusalReply(refusal); }, transport);
}

// What can be answered without the body.
void Session::AnswerWith(const std::function<Reply()>& answer, Transport& transport) {
  outcome_ =
      transport.Run(connection_, {.is_head = request_.method == "HEAD",
                                  .reads_body = false,
                                  .coding = ContentCoding::kIdentity,
                                  .may_stay = context_.may_stay,
                                  .answer = [&](const std::string&) { return answer(); },
                                  .refuse = [&](const Refusal& why) { return RefusalReply(why); }});
}

// Answers rows while they come. The first refusal, if it comes before any answer, is a reply like
// any other; after that it can only be a last line, and an end that no client takes for a whole
// answer.
void Session::Stream(const RequestHead& head, Transport& transport) {
  const StreamCount count(context_.streams);
  if (count.n() > context_.streams_max) {
    return Refuse({.status = 503,
                   .detail = "Too many requests stream rows at this moment; try again.",
                   .close = true,
                   .method = {},
                   .target = {},
                   .headers = {}},
                  transport);
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
  auto opened = context_.handlers.OpenStream(request_, source);
  if (auto* const refused = std::get_if<Reply>(&opened)) {
    return AnswerWith(
        [&] {
          AddCommonHeaders(request_, *refused);
          AddHeaders(*refused);
          return std::move(*refused);
        },
        transport);
  }
  PredictionStream& stream = *std::get<std::unique_ptr<PredictionStream>>(opened);
  for (bool begun = false;; begun = true) {
    auto part = stream.Next();
    n_unused = 0;
    if (!begun && !part.ok()) {
      return AnswerWith(
          [&] {
            if (connection_.body_refusal()) return RefusalReply(*connection_.body_refusal());
            Reply reply = Problem(part.error(), {.request_id = request_.request_id,
                                                 .field = stream.blame().field,
                                                 .value = stream.blame().value});
            AddCommonHeaders(request_, reply);
            AddHeaders(reply);
            return reply;
          },
          transport);
    }
    outcome_ = {.status = 200, .bytes = answer.bytes(), .keep_alive = false};
    if (!part.ok()) {
      answer.Break(Problem(part.error(), {.request_id = request_.request_id,
                                          .field = stream.blame().field,
                                          .value = stream.blame().value})
                       .body);
      outcome_.bytes = answer.bytes();
      return;
    }
    const bool may_stay = head.keep_alive && !head.http_1_0 && context_.may_stay();
    if (!begun) {
      Reply reply;
      reply.content_type = "application/x-ndjson";
      reply.headers = {{"Cache-Control", "no-store"}};
      AddCommonHeaders(request_, reply);
      AddHeaders(reply);
      answer.Begin(reply, may_stay);
    }
    if (part->empty()) {
      outcome_.keep_alive = answer.End() && may_stay && connection_.HasWholeBody();
      return;
    }
    if (!answer.Write(*part)) return;
  }
}

// Why a request is not answered, as far as its head says.
std::optional<Refusal> Session::RefuseHead(const RequestHead& head, bool is_stream) {
  const auto refuse = [&](int status, std::string detail) {
    return Refusal{.status = status,
                   .detail = std::move(detail),
                   .close = !head.keep_alive,
                   .method = {},
                   .target = {},
                   .headers = {}};
  };
  if (request_.path.empty()) {
    return refuse(
        400,
        "The path of the request holds a broken escape, a control character, or text that "
        "is no UTF-8.");
  }
  if (!is_stream) {
    if (auto refusal = RefuseLength(head.content_length.value_or(0), context_.limits)) {
      return refusal;
    }
  }
  // Once.
  if (!has_asked_) {
    auto refusal = context_.gate.Refuse(request_, context_.handlers.UseOf(request_.path),
                                        connection_.remote());
    if (refusal) {
      refusal->close = !head.keep_alive;
      return refusal;
    }
  }
  if (!context_.handlers.ReadsBody(request_.method, request_.path)) return std::nullopt;
  const auto coding = CodingOf(request_);
  if (!coding) {
    Refusal refusal = refuse(415, "The Content-Encodings accepted are gzip and deflate.");
    refusal.headers = {{"Accept-Encoding", "gzip, deflate"}};
    return refusal;
  }
  if (is_stream && *coding != ContentCoding::kIdentity) {
    return refuse(415,
                  "Rows that are answered as they come are taken as they are, without a "
                  "Content-Encoding.");
  }
  return std::nullopt;
}

// What handlers and the log have to know moves to the request.
void Session::Take(RequestHead& head) {
  request_.method = std::move(head.method);
  request_.target = std::move(head.target);
  request_.host = std::move(head.host);
  request_.request_id = RequestIdFor(head);
  request_.fields = std::move(head.fields);
  if (const auto trace = ParseTraceParent(request_.Field("traceparent"))) {
    request_.trace_id = trace->trace_id;
  }
  if (auto url = ParseTarget(request_.target)) {
    request_.path = std::move(url->path);
    request_.query = std::move(url->query);
  }
}

void Session::Serve(RequestHead head, Transport& transport) {
  std::optional<RequestHead> asked;
  if (head.expects_continue && !has_asked_) asked = head;
  Take(head);
  const bool is_stream = Handlers::IsStream(request_);
  if (const auto refusal = RefuseHead(head, is_stream)) return Refuse(*refusal, transport);
  if (is_stream) return Stream(head, transport);
  const bool reads_body = context_.handlers.ReadsBody(request_.method, request_.path);
  if (asked && reads_body && asked->HasBody()) {
    connection_.AskForBody(*std::move(asked));
    has_asked_ = true;
    is_answered_ = false;
    return;
  }
  const ContentCoding coding =
      reads_body ? CodingOf(request_).value_or(ContentCoding::kIdentity) : ContentCoding::kIdentity;
  const bool keep_alive = head.keep_alive;
  outcome_ =
      transport.Run(connection_, {.is_head = request_.method == "HEAD",
                                  .reads_body = reads_body,
                                  .coding = coding,
                                  .may_stay = [&] { return keep_alive && context_.may_stay(); },
                                  .answer =
                                      [&](std::string body) {
                                        request_.body = std::move(body);
                                        Reply reply = context_.handlers.Handle(request_);
                                        AddHeaders(reply);
                                        return reply;
                                      },
                                  .refuse = [&](const Refusal& why) { return RefusalReply(why); }});
}

}  // namespace copse
