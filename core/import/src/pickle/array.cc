#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "pickle/store.h"
#include "text.h"

namespace copse::importer::pickle {
namespace {

/// Half precision, as NumPy's float16.
double HalfToDouble(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 31;
  const double fraction = bits & 0x3ff;
  double value =
      exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(fraction + 1024, exponent - 25);
  if (exponent == 31) value = fraction == 0 ? HUGE_VAL : std::nan("");
  return (bits & 0x8000) ? -value : value;
}

template <class T>
T Load(const char* at, bool big_endian) {
  std::array<char, sizeof(T)> bytes;
  std::memcpy(bytes.data(), at, sizeof(T));
  if (big_endian) std::reverse(bytes.begin(), bytes.end());
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

/// One number of any kind: whole numbers in `integer`, others in `number`.
struct Number {
  double number = 0;
  std::int64_t integer = 0;
  bool is_integer = true;  // `integer` is exact
};

Number Whole(std::int64_t value) { return {static_cast<double>(value), value, true}; }

Number Real(double value) {
  Number number{value, 0, value >= -0x1p63 && value < 0x1p63 && std::floor(value) == value};
  if (number.is_integer) number.integer = static_cast<std::int64_t>(value);
  return number;
}

Number LoadNumber(const char* at, const Field& field) {
  const bool big = field.big_endian;
  switch (field.type) {
    case 'f':
      if (field.bytes == 8) return Real(Load<double>(at, big));
      if (field.bytes == 4) return Real(Load<float>(at, big));
      return Real(HalfToDouble(Load<std::uint16_t>(at, big)));
    case 'i':
      if (field.bytes == 8) return Whole(Load<std::int64_t>(at, big));
      if (field.bytes == 4) return Whole(Load<std::int32_t>(at, big));
      if (field.bytes == 2) return Whole(Load<std::int16_t>(at, big));
      return Whole(Load<std::int8_t>(at, big));
    default: {
      if (field.bytes == 4) return Whole(Load<std::uint32_t>(at, big));
      if (field.bytes == 2) return Whole(Load<std::uint16_t>(at, big));
      if (field.bytes == 1) return Whole(Load<std::uint8_t>(at, big));
      const auto value = Load<std::uint64_t>(at, big);
      Number number = Whole(static_cast<std::int64_t>(value));
      if (number.integer >= 0) return number;
      return {static_cast<double>(value), 0, false};
    }
  }
}

/// The common case: items of type From one after another every `step` bytes.
template <class From, class To>
void CopyItems(const char* at, std::size_t step, std::vector<To>& out) {
  for (To& item : out) {
    From value;
    std::memcpy(&value, at, sizeof value);
    item = static_cast<To>(value);
    at += step;
  }
}

/// Whether the field is one of the kinds that CopyItems reads into To; then all is in `out`.
template <class To>
bool CopyCommon(const char* at, std::size_t step, const Field& field, std::vector<To>& out) {
  if (field.big_endian && field.bytes > 1) return false;
  const bool is_signed = field.type == 'i';
  if (field.type == 'f' && field.bytes == 8) {
    if constexpr (!std::is_same_v<To, double>) return false;
    CopyItems<double>(at, step, out);
  } else if (is_signed && field.bytes == 8) {
    CopyItems<std::int64_t>(at, step, out);
  } else if (is_signed && field.bytes == 4) {
    CopyItems<std::int32_t>(at, step, out);
  } else if (field.bytes == 1 && !is_signed) {
    CopyItems<std::uint8_t>(at, step, out);
  } else {
    return false;
  }
  return true;
}

/// Walks the items of an array in C order and gives the place of each in memory.
class Places {
 public:
  Places(const std::vector<std::size_t>& shape, const std::vector<std::size_t>& strides)
      : shape_(shape), strides_(strides), index_(shape.size()) {}

  /// Place of the next item, in items.
  std::size_t Next() {
    const std::size_t place = place_;
    for (std::size_t axis = shape_.size(); axis > 0; --axis) {
      const std::size_t i = axis - 1;
      place_ += strides_[i];
      if (++index_[i] < shape_[i]) break;
      place_ -= strides_[i] * shape_[i];
      index_[i] = 0;
    }
    return place;
  }

 private:
  const std::vector<std::size_t>& shape_;
  const std::vector<std::size_t>& strides_;
  std::vector<std::size_t> index_;
  std::size_t place_ = 0;
};

/// Strides in items of an array in C order, or from the first axis on.
std::vector<std::size_t> Strides(const std::vector<std::size_t>& shape, bool is_fortran) {
  std::vector<std::size_t> strides(shape.size());
  std::size_t stride = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::size_t axis = is_fortran ? i : shape.size() - 1 - i;
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

bool IsNumeric(const Field& field) {
  return field.type == 'f' || field.type == 'i' || field.type == 'u' || field.type == 'b';
}

/// Text of a U or S item, without trailing zeros; nothing when it holds no text.
std::optional<std::string> ItemText(const char* at, const Field& field) {
  const std::size_t width = field.type == 'U' ? 4 : 1;
  std::string text;
  std::size_t zeros = 0;
  for (std::size_t i = 0; i < field.bytes; i += width) {
    const std::uint32_t c = width == 4 ? Load<std::uint32_t>(at + i, field.big_endian)
                                       : static_cast<unsigned char>(at[i]);
    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return std::nullopt;
    if (c == 0) {
      ++zeros;
      continue;
    }
    text.append(zeros, '\0');
    zeros = 0;
    text::AppendUtf8(c, text);
  }
  return text;
}

}  // namespace

Result<Array> Array::From(Value value, std::string_view name) {
  const Store& store = value.store();
  if (!store.Is(value.id(), Tag::kArray)) {
    return text::Invalid({name, " is ", value.Describe(), ", expected a numpy.ndarray"});
  }
  const ArrayPart& part = store.array(value.id());
  auto shape = store.ShapeOf(part.shape, name);
  if (!shape.ok()) return shape.error();
  auto layout = store.LayoutOf(part.dtype, name);
  if (!layout.ok()) return layout.error();
  const auto size = CountItems(*shape, layout->bytes);
  if (!size) return text::Invalid({name, " has more items than can be counted"});

  if (*size > 0 && layout->bytes == 0 && !layout->holds_objects()) {
    return text::Invalid({name, " has items of no bytes"});
  }

  Array array;
  array.name_ = name;
  array.shape_ = *std::move(shape);
  array.size_ = *size;
  array.item_bytes_ = layout->bytes;
  array.is_record_ = layout->is_record;
  array.holds_objects_ = layout->holds_objects();
  array.fields_ = std::move(layout->fields);
  if (auto ordered = array.SetOrder(value); !ordered.ok()) return ordered.error();
  if (auto filled = array.SetData(value); !filled.ok()) return filled.error();
  return array;
}

Status Array::SetOrder(Value value) {
  const Store& store = value.store();
  const Id order = store.array(value.id()).order;
  if (order == kTrueId && shape_.size() > 1) strides_ = Strides(shape_, true);
  if (!store.IsTuple(order)) return Ok{};
  // Axis i of the array is axis axes[i] of what is in memory.
  const std::span<const Id> axes = store.Items(order);
  const std::vector<std::size_t> shape = shape_, strides = Strides(shape_, false);
  std::vector<bool> is_used(shape.size());
  bool is_permutation = axes.size() == shape.size();
  for (std::size_t i = 0; is_permutation && i < axes.size(); ++i) {
    const auto axis = store.Integer(axes[i]);
    is_permutation = axis && *axis >= 0 && static_cast<std::uint64_t>(*axis) < shape.size();
    if (!is_permutation) break;
    const auto from = static_cast<std::size_t>(*axis);
    is_permutation = !is_used[from];
    is_used[from] = true;
    shape_[i] = shape[from];
    strides_.push_back(strides[from]);
  }
  if (!is_permutation) return text::Invalid({name_, " has axes in an order that is none"});
  return Ok{};
}

Status Array::SetData(Value value) {
  const Store& store = value.store();
  const Id data = store.array(value.id()).data;
  if (!holds_objects_) {
    data_ = store.Text(data);
    if (!store.IsBytes(data) || data_.size() != size_ * item_bytes_) {
      return text::Invalid({name_, " has ", data_.size(), " bytes, expected ", size_, " items of ",
                            item_bytes_, " bytes"});
    }
    return Ok{};
  }
  if (is_record_) return text::Unsupported({name_, " has records that hold objects"});
  const std::span<const Id> items = store.Items(data);
  if (!store.Is(data, Tag::kList) || items.size() != size_) {
    return text::Invalid({name_, " has ", items.size(), " objects, expected ", size_});
  }
  // NumPy writes objects in C order whatever order they have in memory.
  strides_.clear();
  objects_.reserve(items.size());
  for (const Id item : items) objects_.push_back(Value(value.document_, item));
  return Ok{};
}

const Field* Array::FindField(std::string_view name) const {
  const auto found = std::find_if(fields_.begin(), fields_.end(),
                                  [&](const Field& field) { return field.name == name; });
  return found == fields_.end() ? nullptr : &*found;
}

Result<const Field*> Array::NumericField(const Field* field) const {
  if (field == nullptr) field = &fields_[0];
  if (holds_objects_ || !IsNumeric(*field) || (is_record_ && field->name.empty())) {
    return text::Invalid({name_, " has items of type ",
                          text::Quote(std::string_view(&field->type, 1)), ", expected numbers"});
  }
  return field;
}

Status Array::ReadDoubles(const Field* field, std::vector<double>& out) const {
  const auto checked = NumericField(field);
  if (!checked.ok()) return checked.error();
  const Field& from = **checked;
  out.resize(size_);
  if (size_ == 0) return Ok{};
  const char* begin = data_.data() + from.offset;
  if (strides_.empty() && CopyCommon(begin, item_bytes_, from, out)) return Ok{};
  const std::vector<std::size_t> strides = strides_.empty() ? Strides(shape_, false) : strides_;
  Places places(shape_, strides);
  for (double& item : out) item = LoadNumber(begin + places.Next() * item_bytes_, from).number;
  return Ok{};
}

Status Array::ReadIntegers(const Field* field, std::vector<std::int64_t>& out) const {
  const auto checked = NumericField(field);
  if (!checked.ok()) return checked.error();
  const Field& from = **checked;
  out.resize(size_);
  if (size_ == 0) return Ok{};
  const char* begin = data_.data() + from.offset;
  if (strides_.empty() && CopyCommon(begin, item_bytes_, from, out)) return Ok{};
  const std::vector<std::size_t> strides = strides_.empty() ? Strides(shape_, false) : strides_;
  Places places(shape_, strides);
  for (std::int64_t& item : out) {
    const Number number = LoadNumber(begin + places.Next() * item_bytes_, from);
    if (!number.is_integer) {
      return text::Invalid({name_, " holds ", number.number, ", expected a whole number"});
    }
    item = number.integer;
  }
  return Ok{};
}

Result<std::vector<double>> Array::Doubles(const Field* field) const {
  std::vector<double> out;
  if (auto read = ReadDoubles(field, out); !read.ok()) return read.error();
  return out;
}

Result<std::vector<std::int64_t>> Array::Integers(const Field* field) const {
  std::vector<std::int64_t> out;
  if (auto read = ReadIntegers(field, out); !read.ok()) return read.error();
  return out;
}

Result<std::vector<std::string>> Array::Texts() const {
  const Field& field = fields_[0];
  if (is_record_ || (field.type != 'U' && field.type != 'S')) {
    return text::Invalid({name_, " has items of type ",
                          text::Quote(std::string_view(&field.type, 1)), ", expected texts"});
  }
  const std::vector<std::size_t> strides = strides_.empty() ? Strides(shape_, false) : strides_;
  Places places(shape_, strides);
  std::vector<std::string> texts;
  texts.reserve(item_bytes_ == 0 ? 0 : size_);
  for (std::size_t i = 0; i < size_; ++i) {
    auto text = ItemText(data_.data() + places.Next() * item_bytes_, field);
    if (!text) return text::Invalid({name_, " holds a text with a character that is none"});
    texts.push_back(*std::move(text));
  }
  return texts;
}

Result<std::vector<Value>> Array::Objects() const {
  if (!holds_objects_) {
    return text::Invalid({name_, " has items of type ",
                          text::Quote(std::string_view(&fields_[0].type, 1)),
                          ", expected objects"});
  }
  return objects_;
}

}  // namespace copse::importer::pickle
