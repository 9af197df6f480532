#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sources.h"
#include "text.h"

/// JSON and UBJSON (draft 12) of any size, looked at where they lie.
///
/// A value is a position in the bytes and nothing is built as a tree: what costs memory are the
/// numbers that a caller asks for. Opening walks through the file once and checks that every
/// bracket, string and length is whole; it keeps where the large lists and objects end, so that
/// nothing large is walked through again. Nothing recurses.
///
/// The JSON is that of XGBoost and Python: NaN, Infinity and -Infinity are numbers. A wanted key
/// that stands twice in its object is refused.
namespace copse::importer::view {

using text::Flaw;

enum class Format : std::uint8_t { kJson, kUbjson };
enum class Kind : std::uint8_t { kNone, kNull, kBool, kNumber, kString, kList, kObject };

/// Where a value is. In UBJSON `at` is behind the marker, which typed lists leave out.
struct Value {
  std::size_t at = 0;
  std::uint8_t marker = 0;  ///< JSON: its first character; 0: there is no such value
  bool found() const { return marker != 0; }
};

/// A member to look for: its name, and where to put it.
struct Wanted {
  std::string_view name;
  Value* value;
};

class Document {
 public:
  /// Errors: kInvalidModel, saying at which byte it goes wrong.
  static Result<Document> Open(Bytes bytes, Format format);

  Value root() const { return root_; }
  Kind KindOf(Value value) const;

  /// Members of `object`; those that are not there, or null, stay as they are. An `object` that is
  /// no object is a flaw. `where` names it in messages.
  Flaw Members(Value object, std::string_view where, std::initializer_list<Wanted> wanted) const;
  Flaw Text(Value value, std::string_view where, std::string& out) const;
  /// A number, or a string that holds one.
  Flaw Number(Value value, std::string_view where, double& out) const;
  Flaw Texts(Value list, std::string_view where, std::vector<std::string>& out) const;
  /// A list of numbers; true and false count as 1 and 0. Integers must be whole and fit.
  Flaw Numbers(Value list, std::string_view where, std::vector<double>& out) const;
  Flaw Numbers(Value list, std::string_view where, std::vector<float>& out) const;
  Flaw Numbers(Value list, std::string_view where, std::vector<std::int32_t>& out) const;
  /// What is wrong with `value`, which is not `expected`.
  Error Wrong(Value value, std::string_view where, std::string_view expected) const;

 private:
  friend class Cursor;
  friend class Scanner;
  explicit Document(Bytes bytes, Format format) : bytes_(bytes), format_(format) {}

  bool is_json() const { return format_ == Format::kJson; }
  std::uint8_t ByteAt(std::size_t at) const { return at < bytes_.size() ? bytes_[at] : 0; }
  std::size_t SkipSpace(std::size_t at) const;
  std::uint64_t BigEndian(std::size_t at, std::size_t n_bytes) const;
  /// The position behind a value, or kBroken; the second also where only a walk could tell.
  std::size_t EndOf(Value value) const;
  std::size_t EndWithoutWalk(Value value) const;
  std::size_t EndOfString(std::size_t at) const;
  /// A JSON number, or word that stands for one, at `at`: the position behind it, or kBroken.
  std::size_t ReadNumber(std::size_t at, double& out) const;
  /// A number or bool, and the position behind it.
  bool ReadScalar(Value value, double& out, std::size_t& end) const;
  /// A UBJSON length at `at`, marker first: the position behind it, or kBroken.
  std::size_t ReadLength(std::size_t at, std::uint64_t& length) const;
  std::string Unescape(std::size_t at, std::size_t end) const;
  std::size_t CountAtMost(Value list) const;
  template <class T>
  Flaw ReadNumbers(Value list, std::string_view where, std::vector<T>& out) const;

  static constexpr std::size_t kBroken = ~std::size_t{0};

  Bytes bytes_;
  Format format_;
  Value root_;
  std::vector<std::pair<std::size_t, std::size_t>> large_;  // begin and end of large containers
};

/// Steps through a list or an object of a Document, which must outlive it.
///
///   for (Cursor item(document, list); item.Next();) ... item.value() ...
///   if (item.broken()) ...
class Cursor {
 public:
  Cursor(const Document& document, Value container);
  bool Next();
  /// Whether the walk ended where the bytes make no sense, or `container` is none.
  bool broken() const { return is_broken_; }
  std::size_t at() const { return at_; }
  Value value() const { return value_; }
  bool KeyIs(std::string_view name) const;
  /// Says where the current value ends, for a caller who has walked over it.
  void Pass(std::size_t end);

 private:
  friend class Document;
  bool Break();
  void ReadHeader();
  std::uint8_t Closing() const { return is_object_ ? std::uint8_t{'}'} : std::uint8_t{']'}; }
  bool NextJson();
  bool NextUbjson();
  /// Of a typed UBJSON list with items of fixed size, the position behind it; else kBroken.
  std::size_t EndOfFixed() const;

  const Document* document_;
  Value value_;
  std::size_t at_ = 0;
  std::size_t key_begin_ = 0, key_end_ = 0;
  std::uint64_t n_left_ = 0;  // of a counted container
  std::uint8_t item_marker_ = 0;
  bool is_object_ = false, is_counted_ = false, is_first_ = true, is_broken_ = false;
  bool has_value_ = false;
};

}  // namespace copse::importer::view
