#pragma once

#include <string>
#include <string_view>

#include "copse/result.h"

namespace copse {

struct RedisAddress {
  std::string host = {};
  int port = 6379;
  std::string user = {};      ///< empty: Redis's default user
  std::string password = {};  ///< empty: no AUTH is sent
};

/// Reads `[redis://[[USER]:PASSWORD@]]HOST[:PORT][/0]`; HOST may be a name, an IPv4 address, or
/// an IPv6 address in brackets, USER and PASSWORD may be percent-encoded. Where the `password` is
/// known from elsewhere, `[redis://[USER@]]HOST[:PORT][/0]` is read instead. Fails with
/// kInvalidInput; the message never repeats a password.
Result<RedisAddress> ParseRedisUrl(std::string_view url, std::string password = {});

}  // namespace copse
