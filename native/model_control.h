#pragma once

#include <string>

#include "copse/result.h"

namespace copse {

/// Loads and unloads models by name while the service runs. Thread-safe; each call returns when
/// what it did is what is served.
class ModelControl {
 public:
  virtual ~ModelControl() = default;

  /// Serves the model of that name: reads its file again if that has changed, and serves it again
  /// if it was unloaded. A model that cannot be loaded leaves the one that was served before.
  /// Errors: kNotFound where there is no such file, and those of LoadModel.
  virtual Status Load(const std::string& name) = 0;

  /// Serves the model no more until it is loaded by its name.
  /// Errors: kNotFound where there is no such model.
  virtual Status Unload(const std::string& name) = 0;
};

}  // namespace copse
