#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "text.h"

/// Protocol buffers' wire format, read lazily: a message is the bytes that it stands in, and
/// nothing is copied before it is asked for. Source: protobuf.dev, "Encoding".
namespace copse::importer::onnx {

using Bytes = std::span<const std::uint8_t>;

/// One field as it stands in a message.
struct Field {
  enum Type : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

  std::uint32_t number = 0;
  std::uint8_t type = kVarint;
  std::uint64_t value = 0;  ///< of kVarint, and the bits of kFixed64 and kFixed32
  Bytes bytes;              ///< of kBytes

  std::string_view text() const;
  bool Is(std::uint32_t n, Type t) const { return number == n && type == t; }
};

/// Goes through the fields of one message.
///
///   for (Field field; wire.Next(field);) ...
///   if (wire.is_damaged()) return Damaged(...);
///
/// Damage is a varint of more than ten bytes, a length past the end, a group, field number 0.
class Wire {
 public:
  explicit Wire(Bytes bytes) : bytes_(bytes) {}

  bool Next(Field& field);
  bool is_damaged() const { return is_damaged_; }
  /// Number and type of the last field that began, as they stand in the file.
  std::uint64_t last_key() const { return key_; }

 private:
  bool ReadVarint(std::uint64_t& value);
  bool ReadFixed(std::size_t n_bytes, std::uint64_t& value);
  bool ReadValue(Field& field);

  Bytes bytes_;  // what is left
  std::uint64_t key_ = 0;
  bool is_damaged_ = false;
};

/// Numbers of the repeated field `number` in `message`, packed or one by one or both. They are
/// counted before memory is taken. False: the message is damaged.
bool ReadInts(Bytes message, std::uint32_t number, std::vector<std::int64_t>& values);
bool ReadFloats(Bytes message, std::uint32_t number, std::vector<double>& values);
bool ReadDoubles(Bytes message, std::uint32_t number, std::vector<double>& values);
bool ReadTexts(Bytes message, std::uint32_t number, std::vector<std::string_view>& values);

/// Varints in a packed run.
std::size_t CountVarints(Bytes packed);
/// The float or double in `bits`.
double FloatOf(std::uint32_t bits);
double DoubleOf(std::uint64_t bits);
/// Little-endian number in the first `n_bytes` of `bytes`, which has them.
std::uint64_t LittleEndian(Bytes bytes, std::size_t n_bytes);

}  // namespace copse::importer::onnx
