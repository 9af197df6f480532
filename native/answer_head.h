#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "reply.h"

namespace copse {

/// How a client finds the end of an answer.
struct AnswerFraming {
  std::optional<std::size_t> length = {};  ///< Content-Length, unless the reply says one itself
  bool chunked = false;
  bool keep_alive = true;  ///< else the connection ends with it
};

/// Status line and header fields of an answer (RFC 9112), with their empty line. A field that holds
/// a control character is left out: no value of ours can begin another line.
std::string AnswerHead(const Reply& reply, const AnswerFraming& framing);

}  // namespace copse
