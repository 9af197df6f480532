#pragma once

#include <cstddef>
#include <string_view>

#include "answer_spool.h"
#include "connection.h"
#include "reply.h"

namespace copse {

/// An answer of unknown length that is sent in parts, while its request is still being read: in the
/// chunked coding, or ended by closing the connection for a client of HTTP/1.0. For one thread.
class StreamedAnswer {
 public:
  StreamedAnswer(Connection& connection, bool chunked);

  /// The head: status, type and headers of `reply`.
  bool Begin(const Reply& reply, bool keep_alive);
  /// A part of the body. False, here and below: the client is gone.
  bool Write(std::string_view part);
  /// All of it is sent.
  bool End();
  /// Sends a last line, and closes so that no client takes the answer for a whole one.
  void Break(std::string_view line);

  /// Waits for input, and sends what is left of earlier parts meanwhile.
  bool AwaitInput() { return spool_.AwaitInput(); }

  std::size_t bytes() const { return bytes_; }  ///< of the body

 private:
  Connection& connection_;
  const bool chunked_;
  AnswerSpool spool_;
  std::size_t bytes_ = 0;
};

}  // namespace copse
