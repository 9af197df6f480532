#include "pickle/store.h"

#include <algorithm>
#include <cstring>

#include "text.h"

namespace copse::importer::pickle {
namespace {

// Values of a file are at least this many bytes on average; 60 kB may hold what it likes.
constexpr std::size_t kBytesOfValue = 3;
constexpr std::size_t kValuesAlways = 200'000;
constexpr std::size_t kBlockBytes = 4096;
// A search is linear, and many objects may share one dict as their state.
constexpr std::size_t kAttributesMax = 1000;

constexpr unsigned kRoomShift = 8, kSizeShift = 16;

std::uint64_t Head(Tag tag, std::size_t size, unsigned room) {
  return static_cast<std::uint64_t>(tag) | std::uint64_t{room} << kRoomShift |
         std::uint64_t{size} << kSizeShift;
}

/// Bytes of `text`, which is UTF-8, as latin1; nothing when it is not of that.
bool DecodeLatin1(std::string_view text, char* out) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    std::uint64_t word = 0;  // eight bytes at once where all are ASCII: most are zeros
    if (end - at >= 8) {
      std::memcpy(&word, at, sizeof word);
      if ((word & 0x8080808080808080) == 0) {
        std::memcpy(out, &word, sizeof word);
        at += sizeof word;
        out += sizeof word;
        continue;
      }
    }
    const auto byte = static_cast<unsigned char>(*at++);
    if (byte < 0x80) {
      *out++ = static_cast<char>(byte);
      continue;
    }
    if ((byte != 0xc2 && byte != 0xc3) || at == end || (*at & 0xc0) != 0x80) return false;
    *out++ = static_cast<char>((byte & 3) << 6 | (*at++ & 0x3f));
  }
  return true;
}

std::size_t Latin1Size(std::string_view text) {
  std::size_t n = 0;
  for (const char c : text) n += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return n;
}

}  // namespace

Store::Store(std::size_t file_bytes)
    : used_max_(std::max(kValuesAlways, file_bytes / kBytesOfValue)) {}

Id Store::Add(Tag tag, std::size_t size, std::uint64_t begin) {
  // Past the limit the machine stops at the next opcode, so this is bounded as well.
  if (records_.size() >= kSmallInteger - 1) used_ = used_max_;
  ++used_;
  Record record;
  record.head = Head(tag, size, 0);
  record.begin = begin;
  records_.push_back(record);
  return static_cast<Id>(records_.size() - 1);
}

Id Store::AddInteger(std::int64_t value) {
  if (value >= 0 && value < std::int64_t{kSmallIntegers}) {
    return kSmallInteger + static_cast<Id>(value);
  }
  return Add(Tag::kInteger, 0, static_cast<std::uint64_t>(value));
}

Id Store::AddFloat(double value) {
  const Id id = Add(Tag::kFloat, 0, 0);
  records_[id].number = value;
  return id;
}

Id Store::AddText(Tag tag, std::string_view text) {
  const Id id = Add(tag, text.size(), 0);
  records_[id].text = text.data();
  return id;
}

Id Store::AddTuple(std::span<const Id> items) {
  if (items.empty()) return kEmptyTupleId;
  const Id id = Add(Tag::kTuple, items.size(), children_.size());
  children_.insert(children_.end(), items.begin(), items.end());
  return id;
}

Id Store::AddAlias(Tag tag, std::span<const Id> items) {
  if (items.empty()) return tag == Tag::kTuple ? kEmptyTupleId : AddList(tag);
  return Add(tag, items.size(), static_cast<std::uint64_t>(items.data() - children_.data()));
}

Id Store::AddList(Tag tag) { return Add(tag, 0, 0); }

Id Store::AddObject(Tag tag, ObjectPart part) {
  objects_.push_back(part);
  ++used_;
  return Add(tag, 0, objects_.size() - 1);
}

Id Store::AddArray(ArrayPart part) {
  arrays_.push_back(part);
  ++used_;
  return Add(Tag::kArray, 0, arrays_.size() - 1);
}

char* Store::AddBlock(std::size_t bytes) {
  used_ += bytes / sizeof(Record);
  if (bytes > block_left_) {
    const bool is_shared = bytes <= kBlockBytes / 4;
    const std::size_t size = is_shared ? kBlockBytes : bytes;
    blocks_.push_back(std::unique_ptr<char[]>(new char[size]));
    if (!is_shared) return blocks_.back().get();
    block_at_ = blocks_.back().get();
    block_left_ = size;
  }
  char* block = block_at_;
  block_at_ += bytes;
  block_left_ -= bytes;
  return block;
}

Id Store::EncodeLatin1(Id id) {
  if (IsBytes(id)) return id;
  if (!Is(id, Tag::kText)) return kAbsent;
  const std::string_view text = Text(id);
  if (text.empty()) return AddText(Tag::kBytes, {});
  // A text may be named again and again through the memo: it is decoded once.
  const auto known = latin1_.find(text.data());
  if (known != latin1_.end()) return known->second;
  const std::size_t size = Latin1Size(text);
  char* block = AddBlock(size);
  if (!DecodeLatin1(text, block)) return kAbsent;
  const Id bytes = AddText(Tag::kBytes, {block, size});
  latin1_[text.data()] = bytes;
  return bytes;
}

void Store::Append(Id list, std::span<const Id> items) {
  Record& record = records_[list];
  const std::size_t size = record.size(), needed = size + items.size();
  Charge(items.size());
  unsigned room = (record.head >> kRoomShift) & 0xff;  // log2 + 1; 0 is none
  const auto places = [&] { return room == 0 ? 0 : std::size_t{1} << (room - 1); };
  auto begin = static_cast<std::size_t>(record.begin);
  if (needed > places()) {
    const std::size_t old_begin = begin;
    const bool is_last = room != 0 && begin + places() == children_.size();
    if (room == 0) Charge(size);  // an alias becomes a copy
    while (needed > places()) ++room;
    if (!is_last) begin = children_.size();
    children_.resize(begin + places(), kAbsent);
    if (!is_last) std::copy_n(children_.data() + old_begin, size, children_.data() + begin);
  }
  std::copy(items.begin(), items.end(), children_.data() + begin + size);
  record.begin = begin;
  record.head = Head(record.tag(), needed, room);
}

std::optional<std::int64_t> Store::Integer(Id id) const {
  if (id >= kSmallInteger && id < kFirstName) return std::int64_t{id - kSmallInteger};
  if (Is(id, Tag::kInteger)) return records_[id].integer;
  return std::nullopt;
}

std::string_view Store::Text(Id id) const {
  if (!IsText(id) && !Is(id, Tag::kBytes) && !Is(id, Tag::kGlobal)) return {};
  return {records_[id].text, records_[id].size()};
}

std::span<const Id> Store::Items(Id id) const {
  if (!IsRecord(id)) return {};
  switch (records_[id].tag()) {
    case Tag::kTuple:
    case Tag::kList:
    case Tag::kDict:
    case Tag::kSet:
      return {children_.data() + records_[id].begin, records_[id].size()};
    case Tag::kObject:
      return Items(object(id).items);
    default:
      return {};
  }
}

Id Store::Find(Id dict, std::string_view key) const {
  if (Is(dict, Tag::kObject)) dict = object(dict).items;
  if (!Is(dict, Tag::kDict)) return kAbsent;
  const std::span<const Id> items = Items(dict);
  for (std::size_t i = items.size(); i > 0; i -= 2) {
    if (IsText(items[i - 2]) && Text(items[i - 2]) == key) return items[i - 1];
  }
  return kAbsent;
}

Id Store::FindAttribute(Id id, std::string_view name) const {
  if (!Is(id, Tag::kObject)) return kAbsent;
  const Id state = object(id).state;
  const auto find = [&](Id dict) {
    const bool is_small = Is(dict, Tag::kDict) && Items(dict).size() <= 2 * kAttributesMax;
    return is_small ? Find(dict, name) : kAbsent;
  };
  if (!IsTuple(state) || Items(state).size() != 2) return find(state);
  // Of an object with __slots__: (the dict of the others or None, the dict of these).
  const Id other = find(Items(state)[0]);
  return other != kAbsent ? other : find(Items(state)[1]);
}

}  // namespace copse::importer::pickle
