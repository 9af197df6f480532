#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "handlers.h"
#include "row_fixtures.h"
#include "url.h"

namespace copse::test {

/// A log that remembers.
class RememberingLog : public PredictionLog {
 public:
  void Append(std::vector<LogEntry> more) override {
    for (LogEntry& entry : more) entries.push_back(std::move(entry));
  }
  LogState State() const override {
    LogState state;
    state.sink = "memory";
    state.accepted = entries.size();
    return state;
  }
  Result<std::vector<RecordedRow>> Recent(std::size_t n) const override {
    if (!unreadable.empty()) return Error{ErrorCode::kUnavailable, unreadable};
    std::vector<RecordedRow> rows;
    for (std::size_t i = entries.size(); i > 0 && rows.size() < n; --i) {
      const LogEntry& e = entries[i - 1];
      rows.push_back({.seq = static_cast<std::int64_t>(i),
                      .id = e.id,
                      .time = "now",
                      .model = e.model,
                      .version = e.version,
                      .request_id = e.request_id,
                      .input = e.input,
                      .output = e.output,
                      .label = e.label,
                      .numbered = e.numbered});
    }
    return rows;
  }
  void Close(std::int64_t) override {}

  std::vector<LogEntry> entries;
  std::string unreadable;  ///< why Recent fails, or empty
};

inline std::shared_ptr<const LoadedModel> SharedIris() {
  return {&IrisFile(), [](const LoadedModel*) {}};
}

/// `model` as if it had been read from a file.
inline std::shared_ptr<const LoadedModel> Named(const std::string& name, const Model& model) {
  return std::make_shared<const LoadedModel>(
      LoadedModel{name, "0123456789ab", std::string(64, '0'), name, model, {1, 2, 3}});
}

using Fields = std::vector<std::pair<std::string, std::string>>;

inline Request MakeRequest(const std::string& method, const std::string& target, Fields fields = {},
                           std::string body = {}) {
  Request request;
  request.method = method;
  request.target = target;
  request.host = "localhost:5000";
  request.fields = std::move(fields);
  request.body = std::move(body);
  request.request_id = "rid";
  const auto url = ParseTarget(target);
  EXPECT_TRUE(url) << target;
  if (url) {
    request.path = url->path;
    request.query = url->query;
  }
  return request;
}

inline std::string HeaderOf(const Reply& reply, const std::string& name) {
  for (const auto& [key, value] : reply.headers) {
    if (key == name) return value;
  }
  return {};
}

}  // namespace copse::test
