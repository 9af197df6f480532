#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "copse/result.h"
#include "log_writer.h"
#include "prediction_log.h"

namespace copse {

struct RedisAddress {
  std::string host = {};
  int port = 6379;
  std::string user = {};      ///< empty: Redis's default user
  std::string password = {};  ///< empty: no AUTH is sent
};

/// Reads `[redis://[[USER]:PASSWORD@]]HOST[:PORT][/0]`; HOST may be a name, an IPv4 address, or
/// an IPv6 address in brackets, USER and PASSWORD may be percent-encoded. Fails with
/// kInvalidInput; the message never repeats the password.
Result<RedisAddress> ParseRedisUrl(std::string_view url);

struct RedisLogOptions {
  RedisAddress address = {};
  std::int64_t keep = 1'000'000;  ///< rows in the stream (about), and numeric keys (exactly)
  std::int64_t connect_timeout_ms = 1'000;
  std::int64_t command_timeout_ms = 1'000;
  std::string instance = {};  ///< names this writer among those of one Redis; empty: at random
  LogWriterOptions writer = {.gather_ms = 20, .check_every_ms = 5'000};
};

/// The log in Redis (5 or newer), written in the background: Append waits for nothing but room in
/// a full queue, and for that only while Redis takes batch after batch.
///
/// Every row becomes an entry of the stream `copse:predictions` (fields id, time, model, version,
/// request_id, input, output, label). A `numbered` row also becomes a key as in the tutorial: the
/// first ever is "0", the next "1"; `copse:count` holds the next number. One script moves a batch
/// and `copse:cursor:<instance>`, the id of its last row, in one step: writers side by side never
/// overwrite a key, and a batch sent again because its answer was lost changes nothing.
///
/// A Redis that is absent, frozen, full, loading or that refuses the password is said on stderr
/// and tried again; entries wait meanwhile, as many as the queue holds, the rest is dropped. Absent
/// at the start is no error. Fails with kInvalidInput when an option has no meaning.
Result<std::unique_ptr<PredictionLog>> OpenRedisLog(RedisLogOptions options);

}  // namespace copse
