#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "copse/model.h"
#include "copse/result.h"

namespace copse {

/// A model with the file it came from, under the name that it is served by. Immutable and shared:
/// a request keeps the one it began with.
struct LoadedModel {
  std::string name;     ///< NAME of the spec, else the file's stem; fit for a URL path
  std::string version;  ///< first 12 hex digits of `sha256`
  std::string sha256;   ///< of the file's bytes, lower-case hex
  std::string path;     ///< as given
  Model model;
  std::vector<std::uint8_t> bytes;  ///< the very file, for GET /models/NAME.safetensors
};

/// Loads `[NAME=]FILE`. NAME is 1 to 64 of the characters A-Z a-z 0-9 . _ - and starts with none
/// of . and -. Without NAME the stem of the file is used, other characters replaced by `_`.
///
/// A file that is not in our format is refused by what it looks like, after its first bytes.
/// Errors: kNotFound (no such file, or not readable), kInvalidInput (NAME), kTooLarge, and those
/// of ReadModel; each message starts with the path.
Result<std::shared_ptr<const LoadedModel>> LoadModel(const std::string& spec);

}  // namespace copse
