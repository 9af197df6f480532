#include "reactor.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "access_log.h"

namespace copse {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kEventsMax = 64;
constexpr std::size_t kAcceptedAtOnce = 64;
// How long accepting rests when the system has no descriptors left.
constexpr int kExhaustedPauseMs = 50;
constexpr int kTickMsMax = 1000;

bool Add(int epoll, int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  return ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

// Often enough that nobody waits much longer than a limit says.
int TickMs(const ServerLimits& limits) {
  const int shortest = std::min(limits.idle_timeout_ms, limits.head_timeout_ms);
  return std::clamp(shortest / 4, 10, kTickMsMax);
}

}  // namespace

Reactor::Reactor(int epoll, const ServerLimits& limits, Listener& listener, int stop_event)
    : epoll_(epoll),
      limits_(limits),
      listener_(listener),
      stop_event_(stop_event),
      tick_ms_(TickMs(limits)),
      next_tick_(Clock::now()) {
  Add(epoll_, stop_event_, EPOLLIN);
  Add(epoll_, listener_.fd(), EPOLLIN);
}

Result<std::unique_ptr<Reactor>> Reactor::Create(const ServerLimits& limits, Listener& listener,
                                                 int stop_event) {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) return Error{ErrorCode::kInternal, "The system has no more descriptors."};
  return std::unique_ptr<Reactor>(new Reactor(epoll, limits, listener, stop_event));
}

Reactor::~Reactor() { ::close(epoll_); }

// One event and no more: whoever serves the connection then parks it again.
void Reactor::Watch(int fd) const {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT;
  event.data.fd = fd;
  if (::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event) != 0) Add(epoll_, fd, event.events);
}

void Reactor::Park(std::unique_ptr<Connection> connection) {
  const std::lock_guard lock(mutex_);
  if (!running_) return;
  const int fd = connection->fd();
  parked_[fd] = std::move(connection);
  // With the mutex held: the event may come at once, and Take must find the connection then.
  Watch(fd);
}

std::unique_ptr<Connection> Reactor::Take(int fd) {
  auto node = parked_.extract(fd);
  return node.empty() ? nullptr : std::move(node.mapped());
}

void Reactor::AcceptAll() {
  const bool was_exhausted = exhausted_;
  for (std::size_t i = 0; i < kAcceptedAtOnce; ++i) {
    const int fd = listener_.Accept(exhausted_);
    if (fd < 0) break;
    Park(std::make_unique<Connection>(fd, limits_));
  }
  if (exhausted_ && !was_exhausted) {
    LogError("no more connections can be accepted: no descriptors are left");
  }
}

// Whether somebody waits to be accepted.
bool Reactor::HandleEvents(int timeout_ms, Batch& ready) {
  std::array<epoll_event, kEventsMax> events;
  const int n = ::epoll_wait(epoll_, events.data(), kEventsMax, timeout_ms);
  bool can_accept = false;
  const std::lock_guard lock(mutex_);
  for (int i = 0; i < n; ++i) {
    const int fd = events[static_cast<std::size_t>(i)].data.fd;
    if (fd == listener_.fd()) {
      can_accept = true;
    } else if (auto connection = Take(fd)) {
      ready.push_back(std::move(connection));
    }
  }
  return can_accept;
}

// Idle connections are closed. Those that have begun a head are told that it took too long.
void Reactor::EndOverdue(Batch& ready) {
  const auto now = Clock::now();
  Batch overdue;
  {
    const std::lock_guard lock(mutex_);
    for (auto entry = parked_.begin(); entry != parked_.end();) {
      const auto next = std::next(entry);
      if (entry->second->wait_deadline() <= now) {
        overdue.push_back(std::move(entry->second));
        parked_.erase(entry);
      }
      entry = next;
    }
  }
  for (auto& connection : overdue) {
    if (connection->HasBufferedInput()) ready.push_back(std::move(connection));
  }
}

void Reactor::Look(Batch& ready, bool waits) {
  // Accepted after all events are handled: a new connection may get the number of one of them.
  if (HandleEvents(waits ? tick_ms_ : 0, ready)) AcceptAll();
  // The listener stays readable when there is no descriptor for who waits there.
  if (exhausted_ && ready.empty() && waits) ::usleep(kExhaustedPauseMs * 1000);
  if (Clock::now() < next_tick_) return;
  next_tick_ = Clock::now() + std::chrono::milliseconds(tick_ms_);
  EndOverdue(ready);
}

void Reactor::Finish(Batch& ready) {
  AcceptAll();
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, listener_.fd(), nullptr);
  listener_.Close();
  for (std::size_t i = 0; i < kAcceptedAtOnce; ++i) HandleEvents(0, ready);
  const std::lock_guard lock(mutex_);
  running_ = false;
  parked_.clear();
}

}  // namespace copse
