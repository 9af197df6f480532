#include "model_source.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>

#include "model_text.h"
#include "utf8.h"

namespace copse {
namespace {

using std::filesystem::path;

constexpr std::int64_t kNanoseconds = 1'000'000'000;
constexpr std::string_view kUnloaded = "It was unloaded.";

bool IsOurs(const std::string& file) { return file.ends_with(".safetensors"); }

// The files of a folder, by name; hidden ones are none of ours.
Result<std::vector<std::string>> FilesIn(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error);
  for (const std::filesystem::directory_iterator end; !error && entry != end;
       entry.increment(error)) {
    const path& file = entry->path();
    if (!file.filename().string().starts_with(".")) files.push_back(file.string());
  }
  if (error) {
    return Error{ErrorCode::kInvalidInput, "--models is \"" + folder + "\": " + error.message()};
  }
  std::sort(files.begin(), files.end());
  return files;
}

// What stands at a path that is no file, or nothing: nobody may ever write to a pipe, and a device
// may have no end.
std::string NoFile(const std::string& file) {
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (!std::filesystem::exists(status) || std::filesystem::is_regular_file(status)) return "";
  if (std::filesystem::is_directory(status)) return "a folder";
  if (std::filesystem::is_fifo(status)) return "a pipe";
  return std::filesystem::is_socket(status) ? "a socket" : "a device";
}

bool IsAllDigits(std::string_view text) {
  return text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Whether version `a` is higher than `b`: numbers by their value and above all others.
bool IsHigher(std::string_view a, std::string_view b) {
  if (IsAllDigits(a) != IsAllDigits(b)) return IsAllDigits(a);
  if (!IsAllDigits(a)) return a > b;
  a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
  b.remove_prefix(std::min(b.find_first_not_of('0'), b.size()));
  return a.size() != b.size() ? a.size() > b.size() : a > b;
}

// The one model file of a folder: what is in our format goes first. Empty where there is none, or
// more than one.
std::string OnlyModelIn(const std::string& folder,
                        const std::function<bool(const std::string&)>& is_forbidden) {
  const auto files = FilesIn(folder);
  if (!files.ok()) return "";
  std::vector<std::string> ours, others;
  for (const std::string& file : *files) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(file, error) || is_forbidden(file)) continue;
    (IsOurs(file) ? ours : others).push_back(file);
  }
  const auto& candidates = ours.empty() ? others : ours;
  return candidates.size() == 1 ? candidates.front() : "";
}

struct Version {
  std::string version, folder;
};

// The folders in `folder`, the highest version first.
std::vector<Version> VersionsIn(const std::string& folder) {
  std::vector<Version> versions;
  const auto entries = FilesIn(folder);
  if (!entries.ok()) return versions;
  for (const std::string& entry : *entries) {
    std::error_code error;
    if (std::filesystem::is_directory(entry, error)) {
      versions.push_back({path(entry).filename().string(), entry});
    }
  }
  std::sort(versions.begin(), versions.end(),
            [](const Version& a, const Version& b) { return IsHigher(a.version, b.version); });
  return versions;
}

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
    Note(listed.error().message);
    std::set<std::string> named;
    for (const auto& [name, file] : paths_) named.insert(name);
    for (const auto& model : source_.models_) {
      if (named.count(model->name) == 0) change_.models.push_back(model);
    }
    for (const auto& [file, known] : source_.known_) seen_.insert(file);
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
    if (!files.ok()) return files.error();
    std::set<std::string> ours;
    std::vector<std::string> versioned;
    std::erase_if(*files, [&](const std::string& file) {
      if (source_.IsForbidden(file)) return true;
      const std::string what = NoFile(file);
      if (what.empty()) return false;
      if (what == "a folder" && !VersionsIn(file).empty()) {
        versioned.push_back(file);
        return true;
      }
      Note("not served: " + Plain(file) + ": " + what + "; a model file was expected");
      return true;
    });
    for (const std::string& file : *files) {
      if (IsOurs(file)) ours.insert(ModelNameOf(file));
    }
    for (const std::string& file : *files) {
      if (!IsOurs(file) && ours.count(ModelNameOf(file)) != 0) {
        Note("not served: " + Plain(file) + ": a .safetensors file beside it has the same name");
      } else if (auto added = FileOfFolder(file); !added.ok()) {
        return added;
      }
    }
    for (const std::string& model : versioned) {
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
      if (!source_.started_ && (IsOurs(file) || is_model)) return *known.error;
      if (IsOurs(file) || is_model) {
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
  Status Versions(const std::string& folder) {
    const std::string name = path(folder).filename().string();
    if (!IsModelName(name)) {
      Note("not served: " + Plain(folder) +
           ": its name cannot be part of an address; A-Z a-z 0-9 . _ - were expected");
      return Ok{};
    }
    if (IsUnloaded(name)) return Ok{};
    const auto [other, is_new] = paths_.emplace(name, folder);
    if (!is_new) {
      NoteTaken(folder, other->second);
      return Ok{};
    }
    for (const Version& each : VersionsIn(folder)) {
      const std::string file = OnlyModelIn(
          each.folder, [&](const std::string& one) { return source_.IsForbidden(one); });
      if (file.empty() || !IsModelName(each.version)) {
        Note("not served: " + Plain(each.folder) + ": one model file was expected in it");
        continue;
      }
      seen_.insert(file);
      const Called called{name, each.version};
      Known& known = source_.Look(file, change_, &called);
      if (known.model != nullptr) {
        change_.models.push_back(known.model);
      } else if (!source_.started_) {
        return *known.error;
      } else {
        NoteFailed(name, *known.error);
      }
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
