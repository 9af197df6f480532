#pragma once

#include <cstdint>
#include <memory>

#include "copse/result.h"
#include "log_writer.h"
#include "outbox.h"
#include "prediction_log.h"
#include "row_target.h"
#include "shipper.h"

namespace copse {

struct RecorderOptions {
  OutboxOptions outbox = {};
  LogWriterOptions writer = {
      .append_wait_ms = 2'000, .room_stall_ms = 2'000, .retry_max_ms = 1'000};
  ShipperOptions shipper = {};
};

/// The prediction log: entries wait in a bounded queue, one thread groups them into transactions
/// of an SQLite file, and another, if there is a `target`, moves them from there.
///
/// Append waits for its entries to be as durable as `outbox.durability` says, never for the
/// target. A full, locked or read-only disk is said on stderr and retried; what the queue cannot
/// hold meanwhile is dropped and counted.
///
/// Fails with kInvalidInput when the file cannot be opened for writing or is not such a log.
Result<std::unique_ptr<PredictionLog>> OpenRecorder(RecorderOptions options,
                                                    std::unique_ptr<RowTarget> target = nullptr);

}  // namespace copse
