// Any bytes at all: refused with a sentence, or a model that predicts, describes itself and is
// written to a file that reads as itself.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "check.h"
#include "copse/model_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  copse::test::CheckModel(copse::ReadModel({data, size}));
  // No mutation finds a right checksum: once more with its key out of sight.
  constexpr std::string_view kKey = "\"sha256\"";
  std::vector<std::uint8_t> bytes(data, data + size);
  const auto key = std::search(bytes.begin(), bytes.end(), kKey.begin(), kKey.end());
  if (key == bytes.end()) return 0;
  key[1] = 'S';
  copse::test::CheckModel(copse::ReadModel(bytes));
  return 0;
}
