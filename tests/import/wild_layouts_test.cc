// Every model of the folder of real ones (COPSE_WILD_MODELS): every layout that its trees fit, and
// what the rules choose, against the plain walk, bit for bit, on every instruction set. Skips, and
// says so, without the folder. What the models answer is wild_test.py's.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "copse/import.h"
#include "decompress.h"
#include "layouts.h"
#include "random_forest.h"
#include "targets.h"
#include "vectors.h"

namespace copse {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::size_t kModelsMin = 400;
constexpr std::size_t kRows = 300, kRowSets = 3;
constexpr std::size_t kBatches[] = {3, 65, kRows};
// Rows alone: as many as take so many steps down trees, within these bounds.
constexpr std::size_t kAloneSteps = 100000, kAloneMin = 5, kAloneMax = 100;

/// One model file, and whether it may be one that is refused: by the rules of wild_test.py.
struct WildFile {
  fs::path path;
  bool may_be_refused = false;
};

bool EndsWith(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// A case may name an old binary file beside what its own library made of it.
std::vector<WildFile> FilesOf(const Json& found, const fs::path& folder) {
  const bool stretch = test::TextOf(found, "tier") == "stretch";
  const std::string model = test::TextOf(found, "model");
  const std::string converted = test::TextOf(found, "converted");
  std::vector<WildFile> files;
  if (!converted.empty()) files.push_back({folder / converted.substr(0, converted.find(' '))});
  for (const Json& name : found.value("models", Json::array())) {
    files.push_back({folder / name.get<std::string>()});
  }
  if (!found.contains("models")) files.push_back({folder / model, !converted.empty()});
  for (WildFile& file : files) {
    if (stretch || EndsWith(file.path.string(), "legacy.bin")) file.may_be_refused = true;
  }
  return files;
}

/// Those of all cases; the hostile ones are not among them.
std::vector<WildFile> AllFiles(const fs::path& wild) {
  std::vector<fs::path> lists;
  for (const auto& entry : fs::recursive_directory_iterator(wild)) {
    if (entry.path().filename() == "cases.json") lists.push_back(entry.path());
  }
  std::sort(lists.begin(), lists.end());
  std::vector<WildFile> files;
  for (const fs::path& list : lists) {
    for (const Json& found : test::ReadJson(list.string()).value("cases", Json::array())) {
      for (WildFile& file : FilesOf(found, list.parent_path() / test::TextOf(found, "case"))) {
        files.push_back(std::move(file));
      }
    }
  }
  return files;
}

Result<Model> Import(const fs::path& path) {
  const auto file = test::ReadFile(path.string());
  if (!file.ok()) return file.error();
  const Compression compression = CompressionOf(*file);
  if (compression == Compression::kNone) return ImportModel(*file);
  const auto bytes = Decompress(compression, *file, [](auto) { return Ok{}; });
  if (!bytes.ok()) return bytes.error();
  return ImportModel(*bytes, {.file = *file});
}

/// What was compared.
struct Count {
  std::size_t models = 0, without_trees = 0, refused = 0, values = 0;
  std::map<std::string, std::size_t> plans;  ///< of each layout, on all targets
  std::set<std::string> targets;
};

/// A model's trees, rows for them in both widths, and what the plain walk answers.
///
/// Rows hold what the model itself might refuse, too: no layout may depend on that.
class Subject {
 public:
  Subject(const Forest& forest, test::Dice& dice)
      : forest_(forest),
        rows_(test::MakeRows(forest, kRows, dice)),
        narrow_(test::Narrowed(rows_)),
        expected_(test::WalkPlainly(forest, rows_)),
        expected_narrow_(test::WalkPlainly(forest, narrow_)) {
    const std::size_t steps = forest.n_trees() * (forest.max_depth() + 1);
    n_alone_ = std::clamp(kAloneSteps / std::max<std::size_t>(steps, 1), kAloneMin, kAloneMax);
  }

  /// Every layout that fits, and the free choice, with the instruction set of now.
  void CompareAll(Count& count) const {
    Compare(Plan(forest_), "free choice", count);
    for (const LayoutKind kind : test::kLayouts) {
      const Plan plan(forest_, {.only = {kind}});
      if (plan.choices()[0].layout == kind) Compare(plan, std::string(LayoutName(kind)), count);
    }
  }

 private:
  void Compare(const Plan& plan, const std::string& name, Count& count) const {
    SCOPED_TRACE(name);
    std::string found;
    std::size_t n_rows = 0;
    const auto compare = [&](std::size_t first, std::size_t n) {
      if (found.empty()) found = test::Differs(forest_, plan, rows_, expected_, first, n);
      if (found.empty()) found = test::Differs(forest_, plan, narrow_, expected_narrow_, first, n);
      n_rows += 2 * n;
    };
    for (std::size_t r = 0; r < n_alone_; ++r) compare(r * kRows / n_alone_, 1);
    std::set<std::size_t> batches(std::begin(kBatches), std::end(kBatches));
    for (const Plan::Choice& choice : plan.choices()) {  // where the plan changes its ways
      for (const std::size_t n : {choice.rows_min, choice.rows_step, 2 * choice.rows_step}) {
        batches.insert({n - 1, n, n + 1, n + choice.rows_min});
      }
    }
    for (const std::size_t n : batches) {
      if (n >= 1 && n <= kRows) compare((kRows - n) / 2, n);
    }
    EXPECT_EQ(found, "");
    ++count.plans[name];
    count.values += n_rows * forest_.n_outputs();
  }

  const Forest& forest_;
  std::vector<double> rows_;
  std::vector<float> narrow_;
  std::vector<double> expected_, expected_narrow_;
  std::size_t n_alone_ = 0;
};

void Try(const WildFile& file, Count& count) {
  const auto model = Import(file.path);
  if (!model.ok()) {
    EXPECT_TRUE(file.may_be_refused) << model.error().message;
    ++count.refused;
    return;
  }
  const Forest* forest = model->forest();
  if (forest == nullptr) {
    ++count.without_trees;
    return;
  }
  test::Dice dice(count.models++);
  for (std::size_t i = 0; i < kRowSets; ++i) {
    const Subject subject(*forest, dice);
    test::OnEachTarget([&](bool /*best*/) {
      count.targets.insert(std::string(Plan::Target()));
      subject.CompareAll(count);
    });
  }
}

TEST(RealModels, AnswerTheSameBitsInEveryLayout) {
  const char* wild = std::getenv("COPSE_WILD_MODELS");
  if (wild == nullptr || *wild == 0 || !fs::is_regular_file(fs::path(wild) / "README.md")) {
    std::printf("SKIP: no folder of real models (COPSE_WILD_MODELS): layouts not tried on them\n");
    GTEST_SKIP() << "no folder of real models";
  }
  Count count;
  for (const WildFile& file : AllFiles(wild)) {
    SCOPED_TRACE(file.path.string());
    Try(file, count);
    if (HasFailure()) break;
  }
  std::string plans;
  for (const auto& [name, n] : count.plans) plans += ", " + name + " " + std::to_string(n);
  std::printf(
      "report: layouts of %zu real models on %zu instruction sets: %zu values are the plain "
      "walk's%s\n",
      count.models, count.targets.size(), count.values, plans.c_str());
  std::printf("report: %zu more have no trees, %zu are refused\n", count.without_trees,
              count.refused);
  EXPECT_GE(count.models, kModelsMin);
  for (const LayoutKind kind : test::kLayouts) {
    EXPECT_GT(count.plans[std::string(LayoutName(kind))], 0u) << LayoutName(kind);
  }
}

}  // namespace
}  // namespace copse
