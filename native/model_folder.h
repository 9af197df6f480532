#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "copse/result.h"

/// What lies in a folder of models. What cannot be told at this moment (rights, a disk that fails,
/// too many open files) is an error, never taken for gone. Errors: kNotFound where there is no such
/// folder (any more), else kInvalidInput; the message is the system's.
namespace copse {

/// By its name, a model file in our format.
bool IsModelFile(const std::string& file);

/// The paths of all that is in a folder, by name; without hidden ones.
Result<std::vector<std::string>> FilesIn(const std::string& folder);

/// What stands at a path, which may be nothing.
Result<std::filesystem::file_status> StatusOf(const std::string& file);

/// What stands there, in words, if it is neither a file nor nothing; else empty. Nobody may ever
/// write to a pipe, and a device may have no end.
std::string NoFile(const std::filesystem::file_status& status);

/// The one model file of a folder: what is in our format goes first. Empty where there is none, or
/// more than one.
Result<std::string> OnlyModelIn(const std::string& folder,
                                const std::function<bool(const std::string&)>& is_forbidden);

struct ModelVersion {
  std::string version, folder;
};

/// The folders in `folder`, the highest version first: numbers by their value and above all others.
Result<std::vector<ModelVersion>> VersionsIn(const std::string& folder);

}  // namespace copse
