#include "server.h"

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
#include <memory>
#include <new>
#include <optional>
#include <string>
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
// Written when the log has got on. Nobody closes any of them.
int progress_event = -1;

void Wake(int event) {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(event, &one, sizeof one);
}
void OnStopSignal(int) { Wake(stop_event); }
void OnReloadSignal(int) { Wake(reload_event); }

Status InstallSignals() {
  progress_event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  stop_event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  reload_event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (stop_event < 0 || reload_event < 0 || progress_event < 0)
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

// Answers what has arrived on many connections. Whatever is thrown costs one connection, and no
// more. For one thread.
class BatchServer {
 public:
  using Batch = WorkerPool::Batch;

  BatchServer(const SessionContext& context, WorkerPool& pool)
      : transport_(context.limits), context_(context), pool_(pool) {
    for (Batch* const batch : {&waits_, &again_, &ends_, &answered_}) {
      batch->reserve(WorkerPool::kBatchMax);
    }
  }

  // All short requests, whose answers wait for the log together; then the first one that takes
  // long. Those behind that are for other threads.
  void Serve(Batch& batch) {
    std::unique_ptr<Connection> slow;
    {
      DeferredWait later;
      for (auto& connection : batch) {
        if (slow) {
          again_.push_back(std::move(connection));
        } else {
          Guard(connection, [&] { ServeOne(connection, later, slow); });
        }
      }
      batch.clear();
      if (!answered_.empty()) pool_.HandBack(later.Take(), answered_);
    }
    HandBack();
    if (!slow) return;
    const WorkerPool::Blocking blocking(pool_);
    Guard(slow, [&] {
      auto session = TakeSession(*slow);
      if (Answer(slow, session)) Send(slow, std::move(session));
    });
    HandBack();
  }

 private:
  using Step = Session::Step;

  // An answer of more does not wait: memory holds one a thread.
  static constexpr std::size_t kLargeAnswer = std::size_t{256} << 10;

  // `connection` is closed if it is still there afterwards.
  template <class Work>
  void Guard(std::unique_ptr<Connection>& connection, const Work& work) {
    try {
      work();
    } catch (const std::bad_alloc&) {
      LogNoMemory();
    } catch (const std::exception& exception) {
      LogError(std::string("a request failed: ") + exception.what());
    }
    if (connection) ends_.push_back(std::move(connection));
  }

  std::unique_ptr<Session> TakeSession(Connection& connection) {
    auto kept = connection.TakeUnfinished();
    if (!kept) return std::make_unique<Session>(connection, context_);
    return std::unique_ptr<Session>(static_cast<Session*>(kept.release()));
  }

  // `slow` becomes one that takes long.
  void ServeOne(std::unique_ptr<Connection>& connection, DeferredWait& later,
                std::unique_ptr<Connection>& slow) {
    auto session = TakeSession(*connection);
    if (session->is_answered()) return Send(connection, std::move(session));
    switch (session->Begin()) {
      case Step::kClose:
        return;
      case Step::kWait:
        if (session->has_asked()) connection->KeepUnfinished(std::move(session));
        return waits_.push_back(std::move(connection));
      case Step::kLong:
        connection->KeepUnfinished(std::move(session));
        slow = std::move(connection);
        return;
      case Step::kShort:
        break;
    }
    if (session->HasBody()) pool_.HandOn();
    const auto n_entries = later.n_entries();
    if (!Answer(connection, session)) return;
    if (later.n_entries() == n_entries) return Send(connection, std::move(session));
    const bool is_large = connection->n_unsent() > kLargeAnswer;
    connection->KeepUnfinished(std::move(session));
    answered_.push_back(std::move(connection));
    if (is_large) SendNow(later);
  }

  // False: its body is asked for, and has to come.
  bool Answer(std::unique_ptr<Connection>& connection, std::unique_ptr<Session>& session) {
    if (session->Answer(transport_)) return true;
    connection->KeepUnfinished(std::move(session));
    again_.push_back(std::move(connection));
    return false;
  }

  // As far as the client takes it.
  void Send(std::unique_ptr<Connection>& connection, std::unique_ptr<Session> session) {
    switch (session->Send()) {
      case Session::Sent::kWait:
        connection->KeepUnfinished(std::move(session));
        return waits_.push_back(std::move(connection));
      case Session::Sent::kNext:
        return (connection->HasBufferedInput() ? again_ : waits_).push_back(std::move(connection));
      case Session::Sent::kClose:
        return;
    }
  }

  void SendNow(DeferredWait& later) {
    const WorkerPool::Blocking blocking(pool_);
    later.Await();
    for (auto& each : answered_) {
      Guard(each, [&] { Send(each, TakeSession(*each)); });
    }
    answered_.clear();
  }

  void HandBack() { pool_.HandBack(waits_, again_, ends_); }

  Transport transport_;
  const SessionContext& context_;
  WorkerPool& pool_;
  Batch waits_, again_, ends_, answered_;
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

std::int64_t MsUntil(Clock::time_point deadline) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
}

}  // namespace

Status RunServer(ServerConfig config) {
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
  RaiseDescriptorLimit();

  Metrics metrics;
  AccessLog access_log(config.access_log ? STDOUT_FILENO : -1);
  Gate gate(config.gate);
  Handlers handlers(config.models, std::move(web), config.log.get(), metrics,
                    {.predictions_route = config.predictions_route, .terms = TermsOf(config.gate)});
  auto reactor = Reactor::Create(config.limits, listener, stop_event, progress_event,
                                 [&] { handlers.StartDraining(); });
  if (!reactor.ok()) return reactor.error();
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
  if (config.log) config.log->SetOnProgress([] { Wake(progress_event); });
  WorkerPool pool(
      std::max<std::size_t>(2, config.threads),  // streams leave one
      [&]() -> WorkerPool::Serve {
        auto server = std::make_shared<BatchServer>(context, *all);
        return [server](WorkerPool::Batch& batch) { server->Serve(batch); };
      },
      {.look = [&](WorkerPool::Batch& ready, int wait_ms) { (*reactor)->Look(ready, wait_ms); },
       .park = [&](std::unique_ptr<Connection> each) { (*reactor)->Park(std::move(each)); },
       .is_drained = [&] { return (*reactor)->IsDrained(); }});
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
  pool.Stop(deadline - std::chrono::milliseconds(kLogCloseMsMin), [&] {
    if (config.log) config.log->Hurry();
  });
  if (watcher) watcher->Stop();
  if (config.log) config.log->Close(std::max(kLogCloseMsMin, MsUntil(deadline)));
  auto cut = pool.TakeLeft();
  (*reactor)->TakeAll(cut);
  for (const auto& connection : cut) Session::NoteCut(*connection, context);
  access_log.Close(static_cast<int>(kLogCloseMsMin));
  return Ok{};
}

}  // namespace copse
