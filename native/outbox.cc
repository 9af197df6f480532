#include "outbox.h"

#include <sys/stat.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "log_events.h"
#include "outbox_database.h"

namespace copse {
namespace {

// Asked inside of the transaction that uses it, so that processes may share a file.
constexpr const char* kLastSeq =
    "SELECT max(ifnull((SELECT max(seq) FROM predictions), 0),"
    " ifnull((SELECT shipped_seq FROM outbox), 0))";
constexpr const char* kFirstSeq = "SELECT ifnull(min(seq), 0) FROM predictions";

// In the order of arrival: a row stays while one before it is younger than `keep_ms`, by the clock
// of this moment and the times that rows were given. A clock that is ahead now, or was behind when
// a row was written, makes rows go too early; one that was ahead then makes those behind it stay.
constexpr const char* kOldestIsOld =
    "SELECT ifnull((SELECT time < ? FROM predictions ORDER BY seq LIMIT 1), 0)";
constexpr const char* kCountOld =
    "SELECT ifnull(min(CASE WHEN time >= ? THEN seq END), max(seq) + 1) - min(seq)"
    " FROM (SELECT seq, time FROM predictions ORDER BY seq LIMIT 1024)";

#define COPSE_COLUMNS "seq, id, time, model, version, request_id, input, output, label, numbered"
constexpr const char* kRowsAfter =
    "SELECT " COPSE_COLUMNS " FROM predictions WHERE seq > ? ORDER BY seq LIMIT ?";
constexpr const char* kNewestRows =
    "SELECT " COPSE_COLUMNS " FROM predictions ORDER BY seq DESC LIMIT ?";
#undef COPSE_COLUMNS

// What one transaction trims at most: more than it adds, and no long pause.
constexpr std::int64_t kTrimRows = 1'024;
constexpr int kTrimStepsMax = 8;

}  // namespace

Outbox::Outbox(OutboxOptions options) : options_(std::move(options)) {}
Outbox::~Outbox() = default;

Result<std::unique_ptr<Outbox>> Outbox::Open(OutboxOptions options) {
  std::unique_ptr<Outbox> outbox(new Outbox(std::move(options)));  // NOLINT: private constructor
  const Status opened = outbox->Attempt([&](OutboxDatabase& db) { return outbox->Measure(db); });
  if (!opened.ok()) return opened.error();
  return outbox;
}

bool Outbox::HasMoved() const { return db_ && db_->HasMoved(); }

std::optional<Outbox::Identity> Outbox::IdentityOf(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return std::nullopt;
  return Identity{found.st_dev, found.st_ino};
}

// Only the first time may there be no such file.
Status Outbox::Reopen() {
  if (identity_ && IdentityOf(options_.path) != identity_) {
    return Error{ErrorCode::kUnavailable,
                 "the prediction log '" + options_.path +
                     "' was moved or erased; put it back, or start the service again"};
  }
  auto db = std::make_unique<OutboxDatabase>(options_.path);
  if (Status opened = db->Open(options_, !identity_); !opened.ok()) return opened;
  if (!identity_) identity_ = IdentityOf(options_.path);
  db_ = std::move(db);
  return Ok{};
}

Status Outbox::Attempt(const std::function<Status(OutboxDatabase&)>& work) {
  if (!db_) {
    if (Status opened = Reopen(); !opened.ok()) return opened;
  }
  Status status = work(*db_);
  if (status.ok()) return status;
  // A lock, or a full file: nothing is wrong with the connection, which also holds the file
  // while somebody moves it.
  const bool is_usable = db_->IsBusy() || status.error().code == ErrorCode::kUnavailable;
  if (!db_->RollBack() || !is_usable) db_.reset();
  return status;
}

template <class T>
Result<T> Outbox::Ask(const std::function<Result<T>(OutboxDatabase&)>& work) {
  Result<T> answer = T();
  const Status status = Attempt([&](OutboxDatabase& db) -> Status {
    answer = work(db);
    return answer.ok() ? Status(Ok{}) : Status(answer.error());
  });
  if (!status.ok()) return status.error();
  return answer;
}

Status Outbox::Append(std::span<const LogEntry> batch, std::int64_t needed_from) {
  return Attempt([&](OutboxDatabase& db) -> Status {
    Status status = db.Run("BEGIN IMMEDIATE");
    if (status.ok()) status = MakeRoom(db, batch.size(), needed_from);
    if (status.ok()) status = Insert(db, batch);
    return status.ok() ? db.Run("COMMIT") : status;
  });
}

Status Outbox::Insert(OutboxDatabase& db, std::span<const LogEntry> batch) {
  const auto last = db.NumberOf(kLastSeq);
  if (!last.ok()) return last.error();
  std::int64_t seq = *last + 1;
  for (const LogEntry& e : batch) {
    const std::string time = Rfc3339(e.time_unix_ms);
    Status added =
        db.Run(OutboxDatabase::kInsert, {e.id, time, e.model, e.version, e.request_id, e.input,
                                         e.output, e.label, std::int64_t{e.numbered ? 1 : 0}, seq});
    if (!added.ok()) return added;
    if (db.Changes() > 0) ++seq;
  }
  size_.last_seq = seq - 1;
  return Ok{};
}

Status Outbox::Measure(OutboxDatabase& db) {
  const auto last = db.NumberOf(kLastSeq);
  if (!last.ok()) return last.error();
  const auto bytes = db.UsedBytes();
  if (!bytes.ok()) return bytes.error();
  size_ = {*last, *bytes};
  return Ok{};
}

Result<std::int64_t> Outbox::CountOld(OutboxDatabase& db) {
  if (options_.keep_ms == 0) return std::int64_t{0};
  const std::string since = Rfc3339(UnixMsNow() - options_.keep_ms);
  auto oldest_is_old = db.NumberOf(kOldestIsOld, {since});
  if (!oldest_is_old.ok() || *oldest_is_old == 0) return oldest_is_old;
  return db.NumberOf(kCountOld, {since});
}

// Deletes from the oldest row on, never `needed_from` itself: a file always knows the row that it
// has moved last, and never counts from 1 again.
Status Outbox::MakeRoom(OutboxDatabase& db, std::size_t n_new, std::int64_t needed_from) {
  for (int step = 0; step < kTrimStepsMax; ++step) {
    const auto used = db.UsedBytes();
    if (!used.ok()) return used.error();
    size_.bytes = *used;
    const bool is_full = options_.bytes_max > 0 && *used >= options_.bytes_max;
    const auto n_old = CountOld(db);
    if (!n_old.ok()) return n_old.error();
    if (!is_full && options_.rows_max == 0 && *n_old == 0) return Ok{};
    const auto first = db.NumberOf(kFirstSeq);
    if (!first.ok()) return first.error();
    const auto last = db.NumberOf(kLastSeq);
    if (!last.ok()) return last.error();
    const std::int64_t then = *last - *first + 1 + static_cast<std::int64_t>(n_new);
    const std::int64_t over = options_.rows_max > 0 ? then - options_.rows_max : 0;
    const std::int64_t n = is_full ? kTrimRows : std::max(std::min(over, kTrimRows), *n_old);
    const std::int64_t end = std::min(needed_from, *first + n);
    const bool can_trim = *first > 0 && end > *first;
    if (is_full && !can_trim && needed_from < *last) return Full();
    if (!can_trim) return Ok{};
    Status trimmed = db.Run("DELETE FROM predictions WHERE seq < ?", {end});
    if (!trimmed.ok()) return trimmed;
  }
  return Ok{};
}

Status Outbox::TrimOld(std::int64_t needed_from) {
  return Attempt([&](OutboxDatabase& db) -> Status {
    const auto n_old = CountOld(db);
    if (!n_old.ok()) return n_old.error();
    const auto first = db.NumberOf(kFirstSeq);
    if (!first.ok()) return first.error();
    if (*n_old == 0 || *first >= needed_from) return Ok{};
    Status status = db.Run("BEGIN IMMEDIATE");
    if (status.ok()) status = MakeRoom(db, 0, needed_from);
    return status.ok() ? db.Run("COMMIT") : status;
  });
}

Error Outbox::Full() const {
  return {ErrorCode::kUnavailable,
          "the prediction log '" + options_.path + "' is full: rows that wait for Redis take the " +
              std::to_string(options_.bytes_max) + " bytes that it may have"};
}

Status Outbox::Checkpoint() {
  return Attempt([](OutboxDatabase& db) { return db.Run("PRAGMA wal_checkpoint(PASSIVE)"); });
}

// ---- Moving rows ----

Result<Outbox::Mark> Outbox::ReadMark() {
  return Ask<Mark>([](OutboxDatabase& db) -> Result<Mark> {
    Mark mark;
    const Status read = db.Run("SELECT instance, shipped_seq, shipped_id FROM outbox", {},
                               [&](const OutboxDatabase::Row& row) {
                                 mark = {row.Text(0), {row.Number(1), row.Text(2)}};
                                 return true;
                               });
    if (!read.ok()) return read.error();
    return mark;
  });
}

Status Outbox::SaveMark(const std::string& instance, const Position& position) {
  return Attempt([&](OutboxDatabase& db) {
    return db.Run("UPDATE outbox SET shipped_seq = ?, shipped_id = ? WHERE instance = ?",
                  {position.seq, position.id, instance});
  });
}

Status Outbox::StartInstance(const std::string& instance, const Position& position) {
  return Attempt([&](OutboxDatabase& db) {
    return db.Run(
        "UPDATE outbox SET instance = lower(hex(randomblob(8))), shipped_seq = ?, shipped_id = ?"
        " WHERE instance = ?",
        {position.seq, position.id, instance});
  });
}

Result<std::vector<RecordedRow>> Outbox::RowsAfter(std::int64_t seq, std::size_t rows_max,
                                                   std::size_t bytes_max) {
  const auto limit = static_cast<std::int64_t>(rows_max);
  return Ask<std::vector<RecordedRow>>([&](OutboxDatabase& db) {
    return db.RowsOf(kRowsAfter, {seq, limit}, bytes_max);
  });
}

Result<std::vector<RecordedRow>> Outbox::Newest(std::size_t n, std::size_t bytes_max) {
  const auto limit = static_cast<std::int64_t>(n);
  return Ask<std::vector<RecordedRow>>(
      [&](OutboxDatabase& db) { return db.RowsOf(kNewestRows, {limit}, bytes_max); });
}

Result<std::string> Outbox::IdOf(std::int64_t seq) {
  return Ask<std::string>([&](OutboxDatabase& db) {
    return db.TextOf("SELECT id FROM predictions WHERE seq = ?", {seq});
  });
}

Result<std::int64_t> Outbox::FirstSeq() {
  return Ask<std::int64_t>([](OutboxDatabase& db) { return db.NumberOf(kFirstSeq); });
}

Result<Position> Outbox::NewestAmong(std::span<const std::string> ids) {
  return Ask<Position>([&](OutboxDatabase& db) -> Result<Position> {
    Position newest;
    for (const std::string& id : ids) {
      const auto seq = db.NumberOf("SELECT seq FROM predictions WHERE id = ?", {id});
      if (!seq.ok()) return seq.error();
      if (*seq > newest.seq) newest = {*seq, id};
    }
    return newest;
  });
}

}  // namespace copse
