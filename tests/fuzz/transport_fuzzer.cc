// What arrives before anybody knows what is asked: a head, chunks, a target and a form. Any bytes
// are refused with a sentence, or mean the same to whoever reads them again.
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "check.h"
#include "chunk_decoder.h"
#include "http_head.h"
#include "multipart.h"
#include "url.h"
#include "utf8.h"

namespace copse::test {
namespace {

constexpr std::size_t kFieldsMax = 100;
constexpr std::uint64_t kBytesMax = 1 << 20;

void CheckRefused(const Refusal& refusal) {
  Demand(refusal.status >= 400 && refusal.status < 600, "a refusal with the status of none");
  CheckRefusal({ErrorCode::kInvalidInput, refusal.detail});
}

// As a proxy would pass it on.
std::string Rendered(const RequestHead& head) {
  std::string text =
      head.method + " " + head.target + (head.http_1_0 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
  for (const auto& [name, value] : head.fields) text += name + ": " + value + "\r\n";
  return text + "\r\n";
}

void CheckHead(std::string_view text) {
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return;  // nobody asks before it is whole
  const auto parsed = ParseHead(text.substr(0, end + 4), kFieldsMax);
  if (const auto* const refusal = std::get_if<Refusal>(&parsed)) return CheckRefused(*refusal);
  const auto& head = std::get<RequestHead>(parsed);
  Demand(IsToken(head.method), "a method that is none");
  Demand(head.target.starts_with('/') || head.target == "*", "a target that is none");
  Demand(!(head.chunked && head.content_length), "two ends of one body");
  Demand(head.fields.size() <= kFieldsMax, "too many fields");
  const auto again = ParseHead(Rendered(head), kFieldsMax);
  const auto* const same = std::get_if<RequestHead>(&again);
  Demand(same != nullptr && same->method == head.method && same->target == head.target &&
             same->fields == head.fields && same->chunked == head.chunked &&
             same->content_length == head.content_length && same->keep_alive == head.keep_alive,
         "a head that means something else when it is passed on");
  if (const auto url = ParseTarget(head.target)) {
    Demand(IsUtf8(url->path), "a path that is no text");
    for (const auto& [name, value] : url->query) {
      Demand(IsUtf8(name) && IsUtf8(value), "a parameter that is no text");
    }
  }
}

struct Decoded {
  std::string body;
  std::size_t n_read = 0;
  bool ended = false, refused = false;
  bool operator==(const Decoded&) const = default;
};

// The body when it comes in parts of so many bytes.
Decoded Decode(std::string_view text, std::size_t part) {
  ChunkDecoder decoder(kBytesMax);
  Decoded decoded;
  std::string out(part, '\0');
  while (decoded.n_read < text.size() && !decoder.ended() && !decoder.refusal()) {
    const auto step = decoder.Next(text.substr(decoded.n_read, part), out.data(), out.size());
    Demand(step.n_read > 0, "a decoder that stands still");
    decoded.n_read += step.n_read;
    decoded.body.append(out, 0, step.n_written);
  }
  decoded.ended = decoder.ended();
  decoded.refused = decoder.refusal().has_value();
  if (decoded.refused) CheckRefused(*decoder.refusal());
  return decoded;
}

// The same by Boost.Beast, if it takes the body.
std::optional<Decoded> DecodeByBeast(std::string_view text) {
  namespace http = boost::beast::http;
  http::request_parser<http::string_body> parser;
  parser.eager(true);
  parser.body_limit(kBytesMax);
  parser.header_limit(1 << 20);
  boost::system::error_code error;
  constexpr std::string_view kHead = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string whole = std::string(kHead) + std::string(text);
  std::size_t n_read = 0;
  while (n_read < whole.size() && !parser.is_done()) {
    n_read += parser.put(boost::asio::const_buffer(&whole[n_read], whole.size() - n_read), error);
    if (error) return std::nullopt;
  }
  if (!parser.is_done()) return std::nullopt;
  return Decoded{.body = parser.get().body(), .n_read = n_read - kHead.size(), .ended = true};
}

void CheckChunks(std::string_view text) {
  const Decoded whole = Decode(text, text.size() + 1);
  Demand(Decode(text, 1) == whole, "chunks that depend on how they come");
  if (!whole.ended) return;
  const auto other = DecodeByBeast(text.substr(0, whole.n_read));
  Demand(!other || *other == whole, "chunks that another reader reads otherwise");
}

void CheckForm(std::string_view body) {
  const auto file = FindFile(body, "multipart/form-data; boundary=b", "f");
  if (!file.ok()) return CheckRefusal(file.error());
  const char* const begin = body.data();
  Demand(file->empty() ||
             (file->data() >= begin && file->data() + file->size() <= begin + body.size()),
         "a file that is no part of its form");
}

}  // namespace
}  // namespace copse::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  copse::test::CheckHead(text);
  copse::test::CheckChunks(text);
  copse::test::CheckForm(text);
  return 0;
}
