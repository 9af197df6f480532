#include "onnx/ensemble.h"

#include <algorithm>
#include <cmath>

#include "copse/limits.h"

namespace copse::importer::onnx {
namespace {

using text::Flaw;
using text::Invalid;

Flaw CheckNumbers(const Ensemble& ensemble) {
  for (std::size_t i = 0; i < ensemble.n_nodes(); ++i) {
    const bool is_test = ensemble.mode[i] != Mode::kLeaf && ensemble.mode[i] != Mode::kMember;
    if (is_test && std::isnan(ensemble.value[i])) {
      return text::Unsupported({ensemble.name(), ": node ", i, " compares with NaN"});
    }
    if (ensemble.feature[i] >= limits::kFeaturesMax) {
      return text::TooLarge({ensemble.name(), ": node ", i, " tests feature ", ensemble.feature[i],
                             ", more than ", limits::kFeaturesMax});
    }
  }
  for (std::size_t i = 0; i < ensemble.weight.size(); ++i) {
    if (std::isfinite(ensemble.weight[i])) continue;
    return text::Unsupported({ensemble.name(), ": a leaf has the weight ", ensemble.weight[i]});
  }
  for (const double base : ensemble.base) {
    if (std::isfinite(base)) continue;
    return text::Unsupported({ensemble.name(), ": a base value is ", base});
  }
  return {};
}

Flaw CheckTargets(const Ensemble& ensemble) {
  if (ensemble.n_targets == 0) {
    return Invalid(
        {ensemble.name(), ensemble.is_classifier ? " has no class labels" : " has no targets"});
  }
  if (ensemble.n_targets > limits::kOutputsMax) {
    return text::TooLarge({ensemble.name(), " has ", ensemble.n_targets, " targets, more than ",
                           limits::kOutputsMax});
  }
  for (const std::uint32_t target : ensemble.target) {
    if (target < ensemble.n_targets) continue;
    return Invalid({ensemble.name(), ": a leaf has a weight of target ", target, ", and there are ",
                    ensemble.n_targets});
  }
  return {};
}

}  // namespace

std::size_t Ensemble::n_features() const {
  std::size_t n = 0;
  for (std::size_t i = 0; i < n_nodes(); ++i) {
    if (mode[i] != Mode::kLeaf) n = std::max<std::size_t>(n, std::size_t{feature[i]} + 1);
  }
  return n;
}

std::string_view Ensemble::name() const {
  if (is_v5) return "TreeEnsemble";
  return is_classifier ? "TreeEnsembleClassifier" : "TreeEnsembleRegressor";
}

bool IsEnsemble(const Node& node) {
  return node.domain == "ai.onnx.ml" &&
         (node.op == "TreeEnsembleClassifier" || node.op == "TreeEnsembleRegressor" ||
          node.op == "TreeEnsemble");
}

Result<Ensemble> ReadEnsemble(const Node& node, ElementType input) {
  auto ensemble =
      node.op == "TreeEnsemble" ? ReadLinkedNodes(node, input) : ReadListedNodes(node, input);
  if (!ensemble.ok()) return ensemble;
  if (auto flaw = CheckTargets(*ensemble)) return *flaw;
  if (auto flaw = CheckNumbers(*ensemble)) return *flaw;
  return ensemble;
}

}  // namespace copse::importer::onnx
