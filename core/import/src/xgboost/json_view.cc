#include "xgboost/json_view.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "number.h"
#include "text.h"

namespace copse::importer::view {
namespace {

bool IsSpace(std::uint8_t c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool IsDigit(std::uint8_t c) { return c >= '0' && c <= '9'; }

struct Word {
  std::string_view text;
  double value;
};
constexpr std::array<Word, 5> kWords = {{{"true", 1},
                                         {"false", 0},
                                         {"NaN", std::numeric_limits<double>::quiet_NaN()},
                                         {"Infinity", std::numeric_limits<double>::infinity()},
                                         {"-Infinity", -std::numeric_limits<double>::infinity()}}};

constexpr std::array<double, 23> kPowersOfTen = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                 1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/// Digits of a number on their way into an integer; those past 19 do not fit.
struct Digits {
  std::uint64_t mantissa = 0;
  std::size_t n = 0;

  void Add(std::uint8_t digit) {
    if (n > 0 || digit != '0') ++n;
    if (n <= 19) mantissa = mantissa * 10 + (digit - std::uint64_t{'0'});
  }
};

std::string_view NameOf(Kind kind) {
  constexpr std::array<std::string_view, 7> kNames = {
      "nothing", "null", "true or false", "a number", "a string", "a list", "an object"};
  return kNames[static_cast<std::size_t>(kind)];
}

/// Four hexadecimal digits, or nothing that a code unit can be.
std::uint32_t HexAt(std::string_view text, std::size_t at) {
  if (text.size() < at + 4) return ~std::uint32_t{0};
  std::uint32_t unit = 0;
  for (const char c : text.substr(at, 4)) {
    const std::size_t digit = std::string_view("0123456789abcdef")
                                  .find(static_cast<char>(c >= 'A' && c <= 'F' ? c | 0x20 : c));
    if (digit == std::string_view::npos) return ~std::uint32_t{0};
    unit = unit * 16 + static_cast<std::uint32_t>(digit);
  }
  return unit;
}

/// What follows \u at `at`; steps over it, and over the other half of a pair. Half a pair becomes
/// U+FFFD.
void AppendCodePoint(std::string_view text, std::size_t& at, std::string& out) {
  std::uint32_t code = HexAt(text, at);
  at += 4;
  const bool is_pair =
      code >= 0xd800 && code < 0xdc00 && text.substr(std::min(at, text.size()), 2) == "\\u";
  const std::uint32_t low = is_pair ? HexAt(text, at + 2) : 0;
  if (low >= 0xdc00 && low < 0xe000) {
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    at += 6;
  }
  text::AppendUtf8(code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0xfffd : code, out);
}

}  // namespace

std::size_t Document::SkipSpace(std::size_t at) const {
  while (IsSpace(ByteAt(at))) ++at;
  return at;
}

Kind Document::KindOf(Value value) const {
  switch (value.marker) {
    case 0:
      return Kind::kNone;
    case '{':
      return Kind::kObject;
    case '[':
      return Kind::kList;
    case '"':
    case 'S':
    case 'C':
    case 'H':
      return Kind::kString;
    case 'Z':
    case 'n':
      return Kind::kNull;
    case 't':
    case 'f':
    case 'T':
    case 'F':
      return Kind::kBool;
    default:
      return Kind::kNumber;
  }
}

Error Document::Wrong(Value value, std::string_view where, std::string_view expected) const {
  const std::string_view found = NameOf(KindOf(value));
  if (!value.found()) return text::Invalid({where, " is missing; expected ", expected});
  return text::Invalid({where, " is not ", expected, ": found ", found, " at byte ", value.at});
}

Flaw Document::Members(Value object, std::string_view where,
                       std::initializer_list<Wanted> wanted) const {
  if (KindOf(object) != Kind::kObject) return Wrong(object, where, "an object");
  Cursor member(*this, object);
  while (member.Next()) {
    const auto match = std::find_if(wanted.begin(), wanted.end(), [&](const Wanted& candidate) {
      return member.KeyIs(candidate.name);
    });
    if (match == wanted.end() || KindOf(member.value()) == Kind::kNull) continue;
    if (match->value->found()) {
      return text::Invalid({where, " has ", text::Quote(match->name), " twice"});
    }
    *match->value = member.value();
  }
  if (!member.broken()) return {};
  return text::Invalid({where, ": the file is damaged at byte ", member.at()});
}

Flaw Document::Text(Value value, std::string_view where, std::string& out) const {
  if (KindOf(value) != Kind::kString) return Wrong(value, where, "a string");
  std::size_t begin = value.at, end = EndOf(value);
  if (is_json() && end != kBroken) {
    out = Unescape(begin + 1, end - 1);
    return {};
  }
  std::uint64_t length = 1;
  if (value.marker != 'C') begin = ReadLength(begin, length);
  if (begin == kBroken || end == kBroken) return Wrong(value, where, "a whole string");
  out.assign(reinterpret_cast<const char*>(bytes_.data()) + begin, end - begin);
  return {};
}

std::string Document::Unescape(std::size_t at, std::size_t end) const {
  const std::string_view raw(reinterpret_cast<const char*>(bytes_.data()) + at, end - at);
  if (raw.find('\\') == std::string_view::npos) return std::string(raw);
  constexpr std::string_view kLetters = "bfnrt";
  constexpr std::string_view kMeanings = "\b\f\n\r\t";
  std::string text;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\' || i + 1 == raw.size()) {
      text += raw[i];
    } else if (raw[++i] == 'u') {
      std::size_t next = i + 1;
      AppendCodePoint(raw, next, text);
      i = next - 1;
    } else {
      const std::size_t letter = kLetters.find(raw[i]);
      text += letter == std::string_view::npos ? raw[i] : kMeanings[letter];
    }
  }
  return text;
}

Flaw Document::Number(Value value, std::string_view where, double& out) const {
  std::size_t end = 0;
  if (ReadScalar(value, out, end)) return {};
  if (KindOf(value) == Kind::kString) {
    std::size_t begin = value.at + 1;
    end = EndOf(value) - 1;
    std::uint64_t length = 0;
    if (!is_json()) begin = ReadLength(value.at, length);
    if (!is_json()) end = begin + static_cast<std::size_t>(length);
    if (begin != kBroken && ReadNumber(begin, out) == end) return {};
  }
  return Wrong(value, where, "a number");
}

Flaw Document::Texts(Value list, std::string_view where, std::vector<std::string>& out) const {
  out.clear();
  if (KindOf(list) != Kind::kList) return Wrong(list, where, "a list");
  Cursor item(*this, list);
  while (item.Next()) {
    std::string text;
    if (auto flaw = Text(item.value(), where, text)) return flaw;
    out.push_back(std::move(text));
  }
  if (!item.broken()) return {};
  return text::Invalid({where, ": the file is damaged at byte ", item.at()});
}

std::size_t Document::ReadNumber(std::size_t at, double& out) const {
  const std::size_t begin = at;
  const std::string_view rest(reinterpret_cast<const char*>(bytes_.data()) + begin,
                              bytes_.size() - std::min(begin, bytes_.size()));
  const bool is_negative = ByteAt(at) == '-';
  if (is_negative) ++at;
  if (!IsDigit(ByteAt(at))) {
    for (const Word& word : kWords) {
      if (!rest.starts_with(word.text)) continue;
      out = word.value;
      return begin + word.text.size();
    }
    return kBroken;
  }
  Digits digits;
  for (; IsDigit(ByteAt(at)); ++at) digits.Add(bytes_[at]);
  std::int64_t exponent = 0;
  if (ByteAt(at) == '.') {
    const std::size_t fraction = ++at;
    for (; IsDigit(ByteAt(at)); ++at) digits.Add(bytes_[at]);
    if (at == fraction) return kBroken;
    exponent -= static_cast<std::int64_t>(at - fraction);
  }
  if ((ByteAt(at) | 0x20) == 'e') {
    ++at;
    const bool is_below = ByteAt(at) == '-';
    if (is_below || ByteAt(at) == '+') ++at;
    const std::size_t power = at;
    std::int64_t size = 0;
    for (; IsDigit(ByteAt(at)); ++at) {
      size = std::min<std::int64_t>(size * 10 + (bytes_[at] - '0'), std::int64_t{1} << 40);
    }
    if (at == power) return kBroken;
    exponent += is_below ? -size : size;
  }
  // Both are doubles exactly, so one operation rounds once (Clinger).
  if (digits.n <= 19 && digits.mantissa <= std::uint64_t{1} << 53 && exponent >= -22 &&
      exponent <= 22) {
    const auto whole = static_cast<double>(digits.mantissa);
    const double power =
        kPowersOfTen[static_cast<std::size_t>(exponent < 0 ? -exponent : exponent)];
    out = exponent < 0 ? whole / power : whole * power;
    if (is_negative) out = -out;
  } else {
    out = ParseDecimal(rest.substr(0, at - begin));
  }
  return at;
}

bool Document::ReadScalar(Value value, double& out, std::size_t& end) const {
  const Kind kind = KindOf(value);
  if (kind != Kind::kNumber && kind != Kind::kBool) return false;
  if (is_json()) {
    end = ReadNumber(value.at, out);
    return end != kBroken;
  }
  end = EndWithoutWalk(value);
  if (end == kBroken) return false;
  const std::uint64_t bits = BigEndian(value.at, end - value.at);
  switch (value.marker) {
    case 'T':
    case 'F':
      out = value.marker == 'T' ? 1 : 0;
      return true;
    case 'i':
      out = static_cast<std::int8_t>(bits);
      return true;
    case 'U':
      out = static_cast<double>(bits);
      return true;
    case 'I':
      out = static_cast<std::int16_t>(bits);
      return true;
    case 'l':
      out = static_cast<std::int32_t>(bits);
      return true;
    case 'L':
      out = static_cast<double>(static_cast<std::int64_t>(bits));
      return true;
    case 'd': {
      const auto narrow = static_cast<std::uint32_t>(bits);
      float number = 0;
      std::memcpy(&number, &narrow, sizeof number);
      out = number;
      return true;
    }
    case 'D':
      std::memcpy(&out, &bits, sizeof out);
      return true;
    default:
      return false;
  }
}

// No fewer than the items of a list: what may be reserved for them.
std::size_t Document::CountAtMost(Value list) const {
  const std::size_t end = EndOf(list);
  if (end == kBroken) return 0;
  if (!is_json()) return static_cast<std::size_t>(Cursor(*this, list).n_left_);
  const auto commas = std::count(bytes_.begin() + list.at, bytes_.begin() + end, ',');
  return std::min<std::size_t>(static_cast<std::size_t>(commas) + 1, (end - list.at) / 2);
}

template <class T>
Flaw Document::ReadNumbers(Value list, std::string_view where, std::vector<T>& out) const {
  out.clear();
  if (KindOf(list) != Kind::kList) return Wrong(list, where, "a list of numbers");
  out.reserve(CountAtMost(list));
  Cursor item(*this, list);
  while (item.Next()) {
    double x = 0;
    std::size_t end = 0;
    if (!ReadScalar(item.value(), x, end)) return Wrong(item.value(), where, "a list of numbers");
    if constexpr (std::numeric_limits<T>::is_integer) {
      if (!(x >= std::numeric_limits<T>::min() && x <= std::numeric_limits<T>::max()) ||
          static_cast<double>(static_cast<T>(x)) != x) {
        return text::Invalid(
            {where, " has ", x, " at byte ", item.value().at, ", which is no 32-bit integer"});
      }
    }
    out.push_back(static_cast<T>(x));
    item.Pass(end);
  }
  if (!item.broken()) return {};
  return text::Invalid({where, ": the file is damaged at byte ", item.at()});
}

Flaw Document::Numbers(Value list, std::string_view where, std::vector<double>& out) const {
  return ReadNumbers(list, where, out);
}

Flaw Document::Numbers(Value list, std::string_view where, std::vector<float>& out) const {
  return ReadNumbers(list, where, out);
}

Flaw Document::Numbers(Value list, std::string_view where, std::vector<std::int32_t>& out) const {
  return ReadNumbers(list, where, out);
}

}  // namespace copse::importer::view
