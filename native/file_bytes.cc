#include "file_bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace copse {
namespace {

constexpr std::size_t kCopyBytesMax = std::size_t{64} << 20;
constexpr std::size_t kReadBytes = std::size_t{1} << 20;
constexpr std::uint64_t kFileBytesMax = std::uint64_t{4} << 30;

// Closes what it holds.
class FileDescriptor {
 public:
  explicit FileDescriptor(int number) : number_(number) {}
  ~FileDescriptor() {
    if (number_ > STDERR_FILENO) close(number_);
  }
  FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

Error SystemError() {
  return {ErrorCode::kNotFound, "cannot be read (" + std::string(strerror(errno)) + ")"};
}

Error TooLarge() { return {ErrorCode::kTooLarge, "larger than the limit of 4 GiB"}; }

// Appends up to `n` bytes; fewer at the end of the file.
Status Append(int file, std::size_t n, std::vector<std::uint8_t>& bytes) {
  const std::size_t end = bytes.size() + n;
  std::size_t used = bytes.size();
  bytes.resize(end);
  while (used < end) {
    const ssize_t n_new = read(file, bytes.data() + used, end - used);
    if (n_new < 0 && errno != EINTR) return SystemError();
    if (n_new == 0) break;
    used += n_new < 0 ? 0 : static_cast<std::size_t>(n_new);
  }
  bytes.resize(used);
  return Ok{};
}

}  // namespace

// A file's pages, read when they are looked at.
class FileBytes::Mapping {
 public:
  static Result<std::shared_ptr<const Mapping>> Of(FileDescriptor file, const struct stat& status) {
    const auto size = static_cast<std::size_t>(status.st_size);
    void* const start = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.number(), 0);
    if (start == MAP_FAILED) return SystemError();
    return std::shared_ptr<const Mapping>(new Mapping(std::move(file), status, start));
  }
  ~Mapping() { munmap(start_, size()); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  std::size_t size() const { return static_cast<std::size_t>(opened_.st_size); }
  std::span<const std::uint8_t> span() const {
    return {static_cast<const std::uint8_t*>(start_), size()};
  }
  bool unchanged() const {
    struct stat now {};
    return fstat(file_.number(), &now) == 0 && now.st_size == opened_.st_size &&
           now.st_mtim.tv_sec == opened_.st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == opened_.st_mtim.tv_nsec;
  }

 private:
  Mapping(FileDescriptor file, const struct stat& opened, void* start)
      : file_(std::move(file)), opened_(opened), start_(start) {}

  FileDescriptor file_;
  struct stat opened_;
  void* start_;
};

Result<FileBytes> FileBytes::Read(const std::string& path, const HeadCheck& check, Hold hold) {
  FileDescriptor file(path == "-" ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (file.number() < 0 || fstat(file.number(), &status) != 0) return SystemError();
  if (S_ISDIR(status.st_mode)) {
    return Error{ErrorCode::kNotFound, "a folder; a model file was expected"};
  }
  FileBytes whole;
  std::vector<std::uint8_t>& bytes = whole.copied_;
  if (auto read = Append(file.number(), kHeadBytes, bytes); !read.ok()) return read.error();
  if (auto worth = check(bytes); !worth.ok()) return worth.error();
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size > kFileBytesMax) return TooLarge();
  const bool is_large = S_ISREG(status.st_mode) && size > kCopyBytesMax;
  if (path != "-" && is_large && hold == Hold::kMapLarge) {
    auto mapped = Mapping::Of(std::move(file), status);
    if (!mapped.ok()) return mapped.error();
    whole.mapped_ = *std::move(mapped);
    bytes = {};
    return whole;
  }
  if (S_ISREG(status.st_mode)) bytes.reserve(static_cast<std::size_t>(size) + kReadBytes);
  // The size is believed only as far as bytes come.
  for (std::size_t before = 0; before != bytes.size();) {
    before = bytes.size();
    if (auto read = Append(file.number(), kReadBytes, bytes); !read.ok()) return read.error();
    if (bytes.size() > kFileBytesMax) return TooLarge();
  }
  return whole;
}

std::span<const std::uint8_t> FileBytes::Mapped() const { return mapped_->span(); }

bool FileBytes::unchanged() const { return mapped_ == nullptr || mapped_->unchanged(); }

std::vector<std::uint8_t> FileBytes::Take() && {
  if (mapped_ == nullptr) return std::move(copied_);
  const std::span<const std::uint8_t> bytes = mapped_->span();
  return {bytes.begin(), bytes.end()};
}

}  // namespace copse
