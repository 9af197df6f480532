#include "csv_rows.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "number_text.h"
#include "row_blocks.h"
#include "utf8.h"

namespace copse {
namespace {

// One cell of several may also be a line with another separator. An index has no name.
bool IsHeaderLike(std::span<const std::string_view> cells, std::size_t n_features) {
  if (cells.size() == 1 && n_features > 1) return false;
  if (cells.size() > 1 && TrimmedCell(cells[0]).empty()) cells = cells.subspan(1);
  return std::all_of(cells.begin(), cells.end(), IsNameLike);
}

std::string Line(std::span<const std::string_view> cells) {
  std::string line;
  for (const std::string_view cell : cells) line += std::string(cell) + ",";
  return Shown(line.substr(0, line.size() - 1));
}

bool IsLineEnd(char c) { return c == '\n' || c == '\r'; }

// A number that every model takes, up to the end of its cell, which `text` then starts with.
std::optional<double> TakeNumber(std::string_view& text) {
  std::string_view rest = text;
  const auto number = TakePlainNumber(rest);
  if (!number || std::abs(*number) >= RowValues::kLarge || rest.empty()) return std::nullopt;
  if (rest[0] != ',' && !IsLineEnd(rest[0])) return std::nullopt;
  text = rest;
  return number;
}

// The cell that `text` starts with, up to its end; nothing where that takes a closer look.
std::optional<std::string_view> TakeCell(std::string_view& text) {
  for (std::size_t end = 0; end < text.size(); ++end) {
    const char c = text[end];
    if (c == '"' || static_cast<unsigned char>(c) >= 0x80) return std::nullopt;
    if (c != ',' && !IsLineEnd(c)) continue;
    const std::string_view cell = text.substr(0, end);
    text.remove_prefix(end);
    return cell;
  }
  return std::nullopt;
}

}  // namespace

CsvColumns::CsvColumns(const RowValues& values) : values_(values) {
  column_of_.reserve(values.n_features());
  for (std::size_t f = 0; f < values.n_features(); ++f) column_of_.push_back(f);
  SetColumns(values.n_features());
}

void CsvColumns::SetColumns(std::size_t n_columns) {
  columns_.assign(n_columns, Column{.feature = 0, .ignored = true, .plain = false});
  for (std::size_t f = 0; f < column_of_.size(); ++f) {
    columns_[column_of_[f]] = {.feature = f, .ignored = false, .plain = !values_.HasTexts(f)};
  }
}

Result<bool> CsvColumns::Begin(std::span<const std::string_view> cells, Blame& blame) {
  if (IsData(cells)) return false;
  const bool names_any = std::any_of(cells.begin(), cells.end(), [&](std::string_view cell) {
    return values_.Find(TrimmedCell(cell)).has_value();
  });
  if (!names_any && !IsHeaderLike(cells, values_.n_features())) return false;
  if (auto set = SetHeader(cells, names_any, blame); !set.ok()) return set.error();
  return true;
}

bool CsvColumns::IsData(std::span<const std::string_view> cells) const {
  if (cells.size() != values_.n_features()) return false;
  for (std::size_t f = 0; f < cells.size(); ++f) {
    if (!values_.FromCell(f, cells[f])) return false;
  }
  return true;
}

// Which column each feature has.
Status CsvColumns::SetHeader(std::span<const std::string_view> cells, bool names_any,
                             Blame& blame) {
  std::vector<std::optional<std::size_t>> column_of(values_.n_features());
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const auto feature = values_.Find(TrimmedCell(cells[i]));
    if (!feature) continue;
    if (column_of[*feature]) {
      blame = BlameOn(values_.Name(*feature));
      return HeaderError("names " + Shown(cells[i]) + " twice");
    }
    column_of[*feature] = i;
  }
  for (std::size_t f = 0; f < column_of.size(); ++f) {
    if (!column_of[f]) {
      blame = BlameOn(values_.Name(f));
      if (!names_any) return HeaderError("does not name the features: it is " + Line(cells));
      return HeaderError("does not name " + Shown(values_.Name(f)));
    }
    column_of_[f] = *column_of[f];
  }
  has_header_ = true;
  SetColumns(cells.size());
  return Ok{};
}

Error CsvColumns::HeaderError(const std::string& why) const {
  return Error{ErrorCode::kInvalidInput,
               "the header " + why + "; the features are " + NamesShown(values_.model())};
}

Status CsvColumns::Parse(std::string_view& text, RowNumber first_row, std::size_t n_rows_max,
                         Rows& rows, Blame& blame) const {
  CsvRecord record;
  const std::size_t n_features = values_.n_features();
  while (rows.n_rows < n_rows_max && !text.empty()) {
    rows.values.resize((rows.n_rows + 1) * n_features);
    double* const row = &rows.values[rows.n_rows * n_features];
    if (!TakePlain(text, row)) {
      const RowNumber number = first_row + rows.n_rows;
      if (auto taken = record.Take(text, number); !taken.ok()) return taken;
      if (record.blank()) continue;
      if (auto added = AddRow(record.cells(), number, row, blame); !added.ok()) return added;
    }
    ++rows.n_rows;
  }
  return Ok{};
}

// Takes a row off `text` in one pass if it is as most are: as many cells as columns, none of them
// quoted or refused, and a line end. Otherwise takes nothing and leaves it to CsvRecord, which
// knows everything, and AddRow, which knows what to say.
bool CsvColumns::TakePlain(std::string_view& text, double* row) const {
  std::string_view rest = text;
  for (const Column& column : columns_) {
    std::optional<double> number;
    if (column.plain) number = TakeNumber(rest);
    if (!number) {
      const auto cell = columns_.size() > 1 ? TakeCell(rest) : std::nullopt;
      if (!cell) return false;
      number = column.ignored ? 0 : values_.FromCell(column.feature, *cell);
    }
    const bool last = &column == &columns_.back();
    if (!number || std::abs(*number) >= RowValues::kLarge || IsLineEnd(rest[0]) != last) {
      return false;
    }
    if (!column.ignored) row[column.feature] = *number;
    // The LF of a CR LF would be a blank line.
    rest.remove_prefix(rest.starts_with("\r\n") ? 2 : 1);
  }
  text = rest;
  return true;
}

Status CsvColumns::AddRow(std::span<const std::string_view> cells, RowNumber row, double* numbers,
                          Blame& blame) const {
  if (cells.size() != columns_.size()) return ColumnsError(cells, row, blame);
  for (std::size_t f = 0; f < values_.n_features(); ++f) {
    const std::string_view cell = cells[column_of_[f]];
    const auto value = values_.FromCell(f, cell);
    Status usable = value ? values_.Check(row, f, *value) : values_.CellError(row, f, cell);
    if (!usable.ok()) {
      blame = BlameOn(values_.Name(f), TrimmedCell(cell));
      return usable;
    }
    numbers[f] = *value;
  }
  return Ok{};
}

Error CsvColumns::ColumnsError(std::span<const std::string_view> cells, RowNumber row,
                               Blame& blame) const {
  const std::string found =
      std::to_string(cells.size()) + (cells.size() == 1 ? " column" : " columns");
  if (has_header_) {
    return values_.Refuse(row, found + "; the header has " + std::to_string(columns_.size()));
  }
  Error error = values_.WidthError(row, found);
  // One column that is no number is most often a file with another separator.
  if (cells.size() == 1 && values_.n_features() > 1) {
    error.message += "; the line is " + Shown(cells[0]) + ", and commas separate columns";
  } else if (cells.size() < values_.n_features()) {
    blame = BlameOn(values_.Name(cells.size()));
  }
  return error;
}

namespace {

constexpr std::string_view kMark = "\xef\xbb\xbf";  // of UTF-8

class CsvBlocks final : public RowBlocks {
 public:
  CsvBlocks(const Model& model, ByteSource source, std::size_t block_bytes)
      : RowBlocks(model),
        csv_(columns_),
        source_(std::move(source), block_bytes, kRecordBytesMax,
                [this](std::string_view text) { return Cut(text); }) {}

  Result<bool> Read(RowBlock& block) override {
    auto more = source_.Read(block);
    while (more.ok() && *more && !begun_) {
      if (auto begun = Begin(block); !begun.ok()) return begun.error();
      if (!begun_) more = source_.Read(block);
    }
    return more;
  }

 private:
  std::size_t Cut(std::string_view text) {
    if (!at_start_) return cutter_.Cut(text);
    // Part of no cell, and no reason why a quote behind it should not open.
    if (kMark.starts_with(text)) return 0;
    const std::size_t n_mark = text.starts_with(kMark) ? kMark.size() : 0;
    const std::size_t end = cutter_.Cut(text.substr(n_mark));
    return end == 0 ? 0 : n_mark + end;
  }

  // Takes byte order mark and header off the first block that holds more than blank lines.
  Status Begin(RowBlock& block) {
    std::string_view text = block.text();
    if (at_start_) {
      at_start_ = false;
      if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) {
        return Error{ErrorCode::kInvalidInput, "the CSV text is UTF-16; UTF-8 was expected"};
      }
      if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
    }
    CsvRecord record;
    block.begin = block.end - text.size();
    while (!text.empty()) {
      if (auto taken = record.Take(text, 1); !taken.ok()) return taken;
      if (record.blank()) continue;
      begun_ = true;
      auto is_header = csv_.Begin(record.cells(), blame_);
      if (!is_header.ok()) return is_header.error();
      if (*is_header) block.begin = block.end - text.size();
      break;
    }
    return Ok{};
  }

  Status ParseRows(std::string_view& text, RowNumber first_row, std::size_t n_rows_max, Rows& rows,
                   Blame& blame) const override {
    return csv_.Parse(text, first_row, n_rows_max, rows, blame);
  }

  CsvColumns csv_;
  CsvCutter cutter_;
  BlockSource source_;
  bool at_start_ = true, begun_ = false;
};

}  // namespace

std::unique_ptr<RowBlocks> NewCsvBlocks(const Model& model, ByteSource source,
                                        std::size_t block_bytes) {
  return std::make_unique<CsvBlocks>(model, std::move(source), block_bytes);
}

}  // namespace copse
