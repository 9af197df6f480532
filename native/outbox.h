#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "copse/result.h"
#include "prediction_log.h"
#include "row_target.h"

namespace copse {

class OutboxDatabase;

/// What has happened when Append returns.
enum class Durability {
  kCommit,  ///< committed: survives the end of the process, kill -9 included
  kFull,    ///< committed and on the disk: survives the loss of power as well
  kAsync,   ///< queued: the newest entries are lost with the process
};

struct OutboxOptions {
  std::string path = {};  ///< of the SQLite file, made when there is none
  Durability durability = Durability::kCommit;
  std::int64_t bytes_max = 0;  ///< old rows are trimmed beyond that; 0: no limit
  std::int64_t rows_max = 0;   ///< the same, in rows
  std::int64_t keep_ms = 0;    ///< the same, in the age of rows by the clock of this machine
  std::int64_t busy_ms = 250;  ///< how long another program's lock is waited for
  /// Bytes of the write-ahead log after which a commit moves its pages into the file itself, and
  /// waits for the disk; 0: SQLite's own choice, 4 MB. Somebody else should do it before:
  /// Checkpoint.
  std::int64_t wal_bytes_max = 0;
};

/// A connection to the embedded log: a table `predictions` in a SQLite file, to be asked with
/// `sqlite3` while the service runs (journal mode WAL).
///
/// Columns: seq (order of arrival), id, time (RFC 3339, UTC), model, version, request_id, input
/// (JSON array), output, label, numbered (1 for the tutorial's /predict). The table `outbox` has
/// one row: the name under which this file moves its rows to Redis, and how far it has come.
///
/// Not thread-safe: every thread has a connection of its own, and so may every process. What fails
/// is rolled back; what makes a connection useless closes it, and the next call opens it again.
class Outbox {
 public:
  /// Makes the file and its tables where they are missing. Fails with kInvalidInput when the file
  /// cannot be opened for writing or is not such a log.
  static Result<std::unique_ptr<Outbox>> Open(OutboxOptions options);
  ~Outbox();
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  // ---- The writer's side ----

  /// Adds all entries or none, in one transaction, and trims old rows if there are too many: only
  /// those before the row `needed_from`. An entry whose id is there already adds nothing. Fails
  /// when bytes_max is reached and nothing can be trimmed.
  Status Append(std::span<const LogEntry> batch, std::int64_t needed_from);

  /// Trims rows that are older than `keep_ms`, only those before `needed_from`, and at most some
  /// thousand at once: for the time when nothing is added.
  Status TrimOld(std::int64_t needed_from);

  struct Size {
    std::int64_t last_seq = 0;  ///< number of the last row that there ever was; 0 at first
    std::int64_t bytes = 0;     ///< in use before that, without what trimmed rows left free
  };
  /// After Open or the last Append.
  const Size& size() const { return size_; }

  // ---- The shipper's side ----

  /// Where this file has got to, by its own account: that may be a moment behind.
  struct Mark {
    std::string instance;
    Position position;
  };
  Result<Mark> ReadMark();
  /// Nothing, if the file has another name by now.
  Status SaveMark(const std::string& instance, const Position& position);
  /// Takes a new name, under which nothing has been moved yet, and goes on after `position`; unless
  /// the file has another name than `instance` by now.
  Status StartInstance(const std::string& instance, const Position& position);

  /// The rows after `seq`, at most `rows_max` (1 or more), and one, or as many as fit `bytes_max`.
  Result<std::vector<RecordedRow>> RowsAfter(std::int64_t seq, std::size_t rows_max,
                                             std::size_t bytes_max);
  /// Empty if the file has no such row.
  Result<std::string> IdOf(std::int64_t seq);
  /// Number of the oldest row; 0 without rows.
  Result<std::int64_t> FirstSeq();
  /// The last row that has one of these ids; seq 0 if none has.
  Result<Position> NewestAmong(std::span<const std::string> ids);

  /// The last `n` rows, newest first, fewer if they have more than `bytes_max`.
  Result<std::vector<RecordedRow>> Newest(std::size_t n, std::size_t bytes_max);

  /// Moves pages of the write-ahead log into the file itself, as far as nobody is in the way, and
  /// waits for the disk: beside the writer, which goes on meanwhile.
  Status Checkpoint();

  /// Whether the path names this very file no more: somebody erased, moved or replaced it. What is
  /// open stays open, and works. No other file is ever opened in its place: two files must not
  /// share one journal, and rows in a file of which the others know nothing would be lost.
  bool HasMoved() const;

 private:
  explicit Outbox(OutboxOptions options);
  Status Reopen();
  Status Attempt(const std::function<Status(OutboxDatabase&)>& work);
  template <class T>
  Result<T> Ask(const std::function<Result<T>(OutboxDatabase&)>& work);
  Status MakeRoom(OutboxDatabase& db, std::size_t n_new, std::int64_t needed_from);
  Result<std::int64_t> CountOld(OutboxDatabase& db);
  Error Full() const;
  Status Insert(OutboxDatabase& db, std::span<const LogEntry> batch);
  Status Measure(OutboxDatabase& db);

  const OutboxOptions options_;
  std::unique_ptr<OutboxDatabase> db_;
  Size size_;
  // The file that was opened first.
  struct Identity {
    std::uint64_t device = 0, inode = 0;
    bool operator==(const Identity&) const = default;
  };
  static std::optional<Identity> IdentityOf(const std::string& path);
  std::optional<Identity> identity_;
};

}  // namespace copse
