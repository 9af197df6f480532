#include <algorithm>

#include "copse/explain.h"
#include "explain/covers.h"

namespace copse {
namespace {

// The categories of set number `set` of the file.
std::vector<std::uint32_t> Listed(const ForestParts& parts, std::size_t set) {
  std::vector<std::uint32_t> listed;
  const std::uint32_t begin = parts.cat_begin[set];
  for (std::uint32_t word = begin; word < parts.cat_begin[set + 1]; ++word) {
    for (std::uint32_t bit = 0; bit < 32; ++bit) {
      if (((parts.cat_words[word] >> bit) & 1) != 0) listed.push_back(32 * (word - begin) + bit);
    }
  }
  return listed;
}

// Takes leaves on, in the order of their places.
class Leaves {
 public:
  Leaves(const ForestParts& parts, TreeView& view) : parts_(parts), view_(view) {}

  std::int32_t Place(std::int32_t child, std::size_t begin) {
    if (child >= 0) return static_cast<std::int32_t>(static_cast<std::size_t>(child) - begin);
    const std::uint32_t leaf = ~static_cast<std::uint32_t>(child);
    const std::size_t first = explain::FirstValue(parts_, leaf);
    for (std::size_t k = 0; k < parts_.leaf_width; ++k) {
      view_.leaf_values.push_back(At(parts_.leaf_value, first + k));
    }
    if (Count(parts_.leaf_cover) > 0) view_.leaf_cover.push_back(At(parts_.leaf_cover, leaf));
    return ~n_++;
  }

 private:
  const ForestParts& parts_;
  TreeView& view_;
  std::int32_t n_ = 0;
};

// As explain::NodeCovers, of one tree.
void ViewCovers(const ForestParts& parts, std::size_t begin, TreeView& view) {
  if (view.leaf_cover.empty()) return;
  view.cover.resize(view.left.size());
  const auto of = [&](std::int32_t child) {
    return child >= 0 ? view.cover[static_cast<std::size_t>(child)]
                      : view.leaf_cover[~static_cast<std::uint32_t>(child)];
  };
  for (std::size_t n = view.cover.size(); n-- > 0;) {
    view.cover[n] = Count(parts.node_cover) > 0 ? At(parts.node_cover, begin + n)
                                                : of(view.left[n]) + of(view.right[n]);
  }
}

}  // namespace

TreeView ViewTree(const Forest& forest, std::size_t tree) {
  const ForestParts& parts = forest.parts();
  const std::size_t begin = parts.tree_begin[tree], end = parts.tree_begin[tree + 1];
  TreeView view;
  Leaves leaves(parts, view);
  if (parts.tree_root[tree] < 0) leaves.Place(parts.tree_root[tree], begin);
  for (std::size_t n = begin; n < end; ++n) {
    view.feature.push_back(parts.feature[n]);
    view.threshold.push_back(At(parts.threshold, n));
    view.flags.push_back(parts.flags[n]);
    view.left.push_back(leaves.Place(parts.left[n], begin));
    view.right.push_back(leaves.Place(parts.right[n], begin));
  }
  view.listed.resize(end - begin);
  const auto first = std::lower_bound(parts.cat_node.begin(), parts.cat_node.end(), begin);
  for (auto at = first; at != parts.cat_node.end() && *at < end; ++at) {
    view.listed[*at - begin] = Listed(parts, static_cast<std::size_t>(at - parts.cat_node.begin()));
  }
  ViewCovers(parts, begin, view);
  if (!parts.tree_output.empty()) view.output = parts.tree_output[tree];
  return view;
}

}  // namespace copse
