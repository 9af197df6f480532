#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "copse/result.h"

namespace copse {

/// One row scored, as it is recorded.
struct LogEntry {
  std::string id;                 ///< unique: UUIDv7
  std::int64_t time_unix_ms = 0;  ///< when it was answered
  std::string model, version;
  std::string request_id;  ///< rows of a file: the request's with ":row" appended
  std::string input;       ///< JSON array of the row's values, null where missing
  std::string output;      ///< as the tutorial stores it: "[0]"
  std::string label;       ///< text of the predicted class, or the value
  bool numbered = false;   ///< also gets a numeric key (the tutorial's /predict)
};

/// A LogEntry as the log holds it. `seq` counts the rows of one log, from 1, without a gap.
struct RecordedRow {
  std::int64_t seq = 0;
  std::string id, time;  ///< time: RFC 3339, UTC
  std::string model, version, request_id, input, output, label;
  bool numbered = false;
};

/// How the rows get on that are moved to Redis.
struct ShipState {
  bool up = true;             ///< the last exchange with Redis worked
  std::uint64_t shipped = 0;  ///< rows that Redis has acknowledged
  std::uint64_t waiting = 0;  ///< rows that are recorded, and not yet in Redis
  std::uint64_t gone = 0;     ///< rows that the log no longer held when Redis needed them
  double lag_seconds = 0;     ///< age of the oldest row that waits
  std::string last_error;     ///< why `up` is false, or empty
};

/// How the log is doing, for /metrics and /readyz.
struct LogState {
  std::string sink;                     ///< "sqlite"
  bool up = true;                       ///< the last write worked
  std::uint64_t accepted = 0;           ///< entries handed to Append
  std::uint64_t written = 0;            ///< entries the sink has acknowledged
  std::uint64_t dropped = 0;            ///< entries lost: the queue was full, or the sink refused
  std::uint64_t queued = 0;             ///< entries waiting now
  std::uint64_t late = 0;               ///< entries answered before they were as durable as asked
  std::string last_error;               ///< why `up` is false, or empty
  std::uint64_t bytes = 0;              ///< that its rows take on the disk
  std::optional<ShipState> redis = {};  ///< nothing: rows are not moved to Redis
};

class PredictionLog;

/// Entries that a log has been handed, and that are not yet as durable as it was told to make them.
struct LogTicket {
  PredictionLog* log = nullptr;                 ///< null: there is nothing to wait for
  std::uint64_t last = 0;                       ///< they are when the log has settled so many
  std::uint64_t n = 0;                          ///< how many they are
  std::chrono::steady_clock::time_point since;  ///< when waiting began
};

/// While one of these lives on a thread, Append there waits for nothing to be durable: whoever
/// takes the ticket does, for all of them together, or Await. So many requests share one wait. For
/// the thread that made it; at most one a thread.
class DeferredWait {
 public:
  DeferredWait();
  ~DeferredWait();  ///< Await
  DeferredWait(const DeferredWait&) = delete;
  DeferredWait& operator=(const DeferredWait&) = delete;

  void Await();
  /// Of all entries since it was taken last.
  LogTicket Take();
  /// Entries that a ticket would be about now.
  std::uint64_t n_entries() const { return n_; }

  /// That of this thread, or null.
  static DeferredWait* Current();
  /// `n` more entries are as durable as asked when the log has settled `last`.
  void Add(PredictionLog& log, std::uint64_t last, std::uint64_t n);

 private:
  PredictionLog* log_ = nullptr;
  std::uint64_t last_ = 0, n_ = 0;
};

/// Where answered predictions are recorded. Thread-safe.
class PredictionLog {
 public:
  virtual ~PredictionLog() = default;

  /// Records the rows of one request. Returns when they are as durable as the log was told to
  /// make them: at once for a log that ships in the background, after the group commit for one
  /// that commits. Never throws and never fails a prediction: what cannot be kept is counted.
  virtual void Append(std::vector<LogEntry> entries) = 0;

  /// Append for a part of a request whose first part was handed over at `began`: what waiting
  /// the log allows itself for room is that of the whole request.
  virtual void AppendPart(std::vector<LogEntry> entries,
                          std::chrono::steady_clock::time_point /*began*/) {
    Append(std::move(entries));
  }

  /// Waits as Append would have for the entries of a ticket.
  virtual void Await(const LogTicket& /*ticket*/) {}
  /// The same without waiting: false as long as Await would go on. Ask again when `on_progress` is
  /// called, and every now and then, for a log that hangs calls nobody. Once true, do not ask
  /// again.
  virtual bool TryAwait(const LogTicket& /*ticket*/) { return true; }
  /// `on_progress` is called, from any thread and perhaps with a lock held, when TryAwait has said
  /// no and may say something else. Before the first Append; it may be called when this object is
  /// gone.
  virtual void SetOnProgress(const std::function<void()>& /*on_progress*/) {}

  virtual LogState State() const = 0;

  /// The rows that were recorded last, newest first: at most `n`, and at most about 16 MiB.
  virtual Result<std::vector<RecordedRow>> Recent(std::size_t /*n*/) const {
    return std::vector<RecordedRow>();
  }

  /// From now on Append waits for no room: the service is about to end, and its threads with it.
  virtual void Hurry() {}

  /// Writes what is queued, for at most `timeout_ms`, and stops. Append afterwards counts as
  /// dropped.
  virtual void Close(std::int64_t timeout_ms) = 0;
};

}  // namespace copse
