#include "plan/sibling_order.h"

namespace copse::plan {

void SiblingOrder::Arrange(const ForestParts& parts, std::int32_t root) {
  items_.assign(1, root);
  steps_.assign(1, 0);
  waiting_.clear();
  if (root >= 0) waiting_.push_back(0);
  for (std::size_t i = 0; i < waiting_.size(); ++i) FillLine(parts, waiting_[i]);
}

void SiblingOrder::FillLine(const ForestParts& parts, std::size_t first) {
  line_.assign(1, static_cast<std::uint32_t>(first));
  std::size_t room = first == 0 ? slots_per_line_ - 1 : slots_per_line_;
  for (std::size_t i = 0; i < line_.size(); ++i) {
    const std::uint32_t parent = line_[i];
    if (room < 2) {
      waiting_.push_back(parent);
      continue;
    }
    room -= 2;
    const auto node = static_cast<std::size_t>(items_[parent]);
    steps_[parent] = static_cast<std::uint32_t>(items_.size() - parent);
    for (const std::int32_t child : {parts.left[node], parts.right[node]}) {
      if (child >= 0) line_.push_back(static_cast<std::uint32_t>(items_.size()));
      items_.push_back(child);
      steps_.push_back(0);
    }
  }
}

}  // namespace copse::plan
