#pragma once

#include <cstdint>

namespace copse {

/// `copse healthcheck`: asks 127.0.0.1:port for /readyz, so that a container without a shell or
/// curl can say how it is. Waits at most two seconds.
///
/// Returns the exit code: 0 when it answered 200, else 1 with one line on stderr.
int RunHealthcheck(std::uint16_t port);

}  // namespace copse
