// How a Document and its Cursors step over values without looking into them.
#include <algorithm>
#include <array>

#include "xgboost/json_view.h"

namespace copse::importer::view {
namespace {

/// Levels of lists and objects inside each other. XGBoost needs 8, CatBoost's trees up to 20.
constexpr std::size_t kDepthMax = 64;
constexpr std::string_view kTooDeep = "lists and objects nest deeper than 64 levels";
/// Containers of at least so many bytes are remembered: a hundredth of the file at most.
constexpr std::size_t kLargeBytes = 1024;

/// Bytes of a UBJSON value of fixed size behind its marker.
constexpr std::size_t kNoSize = ~std::size_t{0};
std::size_t SizeOf(std::uint8_t marker) {
  switch (marker) {
    case 'Z':
    case 'T':
    case 'F':
      return 0;
    case 'i':
    case 'U':
    case 'C':
      return 1;
    case 'I':
      return 2;
    case 'l':
    case 'd':
      return 4;
    case 'L':
    case 'D':
      return 8;
    default:
      return kNoSize;
  }
}

bool IsContainer(std::uint8_t marker) { return marker == '[' || marker == '{'; }
bool IsText(std::uint8_t marker) { return marker == 'S' || marker == 'H'; }

}  // namespace

/// A walk from the opening of one container to its end, level by level on a stack of its own.
class Scanner {
 public:
  Scanner(const Document& document, std::vector<std::pair<std::size_t, std::size_t>>* large)
      : document_(document), large_(large) {}

  /// The position behind the container, or kBroken: then `at()` and `why()` say where and why.
  std::size_t Run(Value container) {
    return document_.is_json() ? RunJson(container.at) : RunUbjson(container);
  }
  std::size_t at() const { return at_; }
  std::string_view why() const { return why_; }

 private:
  struct Level {
    std::size_t begin;
    std::size_t slot;  // in large_
    Cursor cursor;     // UBJSON only
  };

  std::size_t Fail(std::size_t at, std::string_view why) {
    at_ = at;
    why_ = why;
    return Document::kBroken;
  }

  void Remember(std::size_t begin, std::size_t& slot) {
    if (large_ == nullptr) return;
    slot = large_->size();
    large_->emplace_back(begin, 0);
  }

  // What holds something large is large, so small ones are always last.
  void Forget(std::size_t begin, std::size_t slot, std::size_t end) {
    if (large_ == nullptr) return;
    (*large_)[slot].second = end;
    if (end - begin < kLargeBytes && slot + 1 == large_->size()) large_->pop_back();
  }

  std::size_t RunJson(std::size_t at) {
    std::array<std::size_t, kDepthMax> begin{}, slot{};
    std::size_t depth = 0;
    const Bytes bytes = document_.bytes_;
    while (at < bytes.size()) {
      const std::uint8_t c = bytes[at];
      if (c == '"') {
        const std::size_t end = document_.EndOfString(at);
        if (end == Document::kBroken) return Fail(at, "a string has no end, or a zero byte in it");
        at = end;
        continue;
      }
      // What a disk or a download left out is zeros, and may be long.
      if (c == 0) return Fail(at, "it is zero");
      ++at;
      if (IsContainer(c)) {
        if (depth == kDepthMax) return Fail(at - 1, kTooDeep);
        begin[depth] = at - 1;
        Remember(at - 1, slot[depth++]);
      } else if (c == ']' || c == '}') {
        // Of either kind the closing one comes two after the opening one in ASCII.
        if (bytes[begin[depth - 1]] + 2 != c) return Fail(at - 1, "a bracket closes another");
        --depth;
        Forget(begin[depth], slot[depth], at);
        if (depth == 0) return at;
      }
    }
    return Fail(bytes.size(), "it ends inside of a list or object");
  }

  std::size_t RunUbjson(Value container) {
    std::vector<Level> levels;
    Value next = container;
    for (;;) {
      const std::size_t end = document_.EndWithoutWalk(next);
      if (end != Document::kBroken) {
        if (levels.empty()) return end;
        levels.back().cursor.Pass(end);
      } else if (!IsContainer(next.marker)) {
        return Fail(next.at, "a value is not whole");
      } else {
        if (levels.size() == kDepthMax) return Fail(next.at, kTooDeep);
        levels.push_back({next.at, 0, Cursor(document_, next)});
        Remember(next.at, levels.back().slot);
      }
      while (!levels.back().cursor.Next()) {
        const Level& level = levels.back();
        const std::size_t behind = level.cursor.at();
        if (level.cursor.broken()) return Fail(behind, "a value, key or length is not whole");
        Forget(level.begin, level.slot, behind);
        levels.pop_back();
        if (levels.empty()) return behind;
        levels.back().cursor.Pass(behind);
      }
      next = levels.back().cursor.value();
    }
  }

  const Document& document_;
  std::vector<std::pair<std::size_t, std::size_t>>* large_;
  std::size_t at_ = 0;
  std::string_view why_;
};

Result<Document> Document::Open(Bytes bytes, Format format) {
  Document document(bytes, format);
  const std::size_t at = format == Format::kJson ? document.SkipSpace(0) : 1;
  const std::uint8_t marker = document.ByteAt(format == Format::kJson ? at : 0);
  if (marker != '{') return text::Invalid({"the file does not begin with an object"});
  document.root_ = {at, marker};
  Scanner scanner(document, &document.large_);
  if (scanner.Run(document.root_) != kBroken) return document;
  return text::Invalid({"the file is damaged at byte ", scanner.at(), ": ", scanner.why()});
}

// From the quote at `at` to behind the one that closes.
std::size_t Document::EndOfString(std::size_t at) const {
  for (++at; at < bytes_.size() && bytes_[at] != 0; ++at) {
    if (bytes_[at] == '"') return at + 1;
    if (bytes_[at] == '\\') ++at;
  }
  return kBroken;
}

std::size_t Document::EndOf(Value value) const {
  const std::size_t end = EndWithoutWalk(value);
  if (end != kBroken || !IsContainer(value.marker)) return end;
  return Scanner(*this, nullptr).Run(value);
}

std::size_t Document::EndWithoutWalk(Value value) const {
  if (IsContainer(value.marker)) {
    const auto large =
        std::lower_bound(large_.begin(), large_.end(), value.at,
                         [](const auto& span, std::size_t at) { return span.first < at; });
    if (large != large_.end() && large->first == value.at && large->second != 0) {
      return large->second;
    }
    return is_json() ? kBroken : Cursor(*this, value).EndOfFixed();
  }
  if (is_json()) {
    double ignored = 0;
    if (value.marker == '"') return EndOfString(value.at);
    if (value.marker != 'n') return ReadNumber(value.at, ignored);
    constexpr std::string_view kNull = "null";
    const bool is_null = std::equal(kNull.begin(), kNull.end(), bytes_.begin() + value.at,
                                    bytes_.begin() + std::min(bytes_.size(), value.at + 4));
    return is_null ? value.at + 4 : kBroken;
  }
  std::uint64_t length = SizeOf(value.marker);
  std::size_t begin = value.at;
  if (IsText(value.marker)) begin = ReadLength(value.at, length);
  const bool fits = begin <= bytes_.size() && length <= bytes_.size() - begin;
  return fits ? begin + static_cast<std::size_t>(length) : kBroken;
}

std::uint64_t Document::BigEndian(std::size_t at, std::size_t n_bytes) const {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < n_bytes; ++i) bits = bits << 8 | ByteAt(at + i);
  return bits;
}

std::size_t Document::ReadLength(std::size_t at, std::uint64_t& length) const {
  const std::uint8_t marker = ByteAt(at);
  double number = -1;
  std::size_t end = 0;
  const bool is_integer = marker != 'd' && marker != 'D' && marker != 'T' && marker != 'F';
  if (!is_integer || SizeOf(marker) == kNoSize) return kBroken;
  if (!ReadScalar({at + 1, marker}, number, end) || !(number >= 0)) return kBroken;
  length = static_cast<std::uint64_t>(number);
  return end;
}

Cursor::Cursor(const Document& document, Value container) : document_(&document) {
  at_ = container.at;
  is_object_ = container.marker == '{';
  if (!IsContainer(container.marker)) {
    Break();
  } else if (document.is_json()) {
    ++at_;
  } else {
    ReadHeader();
  }
}

// `$` and the marker of all items, `#` and their number: both, the last, or none.
void Cursor::ReadHeader() {
  const bool is_typed = document_->ByteAt(at_) == '$';
  if (is_typed) {
    item_marker_ = document_->ByteAt(at_ + 1);
    at_ += 2;
    const bool is_known = SizeOf(item_marker_) != kNoSize || IsText(item_marker_);
    if (!is_known && !IsContainer(item_marker_)) Break();
  }
  is_counted_ = document_->ByteAt(at_) == '#';
  if (is_typed && !is_counted_) Break();
  if (!is_counted_ || is_broken_) return;
  at_ = document_->ReadLength(at_ + 1, n_left_);
  if (at_ == Document::kBroken) {
    Break();
    return;
  }
  // Items without bytes of their own are held to the same bound: nobody writes them.
  const std::size_t size = SizeOf(item_marker_);
  const std::uint64_t n_left_max =
      (document_->bytes_.size() - at_) /
      (is_typed && size != kNoSize ? std::max<std::size_t>(size, 1) : 1);
  if (n_left_ > n_left_max) Break();
}

std::size_t Cursor::EndOfFixed() const {
  const std::size_t size = item_marker_ == 0 ? kNoSize : SizeOf(item_marker_);
  if (is_broken_ || is_object_ || size == kNoSize) return Document::kBroken;
  return at_ + static_cast<std::size_t>(n_left_) * size;
}

bool Cursor::Break() {
  is_broken_ = true;
  at_ = std::min(at_, document_->bytes_.size());
  return false;
}

void Cursor::Pass(std::size_t end) {
  at_ = end;
  has_value_ = false;
}

bool Cursor::Next() {
  if (is_broken_) return false;
  if (has_value_) {
    const std::size_t end = document_->EndOf(value_);
    if (end == Document::kBroken) return Break();
    Pass(end);
  }
  if (!(document_->is_json() ? NextJson() : NextUbjson())) return false;
  has_value_ = true;
  is_first_ = false;
  return true;
}

bool Cursor::NextJson() {
  at_ = document_->SkipSpace(at_);
  const std::uint8_t c = document_->ByteAt(at_);
  if (c == Closing()) {
    ++at_;
    return false;
  }
  if (!is_first_) {
    if (c != ',') return Break();
    at_ = document_->SkipSpace(at_ + 1);
  }
  if (is_object_) {
    if (document_->ByteAt(at_) != '"') return Break();
    key_begin_ = at_ + 1;
    at_ = document_->EndOfString(at_);
    if (at_ == Document::kBroken) return Break();
    key_end_ = at_ - 1;
    at_ = document_->SkipSpace(at_);
    if (document_->ByteAt(at_) != ':') return Break();
    at_ = document_->SkipSpace(at_ + 1);
  }
  value_ = {at_, document_->ByteAt(at_)};
  constexpr std::string_view kStarts = "{[\"-0123456789tfnNI";
  return kStarts.find(static_cast<char>(value_.marker)) != std::string_view::npos || Break();
}

bool Cursor::NextUbjson() {
  if (is_counted_) {
    if (n_left_ == 0) return false;
    --n_left_;
  } else {
    while (document_->ByteAt(at_) == 'N') ++at_;
    if (document_->ByteAt(at_) == Closing()) {
      ++at_;
      return false;
    }
  }
  if (is_object_) {
    std::uint64_t length = 0;
    key_begin_ = document_->ReadLength(at_, length);
    if (key_begin_ == Document::kBroken || length > document_->bytes_.size() - key_begin_) {
      return Break();
    }
    at_ = key_end_ = key_begin_ + static_cast<std::size_t>(length);
  }
  if (item_marker_ != 0) {
    value_ = {at_, item_marker_};
    return true;
  }
  while (document_->ByteAt(at_) == 'N') ++at_;
  value_ = {at_ + 1, document_->ByteAt(at_)};
  const std::uint8_t marker = value_.marker;
  return SizeOf(marker) != kNoSize || IsText(marker) || IsContainer(marker) || Break();
}

bool Cursor::KeyIs(std::string_view name) const {
  const std::string_view key(reinterpret_cast<const char*>(document_->bytes_.data()) + key_begin_,
                             key_end_ - key_begin_);
  if (key == name) return true;
  const bool is_escaped = document_->is_json() && key.find('\\') != std::string_view::npos;
  return is_escaped && document_->Unescape(key_begin_, key_end_) == name;
}

}  // namespace copse::importer::view
