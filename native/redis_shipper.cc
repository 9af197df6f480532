#include "redis_shipper.h"

#include <hiredis/hiredis.h>
#include <sys/time.h>

#include <cerrno>
#include <charconv>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace copse {
namespace {

// ---- The script ----

// KEYS: stream, counter, cursor. ARGV: keep, the position to go on from, the new one, then nine
// per row. The answer is the position that the cursor has in the end.
//
// Redis runs it alone and from its start to its end, but takes nothing back when a command in
// the middle fails. So all that can fail is asked before the first write: a type, a permission
// (before Redis 7 by commands that change nothing).
// (Out of memory, read-only and failing disks are refused at the first write, never later.)
// SETNX passes over keys that exist already, such as those of the tutorial's own service.
// The cursor has no time to live: it would be the first key that a full Redis evicts.
constexpr std::string_view kShip = R"lua(
local stream, count, cursor = KEYS[1], KEYS[2], KEYS[3]
local keep = tonumber(ARGV[1])
local at = redis.call('GET', cursor)
if at and at ~= ARGV[2] then return at end
local kind = redis.call('TYPE', stream).ok
if kind ~= 'none' and kind ~= 'stream' then
  return redis.error_reply('WRONGTYPE ' .. stream .. ' is a ' .. kind .. ', expected a stream')
end
local first = tonumber(redis.call('GET', count) or '0')
if not first then return redis.error_reply('ERR ' .. count .. ' is not a number') end
local rows = math.floor((#ARGV - 3) / 9)
if redis.acl_check_cmd then
  for _, c in ipairs({{'XADD', stream, '*', 'id', ''}, {'SETNX', tostring(first), ''},
                      {'SETNX', tostring(first + rows), ''}, {'DEL', tostring(first)},
                      {'SET', count, '0'}, {'SET', cursor, ''}}) do
    if not redis.acl_check_cmd(unpack(c)) then
      return redis.error_reply('NOPERM this user may not run ' .. c[1] .. ' ' .. c[2])
    end
  end
else
  redis.call('SET', count, first)
  redis.call('SETNX', count, first)
  redis.call('DEL', 'copse:no-such-key')
end
local n = first
for i = 4, #ARGV, 9 do
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
redis.call('SET', cursor, ARGV[3])
return ARGV[3]
)lua";

constexpr std::string_view kStream = "copse:predictions";
// In which a copied file looks for its own rows.
constexpr std::string_view kNewestRows = "10000";

// ---- The position, as text ----

std::string PositionText(const Position& position) {
  return position.seq == 0 ? std::string() : std::to_string(position.seq) + ":" + position.id;
}

Result<Position> PositionOfText(std::string_view text) {
  Position position;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), position.seq);
  const auto digits = static_cast<std::size_t>(end - text.data());
  if (code != std::errc() || position.seq < 1 || digits >= text.size() || text[digits] != ':') {
    return Error{ErrorCode::kUnavailable, "the position of this log in Redis is '" +
                                              std::string(text.substr(0, 64)) +
                                              "', expected the number and the id of a row"};
  }
  position.id = std::string(text.substr(digits + 1));
  return position;
}

// ---- The connection ----

struct FreeContext {
  void operator()(redisContext* context) const { redisFree(context); }
};
struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

std::string TextOf(const redisReply& reply) {
  return reply.str == nullptr ? std::string() : std::string(reply.str, reply.len);
}

std::span<const redisReply* const> ElementsOf(const redisReply& reply) {
  if (reply.type != REDIS_REPLY_ARRAY) return {};
  return {reply.element, reply.elements};
}

timeval TimevalOf(std::int64_t ms) {
  return {.tv_sec = static_cast<time_t>(ms / 1000),
          .tv_usec = static_cast<suseconds_t>(ms % 1000 * 1000)};
}

// One connection. Whatever goes wrong ends it, and the next attempt makes a new one with its
// time-outs (redisReconnect would lose them).
class RedisTarget final : public RowTarget {
 public:
  explicit RedisTarget(RedisOptions options)
      : options_(std::move(options)), keep_(std::to_string(options_.keep)) {}

  std::string Name() const override {
    return options_.address.host + ":" + std::to_string(options_.address.port);
  }
  Result<Position> Move(const std::string& instance, const Position& from,
                        std::span<const RecordedRow> rows) override;
  Result<std::optional<Position>> PositionOf(const std::string& instance) override;
  Result<std::vector<std::string>> NewestIds() override;

 private:
  using Command = std::vector<std::string_view>;
  Result<Reply> Send(const Command& command);
  Status Connect();
  Status Authenticate();
  Result<Reply> Ask(const Command& command);
  Error ConnectionFailure(const std::string& doing, std::int64_t timeout_ms, int code) const;

  const RedisOptions options_;
  const std::string keep_;
  std::unique_ptr<redisContext, FreeContext> context_;
};

std::string CursorOf(const std::string& instance) { return "copse:cursor:" + instance; }

// The answers of a cluster say which other server to ask; none of them has all of our keys.
Error Refusal(std::string_view text) {
  std::string why = "Redis refused: " + std::string(text);
  for (const std::string_view prefix : {"MOVED", "ASK ", "CROSSSLOT", "CLUSTERDOWN"}) {
    if (text.starts_with(prefix)) {
      why += " (a Redis Cluster cannot keep the log: its keys change in one step on one server)";
    }
  }
  return {ErrorCode::kUnavailable, why};
}

// hiredis reports a time-out as "Resource temporarily unavailable".
Error RedisTarget::ConnectionFailure(const std::string& doing, std::int64_t timeout_ms,
                                     int code) const {
  const bool timed_out = context_ && context_->err == REDIS_ERR_IO &&
                         (code == EAGAIN || code == EWOULDBLOCK || code == ETIMEDOUT);
  std::string why = "out of memory";
  if (context_) why = context_->errstr;
  if (timed_out) why = "no answer within " + std::to_string(timeout_ms) + " ms";
  return {ErrorCode::kUnavailable, doing + ": " + why};
}

Result<Reply> RedisTarget::Ask(const Command& command) {
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  texts.reserve(command.size());
  sizes.reserve(command.size());
  for (const std::string_view part : command) {
    texts.push_back(part.data());
    sizes.push_back(part.size());
  }
  errno = 0;
  Reply reply(static_cast<redisReply*>(redisCommandArgv(
      context_.get(), static_cast<int>(command.size()), texts.data(), sizes.data())));
  if (!reply) return ConnectionFailure("the connection broke", options_.command_timeout_ms, errno);
  if (reply->type == REDIS_REPLY_ERROR) return Refusal({reply->str, reply->len});
  return reply;
}

// Without a password a PING asks whether one is wanted: a long command from a stranger would
// only get "Protocol error".
Status RedisTarget::Authenticate() {
  const RedisAddress& address = options_.address;
  Command command = {"PING"};
  if (!address.password.empty()) command = {"AUTH", address.user, address.password};
  if (!address.password.empty() && address.user.empty()) command = {"AUTH", address.password};
  const auto reply = Ask(command);
  if (reply.ok()) return Ok{};
  if (command.front() == "PING" || !context_ || context_->err != 0) return reply.error();
  // A server without AUTH repeats what it was told, password and all.
  const std::string& said = reply.error().message;
  const bool is_known = said.find("WRONGPASS") != std::string::npos ||
                        said.find("without any password") != std::string::npos ||
                        said.find("invalid password") != std::string::npos;
  return is_known ? reply.error()
                  : Error{ErrorCode::kUnavailable,
                          "Redis refused AUTH with the user and password "
                          "of its address"};
}

Status RedisTarget::Connect() {
  errno = 0;
  context_.reset(redisConnectWithTimeout(options_.address.host.c_str(), options_.address.port,
                                         TimevalOf(options_.connect_timeout_ms)));
  if (!context_ || context_->err != 0) {
    return ConnectionFailure("cannot connect", options_.connect_timeout_ms, errno);
  }
  if (redisSetTimeout(context_.get(), TimevalOf(options_.command_timeout_ms)) != REDIS_OK) {
    return ConnectionFailure("cannot set a time-out", options_.command_timeout_ms, errno);
  }
  return Authenticate();
}

Result<Reply> RedisTarget::Send(const Command& command) {
  if (!context_) {
    if (const Status connected = Connect(); !connected.ok()) {
      context_.reset();
      return connected.error();
    }
  }
  Result<Reply> reply = Ask(command);
  if (!reply.ok()) context_.reset();
  return reply;
}

// EVAL with the whole text, not EVALSHA: Redis cannot have forgotten it.
Result<Position> RedisTarget::Move(const std::string& instance, const Position& from,
                                   std::span<const RecordedRow> rows) {
  const std::string cursor = CursorOf(instance), before = PositionText(from);
  const std::string after = PositionText({rows.back().seq, rows.back().id});
  Command command = {"EVAL", kShip, "3", kStream, "copse:count", cursor, keep_, before, after};
  command.reserve(command.size() + rows.size() * 9);
  for (const RecordedRow& r : rows) {
    for (const std::string_view field : std::initializer_list<std::string_view>{
             r.id, r.time, r.model, r.version, r.request_id, r.input, r.output, r.label,
             r.numbered ? "1" : "0"}) {
      command.push_back(field);
    }
  }
  const auto reply = Send(command);
  if (!reply.ok()) {
    // A Redis that is full takes nothing more, but gives up what is more than it is to keep.
    if (reply.error().message.find("OOM") != std::string::npos) {
      (void)Send({"XTRIM", kStream, "MAXLEN", "~", keep_});
    }
    return reply.error();
  }
  return PositionOfText(TextOf(**reply));
}

Result<std::optional<Position>> RedisTarget::PositionOf(const std::string& instance) {
  const std::string cursor = CursorOf(instance);
  const auto reply = Send({"GET", cursor});
  if (!reply.ok()) return reply.error();
  if ((*reply)->type == REDIS_REPLY_NIL) return std::optional<Position>();
  const auto position = PositionOfText(TextOf(**reply));
  if (!position.ok()) return position.error();
  return std::optional<Position>(*position);
}

Result<std::vector<std::string>> RedisTarget::NewestIds() {
  const auto reply = Send({"XREVRANGE", kStream, "+", "-", "COUNT", kNewestRows});
  if (!reply.ok()) return reply.error();
  std::vector<std::string> ids;
  for (const redisReply* entry : ElementsOf(**reply)) {
    const auto parts = ElementsOf(*entry);
    if (parts.size() != 2) continue;
    const auto fields = ElementsOf(*parts[1]);
    for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
      if (TextOf(*fields[i]) == "id") ids.push_back(TextOf(*fields[i + 1]));
    }
  }
  return ids;
}

Status Check(const RedisOptions& options) {
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
  if (options.address.host.empty()) {
    return Error{ErrorCode::kInvalidInput, "the address of Redis is empty"};
  }
  return Ok{};
}

}  // namespace

Result<std::unique_ptr<RowTarget>> MakeRedisTarget(RedisOptions options) {
  const Status checked = Check(options);
  if (!checked.ok()) return checked.error();
  return std::unique_ptr<RowTarget>(std::make_unique<RedisTarget>(std::move(options)));
}

}  // namespace copse
