#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace copse::test {

/// Choices that look random and are the same on every platform, which those of <random>'s
/// distributions are not.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}

  /// The bytes decide while there are any, so that a fuzzer can steer; behind them, chance does.
  explicit Dice(std::span<const std::uint8_t> bytes) : bytes_(bytes) {
    std::memcpy(&state_, bytes.data(), bytes.size() < sizeof state_ ? bytes.size() : sizeof state_);
  }

  /// 64 bits. Source: splitmix64, prng.di.unimi.it/splitmix64.c
  std::uint64_t Bits() {
    if (!bytes_.empty()) return FromBytes(sizeof(std::uint64_t));
    state_ += 0x9e3779b97f4a7c15;
    std::uint64_t bits = state_;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
    return bits ^ (bits >> 31);
  }

  /// One of [0, n), n > 0.
  std::size_t Below(std::size_t n) {
    const std::size_t n_bytes = n <= 256 ? 1 : n <= 65536 ? 2 : 8;
    const std::uint64_t bits = bytes_.empty() ? Bits() : FromBytes(n_bytes);
    return static_cast<std::size_t>(bits % n);
  }
  /// One of [low, high].
  std::size_t Between(std::size_t low, std::size_t high) { return low + Below(high - low + 1); }
  bool Chance(std::size_t percent) { return Below(100) < percent; }

  template <class T>
  const T& OneOf(const std::vector<T>& choices) {
    return choices[Below(choices.size())];
  }

 private:
  std::uint64_t FromBytes(std::size_t n) {
    if (n > bytes_.size()) n = bytes_.size();
    std::uint64_t bits = 0;
    std::memcpy(&bits, bytes_.data(), n);
    bytes_ = bytes_.subspan(n);
    return bits;
  }

  std::uint64_t state_ = 0;
  std::span<const std::uint8_t> bytes_;
};

}  // namespace copse::test
