#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace copse {

/// Addresses that begin with the same bits (CIDR, RFC 4632): 10.0.0.0/8, fd00::/8, or one address.
/// An IPv4 address is the IPv6 address that stands for it (::ffff:0:0/96, RFC 4291
/// section 2.5.5.2), however the system writes it.
class AddressRange {
 public:
  /// Nothing where `text` is neither, or has bits behind its prefix.
  static std::optional<AddressRange> Parse(std::string_view text);

  /// Whether `address`, as text, is one of these; false where it is none at all.
  bool Contains(std::string_view address) const;

 private:
  using Bytes = std::array<std::uint8_t, 16>;

  AddressRange(const Bytes& first, std::size_t n_bits) : first_(first), n_bits_(n_bits) {}
  static std::optional<Bytes> BytesOf(std::string_view address);

  Bytes first_;
  std::size_t n_bits_;  // of the prefix, up to 128
};

}  // namespace copse
