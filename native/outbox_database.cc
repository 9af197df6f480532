#include "outbox_database.h"

#include <sqlite3.h>

#include <chrono>
#include <system_error>
#include <thread>
#include <utility>

namespace copse {
namespace {

using Row = OutboxDatabase::Row;

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

// Two processes that make one file at the same moment: SQLite does not wait for that.
constexpr int kOpenTriesMax = 20;
constexpr std::chrono::milliseconds kOpenPause{25};
constexpr std::int64_t kPageBytes = 4096;  // SQLite's own
// What the write-ahead log may keep of the disk when it is empty.
constexpr const char* kJournalLimit = "PRAGMA journal_size_limit = 16777216";

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

// DO NOTHING: a batch whose commit worked although it was reported to fail is offered again.
const char* const OutboxDatabase::kInsert =
    "INSERT INTO predictions"
    " (id, time, model, version, request_id, input, output, label, numbered, seq)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING";

std::int64_t OutboxDatabase::Row::Number(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string OutboxDatabase::Row::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  const int size = sqlite3_column_bytes(statement_, column);
  return text == nullptr ? std::string() : std::string(text, static_cast<std::size_t>(size));
}

void OutboxDatabase::CloseDatabase::operator()(sqlite3* db) const { sqlite3_close_v2(db); }

void OutboxDatabase::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

std::int64_t OutboxDatabase::Changes() const { return sqlite3_changes64(db_.get()); }

bool OutboxDatabase::IsBusy() const {
  return db_ && (sqlite3_errcode(db_.get()) & 0xff) == SQLITE_BUSY;
}

bool OutboxDatabase::RollBack() {
  return db_ && (sqlite3_get_autocommit(db_.get()) != 0 ||
                 sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr) == SQLITE_OK);
}

Error OutboxDatabase::Failure() const {
  const int code = db_ ? sqlite3_extended_errcode(db_.get()) : SQLITE_NOMEM;
  std::string why = db_ ? sqlite3_errmsg(db_.get()) : "out of memory";
  // "unable to open database file" hides whether it is missing, forbidden or a folder.
  const int os = db_ ? sqlite3_system_errno(db_.get()) : 0;
  if ((code & 0xff) == SQLITE_CANTOPEN && os != 0) {
    why += " (" + std::generic_category().message(os) + ")";
  }
  return {ErrorCode::kInvalidInput, "cannot write the prediction log '" + path_ + "': " + why};
}

Status OutboxDatabase::Open(const OutboxOptions& options, bool makes_it) {
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
Status OutboxDatabase::Name() {
  if (Status made = Run(kCreateOutbox); !made.ok()) return made;
  const auto named = NumberOf("SELECT count(*) FROM outbox");
  if (!named.ok()) return named.error();
  return *named == 0 ? Run(kNameInstance) : Status(Ok{});
}

Result<sqlite3_stmt*> OutboxDatabase::Prepared(const char* sql) {
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

Status OutboxDatabase::Run(const char* sql, std::initializer_list<Value> values,
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

Result<std::int64_t> OutboxDatabase::NumberOf(const char* sql,
                                              std::initializer_list<Value> values) {
  std::int64_t number = 0;
  const Status run = Run(sql, values, [&](const Row& row) {
    number = row.Number(0);
    return true;
  });
  if (!run.ok()) return run.error();
  return number;
}

Result<std::string> OutboxDatabase::TextOf(const char* sql, std::initializer_list<Value> values) {
  std::string text;
  const Status run = Run(sql, values, [&](const Row& row) {
    text = row.Text(0);
    return true;
  });
  if (!run.ok()) return run.error();
  return text;
}

// One row at least, whatever its size.
Result<std::vector<RecordedRow>> OutboxDatabase::RowsOf(const char* sql,
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
Result<std::int64_t> OutboxDatabase::UsedBytes() {
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

bool OutboxDatabase::HasMoved() const {
  int moved = 0;
  return db_ &&
         sqlite3_file_control(db_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
         moved != 0;
}

}  // namespace copse
