#include "ordered_pipeline.h"

#include <system_error>
#include <utility>

namespace copse {

OrderedPipeline::OrderedPipeline(std::size_t n_workers, std::size_t n_slots, Stages stages)
    : n_workers_(n_workers), n_slots_(n_slots), stages_(std::move(stages)), done_(n_slots) {}

OrderedPipeline::~OrderedPipeline() { Stop(); }

Status OrderedPipeline::Run() {
  Start(&OrderedPipeline::Read);
  for (std::size_t i = 0; i < n_workers_; ++i) {
    // The system may have no more threads to give (a container's limit): one worker is enough.
    // Caught here, because the standard has no other way to say it.
    try {
      Start(&OrderedPipeline::Work);
    } catch (const std::system_error&) {
      if (i == 0) throw;
      break;
    }
  }
  auto more = TakeNext();
  while (more.ok() && *more) more = TakeNext();
  Stop();
  if (thrown_) std::rethrow_exception(thrown_);
  return more.ok() ? Status(Ok{}) : Status(more.error());
}

// What is thrown on a thread (there is no more memory) would end the process without a word.
void OrderedPipeline::Start(void (OrderedPipeline::*work)()) {
  threads_.emplace_back([this, work] {
    try {
      (this->*work)();
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!thrown_) thrown_ = std::current_exception();
      worked_.notify_all();
    }
  });
}

void OrderedPipeline::Read() {
  for (std::unique_lock lock(mutex_); !ended_;) {
    taken_.wait(lock, [this] { return stopping_ || n_read_ - n_taken_ < n_slots_; });
    if (stopping_) return;
    lock.unlock();
    auto more = stages_.read(n_read_ % n_slots_);
    lock.lock();
    if (!more.ok()) error_ = more.error();
    ended_ = !more.ok() || !*more;
    if (!ended_) ++n_read_;
    if (ended_) {
      read_.notify_all();
      worked_.notify_all();
    } else {
      read_.notify_one();
    }
  }
}

void OrderedPipeline::Work() {
  const auto work = stages_.new_worker();
  for (std::unique_lock lock(mutex_);;) {
    read_.wait(lock, [this] { return stopping_ || ended_ || n_begun_ < n_read_; });
    if (stopping_ || n_begun_ == n_read_) return;
    const std::size_t item = n_begun_++;
    lock.unlock();
    work(item % n_slots_);
    lock.lock();
    done_[item % n_slots_] = true;
    if (item == n_taken_) worked_.notify_one();
  }
}

// Whether there may be another item.
Result<bool> OrderedPipeline::TakeNext() {
  std::unique_lock lock(mutex_);
  const std::size_t slot = n_taken_ % n_slots_;
  worked_.wait(lock,
               [this, slot] { return thrown_ || done_[slot] || (ended_ && n_taken_ == n_read_); });
  if (thrown_) return false;
  if (!done_[slot]) return error_ ? Result<bool>(*error_) : Result<bool>(false);
  lock.unlock();
  auto more = stages_.take(slot);
  lock.lock();
  done_[slot] = false;
  ++n_taken_;
  taken_.notify_one();
  return more;
}

void OrderedPipeline::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    taken_.notify_all();
    read_.notify_all();
  }
  if (!threads_.empty()) stages_.interrupt();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace copse
