#include "recorder.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace copse {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kRecentBytesMax = std::size_t{16} << 20;
// However long the queue took to be written, the rows that can be moved get a moment.
constexpr std::int64_t kShipMsMin = 100;
// A write-ahead log that never gets its turn to begin anew, for there are always rows, is ended by
// the writer.
constexpr std::int64_t kWalBytesMax = std::int64_t{64} << 20;
// What a commit, and a row besides its input, add to the write-ahead log: pages are written whole.
constexpr std::size_t kCommitBytes = 16'384, kRowBytes = 600;
// Below append_wait_ms of RecorderOptions.
constexpr std::int64_t kWriterBusyMs = 1'800;
// How often rows are looked for that have become too old while nothing is recorded.
constexpr std::int64_t kTrimEveryMs = 1'000;
// What was answered is written before the process ends, however long requests took.
constexpr std::int64_t kWriteMsMin = 5'000;

// What the writer's thread tells the others, all of which may outlive the log.
struct Shared {
  std::shared_ptr<OutboxProgress> progress = std::make_shared<OutboxProgress>();
  std::atomic<std::int64_t> bytes = 0;
  std::mutex mutex;
  std::function<void()> on_commit;  // under the mutex; empty once nobody listens
};

// Moves pages of the write-ahead log into the file beside the writer, whose commits would else wait
// for the disk every few thousand rows.
class Checkpointer {
 public:
  explicit Checkpointer(std::unique_ptr<Outbox> outbox)
      : outbox_(std::move(outbox)), thread_([this] { Run(); }) {}
  ~Checkpointer() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

  /// About `n` more bytes are in the write-ahead log.
  void Count(std::size_t n) {
    const std::lock_guard lock(mutex_);
    bytes_ += n;
    if (bytes_ >= kBytesEach) changed_.notify_one();
  }

 private:
  // Little at a time: the writer waits now and then while the disk takes it, and as long as that.
  // Four times as much made the slowest of a hundred answers wait four times as long, under full
  // load, and took a fifteenth of the processor's time less.
  static constexpr std::size_t kBytesEach = std::size_t{128} << 10;

  void Run() {
    BlockSignalsOfThisThread();
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return ending_ || bytes_ >= kBytesEach; });
      if (ending_) return;
      bytes_ = 0;
      lock.unlock();
      (void)outbox_->Checkpoint();  // what fails now is the writer's, later
      lock.lock();
    }
  }

  const std::unique_ptr<Outbox> outbox_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t bytes_ = 0;
  bool ending_ = false;
  std::thread thread_;
};

class OutboxSink final : public LogSink {
 public:
  OutboxSink(std::unique_ptr<Outbox> outbox, std::unique_ptr<Checkpointer> checkpointer,
             std::shared_ptr<Shared> shared, bool ships, std::string path, SayLine say)
      : outbox_(std::move(outbox)),
        checkpointer_(std::move(checkpointer)),
        shared_(std::move(shared)),
        ships_(ships),
        path_(std::move(path)),
        say_(std::move(say)) {}

  Status Write(std::span<const LogEntry> batch) override {
    Status written = outbox_->Append(batch, NeededFrom());
    if (!written.ok()) return written;
    std::size_t n_bytes = kCommitBytes;
    for (const LogEntry& entry : batch) n_bytes += kRowBytes + entry.input.size();
    checkpointer_->Count(n_bytes);
    Measure();
    WarnOnceIfMoved();
    const std::lock_guard lock(shared_->mutex);
    if (shared_->on_commit) shared_->on_commit();
    return Ok{};
  }

  // Nothing waits to be written: a good time to trim. What fails now is the next Write's.
  Status Check() override {
    if (outbox_->TrimOld(NeededFrom()).ok()) Measure();
    return Ok{};
  }

  void Measure() {
    shared_->progress->last_seq = outbox_->size().last_seq;
    shared_->bytes = outbox_->size().bytes;
  }

 private:
  // Without a target every row has served its purpose; the last one keeps the count.
  std::int64_t NeededFrom() const {
    return ships_ ? shared_->progress->shipped_seq : shared_->progress->last_seq;
  }

  void WarnOnceIfMoved() {
    if (warned_ || !outbox_->HasMoved()) return;
    warned_ = true;
    say_(LogEventLine({.event = "prediction_log_moved",
                       .sink = "sqlite",
                       .target = path_,
                       .reason = "the file was moved or erased; rows still go to it, where nobody "
                                 "will find them if it was erased. Start the service again"}));
  }

  const std::unique_ptr<Outbox> outbox_;
  const std::unique_ptr<Checkpointer> checkpointer_;
  const std::shared_ptr<Shared> shared_;
  const bool ships_;
  const std::string path_;
  const SayLine say_;
  bool warned_ = false;
};

class Recorder final : public PredictionLog {
 public:
  Recorder(LogWriterOptions writer, std::unique_ptr<LogSink> sink, std::shared_ptr<Shared> shared,
           std::unique_ptr<Outbox> reader, std::unique_ptr<Shipper> shipper)
      : shared_(std::move(shared)), reader_(std::move(reader)), shipper_(std::move(shipper)) {
    if (shipper_) shared_->on_commit = [this] { shipper_->Notify(); };
    writer_ = std::make_unique<LogWriter>(std::move(writer), std::move(sink));
  }
  ~Recorder() override { Recorder::Close(1'000); }

  void Append(std::vector<LogEntry> entries) override { writer_->Append(std::move(entries)); }
  void AppendPart(std::vector<LogEntry> entries, Clock::time_point began) override {
    writer_->AppendPart(std::move(entries), began);
  }
  void SetOnProgress(const std::function<void()>& on_progress) override {
    writer_->SetOnProgress(on_progress);
  }

  LogState State() const override {
    LogState state = writer_->State();
    state.bytes = static_cast<std::uint64_t>(shared_->bytes.load());
    if (shipper_) state.redis = shipper_->State();
    return state;
  }

  Result<std::vector<RecordedRow>> Recent(std::size_t n) const override {
    const std::lock_guard lock(reading_);
    return reader_->Newest(n, kRecentBytesMax);
  }

  void Hurry() override { writer_->Hurry(); }

  void Close(std::int64_t timeout_ms) override {
    const auto deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
    // A file that takes nothing now will hardly take it in a moment.
    writer_->Close(writer_->State().up ? std::max(timeout_ms, kWriteMsMin) : timeout_ms);
    {
      const std::lock_guard lock(shared_->mutex);
      shared_->on_commit = nullptr;  // a writer that hangs may go on when this object is gone
    }
    if (!shipper_) return;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    shipper_->Close(std::max<std::int64_t>(kShipMsMin, left.count()));
  }

 private:
  const std::shared_ptr<Shared> shared_;
  mutable std::mutex reading_;
  const std::unique_ptr<Outbox> reader_;
  const std::unique_ptr<Shipper> shipper_;
  std::unique_ptr<LogWriter> writer_;
};

// A file that was used with Redis, and now is not.
Status WarnOfWaitingRows(Outbox& file, const RecorderOptions& options) {
  const auto mark = file.ReadMark();
  if (!mark.ok()) return mark.error();
  const std::int64_t shipped = mark->position.seq;
  if (shipped == 0 || file.size().last_seq <= shipped) return Ok{};
  options.writer.say(LogEventLine(
      {.event = "prediction_log_waiting",
       .sink = "sqlite",
       .target = options.outbox.path,
       .reason = "rows wait for Redis, and this service was started without it (--redis): old ones "
                 "may be trimmed",
       .numbers = {{"waiting", static_cast<std::uint64_t>(file.size().last_seq - shipped)}}}));
  return Ok{};
}

}  // namespace

Result<std::unique_ptr<PredictionLog>> OpenRecorder(RecorderOptions options,
                                                    std::unique_ptr<RowTarget> target) {
  if (!options.writer.say) options.writer.say = SayOnStderr;
  if (!options.shipper.say) options.shipper.say = options.writer.say;
  options.writer.sink = "sqlite";
  options.writer.target = options.outbox.path;
  if (options.outbox.durability == Durability::kAsync) options.writer.append_wait_ms = 0;
  if (options.outbox.keep_ms > 0) options.writer.check_every_ms = kTrimEveryMs;
  // Another program's lock is no failure of the file until its requests would wait no longer.
  options.outbox.busy_ms = kWriterBusyMs;
  options.outbox.wal_bytes_max = kWalBytesMax;
  auto file = Outbox::Open(options.outbox);
  if (!file.ok()) return file.error();
  OutboxOptions beside = options.outbox;
  beside.busy_ms = OutboxOptions().busy_ms;
  beside.wal_bytes_max = 0;
  beside.durability = Durability::kCommit;  // the position may be behind; rows are the writer's
  auto reader = Outbox::Open(beside);
  if (!reader.ok()) return reader.error();
  const bool ships = target != nullptr;
  if (Status warned = ships ? Status(Ok{}) : WarnOfWaitingRows(**file, options); !warned.ok()) {
    return warned.error();
  }
  auto shared = std::make_shared<Shared>();
  auto mover = Outbox::Open(beside);
  if (!mover.ok()) return mover.error();
  auto sink = std::make_unique<OutboxSink>(*std::move(file),
                                           std::make_unique<Checkpointer>(*std::move(mover)),
                                           shared, ships, options.outbox.path, options.writer.say);
  sink->Measure();
  std::unique_ptr<Shipper> shipper;
  if (ships) {
    auto source = Outbox::Open(beside);
    if (!source.ok()) return source.error();
    const auto mark = (*source)->ReadMark();
    if (!mark.ok()) return mark.error();
    shared->progress->shipped_seq = mark->position.seq;
    shipper = std::make_unique<Shipper>(std::move(options.shipper), *std::move(source),
                                        std::move(target), shared->progress);
  }
  return std::unique_ptr<PredictionLog>(
      std::make_unique<Recorder>(std::move(options.writer), std::move(sink), std::move(shared),
                                 *std::move(reader), std::move(shipper)));
}

}  // namespace copse
