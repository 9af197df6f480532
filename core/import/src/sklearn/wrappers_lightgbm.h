#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace copse::importer::sklearn {

/// A LightGBM model text without its last trees.
struct Shortened {
  std::string text;
  std::uint64_t n_before = 0;  ///< iterations that the whole text has
};

/// `text` with the trees of its first `n_iterations` only: what save_model(num_iteration=...)
/// writes, as far as a prediction needs it. Nothing when it has no more, or is no such text.
std::optional<Shortened> KeepIterations(std::string_view text, std::uint64_t n_iterations);

}  // namespace copse::importer::sklearn
