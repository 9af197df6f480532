#pragma once

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "prediction_log.h"

// What the tests of the logs share: entries, programs that are started and ended by their pid,
// and waiting for something to become true.
namespace copse::test {

/// Polls until `condition`, for at most half a minute: a guard against hanging, not a measure.
inline bool Eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

inline std::int64_t MsOf(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  const auto spent = std::chrono::steady_clock::now() - begin;
  return std::chrono::duration_cast<std::chrono::milliseconds>(spent).count();
}

/// The i-th entry of a source: ids of one source sort by i, and the output tells it.
inline LogEntry Entry(int i, bool numbered = true, const std::string& source = "a") {
  const std::string n = std::to_string(1'000'000 + i).substr(1);
  return {.id = source + n,
          .time_unix_ms = 1'769'851'800'125 + i,
          .model = "iris",
          .version = "0123456789ab",
          .request_id = "request-" + source + n,
          .input = "[5.1,null,1.4,0.2]",
          .output = "[" + std::to_string(i) + "]",
          .label = "setosa",
          .numbered = numbered};
}

inline std::vector<LogEntry> Entries(int begin, int end, bool numbered = true,
                                     const std::string& source = "a") {
  std::vector<LogEntry> entries;
  for (int i = begin; i < end; ++i) entries.push_back(Entry(i, numbered, source));
  return entries;
}

/// Keeps the lines that a log says. Its listeners may outlive it, as the thread of a log may.
class Said {
 public:
  std::function<void(const std::string&)> Listener() {
    return [lines = lines_](const std::string& line) {
      const std::lock_guard lock(lines->mutex);
      lines->all.push_back(line);
    };
  }
  /// How many lines contain every one of the words.
  std::size_t Count(const std::vector<std::string>& words) const {
    const std::lock_guard lock(lines_->mutex);
    std::size_t n = 0;
    for (const std::string& line : lines_->all) {
      bool all = true;
      for (const std::string& word : words) all = all && line.find(word) != std::string::npos;
      n += all ? 1 : 0;
    }
    return n;
  }
  std::string All() const {
    const std::lock_guard lock(lines_->mutex);
    std::string all;
    for (const std::string& line : lines_->all) all += line + "\n";
    return all;
  }

 private:
  struct Lines {
    std::mutex mutex;
    std::vector<std::string> all;
  };
  std::shared_ptr<Lines> lines_ = std::make_shared<Lines>();
};

class TempDir {
 public:
  TempDir() {
    std::string path = (std::filesystem::temp_directory_path() / "copse-log-XXXXXX").string();
    if (mkdtemp(path.data()) == nullptr) std::abort();
    path_ = path;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

/// A program with a pipe to its input and one from its output; killed when it goes out of scope.
class Program {
 public:
  explicit Program(std::vector<std::string> arguments) {
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) std::abort();
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);  // also when this test itself is killed
      dup2(in[0], STDIN_FILENO);
      dup2(out[1], STDOUT_FILENO);
      dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
      execvp(argv[0], argv.data());
      _exit(127);
    }
    close(in[0]);
    close(out[1]);
    input_ = in[1];
    output_ = out[0];
  }
  ~Program() {
    End(SIGKILL);
    CloseInput();
    close(output_);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void Signal(int signal) const {
    if (pid_ > 0) kill(pid_, signal);
  }
  void End(int signal) {
    if (pid_ <= 0) return;
    kill(pid_, signal);
    Wait();
  }
  void Wait() {
    if (pid_ > 0) waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  void Write(const std::string& text) const {
    if (write(input_, text.data(), text.size()) < 0) std::abort();
  }
  void CloseInput() {
    if (input_ >= 0) close(input_);
    input_ = -1;
  }
  /// Up to the end of the line, or of the output.
  std::string ReadLine() const {
    std::string line;
    for (char c = 0; read(output_, &c, 1) == 1 && c != '\n';) line += c;
    return line;
  }
  std::string ReadAll() const {
    std::string all;
    char buffer[4096];
    for (ssize_t n = 0; (n = read(output_, buffer, sizeof(buffer))) > 0;) {
      all.append(buffer, static_cast<std::size_t>(n));
    }
    return all;
  }

 private:
  pid_t pid_ = -1;
  int input_ = -1, output_ = -1;
};

/// What a program prints, without the last newline.
inline std::string OutputOf(std::vector<std::string> arguments) {
  Program program(std::move(arguments));
  program.CloseInput();
  std::string out = program.ReadAll();
  program.Wait();
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

inline std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// A port of the loopback that nothing used a moment ago.
inline int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* any = reinterpret_cast<sockaddr*>(&address);
  if (bind(fd, any, size) != 0 || getsockname(fd, any, &size) != 0) std::abort();
  close(fd);
  return ntohs(address.sin_port);
}

}  // namespace copse::test
