#include "shipper.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace copse {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

std::uint64_t Count(std::int64_t n) { return n > 0 ? static_cast<std::uint64_t>(n) : 0; }

std::string RowsFromTo(std::int64_t first, std::int64_t last) {
  return "rows " + std::to_string(first) + " to " + std::to_string(last);
}

}  // namespace

class Shipper::Shared {
 public:
  Shared(ShipperOptions options, std::unique_ptr<Outbox> outbox, std::unique_ptr<RowTarget> target,
         std::shared_ptr<OutboxProgress> progress)
      : options_(std::move(options)),
        outbox_(std::move(outbox)),
        target_(std::move(target)),
        target_name_(target_->Name()),
        progress_(std::move(progress)) {
    if (!options_.say) options_.say = SayOnStderr;
  }

  void Run();
  void Notify();
  ShipState State() const;
  bool StopWithin(std::int64_t timeout_ms);

 private:
  using Lock = std::unique_lock<std::mutex>;

  bool WaitForWork();
  Status Step();
  Status Look();
  Status Ship(const std::vector<RecordedRow>& rows);
  Status Follow(const Position& there);
  Status StartAnew();
  Status ReadMark();
  void GoTo(const Position& position);
  void SaveMark(bool at_once);
  void Reached(bool target_answered);
  void Note(const Status& status);
  void Say(const std::string& event, const std::string& reason, bool is_good = false);
  std::int64_t Waiting() const { return progress_->last_seq - progress_->shipped_seq; }

  ShipperOptions options_;

  // The thread's alone.
  const std::unique_ptr<Outbox> outbox_;
  const std::unique_ptr<RowTarget> target_;
  std::string instance_;  // empty: the file has not been asked yet
  Position at_;           // the row that was moved last
  Position saved_;        // what the file knows of that
  Clock::time_point saved_at_;
  std::size_t rows_now_ = 0;  // how many to move in one step; fewer while a step takes too long
  bool more_ = false;         // the next step need not wait for anything
  bool drained_ = false;      // the last step found no rows
  bool saw_closing_ = false;
  bool said_forgotten_ = false;

  const std::string target_name_;
  const std::shared_ptr<OutboxProgress> progress_;

  mutable std::mutex mutex_;
  std::condition_variable work_;  // the thread waits here
  std::condition_variable done_change_;
  bool notified_ = true;  // look at once whether the target answers
  bool failed_ = false;
  bool reached_ = false;  // whether the last exchange with the target worked
  std::int64_t pause_ms_ = 0;
  std::uint64_t shipped_ = 0, gone_ = 0;
  std::int64_t oldest_unix_ms_ = 0;  // of the rows that wait; 0: none, or not looked at yet
  std::string last_error_;
  std::optional<Clock::time_point> close_by_;
  bool done_ = false;
};

// ---- The thread ----

void Shipper::Shared::Run() {
  BlockSignalsOfThisThread();
  while (WaitForWork()) Note(Step());
  SaveMark(true);
  const Lock lock(mutex_);
  done_ = true;
  done_change_.notify_all();
}

// False when there is nothing more to do.
bool Shipper::Shared::WaitForWork() {
  Lock lock(mutex_);
  const auto closing = [&] { return close_by_.has_value(); };
  if (!closing() && failed_) {
    pause_ms_ =
        pause_ms_ == 0 ? options_.retry_first_ms : std::min(pause_ms_ * 2, options_.retry_max_ms);
    work_.wait_for(lock, milliseconds(pause_ms_), closing);
  } else if (!closing() && !more_) {
    work_.wait_for(lock, milliseconds(options_.check_every_ms),
                   [&] { return notified_ || closing(); });
    const auto enough = [&] {
      return closing() || Waiting() >= static_cast<std::int64_t>(options_.rows_max);
    };
    if (notified_) work_.wait_for(lock, milliseconds(options_.gather_ms), enough);
    notified_ = false;
  }
  if (!closing()) return true;
  // What was recorded until now is moved as well, if the target takes it.
  if (!std::exchange(saw_closing_, true)) return true;
  if (failed_) {
    if (*close_by_ - Clock::now() < milliseconds(options_.closing_retry_ms)) return false;
    pause_ms_ = std::min(pause_ms_ == 0 ? options_.retry_first_ms : pause_ms_ * 2,
                         options_.closing_retry_ms / 4);
    const milliseconds pause(pause_ms_);
    lock.unlock();
    std::this_thread::sleep_for(pause);
    return true;
  }
  return !drained_ && Clock::now() < *close_by_;
}

Status Shipper::Shared::Step() {
  more_ = drained_ = false;
  if (Status read = ReadMark(); !read.ok()) return read;
  // A target that comes back is asked first what it still has.
  if (!reached_ && at_.seq > 0) {
    if (Status looked = Look(); !looked.ok() || more_) return looked;
  }
  if (rows_now_ == 0) rows_now_ = options_.rows_max;
  const auto rows = outbox_->RowsAfter(at_.seq, rows_now_, options_.bytes_max);
  if (!rows.ok()) return rows.error();
  drained_ = rows->empty();
  {
    const Lock lock(mutex_);
    if (!rows->empty()) oldest_unix_ms_ = UnixMsOf(rows->front().time);
    if (rows->empty() && !notified_) oldest_unix_ms_ = 0;
  }
  return rows->empty() ? Look() : Ship(*rows);
}

// Another process that shares the file may have given it a new name.
Status Shipper::Shared::ReadMark() {
  auto mark = outbox_->ReadMark();
  if (!mark.ok()) return mark.error();
  if (mark->instance == instance_) return Ok{};
  instance_ = std::move(mark->instance);
  saved_ = mark->position;
  GoTo(mark->position);
  return Ok{};
}

void Shipper::Shared::GoTo(const Position& position) {
  at_ = position;
  progress_->shipped_seq = position.seq;
  std::int64_t last = progress_->last_seq;
  while (last < position.seq && !progress_->last_seq.compare_exchange_weak(last, position.seq)) {
  }
}

// Nothing waits: is the target there, and has it still got what it was given?
Status Shipper::Shared::Look() {
  const auto found = target_->PositionOf(instance_);
  Reached(found.ok());
  if (!found.ok()) return found.error();
  if (*found && **found != at_) return Follow(**found);
  if (!*found && at_.seq > 0 && !std::exchange(said_forgotten_, true)) {
    Say("prediction_log_forgotten",
        "Redis has nothing of this log: it is another one, or came back empty; it gets what comes "
        "after row " +
            std::to_string(at_.seq));
  }
  if (*found) said_forgotten_ = false;
  SaveMark(true);
  return Ok{};
}

Status Shipper::Shared::Ship(const std::vector<RecordedRow>& rows) {
  const auto moved = target_->Move(instance_, at_, rows);
  Reached(moved.ok());
  if (!moved.ok()) {
    rows_now_ = std::max<std::size_t>(1, rows_now_ / 2);
    return moved.error();
  }
  rows_now_ = std::min(options_.rows_max, rows_now_ * 2);
  const Position last{rows.back().seq, rows.back().id};
  if (*moved != last) return Follow(*moved);
  const std::int64_t gap = rows.front().seq - at_.seq - 1;
  if (gap > 0) {
    {
      const Lock lock(mutex_);
      gone_ += Count(gap);
    }
    Say("prediction_log_gap", RowsFromTo(at_.seq + 1, rows.front().seq - 1) +
                                  " were trimmed from the file before Redis had them");
  }
  GoTo(last);
  SaveMark(false);
  const Lock lock(mutex_);
  shipped_ += rows.size();
  // Rows that came meanwhile gather again, unless they fill a step.
  more_ = Waiting() >= static_cast<std::int64_t>(options_.rows_max) || !notified_;
  return Ok{};
}

// The target is somewhere else than this shipper thought.
Status Shipper::Shared::Follow(const Position& there) {
  const auto id = outbox_->IdOf(there.seq);
  if (!id.ok()) return id.error();
  const auto first = outbox_->FirstSeq();
  if (!first.ok()) return first.error();
  const bool is_trimmed = id->empty() && there.seq < at_.seq && there.seq < *first;
  if (*id != there.id && !is_trimmed) return StartAnew();
  if (there.seq < at_.seq) {
    Say("prediction_log_rewound",
        "Redis has lost " + RowsFromTo(there.seq + 1, at_.seq) + "; they are moved again");
  } else {
    const Lock lock(mutex_);
    shipped_ += Count(there.seq - at_.seq);
  }
  GoTo(there);
  more_ = true;
  return Ok{};
}

Status Shipper::Shared::StartAnew() {
  const auto ids = target_->NewestIds();
  Reached(ids.ok());
  if (!ids.ok()) return ids.error();
  const auto found = outbox_->NewestAmong(*ids);
  if (!found.ok()) return found.error();
  const Position next = found->seq > at_.seq ? *found : at_;
  Status started = outbox_->StartInstance(instance_, next);
  if (!started.ok()) return started;
  Say("prediction_log_copied",
      "the file is a copy, or older than what Redis has of it: it gets a name of its own, and goes "
      "on with row " +
          std::to_string(next.seq + 1));
  more_ = true;  // ReadMark sees the new name
  return Ok{};
}

void Shipper::Shared::SaveMark(bool at_once) {
  if (instance_.empty() || at_ == saved_) return;
  const auto now = Clock::now();
  if (!at_once && now - saved_at_ < milliseconds(options_.save_every_ms)) return;
  saved_at_ = now;
  if (outbox_->SaveMark(instance_, at_).ok()) saved_ = at_;  // else later
}

void Shipper::Shared::Reached(bool target_answered) {
  const Lock lock(mutex_);
  reached_ = target_answered;
}

void Shipper::Shared::Note(const Status& status) {
  Lock lock(mutex_);
  const bool was_down = !last_error_.empty();
  failed_ = !status.ok();
  if (status.ok()) pause_ms_ = 0;
  const bool news = status.ok() ? was_down : last_error_ != status.error().message;
  last_error_ = status.ok() ? "" : status.error().message;
  const std::string reason = last_error_;
  const bool is_over = done_;
  lock.unlock();
  if (news && !is_over) {
    Say(status.ok() ? "prediction_log_up" : "prediction_log_down", reason, status.ok());
  }
}

// ---- The door ----

void Shipper::Shared::Notify() {
  const Lock lock(mutex_);
  if (oldest_unix_ms_ == 0) oldest_unix_ms_ = UnixMsNow();  // until the thread has looked
  const bool is_full = Waiting() >= static_cast<std::int64_t>(options_.rows_max);
  if (!std::exchange(notified_, true) || is_full) work_.notify_one();
}

ShipState Shipper::Shared::State() const {
  const Lock lock(mutex_);
  ShipState state{.up = reached_,
                  .shipped = shipped_,
                  .waiting = Count(Waiting()),
                  .gone = gone_,
                  .last_error = last_error_};
  if (state.waiting > 0 && oldest_unix_ms_ > 0) {
    state.lag_seconds =
        static_cast<double>(std::max<std::int64_t>(0, UnixMsNow() - oldest_unix_ms_)) / 1000;
  }
  return state;
}

bool Shipper::Shared::StopWithin(std::int64_t timeout_ms) {
  Lock lock(mutex_);
  if (!close_by_.has_value()) close_by_ = Clock::now() + milliseconds(timeout_ms);
  work_.notify_all();
  // The thread needs a moment to notice that its time is over, unless the target hangs.
  const auto deadline = *close_by_ + milliseconds(50);
  const bool in_time = done_change_.wait_until(lock, deadline, [&] { return done_; });
  done_ = true;
  lock.unlock();
  if (Waiting() > 0) {
    Say("prediction_log_waiting", "rows wait in the file, and are moved after the next start");
  }
  return in_time;
}

void Shipper::Shared::Say(const std::string& event, const std::string& reason, bool is_good) {
  const ShipState state = State();
  options_.say(LogEventLine({.event = event,
                             .is_good = is_good,
                             .sink = "redis",
                             .target = target_name_,
                             .reason = reason,
                             .numbers = {{"waiting", state.waiting}, {"shipped", state.shipped}}}));
}

Shipper::Shipper(ShipperOptions options, std::unique_ptr<Outbox> outbox,
                 std::unique_ptr<RowTarget> target, std::shared_ptr<OutboxProgress> progress)
    : shared_(std::make_shared<Shared>(std::move(options), std::move(outbox), std::move(target),
                                       std::move(progress))),
      thread_([shared = shared_] { shared->Run(); }) {}

Shipper::~Shipper() { Close(0); }

void Shipper::Notify() { shared_->Notify(); }

ShipState Shipper::State() const { return shared_->State(); }

void Shipper::Close(std::int64_t timeout_ms) {
  const std::lock_guard lock(closing_);
  if (!thread_.joinable()) return;
  if (shared_->StopWithin(timeout_ms)) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

}  // namespace copse
