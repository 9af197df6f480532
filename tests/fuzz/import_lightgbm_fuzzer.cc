// Any bytes at all as a LightGBM text: refused with a sentence, or a model that predicts, describes
// itself and is written to a file that reads as itself.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "check_import.h"
#include "sources.h"

namespace {

void Check(std::span<const std::uint8_t> bytes) {
  copse::ImportOptions options;
  options.leaf_ids = bytes.size() % 2 == 0;
  copse::test::CheckImport(copse::importer::ImportLightgbm(bytes, options));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Check({data, size});
  // No mutation keeps the sizes of the trees right: once more with their key out of sight.
  constexpr std::string_view kKey = "tree_sizes=";
  std::vector<std::uint8_t> bytes(data, data + size);
  const auto key = std::search(bytes.begin(), bytes.end(), kKey.begin(), kKey.end());
  if (key == bytes.end()) return 0;
  *key = 'T';
  Check(bytes);
  return 0;
}
