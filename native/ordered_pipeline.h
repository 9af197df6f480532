#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "copse/result.h"

namespace copse {

/// Work on a stream of items by several threads at the same time: one thread reads them one after
/// the other, `n_workers` work on one each, and the thread that calls Run takes them in the order
/// in which they were read. So what comes out does not depend on how many work, or how fast.
///
/// The items lie in the caller's `n_slots` slots and are used again: item i is in slot
/// i % n_slots, which is read anew once it has been taken. That bounds how far the reader runs
/// ahead, and so the memory. No two stages touch the same slot at the same time.
class OrderedPipeline {
 public:
  struct Stages {
    /// Fills the slot with the next item; false at the end. On a thread of its own.
    std::function<Result<bool>(std::size_t slot)> read;
    /// Called once on the thread of each worker, on several at the same time, and makes what works
    /// on the item in a slot.
    /// What fails there is the item's to remember, and the taker's to find in its turn.
    std::function<std::function<void(std::size_t slot)>()> new_worker;
    /// Takes the item out of the slot; false if no more is wanted.
    std::function<Result<bool>(std::size_t slot)> take;
    /// Makes a `read` that waits, or that is called after this, return soon. From any thread.
    std::function<void()> interrupt;
  };

  /// Both counts are at least 1; more slots than workers keep them busy.
  OrderedPipeline(std::size_t n_workers, std::size_t n_slots, Stages stages);
  /// Returns when every thread has ended.
  ~OrderedPipeline();
  OrderedPipeline(const OrderedPipeline&) = delete;
  OrderedPipeline& operator=(const OrderedPipeline&) = delete;

  /// Until the items end, or no more are wanted, or one of the stages fails; an Error of `read`
  /// comes after all that was read before it. What a stage throws is thrown here. Once only.
  Status Run();

 private:
  void Start(void (OrderedPipeline::*work)());
  void Read();
  void Work();
  Result<bool> TakeNext();
  void Stop();

  const std::size_t n_workers_, n_slots_;
  const Stages stages_;
  std::mutex mutex_;
  std::condition_variable taken_, read_, worked_;
  std::size_t n_read_ = 0, n_begun_ = 0, n_taken_ = 0;
  std::vector<bool> done_;  // of each slot: worked on, and not yet taken
  bool ended_ = false;      // nothing more is read
  bool stopping_ = false;
  std::optional<Error> error_;  // of the reader
  std::exception_ptr thrown_;
  std::vector<std::thread> threads_;
};

}  // namespace copse
