#include "loaded_model.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

#include "copse/limits.h"
#include "copse/model_file.h"
#include "copse/sha256.h"
#include "utf8.h"

namespace copse {
namespace {

constexpr std::size_t kNameMax = 64;
constexpr std::size_t kReadBytes = std::size_t{1} << 20;
constexpr std::uint64_t kModelBytesMax = std::uint64_t{4} << 30;
constexpr std::size_t kVersionDigits = 12;

struct Spec {
  std::string name, path;
};

// Closes what it holds.
class FileDescriptor {
 public:
  explicit FileDescriptor(int number) : number_(number) {}
  ~FileDescriptor() {
    if (number_ >= 0) close(number_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= kNameMax && name[0] != '.' && name[0] != '-' &&
         std::all_of(name.begin(), name.end(), IsNameCharacter);
}

std::string NameFromPath(std::string_view path) {
  std::string name(path.substr(path.rfind('/') + 1));
  const std::size_t dot = name.rfind('.');
  if (dot != std::string::npos && dot > 0) name.resize(dot);
  if (name.size() > kNameMax) name.resize(kNameMax);
  for (char& c : name) {
    if (!IsNameCharacter(c)) c = '_';
  }
  if (!name.empty() && (name[0] == '.' || name[0] == '-')) name[0] = '_';
  return name.empty() ? "model" : name;
}

// NAME=FILE, unless the text before `=` looks like a part of a path.
Result<Spec> ParseSpec(const std::string& spec) {
  const std::size_t equals = spec.find('=');
  if (equals == std::string::npos || spec.find('/') < equals || access(spec.c_str(), F_OK) == 0) {
    return Spec{NameFromPath(spec), spec};
  }
  Spec parts{spec.substr(0, equals), spec.substr(equals + 1)};
  if (!IsName(parts.name)) {
    return Error{ErrorCode::kInvalidInput,
                 "the model name " + Shown(parts.name) +
                     " cannot be part of an address; 1 to 64 of A-Z a-z 0-9 . _ - were expected"};
  }
  return parts;
}

Error Refuse(ErrorCode code, const std::string& path, const std::string& why) {
  return Error{code, path + ": " + why};
}

Error SystemError(const std::string& path) {
  return Refuse(ErrorCode::kNotFound, path,
                "cannot be read (" + std::string(strerror(errno)) + ")");
}

bool StartsWith(std::string_view head, std::string_view bytes) { return head.starts_with(bytes); }

// Kinds of model files by their first bytes, for a refusal that helps.
struct Look {
  std::string_view bytes;
  std::string_view what;
};
constexpr std::array<Look, 13> kLooks = {{
    {{"\x80\x02", 2}, "a Python pickle"},
    {{"\x80\x03", 2}, "a Python pickle"},
    {{"\x80\x04", 2}, "a Python pickle"},
    {{"\x80\x05", 2}, "a Python pickle"},
    {{"\x1f\x8b", 2}, "a gzip file"},
    {{"\x78\x9c", 2}, "a file compressed by zlib, such as joblib writes"},
    {{"\x78\x5e", 2}, "a file compressed by zlib, such as joblib writes"},
    {{"\x78\x01", 2}, "a file compressed by zlib, such as joblib writes"},
    {{"\x78\xda", 2}, "a file compressed by zlib, such as joblib writes"},
    {"PK", "a zip file"},
    {"tree\n", "a LightGBM text model"},
    {"\x89HDF", "an HDF5 file"},
    {"binf", "an old binary XGBoost model"},
}};

std::string_view LooksLike(std::string_view head) {
  if (head.empty()) return "empty";
  for (const Look& look : kLooks) {
    if (StartsWith(head, look.bytes)) return look.what;
  }
  const std::size_t first = head.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && (head[first] == '{' || head[first] == '[')) {
    const bool ubjson = first == 0 && head.size() > 1 && (head[1] == 'L' || head[1] == 'i');
    return ubjson ? "a UBJSON file, such as XGBoost writes" : "a JSON file";
  }
  if (StartsWith(head, "\x08") && head.size() > 2 && (head[2] == '\x12' || head[2] == '"')) {
    return "an ONNX model";
  }
  return {};
}

// Our format begins with the length of its header, which begins with a brace. What does not is
// refused before the rest of it is read.
std::optional<std::string> WhyNotOurs(std::string_view head) {
  std::uint64_t header_bytes = 0;
  for (std::size_t i = 0; i < 8 && i < head.size(); ++i) {
    header_bytes |= std::uint64_t{static_cast<std::uint8_t>(head[i])} << (8 * i);
  }
  if (head.size() > 8 && head[8] == '{' && header_bytes <= limits::kHeaderBytesMax) {
    return std::nullopt;
  }
  const std::string_view what = LooksLike(head);
  if (what == "empty") return "the file is empty; a .safetensors model was expected";
  if (what.empty()) return std::nullopt;  // ReadModel says what is wrong with it
  return "this is " + std::string(what) +
         "; a .safetensors model was expected (models/copse_export.py writes one)";
}

Result<std::size_t> ReadSome(int file, std::uint8_t* to, std::size_t n_bytes,
                             const std::string& path) {
  for (;;) {
    const ssize_t n = read(file, to, n_bytes);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) return SystemError(path);
  }
}

// The whole file; its size is believed only as far as bytes come.
Result<std::vector<std::uint8_t>> ReadBytes(int file, const std::string& path) {
  std::vector<std::uint8_t> bytes;
  for (bool first = true;; first = false) {
    const std::size_t used = bytes.size();
    bytes.resize(used + kReadBytes);
    std::size_t n_new = 0;
    while (n_new < kReadBytes) {
      auto n = ReadSome(file, bytes.data() + used + n_new, kReadBytes - n_new, path);
      if (!n.ok()) return n.error();
      if (*n == 0) break;
      n_new += *n;
    }
    bytes.resize(used + n_new);
    if (first) {
      const auto* head = reinterpret_cast<const char*>(bytes.data());
      if (const auto why = WhyNotOurs({head, bytes.size()})) {
        return Refuse(ErrorCode::kUnsupportedModel, path, *why);
      }
    }
    if (n_new < kReadBytes) return bytes;
    if (bytes.size() > kModelBytesMax) {
      return Refuse(ErrorCode::kTooLarge, path, "larger than the limit of 4 GiB");
    }
  }
}

Result<std::vector<std::uint8_t>> ReadFile(const std::string& path) {
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (file.number() < 0 || fstat(file.number(), &status) != 0) return SystemError(path);
  if (S_ISDIR(status.st_mode)) {
    return Refuse(ErrorCode::kNotFound, path, "a folder; a model file was expected");
  }
  if (static_cast<std::uint64_t>(status.st_size) > kModelBytesMax) {
    return Refuse(ErrorCode::kTooLarge, path, "larger than the limit of 4 GiB");
  }
  return ReadBytes(file.number(), path);
}

}  // namespace

Result<std::shared_ptr<const LoadedModel>> LoadModel(const std::string& spec) {
  auto parts = ParseSpec(spec);
  if (!parts.ok()) return parts.error();
  auto bytes = ReadFile(parts->path);
  if (!bytes.ok()) return bytes.error();
  auto model = ReadModel(*bytes);
  if (!model.ok()) return Refuse(model.error().code, parts->path, model.error().message);
  std::string sha256 = Sha256Hex(*bytes);
  std::string version = sha256.substr(0, kVersionDigits);
  return std::shared_ptr<const LoadedModel>(
      new LoadedModel{std::move(parts->name), std::move(version), std::move(sha256),
                      std::move(parts->path), *std::move(model), *std::move(bytes)});
}

}  // namespace copse
