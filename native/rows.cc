#include "rows.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "json_rows.h"
#include "row_blocks.h"
#include "row_values.h"

namespace copse {
namespace {

Result<Rows> Checked(const Model& model, Result<Rows> rows) {
  if (!rows.ok()) return rows;
  auto checked = model.CheckRows(rows->values);
  if (!checked.ok()) return checked.error();
  return rows;
}

class NdjsonBlocks final : public RowBlocks {
 public:
  NdjsonBlocks(const Model& model, ByteSource source, std::size_t block_bytes)
      : RowBlocks(model), source_(std::move(source), block_bytes, kRecordBytesMax, LinesEnd()) {}

  Result<bool> Read(RowBlock& block) override { return source_.Read(block); }

 private:
  // The last line's end. A line that comes in many pieces is looked through once.
  class LinesEnd {
   public:
    std::size_t operator()(std::string_view text) {
      const std::size_t last = text.substr(seen_).rfind('\n');
      const std::size_t end = last == std::string_view::npos ? 0 : seen_ + last + 1;
      seen_ = text.size() - end;
      return end;
    }

   private:
    std::size_t seen_ = 0;  // bytes of the next text that have been looked at
  };

  Status ParseRows(std::string_view& text, RowNumber first_row, std::size_t n_rows_max, Rows& rows,
                   Blame& blame) const override {
    while (rows.n_rows < n_rows_max && !text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      const std::string_view line = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      const RowNumber row = first_row + rows.n_rows;
      if (line.size() > kRecordBytesMax) {
        return Error{ErrorCode::kTooLarge,
                     "row " + std::to_string(row) + ": a line longer than 64 MiB"};
      }
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      auto read = ParseJsonRow(columns_, line, row, blame);
      if (!read.ok()) return read.error();
      rows.values.insert(rows.values.end(), read->values.begin(), read->values.end());
      ++rows.n_rows;
    }
    return Ok{};
  }

  BlockSource source_;
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
  const auto reader = NewCsvReader(model, SourceOf(text));
  auto rows = ReadAll(*reader);
  if (blame != nullptr) *blame = reader->blame();
  return rows;
}

Result<Rows> RowsFromNdjson(const Model& model, std::string_view text) {
  return ReadAll(*NewNdjsonReader(model, SourceOf(text)));
}

std::unique_ptr<RowBlocks> NewNdjsonBlocks(const Model& model, ByteSource source,
                                           std::size_t block_bytes) {
  return std::make_unique<NdjsonBlocks>(model, std::move(source), block_bytes);
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
