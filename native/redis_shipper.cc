#include "redis_shipper.h"

#include <hiredis/hiredis.h>
#include <sys/time.h>

#include <cerrno>
#include <charconv>
#include <initializer_list>
#include <random>
#include <span>
#include <utility>
#include <vector>

namespace copse {
namespace {

// ---- The address ----

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
    return BadUrl("has the port " + Quoted(text) + ", which is not a number from 1 to 65535");
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

// ---- The script ----

// KEYS: stream, counter, cursor. ARGV: keep, seconds to remember the cursor, nine per row.
//
// Redis runs it alone and from its start to its end, but takes nothing back when a command in
// the middle fails. So all that can fail is asked before the first write: a type, a permission.
// (Out of memory, read-only and failing disks are refused at the first write, never later.)
// SETNX passes over keys that exist already, such as those of the tutorial's own service.
constexpr std::string_view kShip = R"lua(
local stream, count, cursor = KEYS[1], KEYS[2], KEYS[3]
local keep, last = tonumber(ARGV[1]), ARGV[#ARGV - 8]
if redis.acl_check_cmd then
  for _, c in ipairs({{'XADD', stream, '*', 'id', ''}, {'SETNX', '0', ''}, {'DEL', '0'},
                      {'GET', count}, {'TYPE', stream}, {'SET', count, '0'},
                      {'SET', cursor, ''}}) do
    if not redis.acl_check_cmd(unpack(c)) then
      return redis.error_reply('NOPERM this user may not run ' .. c[1] .. ' ' .. c[2])
    end
  end
end
if redis.call('GET', cursor) == last then return 0 end
local kind = redis.call('TYPE', stream).ok
if kind ~= 'none' and kind ~= 'stream' then
  return redis.error_reply('WRONGTYPE ' .. stream .. ' is a ' .. kind .. ', expected a stream')
end
local first = tonumber(redis.call('GET', count) or '0')
if not first then return redis.error_reply('ERR ' .. count .. ' is not a number') end
local n = first
for i = 3, #ARGV, 9 do
  redis.call('XADD', stream, 'MAXLEN', '~', keep, '*', 'id', ARGV[i], 'time', ARGV[i + 1],
    'model', ARGV[i + 2], 'version', ARGV[i + 3], 'request_id', ARGV[i + 4],
    'input', ARGV[i + 5], 'output', ARGV[i + 6], 'label', ARGV[i + 7])
  if ARGV[i + 8] == '1' then
    while redis.call('SETNX', n, ARGV[i + 6]) == 0 do n = n + 1 end
    if n >= keep then redis.call('DEL', n - keep) end
    n = n + 1
  end
end
if n ~= first then redis.call('SET', count, n) end
redis.call('SET', cursor, last, 'EX', ARGV[2])
return (#ARGV - 2) / 9
)lua";

constexpr std::string_view kCursorSeconds = "604800";  // a week: longer than a batch is retried

// ---- The connection ----

struct FreeContext {
  void operator()(redisContext* context) const { redisFree(context); }
};
struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

timeval TimevalOf(std::int64_t ms) {
  return {.tv_sec = static_cast<time_t>(ms / 1000),
          .tv_usec = static_cast<suseconds_t>(ms % 1000 * 1000)};
}

// One connection. Whatever goes wrong ends it, and the next attempt makes a new one with its
// time-outs (redisReconnect would lose them).
class RedisSink final : public LogSink {
 public:
  explicit RedisSink(const RedisLogOptions& options)
      : address_(options.address),
        keep_(std::to_string(options.keep)),
        connect_timeout_ms_(options.connect_timeout_ms),
        command_timeout_ms_(options.command_timeout_ms),
        cursor_("copse:cursor:" + options.instance) {}

  Status Write(std::span<const LogEntry> batch) override;
  Status Check() override { return Send({"PING"}); }

 private:
  Status Send(const std::vector<std::string_view>& command);
  Status Connect();
  Status Authenticate();
  Status Ask(const std::vector<std::string_view>& command);
  Error ConnectionFailure(const std::string& doing, std::int64_t timeout_ms, int code) const;

  const RedisAddress address_;
  const std::string keep_;
  const std::int64_t connect_timeout_ms_, command_timeout_ms_;
  const std::string cursor_;
  std::unique_ptr<redisContext, FreeContext> context_;
};

// hiredis reports a time-out as "Resource temporarily unavailable".
Error RedisSink::ConnectionFailure(const std::string& doing, std::int64_t timeout_ms,
                                   int code) const {
  const bool timed_out = context_ && context_->err == REDIS_ERR_IO &&
                         (code == EAGAIN || code == EWOULDBLOCK || code == ETIMEDOUT);
  std::string why = "out of memory";
  if (context_) why = context_->errstr;
  if (timed_out) why = "no answer within " + std::to_string(timeout_ms) + " ms";
  return {ErrorCode::kUnavailable, doing + ": " + why};
}

Status RedisSink::Ask(const std::vector<std::string_view>& command) {
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  texts.reserve(command.size());
  sizes.reserve(command.size());
  for (const std::string_view part : command) {
    texts.push_back(part.data());
    sizes.push_back(part.size());
  }
  errno = 0;
  const Reply reply(static_cast<redisReply*>(redisCommandArgv(
      context_.get(), static_cast<int>(command.size()), texts.data(), sizes.data())));
  if (!reply) return ConnectionFailure("the connection broke", command_timeout_ms_, errno);
  if (reply->type == REDIS_REPLY_ERROR) {
    return Error{ErrorCode::kUnavailable, "Redis refused: " + std::string(reply->str, reply->len)};
  }
  return Ok{};
}

// Without a password a PING asks whether one is wanted: a long command from a stranger would
// only get "Protocol error".
Status RedisSink::Authenticate() {
  if (address_.password.empty()) return Ask({"PING"});
  if (address_.user.empty()) return Ask({"AUTH", address_.password});
  return Ask({"AUTH", address_.user, address_.password});
}

Status RedisSink::Connect() {
  errno = 0;
  context_.reset(redisConnectWithTimeout(address_.host.c_str(), address_.port,
                                         TimevalOf(connect_timeout_ms_)));
  if (!context_ || context_->err != 0) {
    return ConnectionFailure("cannot connect", connect_timeout_ms_, errno);
  }
  if (redisSetTimeout(context_.get(), TimevalOf(command_timeout_ms_)) != REDIS_OK) {
    return ConnectionFailure("cannot set a time-out", command_timeout_ms_, errno);
  }
  return Authenticate();
}

Status RedisSink::Send(const std::vector<std::string_view>& command) {
  Status status = context_ ? Status(Ok{}) : Connect();
  if (status.ok()) status = Ask(command);
  if (!status.ok()) context_.reset();
  return status;
}

Status RedisSink::Write(std::span<const LogEntry> batch) {
  std::vector<std::string> times;
  times.reserve(batch.size());
  std::vector<std::string_view> command = {"EVAL",        kShip,   "3",   "copse:predictions",
                                           "copse:count", cursor_, keep_, kCursorSeconds};
  command.reserve(command.size() + batch.size() * 9);
  for (const LogEntry& e : batch) {
    times.push_back(Rfc3339(e.time_unix_ms));
    for (const std::string_view field : std::initializer_list<std::string_view>{
             e.id, times.back(), e.model, e.version, e.request_id, e.input, e.output, e.label,
             e.numbered ? "1" : "0"}) {
      command.push_back(field);
    }
  }
  return Send(command);
}

std::string RandomName() {
  std::random_device random;
  std::string name;
  for (int i = 0; i < 16; ++i) name += "0123456789abcdef"[random() % 16];
  return name;
}

Status Check(const RedisLogOptions& options) {
  const auto refuse = [](const std::string& what, std::int64_t value) {
    return Error{ErrorCode::kInvalidInput,
                 what + " is " + std::to_string(value) + ", expected at least 1"};
  };
  if (options.keep < 1) return refuse("the number of predictions to keep in Redis", options.keep);
  if (options.connect_timeout_ms < 1) {
    return refuse("the time-out to connect to Redis", options.connect_timeout_ms);
  }
  if (options.command_timeout_ms < 1) {
    return refuse("the time-out of a command to Redis", options.command_timeout_ms);
  }
  if (options.address.host.empty()) return BadUrl("is empty");
  return Ok{};
}

}  // namespace

Result<RedisAddress> ParseRedisUrl(std::string_view url) {
  if (url.starts_with(kScheme)) {
    url.remove_prefix(kScheme.size());
  } else if (const std::size_t scheme = url.find("://"); scheme != std::string_view::npos) {
    return BadUrl("has the scheme " + Quoted(url.substr(0, scheme)) + ", which is not supported");
  }
  RedisAddress address;
  // The last '@': one in a password that nobody encoded stays out of the host, and of messages.
  if (const std::size_t at = url.rfind('@'); at != std::string_view::npos) {
    const Status read = ReadUserInfo(url.substr(0, at), address);
    if (!read.ok()) return read.error();
    url.remove_prefix(at + 1);
  }
  const std::size_t slash = url.find('/');
  const std::string_view path = slash == std::string_view::npos ? "" : url.substr(slash);
  if (!path.empty() && path != "/" && path != "/0") {
    return BadUrl("names the database " + Quoted(path) + ", only /0 is supported");
  }
  const Status read = ReadHostAndPort(url.substr(0, slash), address);
  if (!read.ok()) return read.error();
  return address;
}

Result<std::unique_ptr<PredictionLog>> OpenRedisLog(RedisLogOptions options) {
  const Status checked = Check(options);
  if (!checked.ok()) return checked.error();
  if (options.instance.empty()) options.instance = RandomName();
  options.writer.sink = "redis";
  options.writer.target = options.address.host + ":" + std::to_string(options.address.port);
  options.writer.append_wait_ms = 0;
  // The sink itself tells of a Redis that stands still, unless its answers trickle.
  options.writer.room_stall_ms = options.connect_timeout_ms + options.command_timeout_ms;
  auto sink = std::make_unique<RedisSink>(options);
  return std::unique_ptr<PredictionLog>(
      std::make_unique<LogWriter>(std::move(options.writer), std::move(sink)));
}

}  // namespace copse
