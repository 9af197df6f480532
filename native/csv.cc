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

Result<bool> CsvRecords::Next() {
  if (!started_) {
    if (auto skipped = SkipBom(); !skipped.ok()) return skipped.error();
  }
  for (;;) {
    input_.Drop(used_);
    used_ = 0;
    scanned_.clear();
    Scan scan;
    while (!ScanRecord(input_.text(), scan)) {
      if (input_.text().size() > kRecordBytesMax) {
        return Refuse(ErrorCode::kTooLarge, "longer than 64 MiB; is a quote never closed?");
      }
      auto more = input_.Fill();
      if (!more.ok()) return more.error();
      if (*more) continue;
      if (input_.text().empty()) return false;
      if (scan.in_quotes) return Refuse(ErrorCode::kInvalidInput, "a quote is never closed");
      EndCell(scan, scan.next);
      break;
    }
    used_ = scan.next;
    if (scan.blank && scanned_.size() == 1) continue;
    auto finished = FinishRecord(input_.text(), scan);
    if (!finished.ok()) return finished.error();
    return true;
  }
}

// Scans on to the end of the record; false if `text` ends before it.
bool CsvRecords::ScanRecord(std::string_view text, Scan& scan) {
  for (; scan.next < text.size(); ++scan.next) {
    const char c = text[scan.next];
    if (static_cast<unsigned char>(c) >= 0x80) scan.not_ascii = true;
    if (scan.in_quotes) {
      // A doubled quote closes and opens again; Unquoted sorts it out.
      if (c == '"') scan.in_quotes = false;
    } else if (c == ',') {
      EndCell(scan, scan.next);
    } else if (c == '\n' || c == '\r') {
      EndCell(scan, scan.next);
      ++scan.next;  // the LF of a CR LF is then a blank line
      return true;
    } else if (c == '"' && (scan.next == scan.cell.begin || scan.cell.quoted)) {
      scan.cell.quoted = scan.in_quotes = true;
      scan.blank = false;
    } else if (c != ' ' && c != '\t') {
      scan.blank = false;
    }
  }
  return false;
}

void CsvRecords::EndCell(Scan& scan, std::size_t end) {
  scan.cell.end = end;
  scanned_.push_back(scan.cell);
  scan.cell = Cell{.begin = end + 1, .end = end + 1, .quoted = false};
}

Status CsvRecords::FinishRecord(std::string_view text, const Scan& scan) {
  if (scan.not_ascii && !IsUtf8(text.substr(0, scan.next))) {
    return Refuse(ErrorCode::kInvalidInput, "a byte that is not UTF-8; save the file as UTF-8");
  }
  unquoted_.clear();
  unquoted_.reserve(scan.next);  // quotes only make it shorter: views into it stay valid
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
