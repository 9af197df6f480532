#include "onnx/proto.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace copse::importer::onnx {
namespace {

using text::Flaw;
using text::Invalid;
using text::Quote;

// A graph of trees has a dozen nodes and at most some thousand columns of one input each. The
// limits keep what a file of empty messages costs to a small multiple of its size.
constexpr std::size_t kNodesMax = 1 << 13;
constexpr std::size_t kNamesMax = 1 << 16;
constexpr std::size_t kValuesMax = 1 << 14;
constexpr std::size_t kAttributesMax = 1 << 14;
constexpr std::size_t kDimsMax = 16;

Error Damaged(std::string_view message) {
  return Invalid({"the ONNX file is damaged in a ", message});
}

Error TooMany(std::string_view what, std::size_t most) {
  return text::TooLarge({"the ONNX graph has more than ", most, " ", what});
}

/// Counts of everything that is made while the frame is read.
struct Budget {
  std::size_t names = 0, attributes = 0;
};

Flaw ReadAttribute(Bytes message, Attribute& attribute) {
  attribute.body = message;
  Wire wire(message);
  for (Field field; wire.Next(field);) {
    if (field.Is(1, Field::kBytes)) attribute.name = field.text();
  }
  return wire.is_damaged() ? Flaw(Damaged("AttributeProto")) : Flaw();
}

Flaw ReadNode(Bytes message, Budget& budget, Node& node) {
  Wire wire(message);
  for (Field field; wire.Next(field);) {
    if (field.type != Field::kBytes) continue;
    switch (field.number) {
      case 1:
      case 2:
        if (++budget.names > kNamesMax) return TooMany("names", kNamesMax);
        (field.number == 1 ? node.inputs : node.outputs).push_back(field.text());
        break;
      case 4:
        node.op = field.text();
        break;
      case 5: {
        if (++budget.attributes > kAttributesMax) return TooMany("attributes", kAttributesMax);
        node.attributes.emplace_back();
        if (auto flaw = ReadAttribute(field.bytes, node.attributes.back())) return flaw;
        break;
      }
      case 7:
        node.domain = field.text();
        break;
      default:
        break;
    }
  }
  return wire.is_damaged() ? Flaw(Damaged("NodeProto")) : Flaw();
}

// TensorShapeProto.Dimension
Flaw ReadDim(Bytes message, std::int64_t& dim) {
  Wire wire(message);
  for (Field field; wire.Next(field);) {
    if (field.Is(1, Field::kVarint)) dim = static_cast<std::int64_t>(field.value);
  }
  return wire.is_damaged() ? Flaw(Damaged("TensorShapeProto")) : Flaw();
}

Flaw ReadShape(Bytes message, std::vector<std::int64_t>& dims) {
  Wire wire(message);
  for (Field field; wire.Next(field);) {
    if (!field.Is(1, Field::kBytes)) continue;
    if (dims.size() >= kDimsMax) return TooMany("dimensions", kDimsMax);
    dims.push_back(-1);
    if (auto flaw = ReadDim(field.bytes, dims.back())) return flaw;
  }
  return wire.is_damaged() ? Flaw(Damaged("TensorShapeProto")) : Flaw();
}

// TypeProto.Tensor
Flaw ReadTensorType(Bytes message, ValueInfo& value) {
  Wire wire(message);
  for (Field field; wire.Next(field);) {
    if (field.Is(1, Field::kVarint)) value.type = TypeOf(field.value);
    if (!field.Is(2, Field::kBytes)) continue;
    if (auto flaw = ReadShape(field.bytes, value.dims)) return flaw;
  }
  return wire.is_damaged() ? Flaw(Damaged("TypeProto")) : Flaw();
}

Flaw ReadType(Bytes message, ValueInfo& value) {
  Wire wire(message);
  for (Field field; wire.Next(field);) {
    if (!field.Is(1, Field::kBytes)) continue;
    value.is_tensor = true;
    if (auto flaw = ReadTensorType(field.bytes, value)) return flaw;
  }
  return wire.is_damaged() ? Flaw(Damaged("TypeProto")) : Flaw();
}

Flaw ReadValueInfo(Bytes message, ValueInfo& value) {
  Wire wire(message);
  for (Field field; wire.Next(field);) {
    if (field.Is(1, Field::kBytes)) value.name = field.text();
    if (!field.Is(2, Field::kBytes)) continue;
    if (auto flaw = ReadType(field.bytes, value)) return flaw;
  }
  return wire.is_damaged() ? Flaw(Damaged("ValueInfoProto")) : Flaw();
}

Flaw AppendValue(Bytes message, std::vector<ValueInfo>& values) {
  if (values.size() >= kValuesMax) return TooMany("inputs or outputs", kValuesMax);
  values.emplace_back();
  return ReadValueInfo(message, values.back());
}

Flaw AppendInitializer(Bytes message, std::vector<Tensor>& tensors) {
  if (tensors.size() >= kValuesMax) return TooMany("initializers", kValuesMax);
  auto tensor = ReadTensor(message);
  if (!tensor.ok()) return tensor.error();
  tensors.push_back(std::move(*tensor));
  return {};
}

Flaw ReadGraph(Bytes message, Graph& graph) {
  Budget budget;
  Wire wire(message);
  for (Field field; wire.Next(field);) {
    if (field.type != Field::kBytes) continue;
    Flaw flaw;
    switch (field.number) {
      case 1:
        if (graph.nodes.size() >= kNodesMax) return TooMany("nodes", kNodesMax);
        graph.nodes.emplace_back();
        flaw = ReadNode(field.bytes, budget, graph.nodes.back());
        break;
      case 5:
        flaw = AppendInitializer(field.bytes, graph.initializers);
        break;
      case 11:
        flaw = AppendValue(field.bytes, graph.inputs);
        break;
      case 12:
        flaw = AppendValue(field.bytes, graph.outputs);
        break;
      default:
        break;
    }
    if (flaw) return flaw;
  }
  return wire.is_damaged() ? Flaw(Damaged("GraphProto")) : Flaw();
}

Flaw ReadOpset(Bytes message, ModelFile& file) {
  std::string_view domain;
  std::int64_t version = 0;
  Wire wire(message);
  for (Field field; wire.Next(field);) {
    if (field.Is(1, Field::kBytes)) domain = field.text();
    if (field.Is(2, Field::kVarint)) version = static_cast<std::int64_t>(field.value);
  }
  if (wire.is_damaged()) return Damaged("OperatorSetIdProto");
  if (domain.empty() || domain == "ai.onnx") {
    file.default_opset = std::max(file.default_opset, version);
  }
  if (domain == "ai.onnx.ml") file.ml_opset = std::max(file.ml_opset, version);
  return {};
}

// Bytes that one element takes in raw_data; 0 of types without numbers.
std::size_t BytesOf(ElementType type) {
  switch (type) {
    case ElementType::kUint8:
    case ElementType::kInt8:
    case ElementType::kBool:
      return 1;
    case ElementType::kUint16:
    case ElementType::kInt16:
      return 2;
    case ElementType::kFloat:
    case ElementType::kInt32:
    case ElementType::kUint32:
      return 4;
    case ElementType::kDouble:
    case ElementType::kInt64:
    case ElementType::kUint64:
      return 8;
    default:
      return 0;
  }
}

// The field of TensorProto that holds elements of the type.
std::uint32_t DataField(ElementType type) {
  switch (type) {
    case ElementType::kFloat:
      return 4;
    case ElementType::kInt64:
      return 7;
    case ElementType::kDouble:
      return 10;
    case ElementType::kUint32:
    case ElementType::kUint64:
      return 11;
    default:
      return 5;
  }
}

std::int64_t SignedOf(std::uint64_t bits, ElementType type) {
  const std::size_t unused = 64 - 8 * BytesOf(type);
  const bool is_signed = type == ElementType::kInt8 || type == ElementType::kInt16 ||
                         type == ElementType::kInt32 || type == ElementType::kInt64;
  return is_signed ? static_cast<std::int64_t>(bits << unused) >> unused
                   : static_cast<std::int64_t>(bits);
}

std::optional<Bytes> RawData(const Tensor& tensor) {
  std::optional<Bytes> raw;
  Wire wire(tensor.body);
  for (Field field; wire.Next(field);) {
    if (field.Is(9, Field::kBytes)) raw = field.bytes;
  }
  return raw;
}

bool IsReal(ElementType type) {
  return type == ElementType::kFloat || type == ElementType::kDouble;
}

Error WrongTensor(std::string_view what, const Tensor& tensor) {
  return Invalid({what, " does not hold the ", tensor.size, " elements that its shape promises"});
}

Error WrongAttribute(const Node& node, std::string_view name) {
  return Invalid({"attribute ", name, " of ", Quote(node.op), " is damaged"});
}

/// Elements of a list, which costs no memory.
std::size_t CountInts(const Node& node, std::string_view name) {
  std::size_t n = 0;
  Wire wire(node.Find(name).value_or(Bytes()));
  for (Field field; wire.Next(field);) {
    if (field.Is(8, Field::kVarint)) ++n;
    if (field.Is(8, Field::kBytes)) n += CountVarints(field.bytes);
  }
  return n;
}

}  // namespace

ElementType TypeOf(std::uint64_t number) {
  const bool is_known = number <= 9 || (number >= 11 && number <= 13);
  return is_known ? static_cast<ElementType>(number) : ElementType::kOther;
}

std::optional<Bytes> Node::Find(std::string_view name) const {
  for (const Attribute& attribute : attributes) {
    if (attribute.name == name) return attribute.body;
  }
  return std::nullopt;
}

Result<ModelFile> ReadModelFile(Bytes file) {
  ModelFile model;
  Wire wire(file);
  for (Field field; wire.Next(field);) {
    Flaw flaw;
    if (field.Is(1, Field::kVarint)) model.ir_version = static_cast<std::int64_t>(field.value);
    if (field.Is(2, Field::kBytes)) model.producer = field.text();
    if (field.Is(3, Field::kBytes)) model.producer_version = field.text();
    if (field.Is(7, Field::kBytes)) flaw = ReadGraph(field.bytes, model.graph);
    if (field.Is(8, Field::kBytes)) flaw = ReadOpset(field.bytes, model);
    if (flaw) return *flaw;
  }
  if (wire.is_damaged()) return Damaged("ModelProto, or it was cut off");
  return model;
}

Result<Tensor> ReadTensor(Bytes message) {
  Tensor tensor;
  tensor.body = message;
  Wire wire(message);
  for (Field field; wire.Next(field);) {
    if (field.Is(2, Field::kVarint)) tensor.type = TypeOf(field.value);
    if (field.Is(8, Field::kBytes)) tensor.name = field.text();
    if (field.Is(13, Field::kBytes) || (field.Is(14, Field::kVarint) && field.value != 0)) {
      return text::Unsupported(
          {"the ONNX model keeps a tensor in another file; save it as one file "
           "(onnx.save_model with save_as_external_data=False)"});
    }
  }
  if (wire.is_damaged() || !ReadInts(message, 1, tensor.dims)) return Damaged("TensorProto");
  tensor.size = 1;
  for (const std::int64_t dim : tensor.dims) {
    if (dim < 0 || dim > std::numeric_limits<std::int32_t>::max()) {
      return Invalid({"a tensor has the dimension ", dim});
    }
    tensor.size *= static_cast<std::uint64_t>(dim);
    // No tensor has more elements than its message has bits.
    if (tensor.size > std::uint64_t{message.size()} * 8) return WrongTensor("a tensor", tensor);
  }
  return tensor;
}

Result<std::vector<std::int64_t>> IntsOf(const Tensor& tensor, std::string_view what) {
  const std::size_t n_bytes = BytesOf(tensor.type);
  if (n_bytes == 0 || IsReal(tensor.type)) {
    return Invalid({what, " is not a tensor of whole numbers"});
  }
  std::vector<std::int64_t> values;
  if (const auto raw = RawData(tensor)) {
    if (raw->size() != tensor.size * n_bytes) return WrongTensor(what, tensor);
    values.reserve(static_cast<std::size_t>(tensor.size));
    for (Bytes rest = *raw; !rest.empty(); rest = rest.subspan(n_bytes)) {
      values.push_back(SignedOf(LittleEndian(rest, n_bytes), tensor.type));
    }
    return values;
  }
  const bool is_read = ReadInts(tensor.body, DataField(tensor.type), values);
  if (!is_read || values.size() != tensor.size) return WrongTensor(what, tensor);
  return values;
}

Result<std::vector<double>> NumbersOf(const Tensor& tensor, std::string_view what) {
  if (!IsReal(tensor.type)) {
    auto ints = IntsOf(tensor, what);
    if (!ints.ok()) return ints.error();
    return std::vector<double>(ints->begin(), ints->end());
  }
  const bool is_float = tensor.type == ElementType::kFloat;
  const std::size_t n_bytes = BytesOf(tensor.type);
  std::vector<double> values;
  if (const auto raw = RawData(tensor)) {
    if (raw->size() != tensor.size * n_bytes) return WrongTensor(what, tensor);
    values.reserve(static_cast<std::size_t>(tensor.size));
    for (Bytes rest = *raw; !rest.empty(); rest = rest.subspan(n_bytes)) {
      const std::uint64_t bits = LittleEndian(rest, n_bytes);
      values.push_back(is_float ? FloatOf(static_cast<std::uint32_t>(bits)) : DoubleOf(bits));
    }
    return values;
  }
  const std::uint32_t field = DataField(tensor.type);
  const bool is_read =
      is_float ? ReadFloats(tensor.body, field, values) : ReadDoubles(tensor.body, field, values);
  if (!is_read || values.size() != tensor.size) return WrongTensor(what, tensor);
  return values;
}

Result<std::vector<std::string_view>> TextsOf(const Tensor& tensor, std::string_view what) {
  std::vector<std::string_view> texts;
  if (tensor.type != ElementType::kString) return Invalid({what, " is not a tensor of texts"});
  if (!ReadTexts(tensor.body, 6, texts) || texts.size() != tensor.size) {
    return WrongTensor(what, tensor);
  }
  return texts;
}

Result<std::vector<std::int64_t>> IntsAttribute(const Node& node, std::string_view name) {
  std::vector<std::int64_t> values;
  const auto body = node.Find(name);
  if (body && !ReadInts(*body, 8, values)) return WrongAttribute(node, name);
  return values;
}

Error WrongLength(const Node& node, std::string_view list, std::size_t length,
                  std::size_t expected) {
  return Invalid(
      {node.op, ": ", list, " has ", length, " elements, and ", expected, " were expected"});
}

Flaw ReadIntsAttribute(const Node& node, std::string_view name, std::size_t expected,
                       std::vector<std::int64_t>& list) {
  const std::size_t n = CountInts(node, name);
  if (n != expected) return WrongLength(node, name, n, expected);
  auto values = IntsAttribute(node, name);
  if (!values.ok()) return values.error();
  list = std::move(*values);
  return {};
}

Result<std::vector<double>> FloatsAttribute(const Node& node, std::string_view name) {
  std::vector<double> values;
  const auto body = node.Find(name);
  if (body && !ReadFloats(*body, 7, values)) return WrongAttribute(node, name);
  return values;
}

Result<std::vector<std::string_view>> TextsAttribute(const Node& node, std::string_view name) {
  std::vector<std::string_view> values;
  const auto body = node.Find(name);
  if (body && !ReadTexts(*body, 9, values)) return WrongAttribute(node, name);
  return values;
}

std::int64_t IntAttribute(const Node& node, std::string_view name, std::int64_t absent) {
  const auto body = node.Find(name);
  if (!body) return absent;
  std::int64_t value = 0;
  Wire wire(*body);
  for (Field field; wire.Next(field);) {
    if (field.Is(3, Field::kVarint)) value = static_cast<std::int64_t>(field.value);
  }
  return value;
}

double FloatAttribute(const Node& node, std::string_view name, double absent) {
  const auto body = node.Find(name);
  if (!body) return absent;
  double value = 0;
  Wire wire(*body);
  for (Field field; wire.Next(field);) {
    if (field.Is(2, Field::kFixed32)) value = FloatOf(static_cast<std::uint32_t>(field.value));
  }
  return value;
}

std::string_view TextAttribute(const Node& node, std::string_view name, std::string_view absent) {
  const auto body = node.Find(name);
  if (!body) return absent;
  std::string_view value;
  Wire wire(*body);
  for (Field field; wire.Next(field);) {
    if (field.Is(4, Field::kBytes)) value = field.text();
  }
  return value;
}

Result<std::optional<Tensor>> TensorAttribute(const Node& node, std::string_view name) {
  const auto body = node.Find(name);
  if (!body) return std::optional<Tensor>();
  Wire wire(*body);
  for (Field field; wire.Next(field);) {
    if (!field.Is(5, Field::kBytes)) continue;
    auto tensor = ReadTensor(field.bytes);
    if (!tensor.ok()) return tensor.error();
    return std::optional<Tensor>(std::move(*tensor));
  }
  return std::optional<Tensor>();
}

}  // namespace copse::importer::onnx
