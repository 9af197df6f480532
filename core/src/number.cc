#include "number.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstdint>
#include <cstring>
#include <limits>

namespace copse {
namespace {

/// Digits that can matter: two neighbouring doubles and what lies halfway between them differ
/// within 768. One more stands for all that follow.
constexpr std::int64_t kDigitsMax = 800;
/// 0.1e310 is past the largest double, and 0.1e-330 below half of the smallest.
constexpr std::int64_t kPointMax = 310;
constexpr std::int64_t kPointMin = -330;

/// A natural number below 2^4096, enough for 10^(kDigitsMax - kPointMin) with room to shift.
class Big {
 public:
  explicit Big(std::uint32_t value) : size_(value == 0 ? 0 : 1) { words_[0] = value; }

  bool is_zero() const { return size_ == 0; }
  std::uint32_t word(std::size_t i) const { return i < size_ ? words_[i] : 0; }
  std::size_t size() const { return size_; }
  std::size_t bits() const {
    return size_ == 0 ? 0 : 32 * size_ - std::countl_zero(words_[size_ - 1]);
  }

  void MultiplyAdd(std::uint32_t factor, std::uint32_t summand) {
    std::uint64_t carry = summand;
    for (std::size_t i = 0; i < size_; ++i) {
      carry += std::uint64_t{words_[i]} * factor;
      words_[i] = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    if (carry != 0) Push(static_cast<std::uint32_t>(carry));
  }

  void MultiplyPowerOfTen(std::int64_t exponent) {
    for (; exponent >= 9; exponent -= 9) MultiplyAdd(1'000'000'000, 0);
    for (; exponent > 0; --exponent) MultiplyAdd(10, 0);
  }

  void ShiftLeft(std::size_t bits) {
    MultiplyAdd(std::uint32_t{1} << bits % 32, 0);
    const std::size_t words = bits / 32;
    assert(size_ + words <= words_.size());
    std::copy_backward(words_.begin(), words_.begin() + size_, words_.begin() + size_ + words);
    std::fill_n(words_.begin(), words, 0);
    size_ += words;
  }

  bool IsBelow(const Big& other) const {
    if (size_ != other.size_) return size_ < other.size_;
    for (std::size_t i = size_; i-- > 0;) {
      if (words_[i] != other.words_[i]) return words_[i] < other.words_[i];
    }
    return false;
  }

  /// Takes factor * other away, which must not be more than this.
  void Subtract(const Big& other, std::uint32_t factor) {
    std::uint64_t borrow = 0;
    for (std::size_t i = 0; i < size_; ++i) {
      const std::uint64_t product = std::uint64_t{other.word(i)} * factor + borrow;
      borrow = (product >> 32) + (words_[i] < static_cast<std::uint32_t>(product) ? 1 : 0);
      words_[i] -= static_cast<std::uint32_t>(product);
    }
    assert(borrow == 0);
    while (size_ > 0 && words_[size_ - 1] == 0) --size_;
  }

 private:
  void Push(std::uint32_t word) {
    assert(size_ < words_.size());
    words_[size_++] = word;
  }

  std::array<std::uint32_t, 128> words_;
  std::size_t size_;
};

/// The next 32 bits of the quotient: replaces `rest` < `divisor` by what remains of it times 2^32.
/// The divisor's top bit is the top bit of its top word.
std::uint32_t NextDigit(Big& rest, const Big& divisor) {
  rest.ShiftLeft(32);
  const std::size_t n = divisor.size();
  const std::uint64_t top = std::uint64_t{rest.word(n)} << 32 | rest.word(n - 1);
  // Divided by one more than the divisor's top word the digit is never too large, and too small
  // by very few only, because that word is at least 2^31 (compare Knuth, TAOCP 4.3.1, theorem B).
  auto digit = top / (std::uint64_t{divisor.word(n - 1)} + 1);
  rest.Subtract(divisor, static_cast<std::uint32_t>(digit));
  for (; !rest.IsBelow(divisor); ++digit) rest.Subtract(divisor, 1);
  return static_cast<std::uint32_t>(digit);
}

/// `quotient` 2^(exponent - 63), with its top bit set and something below its last bit where
/// `is_more`, as a double.
double Round(std::uint64_t quotient, int exponent, bool is_more) {
  constexpr int kExponentMin = -1022;
  const int lost = 11 + std::max(0, kExponentMin - exponent);
  if (lost > 64) return 0;
  const std::uint64_t half = std::uint64_t{1} << (lost - 1);
  std::uint64_t mantissa = lost == 64 ? 0 : quotient >> lost;
  const std::uint64_t rest = quotient & (half - 1 + half);
  if (rest > half || (rest == half && (is_more || mantissa % 2 == 1))) ++mantissa;
  // The mantissa's top bit, and a carry out of it, count on into the exponent.
  std::uint64_t bits = mantissa;
  if (exponent >= kExponentMin) {
    bits += static_cast<std::uint64_t>(exponent - kExponentMin) << 52;
  }
  double value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return exponent > 1023 ? std::numeric_limits<double>::infinity() : value;
}

/// digits * 10^exponent; `digits` is not zero.
double Scale(Big digits, std::int64_t exponent) {
  Big divisor(1);
  digits.MultiplyPowerOfTen(exponent);
  divisor.MultiplyPowerOfTen(-exponent);
  // Both are brought to the same number of whole words, which puts the ratio between 1/2 and 2.
  const std::size_t bits = (std::max(digits.bits(), divisor.bits()) + 31) / 32 * 32;
  int shift = static_cast<int>(digits.bits()) - static_cast<int>(divisor.bits());
  divisor.ShiftLeft(bits - divisor.bits());
  digits.ShiftLeft(bits - digits.bits());
  const bool is_one_more = !digits.IsBelow(divisor);
  if (is_one_more) {
    digits.Subtract(divisor, 1);
    ++shift;
  }
  std::uint64_t quotient = NextDigit(digits, divisor);
  quotient = quotient << 32 | NextDigit(digits, divisor);
  bool is_more = !digits.is_zero();
  if (is_one_more) {
    is_more = is_more || quotient % 2 == 1;
    quotient = quotient >> 1 | std::uint64_t{1} << 63;
  }
  return Round(quotient, shift - 1, is_more);
}

/// The quotient of `high` 2^64 by `divisor`, which is above `high` and has its top bit set; what
/// remains of it goes into `high`. Two digits of 32 bits, each guessed by the divisor's top half
/// and put right (Knuth, TAOCP 4.3.1, algorithm D).
std::uint64_t DivideWide(std::uint64_t& high, std::uint64_t divisor) {
  const std::uint64_t top = divisor >> 32, bottom = divisor & 0xffff'ffff;
  std::uint64_t quotient = 0;
  for (int i = 0; i < 2; ++i) {
    std::uint64_t digit = high / top;
    std::uint64_t rest = high % top;
    while (rest >> 32 == 0 && (digit >> 32 != 0 || digit * bottom > rest << 32)) {
      --digit;
      rest += top;
    }
    high = (high << 32) - digit * divisor;  // modulo 2^64, which what remains is below
    quotient = quotient << 32 | digit;
  }
  return quotient;
}

/// Decimal places that a quotient of 64-bit numbers can take off: 5^27 is below 2^63.
constexpr int kPlacesMax = 27;

/// digits * 10^-places; `digits` is not zero, `places` at most kPlacesMax. What nearly every number
/// in a file is, and a tenth of the work.
double Divide(std::uint64_t digits, int places) {
  std::uint64_t divisor = 1;
  for (int i = 0; i < places; ++i) divisor *= 5;
  const int shift = std::countl_zero(divisor) - std::countl_zero(digits);
  digits <<= std::countl_zero(digits);
  divisor <<= std::countl_zero(divisor);
  // Both have their top bit set: the ratio is between 1/2 and 2.
  const bool is_one_more = digits >= divisor;
  if (is_one_more) digits -= divisor;
  std::uint64_t quotient = DivideWide(digits, divisor);
  bool is_more = digits != 0;
  if (is_one_more) {
    is_more = is_more || quotient % 2 == 1;
    quotient = quotient >> 1 | std::uint64_t{1} << 63;
  }
  return Round(quotient, shift - places - (is_one_more ? 0 : 1), is_more);
}

/// A number as 0.DIGITS times 10^point, built from its text.
class Decimal {
 public:
  explicit Decimal(std::string_view text) {
    std::size_t i = 0;
    bool is_fraction = false;
    for (; i < text.size() && (text[i] | 0x20) != 'e'; ++i) {
      if (text[i] == '.') is_fraction = true;
      if (text[i] >= '0') AddDigit(static_cast<std::uint32_t>(text[i] - '0'), is_fraction);
    }
    if (is_cut_) Append(1);
    if (i < text.size()) AddExponent(text.substr(i + 1));
  }

  double Magnitude() const {
    if (n_digits_ == 0 || point_ < kPointMin) return 0;
    if (point_ > kPointMax) return std::numeric_limits<double>::infinity();
    return Scale(digits_, point_ - n_digits_);
  }

 private:
  void AddDigit(std::uint32_t digit, bool is_fraction) {
    if (n_digits_ == 0 && digit == 0) {
      if (is_fraction) --point_;
      return;
    }
    if (!is_fraction) ++point_;
    if (n_digits_ < kDigitsMax) {
      Append(digit);
    } else {
      is_cut_ = is_cut_ || digit != 0;
    }
  }

  void Append(std::uint32_t digit) {
    digits_.MultiplyAdd(10, digit);
    ++n_digits_;
  }

  void AddExponent(std::string_view text) {
    // Past this, only a text longer than memory could bring the point back.
    constexpr std::int64_t kExponentMax = std::int64_t{1} << 48;
    std::int64_t exponent = 0;
    for (const char c : text) {
      if (c >= '0') exponent = std::min(kExponentMax, exponent * 10 + (c - '0'));
    }
    point_ += text.starts_with('-') ? -exponent : exponent;
  }

  Big digits_{0};
  std::int64_t n_digits_ = 0;
  std::int64_t point_ = 0;
  bool is_cut_ = false;  // digits past kDigitsMax were not all zero
};

/// `text` as Divide takes it; false where it has too many digits or places, or is zero.
bool ReadShort(std::string_view text, std::uint64_t& digits, int& places) {
  constexpr std::uint64_t kDigitsEnd = 1'000'000'000'000'000'000;  // one more digit still fits
  constexpr int kExponentMax = 2 * kPlacesMax;
  std::size_t i = 0;
  bool is_fraction = false;
  for (; i < text.size() && (text[i] | 0x20) != 'e'; ++i) {
    if (text[i] == '.') is_fraction = true;
    if (text[i] < '0') continue;
    if (digits >= kDigitsEnd || places > kExponentMax) return false;
    digits = digits * 10 + static_cast<std::uint64_t>(text[i] - '0');
    places += is_fraction ? 1 : 0;
  }
  int exponent = 0, sign = -1;
  for (; i < text.size(); ++i) {
    if (text[i] == '-') sign = 1;
    if (text[i] >= '0' && text[i] <= '9') exponent = exponent * 10 + (text[i] - '0');
    if (exponent > kExponentMax) return false;
  }
  places += sign * exponent;
  return digits != 0 && places >= 0 && places <= kPlacesMax;
}

double MagnitudeOf(std::string_view text) {
  std::uint64_t digits = 0;
  int places = 0;
  return ReadShort(text, digits, places) ? Divide(digits, places) : Decimal(text).Magnitude();
}

}  // namespace

double ParseDecimal(std::string_view text) {
  return text.starts_with('-') ? -MagnitudeOf(text) : MagnitudeOf(text);
}

}  // namespace copse
