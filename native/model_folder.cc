#include "model_folder.h"

#include <algorithm>
#include <string_view>
#include <system_error>

namespace copse {
namespace {

using std::filesystem::path;

bool IsAllDigits(std::string_view text) {
  return text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Whether version `a` is higher than `b`.
bool IsHigher(std::string_view a, std::string_view b) {
  if (IsAllDigits(a) != IsAllDigits(b)) return IsAllDigits(a);
  if (!IsAllDigits(a)) return a > b;
  a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
  b.remove_prefix(std::min(b.find_first_not_of('0'), b.size()));
  return a.size() != b.size() ? a.size() > b.size() : a > b;
}

}  // namespace

bool IsModelFile(const std::string& file) { return file.ends_with(".safetensors"); }

Result<std::vector<std::string>> FilesIn(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error);
  for (const std::filesystem::directory_iterator end; !error && entry != end;
       entry.increment(error)) {
    const path& file = entry->path();
    if (!file.filename().string().starts_with(".")) files.push_back(file.string());
  }
  if (error) {
    const bool is_gone = error == std::errc::no_such_file_or_directory;
    return Error{is_gone ? ErrorCode::kNotFound : ErrorCode::kInvalidInput, error.message()};
  }
  std::sort(files.begin(), files.end());
  return files;
}

Result<std::filesystem::file_status> StatusOf(const std::string& file) {
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (status.type() != std::filesystem::file_type::none) return status;
  return Error{ErrorCode::kInvalidInput, error.message()};
}

std::string NoFile(const std::filesystem::file_status& status) {
  if (!std::filesystem::exists(status) || std::filesystem::is_regular_file(status)) return "";
  if (std::filesystem::is_directory(status)) return "a folder";
  if (std::filesystem::is_fifo(status)) return "a pipe";
  return std::filesystem::is_socket(status) ? "a socket" : "a device";
}

Result<std::string> OnlyModelIn(const std::string& folder,
                                const std::function<bool(const std::string&)>& is_forbidden) {
  const auto files = FilesIn(folder);
  if (!files.ok()) return files.error();
  std::vector<std::string> ours, others;
  for (const std::string& file : *files) {
    const auto status = StatusOf(file);
    if (!status.ok()) return status.error();
    if (!std::filesystem::is_regular_file(*status) || is_forbidden(file)) continue;
    (IsModelFile(file) ? ours : others).push_back(file);
  }
  const auto& candidates = ours.empty() ? others : ours;
  return candidates.size() == 1 ? candidates.front() : std::string();
}

Result<std::vector<ModelVersion>> VersionsIn(const std::string& folder) {
  const auto entries = FilesIn(folder);
  if (!entries.ok()) return entries.error();
  std::vector<ModelVersion> versions;
  for (const std::string& entry : *entries) {
    const auto status = StatusOf(entry);
    if (!status.ok()) return status.error();
    if (std::filesystem::is_directory(*status)) {
      versions.push_back({path(entry).filename().string(), entry});
    }
  }
  std::sort(versions.begin(), versions.end(), [](const ModelVersion& a, const ModelVersion& b) {
    return IsHigher(a.version, b.version);
  });
  return versions;
}

}  // namespace copse
