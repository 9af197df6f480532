#include "safetensors.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "copse/limits.h"
#include "json_fields.h"
#include "text.h"

namespace copse {
namespace {

using text::Flaw;

struct DtypeRow {
  std::string_view name;
  std::size_t bytes;
  Dtype dtype;
};
constexpr std::array<DtypeRow, 15> kDtypes = {{{"U8", 1, Dtype::kU8},
                                               {"U16", 2, Dtype::kU16},
                                               {"U32", 4, Dtype::kU32},
                                               {"I32", 4, Dtype::kI32},
                                               {"F32", 4, Dtype::kF32},
                                               {"F64", 8, Dtype::kF64},
                                               {"BOOL", 1, Dtype::kOther},
                                               {"I8", 1, Dtype::kOther},
                                               {"F8_E5M2", 1, Dtype::kOther},
                                               {"F8_E4M3", 1, Dtype::kOther},
                                               {"I16", 2, Dtype::kOther},
                                               {"F16", 2, Dtype::kOther},
                                               {"BF16", 2, Dtype::kOther},
                                               {"I64", 8, Dtype::kOther},
                                               {"U64", 8, Dtype::kOther}}};

constexpr std::size_t kLengthBytes = 8;
constexpr std::uint64_t kNoProduct = std::numeric_limits<std::uint64_t>::max();

std::uint64_t LoadLength(std::span<const std::uint8_t> bytes) {
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) length |= std::uint64_t{bytes[i]} << (8 * i);
  return length;
}

/// a * b, or kNoProduct where that needs more than 64 bits.
std::uint64_t Multiply(std::uint64_t a, std::uint64_t b) {
  return b != 0 && a > kNoProduct / b ? kNoProduct : a * b;
}

Result<std::string_view> FindHeader(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < kLengthBytes) {
    return text::Invalid({"the file has ", bytes.size(),
                          " bytes, and a safetensors file starts with 8 bytes of header length"});
  }
  const std::uint64_t length = LoadLength(bytes);
  const std::uint64_t rest = bytes.size() - kLengthBytes;
  if (length < 2)
    return text::Invalid({"the header length is ", length, ", less than \"{}\" takes"});
  if (length > rest) {
    return text::Invalid({"the header length is ", length, ", but only ", rest,
                          " bytes follow it; this is no safetensors file, or it is cut short"});
  }
  if (length > limits::kHeaderBytesMax) {
    return text::TooLarge(
        {"the header length is ", length, ", more than ", limits::kHeaderBytesMax});
  }
  const std::string_view header(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes,
                                static_cast<std::size_t>(length));
  if (header[0] != '{') {
    return text::Invalid(
        {"the header starts with ", text::Quote(header.substr(0, 1)), " where \"{\" must be"});
  }
  return header;
}

Result<std::map<std::string, std::string>> ReadMetadata(json::Value value) {
  if (!value.is(json::Kind::kObject)) {
    return text::Invalid({"__metadata__ is ", value.Describe(), ", not an object of strings"});
  }
  std::map<std::string, std::string> metadata;
  for (auto member = value.First(); member; member = member->Next()) {
    const auto text = member->AsString();
    if (!text) {
      return text::Invalid({"metadata key ", text::Quote(member->key()), " is ", member->Describe(),
                            ", not a string"});
    }
    metadata.emplace(member->key(), *text);
  }
  return metadata;
}

Result<std::vector<std::uint64_t>> ReadNumbers(json::Value entry, std::string_view key,
                                               const std::string& tensor) {
  const auto list = entry.Find(key);
  if (!list || !list->is(json::Kind::kArray)) {
    return text::Invalid({"tensor ", tensor, " needs ", key, ", a list of whole numbers"});
  }
  std::vector<std::uint64_t> numbers;
  numbers.reserve(list->size());
  for (auto item = list->First(); item; item = item->Next()) {
    const auto number = item->AsUnsigned();
    if (!number) {
      return text::Invalid({key, "[", numbers.size(), "] of tensor ", tensor, " is ",
                            item->Describe(), ", not a whole number from 0 to 2^64 - 1"});
    }
    numbers.push_back(*number);
  }
  return numbers;
}

Result<Dtype> ReadDtype(json::Value entry, const std::string& tensor) {
  const auto field = entry.Find("dtype");
  if (!field) return text::Invalid({"tensor ", tensor, " has no dtype"});
  for (const DtypeRow& row : kDtypes) {
    if (field->AsString() == row.name) return row.dtype;
  }
  return text::Invalid(
      {"tensor ", tensor, " has dtype ", field->Describe(), ", which is not a known one"});
}

std::size_t ItemBytes(json::Value entry) {
  const auto name = *entry.Find("dtype")->AsString();
  return std::find_if(kDtypes.begin(), kDtypes.end(),
                      [&](const auto& row) { return row.name == name; })
      ->bytes;
}

Flaw CheckKeys(json::Value entry, const std::string& tensor) {
  for (auto member = entry.First(); member; member = member->Next()) {
    const std::string_view key = member->key();
    if (key != "dtype" && key != "shape" && key != "data_offsets") {
      return text::Invalid({"tensor ", tensor, " has the unknown key ", text::Quote(key)});
    }
  }
  return {};
}

Result<Tensor> ReadTensor(json::Value entry, std::span<const std::uint8_t> buffer) {
  const std::string name = text::Quote(entry.key());
  if (!entry.is(json::Kind::kObject)) {
    return text::Invalid({"tensor ", name, " is ", entry.Describe(), ", not an object"});
  }
  if (auto flaw = CheckKeys(entry, name)) return *flaw;
  auto dtype = ReadDtype(entry, name);
  if (!dtype.ok()) return dtype.error();
  auto shape = ReadNumbers(entry, "shape", name);
  if (!shape.ok()) return shape.error();
  auto offsets = ReadNumbers(entry, "data_offsets", name);
  if (!offsets.ok()) return offsets.error();

  if (offsets->size() != 2) {
    return text::Invalid({"data_offsets of tensor ", name, " has ", offsets->size(),
                          " numbers, not a begin and an end"});
  }
  const std::uint64_t begin = (*offsets)[0];
  const std::uint64_t end = (*offsets)[1];
  if (begin > end || end > buffer.size()) {
    return text::Invalid({"data_offsets of tensor ", name, " are ", begin, " and ", end,
                          ", outside the ", buffer.size(), " bytes of data"});
  }
  std::uint64_t bytes = ItemBytes(entry);
  for (const std::uint64_t extent : *shape) {
    bytes = bytes == kNoProduct ? kNoProduct : Multiply(bytes, extent);
  }
  if (bytes == kNoProduct)
    return text::Invalid({"the shape of tensor ", name, " overflows 64 bits"});
  if (bytes != end - begin) {
    return text::Invalid({"tensor ", name, " takes ", bytes, " bytes by dtype and shape, but ",
                          end - begin, " by data_offsets"});
  }
  return Tensor{std::string(entry.key()), *dtype, std::move(*shape),
                buffer.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(bytes))};
}

/// The tensors must cover the data in their order, without hole or overlap.
Flaw CheckCover(const std::vector<Tensor>& tensors, std::span<const std::uint8_t> buffer) {
  std::ptrdiff_t covered = 0;
  for (const Tensor& tensor : tensors) {
    const std::ptrdiff_t begin = tensor.data.data() - buffer.data();
    if (begin != covered) {
      return text::Invalid({"tensor ", text::Quote(tensor.name), " begins at byte ", begin,
                            " of the data, and the one before it ends at ", covered,
                            ": there must be no hole, no overlap and no other order"});
    }
    covered += static_cast<std::ptrdiff_t>(tensor.data.size());
  }
  if (static_cast<std::size_t>(covered) != buffer.size()) {
    return text::Invalid(
        {"the tensors end at byte ", covered, " of the data, which has ", buffer.size()});
  }
  return {};
}

}  // namespace

std::string_view DtypeName(Dtype dtype) {
  const auto* row = std::find_if(kDtypes.begin(), kDtypes.end(),
                                 [&](const DtypeRow& known) { return known.dtype == dtype; });
  return dtype == Dtype::kOther ? "another dtype" : row->name;
}

std::size_t DtypeBytes(Dtype dtype) {
  return std::find_if(kDtypes.begin(), kDtypes.end(),
                      [&](const DtypeRow& known) { return known.dtype == dtype; })
      ->bytes;
}

Result<Container> ReadContainer(std::span<const std::uint8_t> bytes) {
  auto header = FindHeader(bytes);
  if (!header.ok()) return header.error();
  auto document = json::Document::Parse(*header, "the header");
  if (!document.ok()) return document.error();

  Container container;
  container.header = *header;
  const auto buffer = bytes.subspan(kLengthBytes + header->size());
  const json::Value root = document->root();
  for (auto member = root.First(); member; member = member->Next()) {
    if (member->key() == "__metadata__") {
      auto metadata = ReadMetadata(*member);
      if (!metadata.ok()) return metadata.error();
      container.metadata = std::move(*metadata);
      continue;
    }
    auto tensor = ReadTensor(*member, buffer);
    if (!tensor.ok()) return tensor.error();
    container.tensors.push_back(std::move(*tensor));
  }
  if (auto flaw = CheckCover(container.tensors, buffer)) return *flaw;
  return container;
}

}  // namespace copse
