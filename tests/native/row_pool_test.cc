#include "row_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace copse {
namespace {

// How often each row was worked on.
std::vector<int> Visits(RowPool& pool, std::size_t n_rows, std::size_t block_rows) {
  std::vector<int> visits(n_rows);
  pool.ForBlocks(n_rows, block_rows, [&](std::size_t first, std::size_t n) {
    for (std::size_t r = first; r < first + n; ++r) ++visits[r];
  });
  return visits;
}

TEST(RowPool, WorksOnEveryRowOnce) {
  for (const std::size_t n_helpers : {0, 1, 3}) {
    RowPool pool(n_helpers);
    for (const std::size_t n_rows : {0, 1, 7, 8, 9, 64, 1000}) {
      EXPECT_EQ(Visits(pool, n_rows, 8), std::vector<int>(n_rows, 1)) << n_rows << " rows";
    }
  }
}

TEST(RowPool, ServesManyCallersAtOnce) {
  RowPool pool(2);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> callers;
  callers.reserve(8);
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        if (Visits(pool, 100, 3) != std::vector<int>(100, 1)) ++wrong;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
}

// Every block but the last waits until another one has begun: alone, a caller would never end.
TEST(RowPool, HasHelpersThatHelp) {
  RowPool pool(1);
  std::atomic<int> begun = 0;
  pool.ForBlocks(2, 1, [&](std::size_t, std::size_t) {
    ++begun;
    while (begun < 2) std::this_thread::yield();
  });
  EXPECT_EQ(begun, 2);
}

TEST(RowPool, EndsWithoutWork) { RowPool pool(4); }

}  // namespace
}  // namespace copse
