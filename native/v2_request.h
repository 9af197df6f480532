#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "blame.h"
#include "copse/result.h"
#include "v2_tensor.h"

/// Inference requests of the Open Inference Protocol: from the bytes of a body to inputs and
/// outputs, before any model is asked. Pure functions; thread-safe.
namespace copse {

/// One tensor that was sent.
struct InferInput {
  std::string name;
  Datatype datatype = Datatype::kFp64;
  std::vector<std::uint64_t> shape;
  std::uint64_t n_elements = 0;  ///< the product of `shape`
  bool is_binary = false;
  JsonElements elements;   ///< unless is_binary: n_elements of them
  std::string_view bytes;  ///< if is_binary: of the body; the right size, but for BYTES
};

/// One tensor that is asked for.
struct InferOutput {
  std::string name;
  std::optional<bool> is_binary;           ///< parameters.binary_data
  std::optional<std::uint64_t> n_classes;  ///< parameters.classification, at least 1
};

struct InferRequest {
  std::optional<std::string> id;
  bool binary_outputs = false;  ///< what outputs are that do not say
  std::vector<InferInput> inputs;
  std::vector<InferOutput> outputs;  ///< empty: whatever the server gives
};

/// The request that `body` is: JSON, and if `header_length` (Inference-Header-Content-Length) says
/// so, the bytes of binary inputs behind that many bytes of JSON.
///
/// Data is flat, or nested as the shape says. Members that the protocol does not know are ignored,
/// and so are parameters but for those above, `triton_*` (reserved) and shared memory (refused).
/// Memory is bounded by the body; at most 65,536 inputs, 64 outputs and 64 dimensions. The views of
/// the request are of `body`. Errors: kInvalidInput, one sentence; `blame` learns the tensor or
/// member.
Result<InferRequest> ParseInferRequest(std::string_view body,
                                       std::optional<std::string_view> header_length, Blame& blame);

/// The number that an Inference-Header-Content-Length field is, at most `n_body_bytes`.
/// Errors: kInvalidInput.
Result<std::size_t> ParseHeaderLength(std::string_view field, std::size_t n_body_bytes);

/// Brackets of a request that may be open at once.
inline constexpr std::size_t kInferNestingMax = 100;

}  // namespace copse
