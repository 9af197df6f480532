#include "answer_spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace copse {
namespace {

constexpr std::size_t kPartBytes = std::size_t{256} << 10;

}  // namespace

AnswerSpool::~AnswerSpool() {
  if (file_ >= 0) ::close(file_);
}

bool AnswerSpool::Write(std::string_view bytes) {
  if (!Send(false)) return false;
  if (IsEmpty()) {
    const auto sent = connection_.SendSome(bytes);
    if (!sent) return false;
    bytes.remove_prefix(*sent);
  }
  if (bytes.empty()) return true;
  // Of the whole file: what has been sent is given up with its last byte only.
  if (end_ + bytes.size() <= bytes_max_ && Keep(bytes)) return true;
  return Finish() && connection_.SendAll(bytes);
}

bool AnswerSpool::AwaitInput() {
  if (!Send(false)) return false;
  while (!IsEmpty() && !connection_.HasBufferedInput()) {
    const auto what = connection_.AwaitInputOrRoom();
    if (what == Connection::Awaited::kNothing) return false;
    if (what == Connection::Awaited::kInput) return true;
    if (!Send(false)) return false;
  }
  return true;
}

bool AnswerSpool::Finish() { return Send(true); }

// Sends what waits, as far as the client takes it at once.
bool AnswerSpool::Send(bool may_wait) {
  for (;;) {
    if (part_.empty()) {
      if (begin_ == end_) {
        begin_ = end_ = 0;  // the file's space is used again
        return true;
      }
      part_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kPartBytes, end_ - begin_)));
      const ssize_t n = ::pread(file_, part_.data(), part_.size(), static_cast<off_t>(begin_));
      if (n <= 0) return false;
      part_.resize(static_cast<std::size_t>(n));
      begin_ += static_cast<std::uint64_t>(n);
    }
    if (may_wait) {
      if (!connection_.SendAll(part_)) return false;
      part_.clear();
      continue;
    }
    const auto sent = connection_.SendSome(part_);
    if (!sent) return false;
    part_.erase(0, *sent);
    if (!part_.empty()) return true;
  }
}

bool AnswerSpool::Keep(std::string_view bytes) {
  if (file_ < 0) file_ = ::open(folder_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file_ < 0) return false;
  std::uint64_t at = end_;
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;  // the disk is full: what was written is written again elsewhere
    at += static_cast<std::uint64_t>(n);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  end_ = at;
  return true;
}

}  // namespace copse
