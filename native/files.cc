#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace copse {
namespace {

constexpr std::size_t kPeekBytes = 6;
constexpr int kPipeBytes = 256 << 10;

Error SystemError(ErrorCode code, const std::string& path, const std::string& what) {
  return Error{code, path + ": " + what + " (" + strerror(errno) + ")"};
}

}  // namespace

Result<std::unique_ptr<InFile>> InFile::Open(const std::string& path) {
  const int file = path == "-" ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return SystemError(ErrorCode::kNotFound, path, "cannot be read");
  std::unique_ptr<InFile> in(new InFile(file, path == "-" ? "standard input" : path));
  struct stat status {};
  if (fstat(file, &status) != 0) return SystemError(ErrorCode::kNotFound, path, "cannot be read");
  if (S_ISDIR(status.st_mode)) {
    return Error{ErrorCode::kNotFound, path + ": a folder; a file with rows was expected"};
  }
  if (S_ISREG(status.st_mode)) in->size_ = static_cast<std::uint64_t>(status.st_size);
  // A writer that is fast fills more than the usual 64 KiB; if that is refused, nothing is lost.
  if (S_ISFIFO(status.st_mode)) fcntl(file, F_SETPIPE_SZ, kPipeBytes);
  return in;
}

InFile::InFile(int file, std::string path)
    : file_(file), interrupt_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), path_(std::move(path)) {}

void InFile::Interrupt() {
  const std::uint64_t one = 1;
  // Fails only if the counter is full, and then it says so already.
  [[maybe_unused]] const ssize_t n = write(interrupt_, &one, sizeof one);
}

// Until there is something to read, or the end, or an error; false if interrupted.
bool InFile::WaitForBytes() const {
  if (size_) return true;  // a file never waits for somebody else
  pollfd files[] = {{.fd = file_, .events = POLLIN, .revents = 0},
                    {.fd = interrupt_, .events = POLLIN, .revents = 0}};
  while (poll(files, 2, -1) < 0 && errno == EINTR) {
  }
  return files[1].revents == 0;
}

InFile::~InFile() {
  if (interrupt_ >= 0) close(interrupt_);
  if (file_ != STDIN_FILENO) close(file_);
}

Result<std::size_t> InFile::Read(std::span<char> buffer) {
  if (!peeked_.empty()) {
    const std::size_t n = std::min(peeked_.size(), buffer.size());
    std::memcpy(buffer.data(), peeked_.data(), n);
    peeked_.erase(0, n);
    return n;
  }
  for (;;) {
    if (!WaitForBytes()) return std::size_t{0};
    const ssize_t n = read(file_, buffer.data(), buffer.size());
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) return SystemError(ErrorCode::kNotFound, path_, "cannot be read");
  }
}

ByteSource InFile::Source() {
  return [this](std::span<char> buffer) { return Read(buffer); };
}

Result<std::string> InFile::Peek() {
  std::string head;
  while (head.size() < kPeekBytes) {
    std::string bytes(kPeekBytes - head.size(), '\0');
    auto n = Read(bytes);
    if (!n.ok()) return n.error();
    if (*n == 0) break;
    head += bytes.substr(0, *n);
  }
  peeked_ = head;
  return head;
}

Result<std::unique_ptr<OutFile>> OutFile::Open(const std::string& path) {
  std::unique_ptr<OutFile> out;
  struct stat status {};
  const bool exists = path == "-" || stat(path.c_str(), &status) == 0;
  if (path == "-") {
    out.reset(new OutFile(STDOUT_FILENO, "standard output"));
  } else if (exists && !S_ISREG(status.st_mode)) {
    out.reset(new OutFile(open(path.c_str(), O_WRONLY | O_CLOEXEC), path));
  } else {
    const std::string partial = path + ".partial";
    const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
    out.reset(new OutFile(open(partial.c_str(), flags, 0666), path));
    if (out->file_ >= 0) out->partial_ = partial;
  }
  if (out->file_ < 0) return out->Failure();
  out->can_rewind_ = !out->partial_.empty();
  return out;
}

OutFile::~OutFile() {
  if (file_ >= 0 && file_ != STDOUT_FILENO) close(file_);
  if (!partial_.empty()) unlink(partial_.c_str());
}

Error OutFile::Failure() const {
  return SystemError(ErrorCode::kInvalidInput, path_, "cannot be written");
}

Status OutFile::Write(std::string_view bytes) {
  while (!bytes.empty() && !closed_) {
    const ssize_t n = write(file_, bytes.data(), bytes.size());
    if (n >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EPIPE) {
      closed_ = true;
    } else if (errno != EINTR) {
      return Failure();
    }
  }
  return Ok{};
}

Status OutFile::Rewrite(std::string_view head) {
  if (lseek(file_, 0, SEEK_SET) != 0) return Failure();
  return Write(head);
}

Status OutFile::Commit() {
  if (partial_.empty()) return Ok{};
  // Closing tells what a full disk or a network file system held back.
  const int file = file_;
  file_ = -1;
  if (close(file) != 0 || rename(partial_.c_str(), path_.c_str()) != 0) return Failure();
  partial_.clear();
  return Ok{};
}

}  // namespace copse
