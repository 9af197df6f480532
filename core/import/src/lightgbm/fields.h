#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "text.h"

/// The words of a LightGBM model: lines of `key=value`, numbers between spaces. Everything is
/// looked at where it lies; what is kept is numbers.
namespace copse::importer::lightgbm {

using text::Flaw;

/// Takes the next line out of `rest`, without its end; false when there is none.
bool NextLine(std::string_view& rest, std::string_view& line);
/// Takes the next word before a space out of `rest`; false when there is none.
bool NextWord(std::string_view& rest, std::string_view& word);

/// The numbers that C++ and LightGBM write: `-1.5e-35`, `inf`, `-nan`.
std::optional<double> ToDouble(std::string_view word);
std::optional<std::int64_t> ToInteger(std::string_view word);

/// Exactly `n` numbers out of the value of `key`. Errors name the key; nothing is allocated for
/// numbers that cannot be in the text.
Flaw ReadDoubles(std::string_view key, std::string_view value, std::size_t n,
                 std::vector<double>& numbers);
/// The same for whole numbers from `min` to `max`.
Flaw ReadIntegers(std::string_view key, std::string_view value, std::size_t n, std::int64_t min,
                  std::int64_t max, std::vector<std::int64_t>& numbers);
/// One whole number.
Flaw ReadInteger(std::string_view key, std::string_view value, std::int64_t min, std::int64_t max,
                 std::int64_t& number);

}  // namespace copse::importer::lightgbm
