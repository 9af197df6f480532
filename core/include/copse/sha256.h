#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace copse {

/// SHA-256 (FIPS 180-4) of data that arrives in pieces. Not thread-safe; cheap to copy.
class Sha256 {
 public:
  void Update(std::span<const std::uint8_t> bytes);
  /// Lower-case hexadecimal digest, 64 digits, of all bytes so far. Ends this object's use.
  std::string HexDigest();

 private:
  void Take(const std::uint8_t* blocks, std::size_t n);

  std::array<std::uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::uint8_t, 64> buffer_{};
  std::size_t buffered_ = 0;
  std::uint64_t total_ = 0;
};

/// Digest of `bytes` in one call.
std::string Sha256Hex(std::span<const std::uint8_t> bytes);

}  // namespace copse
