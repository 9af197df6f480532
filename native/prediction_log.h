#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

/// How the log is doing, for /metrics and /readyz.
struct LogState {
  std::string sink;            ///< "sqlite" or "redis"
  bool up = true;              ///< the last write worked
  std::uint64_t accepted = 0;  ///< entries handed to Append
  std::uint64_t written = 0;   ///< entries the sink has acknowledged
  std::uint64_t dropped = 0;   ///< entries lost: the queue was full, or the sink refused
  std::uint64_t queued = 0;    ///< entries waiting now
  std::uint64_t late = 0;      ///< entries answered before they were as durable as asked
  std::string last_error;      ///< why `up` is false, or empty
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

  virtual LogState State() const = 0;

  /// Writes what is queued, for at most `timeout_ms`, and stops. Append afterwards counts as
  /// dropped.
  virtual void Close(std::int64_t timeout_ms) = 0;
};

}  // namespace copse
