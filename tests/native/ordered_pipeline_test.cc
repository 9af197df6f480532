#include "ordered_pipeline.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <new>
#include <string>
#include <vector>

namespace copse {
namespace {

// Items 0, 1, 2, ... that are squared; what is taken is noted.
struct Squares {
  std::size_t n_items = 0, n_slots = 1;
  std::vector<std::size_t> slots = std::vector<std::size_t>(n_slots);
  std::size_t next = 0;
  std::vector<std::size_t> taken = {};

  OrderedPipeline::Stages Stages() {
    return {
        .read = [this](std::size_t slot) -> Result<bool> {
          slots[slot] = next;
          return next++ < n_items;
        },
        .new_worker = [this] { return [this](std::size_t slot) { slots[slot] *= slots[slot]; }; },
        .take = [this](std::size_t slot) -> Result<bool> {
          taken.push_back(slots[slot]);
          return true;
        },
        .interrupt = [] {}};
  }

  bool InOrder(std::size_t n) const {
    for (std::size_t i = 0; i < taken.size(); ++i) {
      if (taken[i] != i * i) return false;
    }
    return taken.size() == n;
  }
};

TEST(OrderedPipeline, TakesInTheOrderOfReading) {
  for (const std::size_t n_workers : {1, 2, 7}) {
    for (const std::size_t n_slots : {1, 2, 3, 16}) {
      for (const std::size_t n_items : {0, 1, 2, 1000}) {
        Squares squares{.n_items = n_items, .n_slots = n_slots};
        EXPECT_TRUE(OrderedPipeline(n_workers, n_slots, squares.Stages()).Run().ok());
        EXPECT_TRUE(squares.InOrder(n_items)) << n_workers << " " << n_slots << " " << n_items;
      }
    }
  }
}

// Two items are worked on at the same time: each waits for the other.
TEST(OrderedPipeline, WorksOnSeveralAtTheSameTime) {
  Squares squares{.n_items = 2, .n_slots = 2};
  auto stages = squares.Stages();
  std::mutex mutex;
  std::condition_variable met;
  int n_there = 0;
  stages.new_worker = [&] {
    return [&](std::size_t) {
      std::unique_lock lock(mutex);
      ++n_there;
      met.notify_all();
      met.wait(lock, [&] { return n_there == 2; });
    };
  };
  EXPECT_TRUE(OrderedPipeline(2, 2, stages).Run().ok());
  EXPECT_EQ(squares.taken.size(), 2u);
}

TEST(OrderedPipeline, ReadsNoFurtherThanThereAreSlots) {
  Squares squares{.n_items = 500, .n_slots = 4};
  auto stages = squares.Stages();
  std::atomic<std::size_t> n_read = 0, n_taken = 0;
  std::atomic<bool> too_far = false;
  stages.read = [&, read = stages.read](std::size_t slot) {
    if (n_read++ >= n_taken + 4) too_far = true;
    return read(slot);
  };
  stages.take = [&, take = stages.take](std::size_t slot) {
    auto more = take(slot);
    ++n_taken;
    return more;
  };
  EXPECT_TRUE(OrderedPipeline(3, 4, stages).Run().ok());
  EXPECT_FALSE(too_far);
  EXPECT_TRUE(squares.InOrder(500));
}

TEST(OrderedPipeline, GivesTheErrorOfTheReaderAfterWhatItRead) {
  for (const std::size_t n_workers : {1, 3}) {
    Squares squares{.n_items = 100, .n_slots = 8};
    auto stages = squares.Stages();
    stages.read = [&, read = stages.read](std::size_t slot) -> Result<bool> {
      if (squares.next == 50) return Error{ErrorCode::kNotFound, "cannot be read"};
      return read(slot);
    };
    const auto run = OrderedPipeline(n_workers, 8, stages).Run();
    ASSERT_FALSE(run.ok());
    EXPECT_EQ(run.error().message, "cannot be read");
    EXPECT_TRUE(squares.InOrder(50));
  }
}

TEST(OrderedPipeline, StopsInTheMiddleWhenTheTakerSaysSo) {
  for (const bool fails : {true, false}) {
    Squares squares{.n_items = 1'000'000'000, .n_slots = 5};
    auto stages = squares.Stages();
    stages.take = [&, take = stages.take](std::size_t slot) -> Result<bool> {
      auto more = take(slot);
      if (squares.taken.size() < 20) return more;
      if (fails) return Error{ErrorCode::kInvalidInput, "row 20"};
      return false;
    };
    const auto run = OrderedPipeline(3, 5, stages).Run();
    EXPECT_EQ(run.ok(), !fails);
    EXPECT_TRUE(squares.InOrder(20));
  }
}

// A reader that waits for a pipe would otherwise wait for ever.
TEST(OrderedPipeline, InterruptsAReaderThatWaits) {
  Squares squares{.n_items = 3, .n_slots = 8};
  auto stages = squares.Stages();
  std::mutex mutex;
  std::condition_variable changed;
  bool interrupted = false;
  stages.read = [&, read = stages.read](std::size_t slot) -> Result<bool> {
    if (squares.next < 3) return read(slot);
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return interrupted; });
    return false;
  };
  stages.take = [&, take = stages.take](std::size_t slot) -> Result<bool> {
    auto more = take(slot);
    return more.ok() && squares.taken.size() < 2;
  };
  stages.interrupt = [&] {
    const std::lock_guard lock(mutex);
    interrupted = true;
    changed.notify_all();
  };
  EXPECT_TRUE(OrderedPipeline(2, 8, stages).Run().ok());
  EXPECT_TRUE(squares.InOrder(2));
}

TEST(OrderedPipeline, ThrowsWhatAStageThrows) {
  auto after = [n = 0](int n_calls) mutable {
    if (++n > n_calls) throw std::bad_alloc();
  };
  for (const std::string stage : {"read", "make", "work", "take"}) {
    Squares squares{.n_items = 1'000'000'000, .n_slots = 5};
    auto stages = squares.Stages();
    if (stage == "read") {
      stages.read = [&, after, read = stages.read](std::size_t slot) mutable {
        after(30);
        return read(slot);
      };
    } else if (stage == "make") {
      stages.new_worker = []() -> std::function<void(std::size_t)> { throw std::bad_alloc(); };
    } else if (stage == "work") {
      stages.new_worker = [after] { return [after](std::size_t) mutable { after(30); }; };
    } else {
      stages.take = [&, after, take = stages.take](std::size_t slot) mutable {
        after(30);
        return take(slot);
      };
    }
    EXPECT_THROW((void)OrderedPipeline(2, 5, stages).Run(), std::bad_alloc) << stage;
  }
}

}  // namespace
}  // namespace copse
