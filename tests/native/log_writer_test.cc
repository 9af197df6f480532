#include "log_writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <thread>

#include "log_fixtures.h"

namespace copse {
namespace {

using test::Entries;
using test::Eventually;
using test::MsOf;
using test::Said;

// What a scripted sink is told to do, and what it has seen. Outlives the log and its thread.
class Script {
 public:
  void FailWith(const std::string& reason) { Set(reason, false); }
  void Hang() { Set("", true); }
  void Work() { Set("", false); }
  void TakeMsPerBatch(int ms) {
    const std::lock_guard lock(mutex_);
    batch_ms_ = ms;
  }

  Status Take(std::span<const LogEntry> batch) {
    std::unique_lock lock(mutex_);
    ++attempts_;
    hanging_ = hang_;
    change_.notify_all();
    change_.wait(lock, [&] { return !hang_; });
    hanging_ = false;
    change_.wait_for(lock, std::chrono::milliseconds(batch_ms_), [&] { return hang_; });
    if (!reason_.empty()) return Error{ErrorCode::kUnavailable, reason_};
    batches_.push_back(batch.size());
    for (const LogEntry& entry : batch) ids_.push_back(entry.id);
    return Ok{};
  }

  void WaitUntilHanging() {
    std::unique_lock lock(mutex_);
    change_.wait(lock, [&] { return hanging_; });
  }
  std::vector<std::string> ids() const { return Locked(ids_); }
  std::vector<std::size_t> batches() const { return Locked(batches_); }
  int attempts() const { return Locked(attempts_); }

 private:
  template <class T>
  T Locked(const T& value) const {
    const std::lock_guard lock(mutex_);
    return value;
  }
  void Set(const std::string& reason, bool hang) {
    const std::lock_guard lock(mutex_);
    reason_ = reason;
    hang_ = hang;
    change_.notify_all();
  }

  mutable std::mutex mutex_;
  std::condition_variable change_;
  std::string reason_;
  bool hang_ = false, hanging_ = false;
  int attempts_ = 0, batch_ms_ = 0;
  std::vector<std::string> ids_;
  std::vector<std::size_t> batches_;
};

class ScriptedSink final : public LogSink {
 public:
  explicit ScriptedSink(std::shared_ptr<Script> script) : script_(std::move(script)) {}
  Status Write(std::span<const LogEntry> batch) override { return script_->Take(batch); }

 private:
  std::shared_ptr<Script> script_;
};

std::vector<std::string> Ids(int begin, int end) {
  std::vector<std::string> ids;
  for (const LogEntry& entry : Entries(begin, end)) ids.push_back(entry.id);
  return ids;
}

// A log over a scripted sink, which works in the end so that its thread can finish.
class LogWriterTest : public testing::Test {
 protected:
  ~LogWriterTest() override {
    script_->Work();
    log_.reset();
  }
  LogWriter& Open(LogWriterOptions options) {
    options.sink = "scripted";
    options.retry_first_ms = 1;
    options.retry_max_ms = 4;
    options.say = said_.Listener();
    log_ = std::make_unique<LogWriter>(options, std::make_unique<ScriptedSink>(script_));
    return *log_;
  }
  // Waits until the sink holds the thread with the first entries of the queue.
  void HangOn(int begin, int end) {
    script_->Hang();
    log_->Append(Entries(begin, end));
    script_->WaitUntilHanging();
  }
  bool Wrote(std::uint64_t n) {
    return Eventually([&] { return log_->State().written == n; });
  }

  std::shared_ptr<Script> script_ = std::make_shared<Script>();
  Said said_;
  std::unique_ptr<LogWriter> log_;
};

TEST_F(LogWriterTest, WritesEverythingInOrderInBoundedBatches) {
  Open({.batch_entries_max = 10});
  HangOn(0, 1);
  log_->Append(Entries(1, 36));
  script_->Work();
  ASSERT_TRUE(Wrote(36));
  EXPECT_EQ(script_->ids(), Ids(0, 36));
  EXPECT_EQ(script_->batches(), (std::vector<std::size_t>{1, 10, 10, 10, 5}));
}

TEST_F(LogWriterTest, BatchesAreBoundedInBytesButHoldAtLeastOneEntry) {
  Open({.batch_bytes_max = 1});
  HangOn(0, 1);
  log_->Append(Entries(1, 4));
  script_->Work();
  ASSERT_TRUE(Wrote(4));
  EXPECT_EQ(script_->batches(), (std::vector<std::size_t>{1, 1, 1, 1}));
}

TEST_F(LogWriterTest, FailedBatchIsOfferedAgainUnchangedAndFirst) {
  Open({.batch_entries_max = 5});
  script_->FailWith("the disk is full");
  log_->Append(Entries(0, 3));
  ASSERT_TRUE(Eventually([&] { return script_->attempts() >= 3; }));
  log_->Append(Entries(3, 12));
  EXPECT_EQ(log_->State().queued, 12u);
  script_->Work();
  ASSERT_TRUE(Wrote(12));
  EXPECT_EQ(script_->ids(), Ids(0, 12));
  EXPECT_EQ(log_->State().dropped, 0u);
}

TEST_F(LogWriterTest, AppendOfABackgroundLogReturnsWhileTheSinkHangs) {
  Open({});
  HangOn(0, 1);
  EXPECT_LT(MsOf([&] { log_->Append(Entries(1, 100)); }), 1'000);
  EXPECT_EQ(log_->State().queued, 100u);
  EXPECT_TRUE(script_->ids().empty());
}

TEST_F(LogWriterTest, AppendOfACommittingLogReturnsAfterItsCommit) {
  Open({.append_wait_ms = 20'000});
  for (int i = 0; i < 50; ++i) {
    log_->Append({test::Entry(i)});
    ASSERT_EQ(script_->ids().size(), static_cast<std::size_t>(i) + 1);
  }
  EXPECT_EQ(log_->State().late, 0u);
}

TEST_F(LogWriterTest, AppendStopsWaitingOnceTheSinkHasFailed) {
  Open({.append_wait_ms = 20'000});
  script_->FailWith("the disk is full");
  EXPECT_LT(MsOf([&] { log_->Append(Entries(0, 2)); }), 10'000);
  EXPECT_LT(MsOf([&] { log_->Append(Entries(2, 3)); }), 10'000);
  const LogState state = log_->State();
  EXPECT_FALSE(state.up);
  EXPECT_EQ(state.last_error, "the disk is full");
  EXPECT_EQ(state.late, 3u);
  script_->Work();
  ASSERT_TRUE(Wrote(3));
  EXPECT_TRUE(log_->State().up);
  EXPECT_EQ(log_->State().last_error, "");
}

TEST_F(LogWriterTest, ManyAppendsWaitTogether) {
  Open({.append_wait_ms = 60'000});
  script_->Hang();
  std::atomic<bool> appended = false, awaited = false;
  std::thread thread([&] {
    DeferredWait later;
    EXPECT_EQ(later.n_entries(), 0u);
    for (int i = 0; i < 5; ++i) log_->Append(Entries(i, i + 1));
    EXPECT_EQ(later.n_entries(), 5u);
    appended = true;
    later.Await();
    awaited = true;
    EXPECT_EQ(later.n_entries(), 0u);
  });
  EXPECT_TRUE(Eventually([&] { return appended.load(); })) << "none of them has waited";
  EXPECT_FALSE(awaited) << "nothing is written yet";
  EXPECT_EQ(log_->State().written, 0u);
  script_->Work();
  thread.join();
  EXPECT_TRUE(awaited);
  EXPECT_EQ(log_->State().written, 5u);
  EXPECT_EQ(log_->State().late, 0u);
}

TEST_F(LogWriterTest, WhoTakesATicketIsToldOfProgress) {
  Open({.append_wait_ms = 60'000});
  std::atomic<int> n_told = 0;
  log_->SetOnProgress([&] { ++n_told; });
  script_->Hang();
  LogTicket ticket;
  {
    DeferredWait later;
    log_->Append(Entries(0, 3));
    log_->Append(Entries(3, 5));
    ticket = later.Take();
    EXPECT_EQ(later.n_entries(), 0u);
  }
  EXPECT_EQ(ticket.log, log_.get());
  EXPECT_EQ(ticket.n, 5u);
  EXPECT_FALSE(log_->TryAwait(ticket));
  EXPECT_EQ(n_told, 0) << "nothing is written yet";
  script_->Work();
  EXPECT_TRUE(Eventually([&] { return n_told > 0; }));
  EXPECT_TRUE(log_->TryAwait(ticket));
  EXPECT_EQ(log_->State().written, 5u);
  EXPECT_EQ(log_->State().late, 0u);
  log_->Append(Entries(5, 6));
  EXPECT_EQ(n_told, 1) << "nobody has asked since";
}

TEST_F(LogWriterTest, ATicketOfASinkThatHangsIsOverInTime) {
  Open({.append_wait_ms = 100});
  script_->Hang();
  DeferredWait later;
  log_->Append(Entries(0, 2));
  const LogTicket ticket = later.Take();
  EXPECT_TRUE(Eventually([&] { return log_->TryAwait(ticket); }));
  EXPECT_FALSE(log_->State().up);
  EXPECT_EQ(log_->State().late, 2u);
  script_->Work();
}

TEST_F(LogWriterTest, OnlyTheAppendThatFindsTheSinkHangingWaits) {
  Open({.append_wait_ms = 300});
  script_->Hang();
  const auto first = MsOf([&] { log_->Append(Entries(0, 1)); });
  EXPECT_GE(first, 290);
  EXPECT_LT(first, 10'000);
  EXPECT_FALSE(log_->State().up);
  // Ten thousand waits of 300 ms would be most of an hour.
  const auto rest = MsOf([&] {
    for (int i = 1; i <= 10'000; ++i) log_->Append({test::Entry(i)});
  });
  EXPECT_LT(rest, 10'000);
  EXPECT_EQ(log_->State().last_error, "no answer within 300 ms");
  EXPECT_EQ(log_->State().late, 10'001u);
}

TEST_F(LogWriterTest, WhatDoesNotFitIsDroppedCountedAndSaidOnce) {
  Open({.queue_entries_max = 10});
  HangOn(0, 1);
  for (int i = 1; i < 30; ++i) log_->Append({test::Entry(i)});
  EXPECT_EQ(log_->State().accepted, 30u);
  EXPECT_EQ(log_->State().queued, 10u);
  EXPECT_EQ(log_->State().dropped, 20u);
  EXPECT_EQ(said_.Count({"prediction_log_full"}), 1u) << said_.All();
  script_->Work();
  ASSERT_TRUE(Wrote(10));
  EXPECT_EQ(script_->ids(), Ids(0, 10));
}

TEST_F(LogWriterTest, TheQueueIsBoundedInBytes) {
  Open({.queue_bytes_max = 100'000});
  HangOn(0, 1);
  LogEntry wide = test::Entry(1);
  wide.input = std::string(60'000, ' ');
  log_->Append({wide, wide});
  EXPECT_EQ(log_->State().queued, 2u);
  EXPECT_EQ(log_->State().dropped, 1u);
}

TEST_F(LogWriterTest, ACommittingLogWaitsForRoomRatherThanDrop) {
  Open({.queue_entries_max = 10, .append_wait_ms = 20'000, .room_stall_ms = 20'000});
  log_->Append(Entries(0, 1'000));
  EXPECT_EQ(log_->State().written, 1'000u);
  EXPECT_EQ(script_->ids(), Ids(0, 1'000));
}

// The whole takes several times as long as the sink may stand still.
TEST_F(LogWriterTest, NothingIsDroppedWhileTheSinkWorksSlowly) {
  Open({.queue_entries_max = 20, .batch_entries_max = 4, .room_stall_ms = 500});
  script_->TakeMsPerBatch(10);
  std::thread file([&] { log_->Append(Entries(0, 600)); });
  for (int i = 0; i < 50; ++i) log_->Append({test::Entry(i, true, "b")});
  file.join();
  ASSERT_TRUE(Wrote(650));
  EXPECT_EQ(log_->State().dropped, 0u);
  EXPECT_EQ(said_.All(), "");
}

TEST_F(LogWriterTest, AFileLeavesRoomForTheRequestsBesideIt) {
  Open({.queue_entries_max = 20, .batch_entries_max = 4, .room_stall_ms = 20'000});
  HangOn(0, 1);
  std::thread file([&] { log_->Append(Entries(1, 100)); });
  EXPECT_TRUE(Eventually([&] { return log_->State().queued == 10; }));
  EXPECT_LT(MsOf([&] { log_->Append(Entries(0, 4, true, "b")); }), 10'000);
  EXPECT_EQ(log_->State().queued, 14u);
  script_->Work();
  file.join();
  ASSERT_TRUE(Wrote(104));
  EXPECT_EQ(log_->State().dropped, 0u);
}

TEST_F(LogWriterTest, AFullQueueNeverWaitsForASinkThatIsDown) {
  Open({.queue_entries_max = 10, .room_stall_ms = 60'000});
  script_->FailWith("refused");
  ASSERT_TRUE(Eventually([&] {
    log_->Append({test::Entry(0)});
    return !log_->State().up;
  }));
  EXPECT_LT(MsOf([&] { log_->Append(Entries(1, 5'000)); }), 10'000);
  EXPECT_EQ(log_->State().queued, 10u);
  EXPECT_EQ(log_->State().dropped, log_->State().accepted - 10);
  EXPECT_EQ(said_.Count({"prediction_log_full"}), 1u) << said_.All();
}

TEST_F(LogWriterTest, AFileThatWaitsForRoomIsReleasedWhenTheSinkFails) {
  Open({.queue_entries_max = 10, .room_stall_ms = 60'000});
  HangOn(0, 1);
  std::thread file([&] { log_->Append(Entries(1, 100)); });
  ASSERT_TRUE(Eventually([&] { return log_->State().queued == 10; }));
  script_->FailWith("refused");
  EXPECT_LT(MsOf([&] { file.join(); }), 30'000);
  EXPECT_EQ(log_->State().dropped, 90u);
}

// Ten thousand waits of 300 ms would be most of an hour.
TEST_F(LogWriterTest, ASinkThatStandsStillIsWaitedForOnce) {
  Open({.queue_entries_max = 10, .room_stall_ms = 300});
  HangOn(0, 1);
  EXPECT_LT(MsOf([&] {
              for (int i = 1; i <= 10'000; ++i) log_->Append({test::Entry(i)});
            }),
            10'000);
  EXPECT_EQ(log_->State().dropped, 9'991u);
}

TEST_F(LogWriterTest, OneAppendWaitsForRoomOnlySoLong) {
  Open({.queue_entries_max = 4,
        .batch_entries_max = 1,
        .room_stall_ms = 60'000,
        .room_wait_max_ms = 100});
  script_->TakeMsPerBatch(20);
  EXPECT_LT(MsOf([&] { log_->Append(Entries(0, 5'000)); }), 30'000);
  EXPECT_GT(log_->State().dropped, 4'000u);
}

TEST_F(LogWriterTest, ThePartsOfARequestShareItsWaiting) {
  Open({.queue_entries_max = 4,
        .batch_entries_max = 1,
        .room_stall_ms = 60'000,
        .room_wait_max_ms = 200});
  script_->TakeMsPerBatch(20);
  const auto began = std::chrono::steady_clock::now();
  EXPECT_LT(MsOf([&] {
              for (int i = 0; i < 5'000; ++i) log_->AppendPart({test::Entry(i)}, began);
            }),
            30'000);
  EXPECT_GT(log_->State().dropped, 2'000u);
}

// Room comes and goes with every batch: that is one state, not thousands.
TEST_F(LogWriterTest, DropsBetweenBatchesAreSaidOnce) {
  Open({.queue_entries_max = 4, .batch_entries_max = 1});
  ASSERT_TRUE(Eventually([&] {
    log_->Append(Entries(0, 20));
    return log_->State().written >= 50;
  }));
  EXPECT_GT(log_->State().dropped, 0u);
  const std::size_t lines = test::LinesOf(said_.All()).size();
  EXPECT_GE(lines, 1u);
  EXPECT_LE(lines, 7u) << "at most one in five seconds of thirty";
}

TEST_F(LogWriterTest, CloseReleasesAFileThatWaitsForRoom) {
  Open({.queue_entries_max = 10, .room_stall_ms = 60'000});
  HangOn(0, 1);
  std::thread file([&] { log_->Append(Entries(1, 100)); });
  ASSERT_TRUE(Eventually([&] { return log_->State().queued == 10; }));
  log_->Close(10);
  EXPECT_LT(MsOf([&] { file.join(); }), 30'000);
  EXPECT_EQ(log_->State().dropped, 100u);
}

TEST_F(LogWriterTest, SaysOnceThatTheSinkIsDownAndOnceThatItIsBack) {
  Open({});
  script_->FailWith("refused");
  log_->Append(Entries(0, 1));
  ASSERT_TRUE(Eventually([&] { return script_->attempts() >= 5; }));
  EXPECT_EQ(said_.Count({"\"event\":\"prediction_log_down\"", "\"reason\":\"refused\"",
                         "\"sink\":\"scripted\"", "\"level\":\"warning\""}),
            1u)
      << said_.All();
  script_->FailWith("wrong password");
  ASSERT_TRUE(Eventually([&] { return said_.Count({"wrong password"}) == 1; })) << said_.All();
  script_->Work();
  ASSERT_TRUE(Eventually([&] { return said_.Count({"prediction_log_up", "info"}) == 1; }));
  EXPECT_EQ(test::LinesOf(said_.All()).size(), 3u) << said_.All();
}

TEST_F(LogWriterTest, CloseWritesWhatIsQueued) {
  Open({.batch_entries_max = 10, .gather_ms = 20'000});
  log_->Append(Entries(0, 95));
  EXPECT_LT(MsOf([&] { log_->Close(20'000); }), 15'000);
  EXPECT_EQ(script_->ids(), Ids(0, 95));
  log_->Append(Entries(95, 97));
  EXPECT_EQ(log_->State().dropped, 2u);
  EXPECT_EQ(log_->State().accepted, 97u);
}

TEST_F(LogWriterTest, CloseGivesUpOnASinkThatFails) {
  Open({});
  script_->FailWith("refused");
  log_->Append(Entries(0, 7));
  EXPECT_LT(MsOf([&] { log_->Close(50); }), 10'000);
  EXPECT_EQ(log_->State().dropped, 7u);
  EXPECT_EQ(log_->State().queued, 0u);
  EXPECT_EQ(said_.Count({"prediction_log_lost", "\"dropped\":7"}), 1u) << said_.All();
}

TEST_F(LogWriterTest, CloseGivesUpOnASinkThatHangs) {
  Open({});
  HangOn(0, 2);
  EXPECT_LT(MsOf([&] { log_->Close(20); }), 10'000);
  EXPECT_EQ(log_->State().dropped, 2u);
  EXPECT_EQ(log_->State().queued, 0u);
}

TEST_F(LogWriterTest, CloseReleasesTheRequestsThatWait) {
  Open({.append_wait_ms = 60'000});
  script_->Hang();
  std::thread request([&] { log_->Append(Entries(0, 1)); });
  script_->WaitUntilHanging();
  log_->Close(10);
  EXPECT_LT(MsOf([&] { request.join(); }), 30'000);
}

TEST_F(LogWriterTest, EveryThreadKeepsItsOwnOrder) {
  Open({.append_wait_ms = 20'000});
  std::vector<std::thread> threads;
  for (const char* source : {"a", "b", "c", "d"}) {
    threads.emplace_back([this, source] {
      for (int i = 0; i < 300; ++i) log_->Append({test::Entry(i, true, source)});
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<std::string> ids = script_->ids();
  ASSERT_EQ(ids.size(), 1'200u);
  std::stable_sort(ids.begin(), ids.end(),
                   [](const std::string& x, const std::string& y) { return x[0] < y[0]; });
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
}

TEST(Rfc3339, HasMillisecondsAndUtc) {
  EXPECT_EQ(Rfc3339(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(Rfc3339(1'769'851'800'125), "2026-01-31T09:30:00.125Z");
  EXPECT_EQ(Rfc3339(-1), "1969-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace copse
