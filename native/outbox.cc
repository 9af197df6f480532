#include "outbox.h"

#include <sqlite3.h>

#include <span>
#include <system_error>
#include <utility>

namespace copse {
namespace {

constexpr const char* kCreate =
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

// OR IGNORE: a batch whose commit worked although it was reported to fail is offered again.
constexpr const char* kInsert =
    "INSERT OR IGNORE INTO predictions"
    " (id, time, model, version, request_id, input, output, label, numbered)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";

// Long enough for another program's short write, short enough to end in time.
constexpr int kBusyMs = 250;

struct CloseDatabase {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

// One connection to one file, and what is asked of it.
class OutboxSink final : public LogSink {
 public:
  OutboxSink(std::string path, Durability durability)
      : path_(std::move(path)), durability_(durability) {}

  Status Open();
  Status Write(std::span<const LogEntry> batch) override;

 private:
  Status Run(const char* sql);
  Status UseWriteAheadLog();
  Status Insert(const LogEntry& entry);
  Error Failure() const;

  const std::string path_;
  const Durability durability_;
  // The statement is finalized before its connection is closed.
  std::unique_ptr<sqlite3, CloseDatabase> db_;
  std::unique_ptr<sqlite3_stmt, Finalize> insert_;
};

Error OutboxSink::Failure() const {
  const int code = db_ ? sqlite3_extended_errcode(db_.get()) : SQLITE_NOMEM;
  std::string why = db_ ? sqlite3_errmsg(db_.get()) : "out of memory";
  // "unable to open database file" hides whether it is missing, forbidden or a folder.
  const int os = db_ ? sqlite3_system_errno(db_.get()) : 0;
  if ((code & 0xff) == SQLITE_CANTOPEN && os != 0) {
    why += " (" + std::generic_category().message(os) + ")";
  }
  return {ErrorCode::kInvalidInput, "cannot write the prediction log '" + path_ + "': " + why};
}

Status OutboxSink::Run(const char* sql) {
  if (sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) return Failure();
  return Ok{};
}

Status OutboxSink::UseWriteAheadLog() {
  Status wal = Run("PRAGMA journal_mode = WAL");
  if (!wal.ok()) return wal;
  // With WAL, NORMAL loses nothing when the process ends, FULL nothing when the power does.
  return Run(durability_ == Durability::kFull ? "PRAGMA synchronous = FULL"
                                              : "PRAGMA synchronous = NORMAL");
}

Status OutboxSink::Open() {
  insert_.reset();
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  sqlite3* db = nullptr;
  const int opened = sqlite3_open_v2(path_.c_str(), &db, kFlags, nullptr);
  db_.reset(db);
  if (opened != SQLITE_OK) return Failure();
  sqlite3_busy_timeout(db, kBusyMs);
  // SQLite opens a file without write permission, or on a read-only disk, only for reading.
  if (sqlite3_db_readonly(db, "main") == 1) {
    return Error{ErrorCode::kInvalidInput,
                 "cannot write the prediction log '" + path_ + "': it is read-only"};
  }
  Status ready = UseWriteAheadLog();
  if (ready.ok()) ready = Run(kCreate);
  if (!ready.ok()) return ready;
  sqlite3_stmt* insert = nullptr;
  const int prepared =
      sqlite3_prepare_v3(db, kInsert, -1, SQLITE_PREPARE_PERSISTENT, &insert, nullptr);
  insert_.reset(insert);
  if (prepared != SQLITE_OK) return Failure();
  return Ok{};
}

Status OutboxSink::Insert(const LogEntry& e) {
  sqlite3_stmt* statement = insert_.get();
  const std::string time = Rfc3339(e.time_unix_ms);
  int column = 0;
  for (const std::string* text :
       {&e.id, &time, &e.model, &e.version, &e.request_id, &e.input, &e.output, &e.label}) {
    sqlite3_bind_text64(statement, ++column, text->data(), text->size(), SQLITE_STATIC,
                        SQLITE_UTF8);
  }
  sqlite3_bind_int(statement, ++column, e.numbered ? 1 : 0);
  const bool done = sqlite3_step(statement) == SQLITE_DONE;
  Status status = done ? Status(Ok{}) : Status(Failure());
  sqlite3_reset(statement);
  return status;
}

// A failure closes the connection, which rolls back: whatever was wrong with the file or the
// disk, the next attempt begins with a new one.
Status OutboxSink::Write(std::span<const LogEntry> batch) {
  Status status = insert_ ? Status(Ok{}) : Open();
  if (status.ok()) status = Run("BEGIN IMMEDIATE");
  for (const LogEntry& entry : batch) {
    if (!status.ok()) break;
    status = Insert(entry);
  }
  if (status.ok()) status = Run("COMMIT");
  if (!status.ok()) {
    insert_.reset();
    db_.reset();
  }
  return status;
}

}  // namespace

Result<std::unique_ptr<PredictionLog>> OpenOutbox(OutboxOptions options) {
  auto sink = std::make_unique<OutboxSink>(options.path, options.durability);
  const Status opened = sink->Open();
  if (!opened.ok()) return opened.error();
  options.writer.sink = "sqlite";
  options.writer.target = options.path;
  if (options.durability == Durability::kAsync) options.writer.append_wait_ms = 0;
  return std::unique_ptr<PredictionLog>(
      std::make_unique<LogWriter>(std::move(options.writer), std::move(sink)));
}

}  // namespace copse
