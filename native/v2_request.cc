#include "v2_request.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <unordered_set>
#include <utility>

#include "utf8.h"
#include "v2_request_json.h"

namespace copse {
namespace {

constexpr std::string_view kLengthField = "Inference-Header-Content-Length";

Error Refuse(std::string message) { return {ErrorCode::kInvalidInput, std::move(message)}; }

std::string Named(const InferInput& input) { return "input " + Shown(input.name); }

// The dimensions that count: [1,4] and [4] hold the same elements in the same order.
std::vector<std::uint64_t> WithoutOnes(std::vector<std::uint64_t> shape) {
  shape.erase(std::remove(shape.begin(), shape.end(), 1U), shape.end());
  return shape;
}

Status CheckElements(const InputDraft& draft) {
  const InferInput& input = draft.input;
  if (input.datatype == Datatype::kFp16) {
    return Refuse(Named(input) +
                  ": FP16 cannot be sent as JSON; FP32, FP64 or binary data was "
                  "expected");
  }
  const std::size_t n = input.elements.size();
  if (n != input.n_elements) {
    return Refuse(Named(input) + ": data has " + std::to_string(n) + " elements; shape " +
                  ShapeText(input.shape) + " has " + std::to_string(input.n_elements));
  }
  const std::vector<std::uint64_t> lengths = draft.lists.Lengths();
  if (lengths.size() > 1 &&
      (!draft.lists.is_regular() || (n > 0 && WithoutOnes(lengths) != WithoutOnes(input.shape)))) {
    return Refuse(Named(input) + ": data is nested in another way than shape " +
                  ShapeText(input.shape) + " says");
  }
  return Ok{};
}

// A text is preceded by its length.
constexpr std::uint64_t kTextBytesMin = 4;

Status CheckBinarySize(const InputDraft& draft) {
  const InferInput& input = draft.input;
  const std::size_t element_bytes = DatatypeBytes(input.datatype);
  const std::uint64_t expected = input.n_elements * element_bytes;  // ElementCount left room
  if (element_bytes == 0 && *draft.binary_size / kTextBytesMin < input.n_elements) {
    return Refuse(Named(input) + " has an unexpected size: binary_data_size is " +
                  std::to_string(*draft.binary_size) + " bytes; " + ShapeText(input.shape) +
                  " of BYTES has at least " + std::to_string(kTextBytesMin) + " for each element");
  }
  if (element_bytes == 0 || *draft.binary_size == expected) return Ok{};
  return Refuse(Named(input) + " has an unexpected size: binary_data_size is " +
                std::to_string(*draft.binary_size) + " bytes; " + ShapeText(input.shape) + " of " +
                std::string(DatatypeName(input.datatype)) + " has " + std::to_string(expected));
}

Status CheckInput(InputDraft& draft) {
  InferInput& input = draft.input;
  if (!draft.has_datatype) return Refuse(Named(input) + " has no datatype");
  if (!draft.has_shape) return Refuse(Named(input) + " has no shape");
  const auto count = ElementCount(input.shape);
  if (!count) {
    return Refuse(Named(input) + ": shape " + ShapeText(input.shape) +
                  " has more elements than 64 bits can count");
  }
  input.n_elements = *count;
  if (draft.has_data && draft.binary_size) {
    return Refuse(Named(input) + " has both data and binary_data_size; one of them was expected");
  }
  if (!draft.has_data && !draft.binary_size) {
    return Refuse(Named(input) + " has neither data nor binary_data_size");
  }
  input.is_binary = draft.binary_size.has_value();
  return input.is_binary ? CheckBinarySize(draft) : CheckElements(draft);
}

// Gives the inputs their bytes, in the order of the JSON.
Status TakeBytes(InferDraft& draft, std::string_view bytes, bool has_length) {
  for (InputDraft& draft_input : draft.inputs) {
    InferInput& input = draft_input.input;
    if (!input.is_binary) continue;
    const std::uint64_t size = *draft_input.binary_size;
    if (!has_length) {
      return Refuse(Named(input) + " has binary_data_size, but the request has no field " +
                    std::string(kLengthField) + " that says where binary data begins");
    }
    if (bytes.size() < size) {
      return Refuse(Named(input) + " has an unexpected size: binary_data_size is " +
                    std::to_string(size) + " bytes, and " + std::to_string(bytes.size()) +
                    " are left of the body");
    }
    input.bytes = bytes.substr(0, size);
    bytes.remove_prefix(size);
  }
  if (bytes.empty()) return Ok{};
  return Refuse("unexpected additional input data: " + std::to_string(bytes.size()) +
                " bytes follow the last input");
}

// Names that are missing or come twice.
Status CheckNames(const InferDraft& draft, Blame& blame) {
  std::unordered_set<std::string_view> names;
  for (const InputDraft& input : draft.inputs) {
    if (!input.has_name) return Refuse("an input has no name");
    if (names.insert(input.input.name).second) continue;
    blame = BlameOn(input.input.name);
    return Refuse(Named(input.input) + " is given twice");
  }
  names.clear();
  for (const InferOutput& output : draft.request.outputs) {
    if (output.name.empty()) return Refuse("an output has no name");
    if (names.insert(output.name).second) continue;
    blame = BlameOn(output.name);
    return Refuse("output " + Shown(output.name) + " is asked for twice");
  }
  return Ok{};
}

}  // namespace

Result<std::size_t> ParseHeaderLength(std::string_view field, std::size_t n_body_bytes) {
  std::uint64_t length = 0;
  const char* const end = field.data() + field.size();
  const auto [stop, failure] = std::from_chars(field.data(), end, length);
  const std::string said = std::string(kLengthField) + " is " + Shown(field);
  if (failure == std::errc::invalid_argument || stop != end) {
    return Refuse(said + "; a number of bytes was expected");
  }
  if (failure != std::errc() || length > std::numeric_limits<std::int32_t>::max()) {
    return Refuse(said + ", which is too large");
  }
  if (length > n_body_bytes) {
    return Refuse(said + ", but the body has only " + std::to_string(n_body_bytes) + " bytes");
  }
  return static_cast<std::size_t>(length);
}

Result<InferRequest> ParseInferRequest(std::string_view body,
                                       std::optional<std::string_view> header_length,
                                       Blame& blame) {
  std::size_t json_bytes = body.size();
  if (header_length) {
    const auto length = ParseHeaderLength(*header_length, body.size());
    if (!length.ok()) {
      blame = BlameOn(kLengthField, *header_length);
      return length.error();
    }
    json_bytes = *length;
  }
  auto draft = ParseInferJson(body.substr(0, json_bytes), blame);
  if (!draft.ok()) return draft.error();
  if (draft->inputs.empty()) {
    blame = BlameOn("inputs");
    return Refuse(draft->has_inputs ? "inputs is empty; one or more were expected"
                                    : "the request has no inputs");
  }
  if (const Status names = CheckNames(*draft, blame); !names.ok()) return names.error();
  for (InputDraft& input : draft->inputs) {
    const Status checked = CheckInput(input);
    if (checked.ok()) continue;
    blame = BlameOn(input.input.name);
    return checked.error();
  }
  const Status taken = TakeBytes(*draft, body.substr(json_bytes), header_length.has_value());
  if (!taken.ok()) return taken.error();
  InferRequest request = std::move(draft->request);
  request.inputs.reserve(draft->inputs.size());
  for (InputDraft& input : draft->inputs) request.inputs.push_back(std::move(input.input));
  return request;
}

}  // namespace copse
