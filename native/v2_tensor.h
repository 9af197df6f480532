#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "copse/result.h"

/// Tensors of the Open Inference Protocol: their types, shapes and elements, from JSON or from
/// bytes. Pure functions; thread-safe.
namespace copse {

enum class Datatype : std::uint8_t {
  kBool,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kFp16,
  kFp32,
  kFp64,
  kBytes,
};
/// "BOOL" ... "BYTES", exactly as the protocol writes them; nothing for any other text.
std::optional<Datatype> DatatypeFromName(std::string_view name);
std::string_view DatatypeName(Datatype datatype);
/// Bytes of one element in binary data; 0 for BYTES, whose elements have a length each.
std::size_t DatatypeBytes(Datatype datatype);

/// `[2,4]`.
std::string ShapeText(std::span<const std::uint64_t> shape);
/// The product of the dimensions: 1 for none, 0 if one is 0 and the others do not overflow.
/// Nothing if it, or it times eight bytes, does not fit in 64 bits.
std::optional<std::uint64_t> ElementCount(std::span<const std::uint64_t> shape);

/// Elements as JSON has them, before their type is known, in the order they were written. Takes
/// nine bytes an element, and texts together.
class JsonElements {
 public:
  void AddNull() { Add(Kind::kNull, 0); }
  void AddBool(bool truth) { Add(Kind::kBool, truth ? 1 : 0); }
  void AddInteger(std::int64_t number);
  void AddUnsigned(std::uint64_t number) { Add(Kind::kUnsigned, number); }
  /// A number with a point or an exponent, or a whole one that fits in no 64 bits. `text` as sent.
  void AddFloat(double number, std::string_view text);
  void AddText(std::string_view text);

  std::size_t size() const { return kinds_.size(); }

 private:
  friend class JsonElementReader;
  enum class Kind : std::uint8_t { kNull, kBool, kNegative, kUnsigned, kFloat, kHuge, kText };

  void Add(Kind kind, std::uint64_t bits) {
    kinds_.push_back(kind);
    bits_.push_back(bits);
  }

  std::vector<Kind> kinds_;
  std::vector<std::uint64_t> bits_;  ///< of a text: where it ends in texts_
  std::string texts_;
};

/// Why an element cannot be used: its position, and the end of a sentence that starts with what it
/// is called: `is 300; UINT8 takes whole numbers from 0 to 255`.
struct ElementError {
  std::size_t index = 0;
  std::string why;
  std::string value;  ///< as sent, as far as it can be said
};

/// Elements as numbers, NaN where JSON has null. `out` has one place an element.
///
/// Every element is what its type can hold, or it is refused: whole numbers in their range,
/// `true` and `false` for BOOL alone, null for FP alone. FP32 is rounded to float and may not
/// become infinite. Whole numbers that no double holds exactly (beyond 2^53) are refused and not
/// rounded. FP16 must not be asked for (JSON has none), nor BYTES.
std::optional<ElementError> NumbersFromJson(const JsonElements& elements, Datatype datatype,
                                            std::span<double> out);

/// The same of little-endian bytes, DatatypeBytes() each: `bytes` has as many as `out` needs. NaN
/// and infinities are taken as they are; a BOOL is 0 or 1.
std::optional<ElementError> NumbersFromBytes(std::string_view bytes, Datatype datatype,
                                             std::span<double> out);

/// Receives the texts of a BYTES tensor in order; nothing is null. False ends it.
using TextUse = std::function<bool(std::size_t index, std::optional<std::string_view> text)>;
/// Calls `use` for each; an element that is neither text nor null is refused.
std::optional<ElementError> TextsFromJson(const JsonElements& elements, const TextUse& use);
/// The same of elements with four bytes of length before each. `n` of them must fill `bytes`.
/// Errors: kInvalidInput, as the end of a sentence about the tensor.
Status TextsFromBytes(std::string_view bytes, std::uint64_t n, const TextUse& use);

/// The double of an IEEE binary16 number, exactly.
double DoubleFromHalf(std::uint16_t bits);

/// Appends the eight little-endian bytes of a number.
void AppendBytes(std::string& bytes, double number);
void AppendBytes(std::string& bytes, std::int64_t number);
/// Appends a BYTES element: its length in four bytes, and it.
void AppendBytes(std::string& bytes, std::string_view text);

}  // namespace copse
