#pragma once

#include <functional>

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
  /// Whether connections stay open when they have been answered: not when the service ends.
  std::function<bool()> may_stay;
};

/// The requests of one connection: from their heads to plain requests for the handlers, and from
/// replies to answers. Counts and logs each.
class Session {
 public:
  Session(Connection& connection, Transport& transport, const SessionContext& context)
      : connection_(connection), transport_(transport), context_(context) {}

  enum class Next {
    kRequest,  ///< one has been answered; the connection is open
    kWait,     ///< more has to arrive
    kClose,    ///< the connection is to be closed
  };
  /// Serves the next request, if its head has arrived.
  Next ServeOne();

 private:
  Next Finish(const Outcome& outcome);
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
};

/// Methods as metrics name them: those of RFC 9110, and "_OTHER".
std::string_view KnownMethod(std::string_view method);

}  // namespace copse
