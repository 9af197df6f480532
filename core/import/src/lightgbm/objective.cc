#include <array>

#include "lightgbm/header.h"

// What LightGBM's objectives make of a margin. Source: ConvertOutput of src/objective/*.hpp and
// ParseObjectiveAlias of include/LightGBM/config.h.
namespace copse::importer::lightgbm {
namespace {

using text::Invalid;
using text::Unsupported;

enum class Family : std::uint8_t {
  kRegression,  ///< the margin, or its signed square where the file says `sqrt`
  kValue,       ///< the margin
  kLog,         ///< exp
  kBinary,
  kMulticlass,
  kOneVsAll,
  kCrossEntropy,
  kCrossEntropyLambda,
  kCustom
};

struct Objective {
  std::string_view name;
  Family family;
};
constexpr std::array kObjectives = {
    Objective{"regression", Family::kRegression},
    Objective{"regression_l2", Family::kRegression},
    Objective{"l2", Family::kRegression},
    Objective{"mean_squared_error", Family::kRegression},
    Objective{"mse", Family::kRegression},
    Objective{"l2_root", Family::kRegression},
    Objective{"root_mean_squared_error", Family::kRegression},
    Objective{"rmse", Family::kRegression},
    Objective{"regression_l1", Family::kRegression},
    Objective{"l1", Family::kRegression},
    Objective{"mean_absolute_error", Family::kRegression},
    Objective{"mae", Family::kRegression},
    Objective{"fair", Family::kRegression},
    Objective{"quantile", Family::kRegression},
    Objective{"mape", Family::kRegression},
    Objective{"mean_absolute_percentage_error", Family::kRegression},
    Objective{"huber", Family::kValue},
    Objective{"lambdarank", Family::kValue},
    Objective{"rank_xendcg", Family::kValue},
    Objective{"xendcg", Family::kValue},
    Objective{"xe_ndcg", Family::kValue},
    Objective{"xe_ndcg_mart", Family::kValue},
    Objective{"xendcg_mart", Family::kValue},
    Objective{"poisson", Family::kLog},
    Objective{"gamma", Family::kLog},
    Objective{"tweedie", Family::kLog},
    Objective{"binary", Family::kBinary},
    Objective{"multiclass", Family::kMulticlass},
    Objective{"softmax", Family::kMulticlass},
    Objective{"multiclassova", Family::kOneVsAll},
    Objective{"multiclass_ova", Family::kOneVsAll},
    Objective{"ova", Family::kOneVsAll},
    Objective{"ovr", Family::kOneVsAll},
    Objective{"cross_entropy", Family::kCrossEntropy},
    Objective{"xentropy", Family::kCrossEntropy},
    Objective{"cross_entropy_lambda", Family::kCrossEntropyLambda},
    Objective{"xentlambda", Family::kCrossEntropyLambda},
    Objective{"none", Family::kCustom},
    Objective{"null", Family::kCustom},
    Objective{"custom", Family::kCustom},
    Objective{"na", Family::kCustom},
};

// The parameter `name:value` of an objective; empty where there is none.
std::string_view Parameter(std::string_view parameters, std::string_view name) {
  for (std::string_view word; NextWord(parameters, word);) {
    const std::size_t colon = word.find(':');
    if (colon != std::string_view::npos && word.substr(0, colon) == name) {
      return word.substr(colon + 1);
    }
  }
  return {};
}

bool HasWord(std::string_view parameters, std::string_view expected) {
  for (std::string_view word; NextWord(parameters, word);) {
    if (word == expected) return true;
  }
  return false;
}

LinkKind LinkOf(Family family, std::string_view parameters) {
  switch (family) {
    case Family::kRegression:
      return HasWord(parameters, "sqrt") ? LinkKind::kSqrtSigned : LinkKind::kIdentity;
    case Family::kLog:
      return LinkKind::kExp;
    case Family::kBinary:
    case Family::kOneVsAll:
    case Family::kCrossEntropy:
      return LinkKind::kSigmoid;
    case Family::kMulticlass:
      return LinkKind::kSoftmax;
    case Family::kCrossEntropyLambda:
      return LinkKind::kLog1pExp;
    case Family::kValue:
    case Family::kCustom:
      break;
  }
  return LinkKind::kIdentity;
}

bool HasClasses(Family family) {
  return family == Family::kBinary || family == Family::kMulticlass || family == Family::kOneVsAll;
}

Flaw ReadScale(Family family, std::string_view parameters, Link& link) {
  if (family != Family::kBinary && family != Family::kOneVsAll) return {};
  const std::string_view sigmoid = Parameter(parameters, "sigmoid");
  const auto scale = ToDouble(sigmoid);
  if (!scale || !(*scale > 0) || *scale > 1e300) {
    return Invalid({"objective has the sigmoid ", text::Quote(sigmoid),
                    ", and a number above 0 was expected"});
  }
  link.scale = *scale;
  return {};
}

// As many columns as the objective has classes; one, where it has none.
Flaw CheckColumns(Family family, std::string_view parameters, const Header& header) {
  if (family == Family::kCustom) return {};
  const bool has_many = family == Family::kMulticlass || family == Family::kOneVsAll;
  std::int64_t expected = 1;
  if (has_many) {
    const std::string_view classes = Parameter(parameters, "num_class");
    if (auto flaw = ReadInteger("num_class of the objective", classes, 1, std::int64_t{1} << 16,
                                expected)) {
      return flaw;
    }
  }
  if (header.n_columns == expected && header.n_classes == expected) return {};
  return Invalid({"num_class is ", header.n_classes, " and num_tree_per_iteration ",
                  header.n_columns, ", and the objective has ", expected});
}

void AddOutputs(Family family, std::size_t n_columns, Imported& imported) {
  if (HasClasses(family)) {
    const std::size_t n_classes = family == Family::kBinary ? 2 : n_columns;
    imported.outputs.push_back(NumberedClasses("class", n_classes, 0, n_columns));
    return;
  }
  for (std::size_t k = 0; k < n_columns; ++k) {
    std::string name = n_columns == 1 ? "value" : text::Concat({"value", k});
    imported.outputs.push_back(ValueOutput(std::move(name), k, k + 1));
  }
}

// LightGBM 2.0 averaged probabilities, later versions turn the average of margins into one: of a v2
// file nobody can say which it was made for.
Flaw ReadAverage(const Header& header, std::size_t n_iterations, Link& link) {
  if (!header.is_average) return {};
  if (header.version == "v2" && link.kind != LinkKind::kIdentity) {
    return text::Unsupported(
        {"a LightGBM v2 random forest with objective ", text::Quote(header.objective),
         " was averaged differently by different versions; train it with LightGBM 3 or newer"});
  }
  if (n_iterations == 0) return Invalid({"average_output is asked of no trees"});
  link.divisor = static_cast<double>(n_iterations);
  return {};
}

}  // namespace

Flaw ReadObjective(const Header& header, std::size_t n_iterations, Imported& imported) {
  std::string_view parameters = header.objective, name = "custom";
  NextWord(parameters, name);
  const Objective* objective = nullptr;
  for (const Objective& known : kObjectives) {
    if (known.name == name) objective = &known;
  }
  if (objective == nullptr) {
    return Unsupported({"LightGBM objective ", text::Quote(name), " is not known"});
  }
  const Family family = objective->family;
  if (auto flaw = CheckColumns(family, parameters, header)) return flaw;
  Link& link = imported.link;
  link.kind = LinkOf(family, parameters);
  if (auto flaw = ReadScale(family, parameters, link)) return flaw;
  if (auto flaw = ReadAverage(header, n_iterations, link)) return flaw;
  AddOutputs(family, static_cast<std::size_t>(header.n_columns), imported);
  if (family == Family::kCustom) {
    imported.warnings.emplace_back(
        "The model was trained with an objective of its own, which the file does not hold: its "
        "answers are raw scores.");
  }
  imported.source.options.emplace_back("objective", text::Concat({"\"", objective->name, "\""}));
  return {};
}

}  // namespace copse::importer::lightgbm
