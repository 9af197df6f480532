#include "csv.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "row_blocks.h"
#include "utf8.h"

namespace copse {
namespace {

Error Refuse(ErrorCode code, std::size_t row, const std::string& why) {
  return Error{code, "row " + std::to_string(row) + ": " + why};
}

// What a byte can do to a cell.
enum Kind : std::uint8_t { kOther, kSpace, kQuote, kComma, kLineEnd };

constexpr std::array<Kind, 256> MakeKinds() {
  std::array<Kind, 256> kinds{};
  kinds[' '] = kinds['\t'] = kSpace;
  kinds['"'] = kQuote;
  kinds[','] = kComma;
  kinds['\n'] = kinds['\r'] = kLineEnd;
  return kinds;
}
constexpr std::array<Kind, 256> kKinds = MakeKinds();

Kind KindOf(char c) { return kKinds[static_cast<std::uint8_t>(c)]; }

}  // namespace

std::size_t CsvCutter::Cut(std::string_view text) {
  // A cell so far: only spaces; without quotes; inside quotes; behind a closing quote, where the
  // next quote opens again (and a doubled one thus closes and opens).
  static constexpr State kNext[4][5] = {
      // kOther   kSpace   kQuote   kComma   kLineEnd
      {kPlain, kBlank, kQuoted, kBlank, kBlank},      // kBlank
      {kPlain, kPlain, kPlain, kBlank, kBlank},       // kPlain
      {kQuoted, kQuoted, kClosed, kQuoted, kQuoted},  // kQuoted
      {kClosed, kClosed, kQuoted, kBlank, kBlank},    // kClosed
  };
  std::size_t end = 0;
  const std::string_view unseen = text.substr(n_seen_);
  if (state_ != kQuoted && unseen.find('"') == std::string_view::npos) {
    const std::size_t last = unseen.find_last_of("\n\r");
    if (last != std::string_view::npos) end = n_seen_ + last + 1;
  }
  if (end == 0) {
    for (std::size_t i = n_seen_; i < text.size(); ++i) {
      const Kind kind = KindOf(text[i]);
      if (kind == kLineEnd && state_ != kQuoted) end = i + 1;
      state_ = kNext[state_][kind];
    }
    n_seen_ = text.size();
  }
  if (end == 0) return 0;
  state_ = kBlank;
  n_seen_ = 0;
  return end;
}

Status CsvRecord::Take(std::string_view& text, std::size_t row) {
  cells_.clear();
  if (auto scanned = Scan(text, row); !scanned.ok()) return scanned;
  const std::string_view record = text.substr(0, n_bytes_);
  if (!ascii_ && !IsUtf8(record)) {
    return Refuse(ErrorCode::kInvalidInput, row,
                  "a byte that is not UTF-8; save the file as UTF-8");
  }
  unquoted_.clear();
  unquoted_.reserve(n_bytes_);  // quotes only make it shorter: views into it stay valid
  cells_.reserve(scanned_.size());
  for (const Cell& cell : scanned_) {
    const std::string_view raw = record.substr(cell.begin, cell.end - cell.begin);
    cells_.push_back(cell.quoted ? Unquoted(raw) : raw);
  }
  text.remove_prefix(std::min(n_bytes_ + 1, text.size()));
  return Ok{};
}

// Finds the cells and the end of the first record of `text`.
Status CsvRecord::Scan(std::string_view text, std::size_t row) {
  scanned_.clear();
  blank_ = ascii_ = true;
  bool in_quotes = false, cell_blank = true;
  Cell cell;
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    const Kind kind = KindOf(c);
    if (static_cast<std::uint8_t>(c) >= 0x80) ascii_ = false;
    if (in_quotes) {
      // A doubled quote closes and opens again; Unquoted sorts it out.
      if (kind == kQuote) in_quotes = false;
    } else if (kind == kLineEnd) {
      break;
    } else if (kind == kComma) {
      cell.end = at;
      scanned_.push_back(cell);
      cell = Cell{.begin = at + 1, .end = at + 1, .quoted = false};
      cell_blank = true;
    } else if (kind == kQuote && (cell_blank || cell.quoted)) {
      cell.quoted = in_quotes = true;
      blank_ = cell_blank = false;
    } else if (kind != kSpace) {
      blank_ = cell_blank = false;
    }
  }
  if (at > kRecordBytesMax) {
    return Refuse(ErrorCode::kTooLarge, row, "longer than 64 MiB; is a quote never closed?");
  }
  if (in_quotes) return Refuse(ErrorCode::kInvalidInput, row, "a quote is never closed");
  cell.end = n_bytes_ = at;
  scanned_.push_back(cell);
  blank_ = blank_ && scanned_.size() == 1;
  return Ok{};
}

std::string_view CsvRecord::Unquoted(std::string_view raw) {
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
