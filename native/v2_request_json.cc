#include "v2_request_json.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "json_syntax.h"
#include "number_text.h"
#include "utf8.h"

namespace copse {
namespace {

using nlohmann::json;

// Members of lists that may be short in JSON and are not in memory.
constexpr std::size_t kInputsMax = std::size_t{1} << 16;
constexpr std::size_t kOutputsMax = 64;
constexpr std::size_t kDimensionsMax = 64;

// A value that is no list and no object.
struct Scalar {
  enum class Kind { kNull, kBool, kNegative, kUnsigned, kFloat, kText };
  Kind kind = Kind::kNull;
  bool truth = false;
  std::int64_t negative = 0;
  std::uint64_t whole = 0;
  double number = 0;
  std::string_view text = {};  // of a text; of kFloat as sent

  std::string Said() const {
    switch (kind) {
      case Kind::kNull:
        return "null";
      case Kind::kBool:
        return truth ? "true" : "false";
      case Kind::kNegative:
        return std::to_string(negative);
      case Kind::kUnsigned:
        return std::to_string(whole);
      case Kind::kFloat:
        return std::string(text.substr(0, 40));
      case Kind::kText:
        break;
    }
    return "the text " + Shown(text);
  }
};

// Receives the text's tokens one by one and stops at the first that cannot be used.
class InferHandler : public nlohmann::json_sax<json> {
 public:
  explicit InferHandler(Blame& blame) : blame_(blame) {}

  bool null() override { return Add({}); }
  bool boolean(bool truth) override { return Add({.kind = Scalar::Kind::kBool, .truth = truth}); }
  bool number_integer(std::int64_t number) override {
    return Add({.kind = Scalar::Kind::kNegative, .negative = number});
  }
  bool number_unsigned(std::uint64_t number) override {
    return Add({.kind = Scalar::Kind::kUnsigned, .whole = number});
  }
  bool number_float(double number, const std::string& text) override {
    return Add({.kind = Scalar::Kind::kFloat, .number = number, .text = text});
  }
  bool string(std::string& text) override {
    return Add({.kind = Scalar::Kind::kText, .text = text});
  }
  bool binary(json::binary_t&) override { return Fail("binary is not JSON"); }

  bool start_object(std::size_t) override {
    switch (Where()) {
      case At::kStart:
        return Enter(At::kRoot);
      case At::kInputs:
        if (draft_.inputs.size() == kInputsMax) return FailMany("inputs", kInputsMax);
        draft_.inputs.emplace_back();
        return Enter(At::kInput);
      case At::kOutputs:
        if (draft_.request.outputs.size() == kOutputsMax) return FailMany("outputs", kOutputsMax);
        draft_.request.outputs.emplace_back();
        return Enter(At::kOutput);
      case At::kShape:
      case At::kData:
        return FailKind("an object");
      default:
        break;
    }
    if (key_ != "parameters" && IsKnown(key_)) return FailKind("an object");
    if (key_ == "parameters" && Where() == At::kRoot) return Enter(At::kRootParameters);
    if (key_ == "parameters" && Where() == At::kInput) return Enter(At::kInputParameters);
    if (key_ == "parameters" && Where() == At::kOutput) return Enter(At::kOutputParameters);
    return Enter(At::kSkipped);
  }

  bool start_array(std::size_t) override {
    const At where = Where();
    if (where == At::kData) return EnterData();
    if (where == At::kSkipped) return Enter(At::kSkipped);
    if (where == At::kStart || where == At::kInputs || where == At::kOutputs ||
        where == At::kShape) {
      return FailKind("a list");
    }
    if (where == At::kRoot && key_ == "inputs") {
      draft_.has_inputs = true;
      return Enter(At::kInputs);
    }
    if (where == At::kRoot && key_ == "outputs") return Enter(At::kOutputs);
    if (where == At::kInput && key_ == "shape") {
      Input().has_shape = true;
      return Enter(At::kShape);
    }
    if (where == At::kInput && key_ == "data") {
      Input().has_data = true;
      return EnterData();
    }
    return IsKnown(key_) ? FailKind("a list") : Enter(At::kSkipped);
  }

  bool end_object() override {
    stack_.pop_back();
    return true;
  }
  bool end_array() override {
    if (Where() == At::kData) Input().lists.End(data_depth_--);
    stack_.pop_back();
    return true;
  }

  bool key(std::string& name) override {
    key_ = name;
    if (Where() == At::kSkipped) return true;
    // Of an object's members only those that count are remembered.
    if (!IsKnown(key_)) {
      if (Where() == At::kRootParameters && key_.starts_with("triton_")) {
        return Fail(BlameOn(key_), "parameters: " + Shown(key_) + " is reserved");
      }
      return true;
    }
    auto& given = stack_.back().given;
    for (const std::string& before : given) {
      if (before == key_) return Fail(BlameOn(key_), Named() + " is given twice");
    }
    given.push_back(key_);
    return true;
  }

  bool parse_error(std::size_t byte, const std::string& token, const json::exception&) override {
    const auto number = ParseNumber(token);
    if (number && std::isinf(*number) && token.find_first_of("iI") == std::string::npos) {
      return Fail(BlameOn(key_, token),
                  Named() + " has " + Shown(token) + ", which is too large for a number");
    }
    if (!error_) error_ = JsonSyntaxError(byte, token);
    return false;
  }

  Result<InferDraft> Take() && {
    if (error_) return *std::move(error_);
    return std::move(draft_);
  }

 private:
  enum class At {
    kStart,
    kRoot,
    kRootParameters,
    kInputs,
    kInput,
    kInputParameters,
    kShape,
    kData,
    kOutputs,
    kOutput,
    kOutputParameters,
    kSkipped,  // in what nobody asked for
  };
  struct Frame {
    At at;
    std::vector<std::string> given;  // known members that have come
  };

  At Where() const { return stack_.empty() ? At::kStart : stack_.back().at; }
  InputDraft& Input() { return draft_.inputs.back(); }

  // Members that mean something where we are.
  bool IsKnown(std::string_view name) const {
    switch (Where()) {
      case At::kRoot:
        return name == "id" || name == "parameters" || name == "inputs" || name == "outputs";
      case At::kRootParameters:
        return name == "binary_data_output";
      case At::kInput:
        return name == "name" || name == "shape" || name == "datatype" || name == "data" ||
               name == "parameters";
      case At::kInputParameters:
        return name == "binary_data_size" || name == "shared_memory_region";
      case At::kOutput:
        return name == "name" || name == "parameters";
      case At::kOutputParameters:
        return name == "binary_data" || name == "classification" || name == "shared_memory_region";
      default:
        return false;
    }
  }

  bool Enter(At at) {
    if (stack_.size() >= kInferNestingMax) {
      return Fail("the request is nested deeper than " + std::to_string(kInferNestingMax) +
                  " brackets");
    }
    stack_.push_back({at, {}});
    return true;
  }

  bool EnterData() {
    if (!Enter(At::kData)) return false;
    Input().lists.Begin(++data_depth_);
    return true;
  }

  bool Add(const Scalar& value) {
    switch (Where()) {
      case At::kStart:
      case At::kInputs:
      case At::kOutputs:
        return FailKind(value.Said());
      case At::kShape:
        if (value.kind != Scalar::Kind::kUnsigned) {
          return Fail(BlameOn(Input().input.name, value.Said()),
                      Named() + " has " + value.Said() + "; whole numbers from 0 were expected");
        }
        if (Input().input.shape.size() == kDimensionsMax) {
          return FailMany("dimensions of a shape", kDimensionsMax);
        }
        Input().input.shape.push_back(value.whole);
        return true;
      case At::kData:
        return TakeElement(value);
      case At::kSkipped:
        return true;
      default:
        return TakeMember(value);
    }
  }

  bool TakeElement(const Scalar& value) {
    Input().lists.Element(data_depth_);
    JsonElements& elements = Input().input.elements;
    switch (value.kind) {
      case Scalar::Kind::kNull:
        elements.AddNull();
        break;
      case Scalar::Kind::kBool:
        elements.AddBool(value.truth);
        break;
      case Scalar::Kind::kNegative:
        elements.AddInteger(value.negative);
        break;
      case Scalar::Kind::kUnsigned:
        elements.AddUnsigned(value.whole);
        break;
      case Scalar::Kind::kFloat:
        elements.AddFloat(value.number, value.text);
        break;
      case Scalar::Kind::kText:
        elements.AddText(value.text);
        break;
    }
    return true;
  }

  bool TakeMember(const Scalar& value) {
    if (!IsKnown(key_)) return true;
    if (key_ == "shared_memory_region") {
      return Fail(BlameOn(key_), Named() + ": this server offers no shared memory");
    }
    const bool is_text = value.kind == Scalar::Kind::kText;
    const At where = Where();
    // Some clients write what they leave out.
    const bool is_null = value.kind == Scalar::Kind::kNull;
    if (is_null && (key_ == "parameters" || key_ == "outputs")) return true;
    if (where == At::kRoot && key_ == "id") {
      if (!is_text) return FailKind(value.Said());
      draft_.request.id = std::string(value.text);
    } else if (key_ == "name") {
      if (!is_text || value.text.empty()) return FailKind(value.Said());
      if (where == At::kOutput) {
        draft_.request.outputs.back().name = value.text;
      } else {
        Input().input.name = value.text;
        Input().has_name = true;
      }
    } else if (key_ == "datatype") {
      const auto datatype = is_text ? DatatypeFromName(value.text) : std::nullopt;
      if (!datatype) return FailKind(value.Said());
      Input().input.datatype = *datatype;
      Input().has_datatype = true;
    } else if (key_ == "binary_data_size" || key_ == "classification") {
      return TakeCount(value);
    } else if (key_ == "binary_data" || key_ == "binary_data_output") {
      if (value.kind != Scalar::Kind::kBool) return FailKind(value.Said());
      if (where == At::kOutputParameters) {
        draft_.request.outputs.back().is_binary = value.truth;
      } else {
        draft_.request.binary_outputs = value.truth;
      }
    } else {
      return FailKind(value.Said());
    }
    return true;
  }

  bool TakeCount(const Scalar& value) {
    const bool is_count = value.kind == Scalar::Kind::kUnsigned;
    const bool is_classes = key_ == "classification";
    if (!is_count || (is_classes && value.whole == 0)) return FailKind(value.Said());
    if (is_classes) {
      draft_.request.outputs.back().n_classes = value.whole;
    } else {
      Input().binary_size = value.whole;
    }
    return true;
  }

  // What messages call the value that comes next.
  std::string Named() const {
    switch (Where()) {
      case At::kStart:
        return "the request";
      case At::kInputs:
        return "inputs";
      case At::kOutputs:
        return "outputs";
      case At::kShape:
      case At::kData:
        return OfTensor("input", draft_.inputs.size(), draft_.inputs.back().input.name) +
               (Where() == At::kShape ? "shape" : "data");
      case At::kInput:
      case At::kInputParameters:
        return OfTensor("input", draft_.inputs.size(), draft_.inputs.back().input.name) + key_;
      case At::kOutput:
      case At::kOutputParameters:
        return OfTensor("output", draft_.request.outputs.size(),
                        draft_.request.outputs.back().name) +
               key_;
      default:
        return key_.empty() ? "the request" : Shown(key_);
    }
  }

  static std::string OfTensor(const std::string& kind, std::size_t number,
                              const std::string& name) {
    return kind + " " + (name.empty() ? std::to_string(number) : Shown(name)) + ": ";
  }

  std::string Expected() const {
    switch (Where()) {
      case At::kStart:
        return "an object with the member inputs";
      case At::kInputs:
      case At::kOutputs:
        return "objects";
      case At::kShape:
        return "whole numbers from 0";
      case At::kData:
        return "elements or lists of them";
      default:
        break;
    }
    if (key_ == "id") return "a text";
    if (key_ == "name") return "a text that is not empty";
    if (key_ == "parameters") return "an object";
    if (key_ == "binary_data_size") return "a number of bytes";
    if (key_ == "classification") return "a whole number from 1";
    if (key_ == "binary_data" || key_ == "binary_data_output") return "true or false";
    if (key_ == "datatype") {
      return "BOOL, UINT8, UINT16, UINT32, UINT64, INT8, INT16, INT32, INT64, FP16, FP32, FP64 or "
             "BYTES";
    }
    return "a list";
  }

  bool FailMany(const std::string& what, std::size_t n_max) {
    return Fail("there are more than " + std::to_string(n_max) + " " + what);
  }
  bool FailKind(const std::string& what) {
    return Fail(BlameOn(key_, what), Named() + " is " + what + "; " + Expected() + " was expected");
  }
  bool Fail(const std::string& why) { return Fail(Blame{}, why); }
  bool Fail(Blame blame, const std::string& why) {
    if (error_) return false;
    error_ = Error{ErrorCode::kInvalidInput, why};
    blame_ = std::move(blame);
    return false;
  }

  Blame& blame_;
  InferDraft draft_;
  std::vector<Frame> stack_;
  std::string key_;
  std::size_t data_depth_ = 0;
  std::optional<Error> error_;
};

}  // namespace

Result<InferDraft> ParseInferJson(std::string_view text, Blame& blame) {
  InferHandler handler(blame);
  json::sax_parse(text.begin(), text.end(), &handler);
  return std::move(handler).Take();
}

}  // namespace copse
