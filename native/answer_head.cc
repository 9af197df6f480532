#include "answer_head.h"

#include <array>
#include <charconv>
#include <string_view>

#include "request_id.h"

namespace copse {
namespace {

constexpr std::size_t kHeadBytes = 512;  // nearly all

// Without a way out in between, which takes longer.
bool IsPlain(std::string_view text) {
  bool is_plain = true;
  for (const char c : text) is_plain &= static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
  return is_plain;
}

void Add(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ").append(value).append("\r\n");
}

void AppendNumber(std::string& head, std::size_t number) {
  std::array<char, 20> digits;
  head.append(digits.data(),
              std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
}

}  // namespace

std::string AnswerHead(const Reply& reply, const AnswerFraming& framing) {
  std::string head;
  head.reserve(kHeadBytes);
  head = "HTTP/1.1 ";
  AppendNumber(head, static_cast<std::size_t>(reply.status));
  head.append(" ").append(ReasonPhrase(reply.status)).append("\r\n");
  Add(head, "Date", HttpDate(UnixMs()));
  Add(head, "Server", "copse");
  // Else some clients would try to get parts.
  Add(head, "Accept-Ranges", "none");
  for (const auto& [name, value] : reply.headers) {
    if (IsPlain(name) && IsPlain(value)) Add(head, name, value);
  }
  if (!reply.content_type.empty()) Add(head, "Content-Type", reply.content_type);
  if (framing.length && reply.status != 304) {
    head += "Content-Length: ";
    AppendNumber(head, *framing.length);
    head += "\r\n";
  }
  if (framing.chunked) Add(head, "Transfer-Encoding", "chunked");
  if (!framing.keep_alive) Add(head, "Connection", "close");
  return head += "\r\n";
}

}  // namespace copse
