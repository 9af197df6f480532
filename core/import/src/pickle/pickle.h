#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "copse/result.h"

/// A Python pickle (protocols 0 to 5) or joblib file as inert values.
///
/// A stack machine that builds data and calls nothing: a global is its name, an object is its class
/// name, its arguments and its state. So no list of allowed classes is needed to be safe; who reads
/// a model asks for the classes and attributes that it knows and refuses the others by name.
/// Values are numbers into arenas: nothing recurses, shared and cyclic values cost nothing, and
/// strings, bytes and arrays stay views of the file, which must outlive the Document.
namespace copse::importer::pickle {

enum class Kind : std::uint8_t {
  kNone,
  kBool,
  kInteger,
  kFloat,
  kString,
  kBytes,
  kTuple,
  kList,
  kDict,
  kSet,
  kGlobal,  ///< a name: a class or function
  kObject,  ///< an instance: class name, arguments, state
  kDtype,   ///< numpy.dtype
  kArray,   ///< numpy.ndarray
};

class Array;
class Document;

/// A handle of one value; cheap to copy; the Document must outlive it. Asking a value for what it
/// is not gives nothing. Numbers and texts are found in numpy scalars and arrays without
/// dimensions, too.
class Value {
 public:
  Kind kind() const;
  bool is(Kind other) const { return kind() == other; }
  /// Identity: the same in every handle of one shared value.
  std::uint32_t id() const { return id_; }

  std::optional<bool> AsBool() const;             ///< True, False, numpy.bool_
  std::optional<std::int64_t> AsInteger() const;  ///< whole numbers within 64 bits; no bools
  std::optional<double> AsNumber() const;         ///< integers and floats
  std::optional<std::string> AsString() const;    ///< UTF-8; bytes of Python 2 as latin1
  std::optional<std::string_view> AsBytes() const;

  /// Items of a tuple, list or set; pairs of a dict. Of an object: what was added to it as to a
  /// list or dict, for it may be of a class derived from these.
  std::size_t size() const;
  bool holds_pairs() const;                               ///< a dict, or an object used as one
  Value At(std::size_t i) const;                          ///< item i of a tuple, list or set
  Value Key(std::size_t i) const;                         ///< of pair i of a dict
  Value Item(std::size_t i) const;                        ///< of pair i of a dict
  std::optional<Value> Find(std::string_view key) const;  ///< item of a dict; the last of equals

  /// Dotted name of a global, or of an object's class: "sklearn.tree._classes.ExtraTreeClassifier".
  /// Empty for an object whose class the file itself makes.
  std::string_view class_name() const;
  /// Behind the last dot of class_name().
  std::string_view class_stem() const;
  /// Attribute of an object: from the dict of its state, or of a pair of them (with __slots__). An
  /// object of more than 1000 attributes has none.
  std::optional<Value> Attribute(std::string_view name) const;
  std::optional<Value> state() const;  ///< what BUILD gave
  std::size_t n_arguments() const;     ///< of the call that would have made the object
  Value Argument(std::size_t i) const;

  /// What it is, for a message: `"text"`, `3`, `a list of 4`, `an object of class a.b.C`.
  std::string Describe() const;

 private:
  friend class Array;
  friend class Document;
  Value(const Document* document, std::uint32_t id) : document_(document), id_(id) {}
  std::optional<Value> IfPresent(std::uint32_t id) const;
  std::optional<Array> AsScalar() const;
  const class Store& store() const;
  const Document* document_;
  std::uint32_t id_;
};

/// One field of a structured dtype, or the only one of a plain dtype (name empty).
struct Field {
  std::string name;
  char type = 0;          ///< NumPy's kind: b i u f U S O V
  std::size_t bytes = 0;  ///< of one item
  bool big_endian = false;
  std::size_t offset = 0;  ///< within the record
};

/// A checked view of a numpy.ndarray: its bytes are all there, products do not overflow.
class Array {
 public:
  /// Errors: kInvalidModel, when `value` is no array or its parts do not agree; `name` says in the
  /// message what it is.
  static Result<Array> From(Value value, std::string_view name);

  const std::vector<std::size_t>& shape() const { return shape_; }
  std::size_t size() const { return size_; }  ///< items
  const std::vector<Field>& fields() const { return fields_; }
  bool is_record() const { return is_record_; }
  bool holds_objects() const { return holds_objects_; }
  /// Where the items are: arrays have the same address only if they share their bytes, which
  /// those of a written model never do.
  const void* address() const { return data_.data(); }
  const Field* FindField(std::string_view name) const;
  char type() const { return fields_[0].type; }

  /// All items in C order, whatever order, width and endianness they are stored in; of `field` of
  /// records, or of a plain array (field null). Errors: kInvalidModel when they are not numbers, or
  /// not whole numbers within range.
  Result<std::vector<double>> Doubles(const Field* field = nullptr) const;
  Result<std::vector<std::int64_t>> Integers(const Field* field = nullptr) const;
  /// Into memory that is kept between calls.
  Status ReadDoubles(const Field* field, std::vector<double>& out) const;
  Status ReadIntegers(const Field* field, std::vector<std::int64_t>& out) const;
  /// Texts of a U or S array (S as latin1), without trailing zeros.
  Result<std::vector<std::string>> Texts() const;
  /// Items of an object array, in C order.
  Result<std::vector<Value>> Objects() const;

 private:
  Status SetOrder(Value value);
  Status SetData(Value value);
  Result<const Field*> NumericField(const Field* field) const;

  std::string name_;
  std::vector<std::size_t> shape_;
  std::size_t size_ = 0, item_bytes_ = 0;
  std::vector<Field> fields_;
  bool is_record_ = false, holds_objects_ = false;
  std::vector<std::size_t> strides_;  // in items; empty in C order
  std::string_view data_;
  std::vector<Value> objects_;
};

class Document {
 public:
  /// Errors: kInvalidModel (damaged, naming the opcode and its place), kUnsupportedModel (an opcode
  /// or side file that is refused), kTooLarge (more values than the file's size explains).
  static Result<Document> Parse(std::span<const std::uint8_t> bytes);
  Value root() const;

  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;
  ~Document();

 private:
  friend class Value;
  struct Arena;  // store.h
  explicit Document(std::unique_ptr<Arena> arena);
  std::unique_ptr<Arena> arena_;
};

/// Whether `bytes` begin (and, without a protocol number, end) as a pickle; a damaged one, and a
/// joblib file of old that Parse refuses by name, look like one as well.
bool LooksLikePickle(std::span<const std::uint8_t> bytes);

}  // namespace copse::importer::pickle
