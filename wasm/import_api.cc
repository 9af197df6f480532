// The C door of the importers for WebAssembly: a file of another library in, a model file out, no
// logic. The binding in js/ is its only caller: a new instance for each file, so that nothing has
// to be given back.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "copse/import.h"
#include "copse/model_file.h"
#include "copse/result.h"

namespace {

/// The refusal of the last call, or the model file that it made.
std::string last_text;
std::int32_t last_code = 0;
std::vector<std::uint8_t> last_file;

}  // namespace

extern "C" {

/// The SourceKind and the Compression of `bytes`, by number.
std::int32_t copse_source_kind(const std::uint8_t* bytes, std::size_t size) {
  return static_cast<std::int32_t>(copse::SourceKindOf({bytes, size}));
}
std::int32_t copse_compression_of(const std::uint8_t* bytes, std::size_t size) {
  return static_cast<std::int32_t>(copse::CompressionOf({bytes, size}));
}

/// Most bytes that a compressed file of `size` may become, as far as an address reaches.
std::size_t copse_decompressed_max(std::size_t size) {
  const std::uint64_t most = copse::DecompressedBytesMax(size);
  constexpr auto kAddressable = std::numeric_limits<std::size_t>::max();
  return most < kAddressable ? static_cast<std::size_t>(most) : kAddressable;
}

/// 0 where the model in `bytes` now lies in the file, in the canonical form of WriteModel; else a
/// code, with its text. `file` is what `bytes` were decompressed from, or empty; `digest` the 64
/// digits of the file's SHA-256, or null where it is to be computed here.
std::int32_t copse_import(const std::uint8_t* bytes, std::size_t size, const std::uint8_t* file,
                          std::size_t file_size, const char* digest, std::int32_t iterations,
                          std::int32_t leaf_ids) {
  copse::ImportOptions options;
  options.iterations = static_cast<copse::Iterations>(iterations);
  options.leaf_ids = leaf_ids != 0;
  options.file = {file, file_size};
  if (digest != nullptr) options.file_sha256 = {digest, 64};
  const auto model = copse::ImportModel({bytes, size}, options);
  if (!model.ok()) {
    last_text = model.error().message;
    last_code = static_cast<std::int32_t>(model.error().code);
    return last_code;
  }
  last_file = copse::WriteModel(*model);
  return 0;
}

/// The model file, until the next call.
const std::uint8_t* copse_file() { return last_file.data(); }
std::size_t copse_file_size() { return last_file.size(); }

/// UTF-8, not terminated; until the next call.
const char* copse_text() { return last_text.data(); }
std::size_t copse_text_size() { return last_text.size(); }

/// ErrorCode of the last refusal.
std::int32_t copse_error_code() { return last_code; }

}  // extern "C"
