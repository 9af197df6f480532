#include "v2_tensor.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "prediction_text.h"
#include "utf8.h"

namespace copse {
namespace {

static_assert(std::endian::native == std::endian::little, "binary tensors are little-endian");

struct DatatypeFacts {
  std::string_view name;
  std::size_t n_bytes;
};
// In the order of Datatype.
constexpr std::array<DatatypeFacts, 13> kDatatypes = {{{"BOOL", 1},
                                                       {"UINT8", 1},
                                                       {"UINT16", 2},
                                                       {"UINT32", 4},
                                                       {"UINT64", 8},
                                                       {"INT8", 1},
                                                       {"INT16", 2},
                                                       {"INT32", 4},
                                                       {"INT64", 8},
                                                       {"FP16", 2},
                                                       {"FP32", 4},
                                                       {"FP64", 8},
                                                       {"BYTES", 0}}};

const DatatypeFacts& FactsOf(Datatype datatype) {
  return kDatatypes.at(static_cast<std::size_t>(datatype));
}

// Of the integer types.
bool IsSigned(Datatype datatype) { return datatype >= Datatype::kInt8; }
std::uint64_t LargestOf(Datatype datatype) {
  const std::size_t bits = 8 * DatatypeBytes(datatype) - (IsSigned(datatype) ? 1 : 0);
  return std::numeric_limits<std::uint64_t>::max() >> (64 - bits);
}

std::string Range(Datatype datatype) {
  const std::uint64_t max = LargestOf(datatype);
  const std::string min = IsSigned(datatype) ? "-" + std::to_string(max + 1) : "0";
  return std::string(DatatypeName(datatype)) + " takes whole numbers from " + min + " to " +
         std::to_string(max);
}

bool IsFloating(Datatype datatype) {
  return datatype == Datatype::kFp16 || datatype == Datatype::kFp32 || datatype == Datatype::kFp64;
}

// The number as a double if that is exactly it.
template <class Integer>
std::optional<double> Exact(Integer number) {
  const auto wide = static_cast<double>(number);
  // 2^64 and 2^63 are doubles, but no Integer: converting them back would be undefined.
  constexpr double kEnd = std::is_signed_v<Integer> ? 0x1p63 : 0x1p64;
  if (wide >= kEnd || static_cast<Integer>(wide) != number) return std::nullopt;
  return wide;
}

ElementError Inexact(std::size_t index, const std::string& value) {
  return {index, "is " + value + ", which no double holds exactly; it would be rounded", value};
}

template <class Number>
Number Load(std::string_view bytes, std::size_t index) {
  Number number;
  std::memcpy(&number, bytes.data() + index * sizeof(Number), sizeof(Number));
  return number;
}

// `out` from elements that are Numbers, each made a double by `convert`.
template <class Number, class Convert>
std::optional<ElementError> FromBytes(std::string_view bytes, std::span<double> out,
                                      Convert convert) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto number = Load<Number>(bytes, i);
    const std::optional<double> value = convert(number);
    if (!value) return Inexact(i, std::to_string(number));
    out[i] = *value;
  }
  return std::nullopt;
}

// Of types that every double can hold.
template <class Number>
std::optional<ElementError> FromBytes(std::string_view bytes, std::span<double> out) {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = Load<Number>(bytes, i);
  return std::nullopt;
}

std::optional<ElementError> BoolsFromBytes(std::string_view bytes, std::span<double> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    if (byte > 1) {
      return ElementError{i, "is the byte " + std::to_string(byte) + "; BOOL takes 0 and 1",
                          std::to_string(byte)};
    }
    out[i] = byte;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Datatype> DatatypeFromName(std::string_view name) {
  for (std::size_t i = 0; i < kDatatypes.size(); ++i) {
    if (kDatatypes.at(i).name == name) return static_cast<Datatype>(i);
  }
  return std::nullopt;
}

std::string_view DatatypeName(Datatype datatype) { return FactsOf(datatype).name; }

std::size_t DatatypeBytes(Datatype datatype) { return FactsOf(datatype).n_bytes; }

std::string ShapeText(std::span<const std::uint64_t> shape) {
  std::string text = "[";
  for (const std::uint64_t n : shape) text += (text.size() > 1 ? "," : "") + std::to_string(n);
  return text + "]";
}

std::optional<std::uint64_t> ElementCount(std::span<const std::uint64_t> shape) {
  // Zeros come last: the rest of the shape has to make sense too.
  std::uint64_t count = 1;
  for (const std::uint64_t n : shape) {
    if (n != 0 && __builtin_mul_overflow(count, n, &count)) return std::nullopt;
  }
  if (count > std::numeric_limits<std::uint64_t>::max() / sizeof(double)) return std::nullopt;
  return std::find(shape.begin(), shape.end(), 0U) == shape.end() ? count : 0;
}

void JsonElements::AddInteger(std::int64_t number) {
  Add(number < 0 ? Kind::kNegative : Kind::kUnsigned, static_cast<std::uint64_t>(number));
}

void JsonElements::AddFloat(double number, std::string_view text) {
  const bool is_whole = text.find_first_of(".eE") == std::string_view::npos;
  Add(is_whole ? Kind::kHuge : Kind::kFloat, std::bit_cast<std::uint64_t>(number));
}

void JsonElements::AddText(std::string_view text) {
  texts_ += text;
  Add(Kind::kText, texts_.size());
}

// Reads elements as numbers of a type.
class JsonElementReader {
 public:
  JsonElementReader(const JsonElements& elements, Datatype datatype)
      : elements_(elements), datatype_(datatype) {}

  // Nothing if the element is no such number; Explain says why.
  std::optional<double> Number(std::size_t i) const {
    const Kind kind = elements_.kinds_[i];
    if (datatype_ == Datatype::kBool) {
      return kind == Kind::kBool ? std::optional(static_cast<double>(Bits(i))) : std::nullopt;
    }
    if (IsFloating(datatype_)) return Floating(i);
    if (!IsInRange(i)) return std::nullopt;
    return kind == Kind::kNegative ? Exact(static_cast<std::int64_t>(Bits(i))) : Exact(Bits(i));
  }

  ElementError Explain(std::size_t i) const {
    const std::string value = Text(i);
    const Kind kind = elements_.kinds_[i];
    if (kind == Kind::kText) return {i, "is the text " + Shown(value) + "; " + Expected(), value};
    if (kind != Kind::kBool && kind != Kind::kNull) {
      if (IsFloating(datatype_)) return {i, "is " + value + ", which is too large for FP32", value};
      if (datatype_ != Datatype::kBool && IsInRange(i)) return Inexact(i, value);
    }
    return {i, "is " + value + "; " + Expected(), value};
  }

  std::optional<ElementError> Texts(const TextUse& use) const {
    std::size_t begin = 0;
    for (std::size_t i = 0; i < elements_.size(); ++i) {
      const Kind kind = elements_.kinds_[i];
      std::optional<std::string_view> text;
      if (kind == Kind::kText) {
        text = std::string_view(elements_.texts_).substr(begin, Bits(i) - begin);
        begin = Bits(i);
      } else if (kind != Kind::kNull) {
        const std::string value = Text(i);
        return ElementError{i, "is " + value + "; BYTES takes texts", value};
      }
      if (!use(i, text)) break;
    }
    return std::nullopt;
  }

  std::string Text(std::size_t i) const {
    switch (elements_.kinds_[i]) {
      case Kind::kNull:
        return "null";
      case Kind::kBool:
        return Bits(i) != 0 ? "true" : "false";
      case Kind::kNegative:
        return std::to_string(static_cast<std::int64_t>(Bits(i)));
      case Kind::kUnsigned:
        return std::to_string(Bits(i));
      case Kind::kFloat:
        return WithPoint(NumberText(std::bit_cast<double>(Bits(i))));
      case Kind::kHuge:
        return NumberText(std::bit_cast<double>(Bits(i)));
      case Kind::kText:
        break;
    }
    std::size_t begin = 0;  // where the text before it ends
    for (std::size_t before = i; before-- > 0 && begin == 0;) {
      if (elements_.kinds_[before] == Kind::kText) begin = elements_.bits_[before];
    }
    return elements_.texts_.substr(begin, Bits(i) - begin);
  }

 private:
  using Kind = JsonElements::Kind;

  // "1" was sent as 1.0, or as 1e0.
  static std::string WithPoint(std::string number) {
    return number.find_first_of(".en") == std::string::npos ? number + ".0" : number;
  }

  std::uint64_t Bits(std::size_t i) const { return elements_.bits_[i]; }

  std::string Expected() const {
    if (datatype_ == Datatype::kBool) return "BOOL takes true and false";
    if (IsFloating(datatype_)) return std::string(DatatypeName(datatype_)) + " takes numbers";
    return Range(datatype_);
  }

  // Whether the element is a whole number that the integer type holds.
  bool IsInRange(std::size_t i) const {
    const Kind kind = elements_.kinds_[i];
    if (kind != Kind::kUnsigned && kind != Kind::kNegative) return false;
    if (kind == Kind::kNegative && !IsSigned(datatype_)) return false;
    // -1 - x is what is left of a negative x when its sign is gone.
    return (kind == Kind::kNegative ? ~Bits(i) : Bits(i)) <= LargestOf(datatype_);
  }

  std::optional<double> Floating(std::size_t i) const {
    double number = 0;
    switch (elements_.kinds_[i]) {
      case Kind::kNull:
        return std::numeric_limits<double>::quiet_NaN();
      case Kind::kNegative:
        number = static_cast<double>(static_cast<std::int64_t>(Bits(i)));
        break;
      case Kind::kUnsigned:
        number = static_cast<double>(Bits(i));
        break;
      case Kind::kFloat:
      case Kind::kHuge:
        number = std::bit_cast<double>(Bits(i));
        break;
      case Kind::kBool:
      case Kind::kText:
        return std::nullopt;
    }
    if (datatype_ == Datatype::kFp64) return number;
    const auto narrow = static_cast<float>(number);
    return std::isinf(narrow) ? std::nullopt : std::optional<double>(narrow);
  }

  const JsonElements& elements_;
  Datatype datatype_;
};

std::optional<ElementError> NumbersFromJson(const JsonElements& elements, Datatype datatype,
                                            std::span<double> out) {
  const JsonElementReader reader(elements, datatype);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto number = reader.Number(i);
    if (!number) return reader.Explain(i);
    out[i] = *number;
  }
  return std::nullopt;
}

std::optional<ElementError> NumbersFromBytes(std::string_view bytes, Datatype datatype,
                                             std::span<double> out) {
  switch (datatype) {
    case Datatype::kBool:
      return BoolsFromBytes(bytes, out);
    case Datatype::kUint8:
      return FromBytes<std::uint8_t>(bytes, out);
    case Datatype::kUint16:
      return FromBytes<std::uint16_t>(bytes, out);
    case Datatype::kUint32:
      return FromBytes<std::uint32_t>(bytes, out);
    case Datatype::kUint64:
      return FromBytes<std::uint64_t>(bytes, out, Exact<std::uint64_t>);
    case Datatype::kInt8:
      return FromBytes<std::int8_t>(bytes, out);
    case Datatype::kInt16:
      return FromBytes<std::int16_t>(bytes, out);
    case Datatype::kInt32:
      return FromBytes<std::int32_t>(bytes, out);
    case Datatype::kInt64:
      return FromBytes<std::int64_t>(bytes, out, Exact<std::int64_t>);
    case Datatype::kFp16:
      return FromBytes<std::uint16_t>(
          bytes, out, [](std::uint16_t bits) { return std::optional(DoubleFromHalf(bits)); });
    case Datatype::kFp32:
      return FromBytes<float>(bytes, out);
    case Datatype::kFp64:
      return FromBytes<double>(bytes, out);
    case Datatype::kBytes:
      break;
  }
  return ElementError{0, "is text; a number was expected", {}};
}

std::optional<ElementError> TextsFromJson(const JsonElements& elements, const TextUse& use) {
  return JsonElementReader(elements, Datatype::kBytes).Texts(use);
}

Status TextsFromBytes(std::string_view bytes, std::uint64_t n, const TextUse& use) {
  constexpr std::size_t kLengthBytes = sizeof(std::uint32_t);
  for (std::size_t i = 0; i < n; ++i) {
    const bool has_length = bytes.size() >= kLengthBytes;
    const std::size_t length = has_length ? Load<std::uint32_t>(bytes, 0) : 0;
    if (!has_length || bytes.size() - kLengthBytes < length) {
      return Error{ErrorCode::kInvalidInput, "has an unexpected size: its data ends in element " +
                                                 std::to_string(i) + " of " + std::to_string(n)};
    }
    if (!use(i, bytes.substr(kLengthBytes, length))) return Ok{};
    bytes.remove_prefix(kLengthBytes + length);
  }
  if (bytes.empty()) return Ok{};
  return Error{ErrorCode::kInvalidInput, "has an unexpected size: " + std::to_string(bytes.size()) +
                                             " bytes follow its " + std::to_string(n) +
                                             " elements"};
}

double DoubleFromHalf(std::uint16_t bits) {
  const int exponent = bits >> 10 & 0x1f;
  const int fraction = bits & 0x3ff;
  double size = 0;
  if (exponent == 0x1f) {
    size = fraction != 0 ? std::numeric_limits<double>::quiet_NaN()
                         : std::numeric_limits<double>::infinity();
  } else if (exponent == 0) {
    size = std::ldexp(fraction, -24);
  } else {
    size = std::ldexp(fraction | 0x400, exponent - 25);
  }
  return (bits & 0x8000) != 0 ? -size : size;
}

namespace {

template <class Number>
void AppendRaw(std::string& bytes, Number number) {
  std::array<char, sizeof number> raw{};
  std::memcpy(raw.data(), &number, sizeof number);
  bytes.append(raw.data(), raw.size());
}

}  // namespace

void AppendBytes(std::string& bytes, double number) { AppendRaw(bytes, number); }

void AppendBytes(std::string& bytes, std::int64_t number) { AppendRaw(bytes, number); }

void AppendBytes(std::string& bytes, std::string_view text) {
  AppendRaw(bytes, static_cast<std::uint32_t>(text.size()));
  bytes += text;
}

}  // namespace copse
