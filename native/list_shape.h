#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace copse {

/// How nested lists of elements are, as far as they are regular.
class ListShape {
 public:
  /// A list begins or ends, or an element stands, inside `depth` lists (1: in the outermost).
  void Begin(std::size_t depth);
  void End(std::size_t depth);
  void Element(std::size_t depth);

  /// All lists of a depth have one length, and all elements stand at one depth.
  bool is_regular() const {
    return regular_ && element_depth_.value_or(levels_.size()) == levels_.size();
  }
  /// The lengths, the outermost first; of a flat list one.
  std::vector<std::uint64_t> Lengths() const;

 private:
  struct Level {
    std::uint64_t n_now = 0;                ///< of the list that is open
    std::optional<std::uint64_t> n_before;  ///< of those that ended
  };

  std::vector<Level> levels_;
  std::optional<std::size_t> element_depth_;
  bool regular_ = true;
};

}  // namespace copse
