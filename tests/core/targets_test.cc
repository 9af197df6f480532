// The instruction sets that kernels are dispatched to. What the tests of kernels prove, they prove
// for those that the processor has: here they must be all that it could have.
#include "targets.h"

#include <algorithm>
#include <fstream>
#include <ostream>
#include <set>
#include <sstream>

namespace copse {
namespace {

using Names = std::vector<std::string_view>;

/// An instruction set, and what a processor has to have for it, as /proc/cpuinfo names it beyond
/// what the one before has.
struct Wanted {
  std::string_view target;
  std::vector<std::string> flags;
};

void PrintTo(const Wanted& wanted, std::ostream* out) { *out << wanted.target; }

#if defined(__aarch64__)
std::vector<Wanted> AllWanted() { return {{"NEON", {}}}; }  // which all of them have
#else
std::vector<Wanted> AllWanted() {
  std::vector<Wanted> all = {
      {"SSE4", {"sse4_1", "sse4_2", "aes", "pclmulqdq"}},
      {"AVX2", {"avx2", "fma", "f16c", "bmi1", "bmi2", "abm"}},
      {"AVX3", {"avx512f", "avx512vl", "avx512dq", "avx512bw", "avx512cd"}},
      {"AVX3_DL",
       {"avx512_vnni", "vpclmulqdq", "avx512vbmi", "avx512_vbmi2", "vaes", "avx512_vpopcntdq",
        "avx512_bitalg", "gfni"}},
  };
  for (std::size_t i = 1; i < all.size(); ++i) {
    all[i].flags.insert(all[i].flags.end(), all[i - 1].flags.begin(), all[i - 1].flags.end());
  }
  return all;
}
#endif

/// What the first processor says that it has; nothing where no system says it.
std::set<std::string> FlagsOfProcessor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("flags", 0) != 0) continue;
    std::istringstream words(line.substr(line.find(':') + 1));
    std::set<std::string> flags;
    for (std::string word; words >> word;) flags.insert(word);
    return flags;
  }
  return {};
}

class Targets : public ::testing::TestWithParam<Wanted> {};

TEST_P(Targets, AreThoseOfTheProcessor) {
  const auto& [target, flags] = GetParam();
  const std::set<std::string> there = FlagsOfProcessor();
  for (const std::string& flag : flags) {
    if (there.count(flag) > 0) continue;
    std::printf("SKIP: no %s here (%s): its kernels are not tried\n", std::string(target).c_str(),
                flag.c_str());
    GTEST_SKIP() << "this processor has no " << flag;
  }
  const Names targets = Plan::Targets();
  EXPECT_EQ(std::count(targets.begin(), targets.end(), target), 1) << test::TargetNames();
}

INSTANTIATE_TEST_SUITE_P(, Targets, ::testing::ValuesIn(AllWanted()),
                         [](const auto& param) { return std::string(param.param.target); });

TEST(LimitTarget, LeavesTheTargetAndThoseBelow) {
  const Names all = Plan::Targets();
  std::printf("report: targets: %s\n", test::TargetNames().c_str());
  ASSERT_FALSE(all.empty());
  for (std::size_t i = 0; i < all.size(); ++i) {
    Plan::LimitTarget(all[i]);
    EXPECT_EQ(Plan::Targets(), Names(all.begin() + static_cast<std::ptrdiff_t>(i), all.end()));
  }
  Plan::LimitTarget("none");
  EXPECT_EQ(Plan::Targets(), all) << "a name that no target has limits nothing";
}

}  // namespace
}  // namespace copse
