#include "bench_rows.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <random>

namespace copse {
namespace {

constexpr std::uint64_t kMissingOneIn = 64;

// What the nodes ask of one feature.
struct Asked {
  std::vector<double> thresholds;  // rising, distinct, finite
  std::uint32_t n_codes = 0;       // categories are below
};

bool IsFinite(double x) { return x - x == 0; }

std::vector<Asked> QuestionsOf(const Forest& forest) {
  const ForestParts& parts = forest.parts();
  std::vector<Asked> asked(forest.n_features());
  std::size_t set = 0;
  for (std::size_t node = 0; node < forest.n_nodes(); ++node) {
    Asked& feature = asked[parts.feature[node]];
    if ((parts.flags[node] & node_flags::kCategorical) != 0) {
      const std::uint32_t n_words = parts.cat_begin[set + 1] - parts.cat_begin[set];
      feature.n_codes = std::max(feature.n_codes, std::min(n_words, 1U << 20) * 32);
      ++set;
    } else if (const double threshold = At(parts.threshold, node); IsFinite(threshold)) {
      feature.thresholds.push_back(threshold);
    }
  }
  for (Asked& feature : asked) {
    std::sort(feature.thresholds.begin(), feature.thresholds.end());
    const auto end = std::unique(feature.thresholds.begin(), feature.thresholds.end());
    feature.thresholds.erase(end, feature.thresholds.end());
  }
  return asked;
}

// The standard says what an engine gives, but not what a distribution makes of it.
class Random {
 public:
  std::uint64_t Below(std::uint64_t end) { return engine_() % end; }
  /// In [0, 1).
  double Share() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }

 private:
  std::mt19937_64 engine_{1};
};

// A number in gap [0, thresholds.size()], the outer two being as wide as their neighbours.
double InGap(const std::vector<double>& thresholds, std::size_t gap, double share) {
  const double low = thresholds.front(), high = thresholds.back();
  const double spread = high > low ? (high - low) / static_cast<double>(thresholds.size()) : 1;
  if (gap == 0) return low - share * spread;
  if (gap == thresholds.size()) return high + (1 - share) * spread;
  // Not the difference times the share: it may be infinite.
  return thresholds[gap - 1] * share + thresholds[gap] * (1 - share);
}

double ValueOf(const Model& model, const Asked& asked, std::size_t feature, Random& random) {
  const double share = random.Share();
  if (!asked.thresholds.empty()) {
    const std::size_t gap = random.Below(asked.thresholds.size() + 1);
    return InGap(asked.thresholds, gap, share);
  }
  if (asked.n_codes == 0) return 0;
  const ForestParts& parts = model.forest()->parts();
  if (parts.category_begin.empty()) return static_cast<double>(random.Below(asked.n_codes + 1));
  const std::uint32_t begin = parts.category_begin[feature];
  const std::uint32_t n_values = parts.category_begin[feature + 1] - begin;
  return n_values == 0 ? 0 : parts.category_value[begin + random.Below(n_values)];
}

// What the model would refuse in a file of rows is no row to time it with.
double Usable(const Model& model, double value) {
  const double largest = model.input() == Precision::kFloat32
                             ? double{std::numeric_limits<float>::max()}
                             : std::numeric_limits<double>::max();
  return std::clamp(value, -largest, largest);
}

}  // namespace

std::vector<double> SyntheticRows(const Model& model, std::size_t n_rows) {
  Random random;
  std::vector<double> rows(n_rows * model.n_features());
  if (model.forest() == nullptr) {
    for (double& value : rows) value = random.Share();
    return rows;
  }
  const std::vector<Asked> asked = QuestionsOf(*model.forest());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::size_t feature = i % model.n_features();
    const bool is_missing = model.missing_allowed() && random.Below(kMissingOneIn) == 0;
    rows[i] = is_missing ? std::numeric_limits<double>::quiet_NaN()
                         : Usable(model, ValueOf(model, asked[feature], feature, random));
  }
  return rows;
}

}  // namespace copse
