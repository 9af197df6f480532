#include "list_shape.h"

namespace copse {

void ListShape::Begin(std::size_t depth) {
  if (depth > 1) ++levels_[depth - 2].n_now;
  if (levels_.size() < depth) levels_.resize(depth);
  levels_[depth - 1].n_now = 0;
}

void ListShape::End(std::size_t depth) {
  Level& level = levels_[depth - 1];
  if (level.n_before && *level.n_before != level.n_now) regular_ = false;
  level.n_before = level.n_now;
}

void ListShape::Element(std::size_t depth) {
  ++levels_[depth - 1].n_now;
  if (element_depth_.value_or(depth) != depth) regular_ = false;
  element_depth_ = depth;
}

std::vector<std::uint64_t> ListShape::Lengths() const {
  std::vector<std::uint64_t> lengths;
  for (const Level& level : levels_) lengths.push_back(level.n_before.value_or(0));
  return lengths;
}

}  // namespace copse
