#include "metrics.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>

#include "prediction_text.h"
#include "request_id.h"

namespace copse {
namespace {

const std::int64_t kStartUnixMs = UnixMs();

void Describe(std::string& text, std::string_view name, std::string_view type,
              std::string_view help) {
  text.append("# HELP ").append(name).append(" ").append(help).append("\n");
  text.append("# TYPE ").append(name).append(" ").append(type).append("\n");
}

void Sample(std::string& text, std::string_view name, std::string_view labels,
            std::string_view value) {
  text.append(name);
  if (!labels.empty()) text.append("{").append(labels).append("}");
  text.append(" ").append(value).append("\n");
}

// A metric with one sample and no labels.
void Single(std::string& text, std::string_view name, std::string_view type, std::string_view help,
            std::string_view value) {
  Describe(text, name, type, help);
  Sample(text, name, {}, value);
}

std::string Label(std::string_view name, std::string_view value) {
  return std::string(name) + "=\"" + EscapeLabel(value) + "\"";
}

// Second field of /proc/self/statm, in pages.
std::uint64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

void AppendProcess(std::string& text) {
  Single(text, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.",
         std::to_string(ResidentBytes()));
  Single(text, "process_start_time_seconds", "gauge",
         "Start time of the process since unix epoch in seconds.",
         NumberText(static_cast<double>(kStartUnixMs) / 1000));
  Describe(text, "copse_build_info", "gauge", "Version of this program; always 1.");
  Sample(text, "copse_build_info", Label("version", COPSE_VERSION), "1");
}

using Models = std::vector<Metrics::Snapshot::Model>;

std::string LabelsOf(const Metrics::Snapshot::Model& model) {
  return Label("model", model.name) + "," + Label("version", model.version);
}

// A histogram of `bounds` and +Inf, each bucket counted on its own.
template <class Bounds, class Buckets>
void AppendHistogram(std::string& text, std::string_view name, const std::string& labels,
                     const Bounds& bounds, const Buckets& buckets, double sum) {
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    cumulative += buckets[i];
    const std::string bound = i < bounds.size() ? NumberText(bounds[i]) : std::string("+Inf");
    Sample(text, std::string(name) + "_bucket", labels + "," + Label("le", bound),
           std::to_string(cumulative));
  }
  Sample(text, std::string(name) + "_sum", labels, NumberText(sum));
  Sample(text, std::string(name) + "_count", labels, std::to_string(cumulative));
}

void AppendDurations(std::string& text, const Models& models) {
  constexpr std::string_view kDuration = "model_inference_duration_seconds";
  Describe(text, kDuration, "histogram",
           "Duration of answered requests for predictions, from the body to the answer.");
  for (const auto& model : models) {
    AppendHistogram(text, kDuration, LabelsOf(model), InferenceStatistics::kBucketSeconds,
                    model.counts.buckets, static_cast<double>(model.counts.success.ns) / 1e9);
  }
  Describe(text, "model_inference_failures_total", "counter",
           "Requests for predictions that were refused.");
  for (const auto& model : models) {
    Sample(text, "model_inference_failures_total", LabelsOf(model),
           std::to_string(model.counts.fail.count));
  }
}

// One metric of every feature that has a value of it.
template <class Value>
void OfFeatures(std::string& text, const Models& models, std::string_view name,
                const std::string& more, const Value& value) {
  for (const auto& model : models) {
    const std::size_t n =
        std::min({model.features.size(), model.drift.features.size(), Metrics::kFeaturesMax});
    for (std::size_t f = 0; f < n; ++f) {
      const std::string number = value(model.drift, model.drift.features[f]);
      if (number.empty()) continue;
      Sample(text, name, LabelsOf(model) + "," + Label("feature", model.features[f]) + more,
             number);
    }
  }
}

void AppendDrift(std::string& text, const Models& models) {
  using State = Drift::FeatureState;
  Describe(text, "model_drift_window_rows", "gauge", "Rows that model_feature_psi is about.");
  for (const auto& model : models) {
    Sample(text, "model_drift_window_rows", LabelsOf(model),
           std::to_string(model.drift.window_rows));
  }
  Describe(text, "model_feature_psi", "gauge",
           "Population stability index of a feature's values against the training data.");
  OfFeatures(
      text, models, "model_feature_psi", "", [](const Drift::Snapshot& drift, const State& state) {
        const bool is_known = drift.window_rows >= Metrics::kDriftRowsMin && !std::isnan(state.psi);
        return is_known ? NumberText(state.psi) : std::string();
      });
  constexpr std::string_view kOutside = "model_feature_out_of_range_total";
  Describe(text, kOutside, "counter", "Values outside of the range of the training data.");
  OfFeatures(text, models, kOutside, "," + Label("side", "below"),
             [](const auto&, const State& state) { return std::to_string(state.below); });
  OfFeatures(text, models, kOutside, "," + Label("side", "above"),
             [](const auto&, const State& state) { return std::to_string(state.above); });
  Describe(text, "model_feature_missing_total", "counter", "Rows without a value of the feature.");
  OfFeatures(text, models, "model_feature_missing_total", "",
             [](const auto&, const State& state) { return std::to_string(state.missing); });
}

void AppendRedis(std::string& text, const ShipState& redis) {
  Single(text, "redis_up", "gauge", "Whether the last exchange with Redis worked.",
         redis.up ? "1" : "0");
  Single(text, "prediction_log_shipped_total", "counter", "Rows that Redis has acknowledged.",
         std::to_string(redis.shipped));
  Single(text, "prediction_log_unshipped_rows", "gauge", "Recorded rows that wait for Redis.",
         std::to_string(redis.waiting));
  Single(text, "prediction_log_lag_seconds", "gauge", "Age of the oldest row that waits for Redis.",
         NumberText(redis.lag_seconds));
  Single(text, "prediction_log_gone_total", "counter",
         "Rows that were trimmed from the file before Redis had them.", std::to_string(redis.gone));
}

void AppendLog(std::string& text, const LogState& log) {
  Describe(text, "prediction_log_up", "gauge", "Whether the last write to the log worked.");
  Sample(text, "prediction_log_up", Label("sink", log.sink), log.up ? "1" : "0");
  Single(text, "prediction_log_accepted_total", "counter", "Entries handed to the log.",
         std::to_string(log.accepted));
  Single(text, "prediction_log_written_total", "counter", "Entries that the log has acknowledged.",
         std::to_string(log.written));
  Single(text, "prediction_log_dropped_total", "counter", "Entries that were lost.",
         std::to_string(log.dropped));
  Single(text, "prediction_log_late_total", "counter",
         "Entries answered before they were as durable as asked.", std::to_string(log.late));
  Single(text, "prediction_log_queued", "gauge", "Entries that wait to be written.",
         std::to_string(log.queued));
  Single(text, "prediction_log_bytes", "gauge", "Bytes that the rows of the log's file take.",
         std::to_string(log.bytes));
  if (log.redis) AppendRedis(text, *log.redis);
}

}  // namespace

std::string EscapeLabel(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\n') {
      escaped += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') escaped.push_back('\\');
    escaped.push_back(c);
  }
  return escaped;
}

void Metrics::CountRequest(std::string_view route, std::string_view method, int status,
                           double seconds) {
  const auto bucket = std::lower_bound(kBucketSeconds.begin(), kBucketSeconds.end(), seconds);
  const std::lock_guard lock(mutex_);
  Histogram& histogram = requests_[{std::string(route), std::string(method), status}];
  ++histogram.buckets[static_cast<std::size_t>(bucket - kBucketSeconds.begin())];
  histogram.sum += seconds;
}

void Metrics::CountPredictions(std::string_view model, std::string_view version,
                               std::string_view output, std::string_view label, std::uint64_t n) {
  const std::lock_guard lock(mutex_);
  predictions_[{std::string(model), std::string(version), std::string(output),
                std::string(label)}] += n;
}

void Metrics::CountExplanations(std::string_view model, std::string_view version,
                                std::string_view method, std::uint64_t n) {
  const std::lock_guard lock(mutex_);
  explanations_[{std::string(model), std::string(version), std::string(method)}] += n;
}

void Metrics::KeepVersions(const std::set<std::pair<std::string, std::string>>& served) {
  const std::lock_guard lock(mutex_);
  const auto is_gone = [&](const auto& entry) {
    return served.count({std::get<0>(entry.first), std::get<1>(entry.first)}) == 0;
  };
  std::erase_if(predictions_, is_gone);
  std::erase_if(explanations_, is_gone);
}

void Metrics::AppendRequests(std::string& text) const {
  constexpr std::string_view kDuration = "http_server_request_duration_seconds";
  Describe(text, kDuration, "histogram", "Duration of HTTP requests.");
  for (const auto& [key, histogram] : requests_) {
    const auto& [route, method, status] = key;
    const std::string labels = Label("http_route", route) + "," +
                               Label("http_request_method", method) + "," +
                               Label("http_response_status_code", std::to_string(status));
    AppendHistogram(text, kDuration, labels, kBucketSeconds, histogram.buckets, histogram.sum);
  }
}

void Metrics::AppendPredictions(std::string& text) const {
  Describe(text, "model_predictions_total", "counter", "Rows scored, by predicted class.");
  for (const auto& [key, n] : predictions_) {
    const auto& [model, version, output, label] = key;
    std::string labels = Label("model", model) + "," + Label("version", version);
    if (!output.empty()) labels += "," + Label("output", output);
    Sample(text, "model_predictions_total", labels + "," + Label("class", label),
           std::to_string(n));
  }
}

void Metrics::AppendExplanations(std::string& text) const {
  Describe(text, "model_explanations_total", "counter",
           "Rows explained, also as an output of an inference.");
  for (const auto& [key, n] : explanations_) {
    const auto& [model, version, method] = key;
    Sample(text, "model_explanations_total",
           Label("model", model) + "," + Label("version", version) + "," + Label("method", method),
           std::to_string(n));
  }
}

std::string Metrics::Text(const Snapshot& snapshot) const {
  std::string text;
  {
    const std::lock_guard lock(mutex_);
    AppendRequests(text);
    AppendPredictions(text);
    AppendExplanations(text);
  }
  Single(text, "models_loaded", "gauge", "Models that can be asked.",
         std::to_string(snapshot.models.size()));
  Describe(text, "model_reloads_total", "counter",
           "Model files that had changed, by what became of them.");
  Sample(text, "model_reloads_total", Label("result", "loaded"),
         std::to_string(reloads_loaded_.load()));
  Sample(text, "model_reloads_total", Label("result", "failed"),
         std::to_string(reloads_failed_.load()));
  Single(text, "service_ready", "gauge", "Whether /readyz answers 200.",
         snapshot.ready ? "1" : "0");
  Single(text, "access_log_dropped_total", "counter", "Lines that the access log lost.",
         std::to_string(access_log_dropped_.load()));
  if (!snapshot.models.empty()) {
    AppendDurations(text, snapshot.models);
    AppendDrift(text, snapshot.models);
  }
  if (snapshot.log) AppendLog(text, *snapshot.log);
  AppendProcess(text);
  return text;
}

}  // namespace copse
