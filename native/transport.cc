#include "transport.h"

#include <httplib.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <new>
#include <optional>
#include <string_view>
#include <utility>

#include "access_log.h"
#include "answer_head.h"
#include "request_id.h"

namespace copse {
namespace {

// The last four bytes of a compressed stream say what it holds: gzip (RFC 1952) ends with the
// length modulo 2^32, least byte first, the zlib form (RFC 1950) with the Adler-32 checksum,
// greatest byte first. The library does not notice a stream that was cut off; this does.
class StreamTail {
 public:
  void Add(std::string_view bytes) {
    for (const char byte : bytes.substr(bytes.size() - std::min<std::size_t>(4, bytes.size()))) {
      last_ = last_ << 8 | std::uint32_t{static_cast<unsigned char>(byte)};
    }
  }

  bool Fits(ContentCoding coding, std::string_view body) const {
    switch (coding) {
      case ContentCoding::kGzip:
        return __builtin_bswap32(last_) == static_cast<std::uint32_t>(body.size());
      case ContentCoding::kDeflate:
        return last_ == Adler32(body);
      case ContentCoding::kIdentity:
        break;
    }
    return true;
  }

 private:
  std::uint32_t last_ = 0;
};

// The head that the library is to see, then a body that it is to uncompress; answers go to the
// connection.
class RequestStream : public httplib::Stream {
 public:
  RequestStream(Connection& connection, const Exchange& exchange, std::string_view compressed)
      : connection_(connection), head_(HeadOf(exchange)), body_(compressed) {}

  bool is_readable() const override { return true; }
  bool is_writable() const override { return true; }

  ssize_t read(char* out, std::size_t size) override {
    const bool is_head = !head_.empty();
    std::string_view& from = is_head ? head_ : body_;
    const std::size_t n = std::min(size, from.size());
    std::copy_n(from.data(), n, out);
    if (!is_head) tail_.Add(from.substr(0, n));
    from.remove_prefix(n);
    return static_cast<ssize_t>(n);
  }

  ssize_t write(const char* data, std::size_t size) override {
    connection_.Write({data, size});
    return static_cast<ssize_t>(size);
  }

  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return connection_.fd(); }

  const StreamTail& tail() const { return tail_; }

 private:
  static std::string_view HeadOf(const Exchange& exchange) {
    switch (exchange.coding) {
      case ContentCoding::kGzip:
        return "POST / HTTP/1.1\r\nContent-Encoding: gzip\r\n\r\n";
      case ContentCoding::kDeflate:
        return "POST / HTTP/1.1\r\nContent-Encoding: deflate\r\n\r\n";
      case ContentCoding::kIdentity:
        break;
    }
    return "GET / HTTP/1.1\r\n\r\n";
  }

  Connection& connection_;
  std::string_view head_, body_;
  StreamTail tail_;
};

}  // namespace

class Transport::Protocol : private httplib::Server {
 public:
  explicit Protocol(const ServerLimits& limits) : limits_(limits) {
    set_keep_alive_timeout(std::max(1, limits.idle_timeout_ms / 1000));
    set_keep_alive_max_count(std::numeric_limits<std::int32_t>::max());
    set_payload_max_length(limits.body_bytes_max);
    set_pre_routing_handler([this](const httplib::Request&, httplib::Response& response) {
      if (IsCompressed()) return HandlerResponse::Unhandled;
      Write(AnswerPlain(), response);
      return HandlerResponse::Handled;
    });
    Post("/", [this](const httplib::Request&, httplib::Response& response,
                     const httplib::ContentReader& reader) {
      Write(AnswerUncompressed(reader), response);
    });
    // Whatever was thrown, and its text, stays in this process.
    set_exception_handler([this](const httplib::Request&, httplib::Response& response,
                                 const std::exception_ptr& thrown) {
      response = httplib::Response();
      Write(exchange_->refuse(RefusalOf(thrown)), response);
    });
  }

  Outcome Run(Connection& connection, const Exchange& exchange) {
    connection_ = &connection;
    exchange_ = &exchange;
    outcome_ = {};
    if (!exchange.reads_body) {
      WriteDirectly(AnswerWithoutBody());
      return outcome_;
    }
    body_ = connection.TakeBody();
    RequestStream stream(connection, exchange, IsCompressed() ? *body_ : std::string_view());
    stream_ = &stream;
    bool closed = false;
    const bool written = Process(&Protocol::process_request, stream, closed,
                                 [this](httplib::Request& request) { request_ = &request; });
    outcome_.keep_alive = outcome_.keep_alive && written;
    body_.reset();
    return outcome_;
  }

 private:
  using SetUp = std::function<void(httplib::Request&)>;

  // As the library of Debian 12 (0.11) has it, and that of Debian 13 (0.18), which wants to be told
  // the addresses of both ends: nobody asks for them.
  bool Process(bool (httplib::Server::*process)(httplib::Stream&, bool, bool&, const SetUp&),
               httplib::Stream& stream, bool& closed, const SetUp& set_up) {
    return (this->*process)(stream, false, closed, set_up);
  }
  bool Process(bool (httplib::Server::*process)(httplib::Stream&, const std::string&, int,
                                                const std::string&, int, bool, bool&, const SetUp&),
               httplib::Stream& stream, bool& closed, const SetUp& set_up) {
    return (this->*process)(stream, {}, 0, {}, 0, false, closed, set_up);
  }

  static Refusal Refuse(int status, std::string detail) {
    return {
        .status = status, .detail = std::move(detail), .close = true, .method = {}, .target = {}};
  }

  static Refusal RefusalOf(const std::exception_ptr& thrown) {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::bad_alloc&) {
      LogError("a request failed: there was no memory for it");
      return Refuse(503, "There is no memory for this request at this moment; try again.");
    } catch (const std::exception& exception) {
      LogError(std::string("a request failed: ") + exception.what());
    } catch (...) {
      LogError("a request failed: something was thrown that is no exception");
    }
    return Refuse(500, "Something went wrong here; it is in the server's log.");
  }

  bool IsCompressed() const { return body_ && exchange_->coding != ContentCoding::kIdentity; }

  // The library has nothing to undo then, and would cost more than many an answer.
  Reply AnswerWithoutBody() {
    try {
      return exchange_->answer({});
    } catch (...) {
      return exchange_->refuse(RefusalOf(std::current_exception()));
    }
  }

  void WriteDirectly(const Reply& reply) {
    Note(reply);
    connection_->Write(
        AnswerHead(reply, {.length = reply.body.size(), .keep_alive = outcome_.keep_alive}));
    if (!exchange_->is_head) connection_->Write(reply.body);
  }

  void Note(const Reply& reply) {
    outcome_.status = reply.status;
    outcome_.bytes = exchange_->is_head ? 0 : reply.body.size();
    outcome_.keep_alive = !reply.close && exchange_->may_stay() && connection_->HasWholeBody();
  }

  Reply AnswerPlain() {
    if (body_) return exchange_->answer(*std::move(body_));
    const auto& why = connection_->body_refusal();
    return exchange_->refuse(why ? *why : Refuse(400, "The body of the request is not whole."));
  }

  Reply AnswerUncompressed(const httplib::ContentReader& reader) {
    std::string body;
    bool too_large = false, too_much = false;
    const bool complete = reader([&](const char* data, std::size_t n) {
      too_large = body.size() + n > limits_.body_bytes_max;
      too_much = !too_large && !MakeRoom(body, n);
      if (too_large || too_much) return false;
      body.append(data, n);
      return true;
    });
    const bool whole = complete && stream_->tail().Fits(exchange_->coding, body);
    if (whole) return exchange_->answer(std::move(body));
    if (too_much) return exchange_->refuse(connection_->TooMuchHeld());
    if (too_large) {
      return exchange_->refuse(Refuse(
          413, "The body has more than " + std::to_string(limits_.body_bytes_max) + " bytes."));
    }
    return exchange_->refuse(Refuse(400, "The body is not a whole " +
                                             std::string(ContentCodingName(exchange_->coding)) +
                                             " stream, as Content-Encoding says."));
  }

  // For `n` more bytes, if all requests together may hold them.
  bool MakeRoom(std::string& body, std::size_t n) {
    const std::size_t size = body.size() + n;
    if (size <= body.capacity()) return true;
    const std::size_t capacity = std::max(size, 2 * body.capacity());
    if (!connection_->HoldMore(capacity - body.capacity())) return false;
    body.reserve(capacity);
    return true;
  }

  void Write(Reply reply, httplib::Response& response) {
    Note(reply);
    // How the library is told to write "Connection: close".
    if (!outcome_.keep_alive) request_->set_header("Connection", "close");
    response.status = reply.status;
    response.set_header("Date", HttpDate(UnixMs()));
    response.set_header("Server", "copse");
    // Said here, because the library says "bytes" otherwise.
    response.set_header("Accept-Ranges", "none");
    for (const auto& [name, value] : reply.headers) response.set_header(name, value);
    if (!reply.content_type.empty()) response.set_header("Content-Type", reply.content_type);
    response.body = std::move(reply.body);
  }

  const ServerLimits& limits_;
  Connection* connection_ = nullptr;
  const Exchange* exchange_ = nullptr;
  std::optional<std::string> body_;
  RequestStream* stream_ = nullptr;
  httplib::Request* request_ = nullptr;
  Outcome outcome_;
};

Transport::Transport(const ServerLimits& limits) : protocol_(std::make_unique<Protocol>(limits)) {}
Transport::~Transport() = default;

Outcome Transport::Run(Connection& connection, const Exchange& exchange) {
  return protocol_->Run(connection, exchange);
}

}  // namespace copse
