#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pickle/pickle.h"

/// Where the values of a Document live: 16-byte records and lists of numbers of records.
///
/// None, True, False, () and whole numbers from 0 to 2^30 - 1 have no record: their number says
/// what they are. Texts are pointers into the file, or into a block here where they had to be
/// decoded.
namespace copse::importer::pickle {

using Id = std::uint32_t;
inline constexpr Id kSmallInteger = Id{1} << 31;  // + the integer
inline constexpr Id kSmallIntegers = Id{1} << 30;
inline constexpr Id kFirstName = kSmallInteger + kSmallIntegers;
inline constexpr Id kNoneId = kFirstName;
inline constexpr Id kFalseId = kFirstName + 1;
inline constexpr Id kTrueId = kFirstName + 2;
inline constexpr Id kEmptyTupleId = kFirstName + 3;
inline constexpr Id kAbsent = kFirstName + 4;  // no value at all

enum class Tag : std::uint8_t {
  kInteger,
  kHuge,  // a whole number past 64 bits; its bytes or digits
  kFloat,
  kText,    // UTF-8
  kLatin1,  // str of Python 2: bytes or text
  kBytes,
  kTuple,
  kList,
  kDict,
  kSet,
  kGlobal,
  kObject,
  kDtype,
  kArray,
};

struct Record {
  std::uint64_t head = 0;  // tag, log2 of a list's room + 1, size << 16
  union {
    const char* text;
    std::int64_t integer;
    double number;
    std::uint64_t begin;  // in children, objects or arrays
  };
  Tag tag() const { return static_cast<Tag>(head & 0xff); }
  std::size_t size() const { return static_cast<std::size_t>(head >> 16); }
};
static_assert(sizeof(Record) == 16);

/// A kObject or kDtype.
struct ObjectPart {
  Id callee = kAbsent;     // a global, or an object that was called
  Id arguments = kAbsent;  // a tuple
  Id state = kAbsent;
  Id items = kAbsent;  // list or dict, of a class derived from these
};

struct ArrayPart {
  Id shape = kAbsent;  // a tuple
  Id dtype = kAbsent;
  Id data = kAbsent;   // bytes, or a list of objects
  Id order = kAbsent;  // True: Fortran's; a tuple: the axes of the transposed array; else C's
};

/// A dtype, read: what one item of an array is.
struct Layout {
  std::vector<Field> fields;
  std::size_t bytes = 0;
  bool is_record = false;
  bool holds_objects() const;
};

class Store {
 public:
  explicit Store(std::size_t file_bytes);

  /// Whether more was made than the file's size explains: the caller's sign to stop.
  bool IsFull() const { return used_ > used_max_; }

  Id AddInteger(std::int64_t value);
  Id AddFloat(double value);
  Id AddText(Tag tag, std::string_view text);
  Id AddTuple(std::span<const Id> items);
  Id AddList(Tag tag);
  /// A container of items that are in a list or tuple already.
  Id AddAlias(Tag tag, std::span<const Id> items);
  Id AddObject(Tag tag, ObjectPart part);
  Id AddArray(ArrayPart part);
  /// Room for a text that is not in the file as it must be.
  char* AddBlock(std::size_t bytes);
  /// Text of a string as the bytes that it is in latin1; absent when it has other characters.
  Id EncodeLatin1(Id text);
  /// Counts items that are copied and not read from the file.
  void Charge(std::size_t n_items) { used_ += n_items / (sizeof(Record) / sizeof(Id)); }
  void Append(Id list, std::span<const Id> items);
  void Become(Id id, Id other) { records_[id] = records_[other]; }

  bool IsRecord(Id id) const { return id < kSmallInteger; }
  bool Is(Id id, Tag tag) const { return IsRecord(id) && records_[id].tag() == tag; }
  const Record& record(Id id) const { return records_[id]; }
  std::optional<std::int64_t> Integer(Id id) const;
  std::string_view Text(Id id) const;  // of any text, bytes or global; else empty
  bool IsText(Id id) const { return Is(id, Tag::kText) || Is(id, Tag::kLatin1); }
  bool IsTuple(Id id) const { return id == kEmptyTupleId || Is(id, Tag::kTuple); }
  bool IsBytes(Id id) const { return Is(id, Tag::kBytes) || Is(id, Tag::kLatin1); }
  std::span<const Id> Items(Id id) const;  // of tuple, list, set; keys and values of a dict
  ObjectPart& object(Id id) { return objects_[static_cast<std::size_t>(records_[id].begin)]; }
  const ObjectPart& object(Id id) const {
    return objects_[static_cast<std::size_t>(records_[id].begin)];
  }
  ArrayPart& array(Id id) { return arrays_[static_cast<std::size_t>(records_[id].begin)]; }
  const ArrayPart& array(Id id) const {
    return arrays_[static_cast<std::size_t>(records_[id].begin)];
  }
  /// Value of the last such key; absent when there is none.
  Id Find(Id dict, std::string_view key) const;
  Id FindAttribute(Id object, std::string_view name) const;

  Result<Layout> LayoutOf(Id dtype, std::string_view name) const;
  /// Lengths of the axes; whether their product overflows is CountItems' question.
  Result<std::vector<std::size_t>> ShapeOf(Id tuple, std::string_view name) const;

 private:
  Id Add(Tag tag, std::size_t size, std::uint64_t begin);
  std::optional<Field> FieldOf(Id name, Id place, std::size_t record_bytes) const;

  std::vector<Record> records_;
  std::vector<Id> children_;
  std::vector<ObjectPart> objects_;
  std::vector<ArrayPart> arrays_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::size_t block_left_ = 0;
  char* block_at_ = nullptr;
  std::unordered_map<const char*, Id> latin1_;  // by the text's place in the file
  std::size_t used_ = 0, used_max_;             // records and parts, in records
};

/// Product of the lengths; nothing where it, or its bytes, would overflow.
std::optional<std::size_t> CountItems(const std::vector<std::size_t>& shape, std::size_t bytes);

struct Document::Arena {
  Store store;
  Id root = kAbsent;
};

}  // namespace copse::importer::pickle
