#include "redis_url.h"

#include <charconv>
#include <system_error>
#include <utility>

namespace copse {
namespace {

constexpr std::string_view kScheme = "redis://";
constexpr std::string_view kExpected = "; expected [redis://[USER:PASSWORD@]]HOST[:PORT]";

Error BadUrl(const std::string& what) {
  return {ErrorCode::kInvalidInput, "the address of Redis " + what + std::string(kExpected)};
}

std::string Quoted(std::string_view text) { return std::string(1, '\'').append(text).append("'"); }

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::string> PercentDecoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return BadUrl("has a '%' in its user or password that two hexadecimal digits do not follow");
    }
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

Status ReadUserInfo(std::string_view info, RedisAddress& address) {
  const std::size_t colon = info.find(':');
  if (!address.password.empty()) {
    if (colon != std::string_view::npos) return BadUrl("has a password, and a file has another");
    auto user = PercentDecoded(info);
    if (!user.ok()) return user.error();
    address.user = *std::move(user);
    return Ok{};
  }
  if (colon == std::string_view::npos) return BadUrl("has a user but no password before the '@'");
  auto user = PercentDecoded(info.substr(0, colon));
  if (!user.ok()) return user.error();
  auto password = PercentDecoded(info.substr(colon + 1));
  if (!password.ok()) return password.error();
  if (password->empty()) return BadUrl("has an empty password before the '@'");
  address.user = *std::move(user);
  address.password = *std::move(password);
  return Ok{};
}

Status ReadPort(std::string_view text, RedisAddress& address) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), address.port);
  const bool whole = code == std::errc() && end == text.data() + text.size();
  if (!whole || address.port < 1 || address.port > 65'535) {
    // What stands there may be a password whose host was forgotten.
    const bool is_number = text.size() < 10 && text.find_first_not_of("0123456789") == text.npos;
    return BadUrl((is_number ? "has the port " + Quoted(text) + ", which" : "has a port that") +
                  " is not a number from 1 to 65535");
  }
  return Ok{};
}

bool IsHost(std::string_view host) {
  constexpr std::string_view kNameChars =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._";
  return !host.empty() && host.find_first_not_of(kNameChars) == std::string_view::npos;
}

Status ReadHostAndPort(std::string_view text, RedisAddress& address) {
  const bool brackets = text.starts_with('[');
  const std::size_t close = brackets ? text.find(']') : std::string_view::npos;
  if (brackets && close == std::string_view::npos) return BadUrl("has a '[' without its ']'");
  const std::size_t colon = text.find(':', brackets ? close : 0);
  const std::string_view host = text.substr(0, colon);
  const bool good = brackets ? host.size() == close + 1 && host.size() > 2 : IsHost(host);
  if (!good) return BadUrl("has the host " + Quoted(host) + ", which is not a name or an address");
  address.host = std::string(brackets ? host.substr(1, host.size() - 2) : host);
  if (colon == std::string_view::npos) return Ok{};
  return ReadPort(text.substr(colon + 1), address);
}

}  // namespace

Result<RedisAddress> ParseRedisUrl(std::string_view url, std::string password) {
  if (url.starts_with(kScheme)) {
    url.remove_prefix(kScheme.size());
  } else if (const std::size_t scheme = url.find("://"); scheme != std::string_view::npos) {
    const std::string_view name = url.substr(0, scheme);
    const bool is_name = name.find_first_of(":@") == std::string_view::npos;
    return BadUrl((is_name ? "has the scheme " + Quoted(name) + ", which" : "has a scheme that") +
                  " is not supported");
  }
  RedisAddress address;
  address.password = std::move(password);
  // The last '@': one in a password that nobody encoded stays out of the host, and of messages.
  if (const std::size_t at = url.rfind('@'); at != std::string_view::npos) {
    const Status read = ReadUserInfo(url.substr(0, at), address);
    if (!read.ok()) return read.error();
    url.remove_prefix(at + 1);
  }
  const std::size_t slash = url.find('/');
  const std::string_view path = slash == std::string_view::npos ? "" : url.substr(slash);
  if (!path.empty() && path != "/" && path != "/0") {
    const bool is_number = path.size() < 8 && path.find_first_not_of("0123456789", 1) == path.npos;
    return BadUrl((is_number ? "names the database " + Quoted(path) + ", only"
                             : std::string("names a database or options; only")) +
                  " /0 is supported");
  }
  const Status read = ReadHostAndPort(url.substr(0, slash), address);
  if (!read.ok()) return read.error();
  return address;
}

}  // namespace copse
