#include "shipper.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <map>

#include "log_fixtures.h"

namespace copse {
namespace {

using test::Entries;
using test::Eventually;
using test::MsOf;
using test::Said;

// A store that keeps the promise of RowTarget, and does what it is told. Outlives its shippers.
class Store {
 public:
  Result<Position> Move(const std::string& instance, const Position& from,
                        std::span<const RecordedRow> rows) {
    const std::lock_guard lock(mutex_);
    if (!reason_.empty()) return Refuse();
    sizes_.push_back(rows.size());
    const auto at = positions_.find(instance);
    if (at != positions_.end() && at->second != from) return at->second;
    for (const RecordedRow& row : rows) ids_.push_back(row.id);
    positions_[instance] = {rows.back().seq, rows.back().id};
    if (lose_answers_ > 0) {
      --lose_answers_;
      return Error{ErrorCode::kUnavailable, "the answer was lost"};
    }
    return positions_[instance];
  }
  Result<std::optional<Position>> PositionOf(const std::string& instance) {
    const std::lock_guard lock(mutex_);
    if (!reason_.empty()) return Refuse();
    const auto at = positions_.find(instance);
    return at == positions_.end() ? std::nullopt : std::optional(at->second);
  }
  Result<std::vector<std::string>> NewestIds() {
    const std::lock_guard lock(mutex_);
    return ids_;
  }

  void FailWith(const std::string& reason) {
    const std::lock_guard lock(mutex_);
    reason_ = reason;
  }
  void LoseAnswers(int n) {
    const std::lock_guard lock(mutex_);
    lose_answers_ = n;
  }
  struct Snapshot {
    std::vector<std::string> ids;
    std::map<std::string, Position> positions;
  };
  Snapshot Save() const {
    const std::lock_guard lock(mutex_);
    return {ids_, positions_};
  }
  void Restore(Snapshot snapshot) {
    const std::lock_guard lock(mutex_);
    ids_ = std::move(snapshot.ids);
    positions_ = std::move(snapshot.positions);
  }
  std::vector<std::string> ids() const { return Save().ids; }
  std::vector<std::size_t> sizes() const {
    const std::lock_guard lock(mutex_);
    return sizes_;
  }
  int n_refused() const {
    const std::lock_guard lock(mutex_);
    return n_refused_;
  }

 private:
  Error Refuse() {
    ++n_refused_;
    return {ErrorCode::kUnavailable, reason_};
  }

  mutable std::mutex mutex_;
  std::string reason_;
  int n_refused_ = 0;
  int lose_answers_ = 0;
  std::vector<std::string> ids_;
  std::vector<std::size_t> sizes_;
  std::map<std::string, Position> positions_;
};

class StoreTarget final : public RowTarget {
 public:
  explicit StoreTarget(std::shared_ptr<Store> store) : store_(std::move(store)) {}
  std::string Name() const override { return "store"; }
  Result<Position> Move(const std::string& instance, const Position& from,
                        std::span<const RecordedRow> rows) override {
    return store_->Move(instance, from, rows);
  }
  Result<std::optional<Position>> PositionOf(const std::string& instance) override {
    return store_->PositionOf(instance);
  }
  Result<std::vector<std::string>> NewestIds() override { return store_->NewestIds(); }

 private:
  std::shared_ptr<Store> store_;
};

std::vector<std::string> Ids(int begin, int end) {
  std::vector<std::string> ids;
  for (const LogEntry& entry : Entries(begin, end)) ids.push_back(entry.id);
  return ids;
}

// A file with rows, and one shipper that moves them to the store.
class ShipperTest : public testing::Test {
 protected:
  std::unique_ptr<Outbox> File(const std::string& name = "a.db") {
    auto outbox = Outbox::Open({.path = dir_ / name});
    EXPECT_TRUE(outbox.ok());
    return *std::move(outbox);
  }
  void Record(int begin, int end, const std::string& name = "a.db") {
    auto file = File(name);
    ASSERT_TRUE(file->Append(Entries(begin, end), 0).ok());
    progress_->last_seq = file->size().last_seq;
    if (shipper_) shipper_->Notify();
  }
  Shipper& Start(const std::string& name = "a.db", std::size_t rows_max = 10,
                 std::int64_t closing_retry_ms = 100, std::int64_t retry_ms = 1) {
    progress_ = std::make_shared<OutboxProgress>();
    auto file = File(name);
    progress_->last_seq = file->size().last_seq;
    progress_->shipped_seq = file->ReadMark()->position.seq;
    shipper_ = std::make_unique<Shipper>(ShipperOptions{.rows_max = rows_max,
                                                        .gather_ms = 1,
                                                        .closing_retry_ms = closing_retry_ms,
                                                        .retry_first_ms = retry_ms,
                                                        .retry_max_ms = 4 * retry_ms,
                                                        .check_every_ms = 5,
                                                        .say = said_.Listener()},
                                         std::move(file), std::make_unique<StoreTarget>(store_),
                                         progress_);
    return *shipper_;
  }
  // The thread ends, and with it its connection: what is in the file then can be copied.
  void Stop() {
    shipper_->Close(20'000);
    shipper_.reset();
  }
  bool Has(const std::vector<std::string>& ids) {
    return Eventually([&] { return store_->ids() == ids; });
  }

  test::TempDir dir_;
  Said said_;
  std::shared_ptr<Store> store_ = std::make_shared<Store>();
  std::shared_ptr<OutboxProgress> progress_ = std::make_shared<OutboxProgress>();
  std::unique_ptr<Shipper> shipper_;
};

TEST_F(ShipperTest, MovesInOrderAndInBoundedSteps) {
  Record(0, 25);
  Start();
  ASSERT_TRUE(Has(Ids(0, 25)));
  Record(25, 30);
  ASSERT_TRUE(Has(Ids(0, 30)));
  const auto sizes = store_->sizes();
  EXPECT_EQ(*std::max_element(sizes.begin(), sizes.end()), 10u);
  EXPECT_TRUE(Eventually([&] { return shipper_->State().shipped == 30; }));
  EXPECT_EQ(shipper_->State().waiting, 0u);
  EXPECT_EQ(said_.All(), "");
}

TEST_F(ShipperTest, AnAnswerThatWasLostCountsOnce) {
  Record(0, 50);
  store_->LoseAnswers(4);
  Start();
  ASSERT_TRUE(Eventually([&] { return shipper_->State().shipped == 50; }));
  EXPECT_EQ(store_->ids(), Ids(0, 50));
}

TEST_F(ShipperTest, AFailureIsSaidOnceAndRetried) {
  store_->FailWith("OOM");
  Record(0, 15);
  Start();
  ASSERT_TRUE(Eventually([&] { return shipper_->State().last_error == "OOM"; }));
  EXPECT_FALSE(shipper_->State().up);
  EXPECT_EQ(shipper_->State().waiting, 15u);
  EXPECT_GT(shipper_->State().lag_seconds, 0);
  store_->FailWith("");
  ASSERT_TRUE(Has(Ids(0, 15)));
  ASSERT_TRUE(Eventually([&] { return said_.Count({"prediction_log_up"}) == 1; }));
  EXPECT_EQ(said_.Count({"prediction_log_down", "OOM"}), 1u);
  EXPECT_TRUE(Eventually([&] { return shipper_->State().lag_seconds == 0; }));
}

// What a kill leaves behind: rows that were moved, and a file that does not know it.
TEST_F(ShipperTest, GoesOnFromWhereTheTargetIs) {
  Record(0, 20);
  Start();
  ASSERT_TRUE(Has(Ids(0, 20)));
  Stop();
  ASSERT_TRUE(File()->SaveMark(File()->ReadMark()->instance, {3, "a000002"}).ok());
  Record(20, 25);
  Start();
  ASSERT_TRUE(Has(Ids(0, 25)));
  EXPECT_EQ(said_.All(), "");
}

TEST_F(ShipperTest, ATargetWithAnOlderStateGetsAgainWhatItForgot) {
  Record(0, 20);
  Start();
  ASSERT_TRUE(Has(Ids(0, 20)));
  const auto old = store_->Save();
  Record(20, 50);
  ASSERT_TRUE(Has(Ids(0, 50)));
  ASSERT_TRUE(Eventually([&] { return shipper_->State().waiting == 0; }));
  store_->Restore(old);
  ASSERT_TRUE(Has(Ids(0, 50)));
  EXPECT_EQ(said_.Count({"prediction_log_rewound", "rows 21 to 50"}), 1u) << said_.All();
}

TEST_F(ShipperTest, ATargetThatKnowsNothingGetsWhatWasNotMoved) {
  Record(0, 20);
  Start();
  ASSERT_TRUE(Has(Ids(0, 20)));
  ASSERT_TRUE(Eventually([&] { return shipper_->State().waiting == 0; }));
  store_->Restore({});
  ASSERT_TRUE(Eventually([&] { return said_.Count({"prediction_log_forgotten", "row 20"}) == 1; }));
  Record(20, 30);
  ASSERT_TRUE(Has(Ids(20, 30)));
}

// Two services with one copied file: the second finds that the first has named it already.
TEST_F(ShipperTest, AFileIsNamedAnewOnce) {
  Record(0, 5);
  const std::string old = File()->ReadMark()->instance;
  ASSERT_TRUE(File()->StartInstance(old, {3, "a000002"}).ok());
  const auto mark = File()->ReadMark();
  ASSERT_TRUE(File()->StartInstance(old, {1, "a000000"}).ok());
  ASSERT_TRUE(File()->SaveMark(old, {1, "a000000"}).ok());
  EXPECT_EQ(File()->ReadMark()->instance, mark->instance);
  EXPECT_EQ(File()->ReadMark()->position, (Position{3, "a000002"}));
}

TEST_F(ShipperTest, RowsThatWereTrimmedMeanwhileAreCountedAndSaid) {
  Record(0, 20);
  Start();
  ASSERT_TRUE(Has(Ids(0, 20)));
  const auto old = store_->Save();
  Record(20, 50);
  ASSERT_TRUE(Has(Ids(0, 50)));
  ASSERT_TRUE(Eventually([&] { return shipper_->State().waiting == 0; }));
  test::OutputOf({"sqlite3", dir_ / "a.db", "DELETE FROM predictions WHERE seq <= 30"});
  store_->Restore(old);
  std::vector<std::string> expected = Ids(0, 20);
  for (const std::string& id : Ids(30, 50)) expected.push_back(id);
  ASSERT_TRUE(Has(expected));
  ASSERT_TRUE(Eventually([&] { return shipper_->State().gone == 10; }));
  EXPECT_EQ(said_.Count({"prediction_log_gap", "rows 21 to 30"}), 1u) << said_.All();
}

TEST_F(ShipperTest, ACopyTakesANameOfItsOwnAndMovesItsOwnRows) {
  Record(0, 20);
  Start();
  ASSERT_TRUE(Has(Ids(0, 20)));
  Stop();
  std::filesystem::copy_file(dir_ / "a.db", dir_ / "b.db");
  Start();
  Record(20, 25);
  ASSERT_TRUE(Has(Ids(0, 25)));
  Stop();
  Start("b.db");
  Record(30, 33, "b.db");
  std::vector<std::string> expected = Ids(0, 25);
  for (const std::string& id : Ids(30, 33)) expected.push_back(id);
  ASSERT_TRUE(Has(expected));
  EXPECT_EQ(said_.Count({"prediction_log_copied"}), 1u) << said_.All();
  EXPECT_NE(File("a.db")->ReadMark()->instance, File("b.db")->ReadMark()->instance);
}

// The original moved some of the rows that the copy has as well.
TEST_F(ShipperTest, ACopyGoesOnAfterTheLastRowThatIsThere) {
  store_->FailWith("down");
  Record(0, 20);
  std::filesystem::copy_file(dir_ / "a.db", dir_ / "b.db");
  store_->FailWith("");
  Record(20, 25);
  Start();
  ASSERT_TRUE(Has(Ids(0, 25)));
  Stop();
  Record(30, 33, "b.db");
  Start("b.db");
  std::vector<std::string> expected = Ids(0, 25);
  for (const std::string& id : Ids(30, 33)) expected.push_back(id);
  ASSERT_TRUE(Has(expected));
}

TEST_F(ShipperTest, ClosingMovesWhatIsLeft) {
  Record(0, 200);
  Start("a.db", 3);
  shipper_->Close(20'000);
  EXPECT_EQ(store_->ids(), Ids(0, 200));
  EXPECT_EQ(File()->ReadMark()->position, (Position{200, "a000199"}));
}

TEST_F(ShipperTest, ClosingWaitsForATargetThatComesBack) {
  store_->FailWith("down");
  Record(0, 5);
  Start("a.db", 10, 100, 60'000);  // once before it closes, and only then again
  ASSERT_TRUE(Eventually([&] { return store_->n_refused() == 1; }));
  std::thread closing([&] { shipper_->Close(60'000); });
  EXPECT_TRUE(Eventually([&] { return store_->n_refused() > 2; }));
  EXPECT_EQ(store_->ids(), Ids(0, 0));
  store_->FailWith("");
  closing.join();
  EXPECT_EQ(store_->ids(), Ids(0, 5));
  EXPECT_EQ(said_.Count({"prediction_log_waiting"}), 0u) << said_.All();
}

TEST_F(ShipperTest, ClosingSoonDoesNotWaitForATargetThatFails) {
  store_->FailWith("down");
  Record(0, 5);
  Start("a.db", 10, 30'000);  // what Close has is less
  EXPECT_LT(MsOf([&] { shipper_->Close(20'000); }), 10'000);
  EXPECT_EQ(said_.Count({"prediction_log_waiting", "\"waiting\":5"}), 1u) << said_.All();
}

}  // namespace
}  // namespace copse
