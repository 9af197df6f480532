#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "copse/plan.h"

/// Kernels are compiled once for each instruction set; tests of them run with each that the
/// processor has.
namespace copse::test {

/// The instruction sets of this processor, best first: "AVX3_DL, AVX3, AVX2, SSE4".
inline std::string TargetNames() {
  std::string names;
  for (const std::string_view target : Plan::Targets()) {
    if (!names.empty()) names += ", ";
    names += target;
  }
  return names;
}

/// Prints once what they are: which ones are tried depends on the machine.
inline void SayTargets() {
  [[maybe_unused]] static const int kSaid = std::printf("targets: %s\n", TargetNames().c_str());
}

/// Calls `use` with each instruction set in turn, best first; its argument says whether it is the
/// best one.
template <class Use>
void OnEachTarget(Use use) {
  SayTargets();
  const auto targets = Plan::Targets();
  for (const std::string_view target : targets) {
    Plan::LimitTarget(target);
    SCOPED_TRACE(std::string(target));
    EXPECT_EQ(Plan::Target(), target);
    use(target == targets.front());
  }
  Plan::LimitTarget(targets.front());
}

}  // namespace copse::test
