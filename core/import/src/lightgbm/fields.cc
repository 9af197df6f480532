#include "lightgbm/fields.h"

#include <limits>

#include "number.h"

namespace copse::importer::lightgbm {
namespace {

using text::Invalid;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Takes digits from the front; how many.
std::size_t SkipDigits(std::string_view& word) {
  std::size_t n = 0;
  while (n < word.size() && IsDigit(word[n])) ++n;
  word.remove_prefix(n);
  return n;
}

bool IsDecimal(std::string_view word) {
  std::size_t digits = SkipDigits(word);
  if (word.starts_with('.')) {
    word.remove_prefix(1);
    digits += SkipDigits(word);
  }
  if (digits == 0 || word.empty()) return digits > 0;
  if (word[0] != 'e' && word[0] != 'E') return false;
  word.remove_prefix(1);
  if (word.starts_with('-') || word.starts_with('+')) word.remove_prefix(1);
  return SkipDigits(word) > 0 && word.empty();
}

Flaw CheckCount(std::string_view key, std::size_t count, std::size_t n) {
  if (count == n) return {};
  return Invalid({key, " has ", count, " numbers, and ", n, " were expected"});
}

std::size_t CountWords(std::string_view value) {
  std::size_t n = 0;
  for (std::string_view word; NextWord(value, word);) ++n;
  return n;
}

Error NoNumber(std::string_view key, std::string_view word) {
  return Invalid({key, " has ", text::Quote(word), " where a number was expected"});
}

}  // namespace

bool NextLine(std::string_view& rest, std::string_view& line) {
  if (rest.empty()) return false;
  const std::size_t end = rest.find('\n');
  line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return true;
}

bool NextWord(std::string_view& rest, std::string_view& word) {
  const std::size_t begin = rest.find_first_not_of(' ');
  if (begin == std::string_view::npos) return false;
  rest.remove_prefix(begin);
  word = rest.substr(0, rest.find(' '));
  rest.remove_prefix(word.size());
  return true;
}

std::optional<double> ToDouble(std::string_view word) {
  std::string_view magnitude = word;
  if (magnitude.starts_with('-')) magnitude.remove_prefix(1);
  if (IsDecimal(magnitude)) return ParseDecimal(word);
  if (magnitude == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (magnitude != "inf") return std::nullopt;
  const double infinity = std::numeric_limits<double>::infinity();
  return magnitude.size() < word.size() ? -infinity : infinity;
}

std::optional<std::int64_t> ToInteger(std::string_view word) {
  const bool is_negative = word.starts_with('-');
  if (is_negative) word.remove_prefix(1);
  constexpr std::size_t kDigitsMax = 18;
  if (word.empty() || word.size() > kDigitsMax) return std::nullopt;
  std::int64_t number = 0;
  for (const char c : word) {
    if (!IsDigit(c)) return std::nullopt;
    number = number * 10 + (c - '0');
  }
  return is_negative ? -number : number;
}

Flaw ReadDoubles(std::string_view key, std::string_view value, std::size_t n,
                 std::vector<double>& numbers) {
  if (auto flaw = CheckCount(key, CountWords(value), n)) return flaw;
  numbers.clear();
  numbers.reserve(n);
  for (std::string_view word; NextWord(value, word);) {
    const auto number = ToDouble(word);
    if (!number) return NoNumber(key, word);
    numbers.push_back(*number);
  }
  return {};
}

Flaw ReadIntegers(std::string_view key, std::string_view value, std::size_t n, std::int64_t min,
                  std::int64_t max, std::vector<std::int64_t>& numbers) {
  if (auto flaw = CheckCount(key, CountWords(value), n)) return flaw;
  numbers.clear();
  numbers.reserve(n);
  for (std::string_view word; NextWord(value, word);) {
    const auto number = ToInteger(word);
    if (!number) return NoNumber(key, word);
    if (*number < min || *number > max) {
      return Invalid({key, " has ", *number, ", and ", min, " to ", max, " was expected"});
    }
    numbers.push_back(*number);
  }
  return {};
}

Flaw ReadInteger(std::string_view key, std::string_view value, std::int64_t min, std::int64_t max,
                 std::int64_t& number) {
  std::vector<std::int64_t> numbers;
  if (auto flaw = ReadIntegers(key, value, 1, min, max, numbers)) return flaw;
  number = numbers.front();
  return {};
}

}  // namespace copse::importer::lightgbm
