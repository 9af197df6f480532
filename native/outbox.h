#pragma once

#include <memory>
#include <string>

#include "copse/result.h"
#include "log_writer.h"
#include "prediction_log.h"

namespace copse {

/// What has happened when Append returns.
enum class Durability {
  kCommit,  ///< committed: survives the end of the process, kill -9 included
  kFull,    ///< committed and on the disk: survives the loss of power as well
  kAsync,   ///< queued: the newest entries are lost with the process
};

struct OutboxOptions {
  std::string path = {};  ///< of the SQLite file, made when there is none
  Durability durability = Durability::kCommit;
  LogWriterOptions writer = {
      .append_wait_ms = 2'000, .room_stall_ms = 2'000, .retry_max_ms = 1'000};
};

/// The embedded log: a table `predictions` in a SQLite file, to be asked with `sqlite3` while
/// the service runs (journal mode WAL).
///
/// Columns: seq (order of arrival), id, time (RFC 3339, UTC), model, version, request_id, input
/// (JSON array), output, label, numbered (1 for the tutorial's /predict). One thread groups what
/// waits into transactions; a full, locked or read-only disk is said on stderr and retried.
///
/// Fails with kInvalidInput when the file cannot be opened for writing or is not such a log.
Result<std::unique_ptr<PredictionLog>> OpenOutbox(OutboxOptions options);

}  // namespace copse
