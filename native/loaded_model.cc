#include "loaded_model.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "copse/model_file.h"
#include "copse/sha256.h"
#include "decompress.h"
#include "file_bytes.h"
#include "foreign_file.h"
#include "utf8.h"

namespace copse {
namespace {

constexpr std::size_t kNameMax = 64;
constexpr std::size_t kVersionDigits = 12;
constexpr std::size_t kPathShownMax = 200;
constexpr std::array<std::string_view, 7> kCompressedSuffixes = {"gz",  "bz2", "xz",  "lzma",
                                                                 "lz4", "z",   "zlib"};
constexpr std::array<std::string_view, 9> kModelSuffixes = {
    "safetensors", "pkl", "pickle", "joblib", "json", "ubj", "txt", "onnx", "model"};

struct Spec {
  std::string name, path;
};

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= kNameMax && name[0] != '.' && name[0] != '-' &&
         std::all_of(name.begin(), name.end(), IsNameCharacter);
}

// Takes the suffix off, unless nothing would be left. Returns it.
std::string TakeSuffix(std::string& name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string::npos || dot == 0) return "";
  std::string suffix = name.substr(dot + 1);
  name.resize(dot);
  return suffix;
}

bool IsAmong(std::string_view suffix, std::span<const std::string_view> suffixes) {
  return std::find(suffixes.begin(), suffixes.end(), suffix) != suffixes.end();
}

// NAME=FILE, unless the text before `=` looks like a part of a path.
Result<Spec> ParseSpec(const std::string& spec) {
  const std::size_t equals = spec.find('=');
  if (equals == std::string::npos || spec.find('/') < equals || access(spec.c_str(), F_OK) == 0) {
    return Spec{ModelNameOf(spec), spec};
  }
  Spec parts{spec.substr(0, equals), spec.substr(equals + 1)};
  if (!IsName(parts.name)) {
    return Error{ErrorCode::kInvalidInput,
                 "the model name " + Shown(parts.name) +
                     " cannot be part of an address; 1 to 64 of A-Z a-z 0-9 . _ - were expected"};
  }
  return parts;
}

// A message that starts with the path, and of a long path with its end, so that there is room for
// what is wrong. A terminal obeys nothing in a file's name.
Error Refuse(const std::string& path, const Error& error) {
  if (path == "-") return {error.code, "standard input: " + error.message};
  const bool is_long = path.size() > kPathShownMax;
  const std::string end = is_long ? path.substr(path.size() - kPathShownMax) : path;
  const std::string quoted = Shown(end, kPathShownMax);
  const std::string shown = quoted.substr(1, quoted.size() - 2);
  return {error.code, (is_long ? "..." : "") + shown + ": " + error.message};
}

using Bytes = std::span<const std::uint8_t>;

bool IsText(SourceKind kind) {
  return kind == SourceKind::kXgboostJson || kind == SourceKind::kLightgbm ||
         kind == SourceKind::kCatboostJson;
}

// What starts like JSON may turn out to be a model further on; everything else is known by
// its first bytes, and what is known as nothing is refused with the importers' sentence.
Status CheckHead(Bytes head) {
  const SourceKind kind = SourceKindOf(head);
  const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
  if (const auto what = ForeignFile(text)) return Error{ErrorCode::kUnsupportedModel, *what};
  const std::size_t zero = IsText(kind) ? text.find('\0') : std::string_view::npos;
  if (zero != std::string_view::npos) {  // a download that broke off, in a file made in advance
    return Error{ErrorCode::kInvalidModel,
                 "the file is damaged: byte " + std::to_string(zero) + " of its text is a zero"};
  }
  if (kind != SourceKind::kUnknown) return Ok{};
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const bool is_whole = head.size() < kHeadBytes;
  if (!is_whole && first != std::string_view::npos && text[first] == '{') return Ok{};
  auto refused = ImportModel(head);
  if (refused.ok()) return Ok{};
  return refused.error();
}

// The same of what comes out of a compressed file.
Status CheckInnerHead(Bytes head) {
  if (SourceKindOf(head) == SourceKind::kCompressed) {
    return Error{ErrorCode::kUnsupportedModel,
                 "this is a compressed file that holds a compressed file again (" +
                     std::string(CompressionName(CompressionOf(head))) +
                     "); decompress it once, and give the result"};
  }
  return CheckHead(head);
}

// A file, and what it holds once it is decompressed.
struct Contents {
  FileBytes file;
  std::vector<std::uint8_t> inner;  // of a compressed file
  Compression compression = Compression::kNone;

  Bytes model() const { return compression == Compression::kNone ? file.span() : Bytes(inner); }
};

Result<Contents> ReadContents(const std::string& path, FileBytes::Hold hold) {
  auto file = FileBytes::Read(path, CheckHead, hold);
  if (!file.ok()) return file.error();
  Contents contents{*std::move(file), {}, Compression::kNone};
  const Bytes bytes = contents.file.span();
  if (SourceKindOf(bytes) != SourceKind::kCompressed) return contents;
  contents.compression = CompressionOf(bytes);
  auto inner = Decompress(contents.compression, bytes, CheckInnerHead);
  if (!inner.ok()) return inner.error();
  contents.inner = *std::move(inner);
  return contents;
}

// The model, and in `bytes` the file of it in our format. Lets go of what was read before that is
// written: a large model is never held three times.
Result<Model> ReadOrImport(Contents contents, SourceKind kind, const ImportOptions& options,
                           std::vector<std::uint8_t>& bytes) {
  const bool is_ours = kind == SourceKind::kCopse;
  ImportOptions with_file = options;
  if (contents.compression != Compression::kNone) with_file.file = contents.file.span();
  auto model = is_ours ? ReadModel(contents.model()) : ImportModel(contents.model(), with_file);
  if (!model.ok()) return model.error();
  if (is_ours && contents.compression == Compression::kNone) {
    bytes = std::move(contents.file).Take();
  } else if (is_ours) {
    bytes = std::move(contents.inner);
  }
  if (!contents.file.unchanged()) {
    return Error{ErrorCode::kInvalidModel, "the file was changed while it was read; try again"};
  }
  contents = {};
  if (!is_ours) bytes = WriteModel(*model);
  return model;
}

struct KindName {
  std::string_view name, text;
};
// In the order of SourceKind.
constexpr std::array<KindName, 9> kKindNames = {{
    {"copse", "our own format"},
    {"pickle", "a Python pickle"},
    {"xgboost-json", "XGBoost JSON"},
    {"xgboost-ubjson", "XGBoost UBJSON"},
    {"lightgbm", "LightGBM text"},
    {"onnx", "ONNX"},
    {"catboost-json", "CatBoost JSON"},
    {"compressed", "a compressed file"},
    {"unknown", "unknown"},
}};
static_assert(static_cast<std::size_t>(SourceKind::kUnknown) + 1 == kKindNames.size());

}  // namespace

Result<std::shared_ptr<const LoadedModel>> LoadModel(const std::string& spec,
                                                     const ImportOptions& options,
                                                     LoadFor purpose) {
  auto parts = ParseSpec(spec);
  if (!parts.ok()) return parts.error();
  auto contents =
      ReadContents(parts->path, purpose == LoadFor::kServing ? FileBytes::Hold::kCopy
                                                             : FileBytes::Hold::kMapLarge);
  if (!contents.ok()) return Refuse(parts->path, contents.error());
  const SourceKind kind = SourceKindOf(contents->model());
  const Compression compression = contents->compression;
  const std::uint64_t file_bytes = contents->file.span().size();
  std::vector<std::uint8_t> bytes;
  auto model = ReadOrImport(*std::move(contents), kind, options, bytes);
  if (!model.ok()) return Refuse(parts->path, model.error());
  if (purpose != LoadFor::kLooking) model->Compile();
  std::string sha256 = Sha256Hex(bytes);
  std::string version = sha256.substr(0, kVersionDigits);
  return std::shared_ptr<const LoadedModel>(new LoadedModel{
      std::move(parts->name), std::move(version), std::move(sha256), std::move(parts->path),
      *std::move(model), std::move(bytes), kind, compression, file_bytes});
}

bool IsModelName(std::string_view name) { return IsName(name); }

std::string ModelPathOf(const std::string& spec) {
  const auto parts = ParseSpec(spec);
  return parts.ok() ? parts->path : spec;
}

std::string NameOfSpec(const std::string& spec) {
  const auto parts = ParseSpec(spec);
  return parts.ok() ? parts->name : ModelNameOf(spec);
}

std::string ModelNameOf(std::string_view path) {
  if (path == "-") return "model";
  std::string name(path.substr(path.rfind('/') + 1));
  if (IsAmong(TakeSuffix(name), kCompressedSuffixes)) {
    std::string inner = name;
    if (IsAmong(TakeSuffix(inner), kModelSuffixes)) name = inner;
  }
  if (name.size() > kNameMax) name.resize(kNameMax);
  for (char& c : name) {
    if (!IsNameCharacter(c)) c = '_';
  }
  if (!name.empty() && (name[0] == '.' || name[0] == '-')) name[0] = '_';
  return name.empty() ? "model" : name;
}

std::string_view SourceKindName(SourceKind kind) {
  return kKindNames.at(static_cast<std::size_t>(kind)).name;
}

std::string FileKindText(const LoadedModel& loaded) {
  std::string text(kKindNames.at(static_cast<std::size_t>(loaded.kind)).text);
  if (loaded.compression != Compression::kNone) {
    text += ", compressed by " + std::string(CompressionName(loaded.compression));
  }
  return text;
}

std::vector<std::string> WarningsOf(const Model& model) {
  std::vector<std::string> warnings;
  const auto found = model.metadata().find("warnings");
  if (found == model.metadata().end()) return warnings;
  const auto list = nlohmann::json::parse(found->second, nullptr, false);
  if (!list.is_array()) return warnings;
  for (const auto& item : list) {
    if (item.is_string()) warnings.push_back(item.get_ref<const std::string&>());
  }
  return warnings;
}

}  // namespace copse
