#include "sklearn/wrappers.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "sklearn/pipeline_columns.h"
#include "text.h"

// What stands around or in front of an estimator.
namespace copse::importer::sklearn {
namespace {

using pickle::Kind;
using text::Invalid;
using text::Unsupported;

// Objects that predict with another one: its attribute.
struct Wrapper {
  std::string_view stem, attribute;
};
constexpr std::array<Wrapper, 6> kWrappers = {{{"GridSearchCV", "best_estimator_"},
                                               {"RandomizedSearchCV", "best_estimator_"},
                                               {"HalvingGridSearchCV", "best_estimator_"},
                                               {"HalvingRandomSearchCV", "best_estimator_"},
                                               {"BayesSearchCV", "best_estimator_"},
                                               {"FrozenEstimator", "estimator"}}};

bool IsOf(std::string_view class_name, std::initializer_list<std::string_view> packages) {
  return std::any_of(packages.begin(), packages.end(),
                     [&](std::string_view package) { return class_name.starts_with(package); });
}

const Wrapper* FindWrapper(Value value) {
  if (!IsOf(value.class_name(), {"sklearn.", "skopt."})) return nullptr;
  const auto* const found =
      std::find_if(kWrappers.begin(), kWrappers.end(),
                   [&](const Wrapper& wrapper) { return wrapper.stem == value.class_stem(); });
  return found == kWrappers.end() ? nullptr : found;
}

bool IsPipeline(Value value) {
  return value.class_stem() == "Pipeline" && IsOf(value.class_name(), {"sklearn.", "imblearn."});
}

bool IsTreeModel(Value value) {
  const std::string_view name = value.class_stem();
  return IsOf(value.class_name(), {"sklearn."}) &&
         (IsForest(name) || IsBoosting(name) || IsHist(name) || IsLinear(name) ||
          name == "IsolationForest");
}

// An estimator, or what holds one and predicts like it.
bool IsModel(Value value) {
  if (!value.is(Kind::kObject)) return false;
  return IsTreeModel(value) || IsPipeline(value) || FindWrapper(value) != nullptr ||
         IsXgboost(value.class_name()) || IsLightgbm(value.class_name());
}

// The estimator behind pipelines and searches; what stands before it goes into `front`.
Result<Value> Unwrap(Value value, Front& front) {
  constexpr int kStepsMax = 1000;  // of all pipelines in each other
  std::vector<Value> todo = {value};
  for (int i = 0; i < kStepsMax && !todo.empty(); ++i) {
    const Value next = todo.back();
    todo.pop_back();
    if (const Wrapper* wrapper = FindWrapper(next)) {
      const auto inner = next.Attribute(wrapper->attribute);
      if (!inner) {
        return Unsupported({"this ", wrapper->stem, " has no ", wrapper->attribute,
                            ": it was saved before fit, or with refit=False; ",
                            "fit it with refit=True, or save the estimator itself"});
      }
      todo.push_back(*inner);
    } else if (IsPipeline(next)) {
      const auto steps = next.Attribute("steps");
      if (!steps || steps->size() == 0) return Invalid({"a Pipeline has no steps"});
      for (std::size_t s = steps->size(); s-- > 0;) {
        const Value step = steps->At(s);
        if (step.size() != 2) return Invalid({"steps[", s, "] of a Pipeline is no (name, step)"});
        todo.push_back(step.At(1));
        if (todo.size() > kStepsMax) return text::TooLarge({"the pipeline has too many steps"});
      }
    } else if (todo.empty()) {
      return next;
    } else if (auto status = front.Add(next); !status.ok()) {
      return status.error();
    }
  }
  return text::TooLarge({"the pipeline has too many steps"});
}

Result<Imported> ReadSklearn(Value value, const ImportOptions& options, const Front& front) {
  Estimator estimator{value, std::string(value.class_stem()), VersionOf(value), options, {}};
  const std::string_view name = estimator.name;
  const bool is_double = IsHist(name) || IsLinear(name);
  estimator.map = front.Map(is_double ? Precision::kFloat64 : Precision::kFloat32);
  if (IsForest(name)) return ReadForest(estimator);
  if (IsBoosting(name)) return ReadBoosting(estimator);
  if (IsHist(name)) return ReadHist(estimator);
  if (IsLinear(name)) return ReadLinear(estimator);
  return ReadIsolationForest(estimator);
}

Result<Imported> ReadBooster(Value value, const ImportOptions& options, const Front& front) {
  auto imported =
      IsXgboost(value.class_name()) ? ReadXgboost(value, options) : ReadLightgbm(value, options);
  if (!imported.ok()) return imported;
  if (auto status = front.FoldInto(*imported); !status.ok()) return status.error();
  return imported;
}

Result<Imported> ReadOne(Value value, const ImportOptions& options) {
  Front front;
  auto inner = Unwrap(value, front);
  if (!inner.ok()) return inner.error();
  const std::string_view class_name = inner->class_name();
  const bool is_booster = IsXgboost(class_name) || IsLightgbm(class_name);
  if (!inner->is(Kind::kObject) || !(is_booster || IsTreeModel(*inner))) {
    return RefuseClass(*inner);
  }
  auto imported =
      is_booster ? ReadBooster(*inner, options, front) : ReadSklearn(*inner, options, front);
  if (!imported.ok()) return imported;
  front.Describe(*imported);
  return imported;
}

bool IsContainer(Value value) {
  return value.is(Kind::kDict) || value.is(Kind::kList) || value.is(Kind::kTuple);
}

// The objects in a container and in the containers in it, each once.
std::vector<Value> ObjectsIn(Value root) {
  constexpr std::size_t kLookedAtMax = 10'000;
  std::vector<Value> objects;
  std::vector<Value> level = {root};
  std::size_t n_looked_at = 0;
  for (int depth = 0; depth < 2; ++depth) {
    std::vector<Value> next;
    for (const Value& container : level) {
      for (std::size_t i = 0; i < container.size() && n_looked_at < kLookedAtMax; ++i) {
        ++n_looked_at;
        const Value item = container.is(Kind::kDict) ? container.Item(i) : container.At(i);
        if (IsContainer(item)) next.push_back(item);
        const bool is_new = std::none_of(objects.begin(), objects.end(), [&](const Value& other) {
          return other.id() == item.id();
        });
        if (item.is(Kind::kObject) && is_new && objects.size() < 100) objects.push_back(item);
      }
    }
    level = std::move(next);
  }
  return objects;
}

// "RandomForestClassifier, StandardScaler"
std::string ListOf(const std::vector<Value>& objects) {
  constexpr std::size_t kListedMax = 8;
  std::string list;
  for (std::size_t i = 0; i < std::min(objects.size(), kListedMax); ++i) {
    list += text::Concat({i > 0 ? ", " : "", objects[i].class_stem().substr(0, 40)});
  }
  return list + (objects.size() > kListedMax ? ", ..." : "");
}

// Whether an object changes the rows before a model sees them, as far as its class tells.
bool ChangesRows(Value value) {
  if (IsPipeline(value)) return false;
  const std::string_view stem = value.class_stem();
  if (stem == "LabelEncoder" || stem == "LabelBinarizer") return false;
  return IsOf(value.class_name(),
              {"sklearn.preprocessing.", "sklearn.impute.", "sklearn.compose.",
               "sklearn.decomposition.", "sklearn.feature_", "sklearn.pipeline."});
}

// A container with one model: {"model": forest, "features": [...]}.
Result<Imported> ReadContainer(Value root, const ImportOptions& options) {
  const std::vector<Value> objects = ObjectsIn(root);
  std::vector<Value> models;
  std::copy_if(objects.begin(), objects.end(), std::back_inserter(models), IsModel);
  const bool is_changed = std::any_of(objects.begin(), objects.end(), ChangesRows);
  if (models.size() != 1 || is_changed) {
    if (objects.empty()) {
      return Unsupported({"this pickle holds ", root.Describe(),
                          " without a model in it; save the fitted model itself"});
    }
    return Unsupported({"this pickle holds ", root.Describe(), " with ", ListOf(objects),
                        is_changed ? ": what belongs in front of the model is not known; save "
                                     "them as one sklearn Pipeline"
                                   : ", not exactly one model that can be imported; save the one "
                                     "model itself"});
  }
  auto imported = ReadOne(models[0], options);
  if (!imported.ok()) return imported;
  imported->warnings.push_back(
      text::Concat({"The file holds ", root.Describe(), "; only its ", models[0].class_stem(),
                    " is imported", objects.size() > 1 ? ", and nothing else of: " : ".",
                    objects.size() > 1 ? ListOf(objects) + "." : std::string()}));
  return imported;
}

}  // namespace

Result<Imported> ReadEstimator(Value value, const ImportOptions& options) {
  return IsContainer(value) ? ReadContainer(value, options) : ReadOne(value, options);
}

}  // namespace copse::importer::sklearn
