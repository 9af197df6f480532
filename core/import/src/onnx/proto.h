#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "copse/result.h"
#include "onnx/wire.h"

/// The messages of onnx.proto, as far as an ensemble of trees needs them. Everything is a view of
/// the file; lists are bounded before they are made. Source: onnx/onnx.proto.
namespace copse::importer::onnx {

/// TensorProto.DataType, and what AttributeProto and TypeProto use of it.
enum class ElementType : std::uint8_t {
  kNone = 0,
  kFloat = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kDouble = 11,
  kUint32 = 12,
  kUint64 = 13,
  kOther = 255,
};

ElementType TypeOf(std::uint64_t number);

struct Attribute {
  std::string_view name;
  Bytes body;
};

struct Node {
  std::string_view op, domain;
  std::vector<std::string_view> inputs, outputs;
  std::vector<Attribute> attributes;

  /// Its body, or nothing. Of two with one name, the first.
  std::optional<Bytes> Find(std::string_view name) const;
};

/// A named tensor that comes in or goes out.
struct ValueInfo {
  std::string_view name;
  bool is_tensor = false;  ///< else a sequence or a map
  ElementType type = ElementType::kNone;
  std::vector<std::int64_t> dims;  ///< -1 where the file does not say
};

struct Tensor {
  std::string_view name;
  ElementType type = ElementType::kNone;
  std::vector<std::int64_t> dims;
  std::uint64_t size = 0;  ///< product of dims, 1 of none
  Bytes body;
};

struct Graph {
  std::vector<Node> nodes;
  std::vector<ValueInfo> inputs, outputs;
  std::vector<Tensor> initializers;
};

struct ModelFile {
  std::int64_t ir_version = 0;
  std::int64_t default_opset = 0, ml_opset = 0;  ///< 0: not imported
  std::string_view producer, producer_version;
  Graph graph;
};

/// Reads the frame of a model; of its numbers nothing is read yet.
/// Errors: kInvalidModel (where it is damaged), kTooLarge.
Result<ModelFile> ReadModelFile(Bytes file);

/// TensorProto. Errors: kInvalidModel, and kUnsupportedModel for data in another file.
Result<Tensor> ReadTensor(Bytes message);

/// All elements, as doubles or whole numbers; a sentence with `what` in it else.
/// Errors: kInvalidModel where their number is not that of the shape, or the type is another.
Result<std::vector<double>> NumbersOf(const Tensor& tensor, std::string_view what);
Result<std::vector<std::int64_t>> IntsOf(const Tensor& tensor, std::string_view what);
Result<std::vector<std::string_view>> TextsOf(const Tensor& tensor, std::string_view what);

/// Attributes of a node. An absent list is empty. Errors: kInvalidModel, naming the attribute.
Result<std::vector<std::int64_t>> IntsAttribute(const Node& node, std::string_view name);
Result<std::vector<double>> FloatsAttribute(const Node& node, std::string_view name);
Result<std::vector<std::string_view>> TextsAttribute(const Node& node, std::string_view name);
Result<std::optional<Tensor>> TensorAttribute(const Node& node, std::string_view name);
/// The list that must have `expected` elements, which are counted before memory is taken.
text::Flaw ReadIntsAttribute(const Node& node, std::string_view name, std::size_t expected,
                             std::vector<std::int64_t>& list);
/// What is said of a list that has not; the list stands behind the operator's name.
Error WrongLength(const Node& node, std::string_view list, std::size_t length,
                  std::size_t expected);
/// Single values; `absent` where the node has no such attribute.
std::int64_t IntAttribute(const Node& node, std::string_view name, std::int64_t absent);
double FloatAttribute(const Node& node, std::string_view name, double absent);
std::string_view TextAttribute(const Node& node, std::string_view name, std::string_view absent);

}  // namespace copse::importer::onnx
