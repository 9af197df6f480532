#include "model_source.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>

#include "model_folder.h"
#include "model_text.h"
#include "utf8.h"

namespace copse {
namespace {

using std::filesystem::path;

constexpr std::int64_t kNanoseconds = 1'000'000'000;
constexpr std::string_view kUnloaded = "It was unloaded.";

// A folder of the folder, with the versions of a model; or why they cannot be told now.
struct VersionedModel {
  std::string folder;
  Result<std::vector<ModelVersion>> versions;
};

void Say(const std::string& line) { std::fprintf(stderr, "copse: %s\n", line.c_str()); }

bool IsIn(const LoadedModels& models, const std::string& name) {
  return std::any_of(models.begin(), models.end(),
                     [&](const auto& model) { return model->name == name; });
}

}  // namespace

// One look at all files: the models in their order, and what there is to say.
class ModelSource::Pass {
 public:
  Pass(ModelSource& source, Change& change) : source_(source), change_(change) {}

  // The first pass refuses what is no model; a later one must not end a service that works.
  Status All() {
    for (const std::string& spec : source_.options_.specs) {
      if (auto added = Named(spec); !added.ok()) return added;
    }
    const std::string& folder = source_.options_.folder;
    if (folder.empty()) return Ok{};
    auto listed = Folder(folder);
    if (listed.ok() || !source_.started_) return listed;
    // The folder cannot be read now: its models stay.
    ++change_.n_failed;
    Note(listed.error().message + "; its models stay");
    std::set<std::string> named;
    for (const auto& [name, file] : paths_) named.insert(name);
    for (const auto& model : source_.models_) {
      if (named.count(model->name) == 0) change_.models.push_back(model);
    }
    for (auto& [file, known] : source_.known_) {
      if (!seen_.insert(file).second) continue;  // it was named, and looked at
      known.error = listed.error();
      known.stamp.reset();
    }
    return Ok{};
  }

  Status Named(const std::string& spec) {
    if (IsUnloaded(NameOfSpec(spec))) return Ok{};
    seen_.insert(spec);
    Known& known = source_.Look(spec, change_);
    if (known.model == nullptr) {
      if (!source_.started_) return *known.error;
      NoteFailed(NameOfSpec(spec), *known.error);
      return Ok{};
    }
    const auto [other, is_new] = paths_.emplace(known.model->name, known.model->path);
    if (!is_new) {
      return Error{ErrorCode::kInvalidInput, "two models are called " + known.model->name + ": " +
                                                 other->second + " and " + known.model->path +
                                                 "; name one of them with --model NAME=FILE"};
    }
    change_.models.push_back(known.model);
    return Ok{};
  }

  Status Folder(const std::string& folder) {
    auto files = FilesIn(folder);
    if (!files.ok()) {
      return Error{ErrorCode::kInvalidInput,
                   "--models is \"" + folder + "\": " + files.error().message};
    }
    std::set<std::string> ours;
    std::vector<VersionedModel> versioned;
    std::erase_if(*files, [&](const std::string& file) {
      return source_.IsForbidden(file) || !IsFile(file, versioned);
    });
    for (const std::string& file : *files) {
      if (IsModelFile(file)) ours.insert(ModelNameOf(file));
    }
    for (const std::string& file : *files) {
      if (!IsModelFile(file) && ours.count(ModelNameOf(file)) != 0) {
        Note("not served: " + Plain(file) + ": a .safetensors file beside it has the same name");
      } else if (auto added = FileOfFolder(file); !added.ok()) {
        return added;
      }
    }
    for (const VersionedModel& model : versioned) {
      if (auto added = Versions(model); !added.ok()) return added;
    }
    return Ok{};
  }

  // What was not said by the last pass already.
  void Finish() {
    std::erase_if(source_.known_, [&](const auto& known) { return seen_.count(known.first) == 0; });
    std::set<std::string> said;
    for (std::string& line : notes_) {
      if (source_.said_.count(line) == 0) Say(line);
      said.insert(std::move(line));
    }
    source_.said_ = std::move(said);
  }

 private:
  void Note(std::string line) { notes_.push_back(std::move(line)); }

  void NoteFailed(const std::string& name, const Error& error) {
    Note("not served: " + error.message);
    change_.unavailable.push_back({name, error.message});
  }

  bool IsUnloaded(const std::string& name) {
    if (source_.unloaded_.count(name) == 0) return false;
    const UnavailableModel entry{name, std::string(kUnloaded)};
    auto& known = change_.unavailable;
    if (std::find(known.begin(), known.end(), entry) == known.end()) known.push_back(entry);
    return true;
  }

  // Whether an entry of the folder may be a model file; versions of a model go to `versioned`.
  bool IsFile(const std::string& file, std::vector<VersionedModel>& versioned) {
    const auto status = StatusOf(file);
    if (!status.ok()) {
      if (VersionsServedFrom(file).empty()) return true;  // loading it says why
      versioned.push_back({file, status.error()});
      return false;
    }
    const std::string what = NoFile(*status);
    if (what == "a folder") {
      auto versions = VersionsIn(file);
      if (!versions.ok() || !versions->empty()) {
        versioned.push_back({file, std::move(versions)});
        return false;
      }
    }
    if (what.empty()) return true;
    Note("not served: " + Plain(file) + ": " + what + "; a model file was expected");
    return false;
  }

  // The versions of models that are served from a folder, or from folders in it.
  LoadedModels VersionsServedFrom(const std::string& folder) const {
    LoadedModels models;
    for (const auto& model : source_.models_) {
      const auto known = source_.known_.find(model->path);
      const bool is_version = known != source_.known_.end() && known->second.is_version;
      if (is_version && model->path.starts_with(folder + "/")) models.push_back(model);
    }
    return models;
  }

  // A folder that cannot be read now: what is served from it stays. It is looked at again next
  // time.
  void Keep(const std::string& folder, const Error& error) {
    const LoadedModels models = VersionsServedFrom(folder);
    const bool is_gone = error.code == ErrorCode::kNotFound;  // since it was listed
    if (models.empty() || is_gone) {
      Note("not served: " + Plain(folder) + ": " + error.message);
      return;
    }
    Note(Plain(folder) + ": " + error.message + "; what is served from it stays");
    for (const auto& model : models) {
      Known& known = source_.known_.at(model->path);
      if (!known.error) ++change_.n_failed;
      known.error = Error{ErrorCode::kInvalidInput, Plain(folder) + ": " + error.message};
      known.stamp.reset();
      seen_.insert(model->path);
      change_.models.push_back(model);
    }
  }

  Status FileOfFolder(const std::string& file) {
    if (IsUnloaded(ModelNameOf(file))) return Ok{};
    seen_.insert(file);
    // The same file as one that was named is not loaded twice.
    const auto named = paths_.find(ModelNameOf(file));
    std::error_code error;
    if (named != paths_.end() && std::filesystem::equivalent(file, named->second, error)) {
      return Ok{};
    }
    Known& known = source_.Look(file, change_);
    if (known.model == nullptr) {
      const ErrorCode code = known.error->code;
      const bool is_model = code != ErrorCode::kUnsupportedModel && code != ErrorCode::kNotFound;
      if (!source_.started_ && (IsModelFile(file) || is_model)) return *known.error;
      if (IsModelFile(file) || is_model) {
        NoteFailed(ModelNameOf(file), *known.error);
      } else {
        Note("not served: " + known.error->message);
      }
      return Ok{};
    }
    // Asked of models only: the notes beside a model may have its name.
    const auto [other, is_new] = paths_.emplace(known.model->name, file);
    if (is_new) {
      change_.models.push_back(known.model);
    } else {
      NoteTaken(file, other->second);
    }
    return Ok{};
  }

  // The versions of one model.
  Status Versions(const VersionedModel& model) {
    const std::string name = path(model.folder).filename().string();
    if (!IsModelName(name)) {
      Note("not served: " + Plain(model.folder) +
           ": its name cannot be part of an address; A-Z a-z 0-9 . _ - were expected");
      return Ok{};
    }
    if (IsUnloaded(name)) return Ok{};
    const auto [other, is_new] = paths_.emplace(name, model.folder);
    if (!is_new) {
      NoteTaken(model.folder, other->second);
      return Ok{};
    }
    if (!model.versions.ok()) {
      Keep(model.folder, model.versions.error());
      return Ok{};
    }
    for (const ModelVersion& version : *model.versions) {
      if (auto added = OneVersion(name, version); !added.ok()) return added;
    }
    return Ok{};
  }

  Status OneVersion(const std::string& name, const ModelVersion& version) {
    const auto file = OnlyModelIn(version.folder,
                                  [&](const std::string& one) { return source_.IsForbidden(one); });
    if (!file.ok()) {
      Keep(version.folder, file.error());
      return Ok{};
    }
    if (file->empty() || !IsModelName(version.version)) {
      Note("not served: " + Plain(version.folder) + ": one model file was expected in it");
      return Ok{};
    }
    seen_.insert(*file);
    const Called called{name, version.version};
    Known& known = source_.Look(*file, change_, &called);
    if (known.model != nullptr) {
      change_.models.push_back(known.model);
    } else if (!source_.started_) {
      return *known.error;
    } else {
      NoteFailed(name, *known.error);
    }
    return Ok{};
  }

  void NoteTaken(const std::string& file, const std::string& other) {
    std::error_code error;
    if (std::filesystem::equivalent(file, other, error)) return;  // it is served
    const bool is_beside = path(file).parent_path() == path(other).parent_path();
    const std::string shown = is_beside ? path(other).filename().string() : other;
    Note(Plain(file) + " is not served: " + Plain(shown) +
         " has that name already; rename one of them, or serve it with --model NAME=FILE");
  }

  ModelSource& source_;
  Change& change_;
  std::map<std::string, std::string> paths_;  // by name
  std::set<std::string> seen_;
  std::vector<std::string> notes_;
};

std::optional<ModelSource::Stamp> ModelSource::StampOf(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return std::nullopt;
  return Stamp{.device = found.st_dev,
               .inode = found.st_ino,
               .bytes = static_cast<std::uint64_t>(found.st_size),
               .modified_ns = found.st_mtim.tv_sec * kNanoseconds + found.st_mtim.tv_nsec,
               .changed_ns = found.st_ctim.tv_sec * kNanoseconds + found.st_ctim.tv_nsec};
}

ModelSource::Known& ModelSource::Look(const std::string& spec, Change& change,
                                      const Called* called) {
  const std::string path = ModelPathOf(spec);
  const auto stamp = path == "-" ? std::optional(Stamp{}) : StampOf(path);
  const auto [at, is_new] = known_.try_emplace(spec);
  Known& known = at->second;
  known.name = called != nullptr ? called->name : NameOfSpec(spec);
  known.is_version = called != nullptr;
  if (!is_new && known.stamp == stamp) return known;
  known.stamp = stamp;  // taken before the file is read: what changes meanwhile is loaded again
  auto loaded = LoadModel(spec, options_.import, LoadFor::kServing);
  if (!loaded.ok()) {
    known.error = loaded.error();
    // There is a file, but not for us at this moment (descriptors, rights): the next look tries
    // again.
    if (stamp && known.error->code == ErrorCode::kNotFound) known.stamp.reset();
    if (!started_) return known;
    ++change.n_failed;
    if (known.model != nullptr) {
      Say(known.model->name + " stays at version " + known.model->version + ": " +
          known.error->message);
    }
    return known;
  }
  if (called != nullptr) {
    auto renamed = std::make_shared<LoadedModel>(**loaded);
    renamed->name = called->name;
    renamed->version = called->version;
    *loaded = std::move(renamed);
  }
  known.error.reset();
  // A file that was only touched gives the same model.
  if (known.model != nullptr && known.model->sha256 == (*loaded)->sha256) return known;
  if (started_) {
    ++change.n_loaded;
    Say((*loaded)->name + " is loaded" +
        (known.model == nullptr ? "" : " again, instead of version " + known.model->version) +
        ": version " + (*loaded)->version);
  }
  known.model = *std::move(loaded);
  if (options_.on_loaded) options_.on_loaded(*known.model);
  return known;
}

Result<LoadedModels> ModelSource::Load() {
  Change change;
  Pass pass(*this, change);
  if (auto all = pass.All(); !all.ok()) return all.error();
  pass.Finish();
  started_ = true;
  models_ = change.models;
  unavailable_ = change.unavailable;
  return models_;
}

ModelSource::Change ModelSource::Reload() {
  Change change;
  Pass pass(*this, change);
  if (auto all = pass.All(); !all.ok()) {  // two models of one name: nothing changes
    change.models = models_;
    change.unavailable = unavailable_;
    return change;
  }
  pass.Finish();
  for (const auto& model : models_) {
    if (IsIn(change.models, model->name)) continue;
    Say(model->name + " is served no more: " +
        (unloaded_.count(model->name) != 0 ? "it was unloaded" : "its file is gone"));
  }
  change.any = change.models != models_ || change.unavailable != unavailable_;
  models_ = change.models;
  unavailable_ = change.unavailable;
  return change;
}

bool ModelSource::IsForbidden(const std::string& file) const {
  const auto& forbidden = options_.never_opened;
  return std::any_of(forbidden.begin(), forbidden.end(), [&](const std::string& other) {
    std::error_code error;
    return std::filesystem::equivalent(file, other, error);
  });
}

const Error* ModelSource::ErrorOf(const std::string& name) const {
  // Beside a model there may be notes of its name, which are none.
  const bool is_served = IsIn(models_, name);
  for (const auto& [spec, known] : known_) {
    const bool counts = known.model != nullptr || known.is_version || !is_served;
    if (known.error && known.name == name && counts) return &*known.error;
  }
  return nullptr;
}

ModelSource::Attempt ModelSource::Load(const std::string& name) {
  unloaded_.erase(name);
  Attempt attempt;
  attempt.change = Reload();
  const Error* const error = ErrorOf(name);
  if (error != nullptr) {
    attempt.result = *error;
  } else if (!IsIn(attempt.change.models, name)) {
    attempt.result =
        Error{ErrorCode::kNotFound, "There is no model file for the name " + Shown(name) + "."};
  }
  return attempt;
}

ModelSource::Attempt ModelSource::Unload(const std::string& name) {
  Attempt attempt;
  const bool is_known =
      IsIn(models_, name) || std::any_of(unavailable_.begin(), unavailable_.end(),
                                         [&](const auto& each) { return each.name == name; });
  if (is_known) {
    unloaded_.insert(name);
  } else {
    attempt.result = Error{ErrorCode::kNotFound, "There is no model named " + Shown(name) + "."};
  }
  attempt.change = Reload();
  return attempt;
}

}  // namespace copse
