#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string_view>
#include <variant>

#include "access_log.h"
#include "connection.h"
#include "gate.h"
#include "handlers.h"
#include "metrics.h"
#include "transport.h"

namespace copse {

/// What every session shares. All of it outlives them, and is safe to use from many threads.
struct SessionContext {
  const Handlers& handlers;
  const ServerLimits& limits;
  Metrics& metrics;
  AccessLog& access_log;
  Gate& gate;
  std::atomic<std::size_t>& streams;  ///< that are going on
  std::size_t streams_max;            ///< each holds a thread for as long as its client likes
  /// Whether connections stay open when they have been answered: not when the service ends.
  std::function<bool()> may_stay;
};

/// One request of a connection, which keeps it while it waits for its client: from its head to a
/// plain request for the handlers, and from a reply to an answer that has been sent. Counts and
/// logs it.
class Session final : public Connection::Unfinished {
 public:
  Session(Connection& connection, const SessionContext& context)
      : connection_(connection), context_(context) {}

  enum class Step {
    kShort,  ///< here, and answered in less time than waking a thread takes: Answer
    kLong,   ///< here, and it may take longer: Answer, with a thread to spare
    kWait,   ///< more has to arrive
    kClose,  ///< the connection is to be closed
  };
  /// Reads the request, as far as it has arrived.
  Step Begin();
  /// Answers it. Streams are answered here completely, and wait for their client; of all others the
  /// answer is there afterwards, and not sent: Send. False: the client is asked for the body now,
  /// and it has to arrive: Begin again, later.
  bool Answer(Transport& transport);
  bool is_answered() const { return is_answered_; }
  /// Whether it has asked for a body, and is to be kept until that has come.
  bool has_asked() const { return has_asked_; }
  /// Whether what has been read has a body.
  bool HasBody() const;

  enum class Sent {
    kWait,   ///< the client has to take more, or to be left alone for a moment: Send again
    kNext,   ///< all of it; the connection can carry another request
    kClose,  ///< the connection is to be closed
  };
  /// Sends the answer as far as the client takes it at once.
  Sent Send();

  /// Logs the request of a connection that is closed because the service ends: before it has been
  /// answered, or its client has taken the answer. Its status is 0. Nothing where there is none.
  static void NoteCut(Connection& connection, const SessionContext& context);

 private:
  using Clock = std::chrono::steady_clock;

  void Note();
  void NoteCut();
  void Log(std::string_view route, double seconds);
  void Take(RequestHead& head);
  void Serve(RequestHead head, Transport& transport);
  std::optional<Refusal> RefuseHead(const RequestHead& head, bool is_stream);
  void Refuse(const Refusal& refusal, Transport& transport);
  void AnswerWith(const std::function<Reply()>& answer, Transport& transport);
  void Stream(const RequestHead& head, Transport& transport);
  void AddHeaders(Reply& reply) const;
  Reply RefusalReply(const Refusal& refusal) const;

  Connection& connection_;
  const SessionContext& context_;
  std::variant<RequestHead, Refusal> head_;  // between Begin and Answer
  Clock::time_point began_;
  Request request_;
  Outcome outcome_;
  bool has_asked_ = false, is_answered_ = false, is_lingering_ = false;
};

/// Methods as metrics name them: those of RFC 9110, and "_OTHER".
std::string_view KnownMethod(std::string_view method);

}  // namespace copse
