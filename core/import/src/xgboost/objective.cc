#include "xgboost/objective.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

namespace copse::importer::xgboost {
namespace {

using enum LinkKind;

// Every objective of XGBoost 1.0 to 3.4, with the names that older versions had for it.
constexpr std::array<Objective, 25> kObjectives = {{
    {"reg:squarederror", Task::kValue, kIdentity, Start::kIdentity},
    {"reg:linear", Task::kValue, kIdentity, Start::kIdentity},
    {"reg:squaredlogerror", Task::kValue, kIdentity, Start::kIdentity},
    {"reg:pseudohubererror", Task::kValue, kIdentity, Start::kIdentity},
    {"reg:absoluteerror", Task::kValue, kIdentity, Start::kIdentity},
    {"reg:quantileerror", Task::kValue, kIdentity, Start::kIdentity},
    {"reg:expectileerror", Task::kValue, kIdentity, Start::kIdentity},
    {"reg:logistic", Task::kValue, kSigmoid, Start::kLogit},
    {"reg:gamma", Task::kValue, kExp, Start::kLog},
    {"reg:tweedie", Task::kValue, kExp, Start::kLog},
    {"count:poisson", Task::kValue, kExp, Start::kLog},
    {"survival:cox", Task::kValue, kExp, Start::kLog},
    {"survival:aft", Task::kValue, kExp, Start::kLog},
    {"binary:logistic", Task::kBinary, kSigmoid, Start::kLogit},
    {"binary:logitraw", Task::kValue, kIdentity, Start::kIdentity},
    {"binary:hinge", Task::kBinary, kHinge, Start::kIdentity},
    {"multi:softmax", Task::kMulti, kSoftmaxArgmax, Start::kIdentity},
    {"multi:softprob", Task::kMulti, kSoftmax, Start::kIdentity},
    {"rank:pairwise", Task::kValue, kIdentity, Start::kIdentity},
    {"rank:ndcg", Task::kValue, kIdentity, Start::kIdentity},
    {"rank:map", Task::kValue, kIdentity, Start::kIdentity},
    {"gpu:reg:linear", Task::kValue, kIdentity, Start::kIdentity},
    {"gpu:reg:logistic", Task::kValue, kSigmoid, Start::kLogit},
    {"gpu:binary:logistic", Task::kBinary, kSigmoid, Start::kLogit},
    {"gpu:binary:logitraw", Task::kValue, kIdentity, Start::kIdentity},
}};

// glibc's logf, from which XGBoost has its base margin: within an ulp of LogF, but one in 500
// logits has another last bit, and with it every margin of the model. The algorithm is that of
// ARM's optimized routines (math/logf.c, MIT): log(x) = log(2^k c) + log1p(r), c from a table.
struct LogEntry {
  double inverse, log;
};
constexpr std::array<LogEntry, 16> kLogTable = {{
    {0x1.661ec79f8f3bep+0, -0x1.57bf7808caadep-2},
    {0x1.571ed4aaf883dp+0, -0x1.2bef0a7c06ddbp-2},
    {0x1.49539f0f010bp+0, -0x1.01eae7f513a67p-2},
    {0x1.3c995b0b80385p+0, -0x1.b31d8a68224e9p-3},
    {0x1.30d190c8864a5p+0, -0x1.6574f0ac07758p-3},
    {0x1.25e227b0b8eap+0, -0x1.1aa2bc79c81p-3},
    {0x1.1bb4a4a1a343fp+0, -0x1.a4e76ce8c0e5ep-4},
    {0x1.12358f08ae5bap+0, -0x1.1973c5a611cccp-4},
    {0x1.0953f419900a7p+0, -0x1.252f438e10c1ep-5},
    {0x1p+0, 0x0p+0},
    {0x1.e608cfd9a47acp-1, 0x1.aa5aa5df25984p-5},
    {0x1.ca4b31f026aap-1, 0x1.c5e53aa362eb4p-4},
    {0x1.b2036576afce6p-1, 0x1.526e57720db08p-3},
    {0x1.9c2d163a1aa2dp-1, 0x1.bc2860d22477p-3},
    {0x1.886e6037841edp-1, 0x1.1058bc8a07ee1p-2},
    {0x1.767dcf5534862p-1, 0x1.4043057b6ee09p-2},
}};

float GlibcLogF(float x) {
  if (x == 1) return 0;
  if (x == 0) return -std::numeric_limits<float>::infinity();
  if (!(x > 0)) return std::numeric_limits<float>::quiet_NaN();
  if (std::isinf(x)) return x;
  const bool is_subnormal = x < std::numeric_limits<float>::min();
  if (is_subnormal) x *= 0x1p23f;
  std::uint32_t bits = 0;
  std::memcpy(&bits, &x, sizeof bits);
  if (is_subnormal) bits -= std::uint32_t{23} << 23;
  const std::uint32_t from = bits - 0x3f330000;
  const LogEntry& entry = kLogTable[from >> 19 & 15];
  const std::int32_t k = static_cast<std::int32_t>(from) >> 23;
  bits -= from & 0xff800000;
  std::memcpy(&x, &bits, sizeof bits);
  const double r = static_cast<double>(x) * entry.inverse - 1;
  const double start = entry.log + k * 0x1.62e42fefa39efp-1;
  const double r2 = r * r;
  double y = 0x1.5575b0be00b6ap-2 * r + -0x1.ffffef20a4123p-2;
  y = -0x1.00ea348b88334p-2 * r2 + y;
  return static_cast<float>(y * r2 + (start + r));
}

text::Flaw Refuse(const Objective& objective, float score, std::string_view range) {
  return text::Invalid({"learner_model_param.base_score is ", static_cast<double>(score),
                        ", and the objective ", objective.name, " takes ", range});
}

}  // namespace

std::string Version::Text() const {
  return is_known() ? text::Concat({major, ".", minor, ".", patch}) : std::string();
}

std::optional<Objective> FindObjective(std::string_view name) {
  const auto found = std::find_if(kObjectives.begin(), kObjectives.end(),
                                  [&](const Objective& each) { return each.name == name; });
  return found == kObjectives.end() ? std::nullopt : std::optional(*found);
}

void SetOutputs(const Objective& objective, std::size_t n_margins, Imported& imported) {
  imported.link.kind = objective.link;
  imported.link.math = Precision::kFloat32;
  if (objective.link == kSigmoid) imported.link.guard = 1e-16;
  if (objective.link == kHinge) imported.decision = Decision::kGreaterThanZero;
  if (objective.task == Task::kMulti) {
    imported.outputs = {NumberedClasses("class", n_margins, 0, n_margins)};
    return;
  }
  for (std::size_t k = 0; k < n_margins; ++k) {
    std::string name = objective.task == Task::kBinary ? "class" : "value";
    if (n_margins > 1) name += std::to_string(k);
    imported.outputs.push_back(objective.task == Task::kBinary
                                   ? NumberedClasses(std::move(name), 2, k, k + 1)
                                   : ValueOutput(std::move(name), k, k + 1));
  }
}

text::Flaw StartMargins(const Objective& objective, const Version& version,
                        std::vector<double>& scores) {
  for (double& each : scores) {
    auto score = static_cast<float>(each);
    if (objective.start == Start::kLogit) {
      // 3.1 learned to live with classes that training never saw.
      constexpr float kLeast = 1e-6f;
      const bool clamps = version.AtLeast(3, 1);
      if (!(score >= 0 && score <= 1) || (!clamps && (score == 0 || score == 1))) {
        return Refuse(objective, score, "a probability between 0 and 1");
      }
      if (clamps) score = std::min(std::max(score, kLeast), 1 - kLeast);
      score = -GlibcLogF(1 / score - 1);
    } else if (objective.start == Start::kLog) {
      if (!(score > 0)) return Refuse(objective, score, "a number above 0");
      score = GlibcLogF(score);
    }
    if (!std::isfinite(score)) return Refuse(objective, score, "a finite number");
    each = score;
  }
  return {};
}

}  // namespace copse::importer::xgboost
