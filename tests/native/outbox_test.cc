#include "outbox.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "log_events.h"
#include "log_fixtures.h"
#include "recorder.h"

namespace copse {
namespace {

using test::Entries;
using test::Entry;
using test::Eventually;
using test::MsOf;
using test::Said;

std::unique_ptr<PredictionLog> OpenOrFail(RecorderOptions options) {
  auto log = OpenRecorder(std::move(options));
  if (log.ok()) return std::move(log).value();
  ADD_FAILURE() << log.error().message;
  return nullptr;
}

// A log in a folder of its own, asked with the sqlite3 program as a person would.
class OutboxTest : public testing::Test {
 protected:
  RecorderOptions Options(Durability durability = Durability::kCommit) {
    RecorderOptions options{.outbox = {.path = dir_ / "predictions.db", .durability = durability}};
    options.writer.retry_first_ms = 1;
    options.writer.retry_max_ms = 20;
    options.writer.append_wait_ms = 20'000;
    options.writer.say = said_.Listener();
    return options;
  }
  std::string Ask(const std::string& sql) const {
    return test::OutputOf({"sqlite3", dir_ / "predictions.db", sql});
  }
  std::string SentenceOf(const std::string& path) {
    RecorderOptions options = Options();
    options.outbox.path = path;
    auto log = OpenRecorder(std::move(options));
    if (log.ok()) return "opened";
    EXPECT_EQ(log.error().code, ErrorCode::kInvalidInput);
    return log.error().message;
  }

  test::TempDir dir_;
  Said said_;
};

TEST_F(OutboxTest, EveryFieldIsAColumn) {
  auto log = OpenOrFail(Options());
  LogEntry entry = Entry(7, false);
  entry.label = "l'été\n\"x\"";
  log->Append({Entry(0), entry});
  EXPECT_EQ(Ask("SELECT seq, id, time, model, version, request_id, input, output, label, numbered "
                "FROM predictions WHERE numbered"),
            "1|a000000|2026-01-31T09:30:00.125Z|iris|0123456789ab|request-a000000|"
            "[5.1,null,1.4,0.2]|[0]|setosa|1");
  EXPECT_EQ(Ask("SELECT label, numbered FROM predictions WHERE output = '[7]'"), "l'été\n\"x\"|0");
}

TEST_F(OutboxTest, AppendReturnsWhenAnotherProgramCanSeeTheRows) {
  for (const Durability durability : {Durability::kCommit, Durability::kFull}) {
    auto log = OpenOrFail(Options(durability));
    const int begin = durability == Durability::kCommit ? 0 : 5;
    for (int i = begin; i < begin + 5; ++i) {
      log->Append({Entry(i)});
      ASSERT_EQ(Ask("SELECT count(*) FROM predictions"), std::to_string(i + 1));
    }
    EXPECT_EQ(log->State().late, 0u);
    EXPECT_EQ(log->State().written, 5u);
  }
}

TEST_F(OutboxTest, AnAsyncLogIsCompleteOnceClosed) {
  auto log = OpenOrFail(Options(Durability::kAsync));
  for (int i = 0; i < 1'000; ++i) log->Append({Entry(i)});
  log->Close(20'000);
  EXPECT_EQ(Ask("SELECT count(*), min(output), max(id) FROM predictions"), "1000|[0]|a000999");
}

TEST_F(OutboxTest, GoesOnAfterTheRowsOfAnEarlierRun) {
  OpenOrFail(Options())->Append(Entries(0, 3));
  OpenOrFail(Options())->Append(Entries(3, 5));
  EXPECT_EQ(Ask("SELECT group_concat(output, '') FROM predictions ORDER BY seq"),
            "[0][1][2][3][4]");
}

TEST_F(OutboxTest, AnEntryOfferedTwiceIsOneRow) {
  auto log = OpenOrFail(Options());
  log->Append(Entries(0, 3));
  log->Append(Entries(2, 4));
  EXPECT_EQ(Ask("SELECT count(*) FROM predictions"), "4");
}

TEST_F(OutboxTest, ThreadsShareCommitsAndLoseNothing) {
  auto log = OpenOrFail(Options());
  std::vector<std::thread> threads;
  for (const char* source : {"a", "b", "c", "d"}) {
    threads.emplace_back([&log, source] {
      for (int i = 0; i < 200; ++i) log->Append({Entry(i, true, source)});
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Ask("SELECT substr(id, 1, 1) AS s, count(*) FROM predictions GROUP BY s"),
            "a|200\nb|200\nc|200\nd|200");
}

// The child answers on its output only what Append has returned for.
TEST_F(OutboxTest, KillingTheProcessLosesNothingThatWasAnswered) {
  int answered[2];
  ASSERT_EQ(pipe(answered), 0);
  const pid_t child = fork();
  if (child == 0) {
    auto log = OpenRecorder(Options());
    if (!log.ok()) _exit(1);
    for (int i = 0; i < 1'000'000; ++i) {
      (*log)->Append({Entry(i)});
      if (write(answered[1], "x", 1) != 1) _exit(1);
    }
    _exit(0);
  }
  char answers[500];
  std::size_t n = 0;
  while (n < sizeof(answers)) {
    const ssize_t got = read(answered[0], answers, sizeof(answers) - n);
    ASSERT_GT(got, 0);
    n += static_cast<std::size_t>(got);
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  close(answered[1]);
  for (ssize_t got = 0; (got = read(answered[0], answers, sizeof(answers))) > 0;) {
    n += static_cast<std::size_t>(got);
  }
  close(answered[0]);
  EXPECT_EQ(Ask("PRAGMA integrity_check"), "ok");
  EXPECT_GE(std::stoul(Ask("SELECT count(*) FROM predictions")), n);
}

TEST_F(OutboxTest, ALockedFileDelaysNoPredictionAndIsRetried) {
  RecorderOptions options = Options();
  options.writer.append_wait_ms = 100;
  auto log = OpenOrFail(std::move(options));
  test::Program other({"sqlite3", dir_ / "predictions.db"});
  other.Write("BEGIN IMMEDIATE; SELECT 'locked';\n");
  ASSERT_EQ(other.ReadLine(), "locked");
  EXPECT_LT(MsOf([&] {
              for (int i = 0; i < 2'000; ++i) log->Append({Entry(i)});
            }),
            10'000);
  ASSERT_TRUE(Eventually([&] { return said_.Count({"database is locked"}) == 1; })) << said_.All();
  EXPECT_FALSE(log->State().up);
  EXPECT_EQ(log->State().late, 2'000u);
  other.Write("COMMIT; SELECT 'free';\n");
  ASSERT_EQ(other.ReadLine(), "free");
  ASSERT_TRUE(Eventually([&] { return log->State().written == 2'000; }));
  EXPECT_EQ(Ask("SELECT count(*) FROM predictions"), "2000");
  EXPECT_TRUE(log->State().up);
}

// A disk that is full, for this process only: no file may grow past the limit.
class NoMoreSpace {
 public:
  explicit NoMoreSpace(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit now = before_;
    now.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &now);
  }
  ~NoMoreSpace() { setrlimit(RLIMIT_FSIZE, &before_); }
  NoMoreSpace(const NoMoreSpace&) = delete;
  NoMoreSpace& operator=(const NoMoreSpace&) = delete;

 private:
  rlimit before_;
};

TEST_F(OutboxTest, AFullDiskIsSaidCountedAndRetried) {
  auto log = OpenOrFail(Options());
  log->Append(Entries(0, 10));
  {
    const NoMoreSpace full(64 << 10);
    EXPECT_LT(MsOf([&] {
                for (int i = 10; i < 5'000; ++i) log->Append({Entry(i)});
              }),
              20'000);
    ASSERT_TRUE(Eventually([&] { return !log->State().up; }));
    EXPECT_NE(log->State().last_error, "");
    EXPECT_TRUE(Eventually([&] { return said_.Count({"prediction_log_down"}) >= 1; }));
    EXPECT_GT(log->State().late, 0u);
  }
  ASSERT_TRUE(Eventually([&] { return log->State().written == 5'000; })) << said_.All();
  EXPECT_EQ(Ask("SELECT count(*), max(id) FROM predictions"), "5000|a004999");
  EXPECT_EQ(log->State().dropped, 0u);
}

TEST_F(OutboxTest, TheNewestRowsComeFirst) {
  auto log = OpenOrFail(Options());
  log->Append(Entries(0, 5));
  const auto rows = log->Recent(3);
  ASSERT_TRUE(rows.ok());
  ASSERT_EQ(rows->size(), 3u);
  EXPECT_EQ((*rows)[0].seq, 5);
  EXPECT_EQ((*rows)[0].output, "[4]");
  EXPECT_EQ((*rows)[0].time, "2026-01-31T09:30:00.129Z");
  EXPECT_EQ((*rows)[2].id, "a000002");
  EXPECT_TRUE((*rows)[2].numbered);
}

TEST_F(OutboxTest, KeepsTheNewestRowsAndGoesOnCounting) {
  RecorderOptions options = Options();
  options.outbox.rows_max = 10;
  OpenOrFail(options)->Append(Entries(0, 40));
  {
    auto log = OpenOrFail(options);
    for (int i = 40; i < 60; ++i) log->Append({Entry(i)});
  }
  EXPECT_EQ(Ask("SELECT count(*), min(seq), max(seq), max(id) FROM predictions"),
            "10|51|60|a000059");
}

TEST_F(OutboxTest, KeepsToItsSizeByTrimmingTheOldest) {
  RecorderOptions options = Options();
  options.outbox.bytes_max = 200'000;
  auto log = OpenOrFail(options);
  for (int i = 0; i < 5'000; i += 50) log->Append(Entries(i, i + 50));
  EXPECT_LT(log->State().bytes, 260'000u);
  EXPECT_EQ(Ask("SELECT max(seq), max(id), min(seq) > 1000 FROM predictions"), "5000|a004999|1");
  EXPECT_EQ(said_.All(), "");
}

constexpr std::int64_t kHourMs = 3'600'000;

// Entries that were made so many hours ago.
std::vector<LogEntry> EntriesOf(double hours, int begin, int end) {
  std::vector<LogEntry> entries = Entries(begin, end);
  for (LogEntry& entry : entries) {
    entry.time_unix_ms = UnixMsNow() - static_cast<std::int64_t>(hours * kHourMs);
  }
  return entries;
}

TEST_F(OutboxTest, RowsThatAreTooOldGoWithTheNextOne) {
  RecorderOptions options = Options();
  OpenOrFail(options)->Append(EntriesOf(30, 0, 3'000));
  OpenOrFail(options)->Append(EntriesOf(23, 3'000, 3'005));
  options.outbox.keep_ms = 24 * kHourMs;
  OpenOrFail(options)->Append(EntriesOf(0, 3'005, 3'006));
  EXPECT_EQ(Ask("SELECT count(*), min(id), max(seq) FROM predictions"), "6|a003000|3006");
}

TEST_F(OutboxTest, RowsThatAreTooOldGoThoughNoOtherComes) {
  RecorderOptions options = Options();
  OpenOrFail(options)->Append(EntriesOf(30, 0, 20'000));
  options.outbox.keep_ms = 24 * kHourMs;
  auto log = OpenOrFail(options);
  EXPECT_TRUE(Eventually([&] { return Ask("SELECT count(*) FROM predictions") == "1"; }))
      << "the last one keeps the count";
  EXPECT_LT(log->State().bytes, 1'000'000u);
  log->Append(EntriesOf(0, 20'000, 20'001));
  EXPECT_EQ(Ask("SELECT min(seq), max(seq) FROM predictions"), "20000|20001");
}

TEST_F(OutboxTest, ARowOfAClockThatWasAheadKeepsThoseBehindIt) {
  RecorderOptions options = Options();
  auto log = OpenOrFail(options);
  log->Append(EntriesOf(30, 0, 2));
  log->Append(EntriesOf(-1'000, 2, 3));
  log->Append(EntriesOf(30, 3, 5));
  log.reset();
  options.outbox.keep_ms = 24 * kHourMs;
  OpenOrFail(options)->Append(EntriesOf(0, 5, 6));
  EXPECT_EQ(Ask("SELECT count(*), min(seq) FROM predictions"), "4|3");
}

// Rows of one file of rows, and what is asked of it without a thread in between.
class OutboxFileTest : public OutboxTest {
 protected:
  std::unique_ptr<Outbox> Open(std::int64_t bytes_max = 0) {
    auto outbox = Outbox::Open({.path = dir_ / "predictions.db", .bytes_max = bytes_max});
    EXPECT_TRUE(outbox.ok());
    return *std::move(outbox);
  }
  static std::string IdsAfter(Outbox& outbox, std::int64_t seq, std::size_t rows_max,
                              std::size_t bytes_max = 1u << 20) {
    std::string ids;
    const auto rows = outbox.RowsAfter(seq, rows_max, bytes_max);
    EXPECT_TRUE(rows.ok());
    for (const RecordedRow& row : *rows) ids += row.id.substr(6);
    return ids;
  }
};

TEST_F(OutboxFileTest, RowsComeInOrderAndInBoundedParts) {
  auto outbox = Open();
  ASSERT_TRUE(outbox->Append(Entries(0, 6), 0).ok());
  EXPECT_EQ(outbox->size().last_seq, 6);
  EXPECT_EQ(IdsAfter(*outbox, 0, 100), "012345");
  EXPECT_EQ(IdsAfter(*outbox, 4, 100), "45");
  EXPECT_EQ(IdsAfter(*outbox, 1, 2), "12");
  EXPECT_EQ(IdsAfter(*outbox, 1, 100, 1), "1") << "one at least";
  EXPECT_EQ(IdsAfter(*outbox, 6, 100), "");
}

TEST_F(OutboxFileTest, RemembersItsNameAndPosition) {
  const auto first = Open()->ReadMark();
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->instance.size(), 16u);
  EXPECT_EQ(first->position, Position());
  ASSERT_TRUE(Open()->SaveMark(first->instance, {7, "id-7"}).ok());
  EXPECT_EQ(Open()->ReadMark()->instance, first->instance);
  EXPECT_EQ(Open()->ReadMark()->position, (Position{7, "id-7"}));
  ASSERT_TRUE(Open()->StartInstance(first->instance, {5, "id-5"}).ok());
  EXPECT_NE(Open()->ReadMark()->instance, first->instance);
  EXPECT_EQ(Open()->ReadMark()->position, (Position{5, "id-5"}));
}

TEST_F(OutboxFileTest, FindsRowsByNumberAndById) {
  auto outbox = Open();
  ASSERT_TRUE(outbox->Append(Entries(0, 6), 0).ok());
  EXPECT_EQ(*outbox->IdOf(3), "a000002");
  EXPECT_EQ(*outbox->IdOf(7), "");
  EXPECT_EQ(*outbox->FirstSeq(), 1);
  const std::vector<std::string> ids = {"a000001", "b000005", "a000004", "a000000"};
  EXPECT_EQ(*outbox->NewestAmong(ids), (Position{5, "a000004"}));
  EXPECT_EQ(*outbox->NewestAmong({}), Position());
}

TEST_F(OutboxFileTest, AFileFullOfRowsThatAreNeededTakesNoMore) {
  auto outbox = Open(100'000);
  int n = 0;
  Status status = Ok{};
  for (; status.ok() && n < 100'000; n += 50) status = outbox->Append(Entries(n, n + 50), 0);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message,
            "the prediction log '" + (dir_ / "predictions.db") +
                "' is full: rows that wait for Redis take the 100000 bytes that it may have");
  EXPECT_EQ(Ask("SELECT min(seq), max(seq) FROM predictions"), "1|" + std::to_string(n - 50));
  ASSERT_TRUE(outbox->Append(Entries(n, n + 50), 100).ok()) << "99 rows may go";
  EXPECT_EQ(Ask("SELECT min(seq), max(seq) FROM predictions"), "100|" + std::to_string(n));
}

TEST_F(OutboxFileTest, RowsThatAreNeededStayHoweverOldTheyAre) {
  auto outbox = *Outbox::Open({.path = dir_ / "predictions.db", .keep_ms = kHourMs});
  ASSERT_TRUE(outbox->Append(EntriesOf(2, 0, 10), 0).ok());
  ASSERT_TRUE(outbox->TrimOld(0).ok());
  EXPECT_EQ(IdsAfter(*outbox, 0, 100), "0123456789");
  ASSERT_TRUE(outbox->TrimOld(7).ok());
  EXPECT_EQ(IdsAfter(*outbox, 0, 100), "6789") << "the row that was moved last is the seventh";
}

TEST_F(OutboxFileTest, ConnectionsOfSeveralProcessesShareTheNumbers) {
  auto a = Open(), b = Open();
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(a->Append({{Entry(i, true, "a")}}, 0).ok());
    ASSERT_TRUE(b->Append({{Entry(i, true, "b")}}, 0).ok());
  }
  EXPECT_EQ(Ask("SELECT count(*), min(seq), max(seq) FROM predictions"), "40|1|40");
}

TEST_F(OutboxFileTest, AnErasedFileIsNoticedAndNotMadeAgain) {
  auto outbox = Open();
  ASSERT_TRUE(outbox->Append(Entries(0, 6), 0).ok());
  EXPECT_FALSE(outbox->HasMoved());
  std::filesystem::remove(dir_ / "predictions.db");
  EXPECT_TRUE(outbox->HasMoved());
  ASSERT_TRUE(outbox->Append(Entries(6, 9), 0).ok()) << "what is open still works";
  EXPECT_EQ(IdsAfter(*outbox, 0, 100), "012345678");
  EXPECT_FALSE(std::filesystem::exists(dir_ / "predictions.db"));
}

TEST_F(OutboxTest, RefusesAFileInAFolderThatDoesNotExist) {
  const std::string path = dir_ / "nowhere/predictions.db";
  EXPECT_EQ(SentenceOf(path), "cannot write the prediction log '" + path +
                                  "': unable to open database file (No such file or directory)");
}

TEST_F(OutboxTest, RefusesAFolder) {
  EXPECT_EQ(SentenceOf(dir_.path()), "cannot write the prediction log '" + dir_.path() +
                                         "': unable to open database file (Is a directory)");
}

TEST_F(OutboxTest, RefusesAFileThatIsNotSqlite) {
  std::ofstream(dir_ / "notes.txt") << std::string(5'000, 'x');
  EXPECT_EQ(SentenceOf(dir_ / "notes.txt"), "cannot write the prediction log '" +
                                                (dir_ / "notes.txt") + "': file is not a database");
}

TEST_F(OutboxTest, RefusesADatabaseWithAnotherTableOfThatName) {
  Ask("CREATE TABLE predictions (id TEXT, output TEXT)");
  EXPECT_EQ(SentenceOf(dir_ / "predictions.db"),
            "cannot write the prediction log '" + (dir_ / "predictions.db") +
                "': table predictions has no column named time");
}

TEST_F(OutboxTest, RefusesAFileWithoutWritePermission) {
  if (geteuid() == 0) GTEST_SKIP() << "root may write every file";
  Ask("CREATE TABLE t (x)");
  chmod((dir_ / "predictions.db").c_str(), 0444);
  EXPECT_EQ(SentenceOf(dir_ / "predictions.db"),
            "cannot write the prediction log '" + (dir_ / "predictions.db") + "': it is read-only");
}

}  // namespace
}  // namespace copse
