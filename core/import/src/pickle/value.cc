#include <algorithm>
#include <cmath>

#include "pickle/store.h"
#include "text.h"

namespace copse::importer::pickle {
namespace {

std::string Latin1ToUtf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) text += static_cast<char>(0xc0 | byte >> 6);
    text += byte < 0x80 ? c : static_cast<char>(0x80 | (byte & 0x3f));
  }
  return text;
}

/// A long name in two parts, so that a quote cuts off the module and not the class.
std::string DescribeObject(std::string_view name) {
  constexpr std::size_t kShort = 56;
  if (name.empty()) return "an object of a class that the file makes";
  const std::size_t dot = name.rfind('.');
  if (name.size() <= kShort || dot == std::string_view::npos) {
    return text::Concat({"an object of class ", text::Quote(name)});
  }
  return text::Concat({"an object of class ", text::Quote(name.substr(dot + 1)), " of module ",
                       text::Quote(name.substr(0, dot))});
}

}  // namespace

const Store& Value::store() const { return document_->arena_->store; }

std::optional<Value> Value::IfPresent(std::uint32_t id) const {
  if (id == kAbsent) return std::nullopt;
  return Value(document_, id);
}

std::optional<Array> Value::AsScalar() const {
  if (!store().Is(id_, Tag::kArray) || store().array(id_).shape != kEmptyTupleId) {
    return std::nullopt;
  }
  auto array = Array::From(*this, "");
  if (!array.ok() || array->is_record() || array->holds_objects()) return std::nullopt;
  return *std::move(array);
}

Kind Value::kind() const {
  if (id_ == kNoneId) return Kind::kNone;
  if (id_ == kTrueId || id_ == kFalseId) return Kind::kBool;
  if (id_ == kEmptyTupleId) return Kind::kTuple;
  if (!store().IsRecord(id_)) return Kind::kInteger;
  switch (store().record(id_).tag()) {
    case Tag::kInteger:
    case Tag::kHuge:
      return Kind::kInteger;
    case Tag::kFloat:
      return Kind::kFloat;
    case Tag::kText:
    case Tag::kLatin1:
      return Kind::kString;
    case Tag::kBytes:
      return Kind::kBytes;
    case Tag::kTuple:
      return Kind::kTuple;
    case Tag::kList:
      return Kind::kList;
    case Tag::kDict:
      return Kind::kDict;
    case Tag::kSet:
      return Kind::kSet;
    case Tag::kGlobal:
      return Kind::kGlobal;
    case Tag::kDtype:
      return Kind::kDtype;
    case Tag::kArray:
      return Kind::kArray;
    default:
      return Kind::kObject;
  }
}

std::optional<bool> Value::AsBool() const {
  if (is(Kind::kBool)) return id_ == kTrueId;
  const auto scalar = AsScalar();
  if (!scalar || scalar->type() != 'b') return std::nullopt;
  const auto number = scalar->Integers();
  return number.ok() ? std::optional((*number)[0] != 0) : std::nullopt;
}

std::optional<std::int64_t> Value::AsInteger() const {
  if (const auto integer = store().Integer(id_)) return integer;
  const auto scalar = AsScalar();
  if (!scalar || (scalar->type() != 'i' && scalar->type() != 'u')) return std::nullopt;
  const auto number = scalar->Integers();
  return number.ok() ? std::optional((*number)[0]) : std::nullopt;
}

std::optional<double> Value::AsNumber() const {
  if (store().Is(id_, Tag::kFloat)) return store().record(id_).number;
  if (const auto integer = store().Integer(id_)) return static_cast<double>(*integer);
  const auto scalar = AsScalar();
  if (!scalar || scalar->type() == 'b') return std::nullopt;
  const auto number = scalar->Doubles();
  return number.ok() ? std::optional((*number)[0]) : std::nullopt;
}

std::optional<std::string> Value::AsString() const {
  if (store().Is(id_, Tag::kLatin1)) return Latin1ToUtf8(store().Text(id_));
  if (store().Is(id_, Tag::kText)) {
    const std::string_view text = store().Text(id_);
    if (text::FindInvalidUtf8(text) != std::string_view::npos) return std::nullopt;
    return std::string(text);
  }
  const auto scalar = AsScalar();
  if (!scalar || (scalar->type() != 'U' && scalar->type() != 'S')) return std::nullopt;
  auto texts = scalar->Texts();
  return texts.ok() ? std::optional(std::move((*texts)[0])) : std::nullopt;
}

std::optional<std::string_view> Value::AsBytes() const {
  if (!store().IsBytes(id_)) return std::nullopt;
  return store().Text(id_);
}

std::size_t Value::size() const {
  const std::size_t n = store().Items(id_).size();
  return holds_pairs() ? n / 2 : n;
}

bool Value::holds_pairs() const {
  const bool is_object = store().Is(id_, Tag::kObject);
  return store().Is(is_object ? store().object(id_).items : id_, Tag::kDict);
}

Value Value::At(std::size_t i) const { return Value(document_, store().Items(id_)[i]); }
Value Value::Key(std::size_t i) const { return Value(document_, store().Items(id_)[2 * i]); }
Value Value::Item(std::size_t i) const { return Value(document_, store().Items(id_)[2 * i + 1]); }

std::optional<Value> Value::Find(std::string_view key) const {
  return IfPresent(store().Find(id_, key));
}

std::string_view Value::class_name() const {
  Id id = id_;
  if (store().Is(id, Tag::kObject) || store().Is(id, Tag::kDtype)) id = store().object(id).callee;
  return store().Is(id, Tag::kGlobal) ? store().Text(id) : std::string_view();
}

std::string_view Value::class_stem() const {
  const std::string_view name = class_name();
  return name.substr(name.rfind('.') + 1);
}

std::optional<Value> Value::Attribute(std::string_view name) const {
  return IfPresent(store().FindAttribute(id_, name));
}

std::optional<Value> Value::state() const {
  return store().Is(id_, Tag::kObject) ? IfPresent(store().object(id_).state) : std::nullopt;
}

std::size_t Value::n_arguments() const {
  return store().Is(id_, Tag::kObject) ? store().Items(store().object(id_).arguments).size() : 0;
}

Value Value::Argument(std::size_t i) const {
  return Value(document_, store().Items(store().object(id_).arguments)[i]);
}

std::string Value::Describe() const {
  using text::Concat;
  switch (kind()) {
    case Kind::kNone:
      return "None";
    case Kind::kBool:
      return id_ == kTrueId ? "True" : "False";
    case Kind::kInteger:
      if (const auto integer = AsInteger()) return Concat({*integer});
      return "a whole number past 64 bits";
    case Kind::kFloat:
      return text::FromDouble(store().record(id_).number);
    case Kind::kString:
      return text::Quote(store().Text(id_));
    case Kind::kBytes:
      return Concat({store().Text(id_).size(), " bytes"});
    case Kind::kTuple:
      return Concat({"a tuple of ", size()});
    case Kind::kList:
      return Concat({"a list of ", size()});
    case Kind::kDict:
      return Concat({"a dict of ", size()});
    case Kind::kSet:
      return Concat({"a set of ", size()});
    case Kind::kGlobal:
      return Concat({"the name ", text::Quote(class_name())});
    case Kind::kDtype:
      return "a numpy.dtype";
    case Kind::kArray:
      return "a numpy.ndarray";
    default:
      return DescribeObject(class_name());
  }
}

}  // namespace copse::importer::pickle
