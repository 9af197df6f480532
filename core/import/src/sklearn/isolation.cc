#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "copse/math.h"
#include "forest_assembler.h"
#include "sklearn/estimators.h"
#include "sklearn/tree_values.h"
#include "text.h"

// IsolationForest: how deep a row falls, added over the trees; the link makes it a score.
// Source: sklearn/ensemble/_iforest.py, `_compute_score_samples`.
namespace copse::importer::sklearn {
namespace {

using pickle::Array;
using pickle::Kind;

// Mean path of an unsuccessful search among n: `_average_path_length`.
double AveragePath(double n) {
  constexpr double kEulerGamma = 0.577215664901532860606512090082402431;
  if (n <= 1) return 0;
  if (n == 2) return 1;
  return 2.0 * (Log(n - 1.0) + kEulerGamma) - 2.0 * (n - 1.0) / n;
}

class IsolationReader {
 public:
  explicit IsolationReader(const Estimator& estimator)
      : estimator_(estimator), called_(estimator.Called()), imported_(StartImported(estimator)) {}

  Result<Imported> Read() {
    if (auto status = CheckVersion(); !status.ok()) return status.error();
    auto members = MembersOf(estimator_);
    if (!members.ok()) return members.error();
    auto trees = TreesOf(estimator_, *members);
    if (!trees.ok()) return trees.error();
    if (auto status = tree_.Read(trees->front(), called_); !status.ok()) return status.error();
    if (auto status = SetFeatures(trees->size()); !status.ok()) return status.error();
    if (auto status = SetLink(trees->size()); !status.ok()) return status.error();
    auto assembler = StartForest(estimator_, {n_features_, 1, 1}, imported_);
    if (!assembler.ok()) return assembler.error();
    if (auto status = AddTrees(*trees, *assembler); !status.ok()) return status.error();
    imported_.forest = assembler->Take({0.0});
    imported_.combine = "sum";
    imported_.outputs.push_back(ValueOutput("score", 0, 1));
    imported_.outputs[0].kind = OutputKind::kScore;
    // Since 1.6 no value is looked at before the trees.
    const bool takes_all = knows_missing_ && estimator_.version.AtLeast(1, 6);
    if (takes_all && !estimator_.map) imported_.infinite_allowed = true;
    imported_.missing_allowed = takes_all || FillsMissing(estimator_);
    return std::move(imported_);
  }

 private:
  // Until 0.21 `predict` compares with a threshold of its own, which no score has.
  Status CheckVersion() const {
    const Version& version = estimator_.version;
    if (version.AtLeast(0, 22)) return Ok{};
    if (version.AtLeast(0, 21) && TextOf(estimator_.value, "behaviour") == "new") return Ok{};
    return text::Unsupported({called_,
                              " decides as before 0.22, with a threshold beside its score, which "
                              "cannot be imported: fit it with scikit-learn 0.22 or newer"});
  }

  // Columns of the rows, and which of them each tree sees. scikit-learn itself ignores
  // `estimators_features_` where all columns are used: they are a permutation then.
  Status SetFeatures(std::size_t n_trees) {
    n_seen_ = tree_.n_features;
    n_features_ = n_seen_;
    for (const char* name : {"n_features_in_", "n_features_"}) {
      const auto found = estimator_.value.Attribute(name);
      const auto number = found ? found->AsInteger() : std::nullopt;
      if (!number) continue;
      if (*number < static_cast<std::int64_t>(n_seen_)) {
        return BadAttribute(called_, name, found, "as many as a tree has, or more");
      }
      n_features_ = static_cast<std::size_t>(*number);
      break;
    }
    if (n_features_ == n_seen_) return Ok{};
    const auto found = estimator_.value.Attribute("estimators_features_");
    if (!found || !found->is(Kind::kList) || found->size() != n_trees) {
      return BadAttribute(called_, "estimators_features_", found, "the columns of each tree");
    }
    subsets_ = found;
    return Ok{};
  }

  // Columns [n_seen_] of tree t into columns_.
  Status ReadColumns(std::size_t t) {
    const auto array = Array::From(subsets_->At(t), "estimators_features_");
    if (!array.ok()) return array.error();
    if (auto status = array->ReadIntegers(nullptr, columns_); !status.ok()) return status;
    bool good = columns_.size() == n_seen_ && tree_.IsNew(*array);
    for (const std::int64_t column : columns_) {
      good = good && column >= 0 && static_cast<std::uint64_t>(column) < n_features_;
    }
    if (good) return Ok{};
    return text::Invalid({called_, ": estimators_features_ of tree ", t, " are not ", n_seen_,
                          " of ", n_features_, " columns"});
  }

  Status SetLink(std::size_t n_trees) {
    const auto offset = NeedNumber(called_, estimator_.value, "offset_");
    if (!offset.ok()) return offset.error();
    const bool has_private = estimator_.value.Attribute("_max_samples").has_value();
    const auto samples =
        NeedNumber(called_, estimator_.value, has_private ? "_max_samples" : "max_samples_");
    if (!samples.ok()) return samples.error();
    if (*samples < 2) {
      return text::Unsupported({called_, " was fitted with ", *samples,
                                " rows for a tree, so it has no score: fit it with max_samples "
                                "of 2 or more"});
    }
    imported_.link.kind = LinkKind::kIsolation;
    imported_.link.denominator = static_cast<double>(n_trees) * AveragePath(*samples);
    imported_.link.offset = *offset;
    return Ok{};
  }

  Status AddTrees(const std::vector<Value>& trees, ForestAssembler& assembler) {
    for (std::size_t t = 0; t < trees.size(); ++t) {
      if (t > 0) {
        if (auto status = tree_.Read(trees[t], called_); !status.ok()) return status;
      }
      if (tree_.n_features != n_seen_ || tree_.width() != 1) {
        return text::Invalid({called_, ": tree ", t, " has ", tree_.n_features, " features and ",
                              tree_.width(), " values a node; expected ", n_seen_, " and 1"});
      }
      knows_missing_ = knows_missing_ && tree_.knows_missing();
      if (auto status = tree_.FillNodes(t, 1, source_); !status.ok()) return status;
      if (subsets_) {
        if (auto status = ReadColumns(t); !status.ok()) return status;
        for (std::uint32_t& feature : source_.feature) {
          // One that is out of range stays so, for the assembler to refuse.
          const bool known = feature < columns_.size();
          feature = static_cast<std::uint32_t>(known ? columns_[feature]
                                                     : static_cast<std::int64_t>(n_features_));
        }
      }
      FillLeaves();
      if (auto status = assembler.Add(source_); !status.ok()) return status;
    }
    return Ok{};
  }

  // Nodes on the way to the leaf, and what a search among its rows would have taken more. A node
  // that is met twice is for the assembler to refuse.
  void FillLeaves() {
    depth_.assign(tree_.n_nodes(), 0);
    depth_[0] = 1;
    stack_.assign(1, 0);
    while (!stack_.empty()) {
      const std::size_t node = stack_.back();
      stack_.pop_back();
      if (source_.left[node] < 0) {
        const auto samples = static_cast<double>(tree_.samples[node]);
        source_.leaf_value[node] = (depth_[node] + AveragePath(samples)) - 1.0;
        continue;
      }
      for (const std::int32_t child : {source_.left[node], source_.right[node]}) {
        const auto at = static_cast<std::size_t>(child);
        if (at >= depth_.size() || depth_[at] != 0) continue;
        depth_[at] = depth_[node] + 1;
        stack_.push_back(at);
      }
    }
  }

  const Estimator& estimator_;
  std::string called_;
  Imported imported_;
  TreeValues tree_;
  SourceTree source_;
  std::size_t n_seen_ = 0, n_features_ = 0;
  std::optional<Value> subsets_;
  bool knows_missing_ = true;
  std::vector<std::int64_t> columns_;
  std::vector<double> depth_;
  std::vector<std::size_t> stack_;
};

}  // namespace

Result<Imported> ReadIsolationForest(const Estimator& estimator) {
  return IsolationReader(estimator).Read();
}

}  // namespace copse::importer::sklearn
