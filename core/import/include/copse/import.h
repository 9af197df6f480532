#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "copse/model.h"
#include "copse/result.h"

/// Models of other libraries: bytes in, Model out. Nothing in a file is ever run: a pickle is read
/// as data, by rules, and what the rules do not know is refused by name.
namespace copse {

/// What a file is, by its content. A name's suffix never counts.
enum class SourceKind : std::uint8_t {
  kCopse,   ///< our own format: ReadModel reads it
  kPickle,  ///< Python pickle, protocols 0 to 5, or an uncompressed joblib file
  kXgboostJson,
  kXgboostUbjson,
  kLightgbm,  ///< text
  kOnnx,
  kCatboostJson,
  kCompressed,  ///< see CompressionOf: to be decompressed first
  kUnknown,
};
SourceKind SourceKindOf(std::span<const std::uint8_t> bytes);

/// The stream that wraps a whole file, as joblib and gzip write it.
enum class Compression : std::uint8_t { kNone, kZlib, kGzip, kBzip2, kXz, kLzma, kLz4 };
Compression CompressionOf(std::span<const std::uint8_t> bytes);
/// Most bytes that a compressed file of `n_bytes` may become: what a bomb can cost.
std::uint64_t DecompressedBytesMax(std::uint64_t n_bytes);

/// Which boosting rounds of a model that was stopped early are kept.
enum class Iterations : std::uint8_t {
  kDefault,  ///< as the object in the file predicts: a Booster with all, a pickled
             ///< scikit-learn wrapper up to its best iteration
  kAll,
  kBest,  ///< up to the best one; all, where the file names none
};

struct ImportOptions {
  Iterations iterations = Iterations::kDefault;
  bool leaf_ids = false;  ///< keep the library's own leaf numbers, for Answer::kLeaf
  /// The file as it was, when `bytes` were decompressed from it: its digest is the model's source.
  std::span<const std::uint8_t> file = {};
  /// That digest, 64 hexadecimal digits, where the caller has it; empty: it is computed.
  std::string_view file_sha256 = {};
};

/// The model in `bytes`, which any library of the list in docs/compatibility.md wrote. The same
/// bytes and options give the same Model, to the bit, on every target; no state, any thread.
///
/// Memory is bounded by a small multiple of the file's size plus the model.
/// Errors: kInvalidModel (damaged), kUnsupportedModel (what it is by name and version, and what to
/// do instead), kTooLarge. Each message is one sentence.
Result<Model> ImportModel(std::span<const std::uint8_t> bytes, const ImportOptions& options = {});

}  // namespace copse
