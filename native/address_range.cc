#include "address_range.h"

#include <arpa/inet.h>

#include <charconv>
#include <string>

namespace copse {
namespace {

constexpr std::size_t kBits4 = 32, kBits6 = 128;

// The bits of byte `i` that belong to a prefix of `n_bits`.
std::uint8_t MaskOf(std::size_t n_bits, std::size_t i) {
  if (n_bits >= 8 * (i + 1)) return 0xff;
  if (n_bits <= 8 * i) return 0;
  return static_cast<std::uint8_t>(0xff << (8 * (i + 1) - n_bits));
}

}  // namespace

std::optional<AddressRange::Bytes> AddressRange::BytesOf(std::string_view address) {
  const std::string text(address.substr(0, address.find('%')));  // without an interface's name
  Bytes bytes = {};
  if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return bytes;
  bytes = {};
  bytes[10] = bytes[11] = 0xff;
  if (::inet_pton(AF_INET, text.c_str(), bytes.data() + 12) == 1) return bytes;
  return std::nullopt;
}

std::optional<AddressRange> AddressRange::Parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view address = text.substr(0, slash);
  const auto first = BytesOf(address);
  if (!first || address.find('%') != std::string_view::npos) return std::nullopt;
  const std::size_t n_bits_max = address.find(':') == std::string_view::npos ? kBits4 : kBits6;
  std::size_t n_bits = n_bits_max;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const char* const end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, n_bits);
    if (error != std::errc() || stop != end || n_bits > n_bits_max) return std::nullopt;
  }
  n_bits += kBits6 - n_bits_max;
  for (std::size_t i = 0; i < first->size(); ++i) {
    if (((*first)[i] & ~MaskOf(n_bits, i)) != 0) return std::nullopt;
  }
  return AddressRange(*first, n_bits);
}

bool AddressRange::Contains(std::string_view address) const {
  const auto bytes = BytesOf(address);
  if (!bytes) return false;
  for (std::size_t i = 0; i < first_.size(); ++i) {
    if (((*bytes)[i] & MaskOf(n_bits_, i)) != first_[i]) return false;
  }
  return true;
}

}  // namespace copse
