#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "copse/import.h"
#include "copse/model.h"
#include "copse/result.h"

namespace copse {

/// A model in our format, under the name that it is served by, and the file that it came from.
/// Immutable and shared: a request keeps the one it began with.
struct LoadedModel {
  std::string name;     ///< NAME of the spec, else the file's stem; fit for a URL path
  std::string version;  ///< first 12 hex digits of `sha256`, or that of its folder
  std::string sha256;   ///< of `bytes`, lower-case hex
  std::string path;     ///< as given
  Model model;
  /// GET /models/NAME.safetensors: the very file, or what an imported one is in our format.
  std::vector<std::uint8_t> bytes;
  SourceKind kind = SourceKind::kCopse;          ///< what the file holds
  Compression compression = Compression::kNone;  ///< around it
  std::uint64_t file_bytes = 0;                  ///< its size
};

enum class LoadFor : std::uint8_t { kLooking, kPredicting, kServing };

/// Loads `[NAME=]FILE`: our own format, or any file that ImportModel reads, also compressed; `-` is
/// standard input. NAME is 1 to 64 of the characters A-Z a-z 0-9 . _ - and starts with none of .
/// and -. Without NAME the stem of the file is used, other characters replaced by `_`.
///
/// A file that cannot be a model is refused after its first bytes.
/// Errors: kNotFound (no such file, or not readable), kInvalidInput (NAME), kTooLarge, and those
/// of ReadModel, ImportModel and Decompress; each message starts with the path.
///
/// A model that is to predict is compiled (Model::Compile); one to look at is not. For a service
/// the file is copied before it is read, so that nobody who overwrites it meanwhile can end the
/// process.
Result<std::shared_ptr<const LoadedModel>> LoadModel(const std::string& spec,
                                                     const ImportOptions& options = {},
                                                     LoadFor purpose = LoadFor::kLooking);

/// Whether a model or a version may be called so: as NAME above.
bool IsModelName(std::string_view name);

/// FILE of `[NAME=]FILE`.
std::string ModelPathOf(const std::string& spec);

/// The name that `[NAME=]FILE` gets: NAME, or what ModelNameOf makes of FILE.
std::string NameOfSpec(const std::string& spec);

/// The name that `[NAME=]FILE` gets without NAME: iris for a/iris.safetensors and iris.pkl.gz.
std::string ModelNameOf(std::string_view path);

/// The format for programs: "copse" "pickle" "xgboost-json" "xgboost-ubjson" "lightgbm" "onnx"
/// "catboost-json".
std::string_view SourceKindName(SourceKind kind);

/// What the file is, for people: "our own format", "a Python pickle, compressed by gzip".
std::string FileKindText(const LoadedModel& loaded);

/// What a user of the model should know, as it stands in the file.
std::vector<std::string> WarningsOf(const Model& model);

}  // namespace copse
