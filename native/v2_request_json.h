#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "list_shape.h"
#include "v2_request.h"

namespace copse {

/// An input as JSON describes it: what may be missing, and what has not been checked together.
struct InputDraft {
  InferInput input;
  bool has_name = false, has_datatype = false, has_shape = false, has_data = false;
  std::optional<std::uint64_t> binary_size;  ///< parameters.binary_data_size
  ListShape lists;                           ///< of `data`
};

struct InferDraft {
  InferRequest request;  ///< without its inputs
  std::vector<InputDraft> inputs;
  bool has_inputs = false;
};

/// Reads the JSON of a request; what it says is checked value by value, not as a whole.
Result<InferDraft> ParseInferJson(std::string_view text, Blame& blame);

}  // namespace copse
