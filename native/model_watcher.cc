#include "model_watcher.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <exception>
#include <string>
#include <utility>

#include "access_log.h"

namespace copse {

ModelWatcher::ModelWatcher(ModelSource& source, int wake_event, int interval_ms, Metrics& metrics,
                           Use use)
    : source_(source),
      wake_event_(wake_event),
      interval_ms_(interval_ms),
      metrics_(metrics),
      use_(std::move(use)),
      thread_([this] { Run(); }) {}

void ModelWatcher::Stop() {
  if (ending_.exchange(true)) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(wake_event_, &one, sizeof one);
  thread_.join();
}

void ModelWatcher::Hand(ModelSource::Change change) {
  metrics_.CountReloads(change.n_loaded, change.n_failed);
  if (change.any) use_(std::move(change.models), std::move(change.unavailable));
}

Status ModelWatcher::Load(const std::string& name) {
  const std::lock_guard lock(mutex_);
  auto attempt = source_.Load(name);
  Hand(std::move(attempt.change));
  return std::move(attempt.result);
}

Status ModelWatcher::Unload(const std::string& name) {
  const std::lock_guard lock(mutex_);
  auto attempt = source_.Unload(name);
  Hand(std::move(attempt.change));
  return std::move(attempt.result);
}

void ModelWatcher::Run() {
  for (;;) {
    pollfd event = {.fd = wake_event_, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&event, 1, interval_ms_ > 0 ? interval_ms_ : -1);
    if (ready < 0 && errno != EINTR) return;  // the descriptor is not ours any more
    if (ready > 0) {
      std::uint64_t times = 0;
      [[maybe_unused]] const ssize_t n = ::read(wake_event_, &times, sizeof times);
    }
    if (ending_) return;  // after the read, which may have taken the last event
    try {
      const std::lock_guard lock(mutex_);
      Hand(source_.Reload());
    } catch (const std::exception& error) {  // no memory: what is served stays
      metrics_.CountReloads(0, 1);
      LogError(std::string("Models could not be loaded again: ") + error.what());
    }
  }
}

}  // namespace copse
