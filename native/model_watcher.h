#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "metrics.h"
#include "model_control.h"
#include "model_source.h"

namespace copse {

/// A thread that looks for changed model files, every so often and when it is told to, and hands
/// over what is to be served from then on. Also loads and unloads models for those who ask.
class ModelWatcher final : public ModelControl {
 public:
  /// Never called by two threads at once.
  using Use = std::function<void(LoadedModels, std::vector<UnavailableModel>)>;

  /// `wake_event` is an eventfd: whoever writes to it (a signal handler may) starts a look at once.
  /// `interval_ms` 0: no other looks. All that is given outlives this.
  ModelWatcher(ModelSource& source, int wake_event, int interval_ms, Metrics& metrics, Use use);
  ModelWatcher(const ModelWatcher&) = delete;
  ModelWatcher& operator=(const ModelWatcher&) = delete;
  ~ModelWatcher() override { Stop(); }

  /// Looks no more, after a look that has begun.
  void Stop();

  Status Load(const std::string& name) override;
  Status Unload(const std::string& name) override;

 private:
  void Run();
  void Hand(ModelSource::Change change);

  std::mutex mutex_;  // of source_
  ModelSource& source_;
  const int wake_event_, interval_ms_;
  Metrics& metrics_;
  const Use use_;
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

}  // namespace copse
