#include "reactor.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <iterator>
#include <new>
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

// Null where there is no memory for one more.
std::unique_ptr<Connection> Adopt(int fd, const ServerLimits& limits) {
  try {
    return std::make_unique<Connection>(fd, limits);
  } catch (const std::bad_alloc&) {
    ::close(fd);
    return nullptr;
  }
}

bool Add(int epoll, int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  return ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

// Often enough that nobody waits much longer than a limit says.
int TickMs(const ServerLimits& limits) {
  const int shortest = std::min({limits.idle_timeout_ms, limits.head_timeout_ms,
                                 limits.body_timeout_ms, limits.write_timeout_ms});
  return std::clamp(shortest / 4, 10, kTickMsMax);
}

}  // namespace

Reactor::Reactor(int epoll, const ServerLimits& limits, Listener& listener, int stop_event,
                 int wake_event, std::function<void()> on_drain)
    : epoll_(epoll),
      limits_(limits),
      listener_(listener),
      stop_event_(stop_event),
      wake_event_(wake_event),
      on_drain_(std::move(on_drain)),
      tick_ms_(TickMs(limits)),
      next_tick_(Clock::now()) {
  Add(epoll_, stop_event_, EPOLLIN);
  Add(epoll_, wake_event_, EPOLLIN | EPOLLET);  // each write is one event, and nobody reads it
  Add(epoll_, listener_.fd(), EPOLLIN);
}

Result<std::unique_ptr<Reactor>> Reactor::Create(const ServerLimits& limits, Listener& listener,
                                                 int stop_event, int wake_event,
                                                 std::function<void()> on_drain) {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) return Error{ErrorCode::kInternal, "The system has no more descriptors."};
  return std::unique_ptr<Reactor>(
      new Reactor(epoll, limits, listener, stop_event, wake_event, std::move(on_drain)));
}

Reactor::~Reactor() { ::close(epoll_); }

// One event and no more: whoever serves the connection then parks it again.
void Reactor::Watch(const Connection& connection) const {
  epoll_event event{};
  event.events = (connection.AwaitsRoom() ? EPOLLOUT : EPOLLIN | EPOLLRDHUP) | EPOLLONESHOT;
  event.data.fd = connection.fd();
  if (::epoll_ctl(epoll_, EPOLL_CTL_MOD, event.data.fd, &event) != 0) {
    Add(epoll_, event.data.fd, event.events);
  }
}

void Reactor::Park(std::unique_ptr<Connection> connection) {
  const std::lock_guard lock(mutex_);
  if (is_draining_ && !connection->HasBegun()) return;
  const auto fd = static_cast<std::size_t>(connection->fd());
  try {
    if (fd >= parked_.size()) parked_.resize(2 * fd + 1);
    given_up_.reserve(given_up_.size() + 1);
  } catch (const std::bad_alloc&) {
    return;  // closed
  }
  parked_[fd] = std::move(connection);
  ++n_parked_;
  // With the mutex held: the event may come at once, and must find the connection then.
  Watch(*parked_[fd]);
  if (parked_[fd]->AwaitsRoom() && parked_[fd]->HoldsTooMuch()) GiveUpSlowest();
}

std::unique_ptr<Connection>* Reactor::Find(int fd) {
  const auto i = static_cast<std::size_t>(fd);
  return i < parked_.size() && parked_[i] ? &parked_[i] : nullptr;
}

void Reactor::GiveUpSlowest() {
  std::unique_ptr<Connection>* slowest = nullptr;
  for (auto& each : parked_) {
    const bool is_slower = each && each->AwaitsRoom() &&
                           (!slowest || each->wait_deadline() < (*slowest)->wait_deadline());
    if (is_slower) slowest = &each;
  }
  (*slowest)->GiveUp();
  given_up_.push_back(std::move(*slowest));
  --n_parked_;
}

void Reactor::AcceptAll() {
  const bool was_exhausted = exhausted_;
  for (std::size_t i = 0; i < kAcceptedAtOnce; ++i) {
    const int fd = listener_.Accept(exhausted_);
    if (fd < 0) break;
    if (auto connection = Adopt(fd, limits_)) Park(std::move(connection));
  }
  if (exhausted_ && !was_exhausted) {
    LogError("no more connections can be accepted: no descriptors are left");
  }
}

void Reactor::HandleEvents(int timeout_ms, Batch& ready) {
  std::array<epoll_event, kEventsMax> events;
  ready.reserve(ready.size() + kEventsMax);  // before: an event comes once
  const int n = ::epoll_wait(epoll_, events.data(), kEventsMax, timeout_ms);
  can_accept_ = is_told_to_stop_ = false;
  const std::lock_guard lock(mutex_);
  for (int i = 0; i < n; ++i) {
    const int fd = events[static_cast<std::size_t>(i)].data.fd;
    if (fd == listener_.fd()) {
      can_accept_ = true;
    } else if (fd == stop_event_) {
      is_told_to_stop_ = true;
    } else if (auto* const connection = Find(fd)) {
      ready.push_back(std::move(*connection));
      --n_parked_;
    }
  }
}

// Idle connections are closed, and those that had a moment to read their answer. Those that have
// begun something are told, or noted, that it took too long.
void Reactor::EndOverdue(Batch& ready) {
  const auto now = Clock::now();
  Batch idle;
  const std::lock_guard lock(mutex_);
  ready.reserve(ready.size() + n_parked_);
  idle.reserve(n_parked_);
  for (auto& each : parked_) {
    if (!each || each->wait_deadline() > now) continue;
    const bool has_begun = each->HasBufferedInput() || each->HasBegun();
    (has_begun ? ready : idle).push_back(std::move(each));
    --n_parked_;
  }
}

void Reactor::Look(Batch& ready, int wait_ms_max) {
  HandleEvents(std::min(wait_ms_max, tick_ms_), ready);
  // Accepted after all events are handled: a new connection may get the number of one of them.
  if (can_accept_) AcceptAll();
  // The listener stays readable when there is no descriptor for who waits there.
  if (exhausted_ && ready.empty() && wait_ms_max > 0) ::usleep(kExhaustedPauseMs * 1000);
  if (is_told_to_stop_) Drain(ready);
  {
    const std::lock_guard lock(mutex_);
    ready.reserve(ready.size() + given_up_.size());
    std::move(given_up_.begin(), given_up_.end(), std::back_inserter(ready));
    given_up_.clear();
  }
  if (Clock::now() < next_tick_) return;
  next_tick_ = Clock::now() + std::chrono::milliseconds(tick_ms_);
  EndOverdue(ready);
}

void Reactor::Drain(Batch& ready) {
  on_drain_();
  AcceptAll();
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, listener_.fd(), nullptr);
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, stop_event_, nullptr);
  listener_.Close();
  for (std::size_t i = 0; i < kAcceptedAtOnce; ++i) HandleEvents(0, ready);
  const std::lock_guard lock(mutex_);
  is_draining_ = true;
  for (auto& each : parked_) {
    if (!each || each->HasBegun()) continue;
    each.reset();
    --n_parked_;
  }
}

void Reactor::TakeAll(Batch& left) {
  const std::lock_guard lock(mutex_);
  for (Batch* const batch : {&parked_, &given_up_}) {
    std::copy_if(std::make_move_iterator(batch->begin()), std::make_move_iterator(batch->end()),
                 std::back_inserter(left), [](const auto& each) { return each != nullptr; });
    batch->clear();
  }
  n_parked_ = 0;
}

bool Reactor::IsDrained() const {
  const std::lock_guard lock(mutex_);
  return is_draining_ && n_parked_ == 0 && given_up_.empty();
}

}  // namespace copse
