#include "url.h"

#include <algorithm>

#include "reply.h"
#include "utf8.h"

namespace copse {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The byte of the escape that starts at `i`, or -1 if that is none.
int Escaped(std::string_view text, std::size_t i) {
  if (i + 2 >= text.size()) return -1;
  const int high = HexDigit(text[i + 1]);
  const int low = HexDigit(text[i + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

std::optional<std::string> DecodePath(std::string_view text) {
  std::string path;
  path.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      path.push_back(text[i]);
      continue;
    }
    const int byte = Escaped(text, i);
    if (byte < 0) return std::nullopt;
    if (byte == '/') {
      path += "%2F";
    } else {
      path.push_back(static_cast<char>(byte));
    }
    i += 2;
  }
  if (std::any_of(path.begin(), path.end(), IsControl) || !IsUtf8(path)) return std::nullopt;
  return path;
}

std::string DecodeQueryText(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int byte = text[i] == '%' ? Escaped(text, i) : -1;
    if (byte >= 0) {
      decoded.push_back(static_cast<char>(byte));
      i += 2;
    } else {
      decoded.push_back(text[i] == '+' ? ' ' : text[i]);
    }
  }
  return IsUtf8(decoded) ? decoded : ValidUtf8(decoded);
}

}  // namespace

std::optional<Url> ParseTarget(std::string_view target) {
  const std::size_t mark = std::min(target.find('?'), target.size());
  auto path = DecodePath(target.substr(0, mark));
  if (!path) return std::nullopt;
  Url url{.path = *std::move(path), .query = {}};
  std::string_view rest = target.substr(std::min(mark + 1, target.size()));
  if (!rest.empty()) {
    url.query.reserve(std::min<std::size_t>(16, std::count(rest.begin(), rest.end(), '&') + 1));
  }
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    url.query.emplace_back(DecodeQueryText(pair.substr(0, equals)),
                           DecodeQueryText(pair.substr(std::min(equals + 1, pair.size()))));
  }
  return url;
}

}  // namespace copse
