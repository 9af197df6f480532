#pragma once

#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "copse/model.h"
#include "copse/result.h"

namespace copse {

/// Which row a message speaks of, counted from 1; 0 when there is only one.
using RowNumber = std::size_t;

/// From single values, as texts and JSON have them, to the numbers of a row. Knows the names and
/// categories of one model, which must outlive it. Safe to share between threads.
class RowValues {
 public:
  explicit RowValues(const Model& model);

  const Model& model() const { return model_; }
  std::size_t n_features() const { return model_.n_features(); }
  const std::string& Name(std::size_t feature) const { return model_.features()[feature].name; }
  std::optional<std::size_t> Find(std::string_view name) const;
  /// Whether the feature's categories have texts, which go before numbers.
  bool HasTexts(std::size_t feature) const { return categories_.contains(feature); }

  /// The value of a CSV cell: category, missing word, True or False, number. Spaces, tabs and
  /// trailing NUL bytes around it do not count. Nothing if it cannot be used; CellError says why.
  std::optional<double> FromCell(std::size_t feature, std::string_view cell) const;
  Error CellError(RowNumber row, std::size_t feature, std::string_view cell) const;

  /// The value of a query parameter: category or number; never empty.
  Result<double> FromParameter(std::size_t feature, std::string_view text) const;

  /// The values that JSON can hold. `number` is for what counts as one: true and false too.
  Result<double> FromNull(RowNumber row, std::size_t feature) const;
  Result<double> FromString(RowNumber row, std::size_t feature, std::string_view text) const;

  /// Model::CheckRows of one value that the functions above gave, or of a number.
  Status Check(RowNumber row, std::size_t feature, double number) const {
    return std::abs(number) >= kLarge ? CheckLarge(row, feature, number) : Ok{};
  }
  /// Smaller numbers than this are usable by every model.
  static constexpr double kLarge = 3e38;

  /// For a value of a kind that no feature has: "a list", "an object".
  Error KindError(RowNumber row, std::size_t feature, const std::string& what) const;
  Error AbsentError(RowNumber row, std::size_t feature) const;
  Error WidthError(RowNumber row, const std::string& n_values) const;
  /// `row 2: why`, or `why` alone when there is only one row.
  Error Refuse(RowNumber row, const std::string& why) const;

 private:
  std::optional<double> Category(std::size_t feature, std::string_view text) const;
  std::optional<double> Missing() const;
  std::string Expected(std::size_t feature) const;
  Status CheckLarge(RowNumber row, std::size_t feature, double number) const;

  const Model& model_;
  std::unordered_map<std::string_view, std::size_t> features_;  // of a model with many
  // Of each categorical feature with texts: the code of each.
  std::unordered_map<std::size_t, std::unordered_map<std::string_view, std::size_t>> categories_;
};

/// Whether `cell` reads like the name of a column: it starts with no digit, sign or point, and is
/// no value that a cell of numbers may have.
bool IsNameLike(std::string_view cell);

/// `cell` without the spaces, tabs and trailing NUL bytes around it.
std::string_view TrimmedCell(std::string_view cell);

/// Feature names for a message, the first few of them: `s_length, s_width, ...`.
std::string NamesShown(const Model& model);

}  // namespace copse
