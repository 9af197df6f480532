#include "copse/import.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "copse/sha256.h"
#include "onnx/onnx.h"
#include "pickle/pickle.h"
#include "sources.h"

namespace copse {
namespace {

using importer::Bytes;

std::string_view View(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Our format begins with the length of its header, which begins with a brace.
bool IsCopse(std::string_view head) {
  if (head.size() < 9 || head[8] != '{') return false;
  return head[4] == 0 && head[5] == 0 && head[6] == 0 && head[7] == 0;
}

// Keys of the top level that only one of the libraries writes. A cheap look: where they stand is
// for the importer to find out.
SourceKind JsonKindOf(std::string_view text) {
  const auto has = [&](std::string_view key) { return text.find(key) != std::string_view::npos; };
  if (has("\"learner\"")) return SourceKind::kXgboostJson;
  const bool is_catboost = has("\"oblivious_trees\"") || has("\"features_info\"");
  return is_catboost ? SourceKind::kCatboostJson : SourceKind::kUnknown;
}

// `{` and a key with its length in front: UBJSON writes no quotes.
bool IsUbjson(std::string_view head) {
  constexpr std::string_view kMarkers = "iUIlL$#";
  return head.size() > 2 && head[0] == '{' && kMarkers.find(head[1]) != std::string_view::npos;
}

bool IsLightgbm(std::string_view head) {
  return head.starts_with("tree\n") || head.starts_with("tree\r\n");
}

struct Magic {
  std::string_view bytes;
  Compression compression;
};
constexpr std::array<Magic, 5> kMagics = {{
    {{"\x1f\x8b", 2}, Compression::kGzip},
    {"BZh", Compression::kBzip2},
    {{"\xfd"
      "7zXZ\0",
      6},
     Compression::kXz},
    {{"\x5d\0\0", 3}, Compression::kLzma},
    {{"\x04\x22\x4d\x18", 4}, Compression::kLz4},
}};

// RFC 1950: 32 KiB window, deflate, no dictionary, and a check of both bytes together.
bool IsZlib(std::string_view head) {
  if (head.size() < 2 || head[0] != '\x78') return false;
  const unsigned first = 0x78;
  const auto second = static_cast<unsigned char>(head[1]);
  return (second & 0x20) == 0 && (first * 256 + second) % 31 == 0;
}

}  // namespace

Compression CompressionOf(Bytes bytes) {
  const std::string_view head = View(bytes);
  for (const Magic& magic : kMagics) {
    if (head.starts_with(magic.bytes)) return magic.compression;
  }
  return IsZlib(head) ? Compression::kZlib : Compression::kNone;
}

std::uint64_t DecompressedBytesMax(std::uint64_t n_bytes) {
  // Forests of a few rows repeated shrink a hundredfold, others tenfold.
  constexpr std::uint64_t kAlways = std::uint64_t{16} << 20;
  constexpr std::uint64_t kRatio = 200;
  constexpr std::uint64_t kEver = std::uint64_t{4} << 30;
  return std::min(kEver, std::max(kAlways, n_bytes * kRatio));
}

SourceKind SourceKindOf(Bytes bytes) {
  const std::string_view head = View(bytes);
  if (IsCopse(head)) return SourceKind::kCopse;
  if (CompressionOf(bytes) != Compression::kNone) return SourceKind::kCompressed;
  if (importer::pickle::LooksLikePickle(bytes)) return SourceKind::kPickle;
  if (IsLightgbm(head)) return SourceKind::kLightgbm;
  if (IsUbjson(head)) return SourceKind::kXgboostUbjson;
  const auto first = std::find_if_not(head.begin(), head.end(), IsSpace);
  if (first != head.end() && *first == '{') return JsonKindOf(head);
  return importer::LooksLikeOnnx(bytes) ? SourceKind::kOnnx : SourceKind::kUnknown;
}

Result<Model> ImportModel(Bytes bytes, const ImportOptions& options) {
  auto imported = importer::ImportKind(SourceKindOf(bytes), bytes, options);
  if (!imported.ok()) return imported.error();
  if (!options.file_sha256.empty()) {
    return importer::Finish(*std::move(imported), std::string(options.file_sha256));
  }
  return importer::Finish(*std::move(imported),
                          Sha256Hex(options.file.empty() ? bytes : options.file));
}

}  // namespace copse
