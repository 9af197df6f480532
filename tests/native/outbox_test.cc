#include "outbox.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "log_fixtures.h"

namespace copse {
namespace {

using test::Entries;
using test::Entry;
using test::Eventually;
using test::MsOf;
using test::Said;

std::unique_ptr<PredictionLog> OpenOrFail(OutboxOptions options) {
  auto log = OpenOutbox(std::move(options));
  if (log.ok()) return std::move(log).value();
  ADD_FAILURE() << log.error().message;
  return nullptr;
}

// A log in a folder of its own, asked with the sqlite3 program as a person would.
class OutboxTest : public testing::Test {
 protected:
  OutboxOptions Options(Durability durability = Durability::kCommit) {
    OutboxOptions options{.path = dir_ / "predictions.db", .durability = durability};
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
    OutboxOptions options = Options();
    options.path = path;
    auto log = OpenOutbox(std::move(options));
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
    auto log = OpenOutbox(Options());
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
  OutboxOptions options = Options();
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
