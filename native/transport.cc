#include "transport.h"

#include <httplib.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <string_view>
#include <utility>

#include "access_log.h"
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

// The head that the library is to see, then the body; answers go to the connection.
class RequestStream : public httplib::Stream {
 public:
  RequestStream(Connection& connection, const Exchange& exchange) : connection_(connection) {
    head_ = exchange.reads_body ? "POST" : exchange.is_head ? "HEAD" : "GET";
    head_ += " / HTTP/1.1\r\n";
    const std::string_view coding = ContentCodingName(exchange.coding);
    if (!coding.empty()) head_ += "Content-Encoding: " + std::string(coding) + "\r\n";
    head_ += "\r\n";
  }

  bool is_readable() const override { return true; }
  bool is_writable() const override { return true; }

  ssize_t read(char* out, std::size_t size) override {
    if (used_ < head_.size()) {
      const std::size_t n = std::min(size, head_.size() - used_);
      std::copy_n(head_.data() + used_, n, out);
      used_ += n;
      return static_cast<ssize_t>(n);
    }
    const ssize_t n = connection_.ReadBody(out, size);
    if (n > 0) tail_.Add({out, static_cast<std::size_t>(n)});
    return n;
  }

  ssize_t write(const char* data, std::size_t size) override {
    return connection_.Write({data, size}) ? static_cast<ssize_t>(size) : -1;
  }

  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return connection_.fd(); }

  const StreamTail& tail() const { return tail_; }

 private:
  Connection& connection_;
  std::string head_;
  std::size_t used_ = 0;
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
      if (exchange_->reads_body) return HandlerResponse::Unhandled;
      Write(exchange_->answer({}), response);
      return HandlerResponse::Handled;
    });
    Post("/",
         [this](const httplib::Request&, httplib::Response& response,
                const httplib::ContentReader& reader) { Write(AnswerBody(reader), response); });
    // Whatever was thrown, and its text, stays in this process.
    set_exception_handler([this](const httplib::Request&, httplib::Response& response,
                                 const std::exception_ptr& thrown) {
      LogThrown(thrown);
      response = httplib::Response();
      Write(exchange_->refuse(Internal()), response);
    });
  }

  Outcome Run(Connection& connection, const Exchange& exchange) {
    connection_ = &connection;
    exchange_ = &exchange;
    outcome_ = {};
    RequestStream stream(connection, exchange);
    stream_ = &stream;
    bool closed = false;
    const bool written = Process(&Protocol::process_request, stream, closed,
                                 [this](httplib::Request& request) { request_ = &request; });
    const bool flushed = !exchange.flushes || connection.Flush();
    outcome_.keep_alive = outcome_.keep_alive && written && flushed;
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

  static Refusal Internal() {
    return {.status = 500,
            .detail = "Something went wrong here; it is in the server's log.",
            .close = true,
            .method = {},
            .target = {}};
  }

  static void LogThrown(const std::exception_ptr& thrown) {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& exception) {
      LogError(std::string("a request failed: ") + exception.what());
    } catch (...) {
      LogError("a request failed: something was thrown that is no exception");
    }
  }

  Reply AnswerBody(const httplib::ContentReader& reader) {
    std::string body;
    bool too_large = false;
    const bool complete = reader([&](const char* data, std::size_t n) {
      too_large = body.size() + n > limits_.body_bytes_max;
      if (!too_large) body.append(data, n);
      return !too_large;
    });
    const bool whole = complete && stream_->tail().Fits(exchange_->coding, body);
    if (whole) return exchange_->answer(std::move(body));
    if (connection_->body_refusal()) return exchange_->refuse(*connection_->body_refusal());
    Refusal refusal = Internal();
    refusal.status = too_large ? 413 : 400;
    refusal.detail =
        too_large ? "The body has more than " + std::to_string(limits_.body_bytes_max) + " bytes."
                  : "The body is not a whole " + std::string(ContentCodingName(exchange_->coding)) +
                        " stream, as Content-Encoding says.";
    return exchange_->refuse(refusal);
  }

  void Write(Reply reply, httplib::Response& response) {
    outcome_.status = reply.status;
    outcome_.bytes = exchange_->is_head ? 0 : reply.body.size();
    outcome_.keep_alive = !reply.close && exchange_->may_stay() && connection_->CanSkipBody();
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
