#include "streamed_answer.h"

#include <array>
#include <charconv>
#include <filesystem>
#include <string>
#include <system_error>

#include "answer_head.h"

namespace copse {
namespace {

// What of an answer waits on the disk for a client that does not read yet.
constexpr std::uint64_t kSpooledBytesMax = std::uint64_t{1} << 30;

std::string TemporaryFolder() {
  std::error_code error;
  const auto folder = std::filesystem::temp_directory_path(error);
  return error ? std::string() : folder.string();
}

}  // namespace

StreamedAnswer::StreamedAnswer(Connection& connection, bool chunked)
    : connection_(connection),
      chunked_(chunked),
      spool_(connection, TemporaryFolder(), kSpooledBytesMax) {}

bool StreamedAnswer::Begin(const Reply& reply, bool keep_alive) {
  return spool_.Write(AnswerHead(reply, {.chunked = chunked_, .keep_alive = keep_alive}));
}

bool StreamedAnswer::Write(std::string_view part) {
  if (part.empty()) return true;
  bytes_ += part.size();
  if (!chunked_) return spool_.Write(part);
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), part.size(), 16).ptr;
  std::string chunk(digits.data(), end);
  chunk.append("\r\n").append(part).append("\r\n");
  return spool_.Write(chunk);
}

bool StreamedAnswer::End() { return (!chunked_ || spool_.Write("0\r\n\r\n")) && spool_.Finish(); }

void StreamedAnswer::Break(std::string_view line) {
  if (Write(std::string(line) + (line.ends_with('\n') ? "" : "\n"))) spool_.Finish();
}

}  // namespace copse
