#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "copse/forest.h"

namespace copse {

namespace plan {
class Layout;
struct Columns;
struct Form;
struct Shape;
}  // namespace plan

/// The forms in which trees can be evaluated; each gives the same bits.
enum class LayoutKind : std::uint8_t {
  kPlainWalk,   ///< the trees as the file holds them
  kNode8,       ///< eight-byte nodes, several rows or trees in flight
  kSlot4,       ///< four-byte nodes in pages
  kLaneSelect,  ///< one byte lane a row, a whole tree by compare and select
  kBitWalk,     ///< all tests of a small tree at once, then a walk over bits
  kLeafMatch,   ///< all tests of a small tree at once, then the one leaf that fits
  kGroups,      ///< groups of consecutive trees, each in the forms above that are best for it
};
/// "plain_walk" "node8" "slot4" "lane_select" "bit_walk" "leaf_match" "groups".
std::string_view LayoutName(LayoutKind kind);

/// A Forest compiled for speed: what each row and each batch is evaluated with is chosen from its
/// shape by fixed rules, never by timing. Immutable; safe to
/// share between threads. Evaluation cannot fail and gives the bits of Forest::PredictMargins.
class Plan {
 public:
  struct Options {
    /// Only these layouts, where the trees fit them (else the plain walk): for tests and timing.
    /// Empty: the rules choose.
    std::vector<LayoutKind> only = {};
    /// What the compiled form may take, in all; 0: three times the forest, and at least 1 MiB.
    std::size_t bytes_max = 0;
  };

  /// How a number of rows is evaluated.
  struct Choice {
    std::size_t rows_min = 1;  ///< from so many rows on, up to the next choice
    LayoutKind layout = LayoutKind::kPlainWalk;
    /// Rows come in groups of so many; fewer than rows_min of the last group are evaluated by the
    /// choice before. 0: all of them are by this one.
    std::size_t rows_step = 0;
  };

  /// `forest` must outlive the plan, and stay where it is.
  Plan(const Forest& forest, const Options& options);
  explicit Plan(const Forest& forest) : Plan(forest, Options{}) {}
  Plan(Plan&&) noexcept;
  Plan& operator=(Plan&&) noexcept;
  ~Plan();

  /// As Forest::PredictMargins, bit for bit. Up to 1,024 rank columns and 64 outputs, one row
  /// allocates nothing.
  void PredictMargins(std::span<const double> rows, std::span<double> margins) const;
  void PredictMargins(std::span<const float> rows, std::span<double> margins) const;

  std::span<const Choice> choices() const { return choices_; }  ///< rising rows_min, the first 1
  std::string Reason(std::size_t choice) const;  ///< a sentence with the numbers that decided
  std::size_t bytes() const;                     ///< memory beside the forest's own
  /// The instruction set that the kernels were compiled for: "AVX3_DL", "AVX2", "WASM", ...
  static std::string_view Target();
  /// What the processor can run, best first, and a way to run less (for tests and timing): plans
  /// made afterwards use `target` or the best below it. Not thread-safe.
  static std::vector<std::string_view> Targets();
  static void LimitTarget(std::string_view target);

 private:
  /// The position in `layouts_` of `kind`, made now if it is not there, or of what fits instead.
  std::size_t Make(LayoutKind kind, const plan::Columns* columns, std::size_t bytes_max,
                   bool with_fallbacks);
  /// The same, without anything instead.
  std::optional<std::size_t> TryMake(LayoutKind kind, const plan::Columns* columns,
                                     std::size_t bytes_max);
  template <class Number>
  void Predict(std::span<const Number> rows, std::span<double> margins) const;

  struct Made {
    LayoutKind kind = LayoutKind::kPlainWalk;
    std::unique_ptr<plan::Layout> layout;  // null for the plain walk
  };

  const Forest* forest_;
  std::size_t bytes_max_ = 0;
  std::unique_ptr<plan::Shape> shape_;
  std::vector<Made> layouts_;
  std::vector<Choice> choices_;
  std::vector<plan::Form> forms_;   // of each choice
  std::vector<LayoutKind> wanted_;  // of each choice, before it had to fit
};

}  // namespace copse
