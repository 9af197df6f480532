#include "onnx/rows.h"

#include <cmath>

namespace copse::importer::onnx {
namespace {

using text::Flaw;
using text::Invalid;
using text::Unsupported;

using Kind = ColumnStep::Kind;

constexpr std::size_t kStepsMax = 16;
Precision MathOf(ElementType type) {
  return type == ElementType::kDouble ? Precision::kFloat64 : Precision::kFloat32;
}

Flaw Push(const Node& node, ColumnStep step, MappedColumn& column) {
  if (column.steps.size() >= kStepsMax) {
    return Unsupported({"the ONNX graph computes more than ", kStepsMax,
                        " steps before its trees, the last of them ", text::Quote(node.op)});
  }
  column.steps.push_back(step);
  return {};
}

// A list of an attribute or a constant for each of `n` columns: of that length, or of one.
double ForColumn(const std::vector<double>& values, std::size_t i) {
  return values.size() == 1 ? values[0] : values[i];
}

Flaw CheckLength(const Node& node, std::size_t length, std::size_t n_columns) {
  if (length == 1 || length == n_columns) return {};
  return Invalid({"the node ", text::Quote(node.op), " has numbers for ", length,
                  " columns, and its input has ", n_columns});
}

Error NotRising(const Node& node, double factor) {
  return Unsupported({"the node ", text::Quote(node.op), " scales a column by ", factor,
                      ", and only finite factors above 0 can be imported"});
}

bool IsFactor(double x) { return std::isfinite(x) && x > 0; }

}  // namespace

bool IsFloating(ElementType type) {
  return type == ElementType::kFloat || type == ElementType::kDouble;
}

bool IsNumber(ElementType type) {
  return type != ElementType::kNone && type != ElementType::kString && type != ElementType::kOther;
}

ElementType CastTo(const Node& node) {
  return TypeOf(static_cast<std::uint64_t>(IntAttribute(node, "to", 0)));
}

Flaw RowOperators::Cast(ElementType to, Rows& rows) const {
  if (!IsFloating(to) && (IsFloating(rows.type) || !IsNumber(to) || to == ElementType::kBool)) {
    return Unsupported({"the ONNX graph casts rows to another type than float or double"});
  }
  // Rows of a float32 model are floats already; whole numbers below 2^24 are too.
  const bool narrows = to == ElementType::kFloat && rows.type != ElementType::kFloat &&
                       (input_ == Precision::kFloat64 || rows.type == ElementType::kDouble);
  for (MappedColumn& column : rows.columns) {
    if (!narrows) break;
    if (auto flaw = Push({}, {.kind = Kind::kRoundToFloat}, column)) return flaw;
  }
  rows.type = to;
  return {};
}

Flaw RowOperators::Scale(const Node& node, Rows& rows) const {
  auto offset = FloatsAttribute(node, "offset");
  if (!offset.ok()) return offset.error();
  auto scale = FloatsAttribute(node, "scale");
  if (!scale.ok()) return scale.error();
  if (scale->empty() || offset->size() != scale->size()) {
    return Invalid({"the Scaler has ", offset->size(), " offsets and ", scale->size(), " scales"});
  }
  if (auto flaw = CheckLength(node, scale->size(), rows.columns.size())) return flaw;
  // onnxruntime, scaler.cc: whole numbers meet floats and become floats; doubles stay until the
  // end.
  const bool is_double = rows.type == ElementType::kDouble;
  if (!is_double) {
    if (auto flaw = Cast(ElementType::kFloat, rows)) return flaw;
  }
  for (std::size_t i = 0; i < rows.columns.size(); ++i) {
    const double factor = ForColumn(*scale, i);
    const double shift = ForColumn(*offset, i);
    if (!IsFactor(factor) || !std::isfinite(shift)) return NotRising(node, factor);
    const ColumnStep step = {Kind::kSubtractMultiply, shift, factor, MathOf(rows.type)};
    if (auto flaw = Push(node, step, rows.columns[i])) return flaw;
  }
  return is_double ? Cast(ElementType::kFloat, rows) : Flaw();
}

Flaw RowOperators::Impute(const Node& node, Rows& rows) const {
  auto values = FloatsAttribute(node, "imputed_value_floats");
  if (!values.ok()) return values.error();
  const double replaced = FloatAttribute(node, "replaced_value_float", 0);
  if (values->empty() || !std::isnan(replaced) || !IsFloating(rows.type)) {
    return Unsupported(
        {"the Imputer replaces another value than NaN, and that cannot be imported"});
  }
  // A list of another length: onnxruntime takes its first element for all.
  if (values->size() != rows.columns.size()) values->erase(values->begin() + 1, values->end());
  for (std::size_t i = 0; i < rows.columns.size(); ++i) {
    const double value = ForColumn(*values, i);
    if (std::isnan(value)) continue;
    const ColumnStep step = {Kind::kFill, value, 0, MathOf(rows.type)};
    if (auto flaw = Push(node, step, rows.columns[i])) return flaw;
  }
  return {};
}

Flaw RowOperators::Select(const Node& node, const std::vector<std::int64_t>& indices,
                          Rows& rows) const {
  if (indices.empty() || indices.size() > kColumnsMax) {
    return Invalid({"the node ", text::Quote(node.op), " selects ", indices.size(), " columns"});
  }
  const auto n = static_cast<std::int64_t>(rows.columns.size());
  std::vector<MappedColumn> columns;
  for (const std::int64_t index : indices) {
    // Gather counts negative positions from the end.
    const std::int64_t at = index < 0 && node.op == "Gather" ? index + n : index;
    if (at < 0 || at >= n) {
      return Invalid({"the node ", text::Quote(node.op), " selects column ", index, " of ", n});
    }
    columns.push_back(rows.columns[static_cast<std::size_t>(at)]);
  }
  rows.columns = std::move(columns);
  return {};
}

Flaw RowOperators::Compute(const Node& node, const Tensor& constant, Rows& rows) const {
  if (!IsFloating(rows.type) || constant.type != rows.type) {
    return Unsupported(
        {"the node ", text::Quote(node.op), " computes with columns of whole numbers"});
  }
  auto values = NumbersOf(constant, "a constant of the ONNX graph");
  if (!values.ok()) return values.error();
  if (auto flaw = CheckLength(node, values->size(), rows.columns.size())) return flaw;
  for (std::size_t i = 0; i < rows.columns.size(); ++i) {
    const double c = ForColumn(*values, i);
    const bool is_product = node.op == "Mul" || node.op == "Div";
    if (is_product ? !IsFactor(c) : !std::isfinite(c)) return NotRising(node, c);
    ColumnStep step = {Kind::kMultiplyAdd, 1, c, MathOf(rows.type)};
    if (node.op == "Sub") step = {Kind::kSubtractMultiply, c, 1, step.math};
    if (node.op == "Mul") step = {Kind::kMultiplyAdd, c, 0, step.math};
    if (node.op == "Div") step = {Kind::kDivide, c, 0, step.math};
    if (auto flaw = Push(node, step, rows.columns[i])) return flaw;
  }
  return {};
}

Flaw RowOperators::Clip(const Node& node, double low, double high, Rows& rows) const {
  if (!IsFloating(rows.type) || !(low <= high)) {
    return Unsupported({"the node ", text::Quote(node.op), " clips to [", low, ", ", high, "]"});
  }
  for (MappedColumn& column : rows.columns) {
    if (auto flaw = Push(node, {Kind::kClip, low, high, MathOf(rows.type)}, column)) return flaw;
  }
  return {};
}

Flaw RowOperators::Append(const Node& node, const Rows& other, Rows& rows) const {
  if (other.type != rows.type) {
    return Invalid({"the node ", text::Quote(node.op), " joins columns of different types"});
  }
  if (rows.columns.size() + other.columns.size() > kColumnsMax) {
    return text::TooLarge({"the ONNX graph has tensors of more than ", kColumnsMax, " columns"});
  }
  rows.columns.insert(rows.columns.end(), other.columns.begin(), other.columns.end());
  return {};
}

}  // namespace copse::importer::onnx
