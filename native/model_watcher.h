#pragma once

#include <atomic>
#include <functional>
#include <thread>

#include "metrics.h"
#include "model_source.h"

namespace copse {

/// A thread that looks for changed model files, every so often and when it is told to, and hands
/// over what is to be served from then on.
class ModelWatcher {
 public:
  using Use = std::function<void(LoadedModels)>;

  /// `wake_event` is an eventfd: whoever writes to it (a signal handler may) starts a look at once.
  /// `interval_ms` 0: no other looks. All that is given outlives this.
  ModelWatcher(ModelSource& source, int wake_event, int interval_ms, Metrics& metrics, Use use);
  ModelWatcher(const ModelWatcher&) = delete;
  ModelWatcher& operator=(const ModelWatcher&) = delete;
  /// Ends the thread, after a look that has begun.
  ~ModelWatcher();

 private:
  void Run();

  ModelSource& source_;
  const int wake_event_, interval_ms_;
  Metrics& metrics_;
  const Use use_;
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

}  // namespace copse
