#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "v2_request.h"

namespace copse {

/// How nested lists of elements are, as far as they are regular.
class ListShape {
 public:
  /// A list begins or ends, or an element stands, inside `depth` lists (1: in the outermost).
  void Begin(std::size_t depth);
  void End(std::size_t depth);
  void Element(std::size_t depth);

  /// All lists of a depth have one length, and all elements stand at one depth.
  bool is_regular() const {
    return regular_ && element_depth_.value_or(levels_.size()) == levels_.size();
  }
  /// The lengths, the outermost first; of a flat list one.
  std::vector<std::uint64_t> Lengths() const;

 private:
  struct Level {
    std::uint64_t n_now = 0;                ///< of the list that is open
    std::optional<std::uint64_t> n_before;  ///< of those that ended
  };

  std::vector<Level> levels_;
  std::optional<std::size_t> element_depth_;
  bool regular_ = true;
};

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
