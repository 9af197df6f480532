// Opcodes that hold a value themselves: numbers, texts, bytes.
#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "number.h"
#include "pickle/machine.h"
#include "text.h"

namespace copse::importer::pickle {
namespace {

constexpr std::size_t kNumberBytesMax = 400;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// The number of the first `n` digits of `text` in base 16 or 8; nothing if there are fewer.
std::optional<std::uint32_t> Digits(std::string_view text, std::size_t n, int base) {
  if (text.size() < n) return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : text.substr(0, n)) {
    const int digit = HexDigit(c);
    if (digit < 0 || digit >= base) return std::nullopt;
    value = value * static_cast<std::uint32_t>(base) + static_cast<std::uint32_t>(digit);
  }
  return value;
}

/// What stands behind a backslash in a str of Python 2: its bytes, and how much was read.
std::optional<std::size_t> Unescape(std::string_view text, std::string& out) {
  constexpr std::string_view kLetters = "\\'\"abfnrtv", kMeanings = "\\'\"\a\b\f\n\r\t\v";
  if (const std::size_t i = kLetters.find(text[0]); i != std::string_view::npos) {
    out += kMeanings[i];
    return 1;
  }
  if (text[0] == 'x') {
    const auto byte = Digits(text.substr(1), 2, 16);
    if (!byte) return std::nullopt;
    out += static_cast<char>(*byte);
    return 3;
  }
  std::size_t n = 0;
  while (n < 3 && n < text.size() && text[n] >= '0' && text[n] <= '7') ++n;
  if (n == 0) {  // not an escape: both stay
    out += '\\';
    out += text[0];
    return 1;
  }
  out += static_cast<char>(*Digits(text, n, 8) & 0xff);
  return n;
}

/// RFC 8259's number with any sign, as repr and %.17g of C write it.
bool IsDecimal(std::string_view text) {
  const auto digits = [&] {
    std::size_t n = 0;
    while (n < text.size() && text[n] >= '0' && text[n] <= '9') ++n;
    text.remove_prefix(n);
    return n > 0;
  };
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9') return false;
  if (!digits()) return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (!digits()) return false;
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
    if (!digits()) return false;
  }
  return text.empty();
}

}  // namespace

bool Machine::StepLiteral(unsigned char opcode) {
  switch (opcode) {
    case 'N':
      Push(kNoneId);
      return true;
    case 0x88:
      Push(kTrueId);
      return true;
    case 0x89:
      Push(kFalseId);
      return true;
    case 'K':
      Push(store_.AddInteger(static_cast<std::int64_t>(Unsigned(1))));
      return true;
    case 'M':
      Push(store_.AddInteger(static_cast<std::int64_t>(Unsigned(2))));
      return true;
    case 'J':
      Push(store_.AddInteger(Signed32()));
      return true;
    case 0x8a:
      PushLong(Unsigned(1));
      return true;
    case 0x8b:
      PushLong(static_cast<std::uint64_t>(Signed32()));
      return true;
    case 'G': {  // big-endian, alone among the opcodes
      std::uint64_t bits = 0;
      for (const char byte : Take(8)) bits = bits << 8 | static_cast<unsigned char>(byte);
      double value;
      std::memcpy(&value, &bits, sizeof value);
      Push(store_.AddFloat(value));
      return true;
    }
    case 'U':
      PushCounted(Tag::kLatin1, Unsigned(1));
      return true;
    case 'T':  // a negative length is more than any file has
      PushCounted(Tag::kLatin1, static_cast<std::uint64_t>(Signed32()));
      return true;
    case 0x8c:
      PushCounted(Tag::kText, Unsigned(1));
      return true;
    case 'X':
      PushCounted(Tag::kText, Unsigned(4));
      return true;
    case 0x8d:
      PushCounted(Tag::kText, Unsigned(8));
      return true;
    case 'C':
      PushCounted(Tag::kBytes, Unsigned(1));
      return true;
    case 'B':
      PushCounted(Tag::kBytes, Unsigned(4));
      return true;
    case 0x8e:
    case 0x96:
      PushCounted(Tag::kBytes, Unsigned(8));
      return true;
    case 'I': {
      const std::string_view line = Line();
      if (line == "00" || line == "01") {  // the bools of protocols 0 and 1
        Push(line == "01" ? kTrueId : kFalseId);
      } else {
        PushDecimal(line);
      }
      return true;
    }
    case 'L': {
      std::string_view line = Line();
      if (line.ends_with('L')) line.remove_suffix(1);
      PushDecimal(line);
      return true;
    }
    case 'F':
      PushFloat(Line());
      return true;
    case 'S':
      PushString(Line());
      return true;
    case 'V':
      PushUnicode(Line());
      return true;
    default:
      return false;
  }
}

std::string_view Machine::Take(std::uint64_t n) {
  if (n > left()) {
    Fail({"announces ", n, " bytes, but ", left(), " are left"});
    return {};
  }
  const std::string_view bytes = file_.substr(at_, static_cast<std::size_t>(n));
  at_ += bytes.size();
  return bytes;
}

std::string_view Machine::Line() {
  const std::size_t end = file_.find('\n', at_);
  if (end == std::string_view::npos) {
    Fail({"the file ends before the end of its line"});
    return {};
  }
  const std::string_view line = file_.substr(at_, end - at_);
  at_ = end + 1;
  return line;
}

std::uint64_t Machine::Unsigned(unsigned bytes) {
  const std::string_view text = Take(bytes);
  std::uint64_t value = 0;
  for (std::size_t i = text.size(); i > 0; --i) {
    value = value << 8 | static_cast<unsigned char>(text[i - 1]);
  }
  return value;
}

std::int64_t Machine::Signed32() {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(Unsigned(4)));
}

std::uint64_t Machine::LineNumber() {
  const std::string_view line = Line();
  std::uint64_t value = 0;
  bool is_number = !line.empty() && line.size() <= 18;
  for (const char c : line.substr(0, 18)) {
    is_number = is_number && c >= '0' && c <= '9';
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (!is_number) Fail({"has ", text::Quote(line), " where a number must be"});
  return value;
}

void Machine::PushLong(std::uint64_t n) {
  const std::string_view bytes = Take(n);
  if (bytes.size() > 8) return Push(store_.AddText(Tag::kHuge, bytes));
  std::uint64_t value = !bytes.empty() && (bytes.back() & 0x80) ? ~std::uint64_t{0} : 0;
  for (std::size_t i = bytes.size(); i > 0; --i) {
    value = value << 8 | static_cast<unsigned char>(bytes[i - 1]);
  }
  Push(store_.AddInteger(static_cast<std::int64_t>(value)));
}

void Machine::PushDecimal(std::string_view digits) {
  const bool is_negative = digits.starts_with('-');
  const std::string_view magnitude = digits.substr(is_negative ? 1 : 0);
  std::uint64_t value = 0;
  bool is_number = !magnitude.empty(), fits = true;
  for (const char c : magnitude) {
    is_number = is_number && c >= '0' && c <= '9';
    const auto digit = static_cast<std::uint64_t>(c - '0') & 15;
    fits = fits && value <= (std::numeric_limits<std::uint64_t>::max() - digit) / 10;
    if (fits) value = value * 10 + digit;
  }
  if (!is_number) return Fail({"has ", text::Quote(digits), " where a whole number must be"});
  const std::uint64_t most = (std::uint64_t{1} << 63) - (is_negative ? 0 : 1);
  if (!fits || value > most) return Push(store_.AddText(Tag::kHuge, digits));
  Push(store_.AddInteger(static_cast<std::int64_t>(is_negative ? ~value + 1 : value)));
}

void Machine::PushFloat(std::string_view text) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (text == "nan" || text == "-nan") {
    return Push(store_.AddFloat(std::numeric_limits<double>::quiet_NaN()));
  }
  if (text == "inf" || text == "-inf") {
    return Push(store_.AddFloat(text == "inf" ? kInfinity : -kInfinity));
  }
  if (text.size() > kNumberBytesMax || !IsDecimal(text)) {
    return Fail({"has ", text::Quote(text), " where a number must be"});
  }
  Push(store_.AddFloat(ParseDecimal(text)));
}

void Machine::PushString(std::string_view repr) {
  while (repr.ends_with(' ') || repr.ends_with('\r')) repr.remove_suffix(1);
  const bool is_quoted =
      repr.size() >= 2 && (repr[0] == '\'' || repr[0] == '"') && repr.back() == repr[0];
  if (!is_quoted) return Fail({"has ", text::Quote(repr), " where a text in quotes must be"});
  repr = repr.substr(1, repr.size() - 2);
  if (repr.find('\\') == std::string_view::npos) {
    return Push(store_.AddText(Tag::kLatin1, repr));
  }
  std::string plain;
  plain.reserve(repr.size());
  for (std::size_t i = 0; i < repr.size();) {
    if (repr[i] != '\\') {
      plain += repr[i++];
      continue;
    }
    const auto read = i + 1 < repr.size() ? Unescape(repr.substr(i + 1), plain) : std::nullopt;
    if (!read) return Fail({"has a text with an escape that is cut off"});
    i += 1 + *read;
  }
  PushCopy(Tag::kLatin1, plain);
}

void Machine::PushUnicode(std::string_view escaped) {
  // raw-unicode-escape: \uXXXX and \UXXXXXXXX; all else is latin1.
  std::string plain;
  plain.reserve(escaped.size());
  for (std::size_t i = 0; i < escaped.size();) {
    const char next = i + 1 < escaped.size() ? escaped[i + 1] : '\0';
    if (escaped[i] != '\\' || (next != 'u' && next != 'U')) {
      const std::size_t n = escaped[i] == '\\' && i + 1 < escaped.size() ? 2 : 1;
      for (std::size_t j = 0; j < n; ++j) {
        text::AppendUtf8(static_cast<unsigned char>(escaped[i + j]), plain);
      }
      i += n;
      continue;
    }
    const std::size_t n = next == 'u' ? 4 : 8;
    auto c = Digits(escaped.substr(i + 2), n, 16);
    if (!c || *c > 0x10ffff) return Fail({"has a text with an escape that is none"});
    i += 2 + n;
    if (next == 'u' && *c >= 0xd800 && *c < 0xdc00 && escaped.substr(i, 2) == "\\u") {
      // A pair of surrogates: a narrow Python 2.
      const auto low = Digits(escaped.substr(i + 2), 4, 16);
      if (low && *low >= 0xdc00 && *low < 0xe000) {
        *c = 0x10000 + ((*c - 0xd800) << 10) + (*low - 0xdc00);
        i += 6;
      }
    }
    text::AppendUtf8(*c, plain);
  }
  if (plain == escaped) return Push(store_.AddText(Tag::kText, escaped));
  PushCopy(Tag::kText, plain);
}

void Machine::PushCopy(Tag tag, std::string_view text) {
  char* block = store_.AddBlock(text.size());
  std::copy(text.begin(), text.end(), block);
  Push(store_.AddText(tag, {block, text.size()}));
}

}  // namespace copse::importer::pickle
