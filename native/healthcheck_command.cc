#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "commands.h"

namespace copse {
namespace {

constexpr timeval kTimeout{.tv_sec = 2, .tv_usec = 0};
constexpr std::string_view kRequest =
    "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Sends the request and returns the start of the answer; empty when there is none.
std::string Ask(int socket, std::uint16_t port) {
  setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &kTimeout, sizeof kTimeout);
  setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &kTimeout, sizeof kTimeout);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr generic{};
  static_assert(sizeof generic == sizeof address);
  std::memcpy(&generic, &address, sizeof address);
  if (connect(socket, &generic, sizeof generic) != 0) return "";
  if (send(socket, kRequest.data(), kRequest.size(), MSG_NOSIGNAL) < 0) return "";
  std::string answer(64, '\0');
  const ssize_t n = recv(socket, answer.data(), answer.size(), MSG_WAITALL);
  answer.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return answer;
}

Status CheckHealth(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const std::string answer = socket < 0 ? "" : Ask(socket, port);
  if (socket >= 0) close(socket);
  if (answer.starts_with("HTTP/1.1 200")) return Ok{};
  const std::string said = answer.empty() ? "no answer" : answer.substr(0, answer.find('\r'));
  return Error{ErrorCode::kInternal, "not ready on port " + std::to_string(port) + ": " + said};
}

}  // namespace

Command AddHealthcheckCommand(CLI::App& app) {
  auto port = std::make_shared<std::uint16_t>(std::uint16_t{5000});
  app.add_option("-p,--port", *port, "Port of the service on this machine")
      ->capture_default_str()
      ->envname("COPSE_PORT");
  return [port] { return CheckHealth(*port); };
}

}  // namespace copse
