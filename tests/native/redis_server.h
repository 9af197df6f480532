#pragma once

#include <memory>
#include <string>
#include <vector>

#include "log_fixtures.h"

namespace copse::test {

/// A real redis-server on the loopback, with a folder of its own. Its port stays the same when it
/// is stopped and started again.
class RedisServer {
 public:
  /// Not started yet.
  RedisServer() : port_(FreePort()) {}

  int port() const { return port_; }

  bool Start(const std::vector<std::string>& settings = {}) {
    std::vector<std::string> arguments = {"redis-server",  "--port",    std::to_string(port_),
                                          "--bind",        "127.0.0.1", "--dir",
                                          dir_.path(),     "--save",    "",
                                          "--appendfsync", "always"};
    arguments.insert(arguments.end(), settings.begin(), settings.end());
    program_ = std::make_unique<Program>(arguments);
    return Eventually([&] { return Ask({"PING"}) == "PONG"; });
  }
  void Kill() { program_.reset(); }
  void Freeze() const { program_->Signal(SIGSTOP); }
  void Thaw() const { program_->Signal(SIGCONT); }

  /// What redis-cli prints for one command.
  std::string Ask(std::vector<std::string> command) const {
    std::vector<std::string> arguments = {"redis-cli", "-p", std::to_string(port_)};
    if (!password_.empty()) {
      arguments.insert(arguments.end(), {"--no-auth-warning", "-a", password_});
    }
    arguments.insert(arguments.end(), command.begin(), command.end());
    return OutputOf(std::move(arguments));
  }
  void SetPassword(const std::string& password) {
    Ask({"CONFIG", "SET", "requirepass", password});
    password_ = password;
  }
  /// The values of the keys begin, begin + 1, ... end - 1; a missing one is an empty text.
  std::vector<std::string> Keys(int begin, int end) const {
    std::vector<std::string> command = {"MGET"};
    for (int i = begin; i < end; ++i) command.push_back(std::to_string(i));
    std::vector<std::string> values = LinesOf(Ask(command));
    values.resize(static_cast<std::size_t>(end - begin));
    return values;
  }
  std::string Length() const { return Ask({"XLEN", "copse:predictions"}); }
  /// One field of every entry of the stream, in its order.
  std::vector<std::string> Stream(const std::string& field) const {
    std::vector<std::string> values;
    const auto lines = LinesOf(Ask({"XRANGE", "copse:predictions", "-", "+"}));
    for (std::size_t i = 0; i + 16 < lines.size(); i += 17) {
      for (std::size_t k = 1; k < 17; k += 2) {
        if (lines[i + k] == field) values.push_back(lines[i + k + 1]);
      }
    }
    return values;
  }

 private:
  const int port_;
  TempDir dir_;
  std::string password_;
  std::unique_ptr<Program> program_;
};

}  // namespace copse::test
