#include "cores.h"

#include <sched.h>

#include <algorithm>
#include <thread>

namespace copse {

std::size_t CoresAllowed() {
  cpu_set_t cores;
  // More than a cpu_set_t has room for.
  if (sched_getaffinity(0, sizeof cores, &cores) != 0) {
    return std::max(1U, std::thread::hardware_concurrency());
  }
  return static_cast<std::size_t>(std::max(CPU_COUNT(&cores), 1));
}

}  // namespace copse
