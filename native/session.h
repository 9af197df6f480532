#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>

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

/// The requests of one connection: from their heads to plain requests for the handlers, and from
/// replies to answers. Counts and logs each.
class Session {
 public:
  Session(Connection& connection, Transport& transport, const SessionContext& context)
      : connection_(connection), transport_(transport), context_(context) {}

  enum class Step {
    kAnswered,  ///< the answer is there, and not sent: End
    kLong,      ///< it may take long, and is not begun: Go, then End
    kWait,      ///< more has to arrive
    kClose,     ///< the connection is to be closed
  };
  /// Answers the next request, if its head has arrived. What may take long (a large body, or one of
  /// unknown length) is left for Go.
  Step Begin();
  /// Answers a request that takes long.
  void Go();
  /// Sends the answer as far as the client takes it at once; false: not all of it.
  bool TrySend();
  /// Whether End waits for nothing, once all is sent.
  bool EndsAtOnce() const;
  /// Sends the rest, counts and logs the request: whether the connection can carry another one.
  bool End();

 private:
  using Clock = std::chrono::steady_clock;

  bool Finish(const Outcome& outcome);
  void Note(const Request& request, const Outcome& outcome, double seconds);
  Outcome Serve(RequestHead head, Request& request);
  Outcome Refuse(const Refusal& refusal, const Request& request);
  Outcome Answer(const Request& request, const std::function<Reply()>& answer);
  Outcome Stream(const RequestHead& head, const Request& request);
  void AddHeaders(const Request& request, Reply& reply) const;
  Reply RefusalReply(const Refusal& refusal, const Request& request) const;

  Connection& connection_;
  Transport& transport_;
  const SessionContext& context_;
  // Between Begin and End.
  Clock::time_point began_;
  Request request_;
  Outcome outcome_;
  std::optional<RequestHead> long_;
  bool flushes_ = false;
};

/// Methods as metrics name them: those of RFC 9110, and "_OTHER".
std::string_view KnownMethod(std::string_view method);

}  // namespace copse
