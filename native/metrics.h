#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "drift.h"
#include "inference_statistics.h"
#include "prediction_log.h"

namespace copse {

/// Counters of the service, told to Prometheus. Thread-safe.
///
/// Labels never come from clients: routes are templates, methods those that we know, so that
/// nobody can make us count without end.
class Metrics {
 public:
  /// Upper bounds of the histogram, in seconds; +Inf follows.
  static constexpr std::array kBucketSeconds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                                0.01,   0.025,   0.05,   0.1,   0.25,   0.5,
                                                1.0,    2.5,     5.0,    10.0};

  void CountRequest(std::string_view route, std::string_view method, int status, double seconds);

  /// `n` rows that were answered with class `label` of `output` (both empty for a number).
  void CountPredictions(std::string_view model, std::string_view version, std::string_view output,
                        std::string_view label, std::uint64_t n);

  /// `n` rows that were explained by `method`.
  void CountExplanations(std::string_view model, std::string_view version, std::string_view method,
                         std::uint64_t n);

  /// Forgets what was counted for other versions than `served`, names and versions: else every new
  /// version would stay for ever.
  void KeepVersions(const std::set<std::pair<std::string, std::string>>& served);

  /// Model files that were loaded, or refused, because they had changed.
  void CountReloads(std::uint64_t n_loaded, std::uint64_t n_failed) {
    reloads_loaded_ += n_loaded;
    reloads_failed_ += n_failed;
  }

  /// Lines that the access log has lost so far.
  void SetAccessLogDropped(std::uint64_t n) { access_log_dropped_ = n; }

  /// Features of one model that Text tells about; the others are in the model's statistics.
  static constexpr std::size_t kFeaturesMax = 200;
  /// Rows that the index of drift needs at least: of fewer it is noise that would only alarm.
  static constexpr std::uint64_t kDriftRowsMin = 100;

  /// What the caller knows, and this class does not.
  struct Snapshot {
    std::optional<LogState> log;
    struct Model {
      std::string name, version;
      std::vector<std::string> features;  ///< names
      InferenceStatistics::Snapshot counts;
      Drift::Snapshot drift;
    };
    std::vector<Model> models;
    bool ready = false;
  };

  /// Text format 0.0.4, ended by a line feed.
  std::string Text(const Snapshot& snapshot) const;

 private:
  struct Histogram {
    std::array<std::uint64_t, kBucketSeconds.size() + 1> buckets{};
    double sum = 0;
  };
  using RequestKey = std::tuple<std::string, std::string, int>;
  using PredictionKey = std::tuple<std::string, std::string, std::string, std::string>;

  // All expect the mutex to be held.
  void AppendRequests(std::string& text) const;
  void AppendPredictions(std::string& text) const;
  void AppendExplanations(std::string& text) const;

  mutable std::mutex mutex_;
  std::map<RequestKey, Histogram> requests_;
  std::map<PredictionKey, std::uint64_t> predictions_;
  std::map<std::tuple<std::string, std::string, std::string>, std::uint64_t> explanations_;
  std::atomic<std::uint64_t> access_log_dropped_ = 0, reloads_loaded_ = 0, reloads_failed_ = 0;
};

/// `text` inside the quotes of a label value.
std::string EscapeLabel(std::string_view text);

}  // namespace copse
