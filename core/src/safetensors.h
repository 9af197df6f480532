#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "copse/result.h"

/// The container alone: rule 1 of docs/FORMAT.md. Knows nothing of forests.
/// Source: github.com/huggingface/safetensors, README.md "Format".
namespace copse {

/// The safetensors dtypes that the vocabulary uses; the others are kOther.
enum class Dtype : std::uint8_t { kU8, kU16, kU32, kI32, kF32, kF64, kOther };
std::string_view DtypeName(Dtype dtype);
std::size_t DtypeBytes(Dtype dtype);

struct Tensor {
  std::string name;
  Dtype dtype = Dtype::kOther;
  std::vector<std::uint64_t> shape;  ///< its product times the item size is data.size()
  std::span<const std::uint8_t> data;
};

struct Container {
  std::map<std::string, std::string> metadata;
  std::vector<Tensor> tensors;  ///< in data order; their `data` points into the file
  std::string_view header;      ///< the header's bytes in the file
};

/// Checks the container completely. The result refers to `bytes`.
/// Errors: kInvalidModel, and kTooLarge for a header past limits::kHeaderBytesMax.
Result<Container> ReadContainer(std::span<const std::uint8_t> bytes);

}  // namespace copse
