#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "input_map.h"
#include "onnx/proto.h"
#include "text.h"

namespace copse::importer::onnx {

/// Columns of one tensor at most: no graph of trees needs more, and each costs memory.
inline constexpr std::size_t kColumnsMax = std::size_t{1} << 17;

bool IsFloating(ElementType type);  ///< float or double
bool IsNumber(ElementType type);
ElementType CastTo(const Node& node);  ///< to what a Cast goes

/// A tensor [N, columns] on its way from the rows to the trees.
struct Rows {
  ElementType type = ElementType::kFloat;
  std::vector<MappedColumn> columns;
};

/// Applies the operators that may stand before the trees. Each returns why not, or changes `rows`.
class RowOperators {
 public:
  /// `input`: to which rows are rounded before anything else.
  explicit RowOperators(Precision input) : input_(input) {}

  text::Flaw Cast(ElementType to, Rows& rows) const;
  text::Flaw Scale(const Node& node, Rows& rows) const;
  text::Flaw Impute(const Node& node, Rows& rows) const;
  /// Columns `indices`, in their order (ArrayFeatureExtractor, Gather).
  text::Flaw Select(const Node& node, const std::vector<std::int64_t>& indices, Rows& rows) const;
  /// Add, Sub, Mul and Div with a constant of one element or one a column.
  text::Flaw Compute(const Node& node, const Tensor& constant, Rows& rows) const;
  /// Clip to [low, high].
  text::Flaw Clip(const Node& node, double low, double high, Rows& rows) const;
  /// `other` behind `rows`.
  text::Flaw Append(const Node& node, const Rows& other, Rows& rows) const;

 private:
  Precision input_;
};

}  // namespace copse::importer::onnx
