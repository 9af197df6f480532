#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "copse/result.h"

/// Reads the arrays that tests are made of: NumPy's .npy, little-endian, C order, of float64,
/// float32 or int64. Anything else is refused, so that no test runs on numbers it misread.
namespace copse::test {

struct Array {
  enum class Type { kFloat64, kFloat32, kInt64 };
  Type type = Type::kFloat64;
  std::vector<std::size_t> shape;
  std::vector<double> numbers;  ///< all of them, row-major; int64 below 2^53 only

  std::size_t n_rows() const { return shape.empty() ? 1 : shape[0]; }
  /// Numbers of one row: the product of all other dimensions.
  std::size_t n_columns() const {
    std::size_t product = 1;
    for (std::size_t i = 1; i < shape.size(); ++i) product *= shape[i];
    return product;
  }
};

inline Error NpyError(const std::string& path, const std::string& what) {
  return {ErrorCode::kInvalidInput, path + ": " + what};
}

inline Result<std::vector<std::uint8_t>> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return NpyError(path, "cannot be opened");
  return std::vector<std::uint8_t>(std::istreambuf_iterator<char>(file), {});
}

/// The text between `key` and `end` of the header, which is a Python dictionary.
inline std::string_view HeaderField(std::string_view header, std::string_view key,
                                    std::string_view end) {
  const std::size_t at = header.find(key);
  if (at == std::string_view::npos) return {};
  header.remove_prefix(at + key.size());
  return header.substr(0, header.find(end));
}

inline std::vector<std::size_t> ParseShape(std::string_view text) {
  std::vector<std::size_t> shape;
  const std::string digits(text);
  const char* at = digits.c_str();
  while (*at != 0) {
    char* end = nullptr;
    const unsigned long long size = std::strtoull(at, &end, 10);
    if (end == at) {
      ++at;  // a comma or a blank
      continue;
    }
    shape.push_back(static_cast<std::size_t>(size));
    at = end;
  }
  return shape;
}

template <class Stored>
std::vector<double> Widen(const std::uint8_t* bytes, std::size_t count) {
  std::vector<double> numbers(count);
  for (std::size_t i = 0; i < count; ++i) {
    Stored x;
    std::memcpy(&x, bytes + i * sizeof x, sizeof x);
    numbers[i] = static_cast<double>(x);
  }
  return numbers;
}

inline Result<Array> ParseNpy(const std::string& path, const std::vector<std::uint8_t>& bytes) {
  if (bytes.size() < 10 || std::memcmp(bytes.data(), "\x93NUMPY\x01\x00", 8) != 0) {
    return NpyError(path, "not a .npy file of version 1.0");
  }
  const std::size_t begin = 10 + bytes[8] + std::size_t{256} * bytes[9];
  if (begin > bytes.size()) return NpyError(path, "ends inside its header");
  const std::string_view header(reinterpret_cast<const char*>(bytes.data()) + 10, begin - 10);
  if (HeaderField(header, "'fortran_order': ", ",") != "False") {
    return NpyError(path, "not in C order");
  }
  Array array;
  array.shape = ParseShape(HeaderField(header, "'shape': (", ")"));
  const std::size_t count = (array.shape.empty() ? 1 : array.shape[0]) * array.n_columns();
  const std::string_view type = HeaderField(header, "'descr': '", "'");
  if (type != "<f8" && type != "<f4" && type != "<i8") {
    return NpyError(path, "type " + std::string(type) + " is not <f8, <f4 or <i8");
  }
  if (bytes.size() - begin != count * (type == "<f4" ? 4 : 8)) {
    return NpyError(path, "holds more or fewer numbers than its shape says");
  }
  const std::uint8_t* data = bytes.data() + begin;
  if (type == "<f8") array.numbers = Widen<double>(data, count);
  if (type == "<f4") array.numbers = Widen<float>(data, count);
  if (type == "<i8") array.numbers = Widen<std::int64_t>(data, count);
  if (type == "<f4") array.type = Array::Type::kFloat32;
  if (type == "<i8") array.type = Array::Type::kInt64;
  return array;
}

inline Result<Array> ReadNpy(const std::string& path) {
  const auto bytes = ReadFile(path);
  if (!bytes.ok()) return bytes.error();
  return ParseNpy(path, *bytes);
}

}  // namespace copse::test
