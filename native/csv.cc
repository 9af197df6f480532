#include "csv.h"

#include "utf8.h"

namespace copse {

Error CsvRecords::Refuse(ErrorCode code, const std::string& why) const {
  return Error{code, "row " + std::to_string(row_) + ": " + why};
}

Result<bool> CsvRecords::SkipBom() {
  started_ = true;
  while (input_.text().size() < 3) {
    auto more = input_.Fill();
    if (!more.ok()) return more.error();
    if (!*more) break;
  }
  const std::string_view text = input_.text();
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) {
    return Error{ErrorCode::kInvalidInput, "the CSV text is UTF-16; UTF-8 was expected"};
  }
  if (text.starts_with("\xef\xbb\xbf")) input_.Drop(3);
  return true;
}

Result<CsvRecords::Step> CsvRecords::Next(bool may_read) {
  if (!started_) {
    if (!may_read) return Step::kMoreInput;
    if (auto skipped = SkipBom(); !skipped.ok()) return skipped.error();
  }
  for (;;) {
    if (finished_) {
      input_.Drop(scan_.next);
      scan_ = Scan();
      scanned_.clear();
      finished_ = false;
    }
    auto step = ScanRecord(may_read);
    if (!step.ok() || *step != Step::kRecord) return step;
    finished_ = true;
    if (scan_.blank && scanned_.size() == 1) continue;
    auto finished = FinishRecord(input_.text());
    if (!finished.ok()) return finished.error();
    return Step::kRecord;
  }
}

Result<CsvRecords::Step> CsvRecords::ScanRecord(bool may_read) {
  while (!ScanText(input_.text())) {
    if (!may_read) return Step::kMoreInput;
    if (input_.text().size() > kRecordBytesMax) {
      return Refuse(ErrorCode::kTooLarge, "longer than 64 MiB; is a quote never closed?");
    }
    auto more = input_.Fill();
    if (!more.ok()) return more.error();
    if (*more) continue;
    if (input_.text().empty()) return Step::kEnd;
    if (scan_.in_quotes) return Refuse(ErrorCode::kInvalidInput, "a quote is never closed");
    EndCell(scan_.next);
    break;
  }
  return Step::kRecord;
}

// Scans on to the end of the record; false if `text` ends before it.
bool CsvRecords::ScanText(std::string_view text) {
  for (; scan_.next < text.size(); ++scan_.next) {
    const char c = text[scan_.next];
    if (static_cast<unsigned char>(c) >= 0x80) scan_.not_ascii = true;
    if (scan_.in_quotes) {
      // A doubled quote closes and opens again; Unquoted sorts it out.
      if (c == '"') scan_.in_quotes = false;
    } else if (c == ',') {
      EndCell(scan_.next);
    } else if (c == '\n' || c == '\r') {
      EndCell(scan_.next);
      ++scan_.next;  // the LF of a CR LF is then a blank line
      return true;
    } else if (c == '"' && (scan_.cell_blank || scan_.cell.quoted)) {
      scan_.cell.quoted = scan_.in_quotes = true;
      scan_.blank = scan_.cell_blank = false;
    } else if (c != ' ' && c != '\t') {
      scan_.blank = scan_.cell_blank = false;
    }
  }
  return false;
}

void CsvRecords::EndCell(std::size_t end) {
  scan_.cell.end = end;
  scanned_.push_back(scan_.cell);
  scan_.cell_blank = true;
  scan_.cell = Cell{.begin = end + 1, .end = end + 1, .quoted = false};
}

Status CsvRecords::FinishRecord(std::string_view text) {
  if (scan_.not_ascii && !IsUtf8(text.substr(0, scan_.next))) {
    return Refuse(ErrorCode::kInvalidInput, "a byte that is not UTF-8; save the file as UTF-8");
  }
  unquoted_.clear();
  unquoted_.reserve(scan_.next);  // quotes only make it shorter: views into it stay valid
  cells_.clear();
  for (const Cell& cell : scanned_) {
    const std::string_view raw = text.substr(cell.begin, cell.end - cell.begin);
    cells_.push_back(cell.quoted ? Unquoted(raw) : raw);
  }
  return Ok{};
}

std::string_view CsvRecords::Unquoted(std::string_view raw) {
  const std::size_t begin = unquoted_.size();
  bool in_quotes = false;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const bool doubled = in_quotes && raw.substr(i).starts_with("\"\"");
    if (raw[i] != '"' || doubled) unquoted_ += raw[i];
    if (doubled) {
      ++i;
    } else if (raw[i] == '"') {
      in_quotes = !in_quotes;
    }
  }
  return std::string_view(unquoted_).substr(begin);
}

}  // namespace copse
