#include "secret_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

#include "model_text.h"

namespace copse {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

Result<std::string> ReadSecretFile(const std::string& path, const std::string& option) {
  const auto refused = [&](ErrorCode code, const std::string& why) {
    return Error{code, option + " is " + Plain(path) + ": " + why};
  };
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rbe"));
  if (!file) return refused(ErrorCode::kNotFound, std::generic_category().message(errno));
  std::string text(kSecretBytesMax + 3, '\0');  // with the end of a line, and one more
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) {
    return refused(ErrorCode::kNotFound, std::generic_category().message(errno));
  }
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  if (text.empty()) return refused(ErrorCode::kInvalidInput, "it is empty");
  if (text.size() > kSecretBytesMax) {
    return refused(ErrorCode::kInvalidInput,
                   "it has more than " + std::to_string(kSecretBytesMax) + " bytes");
  }
  if (text.find_first_of(std::string("\n\r\0", 3)) != std::string::npos) {
    return refused(ErrorCode::kInvalidInput, "one line was expected");
  }
  return text;
}

bool IsToken(const std::string& text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace copse
