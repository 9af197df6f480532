#include "log_writer.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <optional>
#include <utility>

namespace copse {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kFullSaidEvery(5'000);  // prediction_log_full at most so often

std::size_t BytesOf(const LogEntry& e) {
  return sizeof(LogEntry) + e.id.size() + e.model.size() + e.version.size() + e.request_id.size() +
         e.input.size() + e.output.size() + e.label.size();
}

thread_local DeferredWait* deferred_wait = nullptr;

}  // namespace

DeferredWait::DeferredWait() { deferred_wait = this; }

DeferredWait::~DeferredWait() {
  Await();
  deferred_wait = nullptr;
}

DeferredWait* DeferredWait::Current() { return deferred_wait; }

void DeferredWait::Add(PredictionLog& log, std::uint64_t last, std::uint64_t n) {
  log_ = &log;
  last_ = last;  // later than those before
  n_ += n;
}

LogTicket DeferredWait::Take() {
  return {.log = std::exchange(log_, nullptr),
          .last = last_,
          .n = std::exchange(n_, 0),
          .since = Clock::now()};
}

void DeferredWait::Await() {
  if (log_ == nullptr) return;
  const LogTicket ticket = Take();
  ticket.log->Await(ticket);
}

// Everything behind one mutex, which is never held while the sink or `say` is called.
// Entries are settled in the order of arrival, so "my entries are written" is a comparison of
// two counts: how many had been queued when mine were, and how many are settled.
class LogWriter::Shared {
 public:
  Shared(LogWriterOptions options, std::unique_ptr<LogSink> sink)
      : options_(std::move(options)), sink_(std::move(sink)) {
    if (!options_.say) options_.say = SayOnStderr;
  }

  void Append(std::vector<LogEntry> entries, Clock::time_point began, LogWriter& door);
  void Await(const LogTicket& ticket);
  bool TryAwait(const LogTicket& ticket);
  void SetOnProgress(const std::function<void()>& on_progress);
  LogState State() const;
  void Hurry();
  void Run();
  bool StopWithin(std::int64_t timeout_ms);

 private:
  using Lock = std::unique_lock<std::mutex>;

  void Push(LogEntry entry, bool wakes);
  bool HasRoomFor(const LogEntry& entry, std::size_t share = 1) const;
  Clock::time_point DeadlineOf(const LogTicket& ticket) const {
    return ticket.since + milliseconds(options_.append_wait_ms);
  }
  bool MayWait() const { return options_.append_wait_ms > 0 && up_ && !closed_; }
  bool WaitForRoom(Lock& lock, const LogEntry& entry, std::size_t share,
                   Clock::time_point deadline);
  bool IsOver(const LogTicket& ticket) const;
  void WaitUntilOver(Lock& lock, const LogTicket& ticket);
  void Conclude(Lock& lock, const LogTicket& ticket);
  void TellProgress();
  void Drop(Lock& lock, std::uint64_t n);

  bool NextBatch();
  void WaitForWork(Lock& lock);
  void FillBatch();
  void Attempt();
  bool Pause();
  void Settle();
  void SettleAll();

  void MarkUp(Lock& lock);
  void MarkDown(Lock& lock, const std::string& reason);
  void Say(Lock& lock, const std::string& event, const std::string& reason);
  std::uint64_t Unsettled() const { return queued_ - settled_; }

  LogWriterOptions options_;
  const std::unique_ptr<LogSink> sink_;  // the thread's alone

  mutable std::mutex mutex_;
  std::condition_variable work_;            // the thread waits here: entries, closing
  std::condition_variable settled_change_;  // Append and Close wait here: settled, down, closed
  std::function<void()> on_progress_;       // the same for those who do not wait, ...
  bool is_asked_ = false;                   // ... if there are any

  std::deque<LogEntry> queue_;
  std::size_t bytes_ = 0;      // of queue_ and batch_
  std::uint64_t queued_ = 0;   // entries that were ever queued
  std::uint64_t settled_ = 0;  // of these, written or given up
  std::uint64_t accepted_ = 0, written_ = 0, dropped_ = 0, late_ = 0;
  Clock::time_point progress_;  // when something was settled last, or began to wait
  bool up_ = true, dropping_ = false, hurries_ = false;
  std::optional<Clock::time_point> full_said_;  // when prediction_log_full was said last
  std::string last_error_;
  std::optional<Clock::time_point> close_by_;  // set: closing
  bool closed_ = false;                        // the thread is done, or was left behind

  // The thread's alone.
  std::vector<LogEntry> batch_;
  std::size_t batch_bytes_ = 0;
  std::size_t last_batch_ = 0;    // entries; under the mutex
  bool last_attempt_ok_ = false;  // false at first: look at once whether the sink answers
  std::int64_t pause_ms_ = 0;
};

// ---- Append's side ----

// In the whole queue, or in one half of it when `share` is 2.
bool LogWriter::Shared::HasRoomFor(const LogEntry& entry, std::size_t share) const {
  return Unsettled() < options_.queue_entries_max / share &&
         bytes_ + BytesOf(entry) <= options_.queue_bytes_max / share;
}

// `wakes`: nobody else will tell the thread that there is something to do.
void LogWriter::Shared::Push(LogEntry entry, bool wakes) {
  if (Unsettled() == 0) progress_ = Clock::now();
  bytes_ += BytesOf(entry);
  queue_.push_back(std::move(entry));
  ++queued_;
  // Waking a thread costs more than queueing an entry: only when it has something new to do.
  const bool full_batch = queue_.size() == options_.batch_entries_max;
  const bool is_news = queue_.size() == 1 || queue_.size() == last_batch_;
  if (full_batch || (wakes && is_news)) work_.notify_one();
}

// Waits for room in its share of the queue while the sink gets on; afterwards any room will do.
bool LogWriter::Shared::WaitForRoom(Lock& lock, const LogEntry& entry, std::size_t share,
                                    Clock::time_point deadline) {
  const auto waits = [&] {
    return !HasRoomFor(entry, share) && up_ && !hurries_ && !close_by_.has_value() &&
           Unsettled() > 0;
  };
  while (waits()) {
    const auto until = std::min(deadline, progress_ + milliseconds(options_.room_stall_ms));
    if (Clock::now() >= until) break;
    work_.notify_one();
    settled_change_.wait_until(lock, until);
  }
  return HasRoomFor(entry) && !close_by_.has_value();
}

bool LogWriter::Shared::IsOver(const LogTicket& ticket) const {
  return settled_ >= ticket.last || !MayWait() || Clock::now() >= DeadlineOf(ticket);
}

void LogWriter::Shared::WaitUntilOver(Lock& lock, const LogTicket& ticket) {
  work_.notify_one();
  settled_change_.wait_until(lock, DeadlineOf(ticket),
                             [&] { return settled_ >= ticket.last || !MayWait(); });
  Conclude(lock, ticket);
}

// Waiting is over, for one reason or another.
void LogWriter::Shared::Conclude(Lock& lock, const LogTicket& ticket) {
  if (settled_ >= ticket.last) return;
  late_ += std::min(ticket.n, ticket.last - settled_);
  // A sink that works, only not as fast as this, is not down.
  const bool stands_still = Clock::now() - progress_ >= milliseconds(options_.append_wait_ms);
  if (MayWait() && stands_still) {
    MarkDown(lock, "no answer within " + std::to_string(options_.append_wait_ms) + " ms");
  }
}

void LogWriter::Shared::Await(const LogTicket& ticket) {
  Lock lock(mutex_);
  WaitUntilOver(lock, ticket);
}

bool LogWriter::Shared::TryAwait(const LogTicket& ticket) {
  {
    Lock lock(mutex_);
    if (IsOver(ticket)) {
      Conclude(lock, ticket);
      return true;
    }
    is_asked_ = true;
  }
  work_.notify_one();  // with the mutex free for who is woken
  return false;
}

void LogWriter::Shared::SetOnProgress(const std::function<void()>& on_progress) {
  const Lock lock(mutex_);
  on_progress_ = on_progress;
}

// Whoever waits for entries is told to look again.
void LogWriter::Shared::TellProgress() {
  settled_change_.notify_all();
  if (std::exchange(is_asked_, false) && on_progress_) on_progress_();
}

void LogWriter::Shared::Append(std::vector<LogEntry> entries, Clock::time_point began,
                               LogWriter& door) {
  const auto deadline = began + milliseconds(options_.room_wait_max_ms);
  auto* const later = options_.append_wait_ms > 0 ? DeferredWait::Current() : nullptr;
  Lock lock(mutex_);
  accepted_ += entries.size();
  std::uint64_t kept = 0;
  for (LogEntry& entry : entries) {
    // A long file keeps to one half, so that the requests beside it find room at once.
    const std::size_t share = kept < options_.batch_entries_max ? 1 : 2;
    if (!WaitForRoom(lock, entry, share, deadline)) break;
    Push(std::move(entry), later == nullptr);
    ++kept;
  }
  const std::uint64_t last = queued_;
  if (kept < entries.size()) Drop(lock, entries.size() - kept);
  if (kept == 0 || options_.append_wait_ms == 0) return;
  if (later != nullptr) {
    later->Add(door, last, kept);
  } else {
    WaitUntilOver(lock, {.log = &door, .last = last, .n = kept, .since = Clock::now()});
  }
}

void LogWriter::Shared::Drop(Lock& lock, std::uint64_t n) {
  dropped_ += n;
  if (dropping_ || close_by_.has_value()) return;
  const auto now = Clock::now();
  if (full_said_.has_value() && now - *full_said_ < kFullSaidEvery) return;
  dropping_ = true;
  full_said_ = now;
  Say(lock, "prediction_log_full", last_error_);
}

LogState LogWriter::Shared::State() const {
  const std::lock_guard lock(mutex_);
  return {.sink = options_.sink,
          .up = up_,
          .accepted = accepted_,
          .written = written_,
          .dropped = dropped_,
          .queued = Unsettled(),
          .late = late_,
          .last_error = last_error_};
}

void LogWriter::Shared::Hurry() {
  const std::lock_guard lock(mutex_);
  hurries_ = true;
  settled_change_.notify_all();
}

// ---- The thread's side ----

void LogWriter::Shared::Run() {
  BlockSignalsOfThisThread();
  while (NextBatch()) {
    Attempt();
    if (!last_attempt_ok_ && !Pause()) break;
  }
  SettleAll();
}

// Leaves in batch_ what is to be written now: the batch that failed before, or what waits, or
// nothing, which asks for a Check. False when the log is closing and nothing is left.
bool LogWriter::Shared::NextBatch() {
  Lock lock(mutex_);
  if (batch_.empty()) {
    if (last_attempt_ok_) WaitForWork(lock);
    FillBatch();
  }
  return !batch_.empty() || !close_by_.has_value();
}

void LogWriter::Shared::WaitForWork(Lock& lock) {
  const auto work = [&] { return !queue_.empty() || close_by_.has_value(); };
  if (options_.check_every_ms > 0) {
    work_.wait_for(lock, milliseconds(options_.check_every_ms), work);
  } else {
    work_.wait(lock, work);
  }
  if (queue_.empty() || options_.gather_ms == 0) return;
  work_.wait_for(lock, milliseconds(options_.gather_ms), [&] {
    return queue_.size() >= options_.batch_entries_max || close_by_.has_value();
  });
}

void LogWriter::Shared::FillBatch() {
  batch_bytes_ = 0;
  while (!queue_.empty() && batch_.size() < options_.batch_entries_max) {
    const std::size_t bytes = BytesOf(queue_.front());
    if (!batch_.empty() && batch_bytes_ + bytes > options_.batch_bytes_max) break;
    batch_bytes_ += bytes;
    batch_.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  last_batch_ = batch_.size();
}

void LogWriter::Shared::Attempt() {
  const Status status = batch_.empty() ? sink_->Check() : sink_->Write(batch_);
  last_attempt_ok_ = status.ok();
  bool tells = false;
  {
    Lock lock(mutex_);
    if (status.ok()) {
      pause_ms_ = 0;
      Settle();
      MarkUp(lock);
    } else {
      MarkDown(lock, status.error().message);
    }
    tells = std::exchange(is_asked_, false);
  }
  if (tells && on_progress_) on_progress_();  // with the mutex free for who is told
}

// The batch is written. Unless Close gave up waiting for it: then it counts as dropped already.
void LogWriter::Shared::Settle() {
  if (!closed_) {
    settled_ += batch_.size();
    written_ += batch_.size();
  }
  bytes_ -= batch_bytes_;
  batch_bytes_ = 0;
  batch_.clear();
  progress_ = Clock::now();
  settled_change_.notify_all();
}

// Waits before the next attempt; false when the log is closing and its time is over.
bool LogWriter::Shared::Pause() {
  pause_ms_ =
      pause_ms_ == 0 ? options_.retry_first_ms : std::min(pause_ms_ * 2, options_.retry_max_ms);
  Lock lock(mutex_);
  if (!close_by_.has_value()) {
    const auto closing = [&] { return close_by_.has_value(); };
    if (work_.wait_for(lock, milliseconds(pause_ms_), closing)) pause_ms_ = 0;
    return true;  // closing: one attempt at once, then in short steps
  }
  const auto until = std::min(*close_by_, Clock::now() + milliseconds(pause_ms_));
  work_.wait_until(lock, until, [&] { return closed_; });
  return !closed_ && Clock::now() < *close_by_;
}

// Nothing more will be written.
void LogWriter::Shared::SettleAll() {
  Lock lock(mutex_);
  const std::uint64_t lost = Unsettled();
  if (!closed_) dropped_ += lost;
  if (!closed_) settled_ = queued_;
  const bool first = !std::exchange(closed_, true);
  queue_.clear();
  TellProgress();
  if (first && lost > 0) Say(lock, "prediction_log_lost", last_error_);
}

bool LogWriter::Shared::StopWithin(std::int64_t timeout_ms) {
  Lock lock(mutex_);
  if (!close_by_.has_value()) close_by_ = Clock::now() + milliseconds(timeout_ms);
  work_.notify_all();
  settled_change_.notify_all();
  // The thread needs a moment to notice that its time is over, unless the sink hangs.
  const auto deadline = *close_by_ + milliseconds(50);
  if (settled_change_.wait_until(lock, deadline, [&] { return closed_; })) return true;
  lock.unlock();
  SettleAll();
  return false;
}

// ---- What is said ----

void LogWriter::Shared::MarkUp(Lock& lock) {
  dropping_ = false;
  if (std::exchange(up_, true) || closed_) return;
  last_error_.clear();
  Say(lock, "prediction_log_up", "");
}

void LogWriter::Shared::MarkDown(Lock& lock, const std::string& reason) {
  const bool news = up_ || last_error_ != reason;
  up_ = false;
  last_error_ = reason;
  TellProgress();
  if (news && !closed_) Say(lock, "prediction_log_down", reason);
}

// Unlocks while speaking: stderr may be a pipe that nobody reads.
void LogWriter::Shared::Say(Lock& lock, const std::string& event, const std::string& reason) {
  const std::string line = LogEventLine(
      {.event = event,
       .is_good = event == "prediction_log_up",
       .sink = options_.sink,
       .target = options_.target,
       .reason = reason,
       .numbers = {{"queued", Unsettled()}, {"written", written_}, {"dropped", dropped_}}});
  lock.unlock();
  options_.say(line);
  lock.lock();
}

// ---- The door ----

LogWriter::LogWriter(LogWriterOptions options, std::unique_ptr<LogSink> sink)
    : shared_(std::make_shared<Shared>(std::move(options), std::move(sink))),
      thread_([shared = shared_] { shared->Run(); }) {}

LogWriter::~LogWriter() { Close(1'000); }

void LogWriter::Append(std::vector<LogEntry> entries) {
  shared_->Append(std::move(entries), Clock::now(), *this);
}

void LogWriter::AppendPart(std::vector<LogEntry> entries, Clock::time_point began) {
  shared_->Append(std::move(entries), began, *this);
}

void LogWriter::Await(const LogTicket& ticket) { shared_->Await(ticket); }

bool LogWriter::TryAwait(const LogTicket& ticket) { return shared_->TryAwait(ticket); }

void LogWriter::SetOnProgress(const std::function<void()>& on_progress) {
  shared_->SetOnProgress(on_progress);
}

void LogWriter::Hurry() { shared_->Hurry(); }

LogState LogWriter::State() const { return shared_->State(); }

void LogWriter::Close(std::int64_t timeout_ms) {
  const std::lock_guard lock(closing_);
  if (!thread_.joinable()) return;
  if (shared_->StopWithin(timeout_ms)) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

}  // namespace copse
