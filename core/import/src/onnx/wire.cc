#include "onnx/wire.h"

#include <algorithm>
#include <cstring>

namespace copse::importer::onnx {
namespace {

constexpr std::size_t kVarintBytesMax = 10;

// Calls `one` with every item of the repeated field `number`, and `many` with every packed run.
template <class One, class Many>
bool ForEach(Bytes message, std::uint32_t number, Field::Type item, One one, Many many) {
  Wire wire(message);
  for (Field field; wire.Next(field);) {
    if (field.Is(number, item)) one(field);
    if (field.Is(number, Field::kBytes) && !many(field.bytes)) return false;
  }
  return !wire.is_damaged();
}

template <class Convert>
bool ReadFixed(Bytes message, std::uint32_t number, Field::Type item, Convert convert,
               std::vector<double>& values) {
  const std::size_t n_bytes = item == Field::kFixed32 ? 4 : 8;
  std::size_t n = 0;
  const auto count_run = [&](Bytes run) {
    n += run.size() / n_bytes;
    return run.size() % n_bytes == 0;
  };
  if (!ForEach(
          message, number, item, [&](const Field&) { ++n; }, count_run))
    return false;
  values.clear();
  values.reserve(n);
  return ForEach(
      message, number, item, [&](const Field& field) { values.push_back(convert(field.value)); },
      [&](Bytes run) {
        for (; !run.empty(); run = run.subspan(n_bytes)) {
          values.push_back(convert(LittleEndian(run, n_bytes)));
        }
        return true;
      });
}

}  // namespace

std::string_view Field::text() const {
  // Bytes and characters are the same memory; a char may look at anything.
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::size_t CountVarints(Bytes packed) {
  return static_cast<std::size_t>(
      std::count_if(packed.begin(), packed.end(), [](std::uint8_t b) { return b < 0x80; }));
}

double FloatOf(std::uint32_t bits) {
  float x = 0;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

double DoubleOf(std::uint64_t bits) {
  double x = 0;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

std::uint64_t LittleEndian(Bytes bytes, std::size_t n_bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < n_bytes; ++i) value |= std::uint64_t{bytes[i]} << (8 * i);
  return value;
}

bool Wire::ReadVarint(std::uint64_t& value) {
  value = 0;
  const std::size_t n = std::min(bytes_.size(), kVarintBytesMax);
  for (std::size_t i = 0; i < n; ++i) {
    value |= std::uint64_t{bytes_[i] & 0x7fU} << (7 * i);
    if (bytes_[i] < 0x80) {
      bytes_ = bytes_.subspan(i + 1);
      return true;
    }
  }
  return false;
}

bool Wire::ReadFixed(std::size_t n_bytes, std::uint64_t& value) {
  if (bytes_.size() < n_bytes) return false;
  value = LittleEndian(bytes_, n_bytes);
  bytes_ = bytes_.subspan(n_bytes);
  return true;
}

bool Wire::ReadValue(Field& field) {
  switch (field.type) {
    case Field::kVarint:
      return ReadVarint(field.value);
    case Field::kFixed64:
      return ReadFixed(8, field.value);
    case Field::kFixed32:
      return ReadFixed(4, field.value);
    case Field::kBytes: {
      if (!ReadVarint(field.value) || field.value > bytes_.size()) return false;
      field.bytes = bytes_.first(static_cast<std::size_t>(field.value));
      bytes_ = bytes_.subspan(field.bytes.size());
      return true;
    }
    default:
      return false;  // groups are gone since proto3, and ONNX never had one
  }
}

bool Wire::Next(Field& field) {
  if (bytes_.empty() || is_damaged_) return false;
  is_damaged_ = !ReadVarint(key_) || key_ >> 32 != 0 || key_ >> 3 == 0;
  if (is_damaged_) return false;
  field.number = static_cast<std::uint32_t>(key_ >> 3);
  field.type = static_cast<std::uint8_t>(key_ & 7);
  field.bytes = {};
  is_damaged_ = !ReadValue(field);
  return !is_damaged_;
}

bool ReadInts(Bytes message, std::uint32_t number, std::vector<std::int64_t>& values) {
  std::size_t n = 0;
  const auto count_run = [&](Bytes run) {
    n += CountVarints(run);
    return run.empty() || run.back() < 0x80;
  };
  const auto count = [&](const Field&) { ++n; };
  if (!ForEach(message, number, Field::kVarint, count, count_run)) return false;
  values.clear();
  values.reserve(n);
  const auto append = [&](const Field& field) {
    values.push_back(static_cast<std::int64_t>(field.value));
  };
  return ForEach(message, number, Field::kVarint, append, [&](Bytes run) {
    for (std::size_t i = 0; i < run.size();) {
      std::uint64_t value = 0;
      std::size_t shift = 0;
      while (run[i] >= 0x80 && shift < 63) {
        value |= std::uint64_t{run[i++] & 0x7fU} << shift;
        shift += 7;
      }
      if (run[i] >= 0x80) return false;
      value |= std::uint64_t{run[i++]} << shift;
      values.push_back(static_cast<std::int64_t>(value));
    }
    return true;
  });
}

bool ReadFloats(Bytes message, std::uint32_t number, std::vector<double>& values) {
  const auto convert = [](std::uint64_t bits) { return FloatOf(static_cast<std::uint32_t>(bits)); };
  return ReadFixed(message, number, Field::kFixed32, convert, values);
}

bool ReadDoubles(Bytes message, std::uint32_t number, std::vector<double>& values) {
  return ReadFixed(message, number, Field::kFixed64, DoubleOf, values);
}

bool ReadTexts(Bytes message, std::uint32_t number, std::vector<std::string_view>& values) {
  values.clear();
  Wire wire(message);
  for (Field field; wire.Next(field);) {
    if (field.Is(number, Field::kBytes)) values.push_back(field.text());
  }
  return !wire.is_damaged();
}

}  // namespace copse::importer::onnx
