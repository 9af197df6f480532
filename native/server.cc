#include "server.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>

#include "access_log.h"
#include "handlers.h"
#include "listener.h"
#include "loaded_model.h"
#include "session.h"
#include "worker_pool.h"

namespace copse {
namespace {

using Clock = std::chrono::steady_clock;

// How long accepting rests when the system has no descriptors left.
constexpr int kExhaustedPauseMs = 50;
// The log gets at least this much of the time to stop, however long requests take.
constexpr std::int64_t kLogCloseMsMin = 300;

// Written by the signal handler: the only thing that it may safely do, whatever thread it hits.
int stop_event = -1;

void OnStopSignal(int) {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(stop_event, &one, sizeof one);
}

Status InstallSignals() {
  stop_event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (stop_event < 0) return Error{ErrorCode::kInternal, "The system has no more descriptors."};
  struct sigaction action {};
  action.sa_handler = OnStopSignal;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return Ok{};
}

// Whether the stop event has come, within `timeout_ms`.
bool StopRequested(int timeout_ms) {
  pollfd entry{.fd = stop_event, .events = POLLIN, .revents = 0};
  return ::poll(&entry, 1, timeout_ms) > 0;
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

// Hands connections to the pool until a signal asks to stop.
void AcceptUntilStopped(const Listener& listener, WorkerPool& pool) {
  bool exhausted = false;
  for (;;) {
    pollfd entries[] = {{.fd = stop_event, .events = POLLIN, .revents = 0},
                        {.fd = listener.fd(), .events = POLLIN, .revents = 0}};
    ::poll(entries, 2, -1);
    if ((entries[0].revents & POLLIN) != 0) return;
    if ((entries[1].revents & POLLIN) == 0) continue;
    const bool was_exhausted = exhausted;
    const int fd = listener.Accept(exhausted);
    if (fd >= 0 && !pool.Submit(fd)) ::close(fd);
    if (!exhausted) continue;
    if (!was_exhausted) LogError("no more connections can be accepted: no descriptors are left");
    if (StopRequested(kExhaustedPauseMs)) return;
  }
}

// Serves the requests of one connection on one of the pool's threads.
void ServeConnection(int fd, Transport& transport, const SessionContext& context,
                     WorkerPool& pool) {
  Connection connection(fd, context.limits);
  Session session(connection, transport, context);
  for (;;) {
    // A pool that stops still answers what has been sent.
    const bool may_wait = pool.BeginIdle(fd);
    const bool begun = connection.WaitForRequest(may_wait ? context.limits.idle_timeout_ms : 0);
    pool.EndIdle(fd);
    if (!begun || !session.ServeOne()) return;
  }
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

  Metrics metrics;
  AccessLog access_log(config.access_log ? STDOUT_FILENO : -1);
  Handlers handlers(config.models, std::move(web), config.log.get(), metrics);
  WorkerPool* running = nullptr;
  const SessionContext context{
      .handlers = handlers,
      .limits = config.limits,
      .metrics = metrics,
      .access_log = access_log,
      .may_stay = [&] { return !handlers.draining() && !running->IsCrowded(); }};
  WorkerPool pool(config.threads, [&]() -> WorkerPool::Serve {
    return [&context, &running, transport = std::make_shared<Transport>(config.limits)](int fd) {
      ServeConnection(fd, *transport, context, *running);
    };
  });
  running = &pool;

  PrintStart(config, listener.port());
  AcceptUntilStopped(listener, pool);
  const auto deadline = Clock::now() + std::chrono::milliseconds(config.limits.shutdown_timeout_ms);
  handlers.StartDraining();
  listener.Close();
  pool.Stop(deadline - std::chrono::milliseconds(kLogCloseMsMin));
  if (config.log) config.log->Close(std::max(kLogCloseMsMin, MsUntil(deadline)));
  access_log.Close(static_cast<int>(kLogCloseMsMin));
  return Ok{};
}

}  // namespace copse
