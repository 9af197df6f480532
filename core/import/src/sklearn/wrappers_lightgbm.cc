#include "sklearn/wrappers_lightgbm.h"

#include <algorithm>

#include "text.h"

namespace copse::importer::sklearn {
namespace {

// The whole number that the line `key=` of the header holds; `otherwise` without one.
std::uint64_t NumberOf(std::string_view header, std::string_view key, std::uint64_t otherwise) {
  const std::size_t at = header.find(key);
  if (at == std::string_view::npos) return otherwise;
  std::uint64_t number = 0;
  std::size_t n_digits = 0;
  for (std::size_t i = at + key.size(); i < header.size(); ++i, ++n_digits) {
    if (header[i] < '0' || header[i] > '9' || n_digits == 9) break;
    number = number * 10 + static_cast<std::uint64_t>(header[i] - '0');
  }
  return n_digits > 0 ? number : otherwise;
}

// Position of the first tree that is not kept: `Tree=n` at the start of a line.
std::size_t FindTree(std::string_view text, std::uint64_t n) {
  return text.find(text::Concat({"\nTree=", n, "\n"}));
}

// The line `tree_sizes=` with its first `n` numbers only.
std::string ShortenSizes(std::string_view header, std::uint64_t n) {
  constexpr std::string_view kKey = "\ntree_sizes=";
  const std::size_t begin = header.find(kKey);
  if (begin == std::string_view::npos) return std::string(header);
  const std::size_t end = std::min(header.find('\n', begin + 1), header.size());
  std::size_t at = begin + kKey.size();
  for (std::uint64_t i = 0; i < n && at < end; ++i) {
    at = std::min(header.find(' ', at + (i > 0 ? 1 : 0)), end);
  }
  return text::Concat({header.substr(0, at), header.substr(end)});
}

std::uint64_t CountTrees(std::string_view text) {
  constexpr std::string_view kTree = "\nTree=";
  std::uint64_t n = 0;
  for (auto at = text.find(kTree); at != std::string_view::npos; at = text.find(kTree, at + 1)) ++n;
  return n;
}

}  // namespace

std::optional<Shortened> KeepIterations(std::string_view text, std::uint64_t n_iterations) {
  const std::size_t first = FindTree(text, 0);
  if (first == std::string_view::npos) return std::nullopt;
  const std::string_view header = text.substr(0, first);
  const std::uint64_t n_classes = NumberOf(header, "\nnum_class=", 1);
  const std::uint64_t per_iteration =
      std::max<std::uint64_t>(NumberOf(header, "\nnum_tree_per_iteration=", n_classes), 1);
  const std::size_t cut = FindTree(text, n_iterations * per_iteration);
  // Texts of before 2.3 have no such line; there the importances follow.
  const std::size_t end = text.find("\nend of trees");
  const std::size_t rest = end != std::string_view::npos ? end : text.find("\nfeature importances");
  if (cut == std::string_view::npos || cut < first || rest == std::string_view::npos ||
      rest < cut) {
    return std::nullopt;
  }
  Shortened shortened;
  shortened.n_before = CountTrees(text) / per_iteration;
  shortened.text = ShortenSizes(header, n_iterations * per_iteration);
  shortened.text += text.substr(first, cut - first);
  shortened.text += text.substr(rest);
  return shortened;
}

}  // namespace copse::importer::sklearn
