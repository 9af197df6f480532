#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "copse/result.h"
#include "log_events.h"
#include "prediction_log.h"

namespace copse {

/// Where batches of entries end: a file. Used by one thread, and may block.
class LogSink {
 public:
  virtual ~LogSink() = default;

  /// Records the batch, all of it or nothing, in order. After an error the very same batch is
  /// offered again until it is accepted, so one whose answer was lost must not count twice.
  virtual Status Write(std::span<const LogEntry> batch) = 0;

  /// Asks whether a Write would be received, when there is nothing to write.
  virtual Status Check() { return Ok{}; }
};

struct LogWriterOptions {
  std::string sink = {};    ///< as in LogState
  std::string target = {};  ///< the file, for messages

  std::size_t queue_entries_max = 100'000;   ///< what does not fit is dropped and counted
  std::size_t queue_bytes_max = 256u << 20;  ///< the same, for rows that are long
  std::size_t batch_entries_max = 256;
  std::size_t batch_bytes_max = 1u << 20;  ///< a single longer entry is a batch of its own

  std::int64_t gather_ms = 0;              ///< how long the first entry waits for a fuller batch
  std::int64_t append_wait_ms = 0;         ///< how long Append may wait for its entries; 0 = never
  std::int64_t room_stall_ms = 0;          ///< Append waits for room while the sink wrote so lately
  std::int64_t room_wait_max_ms = 60'000;  ///< how long one request may wait for room in all
  std::int64_t retry_first_ms = 50;        ///< pause after the first failure, doubled up to ...
  std::int64_t retry_max_ms = 5'000;
  std::int64_t check_every_ms = 0;  ///< how often to Check while idle; 0 = never

  SayLine say = {};  ///< receives a line whenever the state changes; default: stderr
};

/// The part that every log shares: a bounded queue in front of one thread that hands batches to
/// a LogSink and offers a failed batch again, in order, until it is accepted.
///
/// Append waits only while the sink is known to work: for room in the queue as long as the sink
/// gets on, and then for its entries at most `append_wait_ms`. A sink that fails or hangs delays no
/// prediction after the one that found out; what does not fit then is dropped and counted.
class LogWriter final : public PredictionLog {
 public:
  LogWriter(LogWriterOptions options, std::unique_ptr<LogSink> sink);
  /// Close(1000), unless it was closed before.
  ~LogWriter() override;

  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  void Append(std::vector<LogEntry> entries) override;
  void AppendPart(std::vector<LogEntry> entries,
                  std::chrono::steady_clock::time_point began) override;
  void Await(const LogTicket& ticket) override;
  bool TryAwait(const LogTicket& ticket) override;
  void SetOnProgress(const std::function<void()>& on_progress) override;
  LogState State() const override;
  void Hurry() override;
  /// Returns in time although the sink hangs: its thread is then left to end by itself.
  void Close(std::int64_t timeout_ms) override;

 private:
  class Shared;
  std::shared_ptr<Shared> shared_;  // also held by the thread, which may outlive this object
  std::mutex closing_;
  std::thread thread_;
};

}  // namespace copse
