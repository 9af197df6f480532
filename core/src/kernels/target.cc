// Which instruction set the kernels run with. Highway's library keeps the choice.
#include <hwy/highway.h>

#include <algorithm>

#include "copse/plan.h"

namespace copse {

std::string_view Plan::Target() { return Targets().front(); }

#if (HWY_TARGETS & (HWY_TARGETS - 1)) == 0  // one only, known when this is compiled
std::vector<std::string_view> Plan::Targets() { return {hwy::TargetName(HWY_TARGETS)}; }
void Plan::LimitTarget(std::string_view) {}
#else
std::vector<std::string_view> Plan::Targets() {
  std::vector<std::string_view> names;
  for (const auto target : hwy::SupportedAndGeneratedTargets()) {
    names.emplace_back(hwy::TargetName(target));
  }
  return names;
}

void Plan::LimitTarget(std::string_view target) {
  // A target is one bit; those for newer processors are lower ones.
  hwy::SetSupportedTargetsForTest(0);
  for (const auto each : hwy::SupportedAndGeneratedTargets()) {
    if (target != hwy::TargetName(each)) continue;
    hwy::SetSupportedTargetsForTest(hwy::SupportedTargets() & ~(each - 1));
    break;
  }
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}
#endif

}  // namespace copse
