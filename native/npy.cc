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

#include "utf8.h"

namespace copse {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they are");

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kHeadBytes = 128;  // of what we write
constexpr std::size_t kDictionaryBytesMax = 64 << 10;
constexpr std::size_t kBlockBytes = std::size_t{1} << 20;

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

class NpyReader final : public RowReader {
 public:
  NpyReader(const Model& model, ByteSource source) : model_(model), input_(std::move(source)) {}

  Result<Rows> Next(std::size_t n_rows_max) override {
    if (element_ == nullptr) {
      if (auto read = ReadHead(); !read.ok()) return read.error();
    }
    Rows rows{.n_rows = std::min(n_rows_max, n_rows_ - row_), .values = {}, .is_list = true};
    auto read =
        fortran_order_ ? ReadColumns(rows) : ReadValues(rows.n_rows * n_features(), rows.values);
    if (!read.ok()) return read.error();
    row_ += rows.n_rows;
    if (row_ == n_rows_) {
      if (auto ended = ExpectEnd(); !ended.ok()) return ended.error();
    }
    if (auto checked = model_.CheckRows(rows.values, row_ - rows.n_rows + 1); !checked.ok()) {
      return checked.error();
    }
    return rows;
  }

 private:
  std::size_t n_features() const { return model_.n_features(); }

  // Makes text() hold that many bytes, unless the source ends before.
  Result<bool> Want(std::size_t n_bytes) {
    while (input_.text().size() < n_bytes) {
      auto more = input_.Fill();
      if (!more.ok()) return more.error();
      if (!*more) return false;
    }
    return true;
  }

  Status ReadHead() {
    auto there = Want(10);
    if (!there.ok()) return there.error();
    const std::string_view head = input_.text();
    if (!*there || !head.starts_with(kMagic)) {
      return Refuse("does not start as numpy.save writes it");
    }
    const int version = static_cast<std::uint8_t>(head[6]);
    if (version < 1 || version > 3) return Refuse("is of a format version past 3");
    const std::size_t begin = version == 1 ? 10 : 12;
    there = Want(begin);
    if (!there.ok()) return there.error();
    std::size_t n_bytes = 0;
    if (*there) std::memcpy(&n_bytes, input_.text().data() + 8, begin - 8);
    if (n_bytes > kDictionaryBytesMax) return Refuse("has a head of more than 64 KiB");
    there = Want(begin + n_bytes);
    if (!there.ok()) return there.error();
    if (!*there) return Refuse("ends inside its head");
    auto header = ParseNpyHeader(input_.text().substr(begin, n_bytes));
    if (!header.ok()) return header.error();
    input_.Drop(begin + n_bytes);
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

  // The next numbers of the file, in its order, a block at a time.
  Status ReadValues(std::size_t n_values, std::vector<double>& values) {
    while (n_values > 0) {
      const std::size_t n = std::min(n_values, kBlockBytes / element_->n_bytes);
      auto there = Want(n * element_->n_bytes);
      if (!there.ok()) return there.error();
      if (!*there) {
        return Refuse("ends before the " + std::to_string(n_rows_) + " rows that its head names");
      }
      element_->append(input_.text().substr(0, n * element_->n_bytes), values);
      input_.Drop(n * element_->n_bytes);
      n_values -= n;
    }
    return Ok{};
  }

  // Rows of an array stored column by column: all of it is read at the first call.
  Status ReadColumns(Rows& rows) {
    if (columns_.empty()) {
      auto read = ReadValues(n_rows_ * n_features(), columns_);
      if (!read.ok()) return read;
    }
    for (std::size_t i = row_; i < row_ + rows.n_rows; ++i) {
      for (std::size_t f = 0; f < n_features(); ++f) {
        rows.values.push_back(columns_[f * n_rows_ + i]);
      }
    }
    return Ok{};
  }

  Status ExpectEnd() {
    auto more = Want(1);
    if (!more.ok()) return more.error();
    if (*more) return Refuse("is followed by more bytes than its head names");
    return Ok{};
  }

  const Model& model_;
  InputBuffer input_;
  const Element* element_ = nullptr;  // set once the head is read
  bool fortran_order_ = false;
  std::size_t n_rows_ = 0, row_ = 0;
  std::vector<double> columns_;
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

std::unique_ptr<RowReader> NewNpyReader(const Model& model, ByteSource source) {
  return std::make_unique<NpyReader>(model, std::move(source));
}

std::string NpyHead(const NpyFormat& format, std::size_t n_rows) {
  const std::string shape = format.flat
                                ? std::to_string(n_rows) + ","
                                : std::to_string(n_rows) + ", " + std::to_string(format.n_columns);
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
