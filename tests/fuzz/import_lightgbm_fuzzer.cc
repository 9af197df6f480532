// Any bytes at all as a LightGBM text: refused with a sentence, or a model that predicts, describes
// itself and is written to a file that reads as itself.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "copse/import.h"
#include "exercise_model.h"
#include "sources.h"

namespace {

void Demand(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "import_lightgbm_fuzzer: %s\n", what.c_str());
  std::abort();
}

void CheckRefusal(const copse::Error& error) {
  const std::string& message = error.message;
  Demand(!message.empty() && message.size() <= 600, "a message of another length: " + message);
  Demand(std::none_of(message.begin(), message.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20; }),
         "a control character in a message");
}

void Check(std::span<const std::uint8_t> bytes) {
  copse::ImportOptions options;
  options.leaf_ids = bytes.size() % 2 == 0;
  auto imported = copse::importer::ImportLightgbm(bytes, options);
  if (!imported.ok()) return CheckRefusal(imported.error());
  const auto model = copse::importer::Finish(*std::move(imported), std::string(64, '0'));
  if (!model.ok()) return CheckRefusal(model.error());
  copse::test::PredictOddRows(*model);
  const std::string flaw = copse::test::FindFlaw(*model);
  Demand(flaw.empty(), flaw);
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
