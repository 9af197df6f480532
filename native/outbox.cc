#include "outbox.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <map>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <variant>

#include "log_events.h"

namespace copse {
namespace {

constexpr const char* kCreatePredictions =
    "CREATE TABLE IF NOT EXISTS predictions ("
    " seq INTEGER PRIMARY KEY,"
    " id TEXT NOT NULL UNIQUE,"
    " time TEXT NOT NULL,"
    " model TEXT NOT NULL,"
    " version TEXT NOT NULL,"
    " request_id TEXT NOT NULL,"
    " input TEXT NOT NULL,"
    " output TEXT NOT NULL,"
    " label TEXT NOT NULL,"
    " numbered INTEGER NOT NULL)";

constexpr const char* kCreateOutbox =
    "CREATE TABLE IF NOT EXISTS outbox ("
    " one INTEGER PRIMARY KEY CHECK (one = 1),"
    " instance TEXT NOT NULL,"
    " shipped_seq INTEGER NOT NULL,"
    " shipped_id TEXT NOT NULL)";

constexpr const char* kNameInstance =
    "INSERT OR IGNORE INTO outbox VALUES (1, lower(hex(randomblob(8))), 0, '')";

// DO NOTHING: a batch whose commit worked although it was reported to fail is offered again.
constexpr const char* kInsert =
    "INSERT INTO predictions"
    " (id, time, model, version, request_id, input, output, label, numbered, seq)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING";

// Asked inside of the transaction that uses it, so that processes may share a file.
constexpr const char* kLastSeq =
    "SELECT max(ifnull((SELECT max(seq) FROM predictions), 0),"
    " ifnull((SELECT shipped_seq FROM outbox), 0))";
constexpr const char* kFirstSeq = "SELECT ifnull(min(seq), 0) FROM predictions";

#define COPSE_COLUMNS "seq, id, time, model, version, request_id, input, output, label, numbered"
constexpr const char* kRowsAfter =
    "SELECT " COPSE_COLUMNS " FROM predictions WHERE seq > ? ORDER BY seq LIMIT ?";
constexpr const char* kNewestRows =
    "SELECT " COPSE_COLUMNS " FROM predictions ORDER BY seq DESC LIMIT ?";
#undef COPSE_COLUMNS

// Two processes that make one file at the same moment: SQLite does not wait for that.
constexpr int kOpenTriesMax = 20;
constexpr std::chrono::milliseconds kOpenPause{25};
constexpr std::int64_t kPageBytes = 4096;  // SQLite's own
// What one transaction trims at most: more than it adds, and no long pause.
constexpr std::int64_t kTrimRows = 1'024;
constexpr int kTrimStepsMax = 8;
// What the write-ahead log may keep of the disk when it is empty.
constexpr const char* kJournalLimit = "PRAGMA journal_size_limit = 16777216";

struct CloseDatabase {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Value = std::variant<std::int64_t, std::string_view>;

// One row of an answer.
class Row {
 public:
  explicit Row(sqlite3_stmt* statement) : statement_(statement) {}
  std::int64_t Number(int column) const { return sqlite3_column_int64(statement_, column); }
  std::string Text(int column) const {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    const int size = sqlite3_column_bytes(statement_, column);
    return text == nullptr ? std::string() : std::string(text, static_cast<std::size_t>(size));
  }

 private:
  sqlite3_stmt* statement_;
};

RecordedRow RecordedRowOf(const Row& row) {
  return {.seq = row.Number(0),
          .id = row.Text(1),
          .time = row.Text(2),
          .model = row.Text(3),
          .version = row.Text(4),
          .request_id = row.Text(5),
          .input = row.Text(6),
          .output = row.Text(7),
          .label = row.Text(8),
          .numbered = row.Number(9) != 0};
}

std::size_t BytesOf(const RecordedRow& r) {
  return sizeof(RecordedRow) + r.id.size() + r.time.size() + r.model.size() + r.version.size() +
         r.request_id.size() + r.input.size() + r.output.size() + r.label.size();
}

}  // namespace

// ---- SQLite ----

// An open database, and the statements that were asked of it before.
class Outbox::Connection {
 public:
  explicit Connection(std::string path) : path_(std::move(path)) {}

  Status Open(const OutboxOptions& options, bool makes_it);
  // Runs one statement; `on_row` says whether it wants more rows.
  Status Run(const char* sql, std::initializer_list<Value> values = {},
             const std::function<bool(const Row&)>& on_row = {});
  Result<std::int64_t> NumberOf(const char* sql, std::initializer_list<Value> values = {});
  Result<std::string> TextOf(const char* sql, std::initializer_list<Value> values = {});
  Result<std::vector<RecordedRow>> RowsOf(const char* sql, std::initializer_list<Value> values,
                                          std::size_t bytes_max);
  Result<std::int64_t> UsedBytes();
  std::int64_t Changes() const { return sqlite3_changes64(db_.get()); }
  bool HasMoved() const;
  bool IsBusy() const { return db_ && (sqlite3_errcode(db_.get()) & 0xff) == SQLITE_BUSY; }
  // Takes back what has not been committed; false if that is not possible.
  bool RollBack() {
    return db_ && (sqlite3_get_autocommit(db_.get()) != 0 ||
                   sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr) == SQLITE_OK);
  }

 private:
  Result<sqlite3_stmt*> Prepared(const char* sql);
  Status Name();
  Error Failure() const;

  const std::string path_;
  std::int64_t page_bytes_ = 0;  // 0: not asked yet
  // The statements are finalized before their connection is closed.
  std::unique_ptr<sqlite3, CloseDatabase> db_;
  std::map<const char*, std::unique_ptr<sqlite3_stmt, Finalize>> statements_;
};

Error Outbox::Connection::Failure() const {
  const int code = db_ ? sqlite3_extended_errcode(db_.get()) : SQLITE_NOMEM;
  std::string why = db_ ? sqlite3_errmsg(db_.get()) : "out of memory";
  // "unable to open database file" hides whether it is missing, forbidden or a folder.
  const int os = db_ ? sqlite3_system_errno(db_.get()) : 0;
  if ((code & 0xff) == SQLITE_CANTOPEN && os != 0) {
    why += " (" + std::generic_category().message(os) + ")";
  }
  return {ErrorCode::kInvalidInput, "cannot write the prediction log '" + path_ + "': " + why};
}

Status Outbox::Connection::Open(const OutboxOptions& options, bool makes_it) {
  const int flags =
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (makes_it ? SQLITE_OPEN_CREATE : 0);
  sqlite3* db = nullptr;
  const int opened = sqlite3_open_v2(path_.c_str(), &db, flags, nullptr);
  db_.reset(db);
  if (opened != SQLITE_OK) return Failure();
  sqlite3_busy_timeout(db, static_cast<int>(options.busy_ms));
  // SQLite opens a file without write permission, or on a read-only disk, only for reading.
  if (sqlite3_db_readonly(db, "main") == 1) {
    return Error{ErrorCode::kInvalidInput,
                 "cannot write the prediction log '" + path_ + "': it is read-only"};
  }
  // With WAL, NORMAL loses nothing when the process ends, FULL nothing when the power does.
  const char* const sync = options.durability == Durability::kFull ? "PRAGMA synchronous = FULL"
                                                                   : "PRAGMA synchronous = NORMAL";
  for (const char* sql : {"PRAGMA journal_mode = WAL", sync, kJournalLimit, kCreatePredictions}) {
    int code = sqlite3_exec(db, sql, nullptr, nullptr, nullptr);
    for (int i = 0; makes_it && (code & 0xff) == SQLITE_BUSY && i < kOpenTriesMax; ++i) {
      std::this_thread::sleep_for(kOpenPause);
      code = sqlite3_exec(db, sql, nullptr, nullptr, nullptr);
    }
    if (code != SQLITE_OK) return Failure();
  }
  if (options.wal_bytes_max > 0) {
    sqlite3_wal_autocheckpoint(db, static_cast<int>(options.wal_bytes_max / kPageBytes));
  }
  // Not our table, if it does not take our rows.
  if (const auto insert = Prepared(kInsert); !insert.ok()) return insert.error();
  return Name();
}

// Asked first: writing would wait for whoever holds a lock.
Status Outbox::Connection::Name() {
  if (Status made = Run(kCreateOutbox); !made.ok()) return made;
  const auto named = NumberOf("SELECT count(*) FROM outbox");
  if (!named.ok()) return named.error();
  return *named == 0 ? Run(kNameInstance) : Status(Ok{});
}

Result<sqlite3_stmt*> Outbox::Connection::Prepared(const char* sql) {
  auto& statement = statements_[sql];
  if (!statement) {
    sqlite3_stmt* made = nullptr;
    const int code =
        sqlite3_prepare_v3(db_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &made, nullptr);
    statement.reset(made);
    if (code != SQLITE_OK) return Failure();
  }
  return statement.get();
}

Status Outbox::Connection::Run(const char* sql, std::initializer_list<Value> values,
                               const std::function<bool(const Row&)>& on_row) {
  const auto prepared = Prepared(sql);
  if (!prepared.ok()) return prepared.error();
  sqlite3_stmt* const statement = *prepared;
  int column = 0;
  for (const Value& value : values) {
    ++column;
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
      sqlite3_bind_int64(statement, column, *number);
    } else {
      const auto text = std::get<std::string_view>(value);
      sqlite3_bind_text64(statement, column, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
    }
  }
  int step = SQLITE_ROW;
  bool more = true;
  while (more && (step = sqlite3_step(statement)) == SQLITE_ROW) {
    if (on_row) more = on_row(Row(statement));
  }
  Status status = step == SQLITE_DONE || step == SQLITE_ROW ? Status(Ok{}) : Status(Failure());
  sqlite3_reset(statement);
  return status;
}

Result<std::int64_t> Outbox::Connection::NumberOf(const char* sql,
                                                  std::initializer_list<Value> values) {
  std::int64_t number = 0;
  const Status run = Run(sql, values, [&](const Row& row) {
    number = row.Number(0);
    return true;
  });
  if (!run.ok()) return run.error();
  return number;
}

Result<std::string> Outbox::Connection::TextOf(const char* sql,
                                               std::initializer_list<Value> values) {
  std::string text;
  const Status run = Run(sql, values, [&](const Row& row) {
    text = row.Text(0);
    return true;
  });
  if (!run.ok()) return run.error();
  return text;
}

// One row at least, whatever its size.
Result<std::vector<RecordedRow>> Outbox::Connection::RowsOf(const char* sql,
                                                            std::initializer_list<Value> values,
                                                            std::size_t bytes_max) {
  std::vector<RecordedRow> rows;
  std::size_t bytes = 0;
  const Status run = Run(sql, values, [&](const Row& row) {
    RecordedRow next = RecordedRowOf(row);
    bytes += BytesOf(next);
    if (!rows.empty() && bytes > bytes_max) return false;
    rows.push_back(std::move(next));
    return true;
  });
  if (!run.ok()) return run.error();
  return rows;
}

// Statements of their own: as table-valued functions they would cost more than an insert.
Result<std::int64_t> Outbox::Connection::UsedBytes() {
  const auto pages = NumberOf("PRAGMA page_count");
  if (!pages.ok()) return pages.error();
  const auto free_pages = NumberOf("PRAGMA freelist_count");
  if (!free_pages.ok()) return free_pages.error();
  if (page_bytes_ == 0) {
    const auto page_bytes = NumberOf("PRAGMA page_size");
    if (!page_bytes.ok()) return page_bytes.error();
    page_bytes_ = *page_bytes;
  }
  return (*pages - *free_pages) * page_bytes_;
}

bool Outbox::Connection::HasMoved() const {
  int moved = 0;
  return db_ &&
         sqlite3_file_control(db_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
         moved != 0;
}

// ---- The log ----

Outbox::Outbox(OutboxOptions options) : options_(std::move(options)) {}
Outbox::~Outbox() = default;

Result<std::unique_ptr<Outbox>> Outbox::Open(OutboxOptions options) {
  std::unique_ptr<Outbox> outbox(new Outbox(std::move(options)));  // NOLINT: private constructor
  const Status opened = outbox->Attempt([&](Connection& db) { return outbox->Measure(db); });
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
  auto db = std::make_unique<Connection>(options_.path);
  if (Status opened = db->Open(options_, !identity_); !opened.ok()) return opened;
  if (!identity_) identity_ = IdentityOf(options_.path);
  db_ = std::move(db);
  return Ok{};
}

Status Outbox::Attempt(const std::function<Status(Connection&)>& work) {
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
Result<T> Outbox::Ask(const std::function<Result<T>(Connection&)>& work) {
  Result<T> answer = T();
  const Status status = Attempt([&](Connection& db) -> Status {
    answer = work(db);
    return answer.ok() ? Status(Ok{}) : Status(answer.error());
  });
  if (!status.ok()) return status.error();
  return answer;
}

Status Outbox::Append(std::span<const LogEntry> batch, std::int64_t needed_from) {
  return Attempt([&](Connection& db) -> Status {
    Status status = db.Run("BEGIN IMMEDIATE");
    if (status.ok()) status = MakeRoom(db, batch.size(), needed_from);
    if (status.ok()) status = Insert(db, batch);
    return status.ok() ? db.Run("COMMIT") : status;
  });
}

Status Outbox::Insert(Connection& db, std::span<const LogEntry> batch) {
  const auto last = db.NumberOf(kLastSeq);
  if (!last.ok()) return last.error();
  std::int64_t seq = *last + 1;
  for (const LogEntry& e : batch) {
    const std::string time = Rfc3339(e.time_unix_ms);
    Status added = db.Run(kInsert, {e.id, time, e.model, e.version, e.request_id, e.input, e.output,
                                    e.label, std::int64_t{e.numbered ? 1 : 0}, seq});
    if (!added.ok()) return added;
    if (db.Changes() > 0) ++seq;
  }
  size_.last_seq = seq - 1;
  return Ok{};
}

Status Outbox::Measure(Connection& db) {
  const auto last = db.NumberOf(kLastSeq);
  if (!last.ok()) return last.error();
  const auto bytes = db.UsedBytes();
  if (!bytes.ok()) return bytes.error();
  size_ = {*last, *bytes};
  return Ok{};
}

// Deletes from the oldest row on, never `needed_from` itself: a file always knows the row that it
// has moved last, and never counts from 1 again.
Status Outbox::MakeRoom(Connection& db, std::size_t n_new, std::int64_t needed_from) {
  for (int step = 0; step < kTrimStepsMax; ++step) {
    const auto used = db.UsedBytes();
    if (!used.ok()) return used.error();
    size_.bytes = *used;
    const bool is_full = options_.bytes_max > 0 && *used >= options_.bytes_max;
    if (!is_full && options_.rows_max == 0) return Ok{};
    const auto first = db.NumberOf(kFirstSeq);
    if (!first.ok()) return first.error();
    const auto last = db.NumberOf(kLastSeq);
    if (!last.ok()) return last.error();
    const std::int64_t then = *last - *first + 1 + static_cast<std::int64_t>(n_new);
    const std::int64_t over = options_.rows_max > 0 ? then - options_.rows_max : 0;
    const std::int64_t n = is_full ? kTrimRows : std::min(over, kTrimRows);
    const std::int64_t end = std::min(needed_from, *first + n);
    const bool can_trim = *first > 0 && end > *first;
    if (is_full && !can_trim && needed_from < *last) return Full();
    if (!can_trim) return Ok{};
    Status trimmed = db.Run("DELETE FROM predictions WHERE seq < ?", {end});
    if (!trimmed.ok()) return trimmed;
  }
  return Ok{};
}

Error Outbox::Full() const {
  return {ErrorCode::kUnavailable,
          "the prediction log '" + options_.path + "' is full: rows that wait for Redis take the " +
              std::to_string(options_.bytes_max) + " bytes that it may have"};
}

Status Outbox::Checkpoint() {
  return Attempt([](Connection& db) { return db.Run("PRAGMA wal_checkpoint(PASSIVE)"); });
}

// ---- Moving rows ----

Result<Outbox::Mark> Outbox::ReadMark() {
  return Ask<Mark>([](Connection& db) -> Result<Mark> {
    Mark mark;
    const Status read =
        db.Run("SELECT instance, shipped_seq, shipped_id FROM outbox", {}, [&](const Row& row) {
          mark = {row.Text(0), {row.Number(1), row.Text(2)}};
          return true;
        });
    if (!read.ok()) return read.error();
    return mark;
  });
}

Status Outbox::SaveMark(const std::string& instance, const Position& position) {
  return Attempt([&](Connection& db) {
    return db.Run("UPDATE outbox SET shipped_seq = ?, shipped_id = ? WHERE instance = ?",
                  {position.seq, position.id, instance});
  });
}

Status Outbox::StartInstance(const std::string& instance, const Position& position) {
  return Attempt([&](Connection& db) {
    return db.Run(
        "UPDATE outbox SET instance = lower(hex(randomblob(8))), shipped_seq = ?, shipped_id = ?"
        " WHERE instance = ?",
        {position.seq, position.id, instance});
  });
}

Result<std::vector<RecordedRow>> Outbox::RowsAfter(std::int64_t seq, std::size_t rows_max,
                                                   std::size_t bytes_max) {
  const auto limit = static_cast<std::int64_t>(rows_max);
  return Ask<std::vector<RecordedRow>>([&](Connection& db) {
    return db.RowsOf(kRowsAfter, {seq, limit}, bytes_max);
  });
}

Result<std::vector<RecordedRow>> Outbox::Newest(std::size_t n, std::size_t bytes_max) {
  const auto limit = static_cast<std::int64_t>(n);
  return Ask<std::vector<RecordedRow>>(
      [&](Connection& db) { return db.RowsOf(kNewestRows, {limit}, bytes_max); });
}

Result<std::string> Outbox::IdOf(std::int64_t seq) {
  return Ask<std::string>(
      [&](Connection& db) { return db.TextOf("SELECT id FROM predictions WHERE seq = ?", {seq}); });
}

Result<std::int64_t> Outbox::FirstSeq() {
  return Ask<std::int64_t>([](Connection& db) { return db.NumberOf(kFirstSeq); });
}

Result<Position> Outbox::NewestAmong(std::span<const std::string> ids) {
  return Ask<Position>([&](Connection& db) -> Result<Position> {
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
