#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

#include "log_events.h"
#include "outbox.h"
#include "prediction_log.h"
#include "row_target.h"

namespace copse {

/// What the threads of one log tell each other.
struct OutboxProgress {
  std::atomic<std::int64_t> last_seq = 0;     ///< of the rows that are recorded
  std::atomic<std::int64_t> shipped_seq = 0;  ///< of the rows that have been moved
};

struct ShipperOptions {
  std::size_t rows_max = 256;  ///< that are moved in one step
  std::size_t bytes_max = 1u << 20;
  std::int64_t gather_ms = 20;            ///< how long the first row waits for a fuller step
  std::int64_t closing_retry_ms = 2'000;  ///< see Close
  std::int64_t retry_first_ms = 50;       ///< pause after the first failure, doubled up to ...
  std::int64_t retry_max_ms = 5'000;
  std::int64_t check_every_ms = 5'000;  ///< how often to look at the target while idle
  std::int64_t save_every_ms = 1'000;   ///< how often the file learns how far it has come
  SayLine say = {};                     ///< receives a line when the state changes; default: stderr
};

/// One thread that moves the rows of an Outbox to a RowTarget: in order, each exactly once.
///
/// What holds that together: the target keeps the rows and the position of this file in one place
/// and changes them in one step, so that its position is the truth. The shipper says from where it
/// goes on; if that is not where the target is, it looks whether its own file has that very row.
/// - It has: an answer was lost, or the target has fallen back to an older state of itself. The
///   shipper goes on from there, and moves again what the target has forgotten.
/// - It has not: somebody else moves rows under the name of this file. It is a copy, or was put
///   back from a backup. The file takes a new name, and goes on after the last of its rows that is
///   found among the newest of the target.
/// A target that knows nothing of the file (a new one, or one that came back empty) is given what
/// has not been moved yet.
class Shipper {
 public:
  Shipper(ShipperOptions options, std::unique_ptr<Outbox> outbox, std::unique_ptr<RowTarget> target,
          std::shared_ptr<OutboxProgress> progress);
  /// Close(0), unless it was closed before.
  ~Shipper();
  Shipper(const Shipper&) = delete;
  Shipper& operator=(const Shipper&) = delete;

  /// There are new rows. Thread-safe, and quick.
  void Notify();
  /// Thread-safe.
  ShipState State() const;
  /// Moves what is left, for at most `timeout_ms`, and stops. After a failure it tries again as
  /// long as there is more than closing_retry_ms left: who has little time has none to wait in.
  /// Returns in time although the target hangs: the thread is then left to end by itself.
  void Close(std::int64_t timeout_ms);

 private:
  class Shared;
  std::shared_ptr<Shared> shared_;  // also held by the thread, which may outlive this object
  std::mutex closing_;
  std::thread thread_;
};

}  // namespace copse
