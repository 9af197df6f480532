#include "rows.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "csv.h"
#include "json_rows.h"
#include "row_values.h"
#include "utf8.h"

namespace copse {
namespace {

Result<Rows> Checked(const Model& model, Result<Rows> rows, std::size_t first_row = 1) {
  if (!rows.ok()) return rows;
  auto checked = model.CheckRows(rows->values, first_row);
  if (!checked.ok()) return checked.error();
  return rows;
}

class CsvReader final : public RowReader {
 public:
  CsvReader(const Model& model, ByteSource source) : columns_(model), records_(std::move(source)) {}

  Result<Rows> Next(std::size_t n_rows_max) override {
    Rows rows{.n_rows = 0, .values = {}, .is_list = true};
    const std::size_t first_row = row_;
    while (rows.n_rows < n_rows_max) {
      records_.set_row(row_);
      auto step = records_.Next(rows.n_rows == 0);
      if (!step.ok()) return step.error();
      if (*step != CsvRecords::Step::kRecord) break;
      if (!started_) {
        auto is_header = ReadHeader();
        if (!is_header.ok()) return is_header.error();
        if (*is_header) continue;
      }
      if (auto added = AddRow(rows.values); !added.ok()) return added.error();
      ++rows.n_rows;
      ++row_;
    }
    return Checked(columns_.model(), std::move(rows), first_row);
  }

 private:
  // Whether the first record is a header, and if so which column each feature has.
  Result<bool> ReadHeader() {
    started_ = true;
    const auto cells = records_.cells();
    if (IsData(cells)) return false;
    std::vector<std::optional<std::size_t>> column_of(columns_.n_features());
    std::size_t n_named = 0;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const auto feature = columns_.Find(TrimmedCell(cells[i]));
      if (!feature) continue;
      if (column_of[*feature]) {
        blame_ = BlameOn(columns_.Name(*feature));
        return HeaderError("names " + Shown(cells[i]) + " twice");
      }
      column_of[*feature] = i;
      ++n_named;
    }
    if (n_named == 0 && !IsHeaderLike(cells)) return false;
    for (std::size_t f = 0; f < column_of.size(); ++f) {
      if (!column_of[f]) {
        blame_ = BlameOn(columns_.Name(f));
        if (n_named == 0) return HeaderError("does not name the features: it is " + Line(cells));
        return HeaderError("does not name " + Shown(columns_.Name(f)));
      }
      columns_in_.push_back(*column_of[f]);
    }
    n_columns_ = cells.size();
    return true;
  }

  bool IsData(std::span<const std::string_view> cells) const {
    if (cells.size() != columns_.n_features()) return false;
    for (std::size_t f = 0; f < cells.size(); ++f) {
      if (!columns_.FromCell(f, cells[f])) return false;
    }
    return true;
  }

  // One cell of several may also be a line with another separator. An index has no name.
  bool IsHeaderLike(std::span<const std::string_view> cells) const {
    if (cells.size() == 1 && columns_.n_features() > 1) return false;
    if (cells.size() > 1 && TrimmedCell(cells[0]).empty()) cells = cells.subspan(1);
    return std::all_of(cells.begin(), cells.end(), IsNameLike);
  }

  static std::string Line(std::span<const std::string_view> cells) {
    std::string line;
    for (const std::string_view cell : cells) line += std::string(cell) + ",";
    return Shown(line.substr(0, line.size() - 1));
  }

  Error HeaderError(const std::string& why) const {
    return Error{ErrorCode::kInvalidInput,
                 "the header " + why + "; the features are " + NamesShown(columns_.model())};
  }

  Status AddRow(std::vector<double>& values) {
    const auto cells = records_.cells();
    if (cells.size() != (n_columns_ == 0 ? columns_.n_features() : n_columns_)) {
      return ColumnsError(cells);
    }
    for (std::size_t f = 0; f < columns_.n_features(); ++f) {
      const std::string_view cell = cells[columns_in_.empty() ? f : columns_in_[f]];
      const auto value = columns_.FromCell(f, cell);
      Status usable = value ? columns_.Check(row_, f, *value) : columns_.CellError(row_, f, cell);
      if (!usable.ok()) {
        blame_ = BlameOn(columns_.Name(f), TrimmedCell(cell));
        return usable;
      }
      values.push_back(*value);
    }
    return Ok{};
  }

  Error ColumnsError(std::span<const std::string_view> cells) {
    const std::string found =
        std::to_string(cells.size()) + (cells.size() == 1 ? " column" : " columns");
    if (n_columns_ != 0) {
      return columns_.Refuse(row_, found + "; the header has " + std::to_string(n_columns_));
    }
    Error error = columns_.WidthError(row_, found);
    // One column that is no number is most often a file with another separator.
    if (cells.size() == 1 && columns_.n_features() > 1) {
      error.message += "; the line is " + Shown(cells[0]) + ", and commas separate columns";
    } else if (cells.size() < columns_.n_features()) {
      blame_ = BlameOn(columns_.Name(cells.size()));
    }
    return error;
  }

  const RowValues columns_;
  CsvRecords records_;
  std::size_t row_ = 1;
  bool started_ = false;
  std::vector<std::size_t> columns_in_;  // the column of each feature; empty without a header
  std::size_t n_columns_ = 0;            // of the header; 0 without one
};

class NdjsonReader final : public RowReader {
 public:
  NdjsonReader(const Model& model, ByteSource source)
      : columns_(model), input_(std::move(source)) {}

  Result<Rows> Next(std::size_t n_rows_max) override {
    Rows rows{.n_rows = 0, .values = {}, .is_list = true};
    const std::size_t first_row = row_;
    while (rows.n_rows < n_rows_max) {
      input_.Drop(used_);
      used_ = 0;
      auto line = NextLine(rows.n_rows == 0);
      if (!line.ok()) return line.error();
      if (!*line) break;
      if ((*line)->find_first_not_of(" \t\r") == std::string_view::npos) continue;
      auto row = ParseJsonRow(columns_, **line, row_, blame_);
      if (!row.ok()) return row.error();
      rows.values.insert(rows.values.end(), row->values.begin(), row->values.end());
      ++rows.n_rows;
      ++row_;
    }
    return Checked(columns_.model(), std::move(rows), first_row);
  }

 private:
  // The next line, or nothing at the end, or nothing yet if it may not read; valid until the
  // next call.
  Result<std::optional<std::string_view>> NextLine(bool may_read) {
    for (std::size_t from = 0;;) {
      const std::string_view text = input_.text();
      const std::size_t end = text.find('\n', from);
      if (end == std::string_view::npos && !may_read) return std::optional<std::string_view>();
      if (end != std::string_view::npos) {
        used_ = end + 1;
        return std::optional(text.substr(0, end));
      }
      if (text.size() > kRecordBytesMax) {
        return Error{ErrorCode::kTooLarge,
                     "row " + std::to_string(row_) + ": a line longer than 64 MiB"};
      }
      from = text.size();
      auto more = input_.Fill();
      if (!more.ok()) return more.error();
      if (*more) continue;
      if (input_.text().empty()) return std::optional<std::string_view>();
      used_ = input_.text().size();
      return std::optional(input_.text());
    }
  }

  const RowValues columns_;
  InputBuffer input_;
  std::size_t used_ = 0;  // bytes of text() that the line took
  std::size_t row_ = 1;
};

}  // namespace

Result<Rows> RowsFromQuery(const Model& model, std::span<const QueryParameter> query,
                           Blame* blame) {
  const RowValues columns(model);
  std::vector<std::optional<std::string_view>> texts(model.n_features());
  for (const auto& [name, text] : query) {
    const auto feature = columns.Find(name);
    if (feature && !texts[*feature]) texts[*feature] = text;
  }
  Rows rows{.n_rows = 1, .values = {}, .is_list = false};
  for (std::size_t f = 0; f < texts.size(); ++f) {
    if (!texts[f]) {
      if (blame != nullptr) *blame = BlameOn(columns.Name(f));
      return columns.AbsentError(0, f);
    }
    const auto value = columns.FromParameter(f, *texts[f]);
    const Status checked = value.ok() ? columns.Check(0, f, *value) : value.error();
    if (!checked.ok()) {
      if (blame != nullptr) *blame = BlameOn(columns.Name(f), *texts[f]);
      return checked.error();
    }
    rows.values.push_back(*value);
  }
  return Checked(model, std::move(rows));
}

Result<Rows> RowsFromJson(const Model& model, std::string_view text, Blame* blame) {
  Blame unread;
  return Checked(model, ParseJsonRows(RowValues(model), text, blame != nullptr ? *blame : unread));
}

Result<Rows> RowsFromCsv(const Model& model, std::string_view text, Blame* blame) {
  CsvReader reader(model, SourceOf(text));
  auto rows = ReadAll(reader);
  if (blame != nullptr) *blame = reader.blame();
  return rows;
}

Result<Rows> RowsFromNdjson(const Model& model, std::string_view text) {
  NdjsonReader reader(model, SourceOf(text));
  return ReadAll(reader);
}

std::unique_ptr<RowReader> NewCsvReader(const Model& model, ByteSource source) {
  return std::make_unique<CsvReader>(model, std::move(source));
}

std::unique_ptr<RowReader> NewNdjsonReader(const Model& model, ByteSource source) {
  return std::make_unique<NdjsonReader>(model, std::move(source));
}

Result<Rows> ReadAll(RowReader& reader) {
  Rows all{.n_rows = 0, .values = {}, .is_list = true};
  for (;;) {
    auto rows = reader.Next(std::numeric_limits<std::size_t>::max());
    if (!rows.ok()) return rows;
    if (rows->n_rows == 0) break;
    all.n_rows += rows->n_rows;
    all.values.insert(all.values.end(), rows->values.begin(), rows->values.end());
  }
  if (all.n_rows > 0) return all;
  return Error{ErrorCode::kInvalidInput, "there are no rows; one or more were expected"};
}

}  // namespace copse
