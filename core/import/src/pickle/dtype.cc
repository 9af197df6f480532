// numpy.dtype: what `numpy.dtype(code, 0, 1)` and its state say of one item of an array.
// Source: numpy/core/src/multiarray/descriptor.c, arraydescr_reduce and arraydescr_setstate.
#include <algorithm>
#include <limits>

#include "pickle/store.h"
#include "text.h"

namespace copse::importer::pickle {
namespace {

constexpr std::size_t kFieldsMax = 64;
constexpr std::size_t kAxesMax = 64;
constexpr std::size_t kItemBytesMax = std::size_t{1} << 20;

/// Size behind the letter of a code such as "f8"; nothing when it is no size.
std::optional<std::size_t> SizeOf(std::string_view digits) {
  if (digits.size() > 7) return std::nullopt;
  std::size_t size = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '9') return std::nullopt;
    size = size * 10 + static_cast<std::size_t>(digit - '0');
  }
  return size;
}

bool IsNumberSize(char type, std::size_t bytes) {
  switch (type) {
    case 'b':
      return bytes == 1;
    case 'i':
    case 'u':
      return bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8;
    case 'f':
      return bytes == 2 || bytes == 4 || bytes == 8;
    default:
      return true;
  }
}

/// The state's parts; all absent where a dtype has none.
struct DtypeState {
  Id order = kAbsent, subarray = kNoneId, names = kNoneId, fields = kNoneId, bytes = kAbsent;
};

std::optional<DtypeState> StateOf(const Store& store, Id state) {
  if (state == kAbsent) return DtypeState{};
  const std::span<const Id> items = store.Items(state);
  if (!store.IsTuple(state) || items.size() < 7 || items.size() > 9) return std::nullopt;
  const auto version = store.Integer(items[0]);
  if (!version || *version < 2 || *version > 4) return std::nullopt;
  return DtypeState{items[1], items[2], items[3], items[4], items[5]};
}

std::optional<Field> PlainField(const Store& store, const ObjectPart& dtype,
                                const DtypeState& state) {
  const std::span<const Id> arguments = store.Items(dtype.arguments);
  std::string_view code = arguments.empty() ? std::string_view() : store.Text(arguments[0]);
  Field field;
  if (!code.empty() && std::string_view("<>|=").find(code[0]) != std::string_view::npos) {
    field.big_endian = code[0] == '>';
    code.remove_prefix(1);
  }
  if (code.empty()) return std::nullopt;
  field.type = code[0];
  const auto size = SizeOf(code.substr(1));
  if (!size) return std::nullopt;
  field.bytes = field.type == 'U' ? *size * 4 : *size;
  const auto stored = store.Integer(state.bytes);
  const bool is_sized = field.type == 'U' || field.type == 'S' || field.type == 'V';
  if (is_sized && stored && *stored >= 0) {
    if (*stored > static_cast<std::int64_t>(kItemBytesMax)) return std::nullopt;
    field.bytes = static_cast<std::size_t>(*stored);
  }
  if (field.type == 'U' && field.bytes % 4 != 0) return std::nullopt;
  if (state.order != kAbsent) field.big_endian = store.Text(state.order) == ">";
  if (!IsNumberSize(field.type, field.bytes)) return std::nullopt;
  return field;
}

}  // namespace

bool Layout::holds_objects() const {
  return std::any_of(fields.begin(), fields.end(), [](const Field& f) { return f.type == 'O'; });
}

std::optional<Field> Store::FieldOf(Id name, Id place, std::size_t record_bytes) const {
  const std::span<const Id> items = Items(place);  // (dtype, offset[, title])
  if (!IsText(name) || items.size() < 2 || !Is(items[0], Tag::kDtype)) return std::nullopt;
  const ObjectPart& dtype = object(items[0]);
  const auto state = StateOf(*this, dtype.state);
  if (!state || state->subarray != kNoneId || state->names != kNoneId) return std::nullopt;
  auto field = PlainField(*this, dtype, *state);
  const auto offset = Integer(items[1]);
  if (!field || !offset || *offset < 0) return std::nullopt;
  field->name = std::string(Text(name));
  field->offset = static_cast<std::size_t>(*offset);
  if (static_cast<std::uint64_t>(*offset) > record_bytes ||
      field->bytes > record_bytes - field->offset) {
    return std::nullopt;
  }
  return field;
}

Result<Layout> Store::LayoutOf(Id dtype, std::string_view name) const {
  if (!Is(dtype, Tag::kDtype)) return text::Invalid({name, " has no numpy.dtype"});
  const auto state = StateOf(*this, object(dtype).state);
  auto whole = state ? PlainField(*this, object(dtype), *state) : std::nullopt;
  if (!whole) return text::Invalid({name, " has a numpy.dtype that cannot be read"});
  if (state->subarray != kNoneId) {
    return text::Unsupported({name, " is an array of arrays (a sub-array dtype)"});
  }
  Layout layout;
  layout.bytes = whole->bytes;
  layout.is_record = state->names != kNoneId;
  if (!layout.is_record) {
    layout.fields.push_back(*std::move(whole));
    return layout;
  }
  const std::span<const Id> names = Items(state->names);
  if (names.empty() || names.size() > kFieldsMax || !Is(state->fields, Tag::kDict) ||
      Items(state->fields).size() != 2 * names.size()) {
    return text::Invalid({name, " has a record dtype of ", names.size(), " fields, expected 1 to ",
                          kFieldsMax, " and as many places"});
  }
  for (const Id field_name : names) {
    auto field = FieldOf(field_name, Find(state->fields, Text(field_name)), layout.bytes);
    if (!field) {
      return text::Unsupported({name, " has field ", text::Quote(Text(field_name)),
                                ", which is nested, unknown or outside of its record"});
    }
    layout.fields.push_back(*std::move(field));
  }
  return layout;
}

Result<std::vector<std::size_t>> Store::ShapeOf(Id tuple, std::string_view name) const {
  if (!IsTuple(tuple) || Items(tuple).size() > kAxesMax) {
    return text::Invalid({name, " is an array without a shape"});
  }
  std::vector<std::size_t> shape;
  for (const Id axis : Items(tuple)) {
    const auto length = Integer(axis);
    if (!length || *length < 0 ||
        static_cast<std::uint64_t>(*length) > std::numeric_limits<std::size_t>::max()) {
      return text::Invalid({name, " is an array with an axis that has no length"});
    }
    shape.push_back(static_cast<std::size_t>(*length));
  }
  return shape;
}

std::optional<std::size_t> CountItems(const std::vector<std::size_t>& shape, std::size_t bytes) {
  // As NumPy counts: an axis of length 0 does not excuse an overflow of the others.
  std::size_t n = 1;
  bool is_empty = false;
  for (const std::size_t length : shape) {
    if (length == 0) {
      is_empty = true;
      continue;
    }
    if (n > std::numeric_limits<std::size_t>::max() / length) return std::nullopt;
    n *= length;
  }
  if (bytes > 0 && n > std::numeric_limits<std::size_t>::max() / bytes) return std::nullopt;
  return is_empty ? 0 : n;
}

}  // namespace copse::importer::pickle
