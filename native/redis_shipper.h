#pragma once

#include <cstdint>
#include <memory>

#include "copse/result.h"
#include "redis_url.h"
#include "row_target.h"

namespace copse {

struct RedisOptions {
  RedisAddress address = {};
  std::int64_t keep = 1'000'000;  ///< rows in the stream (about), and numeric keys (exactly)
  std::int64_t connect_timeout_ms = 1'000;
  std::int64_t command_timeout_ms = 1'000;
};

/// Redis (5 or newer, one server or replicas of it, no cluster) as the place that rows move to.
///
/// Every row becomes an entry of the stream `copse:predictions` (fields id, time, model, version,
/// request_id, input, output, label). A `numbered` row also becomes a key as in the tutorial: the
/// first ever is "0", the next "1"; `copse:count` holds the next number. One script moves the rows
/// and `copse:cursor:<instance>`, the position, in one step: whatever Redis remembers or forgets,
/// it is both or neither; and writers side by side never overwrite a key.
///
/// Nothing is sent before the first call, and a connection that failed is made anew by the next.
/// Whatever Redis answers but success (NOAUTH, OOM, READONLY, LOADING, ...) is an error with
/// kUnavailable, to be tried again. Fails with kInvalidInput when an option has no meaning.
Result<std::unique_ptr<RowTarget>> MakeRedisTarget(RedisOptions options);

}  // namespace copse
