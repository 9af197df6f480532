#include "redis_shipper.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "recorder.h"
#include "redis_server.h"

namespace copse {
namespace {

using test::Entries;
using test::Entry;
using test::Eventually;
using test::MsOf;
using test::RedisServer;
using test::Said;

// ---- The address ----

TEST(ParseRedisUrl, ReadsEveryForm) {
  struct Case {
    const char* url;
    const char* host;
    int port;
    const char* user;
    const char* password;
  };
  const Case cases[] = {
      {"redis-server", "redis-server", 6379, "", ""},
      {"127.0.0.1:7000", "127.0.0.1", 7000, "", ""},
      {"redis://cache.example.org", "cache.example.org", 6379, "", ""},
      {"redis://cache:1/", "cache", 1, "", ""},
      {"redis://cache/0", "cache", 6379, "", ""},
      {"redis://:secret@cache:65535", "cache", 65535, "", "secret"},
      {"redis://me:secret@cache", "cache", 6379, "me", "secret"},
      {"redis://m%40e:p%3a%2F%25w%6f@cache:6380", "cache", 6380, "m@e", "p:/%wo"},
      {"redis://me:se@cr/et:x@cache:6380", "cache", 6380, "me", "se@cr/et:x"},
      {"redis://[::1]:6380", "::1", 6380, "", ""},
      {"[fe80::1]", "fe80::1", 6379, "", ""},
  };
  for (const Case& c : cases) {
    const auto address = ParseRedisUrl(c.url);
    ASSERT_TRUE(address.ok()) << c.url << ": " << address.error().message;
    EXPECT_EQ(address->host, c.host) << c.url;
    EXPECT_EQ(address->port, c.port) << c.url;
    EXPECT_EQ(address->user, c.user) << c.url;
    EXPECT_EQ(address->password, c.password) << c.url;
  }
}

TEST(ParseRedisUrl, RefusesWithASentenceThatNeverRepeatsThePassword) {
  const std::string expected = "; expected [redis://[USER:PASSWORD@]]HOST[:PORT]";
  const std::pair<const char*, const char*> cases[] = {
      {"", "has the host '', which is not a name or an address"},
      {"redis://", "has the host '', which is not a name or an address"},
      {"redis://:s3cret@", "has the host '', which is not a name or an address"},
      {"rediss://:s3cret@cache", "has the scheme 'rediss', which is not supported"},
      {"http://cache", "has the scheme 'http', which is not supported"},
      {"cache:0", "has the port '0', which is not a number from 1 to 65535"},
      {"cache:65536", "has the port '65536', which is not a number from 1 to 65535"},
      {"cache:", "has the port '', which is not a number from 1 to 65535"},
      {"cache:12x", "has a port that is not a number from 1 to 65535"},
      {"cache:-1", "has a port that is not a number from 1 to 65535"},
      {"cache:99999999999", "has a port that is not a number from 1 to 65535"},
      {"redis://default:s3cret", "has a port that is not a number from 1 to 65535"},
      {"redis://me:s3cret%40cache:6379", "has a port that is not a number from 1 to 65535"},
      {"me:s3cret://ss@cache", "has a scheme that is not supported"},
      {"redis://cache/0?password=s3cret", "names a database or options; only /0 is supported"},
      {"a b", "has the host 'a b', which is not a name or an address"},
      {"[::1", "has a '[' without its ']'"},
      {"[]", "has the host '[]', which is not a name or an address"},
      {"[::1]x:1", "has the host '[::1]x', which is not a name or an address"},
      {"redis://me@cache", "has a user but no password before the '@'"},
      {"redis://me:@cache", "has an empty password before the '@'"},
      {"redis://:s3cret%4@cache",
       "has a '%' in its user or password that two hexadecimal digits do not follow"},
      {"redis://:%zzs3cret@cache",
       "has a '%' in its user or password that two hexadecimal digits do not follow"},
      {"redis://:s3cret@cache/2", "names the database '/2', only /0 is supported"},
  };
  for (const auto& [url, what] : cases) {
    const auto address = ParseRedisUrl(url);
    ASSERT_FALSE(address.ok()) << url;
    EXPECT_EQ(address.error().code, ErrorCode::kInvalidInput);
    EXPECT_EQ(address.error().message, std::string("the address of Redis ") + what + expected);
    EXPECT_EQ(address.error().message.find("s3cret"), std::string::npos);
  }
}

TEST(ParseRedisUrl, TakesAPasswordFromElsewhere) {
  const auto address = ParseRedisUrl("redis://m%40e@cache:6380", "p@ss word");
  ASSERT_TRUE(address.ok()) << address.error().message;
  EXPECT_EQ(address->user, "m@e");
  EXPECT_EQ(address->password, "p@ss word");
  EXPECT_EQ(address->host, "cache");
  EXPECT_EQ(ParseRedisUrl("cache", "secret")->password, "secret");
  const auto twice = ParseRedisUrl("redis://:s3cret@cache", "another");
  ASSERT_FALSE(twice.ok());
  EXPECT_EQ(twice.error().message,
            "the address of Redis has a password, and a file has another; expected "
            "[redis://[USER:PASSWORD@]]HOST[:PORT]");
}

TEST(MakeRedisTarget, RefusesOptionsWithoutMeaning) {
  const auto target = MakeRedisTarget({.address = {.host = "127.0.0.1"}, .keep = 0});
  ASSERT_FALSE(target.ok());
  EXPECT_EQ(target.error().message,
            "the number of predictions to keep in Redis is 0, expected at least 1");
}

// ---- What is written ----

// Logs that write to a real Redis, quick to retry and to notice a frozen server.
class RedisLogTest : public testing::Test {
 protected:
  struct LogOptions {
    RedisOptions redis;
    RecorderOptions recorder;
  };
  LogOptions Options() {
    LogOptions options;
    options.redis = {.address = {.host = "127.0.0.1", .port = redis_.port()},
                     .connect_timeout_ms = 500,
                     .command_timeout_ms = 150};
    options.recorder.outbox = {.path = dir_ / "predictions.db", .durability = Durability::kAsync};
    options.recorder.shipper = {.gather_ms = 2,
                                .retry_first_ms = 1,
                                .retry_max_ms = 50,
                                .check_every_ms = 50,
                                .say = said_.Listener()};
    options.recorder.writer.say = said_.Listener();
    return options;
  }
  std::unique_ptr<PredictionLog> Open() { return Open(Options()); }
  static std::unique_ptr<PredictionLog> Open(LogOptions options) {
    auto target = MakeRedisTarget(std::move(options.redis));
    if (!target.ok()) ADD_FAILURE() << target.error().message;
    auto log = OpenRecorder(std::move(options.recorder), *std::move(target));
    if (log.ok()) return std::move(log).value();
    ADD_FAILURE() << log.error().message;
    return nullptr;
  }
  bool Wrote(const PredictionLog& log, std::uint64_t n) {
    return Eventually([&] { return log.State().redis->shipped == n; });
  }
  bool SaysDown(const PredictionLog& log, const std::string& reason) {
    return Eventually([&] {
      const ShipState state = *log.State().redis;
      return !state.up && state.last_error.find(reason) != std::string::npos;
    });
  }
  bool Waits(const PredictionLog& log, std::uint64_t n) {
    return Eventually([&] { return log.State().redis->waiting == n; });
  }
  // Whatever Redis does, a hundred appends are a matter of microseconds; a minute is hanging.
  void AppendQuickly(PredictionLog& log, int begin, int end) {
    EXPECT_LT(MsOf([&] {
                for (int i = begin; i < end; ++i) log.Append({Entry(i)});
              }),
              1'000);
  }
  // Every one of 0..n exactly once and in order, in the stream and as keys.
  void ExpectExactlyOnce(int n) {
    std::vector<std::string> outputs;
    for (int i = 0; i < n; ++i) outputs.push_back("[" + std::to_string(i) + "]");
    EXPECT_EQ(redis_.Stream("output"), outputs);
    EXPECT_EQ(redis_.Keys(0, n), outputs);
    EXPECT_EQ(redis_.Ask({"GET", "copse:count"}), std::to_string(n));
    EXPECT_EQ(redis_.Ask({"EXISTS", std::to_string(n)}), "0");
  }

  test::TempDir dir_;
  Said said_;
  RedisServer redis_;
};

TEST_F(RedisLogTest, TheFirstPredictionEverIsKeyZero) {
  ASSERT_TRUE(redis_.Start());
  auto log = Open();
  for (const int flower : {0, 1, 2}) log->Append({Entry(flower)});
  ASSERT_TRUE(Wrote(*log, 3));
  EXPECT_EQ(redis_.Ask({"GET", "0"}), "[0]");
  EXPECT_EQ(redis_.Ask({"GET", "1"}), "[1]");
  EXPECT_EQ(redis_.Ask({"GET", "2"}), "[2]");
  EXPECT_EQ(redis_.Ask({"GET", "3"}), "");
  EXPECT_EQ(redis_.Ask({"TYPE", "1"}), "string");
  EXPECT_EQ(redis_.Ask({"TTL", "1"}), "-1");
}

TEST_F(RedisLogTest, EveryFieldIsInTheStream) {
  ASSERT_TRUE(redis_.Start());
  auto log = Open();
  LogEntry entry = Entry(7);
  entry.label = "l'été % \"x\"";
  log->Append({entry});
  ASSERT_TRUE(Wrote(*log, 1));
  const auto lines = test::LinesOf(redis_.Ask({"XRANGE", "copse:predictions", "-", "+"}));
  const std::vector<std::string> fields(lines.begin() + 1, lines.end());
  EXPECT_EQ(fields, (std::vector<std::string>{
                        "id", "a000007", "time", "2026-01-31T09:30:00.132Z", "model", "iris",
                        "version", "0123456789ab", "request_id", "request-a000007", "input",
                        "[5.1,null,1.4,0.2]", "output", "[7]", "label", entry.label}));
}

TEST_F(RedisLogTest, RowsOfAFileGoToTheStreamAlone) {
  ASSERT_TRUE(redis_.Start());
  auto log = Open();
  log->Append(Entries(0, 600, false));
  log->Append({Entry(600)});
  ASSERT_TRUE(Wrote(*log, 601));
  EXPECT_EQ(redis_.Length(), "601");
  EXPECT_EQ(redis_.Ask({"GET", "0"}), "[600]");
  EXPECT_EQ(redis_.Ask({"GET", "copse:count"}), "1");
}

TEST_F(RedisLogTest, AServiceThatStartsAgainGoesOnCounting) {
  ASSERT_TRUE(redis_.Start());
  Open()->Append(Entries(0, 3));
  Open()->Append(Entries(3, 5));
  ExpectExactlyOnce(5);
}

TEST_F(RedisLogTest, ReplicasNeverOverwriteEachOther) {
  ASSERT_TRUE(redis_.Start());
  std::vector<std::thread> replicas;
  for (const char* source : {"a", "b", "c"}) {
    replicas.emplace_back([this, source] {
      LogOptions options = Options();
      options.recorder.outbox.path = dir_ / (std::string(source) + ".db");
      auto log = Open(options);
      for (int i = 0; i < 400; ++i) {
        LogEntry entry = Entry(i, true, source);
        entry.output = entry.id;
        log->Append({entry});
      }
      EXPECT_TRUE(Wrote(*log, 400));
    });
  }
  for (std::thread& replica : replicas) replica.join();
  std::vector<std::string> keys = redis_.Keys(0, 1'200);
  EXPECT_EQ(keys, redis_.Stream("id")) << "keys and stream are in one order";
  std::stable_sort(keys.begin(), keys.end(),
                   [](const std::string& x, const std::string& y) { return x[0] < y[0]; });
  std::vector<std::string> expected;
  for (const char* source : {"a", "b", "c"}) {
    for (const LogEntry& entry : Entries(0, 400, true, source)) expected.push_back(entry.id);
  }
  EXPECT_EQ(keys, expected) << "each replica's own order is kept, and nothing is lost";
  EXPECT_EQ(redis_.Ask({"GET", "copse:count"}), "1200");
}

TEST_F(RedisLogTest, KeysThatExistAlreadyAreNotOverwritten) {
  ASSERT_TRUE(redis_.Start());
  redis_.Ask({"MSET", "0", "old", "1", "old", "3", "old"});
  auto log = Open();
  log->Append(Entries(7, 10));
  ASSERT_TRUE(Wrote(*log, 3));
  EXPECT_EQ(redis_.Keys(0, 6),
            (std::vector<std::string>{"old", "old", "[7]", "old", "[8]", "[9]"}));
}

TEST_F(RedisLogTest, KeepsTheNewestAndNoMore) {
  ASSERT_TRUE(redis_.Start());
  LogOptions options = Options();
  options.redis.keep = 300;
  auto log = Open(options);
  log->Append(Entries(0, 2'000));
  ASSERT_TRUE(Wrote(*log, 2'000));
  EXPECT_EQ(redis_.Ask({"EXISTS", "0", "1", "1698", "1699"}), "0");
  const auto kept = redis_.Keys(1'700, 2'000);
  EXPECT_EQ(kept.front(), "[1700]");
  EXPECT_EQ(kept.back(), "[1999]");
  EXPECT_EQ(std::count(kept.begin(), kept.end(), ""), 0);
  const int length = std::stoi(redis_.Length());
  EXPECT_GE(length, 300);
  EXPECT_LE(length, 300 + 100) << "MAXLEN ~ trims whole nodes of 100 entries";
}

TEST_F(RedisLogTest, MoreRowsThanTheQueueHoldsAllArrive) {
  ASSERT_TRUE(redis_.Start());
  LogOptions options = Options();
  options.redis.command_timeout_ms = 20'000;
  options.recorder.writer.queue_entries_max = 300;
  auto log = Open(options);
  std::thread file([&] { log->Append(Entries(0, 5'000, false)); });
  for (int i = 0; i < 500; ++i) log->Append({Entry(i, true, "b")});
  file.join();
  ASSERT_TRUE(Wrote(*log, 5'500));
  EXPECT_EQ(log->State().dropped, 0u);
  EXPECT_EQ(redis_.Length(), "5500");
  EXPECT_EQ(redis_.Ask({"GET", "copse:count"}), "500");
  EXPECT_EQ(said_.All(), "");
}

// ---- Faults ----

TEST_F(RedisLogTest, AbsentAtTheStart) {
  auto log = Open();
  AppendQuickly(*log, 0, 300);
  ASSERT_TRUE(SaysDown(*log, "cannot connect: Connection refused"));
  EXPECT_EQ(log->State().sink, "sqlite");
  EXPECT_TRUE(log->State().up);
  ASSERT_TRUE(Waits(*log, 300));
  ASSERT_TRUE(redis_.Start());
  ASSERT_TRUE(Wrote(*log, 300));
  ExpectExactlyOnce(300);
  EXPECT_TRUE(log->State().redis->up);
  ASSERT_TRUE(Eventually([&] { return said_.Count({"prediction_log_up"}) == 1; }));
  EXPECT_EQ(said_.Count({"prediction_log_down", "Connection refused"}), 1u) << said_.All();
}

// The frozen server receives the batch, and carries it out after the log has given up on it and
// before the log sends it again.
TEST_F(RedisLogTest, FrozenAndBackCountsEveryEntryOnce) {
  ASSERT_TRUE(redis_.Start());
  auto log = Open();
  AppendQuickly(*log, 0, 10);
  ASSERT_TRUE(Wrote(*log, 10));
  redis_.Freeze();
  AppendQuickly(*log, 10, 700);
  ASSERT_TRUE(SaysDown(*log, "no answer within 150 ms"));
  AppendQuickly(*log, 700, 900);
  redis_.Thaw();
  ASSERT_TRUE(Wrote(*log, 900));
  ExpectExactlyOnce(900);
}

TEST_F(RedisLogTest, WhatWaitsWhenTheLogIsClosedIsMovedAfterTheNextStart) {
  ASSERT_TRUE(redis_.Start());
  {
    auto log = Open();
    redis_.Freeze();
    AppendQuickly(*log, 0, 10);
    EXPECT_LT(MsOf([&] { log->Close(100); }), 10'000);
    EXPECT_EQ(log->State().dropped, 0u);
    EXPECT_EQ(said_.Count({"prediction_log_waiting", "\"waiting\":10"}), 1u) << said_.All();
  }
  redis_.Thaw();
  auto log = Open();
  AppendQuickly(*log, 10, 20);
  ASSERT_TRUE(Eventually([&] { return redis_.Length() == "20"; }));
  ExpectExactlyOnce(20);
}

TEST_F(RedisLogTest, KilledAndBackWithItsData) {
  ASSERT_TRUE(redis_.Start({"--appendonly", "yes"}));
  auto log = Open();
  AppendQuickly(*log, 0, 500);
  ASSERT_TRUE(Wrote(*log, 500));
  redis_.Kill();
  AppendQuickly(*log, 500, 800);
  ASSERT_TRUE(SaysDown(*log, "Connection refused"));
  ASSERT_TRUE(redis_.Start({"--appendonly", "yes"}));
  ASSERT_TRUE(Wrote(*log, 800));
  ExpectExactlyOnce(800);
}

TEST_F(RedisLogTest, KilledAndBackEmptyCountsFromZero) {
  ASSERT_TRUE(redis_.Start());
  auto log = Open();
  log->Append(Entries(1'000, 1'050));
  ASSERT_TRUE(Wrote(*log, 50));
  redis_.Kill();
  ASSERT_TRUE(SaysDown(*log, "")) << "noticed although there is nothing to write";
  AppendQuickly(*log, 0, 300);
  ASSERT_TRUE(redis_.Start());
  ASSERT_TRUE(Wrote(*log, 350));
  ExpectExactlyOnce(300);
}

TEST_F(RedisLogTest, WrongPasswordThenTheRightOne) {
  ASSERT_TRUE(redis_.Start());
  redis_.SetPassword("another");
  LogOptions options = Options();
  options.redis.address.password = "s3cret";
  auto log = Open(options);
  AppendQuickly(*log, 0, 100);
  ASSERT_TRUE(SaysDown(*log, "WRONGPASS"));
  ASSERT_TRUE(Waits(*log, 100));
  redis_.SetPassword("s3cret");
  ASSERT_TRUE(Wrote(*log, 100));
  ExpectExactlyOnce(100);
  EXPECT_EQ(said_.Count({"s3cret"}), 0u);
  EXPECT_EQ(said_.Count({"prediction_log_down", "WRONGPASS"}), 1u) << said_.All();
}

TEST_F(RedisLogTest, PasswordMissing) {
  ASSERT_TRUE(redis_.Start());
  redis_.SetPassword("s3cret");
  auto log = Open();
  log->Append(Entries(0, 3));
  ASSERT_TRUE(SaysDown(*log, "NOAUTH"));
  ASSERT_TRUE(Waits(*log, 3));
}

TEST_F(RedisLogTest, AUserWithAPassword) {
  ASSERT_TRUE(redis_.Start());
  redis_.Ask({"ACL", "SETUSER", "copse", "on", ">s3cret", "~*", "+@all"});
  redis_.SetPassword("another");
  LogOptions options = Options();
  options.redis.address.user = "copse";
  options.redis.address.password = "s3cret";
  auto log = Open(options);
  log->Append(Entries(0, 3));
  ASSERT_TRUE(Wrote(*log, 3));
  ExpectExactlyOnce(3);
}

// Without the question at its head the script would add to the stream, then fail, and so again
// with every attempt.
TEST_F(RedisLogTest, AUserWhoMayNotWriteKeysWritesNothing) {
  ASSERT_TRUE(redis_.Start());
  redis_.Ask({"ACL", "SETUSER", "copse", "on", ">s3cret", "~*", "+@all", "-setnx"});
  LogOptions options = Options();
  options.redis.address.user = "copse";
  options.redis.address.password = "s3cret";
  auto log = Open(options);
  log->Append(Entries(0, 3));
  ASSERT_TRUE(SaysDown(*log, "NOPERM this user may not run SETNX"));
  EXPECT_EQ(redis_.Length(), "0");
  redis_.Ask({"ACL", "SETUSER", "copse", "+setnx"});
  ASSERT_TRUE(Wrote(*log, 3));
  ExpectExactlyOnce(3);
}

TEST_F(RedisLogTest, OutOfMemoryKeepsTheEntries) {
  ASSERT_TRUE(redis_.Start());
  auto log = Open();
  AppendQuickly(*log, 0, 10);
  ASSERT_TRUE(Wrote(*log, 10));
  redis_.Ask({"CONFIG", "SET", "maxmemory", "1"});
  AppendQuickly(*log, 10, 1'000);
  ASSERT_TRUE(SaysDown(*log, "OOM"));
  EXPECT_EQ(redis_.Length(), "10");
  redis_.Ask({"CONFIG", "SET", "maxmemory", "0"});
  ASSERT_TRUE(Wrote(*log, 1'000));
  ExpectExactlyOnce(1'000);
}

TEST_F(RedisLogTest, AReplicaThatIsReadOnlyKeepsTheEntries) {
  ASSERT_TRUE(redis_.Start());
  redis_.Ask({"CONFIG", "SET", "replica-serve-stale-data", "yes"});
  redis_.Ask({"REPLICAOF", "127.0.0.1", std::to_string(test::FreePort())});
  auto log = Open();
  log->Append(Entries(0, 5));
  ASSERT_TRUE(SaysDown(*log, "READONLY"));
  redis_.Ask({"REPLICAOF", "NO", "ONE"});
  ASSERT_TRUE(Wrote(*log, 5));
  ExpectExactlyOnce(5);
}

TEST_F(RedisLogTest, AStreamKeyOfAnotherTypeIsSaidAndWaitedFor) {
  ASSERT_TRUE(redis_.Start());
  redis_.Ask({"SET", "copse:predictions", "mine"});
  auto log = Open();
  log->Append(Entries(0, 5));
  ASSERT_TRUE(SaysDown(*log, "WRONGTYPE copse:predictions is a string, expected a stream"));
  EXPECT_EQ(redis_.Ask({"EXISTS", "0", "copse:count"}), "0");
  redis_.Ask({"DEL", "copse:predictions"});
  ASSERT_TRUE(Wrote(*log, 5));
  ExpectExactlyOnce(5);
}

TEST_F(RedisLogTest, AConnectionCutInTheMiddleCountsEveryEntryOnce) {
  ASSERT_TRUE(redis_.Start());
  auto log = Open();
  std::thread traffic([&] {
    for (int i = 0; i < 4'000; ++i) {
      log->Append({Entry(i)});
      if (i % 200 == 0) Eventually([&] { return log->State().redis->waiting < 300; });
    }
  });
  for (int cut = 0; cut < 30; ++cut) redis_.Ask({"CLIENT", "KILL", "TYPE", "normal"});
  traffic.join();
  ASSERT_TRUE(Wrote(*log, 4'000));
  ExpectExactlyOnce(4'000);
}

TEST_F(RedisLogTest, ACursorThatIsNoneIsSaidAndWaitedFor) {
  ASSERT_TRUE(redis_.Start());
  auto log = Open();
  log->Append(Entries(0, 5));
  ASSERT_TRUE(Wrote(*log, 5));
  const std::string cursor = redis_.Ask({"KEYS", "copse:cursor:*"});
  const std::string position = redis_.Ask({"GET", cursor});
  redis_.Ask({"SET", cursor, "nonsense"});
  log->Append(Entries(5, 8));
  ASSERT_TRUE(SaysDown(*log, "the position of this log in Redis is 'nonsense'"));
  redis_.Ask({"SET", cursor, position});
  ASSERT_TRUE(Wrote(*log, 8));
  ExpectExactlyOnce(8);
}

TEST_F(RedisLogTest, AClusterIsSaid) {
  const std::string bus = std::to_string(test::FreePort());
  ASSERT_TRUE(redis_.Start({"--cluster-enabled", "yes", "--cluster-port", bus}));
  auto log = Open();
  log->Append(Entries(0, 5));
  ASSERT_TRUE(SaysDown(*log, "a Redis Cluster cannot keep the log"));
}

}  // namespace
}  // namespace copse
