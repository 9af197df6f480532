#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "copse/import.h"
#include "copse/result.h"
#include "loaded_model.h"
#include "openapi.h"

namespace copse {

/// A model that there is a file for, but that cannot be asked.
struct UnavailableModel {
  std::string name;
  std::string reason;  ///< one sentence
  bool operator==(const UnavailableModel&) const = default;
};

/// The files that models come from: those that were named, and the models of a folder. Remembers
/// what each file gave, so that only what has changed is loaded again. For one thread.
class ModelSource {
 public:
  struct Options {
    std::vector<std::string> specs;  ///< [NAME=]FILE, in the order in which they are served
    /// Empty: none. Holds model files, and folders NAME/VERSION/FILE: several versions of a model,
    /// of which the highest answers where none is asked for.
    std::string folder;
    /// Files that are none of ours, though they lie in the folder: closing any descriptor of a file
    /// gives up all locks of this process on it, which a database would not survive.
    std::vector<std::string> never_opened = {};
    ImportOptions import;
    /// Called for every model that is loaded, before it is served. May be empty.
    std::function<void(const LoadedModel&)> on_loaded;
  };

  explicit ModelSource(Options options) : options_(std::move(options)) {}

  /// All models. A named file must be a model; in the folder, a .safetensors file must, and what is
  /// a damaged model ends it too, while a line on stderr says of what is no model that it is not
  /// served. Two named models of one name are refused.
  Result<LoadedModels> Load();

  struct Change {
    LoadedModels models;
    std::vector<UnavailableModel> unavailable;
    std::uint64_t n_loaded = 0;  ///< files that were new or changed, and are served now
    std::uint64_t n_failed = 0;  ///< files that were new or changed, and cannot be
    bool any = false;            ///< whether models or unavailable ones differ from those before
  };
  /// Looks for files that are new, changed or gone. A changed file that cannot be loaded (it may be
  /// written just now) leaves the model that it gave before; so does a named file that is gone. Of
  /// the folder, a file that is gone takes its model with it. Says on stderr what it did.
  Change Reload();

  struct Attempt {
    Status result = Ok{};
    Change change;
  };
  /// Looks for the files of this name, also if it had been unloaded, and as Reload for all others.
  /// Errors: kNotFound where there is no such file, and those of LoadModel, after which the model
  /// that was served before, if there was one, still is.
  Attempt Load(const std::string& name);
  /// Serves that model no more, whatever becomes of its file, until it is loaded by its name.
  /// Errors: kNotFound where there is no such model.
  Attempt Unload(const std::string& name);

 private:
  // What tells a file from what it was.
  struct Stamp {
    std::uint64_t device = 0, inode = 0, bytes = 0;
    std::int64_t modified_ns = 0, changed_ns = 0;
    bool operator==(const Stamp&) const = default;
  };
  struct Known {
    std::optional<Stamp> stamp;                ///< when `model` or `error` was found
    std::shared_ptr<const LoadedModel> model;  ///< the last good one
    std::optional<Error> error;                ///< why the file is not what is served
    std::string name = {};                     ///< that its model has, or would have
    bool is_version = false;                   ///< of a model that has several
  };
  class Pass;

  static std::optional<Stamp> StampOf(const std::string& path);
  /// What a file is called that does not say it itself.
  struct Called {
    std::string name, version;
  };
  Known& Look(const std::string& spec, Change& change, const Called* called = nullptr);
  bool IsForbidden(const std::string& file) const;
  /// Why a file that is served by that name, or should be, is not what is served; null where it is.
  const Error* ErrorOf(const std::string& name) const;

  const Options options_;
  std::map<std::string, Known> known_;  // by spec, or by the path of a file of the folder
  std::set<std::string> said_;          // by the last pass
  std::set<std::string> unloaded_;      // names
  LoadedModels models_;
  std::vector<UnavailableModel> unavailable_;
  bool started_ = false;
};

}  // namespace copse
