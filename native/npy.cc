#include "npy.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "row_blocks.h"
#include "utf8.h"

namespace copse {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they are");

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kHeadBytes = 128;  // of what we write
constexpr std::size_t kDictionaryBytesMax = 64 << 10;

Error Refuse(const std::string& why) {
  return Error{ErrorCode::kInvalidInput, "the .npy array " + why};
}

// Reads the Python literal that stands in a head, and no other.
class DictionaryParser {
 public:
  explicit DictionaryParser(std::string_view text) : text_(text) {}

  Result<NpyHeader> Parse() {
    std::optional<bool> order;
    if (!Take('{')) return Malformed();
    while (!Take('}')) {
      const auto key = String();
      if (!key || !Take(':')) return Malformed();
      if (*key == "descr" && header_.type.empty()) {
        const auto type = String();
        if (!type) return Refuse("has a structured type; rows of plain numbers were expected");
        header_.type = *type;
      } else if (*key == "fortran_order" && !order) {
        order = Bool();
        if (!order) return Malformed();
      } else if (*key == "shape" && !has_shape_) {
        if (!Shape()) return Malformed();
      } else {
        return Malformed();
      }
      if (Take(',')) continue;
      if (!Take('}')) return Malformed();
      break;
    }
    SkipSpaces();
    if (!text_.empty() || header_.type.empty() || !order || !has_shape_) return Malformed();
    header_.fortran_order = *order;
    return header_;
  }

 private:
  static Error Malformed() { return Refuse("has a head that numpy did not write"); }

  void SkipSpaces() {
    text_.remove_prefix(std::min(text_.find_first_not_of(" \n\t"), text_.size()));
  }
  bool Take(std::string_view word) {
    SkipSpaces();
    if (!text_.starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }
  bool Take(char c) { return Take(std::string_view(&c, 1)); }

  std::optional<std::string> String() {
    SkipSpaces();
    if (text_.empty() || (text_[0] != '\'' && text_[0] != '"')) return std::nullopt;
    const std::size_t end = text_.find(text_[0], 1);
    if (end == std::string_view::npos) return std::nullopt;
    std::string string(text_.substr(1, end - 1));
    text_.remove_prefix(end + 1);
    return string;
  }

  std::optional<bool> Bool() {
    if (Take("True")) return true;
    if (Take("False")) return false;
    return std::nullopt;
  }

  bool Shape() {
    has_shape_ = true;
    if (!Take('(')) return false;
    while (!Take(')')) {
      SkipSpaces();
      std::size_t size = 0;
      const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), size);
      if (error != std::errc()) return false;
      text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
      Take('L');  // Python 2 wrote long integers so
      header_.shape.push_back(size);
      if (Take(',')) continue;
      return Take(')');
    }
    return true;
  }

  std::string_view text_;
  NpyHeader header_;
  bool has_shape_ = false;
};

template <class T>
void AppendAs(std::string_view bytes, std::vector<double>& values) {
  for (std::size_t i = 0; i + sizeof(T) <= bytes.size(); i += sizeof(T)) {
    T value;
    std::memcpy(&value, bytes.data() + i, sizeof(T));
    values.push_back(static_cast<double>(value));
  }
}

struct Element {
  std::string_view type;
  std::size_t n_bytes;
  void (*append)(std::string_view bytes, std::vector<double>& values);
};
constexpr std::array<Element, 7> kElements = {{
    {"<f8", 8, AppendAs<double>},
    {"<f4", 4, AppendAs<float>},
    {"<i8", 8, AppendAs<std::int64_t>},
    {"<i4", 4, AppendAs<std::int32_t>},
    {"|i1", 1, AppendAs<std::int8_t>},
    {"|u1", 1, AppendAs<std::uint8_t>},
    {"|b1", 1, AppendAs<std::uint8_t>},
}};

class NpyBlocks final : public RowBlocks {
 public:
  NpyBlocks(const Model& model, ByteSource source, std::size_t block_bytes)
      : RowBlocks(model),
        block_bytes_(block_bytes),
        source_(std::move(source), block_bytes, std::numeric_limits<std::size_t>::max(),
                [this](std::string_view text) { return text.size() / row_bytes() * row_bytes(); }) {
  }

  Result<bool> Read(RowBlock& block) override {
    if (element_ == nullptr) {
      if (auto read = ReadHead(); !read.ok()) return read.error();
    }
    return fortran_order_ ? ReadColumns(block) : ReadRows(block);
  }

 private:
  std::size_t n_features() const { return columns_.n_features(); }
  std::size_t row_bytes() const { return n_features() * element_->n_bytes; }

  Status ReadHead() {
    auto head = source_.ReadExactly(10);
    if (!head.ok()) return head.error();
    if (head->size() < 10 || !head->starts_with(kMagic)) {
      return Refuse("does not start as numpy.save writes it");
    }
    const int version = static_cast<std::uint8_t>((*head)[6]);
    if (version < 1 || version > 3) return Refuse("is of a format version past 3");
    if (version > 1) {
      auto more = source_.ReadExactly(2);
      if (!more.ok()) return more.error();
      *head += *more;
    }
    std::size_t n_bytes = 0;
    std::memcpy(&n_bytes, head->data() + 8, head->size() - 8);
    if (n_bytes > kDictionaryBytesMax) return Refuse("has a head of more than 64 KiB");
    auto dictionary = source_.ReadExactly(n_bytes);
    if (!dictionary.ok()) return dictionary.error();
    if (dictionary->size() < n_bytes) return Refuse("ends inside its head");
    auto header = ParseNpyHeader(*dictionary);
    if (!header.ok()) return header.error();
    return Accept(*header);
  }

  Status Accept(const NpyHeader& header) {
    const auto* element = std::find_if(kElements.begin(), kElements.end(),
                                       [&](const Element& e) { return e.type == header.type; });
    if (element == kElements.end()) {
      return Refuse("is of type " + Shown(header.type) +
                    "; one of <f8 <f4 <i8 <i4 |i1 |u1 |b1 was expected");
    }
    const auto& shape = header.shape;
    const bool one_feature = shape.size() == 1 && n_features() == 1;
    if (one_feature || (shape.size() == 2 && shape[1] == n_features())) {
      n_rows_ = shape[0];
    } else if (shape.size() == 1 && shape[0] == n_features()) {
      n_rows_ = 1;
    } else {
      return Refuse("has the shape " + ShapeShown(shape) + "; (n, " + std::to_string(n_features()) +
                    ") was expected");
    }
    if (n_rows_ > std::numeric_limits<std::size_t>::max() / 8 / n_features()) {
      return Refuse("has the shape " + ShapeShown(shape) + ", more than any memory holds");
    }
    element_ = element;
    fortran_order_ = header.fortran_order && shape.size() == 2;
    return Ok{};
  }

  static std::string ShapeShown(const std::vector<std::size_t>& shape) {
    std::string text;
    for (std::size_t i = 0; i < shape.size() && text.size() < 100; ++i) {
      text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
    }
    return "(" + text + (shape.size() == 1 ? ",)" : ")");
  }

  Result<bool> ReadRows(RowBlock& block) {
    auto more = source_.Read(block);
    if (!more.ok()) return more;
    const std::size_t n_rows = block.text().size() / row_bytes();
    if (n_rows > n_rows_ - row_ || (row_ == n_rows_ && *more)) {
      return Refuse("is followed by more bytes than its head names");
    }
    if (n_rows * row_bytes() < block.text().size() || (!*more && row_ < n_rows_)) return TooShort();
    row_ += n_rows;
    return more;
  }

  // Rows of an array stored column by column: all of it is read at the first call.
  Result<bool> ReadColumns(RowBlock& block) {
    if (row_ == 0) {
      if (auto read = ReadAllColumns(); !read.ok()) return read.error();
    }
    const std::size_t n_rows =
        std::min(n_rows_ - row_, std::max<std::size_t>(1, block_bytes_ / row_bytes()));
    block.bytes.resize(n_rows * row_bytes());
    char* to = block.bytes.data();
    for (std::size_t i = row_; i < row_ + n_rows; ++i) {
      for (std::size_t f = 0; f < n_features(); ++f, to += element_->n_bytes) {
        std::memcpy(to, &all_[(f * n_rows_ + i) * element_->n_bytes], element_->n_bytes);
      }
    }
    row_ += n_rows;
    block.begin = 0;
    block.end = block.bytes.size();
    block.n_read = row_ * row_bytes();
    return n_rows > 0;
  }

  Status ReadAllColumns() {
    auto all = source_.ReadExactly(n_rows_ * row_bytes());
    if (!all.ok()) return all.error();
    all_ = std::move(*all);
    if (all_.size() < n_rows_ * row_bytes()) return TooShort();
    auto more = source_.ReadExactly(1);
    if (!more.ok()) return more.error();
    if (!more->empty()) return Refuse("is followed by more bytes than its head names");
    return Ok{};
  }

  Error TooShort() const {
    return Refuse("ends before the " + std::to_string(n_rows_) + " rows that its head names");
  }

  Status ParseRows(std::string_view& text, RowNumber, std::size_t n_rows_max, Rows& rows,
                   Blame&) const override {
    rows.n_rows = std::min(n_rows_max, text.size() / row_bytes());
    rows.values.reserve(rows.n_rows * n_features());
    element_->append(text.substr(0, rows.n_rows * row_bytes()), rows.values);
    text.remove_prefix(rows.n_rows * row_bytes());
    return Ok{};
  }

  std::size_t block_bytes_;
  BlockSource source_;
  const Element* element_ = nullptr;  // set once the head is read
  bool fortran_order_ = false;
  std::size_t n_rows_ = 0, row_ = 0;
  std::string all_;  // of an array in Fortran order
};

template <class T>
void AppendBytes(std::string& bytes, T value) {
  std::array<char, sizeof(T)> raw{};
  std::memcpy(raw.data(), &value, sizeof(T));
  bytes.append(raw.data(), raw.size());
}

std::string TypeText(const NpyFormat& format) {
  switch (format.type) {
    case NpyType::kFloat64:
      return "<f8";
    case NpyType::kFloat32:
      return "<f4";
    case NpyType::kInt64:
      return "<i8";
    case NpyType::kBool:
      return "|b1";
    case NpyType::kText:
      return "<U" + std::to_string(format.text_width);
  }
  return "";
}

}  // namespace

Result<NpyHeader> ParseNpyHeader(std::string_view dictionary) {
  return DictionaryParser(dictionary).Parse();
}

std::unique_ptr<RowBlocks> NewNpyBlocks(const Model& model, ByteSource source,
                                        std::size_t block_bytes) {
  return std::make_unique<NpyBlocks>(model, std::move(source), block_bytes);
}

std::string NpyHead(const NpyFormat& format, std::size_t n_rows) {
  std::string shape = std::to_string(n_rows) + ",";
  if (format.n_inner > 0) {
    shape += " " + std::to_string(format.n_columns / format.n_inner) + ", " +
             std::to_string(format.n_inner);
  } else if (!format.flat) {
    shape += " " + std::to_string(format.n_columns);
  }
  std::string head(kMagic);
  head += '\x01';
  head += '\0';
  AppendBytes(head, static_cast<std::uint16_t>(kHeadBytes - 10));
  head +=
      "{'descr': '" + TypeText(format) + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  assert(head.size() < kHeadBytes);
  head.resize(kHeadBytes - 1, ' ');
  return head + "\n";
}

void AppendNpyNumber(std::string& bytes, NpyType type, double number) {
  switch (type) {
    case NpyType::kFloat64:
      return AppendBytes(bytes, number);
    case NpyType::kFloat32:
      return AppendBytes(bytes, static_cast<float>(number));
    case NpyType::kInt64:
      return AppendBytes(bytes, static_cast<std::int64_t>(number));
    case NpyType::kBool:
      return AppendBytes(bytes, static_cast<std::uint8_t>(number != 0));
    case NpyType::kText:
      assert(false && "a number is no text");
  }
}

void AppendNpyInteger(std::string& bytes, std::int64_t number) { AppendBytes(bytes, number); }

void AppendNpyText(std::string& bytes, std::string_view text, std::size_t width) {
  std::size_t n_written = 0;
  for (; !text.empty(); ++n_written) {
    const CodePoint c = FirstCodePoint(text);
    assert(c.n_bytes > 0 && n_written < width);
    AppendBytes(bytes, static_cast<std::uint32_t>(c.value));
    text.remove_prefix(c.n_bytes);
  }
  bytes.append((width - n_written) * sizeof(std::uint32_t), '\0');
}

std::size_t CountCharacters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<std::uint8_t>(c) & 0xc0) != 0x80;
  }));
}

}  // namespace copse
