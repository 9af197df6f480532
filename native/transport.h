#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "compress.h"
#include "connection.h"
#include "reply.h"

namespace copse {

/// What is to be done with a request that has arrived.
struct Exchange {
  bool is_head = false;                             ///< the answer goes without its body
  bool reads_body = false;                          ///< else it does not matter
  ContentCoding coding = ContentCoding::kIdentity;  ///< how the body is compressed
  /// Asked when the answer is there: whether the connection may carry another request.
  std::function<bool()> may_stay;
  /// Called once: with the body if it is wanted, chunks and compression undone.
  std::function<Reply(std::string body)> answer;
  /// Called instead of `answer` if there is no such body, and after it if that threw.
  std::function<Reply(const Refusal& refusal)> refuse;
};

struct Outcome {
  int status = 0;
  std::size_t bytes = 0;    ///< of the answer's body
  bool keep_alive = false;  ///< the connection can carry the next request
};

/// Speaks HTTP/1.1 on a connection. Requests with a body go through cpp-httplib, which undoes
/// compression, keeps exceptions in, and writes the answer; those without one are answered as
/// answer_head.h says. Used by one thread; one for each.
///
/// The library sees a head of our making, and the body as a plain stream that ends: what a client
/// sends in its head reaches handlers as http_head.h read it, and never through a second parser. It
/// reads from memory, and writes into the connection, so that it waits for no client.
class Transport {
 public:
  explicit Transport(const ServerLimits& limits);
  ~Transport();

  /// Leaves the answer in the connection, to be sent. Throws std::bad_alloc, and what of the answer
  /// is there is not whole then.
  Outcome Run(Connection& connection, const Exchange& exchange);

 private:
  class Protocol;
  std::unique_ptr<Protocol> protocol_;
};

}  // namespace copse
