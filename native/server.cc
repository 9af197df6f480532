#include "server.h"

#include <malloc.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "access_log.h"
#include "handlers.h"
#include "listener.h"
#include "loaded_model.h"
#include "model_source.h"
#include "model_watcher.h"
#include "reactor.h"
#include "session.h"
#include "worker_pool.h"

namespace copse {
namespace {

using Clock = std::chrono::steady_clock;

// The log gets at least this much of the time to stop, however long requests take.
constexpr std::int64_t kLogCloseMsMin = 300;
// How often somebody looks after connections while all threads are busy.
constexpr int kWatchMs = 100;

// Written by the signal handlers: the only thing that they may safely do, whatever thread they hit.
int stop_event = -1, reload_event = -1;

void Wake(int event) {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(event, &one, sizeof one);
}
void OnStopSignal(int) { Wake(stop_event); }
void OnReloadSignal(int) { Wake(reload_event); }

Status InstallSignals() {
  stop_event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  reload_event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (stop_event < 0 || reload_event < 0)
    return Error{ErrorCode::kInternal, "The system has no more descriptors."};
  struct sigaction action {};
  action.sa_handler = OnStopSignal;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
  action.sa_handler = OnReloadSignal;
  ::sigaction(SIGHUP, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return Ok{};
}

// The address as a browser of this machine would use it.
std::string UrlOf(const std::string& host, int port) {
  std::string name = host;
  if (host.empty() || host == "0.0.0.0" || host == "::") {
    name = "localhost";
  } else if (host.find(':') != std::string::npos) {
    name = "[" + host + "]";
  }
  return "http://" + name + ":" + std::to_string(port);
}

void PrintStart(const ServerConfig& config, int port) {
  std::string models;
  for (const auto& model : config.models) {
    models += (models.empty() ? "" : ", ") + model->name + " " + model->version;
  }
  std::fprintf(stderr, "Copse listens on %s (%s)\n", UrlOf(config.host, port).c_str(),
               models.empty() ? "no model" : models.c_str());
  std::fflush(stderr);
}

// An answer that has not been taken whole, or a request whose end has not come.
class Unsent final : public Connection::Unfinished {
 public:
  explicit Unsent(Session session) : session_(std::move(session)) {}
  Session& session() { return session_; }

 private:
  Session session_;
};

// Answers what has arrived on many connections: all short requests, then one wait for the log, then
// the answers leave. Who takes long, or takes his answer slowly, has a thread of his own. For one
// thread.
class BatchServer {
 public:
  using Batch = WorkerPool::Batch;

  BatchServer(const SessionContext& context, WorkerPool& pool)
      : transport_(context.limits), context_(context), pool_(pool) {}

  void Serve(Batch& batch) {
    while (ServeOnce(batch)) {
    }
    batch.clear();
  }

 private:
  using Step = Session::Step;

  // An answer of more is the last one of its batch: memory holds one a thread.
  static constexpr std::size_t kLargeAnswer = std::size_t{256} << 10;
  static constexpr std::chrono::milliseconds kGather{2};

  // Whether the batch is to be served again: its one connection, whose client was quick.
  bool ServeOnce(Batch& batch) {
    auto slow = TakeSlow(batch);
    if (!batch.empty()) {
      Begin(batch);
      if (steps_.back() == Step::kLong) slow = std::move(batch.back());
    }
    const bool is_alone = batch.size() == 1 && !slow && steps_.front() == Step::kAnswered;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (!batch[i]) continue;
      auto unsent = Finish(std::move(batch[i]), i);
      if (!unsent) continue;
      if (slow) {
        again_.push_back(std::move(unsent));
      } else {
        slow = std::move(unsent);
      }
    }
    if (is_alone && !waits_.empty() && pool_.HasTime() && AwaitBriefly(*waits_.front())) {
      batch.front() = std::move(waits_.front());
      waits_.clear();
      return true;
    }
    HandBack();
    if (slow) ServeSlow(std::move(slow));
    sessions_.clear();  // an idle thread keeps no bodies
    return false;
  }

  bool AwaitBriefly(const Connection& connection) {
    const WorkerPool::Blocking blocking(pool_);
    return connection.WaitBriefly();
  }

  // One connection whose answer is not sent yet; the others of a batch are for other threads.
  std::unique_ptr<Connection> TakeSlow(Batch& batch) {
    const auto found = std::find_if(batch.begin(), batch.end(),
                                    [](const auto& each) { return each->IsUnfinished(); });
    if (found == batch.end()) return nullptr;
    std::unique_ptr<Connection> slow = std::move(*found);
    batch.erase(found);
    again_ = std::move(batch);
    batch.clear();
    HandBack();
    return slow;
  }

  // Up to the first request that takes long, or whose answer is large: those behind it are for
  // other threads. Before the log is waited for, what has arrived meanwhile is answered, too,
  // unless the first answers have waited long enough.
  void Begin(Batch& batch) {
    sessions_.clear();
    steps_.clear();
    sessions_.reserve(WorkerPool::kBatchMax);
    const auto enough = Clock::now() + kGather;
    bool is_last = false;
    DeferredWait later;
    do {
      while (steps_.size() < batch.size() && !is_last) {
        Connection& connection = *batch[steps_.size()];
        sessions_.emplace_back(connection, transport_, context_);
        steps_.push_back(connection.IsUnfinished() ? Step::kLong : sessions_.back().Begin());
        is_last = steps_.back() == Step::kLong || connection.n_held() > kLargeAnswer ||
                  Clock::now() > enough;
      }
    } while (!is_last && later.IsNeeded() && pool_.TakeMore(batch));
    std::move(batch.begin() + static_cast<std::ptrdiff_t>(steps_.size()), batch.end(),
              std::back_inserter(again_));
    batch.resize(steps_.size());
    if (!again_.empty()) HandBack();
    if (later.IsNeeded()) {
      const WorkerPool::Blocking blocking(pool_);
      later.Await();
    }
  }

  // Gives back one whose answer is not taken at once.
  std::unique_ptr<Connection> Finish(std::unique_ptr<Connection> connection, std::size_t i) {
    if (steps_[i] != Step::kAnswered) {
      (steps_[i] == Step::kWait ? waits_ : ends_).push_back(std::move(connection));
    } else if (sessions_[i].TrySend() && sessions_[i].EndsAtOnce()) {
      Sort(std::move(connection), sessions_[i].End());
    } else {
      connection->KeepUnfinished(std::make_unique<Unsent>(std::move(sessions_[i])));
      return connection;
    }
    return nullptr;
  }

  void ServeSlow(std::unique_ptr<Connection> connection) {
    const WorkerPool::Blocking blocking(pool_);
    const auto unfinished = connection->TakeUnfinished();
    if (!unfinished) sessions_.back().Go();
    Session& session = unfinished ? static_cast<Unsent&>(*unfinished).session() : sessions_.back();
    const bool stays = session.End();
    Sort(std::move(connection), stays);
    HandBack();
  }

  // One that has been answered.
  void Sort(std::unique_ptr<Connection> connection, bool stays) {
    const bool has_more = connection->HasBufferedInput();
    (!stays ? ends_ : has_more ? again_ : waits_).push_back(std::move(connection));
  }

  void HandBack() { pool_.HandBack(waits_, again_, ends_); }

  Transport transport_;
  const SessionContext& context_;
  WorkerPool& pool_;
  std::vector<Session> sessions_;
  std::vector<Step> steps_;
  Batch waits_, again_, ends_;
};

bool IsReadable(int fd, int timeout_ms) {
  pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&entry, 1, timeout_ms) > 0;
}

// Every connection is a descriptor, and the default allows 1024.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// Every arena of the allocator keeps memory that the others could use; with few cores few are busy.
void LimitArenas() {
#if defined(__GLIBC__)
  const unsigned n_arenas = std::max(1U, std::thread::hardware_concurrency() / 2);
  ::mallopt(M_ARENA_MAX, static_cast<int>(std::min(n_arenas, 64U)));
#endif
}

std::int64_t MsUntil(Clock::time_point deadline) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
}

}  // namespace

Status RunServer(ServerConfig config) {
  LimitArenas();
  if (auto installed = InstallSignals(); !installed.ok()) return installed.error();
  WebAssets web;
  if (!config.web_dir.empty()) {
    auto loaded = WebAssets::Load(config.web_dir);
    if (!loaded.ok()) return loaded.error();
    web = std::move(loaded).value();
  }
  auto opened = Listener::Open(config.host, config.port);
  if (!opened.ok()) return opened.error();
  Listener listener = std::move(opened).value();

  auto reactor = Reactor::Create(config.limits, listener, stop_event);
  if (!reactor.ok()) return reactor.error();
  RaiseDescriptorLimit();

  Metrics metrics;
  AccessLog access_log(config.access_log ? STDOUT_FILENO : -1);
  Gate gate(config.gate);
  Handlers handlers(config.models, std::move(web), config.log.get(), metrics,
                    {.predictions_route = config.predictions_route});
  std::atomic<std::size_t> streams = 0;
  const SessionContext context{.handlers = handlers,
                               .limits = config.limits,
                               .metrics = metrics,
                               .access_log = access_log,
                               .gate = gate,
                               .streams = streams,
                               .streams_max = std::max<std::size_t>(1, config.threads / 2),
                               .may_stay = [&] { return !handlers.draining(); }};
  std::optional<ModelWatcher> watcher;  // ends after the requests that ask it for something
  WorkerPool* all = nullptr;
  WorkerPool pool(
      config.threads,
      [&]() -> WorkerPool::Serve {
        auto server = std::make_shared<BatchServer>(context, *all);
        return [server](WorkerPool::Batch& batch) { server->Serve(batch); };
      },
      [&](WorkerPool::Batch& ready, bool waits) { (*reactor)->Look(ready, waits); },
      [&](std::unique_ptr<Connection> connection) { (*reactor)->Park(std::move(connection)); });
  all = &pool;

  if (config.source) {
    watcher.emplace(*config.source, reload_event, config.reload_interval_ms, metrics,
                    [&](LoadedModels models, std::vector<UnavailableModel> unavailable) {
                      handlers.Replace(std::move(models), std::move(unavailable));
                    });
    handlers.SetControl(&*watcher);
  }
  PrintStart(config, listener.port());
  pool.Start();
  while (!IsReadable(stop_event, kWatchMs)) pool.LookIfNobodyDoes();
  const auto deadline = Clock::now() + std::chrono::milliseconds(config.limits.shutdown_timeout_ms);
  handlers.StartDraining();
  pool.StopLooking();
  WorkerPool::Batch last;
  (*reactor)->Finish(last);
  pool.Submit(last);
  pool.Stop(deadline - std::chrono::milliseconds(kLogCloseMsMin), [&] {
    if (config.log) config.log->Hurry();
  });
  if (watcher) watcher->Stop();
  if (config.log) config.log->Close(std::max(kLogCloseMsMin, MsUntil(deadline)));
  access_log.Close(static_cast<int>(kLogCloseMsMin));
  return Ok{};
}

}  // namespace copse
